"""`crossover` and `sensitivity` as a user meets them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cluster_sim.analysis.studies import AskedCosts, sensitivity
from cluster_sim.cli import app
from tests.unit.analysis.studies.lone_guest import lone_guest


def invoke(folder: Path, command: str, *options: str) -> Result:
    lone_guest(folder, paths=("swiotlb", "pool"))
    where = ["--executor=inline", f"--results={folder / 'results'}"]
    return CliRunner().invoke(app, [command, str(folder / "lone.yaml"), *where, *options])


def test_crossover_says_where_and_keeps_charts_and_table(tmp_path: Path) -> None:
    asked = ["--vary=frame_size=48MiB..96MiB", "--between=swiotlb,shared_pool", "--grid=3", "--replications=1"]
    done = invoke(tmp_path, "crossover", *asked, "--precision=0.05")
    assert done.exit_code == 0, done.output
    assert "mean of swiotlb over pool, frame_size from " in done.output
    assert "no crossing: pool is ahead in all of the range." in done.output
    assert "One replication: there is no interval" in done.output
    assert "∞" in done.output
    (directory,) = (tmp_path / "results" / "lone").glob("crossover-*")
    made = {path.name for path in directory.iterdir()}
    assert made == {"study.json", "crossover.parquet", "points", "crossover-01.svg", "crossover-01.png"}
    again = invoke(tmp_path, "crossover", *asked, "--precision=0.05", "--resume")
    assert again.exit_code == 0, again.output


def test_crossover_over_the_costs_ranges_says_and_keeps_where_samples_cross(tmp_path: Path) -> None:
    """Bounced, a frame of more than the pool's 64 MiB is lost, whatever costs are."""
    asked = ["--vary=frame_size=48MiB..96MiB", "--between=swiotlb,pool", "--grid=3", "--replications=1"]
    options = [*asked, "--precision=0.05", "--set=duration=50ms", "--prices=10"]
    done = invoke(tmp_path, "crossover", *options)
    assert done.exit_code == 0, done.output
    assert "at the table's prices, and at 10 samples of all costs within their ranges" in done.output
    told = "Over the costs' ranges (10 samples) too there is no crossing; none in 10, where pool is ahead throughout."
    assert told in " ".join(done.output.split())
    (directory,) = (tmp_path / "results" / "lone").glob("crossover-*")
    table = pq.read_table(directory / "crossover_prices.parquet")
    assert table.column("sample").to_pylist() == list(range(10))
    assert set(table.column("at").to_pylist()) == {None}
    assert set(table.column("ahead_throughout").to_pylist()) == {"pool"}
    points = sorted((directory / "points").iterdir())
    again = invoke(tmp_path, "crossover", *options, "--resume")
    assert again.exit_code == 0, again.output
    assert sorted((directory / "points").iterdir()) == points


def test_sensitivity_says_who_is_ahead_how_often_and_draws_a_tornado(tmp_path: Path) -> None:
    done = invoke(tmp_path, "sensitivity", "--samples=2", "--set=protection=cca")
    assert done.exit_code == 0, done.output
    assert "pool is ahead of swiotlb in 100 % of the samples" in done.output
    assert "No cost within its range decides that." in done.output
    (directory,) = (tmp_path / "results" / "lone").glob("sensitivity-*")
    assert (directory / "tornado-01.svg").stat().st_size > 1000
    assert (directory / "tornado-01.png").read_bytes()[:4] == b"\x89PNG"


def test_bad_input_ends_with_2_and_says_what_is_allowed(tmp_path: Path) -> None:
    done = invoke(tmp_path, "crossover", "--vary=colour", "--between=swiotlb,pool")
    assert done.exit_code == 2
    assert "--vary: found 'colour', allowed: granule | keep | frame_size" in done.output
    done = invoke(tmp_path, "sensitivity", "--samples=3")
    assert done.exit_code == 2
    assert "allowed: a power of 2, the next one up is 4" in done.output
    done = invoke(tmp_path, "sensitivity", "--resume")
    assert done.exit_code == 2
    assert "--resume: found no study" in done.output


def test_ctrl_c_ends_with_1_and_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cluster_sim.experiments.pools.guests_of", interrupted)
    done = invoke(tmp_path, "crossover", "--vary=vcpus", "--between=swiotlb,pool")
    assert done.exit_code == 1
    assert "the same command with --resume goes on" in done.output


def test_scenarios_are_cut_where_that_changes_no_guests_surroundings(tmp_path: Path) -> None:
    experiment = lone_guest(tmp_path, ["cluster.hosts=3", "duration=2s"], paths=("swiotlb", "pool"))
    asked = AskedCosts(samples=2)
    found = sensitivity(experiment, asked, tmp_path / "results", executor="inline")
    assert found.simplified == ("cluster.hosts 3 taken as 1", "duration 2s taken as 200ms")
