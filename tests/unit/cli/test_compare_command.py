"""`compare` as a user meets it: strata, several runs, precision reached, refusals, narrow terminals."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from cluster_sim import load, open_results, run
from cluster_sim.cli import app
from cluster_sim.results.run_directory import read_manifest, write_manifest
from cluster_sim.results.storage import storage_of
from tests.main_job import MAIN_JOB

SETS = [
    "duration=200ms",
    "window=100ms",
    "record=summary",
    "replications=2",
    "cluster.hosts=1",
    "guests.raw.count_per_host=1",
    "guests.coded.count_per_host=1",
    "exclude=[{io_path: [convert-4k, convert-2m, direct]}, {protection: [none, sev-snp, tdx]}]",
]


def invoke(*arguments: object, columns: int | None = None) -> Result:
    env = {"COLUMNS": None if columns is None else str(columns)}
    return CliRunner().invoke(app, ["compare", *map(str, arguments)], env=env)


def make(folder: Path, name: str, *sets: str) -> Path:
    return run(load(MAIN_JOB, [*SETS, *sets]), folder, executor="inline", name=name).directory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("results"), "first")


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copied"))


def test_output_says_how_intervals_are_made_and_what_shows_no_difference(made: Path) -> None:
    done = invoke(made)
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert "95 % intervals from 2 pairs of replications: Student's t over the logarithms" in words
    assert "≈ no difference shown" in words
    assert "ratios are within ±2%" in words or "Every ratio that can be is within" in words


def test_bootstrap_says_where_it_is_t_all_the_same(made: Path) -> None:
    done = invoke(made, "--interval=bootstrap")
    assert "bootstrap BCa where there are 8 pairs or more, else Student's t" in " ".join(done.output.split())


def test_details_give_differences_effects_and_needs(made: Path) -> None:
    done = invoke(made, "--details")
    assert done.exit_code == 0
    assert "in detail" in done.output
    (line,) = [line for line in done.output.splitlines() if "difference" in line and "effect" in line][:1]
    assert "ratio" in line


@pytest.mark.parametrize(
    ("by", "titles"),
    [
        ("io_path", ["io_path swiotlb", "io_path pool-copy"]),
        ("group", ["group raw", "group coded"]),
        ("io_path,group", ["io_path swiotlb, group raw", "io_path pool-zero, group coded"]),
    ],
)
def test_strata_are_of_the_axes_that_are_asked_for(made: Path, by: str, titles: list[str]) -> None:
    done = invoke(made, f"--by={by}")
    assert done.exit_code == 0
    lines = [line.strip() for line in done.output.splitlines()]
    assert all(title in lines for title in titles)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_tables_keep_to_the_terminals_width_and_lose_no_figure(made: Path, width: int) -> None:
    done, wide = invoke(made, "--details", columns=width), invoke(made, "--details")
    assert done.exit_code == 0
    assert max(map(cell_len, done.output.splitlines())) <= width
    figures = {word for line in wide.output.splitlines() if "pool-zero" in line for word in line.split()}
    assert figures - {"pool-zero"} <= set(done.output.split()), "names may be folded, figures not"


def test_the_terminal_does_nothing_that_a_run_says(copied: Path) -> None:
    manifest = read_manifest(storage_of(copied))
    write_manifest(
        storage_of(copied), manifest.model_copy(update={"question": "[bold]\x1b[31m\u202e?", "status": "failed"})
    )
    done = invoke(copied)
    assert done.exit_code == 0
    assert "[bold]" in done.output
    assert "\x1b" not in done.output
    assert "This run is failed" in done.output


def test_precision_adds_replications_in_place_and_stops_at_the_most(copied: Path) -> None:
    done = invoke(copied, "--precision=0.9%", "--at-most=4", "--executor=inline")
    assert done.exit_code == 0, done.output
    manifest = read_manifest(storage_of(copied))
    assert (manifest.replications, manifest.status) == (4, "complete")
    assert set(open_results(copied).guests.to_arrow().column("replication").to_pylist()) == {0, 1, 2, 3}
    assert "running to 4 replications" in done.output
    assert "--at-most allows no more" in " ".join(done.output.split())


def test_precision_finer_than_histograms_says_which_figures_never_get_there(copied: Path) -> None:
    done = invoke(copied, "--precision=0.5%", "--at-most=2", "--executor=inline")
    assert done.exit_code == 0
    assert "p50, p99: no replications bring these to ±0.5%, histograms are coarser" in done.output


def test_a_table_that_is_damaged_is_bad_input(copied: Path) -> None:
    part = next(copied.glob("guests/*/*/*.parquet"))
    part.write_bytes(part.read_bytes()[:100])
    done = invoke(copied)
    assert done.exit_code == 2
    assert f"{copied}/guests: found what cannot be read" in done.stderr


def test_a_table_without_its_columns_is_bad_input(copied: Path) -> None:
    for part in copied.glob("guests/*/*/*.parquet"):
        pq.write_table(pq.read_table(part, partitioning=None).drop(["delivered"]), part)
    done = invoke(copied)
    assert done.exit_code == 2
    assert "found no column delivered" in done.stderr


def test_two_runs_are_compared_along_the_axis_run(made: Path, tmp_path: Path) -> None:
    other = make(tmp_path, "bigger", "guests.raw.vcpus=4")
    done = invoke(made, other)
    assert done.exit_code == 0, done.output
    assert "as a ratio to first" in done.output
    assert "axis run: guests.raw.vcpus: found 2 in first and 4 in bigger" in done.output
    again = invoke(made, other, "--baseline=run=bigger")
    assert "as a ratio to bigger" in again.output


def test_runs_that_are_not_comparable_are_refused_with_all_fields(made: Path, tmp_path: Path) -> None:
    done = invoke(made, make(tmp_path, "other", "seed=2", "duration=300ms", "cluster.hosts=2"))
    assert done.exit_code == 2
    for field in ("seed: found 1 in first and 2 in other", "duration: found '200ms'", "cluster.hosts: found 1"):
        assert field in done.stderr


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--by=path", "--by: found 'path', allowed: protection | io_path | group"),
        ("--precision=2", "--precision: found '2', allowed: a percentage"),
        ("--precision=0%", "--precision: found '0%'"),
        ("--precision=nan%", "--precision: found 'nan%'"),
        ("--baseline=io_path=bounce", "baseline io_path: found 'bounce'"),
        ("--interval=normal", "normal"),
        ("--at-most=1", "at-most"),
    ],
)
def test_options_that_cannot_be_are_bad_input(made: Path, option: str, told: str) -> None:
    done = invoke(made, option)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_precision_without_anything_to_compare_is_refused(tmp_path: Path) -> None:
    done = invoke(make(tmp_path, "lone", "io_path=swiotlb", "baseline={}"), "--precision=2%")
    assert done.exit_code == 2
    assert "--precision: found no ratios" in done.stderr
