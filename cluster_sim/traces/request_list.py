"""Reads a CSV list of requests: `time_s,op,offset,size`."""

import csv
import re
from pathlib import Path
from typing import Final

from cluster_sim.integers import NS_PER_S
from cluster_sim.traces.log import FOUND_LENGTH_MAX, RequestRows
from cluster_sim.traces.requests import RequestTrace
from cluster_sim.traces.table import TraceError, not_text

REQUEST_COLUMNS: Final = ("time_s", "op", "offset", "size")
_SECONDS: Final = re.compile(r"(?P<whole>[0-9]{1,10})(?:\.(?P<ns>[0-9]{1,9})0{0,31})?", re.ASCII)
_IS_WRITE: Final = {"read": False, "R": False, "write": True, "W": True}


def read_request_list(path: Path) -> RequestTrace:
    """Return the rows of a list in their order; decimal seconds become nanoseconds exactly. Raises TraceError."""
    rows = RequestRows(path, line=1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            if tuple(header) != REQUEST_COLUMNS:
                raise rows.refused(",".join(header)[:80] or "nothing", ",".join(REQUEST_COLUMNS))
            for cells in lines:
                rows.line = lines.line_num
                _take(cells, rows)
    except UnicodeDecodeError as error:
        raise not_text(path) from error
    except csv.Error as error:
        raise TraceError(path, str(error), "a row of four values", at=f"line {rows.line + 1}") from error
    return rows.trace("csv", {})


def _take(cells: list[str], rows: RequestRows) -> None:
    """Take one row's cells, or say which is wrong."""
    if len(cells) != len(REQUEST_COLUMNS):
        raise rows.refused(f"{len(cells)} values", "four values")
    time, op, offset, size = cells
    seconds = _SECONDS.fullmatch(time)
    if seconds is None:
        found = f"time_s {time[:FOUND_LENGTH_MAX]!r}"
        raise rows.refused(found, "seconds such as 0.041667, with no more than nanoseconds")
    if op not in _IS_WRITE:
        raise rows.refused(f"op {op[:FOUND_LENGTH_MAX]!r}", ", ".join(_IS_WRITE))
    rows.add(
        at_ns=int(seconds["whole"]) * NS_PER_S + int((seconds["ns"] or "").ljust(9, "0")),
        offset_bytes=rows.number("offset", offset),
        size_bytes=rows.number("size", size),
        is_write=_IS_WRITE[op],
        target="",
    )
