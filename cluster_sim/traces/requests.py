"""The Arrow form of a trace of block or network requests: one row a request, in the order of submission."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cluster_sim.integers import Int64s
from cluster_sim.traces.table import (
    SIZE_BYTES_MAX,
    TraceError,
    TraceKind,
    column_of,
    described_schema,
    is_marked,
    marked_metadata,
    read_table,
    write_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

OFFSET_BYTES_MAX: Final = 2**62
AT_NS_MAX: Final = 9 * 10**18
_TEXTS: Final = ("title", "source", "licence", "attribution", "log_format", "left_out", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOrigin:
    """Whose requests a trace was made from; empty or 0 where that is not known.

    `left_out` says which lines of the log are no requests of the trace, how many, and why. `target_count` is how
    many files or devices the requests went to: offsets count from the beginning of each.
    """

    title: str = ""
    source: str = ""
    licence: str = ""
    attribution: str = ""
    log_format: str = ""
    left_out: str = ""
    sha256: str = ""
    target_count: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RequestTrace:
    """Requests in the order of submission, as read-only arrays of equal length.

    Times are nanoseconds from the first request, which is at 0, and never run back.
    """

    origin: RequestOrigin
    at_ns: Int64s
    offset_bytes: Int64s
    size_bytes: Int64s
    is_write: NDArray[np.bool_]

    @property
    def request_count(self) -> int:
        """How many requests there are, at least one."""
        return len(self.at_ns)

    @property
    def write_count(self) -> int:
        """How many of them write."""
        return int(np.count_nonzero(self.is_write))

    @property
    def has_times(self) -> bool:
        """Whether the log told when requests were submitted; without, all lie at 0."""
        return bool(self.at_ns.any())

    @property
    def duration_ns(self) -> int:
        """From the first submission to the last."""
        return int(self.at_ns[-1])

    @property
    def total_bytes(self) -> int:
        """All that is read and written."""
        return int(self.size_bytes.sum())

    @property
    def write_bytes(self) -> int:
        """All that is written."""
        return int(self.size_bytes[self.is_write].sum())

    @property
    def end_bytes(self) -> int:
        """Where the request that reaches furthest ends: the smallest target that holds them all."""
        return int((self.offset_bytes + self.size_bytes).max())

    @property
    def size_bytes_max(self) -> int:
        """The largest request."""
        return int(self.size_bytes.max())

    def size_bytes_quantile(self, quantile: float) -> int:
        """Return the smallest request size that this share of the requests does not exceed."""
        return int(np.quantile(self.size_bytes, quantile, method="inverted_cdf"))


def checked_requests(trace: RequestTrace, path: Path) -> RequestTrace:
    """Return the trace with its arrays made read-only, or say which row of the file cannot be."""
    if trace.request_count == 0:
        raise TraceError(path, "no requests", "one request or more")
    if trace.at_ns[0] != 0:
        raise TraceError(path, str(trace.at_ns[0]), "0 for the first request", at="row 0, at_ns")
    runs_back = np.concatenate([[False], trace.at_ns[1:] < trace.at_ns[:-1]])
    wrong_offset = (trace.offset_bytes < 0) | (trace.offset_bytes > OFFSET_BYTES_MAX)
    wrong_size = (trace.size_bytes < 1) | (trace.size_bytes > SIZE_BYTES_MAX)
    for column, values, wrong, allowed in (
        ("at_ns", trace.at_ns, runs_back, "a time that is not before the request above"),
        ("at_ns", trace.at_ns, trace.at_ns > AT_NS_MAX, f"{AT_NS_MAX} ns at most"),
        ("offset_bytes", trace.offset_bytes, wrong_offset, f"0 to {OFFSET_BYTES_MAX} bytes"),
        ("size_bytes", trace.size_bytes, wrong_size, f"1 to {SIZE_BYTES_MAX} bytes"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise TraceError(path, str(values[row]), allowed, at=f"row {row}, {column}")
    for array in (trace.at_ns, trace.offset_bytes, trace.size_bytes, trace.is_write):
        array.setflags(write=False)
    return trace


@cache
def request_schema() -> "pa.Schema":
    """Return the columns of a trace file, each with its unit and meaning in its metadata."""
    import pyarrow as pa

    return described_schema(
        (
            ("at_ns", pa.int64(), "ns", "when the request is submitted, from the first one"),
            ("offset_bytes", pa.int64(), "bytes", "where it begins in its file or device"),
            ("size_bytes", pa.int64(), "bytes", "how much it reads or writes"),
            ("is_write", pa.bool_(), "true or false", "it writes; otherwise it reads"),
        )
    )


def write_requests(trace: RequestTrace, path: Path) -> None:
    """Write a trace as Parquet, whole or not at all."""
    import pyarrow as pa

    texts = {name: text for name in _TEXTS if (text := getattr(trace.origin, name))}
    numbers = {"target_count": str(trace.origin.target_count), "has_times": str(trace.has_times).lower()}
    columns = [trace.at_ns, trace.offset_bytes, trace.size_bytes, trace.is_write]
    schema = request_schema().with_metadata(marked_metadata(TraceKind.REQUESTS, {**texts, **numbers}))
    write_table(pa.Table.from_arrays(columns, schema=schema), path)


def read_requests(path: Path) -> RequestTrace:
    """Read a trace file and check every row of it; raises TraceError."""
    table = read_table(path, TraceKind.REQUESTS)
    if not is_marked(table, TraceKind.REQUESTS):
        raise TraceError(path, "a table without the mark of requests", "what `trace import` writes", at="metadata")
    column = {field.name: column_of(table, field, path) for field in request_schema()}
    metadata = {
        key.decode(errors="replace"): text.decode(errors="replace") for key, text in table.schema.metadata.items()
    }
    trace = checked_requests(
        RequestTrace(
            origin=_from_metadata(metadata, path),
            at_ns=column["at_ns"].to_numpy(),
            offset_bytes=column["offset_bytes"].to_numpy(),
            size_bytes=column["size_bytes"].to_numpy(),
            is_write=column["is_write"].to_numpy(),
        ),
        path,
    )
    expected = str(trace.has_times).lower()
    if metadata.get("has_times") != expected:
        found = metadata.get("has_times", "nothing")
        raise TraceError(path, found, f"{expected}, as column at_ns tells", at="metadata, has_times")
    return trace


def _from_metadata(metadata: dict[str, str], path: Path) -> RequestOrigin:
    """Read schema metadata back; keys of other programs are left alone."""
    target_count = metadata.get("target_count", "0")
    if not (target_count.isascii() and target_count.isdigit()):
        raise TraceError(path, target_count, "a whole number", at="metadata, target_count")
    return RequestOrigin(**{name: metadata.get(name, "") for name in _TEXTS}, target_count=int(target_count))
