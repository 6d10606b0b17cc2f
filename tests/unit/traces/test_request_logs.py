"""Logs of requests: real ones to the last byte in their order, and any log back from each form."""

import contextlib
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.traces.blkparse import Action, read_blkparse
from cluster_sim.traces.fio import read_fio
from cluster_sim.traces.formats import TraceFormat, format_of
from cluster_sim.traces.importer import import_requests
from cluster_sim.traces.request_list import read_request_list
from cluster_sim.traces.requests import RequestOrigin, RequestTrace, read_requests
from cluster_sim.traces.table import TraceError

DATA = Path(__file__).parents[2] / "data"
FIO_LOG = DATA / "fio" / "randrw_v3.log"
FIO_LOG_2 = DATA / "fio" / "two_files_v2.log"
BLKPARSE_LOG = DATA / "blkparse" / "events.txt"
KIB = 1024
Row = tuple[int, int, int, bool]


def rows_of(trace: RequestTrace) -> list[Row]:
    columns = (trace.at_ns, trace.offset_bytes, trace.size_bytes, trace.is_write)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_real_fio_log_keeps_every_request_in_its_order() -> None:
    trace = read_fio(FIO_LOG)
    lines = [line.split() for line in FIO_LOG.read_text("utf-8").splitlines()]
    moved = [line for line in lines if line[2:3] in (["read"], ["write"])]
    assert trace.request_count == len(moved) == 2000
    assert trace.offset_bytes.tolist() == [int(line[3]) for line in moved]
    assert trace.size_bytes.tolist() == [int(line[4]) for line in moved]
    assert trace.is_write.tolist() == [line[2] == "write" for line in moved]
    assert trace.at_ns.tolist() == [1000 * (int(line[0]) - int(moved[0][0])) for line in moved]
    assert trace.origin.left_out == "3 sync: no data is transferred"
    assert (trace.origin.log_format, trace.origin.target_count) == ("fio iolog 3", 1)


def test_a_real_fio_log_has_the_figures_of_fios_own_report() -> None:
    trace = read_fio(FIO_LOG)
    assert (trace.request_count - trace.write_count, trace.write_count) == (1398, 602)
    assert round((trace.total_bytes - trace.write_bytes) / KIB**2, 1) == 25.4
    assert round(trace.write_bytes / KIB**2, 1) == 11.1
    run_ns = 1976 * 10**6
    assert 0 <= run_ns - trace.duration_ns < 10**6


def test_version_2_has_its_requests_at_the_sum_of_waits() -> None:
    trace = read_fio(FIO_LOG_2)
    assert rows_of(trace) == [
        (0, 0, 4096, False),
        (0, 8192, 65_536, True),
        (1_500_000, 4096, 8192, False),
        (1_500_000, 12_288, 4096, False),
        (1_750_000, 4096, 4096, True),
        (1_750_000, 73_728, 4096, True),
    ]
    assert trace.origin.left_out == "1 datasync, 1 sync, 1 trim: no data is transferred"
    assert (trace.origin.log_format, trace.origin.target_count) == ("fio iolog 2", 2)


def test_version_2_without_waits_has_no_times(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("".join(line for line in FIO_LOG_2.read_text().splitlines(keepends=True) if "wait" not in line))
    trace = import_requests(path, tmp_path / "x.parquet", log=TraceFormat.FIO)
    assert trace.request_count == 6
    assert not trace.has_times
    assert not read_requests(tmp_path / "x.parquet").has_times


def test_queued_events_of_blkparse_add_up_to_its_own_summary() -> None:
    trace = read_blkparse(BLKPARSE_LOG)
    total = BLKPARSE_LOG.read_text("utf-8").split("Total (sda):")[1]
    counts = re.search(r"Reads Queued: +(\d+), +(\d+)KiB\s+Writes Queued: +(\d+), +(\d+)KiB", total)
    assert counts is not None
    reads, read_kib, writes, written_kib = map(int, counts.groups())
    assert trace.request_count - trace.write_count == reads
    assert trace.total_bytes - trace.write_bytes == read_kib * KIB
    assert trace.write_count == writes - 2, "blkparse counts a discard and a flush among writes"
    assert trace.write_bytes == (written_kib - 1024) * KIB
    assert rows_of(trace) == [
        (0, 223_490 * 512, 4096, False),
        (2_000, 1_048_576 * 512, 65_536, True),
        (2_100, 1_048_704 * 512, 4096, True),
        (2_700, 4096 * 512, 131_072, False),
        (2_800, 64 * 512, 4096, True),
        (2_000_000_000, 8 * 512, 512, False),
        (2_000_000_100, 16 * 512, 512, False),
    ]
    assert trace.origin.left_out == (
        "1 A, 5 C, 3 D, 1 G, 2 I, 1 M, 1 P, 1 U, 1 X, 1 m: other events than Q; "
        "1 discard, 1 flush, 1 request without sectors: no sectors are read or written"
    )


@pytest.mark.parametrize(
    ("action", "rows", "left_out"),
    [
        ("D", [(0, 223_490 * 512, 4096, False), (800, 1_048_576 * 512, 69_632, True)], "1 command"),
        ("C", [(0, 223_490 * 512, 4096, False)], "1 write: the device reported an error"),
    ],
)
def test_requests_can_be_taken_as_issued_or_completed(action: Action, rows: list[Row], left_out: str) -> None:
    trace = read_blkparse(BLKPARSE_LOG, action)
    assert rows_of(trace) == rows
    assert left_out in trace.origin.left_out
    assert trace.origin.log_format == f"blkparse, action {action}"


def test_a_list_takes_its_seconds_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "time_s,op,offset,size\r\n1700000000.000000001,read,0,512\r\n1700000000.1,W,512,4096\r\n"
        '"1700000001",write,0,1\r\n1700000001.00000000200,R,0,1'
    )
    assert rows_of(read_request_list(path)) == [
        (0, 0, 512, False),
        (99_999_999, 512, 4096, True),
        (999_999_999, 0, 1, True),
        (1_000_000_001, 0, 1, False),
    ]


