"""What several commands share: the workload argument, overrides, refusing bad input, the console."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for all tables when it is a pipe."""
    return Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
