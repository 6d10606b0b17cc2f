"""`cluster-sim run`: run an experiment, print the comparison and where the tables lie."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from cluster_sim.actors import driver
from cluster_sim.actors.driver import Executor, Finished, run_experiment
from cluster_sim.analysis.comparison import compare
from cluster_sim.analysis.guest_memory import fault_rows, memory_rows
from cluster_sim.cli.options import FAILED, Sets, Workload, console, load_checked, refusing_bad_input
from cluster_sim.report.comparison import comparison
from cluster_sim.report.guest_memory import guest_memory
from cluster_sim.results.reader import open_results
from cluster_sim.scenario.load import Experiment


def run(
    workload: Workload,
    *,
    results: Annotated[Path, typer.Option(help="Directory of all results.")] = Path("results"),
    name: Annotated[str | None, typer.Option(help="Name of this run; by default the time.")] = None,
    sets: Sets = None,
    executor: Annotated[Executor, typer.Option(help="On a Ray of its own, or in this process.")] = "ray",
    actors: Annotated[int | None, typer.Option(min=1, max=256, help="Shards of hosts; by default one a CPU.")] = None,
) -> None:
    """Run a workload and compare its variants."""
    began = time.perf_counter()
    with refusing_bad_input():
        experiment = load_checked(workload, sets)
    out = console()
    if driver.is_first_use():
        out.print("First use of this version: compiling the engine takes about half a minute and is kept.")
    with refusing_bad_input():
        finished = run_with_progress(experiment, results, executor, actors, name)
    opened = open_results(finished.directory)
    out.print(Text(experiment.spec.question.strip() + "\n", "bold"))
    out.print(comparison(compare(opened), dict(experiment.spec.baseline)))
    out.print(guest_memory(memory_rows(opened), fault_rows(opened)))
    seconds = time.perf_counter() - began
    out.print(
        f"\n{finished.frames:,} frames in {seconds:.1f} s. Tables: {finished.directory}/{{transfers,guests,…}}, "
        f"fingerprint {finished.fingerprint[:16]}.\n"
        f"Again: cluster-sim compare {finished.directory} · step by step: cluster-sim explain {workload}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def run_with_progress(
    experiment: Experiment, results: Path, executor: Executor, actors: int | None, name: str | None
) -> Finished:
    """Run behind a progress bar; Ctrl-C and a run that fails end with what is lost."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    errors = Console(stderr=True)
    try:
        with Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("starting", total=None)

            def on_progress(state: driver.Progress) -> None:
                label = f"{state.run.variant.label} #{state.run.replication}, {state.frames:,} frames"
                progress.update(task, completed=state.done, total=state.total, description=label)

            return run_experiment(
                experiment, results, executor=executor, actors=actors, name=name, on_progress=on_progress
            )
    except KeyboardInterrupt:
        typer.echo("interrupted: finished runs are kept, the rest of this experiment is lost", err=True)
        raise typer.Exit(FAILED) from None
    except driver.RunFailedError as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from None