requests = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(0, 10**15), st.integers(1, 2**31 - 1), st.booleans()),
    min_size=1,
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


def as_fio_3(rows: list[Row]) -> str:
    lines = [f"{at} f {'write' if write else 'read'} {offset} {size}" for at, offset, size, write in rows]
    return "\n".join(["fio version 3 iolog", "0 f add", "0 f open", *lines, f"{rows[-1][0]} f close", ""])


def as_fio_2(rows: list[Row]) -> str:
    lines, now = ["fio version 2 iolog", "f add", "f open"], rows[0][0]
    for at, offset, size, write in rows:
        lines += [f"f wait {at - now} 0"] * (at > now) + [f"f {'write' if write else 'read'} {offset} {size}"]
        now = at
    return "\n".join([*lines, "f close", ""])


def as_blkparse(rows: list[Row]) -> str:
    form = "  8,0    3 {:8d} {:5d}.{:09d}   697  Q {:>3} {} + {} [a process]\n"
    return "".join(
        form.format(number, at // 10**6, at % 10**6 * 1000, "WS" if write else "R", offset, size)
        for number, (at, offset, size, write) in enumerate(rows, 1)
    )


def as_list(rows: list[Row]) -> str:
    lines = [f"{Decimal(at).scaleb(-6):f},{'RW'[write]},{offset},{size}" for at, offset, size, write in rows]
    return "\n".join(["time_s,op,offset,size", *lines])


@settings(deadline=None)  # writes files
@given(rows=requests)
def test_any_requests_come_back_from_each_form_of_log(
    rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    expected = [((at - rows[0][0]) * 1000, *row) for at, *row in rows]
    for name, write, log in (
        ("three.log", as_fio_3, TraceFormat.FIO),
        ("two.log", as_fio_2, TraceFormat.FIO),
        ("list.csv", as_list, TraceFormat.CSV),
    ):
        (folder / name).write_text(write(rows))
        assert format_of(folder / name) == log
        import_requests(folder / name, folder / "x.parquet", log=log)
        assert rows_of(read_requests(folder / "x.parquet")) == expected


@settings(deadline=None)  # writes files
@given(rows=requests)
def test_any_sectors_come_back_from_rows_of_blkparse(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    of_sectors = [(at, first, max(1, size // 512), write) for at, first, size, write in rows]
    path = tmp_path_factory.getbasetemp() / "blk.txt"
    path.write_text(as_blkparse(of_sectors))
    assert format_of(path) == TraceFormat.BLKPARSE
    assert rows_of(read_blkparse(path)) == [
        ((at - rows[0][0]) * 1000, 512 * first, 512 * count, write) for at, first, count, write in of_sectors
    ]


@settings(deadline=None)  # writes files
@given(name=st.sampled_from([FIO_LOG_2, BLKPARSE_LOG]), kept=st.integers(0, 5000), damage=st.binary(max_size=3))
def test_any_damage_ends_in_a_trace_or_a_trace_error(
    name: Path, kept: int, damage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.log"
    whole = name.read_bytes()
    path.write_bytes(whole[:kept] + damage + whole[kept + len(damage) :])
    reader: Callable[[Path], RequestTrace] = read_fio if name == FIO_LOG_2 else read_blkparse
    with contextlib.suppress(TraceError):
        assert reader(path).request_count > 0


@pytest.mark.parametrize("log", [FIO_LOG, FIO_LOG_2, BLKPARSE_LOG], ids=lambda path: path.name)
def test_a_log_that_is_cut_inside_a_line_is_refused(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.log"
    whole = log.read_bytes()
    line_end = whole.index(b"\n", len(whole) // 4)
    reader: Callable[[Path], RequestTrace] = read_blkparse if log == BLKPARSE_LOG else read_fio
    path.write_bytes(whole[:line_end])
    with pytest.raises(TraceError, match=r"line [0-9]+: found .* without the end of the line, allowed: a whole last"):
        reader(path)
    path.write_bytes(whole[: line_end + 1])
    assert reader(path).request_count > 0


def test_what_the_caller_says_of_the_origin_stands_and_the_rest_is_learnt(tmp_path: Path) -> None:
    learnt = import_requests(FIO_LOG, None, log=TraceFormat.FIO).origin
    assert (learnt.title, learnt.source, learnt.licence) == ("randrw_v3", "randrw_v3.log", "")
    given_origin = RequestOrigin(title="A", source="B", licence="C", attribution="D")
    origin = import_requests(FIO_LOG, tmp_path / "x.parquet", given_origin, log=TraceFormat.FIO).origin
    assert (origin.title, origin.source, origin.licence, origin.attribution) == ("A", "B", "C", "D")
    assert origin.left_out == learnt.left_out
    assert read_requests(tmp_path / "x.parquet").origin == origin


def test_a_log_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(FIO_LOG_2.read_bytes())
    with pytest.raises(TraceError, match="found the input itself"):
        import_requests(path, path, log=TraceFormat.FIO)
