"""Points on a real Ray: the tables are those of the pool in this process."""

from pathlib import Path

import pyarrow as pa
import pytest

from cluster_sim.experiments.pools import InlinePool, pool_of
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.study_point import Point, PointPool
from tests.unit.analysis.studies.lone_guest import lone_guest


def points(folder: Path) -> list[Point]:
    experiment = lone_guest(folder, paths=("swiotlb", "pool"))
    return [
        Point(variant.scenario, folder, 1, replication) for variant in experiment.variants for replication in (0, 1)
    ]


def tables(pool: PointPool, folder: Path) -> list[pa.Table]:
    found = dict(pool.evaluate(points(folder), lambda _point, table: table))
    return [found[number] for number in range(len(found))]


def test_a_pool_on_ray_gives_the_tables_of_this_process_and_tells_a_failure_in_one_line(tmp_path: Path) -> None:
    here = tables(InlinePool(), tmp_path)
    assert len(here) == 4
    bad = Point(points(tmp_path)[0].scenario.model_copy(update={"profile": "nothing"}), tmp_path, 1, 0)
    with pool_of("ray", 3) as pool:
        there = tables(pool, tmp_path)
        with pytest.raises(RunFailedError) as failed:
            list(pool.evaluate([bad], lambda _point, table: table))
    assert all(one.equals(other) for one, other in zip(here, there, strict=True))
    assert str(failed.value).startswith("a point failed: ")
    assert "\n" not in str(failed.value)


def test_a_failure_loses_nothing_that_was_found_before_it_in_the_same_lot(tmp_path: Path) -> None:
    bad = Point(points(tmp_path)[0].scenario.model_copy(update={"profile": "nothing"}), tmp_path, 1, 0)
    asked = [*(points(tmp_path) * 4)[:15], bad]
    found: list[int] = []
    with pool_of("ray", 1) as pool, pytest.raises(RunFailedError):
        found.extend(number for number, _ in pool.evaluate(asked, lambda _point, table: table.num_rows))
    assert found == list(range(15))
