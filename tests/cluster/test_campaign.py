"""A short fault campaign; `make campaign` does a long one."""

from pathlib import Path

import pytest

from tests.cluster.campaign import (
    ACTORS,
    KINDS,
    SETS,
    WORKLOAD,
    Victim,
    difference,
    kills_of,
    local_cluster,
    play,
    reference,
)
from tests.main_job import MAIN_JOB


@pytest.fixture(scope="module", name="nodes")
def _nodes() -> object:
    with local_cluster() as cluster:
        yield cluster


def test_kills_follow_from_the_seed_alone_and_every_round_has_every_kind() -> None:
    assert kills_of(7, 4, 100) == kills_of(7, 4, 100)
    for seed in range(20):
        kills = kills_of(seed, 4, 100)
        assert {kill.kind for kill in kills} == set(KINDS)
        assert [kill.windows for kill in kills] == sorted(kill.windows for kill in kills)


def test_a_round_of_kills_ends_with_the_bytes_of_a_run_in_one_process(nodes: object, tmp_path: Path) -> None:
    expected = reference(tmp_path)
    outcome = play(1, kills_of(1, 4, 30 * ACTORS * 5), tmp_path, nodes, expected)
    assert outcome.struck >= 3
    assert outcome.survived, outcome.why


def test_three_runs_at_once_on_one_cluster_do_not_disturb_each_other(nodes: object, tmp_path: Path) -> None:
    expected = reference(tmp_path / "alone")
    orders = [
        {
            "workload": MAIN_JOB,
            "sets": list(SETS),
            "results": str(tmp_path / str(number)),
            "name": "one",
            "address": nodes.address,  # type: ignore[attr-defined]  # Ray's cluster has no types
            "actors": number + 1,
            "snapshot_every": 0,
        }
        for number in range(3)
    ]
    victims = [Victim(order) for order in orders]
    for victim in victims:
        assert victim.wait(600) == 0, victim.errors
    assert {victim.fingerprint for victim in victims} == {expected.fingerprint}
    for number in range(3):
        assert not difference(tmp_path / str(number) / WORKLOAD / "one", expected)


def test_two_nodes_and_eight_actors_give_the_same_bytes(tmp_path: Path) -> None:
    expected = reference(tmp_path / "alone")
    with local_cluster(2) as cluster:
        order = {
            "workload": MAIN_JOB,
            "sets": list(SETS),
            "results": str(tmp_path),
            "name": "packed",
            "address": cluster.address,
            "actors": 8,
            "snapshot_every": 0,
        }
        victim = Victim(order)
        assert victim.wait(600) == 0, victim.errors
    assert victim.fingerprint == expected.fingerprint
    assert not difference(tmp_path / WORKLOAD / "packed", expected)
