"""What several commands share: the workload argument, overrides, refusing bad input, logging, the console."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster_sim.planning.load_checked import load_checked
from cluster_sim.platform.cost_tables import read_tables
from cluster_sim.platform.provenance import CostLibrary, ProvenanceError
from cluster_sim.platform.scenario_profile import overrides_of
from cluster_sim.refusal import InputError, Refusal
from cluster_sim.results.storage import Storage
from cluster_sim.scenario.load import Experiment

BAD_INPUT = 2
FAILED = 1
PIPED_WIDTH = 190

Workload = Annotated[Path, typer.Argument(help="A workload file, or the name of a shipped one.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Replace a field, such as guests.raw.vcpus=4. May be repeated."),
]
Profiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--profile",
        metavar="FILE",
        help="Costs over the shipped ones, such as `calibrate` writes. May be repeated: later ones win.",
    ),
]


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Tell what is wrong with the input, all of it, and exit with 2."""
    try:
        yield
    except InputError as error:
        typer.echo(error, err=True)
        raise typer.Exit(BAD_INPUT) from None


def experiment_of(workload: Path, sets: list[str] | None, profiles: list[Path] | None = None) -> Experiment:
    """The experiment that a command is given: its definition, with costs of profiles under its own."""
    return load_checked(workload, sets or (), overrides_of(read_profiles(profiles or [])))


def read_profiles(files: list[Path]) -> CostLibrary:
    """Costs of some files, later ones over earlier ones; ProvenanceError tells all that is wrong with all of them."""
    tables, refusals = [], []
    for file in files:
        try:
            tables.append((str(file), file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text"
            refusals.append(Refusal(str(file), reason, "a table of costs, such as `calibrate` writes"))
    try:
        found = read_tables(tables)
    except ProvenanceError as error:
        raise ProvenanceError.of([*refusals, *error.refusals]) from None
    if refusals:
        raise ProvenanceError.of(refusals)
    return found


def logging_to_terminal(level: str) -> None:
    """Tell what the program logs from a level on, one plain line each, on standard error."""
    logger = logging.getLogger("cluster_sim")
    logger.setLevel(level.upper())
    if not logger.handlers:
        logger.addHandler(logging.StreamHandler(sys.stderr))
    for handler in logger.handlers:
        handler.setLevel(level.upper())


def shown_path(storage: Storage) -> str:
    """Where a run lies, as one would type it from here."""
    if not storage.is_local:
        return storage.uri
    path = storage.local_path
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def console() -> Console:
    """Standard output: as wide as the terminal or COLUMNS say, or wide enough for all tables when it is a pipe."""
    is_told = os.environ.get("COLUMNS", "").isdecimal()
    return Console() if sys.stdout.isatty() or is_told else Console(width=PIPED_WIDTH)
