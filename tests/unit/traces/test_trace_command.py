"""`trace import`: a summary on success, one line on stderr and exit code 2 on bad input."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.cli.trace import app
from cluster_sim.traces.frames import read_frames
from cluster_sim.traces.requests import read_requests

DATA = Path(__file__).parents[2] / "data"
FIO_LOG = DATA / "fio" / "randrw_v3.log"


def test_a_list_is_summed_up_and_written(tmp_path: Path) -> None:
    frames = tmp_path / "x.csv"
    rows = [f"{index},{index * 0.04:.2f},{index * 0.04:.2f},{index + 1},{'IPBB'[index % 4]},0" for index in range(200)]
    frames.write_text("\n".join(["idx,dts_s,pts_s,size,type,key", *rows]))
    out = tmp_path / "y.parquet"
    texts = ["--title", "Steps", "--attribution", "its author", "--licence", "CC0"]
    result = CliRunner().invoke(app, ["import", str(frames), "--out", str(out), *texts])
    assert result.exit_code == 0
    for told in ("200 (50 I, 50 P, 100 B)", "8.000 s", "20.1 kb/s", "100 bytes", "198 bytes", "200 bytes"):
        assert told in result.stdout
    assert read_frames(out).origin.attribution == "its author"


def test_a_list_takes_what_it_cannot_say_from_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text("idx,dts_s,pts_s,size,type,key\n0,0,0,1000,I,1\n")
    result = CliRunner().invoke(app, ["import", "x.csv", "--codec", "hevc", "--picture", "1920x1080@30000/1001"])
    assert result.exit_code == 0
    origin = read_frames(Path("x.parquet")).origin
    assert (origin.codec, origin.width, origin.height, str(origin.frame_rate)) == ("hevc", 1920, 1080, "30000/1001")


def test_a_log_of_fio_is_summed_up_and_written(tmp_path: Path) -> None:
    out = tmp_path / "y.parquet"
    result = CliRunner().invoke(app, ["import", str(FIO_LOG), "--out", str(out), "--licence", "CC0"])
    assert result.exit_code == 0
    for told in (
        "fio iolog 3",
        "2000 (1398 reads, 602 writes)",
        "26677248 bytes",
        "11620352 bytes",
        "1.975709 s",
        "4096 bytes",
        "65536 bytes",
        "1, up to byte 67108864",
        "3 sync: no data is transferred",
    ):
        assert told in result.stdout
    assert f"wrote {out}" in result.stdout
    origin = read_requests(out).origin
    assert (origin.licence, origin.source) == ("CC0", "randrw_v3.log")


def test_a_log_without_times_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.log").write_text("fio version 2 iolog\nf add\nf open\nf read 0 512\nf write 512 512\nf close\n")
    result = CliRunner().invoke(app, ["import", "x.log"])
    assert result.exit_code == 0
    assert "none: the log has no times" in result.stdout
    assert "left out          │ nothing" in result.stdout
    assert not read_requests(Path("x.parquet")).has_times


def test_rows_of_blkparse_are_taken_at_the_action_that_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "y.parquet"
    events = DATA / "blkparse" / "events.txt"
    for arguments, request_count in (([], 7), (["--action", "D"], 2), (["--action", "C"], 1)):
        result = CliRunner().invoke(app, ["import", str(events), "--out", str(out), *arguments])
        assert result.exit_code == 0
        assert read_requests(out).request_count == request_count


def test_a_format_can_be_forced(tmp_path: Path) -> None:
    out, path = tmp_path / "y.parquet", tmp_path / "requests.txt"
    path.write_text("time_s,op,offset,size\n0,R,0,512\n")
    refused = CliRunner().invoke(app, ["import", str(path), "--out", str(out)])
    assert refused.exit_code == 2
    assert "line 1: found 'time_s,op,offset,size', allowed: fio version 2 iolog" in refused.stderr
    assert not out.exists()
    assert CliRunner().invoke(app, ["import", str(path), "--out", str(out), "--format", "csv"]).exit_code == 0
    assert read_requests(out).total_bytes == 512
    assert CliRunner().invoke(app, ["import", str(path), "--out", str(out), "--format", "fio"]).exit_code == 2


V3 = b"fio version 3 iolog\n0 f add\n0 f open\n"
V2 = b"fio version 2 iolog\nf add\nf open\n"
EVENT = b"  8,0    0        1     0.000000000   697  Q   R 223490 + 8 [fio]\n"
LIST = b"time_s,op,offset,size\n"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("v3.log", V3 + b"5 f read 0 512\n9 f rea", "line 5: found '9 f rea' without the end of the line"),
        ("v2.log", V2 + b"f read 0 512\nf wri", "line 5: found 'f wri' without the end of the line"),
        ("events.txt", EVENT + b"  8,0    0", "line 2: found '  8,0    0' without the end of the line"),
        ("list.csv", LIST + b"0,R,0,512\n1,R,0", "line 3: found 3 values, allowed: four values"),
        ("v4.log", V3.replace(b"3", b"4"), "line 1: found 'fio version 4 iolog', allowed: fio version 2 iolog or fio"),
        ("v1.log", V2.replace(b"2", b"1"), "line 1: found 'fio version 1 iolog', allowed: fio version 2 iolog or fio"),
        ("v3.log", V3 + b"5 f read 0 -512\n", "line 4: found length '-512', allowed: a whole number"),
        ("v3.log", V3 + b"5 f read -8 512\n", "line 4: found offset '-8', allowed: a whole number"),
        ("v2.log", V2 + b"f wait -5 0\n", "line 4: found offset '-5', allowed: a whole number"),
        ("events.txt", EVENT.replace(b"+ 8", b"+ -8"), "line 1: found '223490 + -8 [fio]', allowed: sector + count"),
        ("list.csv", LIST + b"0,R,0,-512\n", "line 2: found size '-512', allowed: a whole number"),
        ("v3.log", V3 + b"5 f read \xff\xfe 5\n", "line 4: found offset '"),
        (
            "events.txt",
            EVENT + b"\x7fELF\x02\x00\n",
            "line 2: found '\\x7fELF\\x02\\x00', allowed: device cpu sequence",
        ),
        ("list.csv", LIST + b"0,R,0,512\n1,R,\xff,5\n", "line 3: found byte 0xff, allowed: UTF-8 text"),
        ("list.csv", LIST + b"0,R,0,512\n1,R,\x00,5\n", "line 3: found offset '\\x00', allowed: a whole number"),
        ("any.log", b"\x7fELF\x02\x01\x01\x00", "line 1: found '\\x7fELF"),
        ("any.csv", b"\x7fELF\x02\xd0\x01\x00", "line 1: found byte 0xd0, allowed: UTF-8 text"),
        ("any.log", b"", "line 1: found nothing, allowed: fio version 2 iolog or fio version 3 iolog"),
    ],
)
def test_a_broken_log_ends_with_code_2_its_line_and_no_trace(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    log, out = tmp_path / name, tmp_path / "out.parquet"
    log.write_bytes(content)
    result = CliRunner().invoke(app, ["import", str(log), "--out", str(out)])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{log}: {told}")
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.mp4"], "absent.mp4: found no file, allowed: a file: .mp4, .mkv, .webm, .csv or a log of requests"),
        (["absent.mp4", "--picture", "big"], "--picture: found 'big', allowed: 1280x720 or 1280x720@24"),
        ([str(FIO_LOG), "--codec", "h264"], "--codec: found a file read as fio, allowed: frames"),
        ([str(FIO_LOG), "--picture", "8x8"], "--picture: found a file read as fio, allowed: frames"),
        ([str(FIO_LOG), "--no-decode"], "--no-decode: found a file read as fio, allowed: frames"),
        ([str(FIO_LOG), "--action", "D"], "--action: found a file read as fio, allowed: blkparse"),
        (["absent.log", "--format", "fio"], "absent.log: found no file, allowed: a log of requests"),
    ],
)
def test_bad_input_ends_with_code_2_and_its_reason(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["import", *arguments])
    assert result.exit_code == 2
    assert result.stderr.strip() == told
    assert result.stdout == ""
