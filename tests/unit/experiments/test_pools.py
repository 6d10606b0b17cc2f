"""Points in this process: each table as it ends, in order; the first that fails ends all with its reason."""

from pathlib import Path

import pytest

from cluster_sim.experiments import pools
from cluster_sim.experiments.pools import InlinePool, pool_of
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.study_point import Point
from tests.unit.lone_host import scenario

POINTS = [Point(scenario("pkvm", {"kind": "swiotlb"}), Path(), 1, replication) for replication in range(3)]


def told(point: Point, table: object) -> str:
    """A digest that shows which point and table it was given."""
    return f"{point.replication} {table}"


def test_points_come_with_their_numbers_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "guests_of", lambda point: f"table {point.replication}")
    with pool_of("inline") as pool:
        assert list(pool.evaluate(POINTS, told)) == [(0, "0 table 0"), (1, "1 table 1"), (2, "2 table 2")]


def test_a_point_is_evaluated_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(pools, "guests_of", lambda point: asked.append(point.replication))
    found = InlinePool().evaluate(POINTS, told)
    next(found)
    assert asked == [0]


def test_a_point_that_fails_ends_all_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(point: Point) -> str:
        if point.replication == 1:
            raise ValueError("no such trace")
        return "table"

    monkeypatch.setattr(pools, "guests_of", fail)
    found = InlinePool().evaluate(POINTS, told)
    assert next(found) == (0, "0 table")
    with pytest.raises(RunFailedError, match="a point failed: ValueError: no such trace"):
        next(found)
