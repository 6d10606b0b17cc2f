"""Logs of requests that are broken: every kind of wrong line is refused by its number."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_sim.traces.blkparse import read_blkparse
from cluster_sim.traces.fio import read_fio
from cluster_sim.traces.formats import TraceFormat, format_of
from cluster_sim.traces.importer import import_requests
from cluster_sim.traces.request_list import read_request_list
from cluster_sim.traces.requests import RequestTrace
from cluster_sim.traces.table import TraceError


def refusal(reader: Callable[[Path], RequestTrace], content: str, path: Path) -> str:
    """What a reader says of a file, without the file's name."""
    path.write_text(content)
    with pytest.raises(TraceError) as refused:
        reader(path)
    assert str(refused.value).startswith(f"{path}: ")
    return str(refused.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("9 f read 0", "line 5: found '9 f read 0', allowed: time, file, action; or time, file, action, offset, len"),
        ("9 f read 0 1 2", "line 5: found '9 f read 0 1 2', allowed: time"),
        ("", "line 5: found '', allowed: time"),
        ("9", "line 5: found '9', allowed: time"),
        ("f read 0 512", "line 5: found time 'f', allowed: a whole number"),
        ("-9 f read 0 512", "line 5: found time '-9', allowed: a whole number"),
        ("1.5 f read 0 512", "line 5: found time '1.5', allowed: a whole number"),
        ("\u0661 f read 0 512", "line 5: found time '\u0661', allowed: a whole number"),
        ("3 f read 0 512", "line 5: found time 3, allowed: a time that is not before the line above, 7"),
        ("3 f close", "line 5: found time 3, allowed: a time that is not before the line above, 7"),
        ("9 f read x 512", "line 5: found offset 'x', allowed: a whole number"),
        ("9 f read -512 512", "line 5: found offset '-512', allowed: a whole number"),
        ("9 f read 5000000000000000000 512", "line 5: found offset '5000000000000000000', allowed: a whole number"),
        ("9 f write 0 4k", "line 5: found length '4k', allowed: a whole number"),
        ("9 f write 0 0", "line 5: found a size of 0 bytes, allowed: 1 to 2147483647 bytes"),
        ("9 f write 0 2147483648", "line 5: found a size of 2147483648 bytes, allowed: 1 to 2147483647 bytes"),
        ("9000000000000001 f read 0 1", "line 5: found 9000000000000001000 ns, allowed: 0 to 9000000000000000000 ns"),
        ("9 f erase 0 512", "line 5: found action 'erase', allowed: read, write, trim, sync, datasync"),
        ("9 f READ 0 512", "line 5: found action 'READ', allowed: read, write"),
        (
            "9 f wait 100 0",
            "line 5: found action 'wait', allowed: read, write, trim, sync, datasync, sync_file_range; v",
        ),
        ("9 f unlink", "line 5: found action 'unlink' without a range, allowed: add, open, close"),
        ("9 g open", "line 5: found g opened, allowed: a file that is added above"),
        ("9 g close", "line 5: found g closed, allowed: a file that is open"),
        ("9 f close\n9 f read 0 512", "line 6: found read of f, allowed: a file that is open"),
        ("9 f close\n9 f close", "line 6: found f closed, allowed: a file that is open"),
        ("9 g read 0 512", "line 5: found read of g, allowed: a file that is open"),
        ("9 g trim 0 512", "line 5: found trim of g, allowed: a file that is open"),
        ("fio version 3 iolog", "line 5: found the beginning of another log, allowed: one log: fio appends to a file"),
    ],
)
def test_a_wrong_line_of_fio_is_refused_by_its_number(line: str, told: str, tmp_path: Path) -> None:
    content = f"fio version 3 iolog\n0 f add\n0 f open\n7 f read 0 512\n{line}\n"
    assert refusal(read_fio, content, tmp_path / "x.log").startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("f read 0", "line 4: found 'f read 0', allowed: file, action; or file, action, offset, length"),
        ("f wait x 0", "line 4: found offset 'x', allowed: a whole number"),
        (
            "f erase 0 512",
            "line 4: found action 'erase', allowed: read, write, trim, sync, datasync, sync_file_range or",
        ),
        ("0 f read 0 512", "line 4: found '0 f read 0 512', allowed: file, action"),
    ],
)
def test_a_wrong_line_of_version_2_is_refused_by_its_number(line: str, told: str, tmp_path: Path) -> None:
    content = f"fio version 2 iolog\nf add\nf open\n{line}\n"
    assert refusal(read_fio, content, tmp_path / "x.log").startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "line 1: found nothing, allowed: fio version 2 iolog or fio version 3 iolog"),
        ("fio version 4 iolog\n", "line 1: found 'fio version 4 iolog', allowed: fio version 2 iolog or"),
        ("w,0,512\n", "line 1: found 'w,0,512', allowed: fio version 2 iolog or"),
        ("fio version 3 iolog\n0 f add\n0 f open\n", "found no requests, allowed: one request or more"),
        (
            "fio version 3 iolog\n0 f add\n0 f open\n1 f sync 0 0\n",
            "found no requests; 1 sync: no data is transferred, allowed: one request or more",
        ),
    ],
)
def test_what_is_no_log_of_fio_is_refused(content: str, told: str, tmp_path: Path) -> None:
    assert refusal(read_fio, content, tmp_path / "x.log").startswith(told)


