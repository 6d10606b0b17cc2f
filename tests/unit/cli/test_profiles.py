"""`calibrate`, `profile` and `--profile` as they are typed: what they print, write and refuse."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.calibration import catalogue
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.sampling import QUICK, Effort, Measure, Round
from cluster_sim.cli import app
from cluster_sim.results.reader import open_results

TABLE = """
schema = 1
[source.here]
title = "a host of ours"
year = "2026"
address = "rack 7"
[cost.notify.vhost_worker_per_io]
value = 3.5
low = 3
high = 4
unit = "us"
source = "here"
confidence = "measured"
"""


def typed(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(TABLE, "utf-8")
    return file


def test_show_prints_costs_with_their_sources(profile: Path) -> None:
    code, text = typed("profile", "show", str(profile))
    assert code == 0
    line = next(line for line in text.splitlines() if line.startswith("notify.vhost_worker_per_io"))
    assert "3.5" in line
    assert "measured" in line
    assert "a host of ours" in line


def test_diff_prints_only_what_differs(profile: Path) -> None:
    code, text = typed("profile", "diff", "shipped", str(profile))
    assert code == 0
    rows = [line for line in text.splitlines() if "." in line.split(" ")[0]]
    assert [row.split()[0] for row in rows] == ["notify.vhost_worker_per_io"]
    assert "1.75" in rows[0], "3.5 us over 2 us"


def test_a_broken_profile_ends_with_2_and_tells_file_and_key(profile: Path) -> None:
    profile.write_text(TABLE.replace("low = 3", "low = 9").replace('unit = "us"', 'unit = "GB/s"'), "utf-8")
    for command in (["profile", "show", str(profile)], ["explain", "block_fio", "--profile", str(profile)]):
        code, text = typed(*command)
        assert code == 2
        assert "mine.toml: cost.notify.vhost_worker_per_io: found 9 .. 3.5 .. 4" in text.replace("\n", "")


def test_a_profile_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    code, text = typed("profile", "diff", "shipped", str(tmp_path / "none.toml"))
    assert code == 2
    assert "none.toml: found No such file" in text


def test_a_run_with_a_profile_keeps_its_costs_with_their_source(profile: Path, tmp_path: Path) -> None:
    options = ("--executor", "inline", "--results", str(tmp_path / "results"), "--name", "one")
    shorter = ("--set", "duration=100ms", "--set", "window=50ms", "--set", "replications=1")
    code, text = typed("run", "block_fio", *options, *shorter, "--profile", str(profile))
    assert code == 0, text
    manifest = open_results(tmp_path / "results" / "block_fio" / "one").manifest
    costs = [record["costs"] for record in manifest.profiles.values()]
    assert costs
    for each in costs:
        assert isinstance(each, dict)
        found = each["notify.vhost_worker_per_io"]
        assert isinstance(found, dict)
        assert found["value"] == 3.5
        assert found["confidence"] == "measured"
        assert found["source"] == "a host of ours"


def test_calibrate_writes_a_table_that_profile_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def two(_: Machine) -> list[Measure]:
        def rounds(_: Effort) -> list[Round]:
            return [Round(160.0), Round(170.0), Round(180.0)]

        return [Measure("mm.syscall", "us", "getppid", rounds)]

    monkeypatch.setattr(catalogue, "measures", two)
    out = tmp_path / "mine.toml"
    code, text = typed("calibrate", "--quick", "--out", str(out))
    assert code == 0, text
    assert "mm.syscall" in text
    assert f"0 of {3 * QUICK.passes}" in text
    code, text = typed("profile", "show", str(out))
    assert "cluster-sim calibrate on" in text
    code, text = typed("calibrate", "--quick", "--out", str(out))
    assert code == 2, "a file that is there stays"
    assert "--force" in text
    assert typed("calibrate", "--quick", "--out", str(out), "--force")[0] == 0
    assert typed("calibrate", "--quick", "--out", str(tmp_path / "no" / "mine.toml"))[0] == 2
