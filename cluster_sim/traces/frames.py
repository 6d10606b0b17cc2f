"""The Arrow form of a video trace: one row a coded frame, in the order in which frames are sent."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cluster_sim.integers import NS_PER_S, Int64s
from cluster_sim.traces.table import (
    SIZE_BYTES_MAX,
    TraceError,
    TraceKind,
    column_of,
    described_schema,
    marked_metadata,
    read_table,
    write_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

FRAME_TYPES: Final = ("I", "P", "B")
"""Picture types; a frame's code is the index of its type in this tuple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOrigin:
    """Whose film a trace was made from and how it was coded; empty or None where that is not known."""

    title: str = ""
    source: str = ""
    licence: str = ""
    attribution: str = ""
    codec: str = ""
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrameTrace:
    """The frames of one video in decoding order, as read-only arrays of equal length.

    Times are nanoseconds on the video's own clock, whose zero is the first picture shown, so that the first
    decoding times may be negative. `frame_type` holds indexes into FRAME_TYPES. All integers are wider than
    the columns they come from, so that sums do not overflow.
    """

    origin: TraceOrigin
    dts_ns: Int64s
    pts_ns: Int64s
    size_bytes: Int64s
    frame_type: NDArray[np.int8]
    is_key: NDArray[np.bool_]

    @property
    def frame_count(self) -> int:
        """How many frames there are, at least one."""
        return len(self.dts_ns)

    @property
    def frame_period_ns(self) -> Fraction:
        """The exact mean distance of decoding times; 0 when a single frame names no frame rate."""
        if self.frame_count == 1:
            rate = self.origin.frame_rate
            return NS_PER_S / rate if rate else Fraction(0)
        return Fraction(int(self.dts_ns[-1]) - int(self.dts_ns[0]), self.frame_count - 1)

    @property
    def duration_ns(self) -> Fraction:
        """How long the frames last, the last one's period included."""
        return self.frame_period_ns * self.frame_count

    @property
    def size_bytes_max(self) -> int:
        """The largest frame."""
        return int(self.size_bytes.max())

    def size_bytes_quantile(self, quantile: float) -> int:
        """Return the smallest frame size that this share of the frames does not exceed."""
        return int(np.quantile(self.size_bytes, quantile, method="inverted_cdf"))

    @property
    def bits_per_second_mean(self) -> float:
        """The mean bit rate over the duration; 0 where no duration is known."""
        duration_ns = self.duration_ns
        return float(8 * NS_PER_S * int(self.size_bytes.sum()) / duration_ns) if duration_ns else 0.0

    def count_of(self, frame_type: str) -> int:
        """Return how many frames are of one of FRAME_TYPES."""
        return int(np.count_nonzero(self.frame_type == FRAME_TYPES.index(frame_type)))


def checked(trace: FrameTrace, path: Path, *, row: str = "row", first_row: int = 0) -> FrameTrace:
    """Return the trace with its arrays made read-only, or say which row of the file cannot be."""
    if trace.frame_count == 0:
        raise TraceError(path, "no frames", "one frame or more")
    wrong_size = (trace.size_bytes < 1) | (trace.size_bytes > SIZE_BYTES_MAX)
    runs_back = np.concatenate([[False], trace.dts_ns[1:] < trace.dts_ns[:-1]])
    for column, values, wrong, allowed in (
        ("size_bytes", trace.size_bytes, wrong_size, f"1 to {SIZE_BYTES_MAX} bytes"),
        ("dts_ns", trace.dts_ns, runs_back, "a time that is not before the frame above"),
    ):
        if wrong.any():
            index = int(wrong.argmax())
            raise TraceError(path, str(values[index]), allowed, at=f"{row} {first_row + index}, {column}")
    for array in (trace.dts_ns, trace.pts_ns, trace.size_bytes, trace.frame_type, trace.is_key):
        array.setflags(write=False)
    return trace


