"""A point of a study: one run here, of which only the table `guests` is kept; by hand, and by chance alone."""

from pathlib import Path

import pyarrow as pa
import pytest

from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.study_point import Point, failure_of, guests_of
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.hand_prices import INJECT, INTERRUPT, WORKER, pool
from tests.unit.lone_host import RAW_1080P, Values

FRAMES = 10
LATENCY_NS = WORKER + INTERRUPT["pkvm"]
"""A frame that is made in the pool for a guest that sleeps."""


def small(**more: Values | int | str) -> ScenarioSpec:
    """Two hosts of two guests, ten frames a second each, for one second."""
    source: Values = {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": FRAMES}
    stream: Values = {"kind": "video", "source": source, "deadline": "16ms"}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "window": "300ms",
            "cluster": {"hosts": 2, "host": {"cpus": 64, "memory": "64GiB"}},
            "guests": [{"name": "raw", "count_per_host": 2, "vcpus": 2, "memory": "4GiB", "workloads": [stream]}],
            "protection": "pkvm",
            "io_path": pool("none"),
            "record": "transfers",
            **more,
        }
    )


def table_of(seed: int = 1, replication: int = 0) -> pa.Table:
    return guests_of(Point(small(), Path(), seed, replication))


def test_a_guests_row_is_what_its_ten_frames_add_up_to() -> None:
    rows = table_of().to_pylist()
    assert [(row["host_id"], row["guest_id"]) for row in rows] == [(0, 0), (0, 1), (1, 2), (1, 3)]
    for row in rows:
        assert (row["submitted"], row["delivered"], row["unfinished"], row["late"]) == (FRAMES, FRAMES, 0, 0)
        assert row["delivered_bytes"] == FRAMES * RAW_1080P
        assert row["latency_ns_sum"] == FRAMES * LATENCY_NS
        assert row["latency_ns_max"] == LATENCY_NS
        assert row["latency_count"] == [FRAMES]
        assert row["notify_ns"] == FRAMES * LATENCY_NS
        assert row["guest_cpu_ns"] == FRAMES * (INTERRUPT["pkvm"] - INJECT)
        assert row["host_cpu_ns"] == FRAMES * (WORKER + INJECT)
        assert row["exits"] == FRAMES, "an interrupt each, and no doorbell"
        assert row["conversions"] == row["host_copied_bytes"] == 0


def test_a_point_says_which_replication_it_is_and_all_call_their_variant_alike() -> None:
    for replication in (0, 3):
        table = table_of(replication=replication)
        assert set(table["variant"].to_pylist()) == {"point"}
        assert set(table["replication"].to_pylist()) == {replication}


def test_equal_seed_and_replication_give_equal_tables() -> None:
    assert table_of(seed=1, replication=2).equals(table_of(seed=1, replication=2))


def test_a_failed_point_says_of_its_error_what_and_the_first_line() -> None:
    found = failure_of(ValueError("found nothing\nsecond line"))
    assert isinstance(found, RunFailedError)
    assert str(found) == "a point failed: ValueError: found nothing"
    assert str(failure_of(KeyError())) == "a point failed: KeyError: "


@pytest.mark.parametrize("record", ["transfers", "windows", "summary"])
def test_nothing_is_written_whatever_the_definition_records(record: str, tmp_path: Path) -> None:
    guests_of(Point(small(record=record), tmp_path, 1, 0))
    assert list(tmp_path.iterdir()) == []
