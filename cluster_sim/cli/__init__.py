"""`cluster-sim`: one file a command group, no logic of its own.

Exit codes: 0 done, 1 a run failed, 2 bad input.
"""

import typer

from cluster_sim.cli import compare, explain, run, trace, workload

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Simulates how protected virtual machines move data.",
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("explain")(explain.explain)
app.add_typer(workload.app, name="workload")
app.add_typer(trace.app, name="trace")


def main() -> None:
    """Run the command line."""
    app()
