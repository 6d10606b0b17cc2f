"""`trace import`: a summary on success, one line on stderr and exit code 2 on bad input."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.cli.trace import app
from cluster_sim.traces.frames import read_frames


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.mp4"], "absent.mp4: found no file, allowed: a file: .mp4, .mkv, .webm, .csv"),
        (["absent.mp4", "--picture", "big"], "--picture: found 'big', allowed: 1280x720 or 1280x720@24"),
    ],
)
def test_bad_input_ends_with_code_2_and_its_reason(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["import", *arguments])
    assert result.exit_code == 2
    assert result.stderr.strip() == told
    assert result.stdout == ""