EVENT = "  8,0    3        1     0.000001000   697  Q   R 223490 + 8 [kjournald]"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "line 2: found '', allowed: device cpu sequence seconds.nanoseconds pid action rwbs"),
        (EVENT.replace("8,0", "sda"), "line 2: found '  sda "),
        (EVENT.replace("0.000001000", "0.000001"), "line 2: found '  8,0 "),
        (EVENT.replace(" Q ", " ? "), "line 2: found '  8,0 "),
        (EVENT.replace(" Q ", " Z "), "line 2: found action Z, allowed: A, B, C, D"),
        (EVENT.replace(" R ", " X "), "line 2: found rwbs 'X', allowed: R, W, D or N with F, A, S, M"),
        (EVENT.replace(" R ", " RR "), "line 2: found rwbs 'RR', allowed: R, W, D or N with F, A, S, M"),
        (EVENT.replace("+ 8", "+"), "line 2: found '223490 + [kjournald]', allowed: sector + count [process]"),
        (EVENT.replace(" [kjournald]", ""), "line 2: found '223490 + 8', allowed: sector + count [process]"),
        (EVENT.replace("+ 8", "+ 0"), "line 2: found a size of 0 bytes, allowed: 1 to 2147483647 bytes"),
        (EVENT.replace("+ 8", "+ 4194304"), "line 2: found a size of 2147483648 bytes, allowed: 1 to 2147483647"),
        (EVENT.replace("223490", "9" * 18), f"line 2: found an offset of {512 * int('9' * 18)} bytes, allowed: 0 to"),
        (EVENT.replace(".000001", ".000000"), "line 2: found 0 ns, allowed: a time that is not before the request ab"),
        ("Skips: 2 forward (34 -   1.0%)", "line 2: found 'Skips: 2 forward"),
        (f"CPU0 (sda):\n{EVENT}", "line 3: found an event behind the summary, allowed: one output of blkparse"),
        (
            "Events (sda): 27 entries\nSkips: 2 forward (34 -   1.0%)",
            "line 3: found 'Skips: 2 forward (34 -   1.0%)', allowed: a trace that lost no events",
        ),
    ],
)
def test_a_wrong_row_of_blkparse_is_refused_by_its_number(line: str, told: str, tmp_path: Path) -> None:
    assert refusal(read_blkparse, f"{EVENT}\n{line}\n", tmp_path / "x.txt").startswith(told)


def test_a_completion_without_its_error_is_refused(tmp_path: Path) -> None:
    told = refusal(lambda path: read_blkparse(path, "C"), EVENT.replace(" Q ", " C ") + "\n", tmp_path / "x.txt")
    assert told == "line 1: found error 'kjournald', allowed: a number: 0 where all went well"


@pytest.mark.parametrize("content", ["", "Input file sda.blktrace.0 added\n", EVENT.replace(" Q ", " G ") + "\n"])
def test_an_output_of_blkparse_without_requests_is_refused(content: str, tmp_path: Path) -> None:
    assert refusal(read_blkparse, content, tmp_path / "x.txt").startswith("found no requests")


