"""What an actor is told: windows that end with the run, and snapshots apart for whatever they depend on."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster_sim.results.storage import storage_of
from cluster_sim.runtime.run_order import RunOrder
from tests.unit.lone_host import Values, scenario

MS = 1_000_000
LADDER: Values = {
    "kind": "ladder",
    "rungs": ["low.parquet", "high.parquet"],
    "player": "bba",
    "link": [{"at": "0s", "rate": "5Mb/s"}],
}


def order(duration_ns: int = 1_000 * MS, window_ns: int = 300 * MS) -> RunOrder:
    spec = scenario("pkvm", {"kind": "swiotlb"}).model_copy(update={"duration": duration_ns, "window": window_ns})
    return RunOrder("plain", 0, 1, spec, Path(), storage_of("/results/run"), (0,))


@pytest.mark.parametrize(
    ("duration_ms", "ends_ms"),
    [(900, [300, 600, 900]), (901, [300, 600, 900, 901]), (299, [299]), (300, [300])],
)
def test_the_last_window_ends_with_the_run(duration_ms: int, ends_ms: list[int]) -> None:
    found = order(duration_ms * MS)
    assert found.windows == len(ends_ms)
    assert [found.window_ends_ns(window) for window in range(found.windows)] == [end * MS for end in ends_ms]


def test_only_players_that_adapt_decide_by_what_came_back() -> None:
    assert not order().looks_back
    adaptive = replace(
        order(), scenario=scenario("pkvm", {"kind": "swiotlb"}, source=LADDER, playout={"startup": "2s"})
    )
    assert adaptive.looks_back


def test_snapshots_lie_apart_for_all_that_they_depend_on_and_for_nothing_else() -> None:
    plain = order()
    others = (
        replace(plain, replication=1),
        replace(plain, seed=2),
        replace(plain, hosts=(0, 1)),
        replace(plain, variant="other"),
        order(window_ns=200 * MS),
    )
    folders = [each.snapshots.folder for each in (plain, *others)]
    assert len(set(folders)) == len(folders)
    again = replace(plain, token="again", folder=Path("/elsewhere"))  # noqa: S106
    assert again.snapshots.folder == folders[0]


def test_parts_that_two_write_at_a_time_are_told_apart() -> None:
    mine, theirs = order().part_location("guests"), replace(order(), token="other").part_location("guests")  # noqa: S106
    assert (mine.table, mine.variant, mine.replication) == ("guests", "plain", 0)
    assert mine.token != theirs.token


def test_parts_lie_apart_until_the_run_has_ended() -> None:
    assert order().unfinished == storage_of("/results/run").below("unfinished")
