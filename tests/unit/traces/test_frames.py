"""The Arrow form: what is read is what was written, and what cannot be a trace is refused by name."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster_sim.traces.frames import (
    FRAME_TYPES,
    FrameTrace,
    TraceOrigin,
    frame_schema,
    read_frames,
    write_frames,
)
from cluster_sim.traces.table import TraceError, TraceKind, trace_kind

SHIPPED = Path(__file__).parents[3] / "workloads" / "traces"
FRAME_COUNTS = {
    "bbb_720p24": 14_315,
    "bbb_trailer_720p24": 1_323,
    "bbb_x264_720p24_3M": 2_880,
    "bbb_x264_1080p24_6M": 2_880,
    "bbb_x264_2160p24_30M": 1_440,
}
HEIGHTS = dict(zip(FRAME_COUNTS, (720, 720, 720, 1080, 2160), strict=True))


def four_frames(origin: TraceOrigin | None = None) -> FrameTrace:
    return FrameTrace(
        origin=origin or TraceOrigin(title="four"),
        dts_ns=np.array([-40, 0, 41, 80], dtype=np.int64),
        pts_ns=np.array([0, 80, 40, 120], dtype=np.int64),
        size_bytes=np.array([1000, 300, 100, 200], dtype=np.int64),
        frame_type=np.array([0, 1, 2, 1], dtype=np.int8),
        is_key=np.array([True, False, False, False]),
    )


def four_rows(**replaced: pa.Array) -> pa.Table:
    columns = {
        "frame_index": pa.array([0, 1, 2, 3], pa.int32()),
        "dts_ns": pa.array([-40, 0, 41, 80], pa.int64()),
        "pts_ns": pa.array([0, 80, 40, 120], pa.int64()),
        "size_bytes": pa.array([1000, 300, 100, 200], pa.int32()),
        "frame_type": pa.array(["I", "P", "B", "P"]).dictionary_encode(),
        "is_key": pa.array([True, False, False, False]),
    }
    return pa.table({**columns, **replaced})


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    origin = TraceOrigin(
        title="f\N{LATIN SMALL LETTER U WITH DIAERESIS}nf",
        source="s",
        licence="l",
        attribution="a",
        codec="h264",
        width=1280,
        height=720,
        frame_rate=Fraction(30000, 1001),
        sha256="00",
    )
    write_frames(four_frames(origin), tmp_path / "t.parquet")
    trace = read_frames(tmp_path / "t.parquet")
    assert trace.origin == origin
    for column in ("dts_ns", "pts_ns", "size_bytes", "frame_type", "is_key"):
        np.testing.assert_array_equal(getattr(trace, column), getattr(four_frames(), column))
        assert not getattr(trace, column).flags.writeable
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_figures_of_a_trace_equal_pencil_and_paper() -> None:
    trace = four_frames()
    assert trace.frame_count == 4
    assert trace.frame_period_ns == Fraction(120, 3)
    assert trace.duration_ns == 160
    assert trace.bits_per_second_mean == 1600 * 8 / 160e-9
    assert trace.size_bytes_max == 1000
    assert [trace.size_bytes_quantile(q) for q in (0, 0.25, 0.26, 0.5, 1)] == [100, 100, 200, 200, 1000]
    assert [trace.count_of(frame_type) for frame_type in FRAME_TYPES] == [1, 2, 1]


def test_a_single_frame_lasts_as_its_frame_rate_says(tmp_path: Path) -> None:
    write_frames(four_frames(TraceOrigin(frame_rate=Fraction(25))), tmp_path / "four.parquet")
    table = pq.ParquetFile(tmp_path / "four.parquet").read()
    pq.write_table(table.slice(0, 1), tmp_path / "one.parquet")
    assert read_frames(tmp_path / "one.parquet").frame_period_ns == 40_000_000
    pq.write_table(table.slice(0, 1).replace_schema_metadata(None), tmp_path / "one.parquet")
    assert read_frames(tmp_path / "one.parquet").frame_period_ns == 0


def test_a_dictionary_in_another_order_means_the_same(tmp_path: Path) -> None:
    types = pa.DictionaryArray.from_arrays(pa.array([2, 1, 0, 1], pa.int32()), ["B", "P", "I"])
    pq.write_table(four_rows(frame_type=types), tmp_path / "t.parquet")
    assert read_frames(tmp_path / "t.parquet").frame_type.tolist() == [0, 1, 2, 1]


def test_every_column_says_its_unit_and_meaning() -> None:
    assert [field.name for field in frame_schema()] == four_rows().column_names
    assert all({b"unit", b"description"} == set(field.metadata) for field in frame_schema())


@pytest.mark.parametrize(
    ("replaced", "told"),
    [
        ({"frame_index": pa.array([0, 1, 3, 2], pa.int32())}, "row 2, frame_index: found 3, allowed: 2"),
        ({"dts_ns": pa.array([-40, 0, -1, 80])}, "row 2, dts_ns: found -1, allowed: a time that is not before"),
        ({"dts_ns": pa.array([-40, 0, None, 80])}, "row 2, dts_ns: found null, allowed: int64"),
        ({"dts_ns": pa.array([0.0, 1, 2, 3])}, "column dts_ns: found double, allowed: int64"),
        ({"size_bytes": pa.array([1, 0, 1, 1], pa.int32())}, "row 1, size_bytes: found 0, allowed: 1 to 2147483647"),
        ({"size_bytes": pa.array([1, -5, 1, 1], pa.int32())}, "row 1, size_bytes: found -5"),
        ({"size_bytes": pa.array([1, 1, 1, 1])}, "column size_bytes: found int64, allowed: int32"),
        ({"frame_type": pa.array(["I", "P", "X", "P"]).dictionary_encode()}, "row 2, frame_type: found X"),
        ({"frame_type": pa.array(["I", "P", "B", "P"])}, "column frame_type: found string, allowed: dictionary"),
        ({"is_key": pa.array([1, 0, 0, 0])}, "column is_key: found int64, allowed: bool"),
    ],
)
def test_a_wrong_column_is_refused_with_its_place(replaced: dict[str, pa.Array], told: str, tmp_path: Path) -> None:
    pq.write_table(four_rows(**replaced), tmp_path / "t.parquet")
    with pytest.raises(TraceError) as refused:
        read_frames(tmp_path / "t.parquet")
    assert str(refused.value).startswith(f"{tmp_path / 't.parquet'}: {told}")


def test_equal_decoding_times_are_allowed(tmp_path: Path) -> None:
    pq.write_table(four_rows(dts_ns=pa.array([0, 0, 1, 1])), tmp_path / "t.parquet")
    assert read_frames(tmp_path / "t.parquet").dts_ns.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.with_name("other").touch(), "found no file"),
        (lambda path: path.mkdir(), "found a directory"),
        (lambda path: path.write_text("hello" * 100), "found what is not Parquet"),
        (lambda path: path.write_bytes(b""), "found what is not Parquet"),
        (lambda path: pq.write_table(four_rows().drop_columns("pts_ns"), path), "allowed: one column pts_ns"),
        (lambda path: pq.write_table(four_rows().slice(0, 0), path), "found no frames"),
        (lambda path: pq.write_table(four_rows().replace_schema_metadata({"width": "wide"}), path), "metadata"),
        (lambda path: pq.write_table(four_rows().replace_schema_metadata({"frame_rate": "1/0"}), path), "metadata"),
    ],
)
def test_what_is_no_trace_is_refused(make: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    make(tmp_path / "t.parquet")
    with pytest.raises(TraceError, match=told):
        read_frames(tmp_path / "t.parquet")


def test_a_trace_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for destination in (tmp_path / "folder", tmp_path / "absent" / "t.parquet"):
        with pytest.raises(TraceError, match="a file that can be written"):
            write_frames(four_frames(), destination)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", FRAME_COUNTS)
def test_each_shipped_trace_reads_and_names_its_authors(name: str) -> None:
    trace = read_frames(SHIPPED / f"{name}.parquet")
    assert trace.frame_count == FRAME_COUNTS[name]
    assert trace.origin.height == HEIGHTS[name]
    assert trace.origin.codec == "h264"
    assert "Blender Foundation" in trace.origin.attribution
    assert trace.origin.licence == "CC-BY-3.0"
    assert "Big Buck Bunny" in trace.origin.title
    assert ("upscaled" in trace.origin.source) == (HEIGHTS[name] > 720)
    assert len(trace.origin.sha256) == 64
    assert abs(trace.frame_period_ns - Fraction(10**9, 24)) < 1


def test_no_trace_is_shipped_that_no_test_knows() -> None:
    frames = {path.stem for path in SHIPPED.glob("*.parquet") if trace_kind(path) == TraceKind.FRAMES}
    assert frames == set(FRAME_COUNTS)
