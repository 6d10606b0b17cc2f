"""One scenario and seed, one fingerprint: wherever and however it runs."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from cluster_sim import load, open_results, run
from cluster_sim.experiments.driver import Executor, Finished
from cluster_sim.results.columns import TABLES
from tests.main_job import MAIN_JOB

SETS = (
    "duration=600ms",
    "window=200ms",
    "replications=2",
    "protection=pkvm",
    "guests.raw.count_per_host=2",
    "guests.coded.count_per_host=3",
    "faults=[{at: 250ms, access: host_load, guest: raw, host: 1}, {at: 300ms, access: pin, guest: coded}]",
)


def finished(results: Path, executor: Executor, actors: int, sets: Sequence[str] = ()) -> Finished:
    experiment = load(MAIN_JOB, [*SETS, *sets])
    return run(experiment, results, executor=executor, actors=actors)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished(tmp_path_factory.mktemp("inline"), "inline", 1)


@pytest.mark.parametrize("actors", [1, 2, 4])
def test_ray_gives_the_tables_and_the_fingerprint_of_inline(reference: Finished, tmp_path: Path, actors: int) -> None:
    on_ray = finished(tmp_path, "ray", actors)
    assert on_ray.fingerprint == reference.fingerprint
    for table in TABLES:
        ours, theirs = (sorted_table(path, table) for path in (on_ray.directory, reference.directory))
        assert ours.num_rows > 0
        assert ours.equals(theirs), table


def test_the_number_of_inline_shards_changes_nothing(reference: Finished, tmp_path: Path) -> None:
    assert finished(tmp_path, "inline", 3).fingerprint == reference.fingerprint


def test_another_seed_gives_another_fingerprint(reference: Finished, tmp_path: Path) -> None:
    assert finished(tmp_path, "inline", 1, ["seed=2"]).fingerprint != reference.fingerprint


def test_the_same_files_hold_the_same_bytes(reference: Finished, tmp_path: Path) -> None:
    again = finished(tmp_path, "inline", 2)
    files = sorted(path.relative_to(again.directory) for path in again.directory.rglob("*.parquet"))
    assert files
    for file in files:
        assert (again.directory / file).read_bytes() == (reference.directory / file).read_bytes(), file


def test_a_guest_more_leaves_the_others_arrivals_alone(reference: Finished, tmp_path: Path) -> None:
    more = finished(tmp_path, "inline", 1, ["guests.raw.count_per_host=3"])
    before, after = (first_arrivals(path) for path in (reference.directory, more.directory))
    assert before.items() <= after.items()


def test_the_window_is_no_artefact_of_the_results(reference: Finished, tmp_path: Path) -> None:
    other = finished(tmp_path, "inline", 1, ["window=150ms"])
    ours, theirs = (sorted_table(path, "transfers") for path in (other.directory, reference.directory))
    assert ours.equals(theirs)


def sorted_table(directory: Path, table: str) -> pa.Table:
    rows = open_results(directory).table(table)
    keys = ("variant", "replication", "host_id", "guest_id", "workload", "frame_index", "window")
    return rows.sort_by([(key, "ascending") for key in keys if key in rows.column_names])


def first_arrivals(directory: Path) -> dict[tuple[object, ...], object]:
    """Instant of frame 0 by (variant, replication, host, group, guest's place in its group)."""
    rows = sorted_table(directory, "transfers")
    seen: dict[tuple[object, ...], int] = {}
    arrivals: dict[tuple[object, ...], object] = {}
    for row in rows.select(
        ["variant", "replication", "host_id", "guest_group", "frame_index", "submitted_ns"]
    ).to_pylist():
        if row["frame_index"] == 0:
            place = (row["variant"], row["replication"], row["host_id"], row["guest_group"])
            seen[place] = seen.get(place, -1) + 1
            arrivals[(*place, seen[place])] = row["submitted_ns"]
    return arrivals
