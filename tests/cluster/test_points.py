"""Points on a real Ray: the tables are those of the pool in this process, whatever the number of actors."""

from pathlib import Path

import pyarrow as pa
import pytest

from cluster_sim.actors.driver import RunFailedError
from cluster_sim.actors.points import InlinePool, Point, PointPool, pool_of
from tests.unit.analysis.studies.lone_guest import lone_guest


def points(folder: Path) -> list[Point]:
    experiment = lone_guest(folder)
    return [
        Point(variant.scenario, folder, 1, replication) for variant in experiment.variants for replication in (0, 1)
    ]


def tables(pool: PointPool, folder: Path) -> list[pa.Table]:
    found = dict(pool.evaluate(points(folder)))
    return [found[number] for number in range(len(found))]


def test_a_pool_on_ray_gives_the_tables_of_this_process(tmp_path: Path) -> None:
    here = tables(InlinePool(), tmp_path)
    assert len(here) == 8
    for actors in (1, 3):
        with pool_of("ray", actors) as pool:
            there = tables(pool, tmp_path)
        assert all(one.equals(other) for one, other in zip(here, there, strict=True))


def test_a_point_that_fails_on_ray_is_told_in_one_line(tmp_path: Path) -> None:
    bad = [
        Point(point.scenario.model_copy(update={"profile": "nothing"}), tmp_path, 1, 0) for point in points(tmp_path)
    ]
    with pool_of("ray", 1) as pool, pytest.raises(RunFailedError, match="^a point failed: ") as failed:
        list(pool.evaluate(bad[:1]))
    assert "\n" not in str(failed.value)
