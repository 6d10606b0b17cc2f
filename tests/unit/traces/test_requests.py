"""The Arrow form of requests: what is read is what was written, and what cannot be a trace is refused by name."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.traces.frames import frame_schema, read_frames
from cluster_sim.traces.requests import RequestOrigin, RequestTrace, read_requests, request_schema, write_requests
from cluster_sim.traces.table import TraceError, TraceKind, trace_kind

SHIPPED = Path(__file__).parents[3] / "workloads" / "traces"
LOG = Path(__file__).parents[2] / "data" / "fio" / "randrw_v3.log"
MARK = {"trace": "requests", "has_times": "true", "target_count": "1"}


def three_requests(origin: RequestOrigin | None = None) -> RequestTrace:
    return RequestTrace(
        origin=origin or RequestOrigin(),
        at_ns=np.array([0, 40, 40], dtype=np.int64),
        offset_bytes=np.array([8192, 0, 4096], dtype=np.int64),
        size_bytes=np.array([4096, 512, 1024], dtype=np.int64),
        is_write=np.array([False, True, True]),
    )


def three_rows(**replaced: pa.Array) -> pa.Table:
    columns = {
        "at_ns": pa.array([0, 40, 40], pa.int64()),
        "offset_bytes": pa.array([8192, 0, 4096], pa.int64()),
        "size_bytes": pa.array([4096, 512, 1024], pa.int64()),
        "is_write": pa.array([False, True, True]),
    }
    return pa.table({**columns, **replaced}).replace_schema_metadata(MARK)


def rows_of(trace: RequestTrace) -> list[tuple[int, int, int, bool]]:
    columns = (trace.at_ns, trace.offset_bytes, trace.size_bytes, trace.is_write)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    origin = RequestOrigin(
        title="t\N{LATIN SMALL LETTER U WITH DIAERESIS}",
        source="s",
        licence="l",
        attribution="a",
        log_format="f",
        left_out="3 sync: no data",
        sha256="00",
        target_count=2,
    )
    write_requests(three_requests(origin), tmp_path / "t.parquet")
    trace = read_requests(tmp_path / "t.parquet")
    assert trace.origin == origin
    assert rows_of(trace) == [(0, 8192, 4096, False), (40, 0, 512, True), (40, 4096, 1024, True)]
    for column in (trace.at_ns, trace.offset_bytes, trace.size_bytes, trace.is_write):
        assert not column.flags.writeable
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_figures_of_a_trace_equal_pencil_and_paper() -> None:
    trace = three_requests()
    assert (trace.request_count, trace.write_count) == (3, 2)
    assert (trace.total_bytes, trace.write_bytes) == (5632, 1536)
    assert trace.duration_ns == 40
    assert trace.end_bytes == 12_288
    assert trace.size_bytes_max == 4096
    assert [trace.size_bytes_quantile(q) for q in (0, 0.33, 0.34, 0.66, 0.67, 1)] == [512, 512, 1024, 1024, 4096, 4096]
    assert trace.has_times


def test_sums_do_not_overflow(tmp_path: Path) -> None:
    rows = three_rows(
        offset_bytes=pa.array([2**62, 0, 0], pa.int64()), size_bytes=pa.array([2**31 - 1] * 3, pa.int64())
    )
    pq.write_table(rows, tmp_path / "t.parquet")
    trace = read_requests(tmp_path / "t.parquet")
    assert trace.total_bytes == 3 * (2**31 - 1)
    assert trace.end_bytes == 2**62 + 2**31 - 1


def test_a_trace_whose_requests_all_lie_at_0_is_marked_as_without_times(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = three_rows(at_ns=pa.array([0, 0, 0]))
    pq.write_table(rows, path)
    with pytest.raises(TraceError, match=r"metadata, has_times: found true, allowed: false"):
        read_requests(path)
    pq.write_table(rows.replace_schema_metadata({**MARK, "has_times": "false"}), path)
    trace = read_requests(path)
    assert not trace.has_times
    write_requests(trace, path)
    assert pq.read_schema(path).metadata[b"has_times"] == b"false"
    write_requests(three_requests(), path)
    assert pq.read_schema(path).metadata[b"has_times"] == b"true"


def test_every_column_says_its_unit_and_meaning() -> None:
    assert [field.name for field in request_schema()] == three_rows().column_names
    assert all({b"unit", b"description"} == set(field.metadata) for field in request_schema())


requests = st.lists(
    st.tuples(st.integers(0, 10**18), st.integers(0, 2**62), st.integers(1, 2**31 - 1), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)  # writes files
@given(rows=requests)
def test_any_requests_come_back_as_they_were(
    rows: list[tuple[int, int, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows.sort(key=lambda row: row[0])
    rows = [(row[0] - rows[0][0], *row[1:]) for row in rows]
    at_ns, offsets, sizes, writes = zip(*rows, strict=True)
    path = tmp_path_factory.getbasetemp() / "requests.parquet"
    trace = RequestTrace(
        origin=RequestOrigin(),
        at_ns=np.array(at_ns, dtype=np.int64),
        offset_bytes=np.array(offsets, dtype=np.int64),
        size_bytes=np.array(sizes, dtype=np.int64),
        is_write=np.array(writes, dtype=np.bool_),
    )
    write_requests(trace, path)
    assert rows_of(read_requests(path)) == rows


@pytest.mark.parametrize(
    ("replaced", "told"),
    [
        ({"at_ns": pa.array([1, 40, 40])}, "row 0, at_ns: found 1, allowed: 0 for the first request"),
        ({"at_ns": pa.array([0, 40, 39])}, "row 2, at_ns: found 39, allowed: a time that is not before"),
        ({"at_ns": pa.array([0, 40, 9 * 10**18 + 1])}, "row 2, at_ns: found 9000000000000000001, allowed: 9000000"),
        ({"at_ns": pa.array([0, 40, None])}, "row 2, at_ns: found null, allowed: int64"),
        ({"at_ns": pa.array([0.0, 40, 40])}, "column at_ns: found double, allowed: int64"),
        ({"offset_bytes": pa.array([0, -1, 0])}, "row 1, offset_bytes: found -1, allowed: 0 to"),
        ({"offset_bytes": pa.array([0, 2**62 + 1, 0])}, "row 1, offset_bytes: found 4611686018427387905"),
        ({"size_bytes": pa.array([1, 0, 1])}, "row 1, size_bytes: found 0, allowed: 1 to 2147483647 bytes"),
        ({"size_bytes": pa.array([1, 1, 2**31])}, "row 2, size_bytes: found 2147483648"),
        ({"size_bytes": pa.array([1, 1, 1], pa.int32())}, "column size_bytes: found int32, allowed: int64"),
        ({"is_write": pa.array([1, 0, 0])}, "column is_write: found int64, allowed: bool"),
    ],
)
def test_a_wrong_column_is_refused_with_its_place(replaced: dict[str, pa.Array], told: str, tmp_path: Path) -> None:
    pq.write_table(three_rows(**replaced), tmp_path / "t.parquet")
    with pytest.raises(TraceError) as refused:
        read_requests(tmp_path / "t.parquet")
    assert str(refused.value).startswith(f"{tmp_path / 't.parquet'}: {told}")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.with_name("other").touch(), "found no file, allowed: a Parquet file of requests"),
        (lambda path: path.mkdir(), "found a directory"),
        (lambda path: path.write_text("hello" * 100), "found what is not Parquet"),
        (lambda path: path.write_bytes(b""), "found what is not Parquet"),
        (lambda path: pq.write_table(three_rows().drop_columns("is_write"), path), "allowed: one column is_write"),
        (lambda path: pq.write_table(three_rows().slice(0, 0), path), "found no requests"),
        (lambda path: pq.write_table(three_rows().replace_schema_metadata(None), path), "without the mark"),
        (
            lambda path: pq.write_table(three_rows().replace_schema_metadata({**MARK, "target_count": "two"}), path),
            "metadata, target_count: found two, allowed: a whole number",
        ),
        (
            lambda path: pq.write_table(three_rows().replace_schema_metadata({"trace": "requests"}), path),
            "metadata, has_times: found nothing, allowed: true",
        ),
    ],
)
def test_what_is_no_trace_is_refused(make: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    make(tmp_path / "t.parquet")
    with pytest.raises(TraceError, match=told):
        read_requests(tmp_path / "t.parquet")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    whole = (SHIPPED / "fio_randrw.parquet").read_bytes()
    for kept in (4, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.parquet").write_bytes(whole[:kept])
        with pytest.raises(TraceError, match="found what is not Parquet"):
            read_requests(tmp_path / "cut.parquet")


def test_a_trace_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for destination in (tmp_path / "folder", tmp_path / "absent" / "t.parquet"):
        with pytest.raises(TraceError, match="a file that can be written"):
            write_requests(three_requests(), destination)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_the_wrong_kind_of_trace_is_refused_by_its_kind(tmp_path: Path) -> None:
    frames, requests = SHIPPED / "bbb_720p24.parquet", tmp_path / "requests.parquet"
    write_requests(three_requests(), requests)
    assert (trace_kind(frames), trace_kind(requests)) == (TraceKind.FRAMES, TraceKind.REQUESTS)
    with pytest.raises(TraceError, match=r"requests\.parquet: found a trace of requests, allowed: a trace of frames"):
        read_frames(requests)
    with pytest.raises(TraceError, match=r"720p24\.parquet: found a trace of frames, allowed: a trace of requests"):
        read_requests(frames)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.with_name("other").touch(), "found no file, allowed: a Parquet file of frames or requests"),
        (lambda path: path.write_text("hello"), "found what is not Parquet"),
        (lambda path: pq.write_table(pa.table({"a": [1], "b": [2]}), path), "found the columns a, b, allowed"),
        (
            lambda path: pq.write_table(
                frame_schema().empty_table().replace_schema_metadata({"trace": "sounds"}), path
            ),
            "found the columns frame_index",
        ),
    ],
)
def test_what_is_of_no_kind_is_refused(make: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    make(tmp_path / "t.parquet")
    with pytest.raises(TraceError, match=told):
        trace_kind(tmp_path / "t.parquet")


def test_the_shipped_requests_are_those_of_the_log() -> None:
    shipped = {path.stem for path in SHIPPED.glob("*.parquet") if trace_kind(path) == TraceKind.REQUESTS}
    assert shipped == {"fio_randrw"}
    trace = read_requests(SHIPPED / "fio_randrw.parquet")
    words = [line.split() for line in LOG.read_text("utf-8").splitlines()]
    moved = [line for line in words if len(line) == 5 and line[2] in {"read", "write"}]
    first = int(moved[0][0])
    expected = [((int(t) - first) * 1000, int(o), int(size), act == "write") for t, _, act, o, size in moved]
    assert rows_of(trace) == expected
    assert trace.origin.sha256 == hashlib.sha256(LOG.read_bytes()).hexdigest()
    assert trace.origin.licence == "Apache-2.0"
    assert trace.origin.left_out == "3 sync: no data is transferred"
    assert trace.has_times
