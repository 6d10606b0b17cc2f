"""`cluster-sim`: one file a command group, no logic of its own.

Exit codes: 0 done, 1 a run failed or the model differs from the kernel, 2 bad input, 3 no kernel to ask.
"""

import typer

from cluster_sim.cli import compare, crossover, explain, oracle, report, run, sensitivity, trace, workload

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Simulates how protected virtual machines move data.",
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.command("crossover")(crossover.crossover)
app.command("sensitivity")(sensitivity.sensitivity)
app.command("oracle")(oracle.oracle)
app.add_typer(workload.app, name="workload")
app.add_typer(trace.app, name="trace")


def main() -> None:
    """Run the command line."""
    app()