@cache
def frame_schema() -> "pa.Schema":
    """Return the columns of a trace file, each with its unit and meaning in its metadata."""
    import pyarrow as pa

    types = pa.dictionary(pa.int32(), pa.string())
    columns = (
        ("frame_index", pa.int32(), "1", "place in decoding order, from 0"),
        ("dts_ns", pa.int64(), "ns", "when the decoder takes the frame, on the video's clock"),
        ("pts_ns", pa.int64(), "ns", "when the picture is shown, on the video's clock"),
        ("size_bytes", pa.int32(), "bytes", "size of the coded frame"),
        ("frame_type", types, "I, P or B", "coded alone, from earlier pictures, or from both sides"),
        ("is_key", pa.bool_(), "true or false", "decoding can begin at this frame"),
    )
    return described_schema(columns)


def write_frames(trace: FrameTrace, path: Path) -> None:
    """Write a trace as Parquet, whole or not at all."""
    import pyarrow as pa

    types = pa.DictionaryArray.from_arrays(trace.frame_type.astype(np.int32), list(FRAME_TYPES))
    index = np.arange(trace.frame_count, dtype=np.int32)
    sizes = trace.size_bytes.astype(np.int32)
    columns = [index, trace.dts_ns, trace.pts_ns, sizes, types, trace.is_key]
    schema = frame_schema().with_metadata(marked_metadata(TraceKind.FRAMES, _to_metadata(trace.origin)))
    write_table(pa.Table.from_arrays(columns, schema=schema), path)


def read_frames(path: Path) -> FrameTrace:
    """Read a trace file and check every row of it; raises TraceError."""
    table = read_table(path, TraceKind.FRAMES)
    column = {field.name: column_of(table, field, path) for field in frame_schema()}
    trace = FrameTrace(
        origin=_from_metadata(table.schema.metadata or {}, path),
        dts_ns=column["dts_ns"].to_numpy(),
        pts_ns=column["pts_ns"].to_numpy(),
        size_bytes=column["size_bytes"].to_numpy().astype(np.int64),
        frame_type=_type_codes(column["frame_type"], path),
        is_key=column["is_key"].to_numpy(),
    )
    skipped = column["frame_index"].to_numpy() != np.arange(trace.frame_count)
    if skipped.any():
        row = int(skipped.argmax())
        raise TraceError(
            path, str(column["frame_index"][row]), f"{row}: rows count from 0", at=f"row {row}, frame_index"
        )
    return checked(trace, path)


def _type_codes(column: "pa.ChunkedArray", path: Path) -> NDArray[np.int8]:
    """Return picture types as codes; a file's own dictionary may have another order."""
    codes = np.full(len(column), -1, dtype=np.int8)
    names = column.cast("string").to_numpy()
    for code, name in enumerate(FRAME_TYPES):
        codes[names == name] = code
    if (codes < 0).any():
        row = int((codes < 0).argmax())
        raise TraceError(path, str(names[row]), "I, P or B", at=f"row {row}, frame_type")
    return codes


def _to_metadata(origin: TraceOrigin) -> dict[str, str]:
    """Return what is known of a trace's origin as schema metadata."""
    fields = {name: getattr(origin, name) for name in TraceOrigin.__slots__}
    return {name: str(value) for name, value in fields.items() if value}


def _from_metadata(metadata: dict[bytes, bytes], path: Path) -> TraceOrigin:
    """Read schema metadata back; keys of other programs are left alone."""
    texts = {key.decode(errors="replace"): value.decode(errors="replace") for key, value in metadata.items()}
    try:
        return TraceOrigin(
            **{name: texts.get(name, "") for name in ("title", "source", "licence", "attribution")},
            codec=texts.get("codec", ""),
            width=int(texts["width"]) if "width" in texts else None,
            height=int(texts["height"]) if "height" in texts else None,
            frame_rate=Fraction(texts["frame_rate"]) if "frame_rate" in texts else None,
            sha256=texts.get("sha256", ""),
        )
    except (ValueError, ZeroDivisionError) as error:
        raise TraceError(
            path, str(error), "whole width and height, frame_rate such as 30000/1001", at="metadata"
        ) from error
