"""What commands that run studies share: their options, progress, and how they end."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cluster_sim.analysis.studies.point_evaluator import Progress as Reached
from cluster_sim.cli.options import FAILED, refusing_bad_input
from cluster_sim.experiments.driver import Executor
from cluster_sim.runtime import compile_ahead
from cluster_sim.runtime.failures import RunFailedError

Study = TypeVar("Study")
RESULTS = Path("results")

ResultsDirectory = Annotated[Path, typer.Option(help="Directory of all results.")]
OnWhat = Annotated[Executor, typer.Option(help="On a Ray of its own, or in this process.")]
Actors = Annotated[int | None, typer.Option(min=1, max=256, help="Actors that evaluate points; by default one a CPU.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a study of the same definition and options.")]
GroupName = Annotated[
    str | None, typer.Option(help="Guest group whose figures count; by default all, or the varied one.")
]


def with_progress(study: Callable[[Callable[[Reached], None]], Study], again: str = "with --resume ") -> Study:
    """Make a study behind a progress bar; bad input ends it with 2, Ctrl-C and a failed point with 1.

    `again` says with what the same command goes on.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    errors = Console(stderr=True)
    if compile_ahead.is_first_use():
        typer.echo("First use of this version: compiling the engine takes some 15 s and is kept.", err=True)
    try:
        with (
            refusing_bad_input(),
            Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as progress,
        ):
            task = progress.add_task("starting", total=None)

            def on_progress(reached: Reached) -> None:
                progress.update(task, description=reached.stage, completed=reached.done, total=reached.total)

            return study(on_progress)
    except KeyboardInterrupt:
        typer.echo(f"interrupted: its points are kept, the same command {again}goes on", err=True)
        raise typer.Exit(FAILED) from None
    except RunFailedError as error:
        typer.echo(f"{error}; the other points are kept", err=True)
        raise typer.Exit(FAILED) from None
