"""What several commands share: the workload argument, overrides, refusing bad input, progress, the console."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cluster_sim.actors import driver
from cluster_sim.actors.checks import checks
from cluster_sim.analysis.comparison import ComparisonError
from cluster_sim.analysis.studies.problems import StudyError
from cluster_sim.results.run_directory import RunDirectoryError
from cluster_sim.scenario.load import Experiment, load
from cluster_sim.scenario.problems import DefinitionError
from cluster_sim.shipped import find_workload

BAD_INPUT = 2
FAILED = 1
PIPED_WIDTH = 190
RUN_REST = "finished runs are kept, the rest of this experiment is lost"

Workload = Annotated[Path, typer.Argument(help="A workload file, or the name of a shipped one.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Replace a field, such as guests.raw.vcpus=4. May be repeated."),
]


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Tell what is wrong with the input, all of it, and exit with 2."""
    try:
        yield
    except DefinitionError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        raise typer.Exit(BAD_INPUT) from None
    except (RunDirectoryError, ComparisonError, StudyError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(BAD_INPUT) from None


def load_checked(workload: Path, sets: list[str] | None) -> Experiment:
    """Read a definition with all checks."""
    return load(find_workload(workload), sets or [], [checks])


@contextmanager
def running(described: str, rest: str = RUN_REST) -> Iterator[Callable[[driver.Progress], None]]:
    """A progress bar for runs; Ctrl-C ends with what becomes of the `rest`, a run that fails with what is lost."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        ) as progress:
            task = progress.add_task(described, total=None)

            def on_progress(state: driver.Progress) -> None:
                label = f"{state.run.variant.label} #{state.run.replication}, {state.frames:,} frames"
                progress.update(task, completed=state.done, total=state.total, description=escape(label))

            yield on_progress
    except KeyboardInterrupt:
        typer.echo(f"interrupted: {rest}", err=True)
        raise typer.Exit(FAILED) from None
    except driver.RunFailedError as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from None


def console() -> Console:
    """Standard output: as wide as the terminal or COLUMNS say, or wide enough for all tables when it is a pipe."""
    is_told = os.environ.get("COLUMNS", "").isdecimal()
    return Console() if sys.stdout.isatty() or is_told else Console(width=PIPED_WIDTH)
