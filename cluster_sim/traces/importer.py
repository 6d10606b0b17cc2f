"""Turns a video, a list of frames or a log of requests into a trace in the Arrow form."""

import csv
import hashlib
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from cluster_sim.integers import NS_PER_S
from cluster_sim.traces.blkparse import Action, read_blkparse
from cluster_sim.traces.container import CONTAINERS
from cluster_sim.traces.fio import read_fio
from cluster_sim.traces.formats import TraceFormat, check_is_file
from cluster_sim.traces.frames import FRAME_TYPES, FrameTrace, TraceOrigin, checked, write_frames
from cluster_sim.traces.request_list import read_request_list
from cluster_sim.traces.requests import RequestOrigin, RequestTrace, write_requests
from cluster_sim.traces.table import SIZE_BYTES_MAX, TraceError, not_text
from cluster_sim.traces.video import read_video

CSV_COLUMNS: Final = ("idx", "dts_s", "pts_s", "size", "type", "key")
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SECONDS_MAX: Final = 9 * NS_PER_S


def import_frames(
    source: Path, destination: Path | None, origin: TraceOrigin | None = None, *, decode: bool = True
) -> FrameTrace:
    """Read a .mp4, .mkv, .webm or .csv file into a trace and write it to `destination`, if there is one.

    What `origin` leaves open is taken from the file. `decode` learns each picture's type by decoding it;
    without, key frames count as I, frames shown before one that was sent earlier as B, the rest as P.
    Raises TraceError for any input that is not what it claims to be, whole.
    """
    suffix = source.suffix.lower()
    extensions = ", ".join((*CONTAINERS, ".csv"))
    _check_names(source, destination, f"a file: {extensions}")
    if suffix not in {*CONTAINERS, ".csv"}:
        raise TraceError(source, f"the extension {source.suffix!r}", extensions)
    try:
        trace = read_list(source) if suffix == ".csv" else read_video(source, decode=decode)
        sha256 = _sha256(source)
    except OSError as error:
        raise TraceError(source, error.strerror or str(error), "a file that can be read") from error
    trace = replace(trace, origin=_merged(origin or TraceOrigin(), trace.origin, source, sha256))
    if destination is not None:
        write_frames(trace, destination)
    return trace


def import_requests(
    source: Path,
    destination: Path | None,
    origin: RequestOrigin | None = None,
    *,
    log: TraceFormat,
    action: Action = "Q",
) -> RequestTrace:
    """Read a log of requests into a trace and write it to `destination`, if there is one.

    `log` is one of the formats of requests; `action` is the event that blkparse's rows are taken at. What `origin`
    leaves open is taken from the file. Raises TraceError for any input that is not what it claims to be, whole.
    """
    assert log != TraceFormat.FRAMES
    _check_names(source, destination, "a log of requests")
    try:
        if log == TraceFormat.FIO:
            trace = read_fio(source)
        elif log == TraceFormat.BLKPARSE:
            trace = read_blkparse(source, action)
        else:
            trace = read_request_list(source)
        sha256 = _sha256(source)
    except OSError as error:
        raise TraceError(source, error.strerror or str(error), "a file that can be read") from error
    given = origin or RequestOrigin()
    learnt = replace(
        trace.origin,
        title=given.title or source.stem,
        source=given.source or source.name,
        licence=given.licence,
        attribution=given.attribution,
        sha256=sha256,
    )
    trace = replace(trace, origin=learnt)
    if destination is not None:
        write_requests(trace, destination)
    return trace


def _check_names(source: Path, destination: Path | None, allowed: str) -> None:
    """Raise TraceError for what is no file or would be overwritten."""
    check_is_file(source, allowed)
    if destination is not None and destination.resolve() == source.resolve():
        raise TraceError(destination, "the input itself", "another file to write")


def read_list(path: Path) -> FrameTrace:
    """Read a CSV of `idx,dts_s,pts_s,size,type,key`; decimal seconds become whole nanoseconds exactly."""
    rows = _Rows(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = next(lines, [])
            if tuple(header) != CSV_COLUMNS:
                raise TraceError(path, ",".join(header)[:80] or "nothing", ",".join(CSV_COLUMNS), at="line 1")
            for cells in lines:
                rows.add(cells)
    except UnicodeDecodeError as error:
        raise not_text(path) from error
    except csv.Error as error:
        raise TraceError(path, str(error), "a row of six values", at=f"line {rows.line + 1}") from error
    return rows.trace()


@dataclass
class _Rows:
    """The rows of a list read so far; `line` is the last one's place in the file."""

    path: Path
    line: int = 1
    dts_ns: list[int] = field(default_factory=list)
    pts_ns: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)

    def add(self, cells: list[str]) -> None:
        """Take one row's cells, or say which is wrong."""
        self.line += 1
        if len(cells) != len(CSV_COLUMNS):
            raise TraceError(self.path, f"{len(cells)} values", "six values", at=f"line {self.line}")
        index, dts, pts, size, frame_type, key = cells
        expected = str(len(self.sizes))
        if index != expected:
            raise self._refused("idx", index, f"{expected}: rows count from 0")
        self.dts_ns.append(self._nanoseconds("dts_s", dts))
        self.pts_ns.append(self._nanoseconds("pts_s", pts))
        if not _WHOLE.fullmatch(size):
            raise self._refused("size", size, f"1 to {SIZE_BYTES_MAX} bytes")
        self.sizes.append(int(size))
        if frame_type not in FRAME_TYPES:
            raise self._refused("type", frame_type, "I, P or B")
        self.types.append(FRAME_TYPES.index(frame_type))
        if key not in {"0", "1"}:
            raise self._refused("key", key, "0 or 1")
        self.keys.append(key == "1")

    def trace(self) -> FrameTrace:
        """Return the rows as a trace; a row's line is its index + 2."""
        trace = FrameTrace(
            origin=TraceOrigin(),
            dts_ns=np.array(self.dts_ns, dtype=np.int64),
            pts_ns=np.array(self.pts_ns, dtype=np.int64),
            size_bytes=np.array(self.sizes, dtype=np.int64),
            frame_type=np.array(self.types, dtype=np.int8),
            is_key=np.array(self.keys, dtype=np.bool_),
        )
        return checked(trace, self.path, row="line", first_row=2)

    def _nanoseconds(self, column: str, text: str) -> int:
        """Return decimal seconds as nanoseconds, a half going to the even one."""
        seconds = Fraction(text) if _SECONDS.fullmatch(text) else None
        if seconds is None or abs(seconds) > _SECONDS_MAX:
            raise self._refused(column, text, f"seconds such as 0.041667, {_SECONDS_MAX} at most")
        return round(seconds * NS_PER_S)

    def _refused(self, column: str, found: str, allowed: str) -> TraceError:
        return TraceError(self.path, repr(found[:60]), allowed, at=f"line {self.line}, {column}")


def _merged(given: TraceOrigin, learnt: TraceOrigin, source: Path, sha256: str) -> TraceOrigin:
    """Return what the caller says of the origin, filled up with what the file says."""
    return TraceOrigin(
        title=given.title or learnt.title or source.stem,
        source=given.source or source.name,
        licence=given.licence,
        attribution=given.attribution,
        codec=given.codec or learnt.codec,
        width=given.width or learnt.width,
        height=given.height or learnt.height,
        frame_rate=given.frame_rate or learnt.frame_rate,
        sha256=sha256,
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
