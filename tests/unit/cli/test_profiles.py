"""`calibrate`, `profile` and `--profile` as they are typed: what they print, write and refuse."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.calibration import catalogue
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.sampling import QUICK, Effort, Measure, RefusedError, Round
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


def test_prices_prints_what_each_is_made_of_and_what_stands_in() -> None:
    code, text = typed("profile", "prices", "cca")
    assert code == 0
    rows = {line.split()[0]: line for line in text.splitlines() if "│" in line and not line.startswith(" ")}
    for told in ("2,100", "900 .. 31,000", "stand-in", "exit.plain_arm.kvm_exit", "a plain VM's"):
        assert told in rows["interrupt"], told
    assert "the granule's state is set by the call" in rows["accept_page"]
    assert "the same on AMD" in rows["host_fault_page"]


def test_prices_of_no_known_technology_are_refused() -> None:
    code, text = typed("profile", "prices", "sgx")
    assert code == 2
    assert "TECHNOLOGY: found 'sgx', allowed: none | pkvm | sev-snp | tdx | cca" in text


def test_diff_prints_only_what_differs(profile: Path) -> None:
    code, text = typed("profile", "diff", "shipped", str(profile))
    assert code == 0
    rows = [line for line in text.splitlines() if "." in line.split(" ")[0]]
    assert [row.split()[0] for row in rows] == ["notify.vhost_worker_per_io"]
    assert "1.75" in rows[0], "3.5 us over 2 us"


def test_diff_numbers_the_sources_of_both(profile: Path) -> None:
    _, text = typed("profile", "diff", "shipped", str(profile))
    row = next(line for line in text.splitlines() if line.startswith("notify.vhost_worker_per_io"))
    assert row.split()[-2:] == ["[1]", "[2]"]
    told = [line for line in text.splitlines() if line.startswith("[")]
    assert told[1] == "[2] a host of ours, 2026"


def test_diff_says_so_where_nothing_differs(profile: Path) -> None:
    for one, other in (("shipped", "shipped"), (str(profile), str(profile))):
        code, text = typed("profile", "diff", one, other)
        assert (code, text.strip()) == (0, "No cost differs.")


def test_diff_shows_costs_that_one_side_alone_has(profile: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(TABLE.replace("notify.vhost_worker_per_io", "notify.unheard_of"), "utf-8")
    code, text = typed("profile", "diff", str(profile), str(other))
    assert code == 0
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith("notify.")}
    assert set(rows) == {"notify.unheard_of", "notify.vhost_worker_per_io"}
    assert "–" in rows["notify.unheard_of"]
    assert "0.57" in rows["notify.vhost_worker_per_io"], "2 us, which the other leaves, over 3.5 us"


def test_diff_tells_what_is_wrong_with_both(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text("[", "utf-8")
    other.write_bytes(b"\xff")
    code, text = typed("profile", "diff", str(one), str(other))
    assert code == 2
    assert "one.toml: line 1: found" in text
    assert "other.toml: found no text, allowed: a table of costs" in text


def test_show_takes_the_shipped_table_by_name_and_later_files_win(profile: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.toml"
    later.write_text(TABLE.replace("3.5", "3.25").replace("a host of ours", "another host"), "utf-8")
    code, text = typed("profile", "show", "shipped", str(profile), str(later))
    assert code == 0
    line = next(line for line in text.splitlines() if line.startswith("notify.vhost_worker_per_io"))
    assert "3.25" in line
    assert "another host" in line
    assert typed("profile", "show")[1] == typed("profile", "show", "shipped")[1]


def test_a_cost_of_another_kind_is_refused_with_file_and_key(profile: Path) -> None:
    profile.write_text(TABLE.replace('unit = "us"', 'unit = "GB/s"'), "utf-8")
    code, text = typed("profile", "show", str(profile))
    assert code == 2
    assert "mine.toml: cost.notify.vhost_worker_per_io.unit: found GB/s, allowed: a duration, such as us" in text


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


def test_calibrate_that_is_interrupted_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Machine) -> list[Measure]:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "measures", interrupted)
    code, text = typed("calibrate", "--quick", "--out", str(tmp_path / "mine.toml"))
    assert code == 1
    assert "interrupted: nothing is written" in text
    assert list(tmp_path.iterdir()) == []


def test_calibrate_tells_what_was_refused_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(_: Machine) -> list[Measure]:
        def rounds(_: Effort) -> list[Round]:
            raise RefusedError("this machine is itself a guest")

        return [Measure("exit.plain_amd.hypercall", "us", "cpuid in a guest", rounds)]

    monkeypatch.setattr(catalogue, "measures", one)
    out = tmp_path / "mine.toml"
    code, text = typed("calibrate", "--quick", "--out", str(out))
    assert code == 0
    assert "exit.plain_amd.hypercall: refused: this machine is itself a guest" in text
    assert "[cost." not in out.read_text("utf-8")


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