def test_elapsed_times_and_several_devices_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    issued = EVENT.replace(" Q ", " D ").replace("+ 8", "+ 8 (     300)")
    path.write_text(f"{issued}\n{issued.replace('8,0', '253,16').replace(' R ', ' FWFSM ')}\n")
    trace = read_blkparse(path, "D")
    assert trace.is_write.tolist() == [False, True]
    assert trace.origin.target_count == 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1,read,0", "line 3: found 3 values, allowed: four values"),
        ("", "line 3: found 0 values, allowed: four values"),
        ("soon,read,0,1", "line 3: found time_s 'soon', allowed: seconds such as 0.041667"),
        ("-1,read,0,1", "line 3: found time_s '-1', allowed: seconds"),
        ("1e3,read,0,1", "line 3: found time_s '1e3', allowed: seconds"),
        ("1.,read,0,1", "line 3: found time_s '1.', allowed: seconds"),
        ("1.0000000001,read,0,1", "line 3: found time_s '1.0000000001', allowed: seconds"),
        ("9000000001,read,0,1", "line 3: found 9000000001000000000 ns, allowed: 0 to 9000000000000000000 ns"),
        ("0.4,read,0,1", "line 3: found 400000000 ns, allowed: a time that is not before the request above, 500000000"),
        ("1,trim,0,1", "line 3: found op 'trim', allowed: read, R, write, W"),
        ("1,r,0,1", "line 3: found op 'r', allowed: read, R, write, W"),
        ("1,read,-1,1", "line 3: found offset '-1', allowed: a whole number"),
        ("1,read,0.5,1", "line 3: found offset '0.5', allowed: a whole number"),
        ("1,read,0,many", "line 3: found size 'many', allowed: a whole number"),
        ("1,read,0,0", "line 3: found a size of 0 bytes, allowed: 1 to 2147483647 bytes"),
        ("1,read,0,2147483648", "line 3: found a size of 2147483648 bytes"),
        ('1,read,0,"1', "line 3: found unexpected end of data, allowed: a row of four values"),
    ],
)
def test_a_wrong_row_of_a_list_is_refused_by_its_number(line: str, told: str, tmp_path: Path) -> None:
    content = f"time_s,op,offset,size\n0.5,read,0,512\n{line}\n"
    assert refusal(read_request_list, content, tmp_path / "x.csv").startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: found nothing, allowed: time_s,op,offset,size"),
        (b"time,op,offset,size\n", "line 1: found time,op,offset,size, allowed: time_s,op,offset,size"),
        (b"time_s,op,offset,size\n", "found no requests"),
        (b"time_s,op,offset,size\n0,\xff,0,1\n", "line 2: found byte 0xff, allowed: UTF-8 text"),
    ],
)
def test_what_is_no_list_of_requests_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(TraceError) as refused:
        read_request_list(path)
    assert str(refused.value).startswith(f"{path}: {told}")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("film.mp4", b"", TraceFormat.FRAMES),
        ("frames.csv", b"idx,dts_s,pts_s,size,type,key\n", TraceFormat.FRAMES),
        ("requests.csv", b"\xef\xbb\xbftime_s,op,offset,size\n", TraceFormat.CSV),
        ("requests.CSV", b"time,op,offset,size\n", TraceFormat.CSV),
        ("x.csv", b"", TraceFormat.FRAMES),
        ("x.log", b"fio version 2 iolog\n", TraceFormat.FIO),
        ("x", b"fio version 3 iolog\r\n", TraceFormat.FIO),
        ("x.iolog", EVENT.encode(), TraceFormat.BLKPARSE),
        ("x.txt", b"Input file sda.blktrace.0 added\n", TraceFormat.BLKPARSE),
    ],
)
def test_a_format_is_told_from_name_and_content(name: str, content: bytes, found: TraceFormat, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert format_of(tmp_path / name) == found


@pytest.mark.parametrize("content", [b"", b"hello\n", b"fio version 1 iolog\n", b"PAR1\0\xff" * 2000, b"w,0,512\n"])
def test_a_file_of_no_known_format_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(content)
    with pytest.raises(TraceError, match=r"x\.log: line 1: found .*, allowed: fio version 2 iolog or .*blkparse"):
        format_of(tmp_path / "x.log")


def test_what_is_no_file_has_no_format(tmp_path: Path) -> None:
    for name, told in (("absent.log", "no file"), (".", "a directory")):
        with pytest.raises(TraceError, match=f"found {told}, allowed: a file: .mp4"):
            format_of(tmp_path / name)
        with pytest.raises(TraceError, match=f"found {told}, allowed: a log of requests"):
            import_requests(tmp_path / name, None, log=TraceFormat.FIO)
