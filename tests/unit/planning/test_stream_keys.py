"""Keys of a host's draws: each stream has its own, and nobody else's coming changes it."""

import numpy as np

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.planning.host_plan import HostPlan
from cluster_sim.planning.stream_keys import keys_of
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.lone_host import Values, engine_of, scenario

CHANCE = (1, 0, 3)
RANGES = 32
BLOCK: Values = {"kind": "block", "rw": "randread", "bs": "4KiB", "iodepth": 4, "numjobs": 2}
CHURN: Values = {"kind": "churn", "rate": 1000, "size": "64KiB", "region": "2MiB"}


def engine(*workloads: Values, guests: int = 2) -> HostEngine:
    return engine_of(
        scenario("pkvm", {"kind": "swiotlb"}, guest={"workloads": list(workloads), "count_per_host": guests})
    )


def plan(*workloads: Values, guests: int = 2) -> HostPlan:
    return engine(*workloads, guests=guests).plan


def keys(found: HostPlan, chance: tuple[int, ...] = CHANCE) -> list[int]:
    return [int(key) for key in keys_of(found.streams, found.guests, chance)]


def test_a_key_is_drawn_by_seed_replication_host_group_guest_workload_job_and_use() -> None:
    assert keys(plan(BLOCK)) == [
        draw(1 << 62, 1, 0, 3, "raw", guest, 0, job, "requests", "requests") for guest in range(2) for job in range(2)
    ]


def test_another_guest_or_workload_moves_no_key_and_another_chance_moves_all() -> None:
    found = keys(plan(BLOCK))
    assert keys(plan(BLOCK, guests=3))[:4] == found
    more = keys(plan(BLOCK, CHURN))
    assert [more[0], more[1], more[3], more[4]] == found
    for other in ((2, 0, 3), (1, 1, 3), (1, 0, 4)):
        assert set(keys(plan(BLOCK), other)).isdisjoint(found)


def test_ranges_at_random_are_each_ranges_once_in_an_order_of_the_guests_own() -> None:
    in_order, at_random = (
        engine({**CHURN, "order": order}).state.ring.reshape(2, RANGES) for order in ("sequential", "random")
    )
    assert in_order.tolist() == np.arange(2 * RANGES).reshape(2, RANGES).tolist()
    for guest in range(2):
        assert sorted(at_random[guest].tolist()) == in_order[guest].tolist()
        assert at_random[guest].tolist() != in_order[guest].tolist()
    assert (at_random[0]).tolist() != (at_random[1] - RANGES).tolist()
