"""Which reader a file is for: by its extension, a list's first line, or what a log begins with."""

import csv
from enum import StrEnum
from pathlib import Path
from typing import Final

from cluster_sim.traces.blkparse import INPUT_NOTE, ROW
from cluster_sim.traces.container import CONTAINERS
from cluster_sim.traces.fio import FIRST_LINES
from cluster_sim.traces.log import FOUND_LENGTH_MAX
from cluster_sim.traces.table import TraceError

_BEGINNING_BYTES: Final = 4096
_LOGS: Final = f"{' or '.join(FIRST_LINES)}, or a row of blkparse"


class TraceFormat(StrEnum):
    """What a file is read as: a video or list of its frames, or one of the logs of requests."""

    FRAMES = "frames"
    FIO = "fio"
    BLKPARSE = "blkparse"
    CSV = "csv"


def check_is_file(path: Path, allowed: str) -> None:
    """Raise TraceError for what cannot be read from its beginning to its end."""
    if not path.is_file():
        found = "a directory" if path.is_dir() else "a special file" if path.exists() else "no file"
        raise TraceError(path, found, allowed)


def format_of(path: Path) -> TraceFormat:
    """Tell the format of a file, by extension for videos and by content for all else; raises TraceError."""
    suffix = path.suffix.lower()
    check_is_file(path, f"a file: {', '.join((*CONTAINERS, '.csv'))} or a log of requests")
    if suffix in CONTAINERS:
        return TraceFormat.FRAMES
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING_BYTES)
    except OSError as error:
        raise TraceError(path, error.strerror or str(error), "a file that can be read") from error
    first = next(iter(beginning.decode("utf-8-sig", errors="replace").splitlines()), "")
    if suffix == ".csv":
        return TraceFormat.CSV if "offset" in next(csv.reader([first]), []) else TraceFormat.FRAMES
    if first in FIRST_LINES:
        return TraceFormat.FIO
    if ROW.fullmatch(first) or INPUT_NOTE.fullmatch(first):
        return TraceFormat.BLKPARSE
    found = repr(first[:FOUND_LENGTH_MAX]) if first else "nothing"
    raise TraceError(path, found, f"{_LOGS}; --format reads a file as what it is", at="line 1")
