"""Hosts of equal guests are planned once: each is yet what planning it by itself makes, and has arrays of its own."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import JsonValue

from cluster_sim.memory.page_tree import PAGES_PER_1G, read_words
from cluster_sim.planning.host_plan import HostPlan, plan_host
from cluster_sim.planning.placement import place_guests
from cluster_sim.planning.planner import Planner
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import Values, workload_sizes

HOSTS = 3
CHANCE = (1, 0)
STREAM: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}
CHURN: Values = {"kind": "churn", "rate": 1000, "size": "64KiB", "region": "2MiB", "order": "random"}
FIXED: Values = {"name": "fixed", "count_per_host": 2, "vcpus": 2, "memory": "1GiB", "workloads": [STREAM, CHURN]}
PLACED: Values = {"name": "placed", "count": 4, "vcpus": 2, "memory": "1GiB", "workloads": [STREAM]}
FAULT: Values = {"at": "1s", "host": 1, "guest": "fixed", "index": 0, "access": "host_load", "offset": "16MiB"}
ARRIVING: Values = {"arrive": {"every": "100ms", "spacing": "poisson"}}


def scenario(**more: JsonValue) -> ScenarioSpec:
    """Some hosts of bouncing guests, after a boot that splits huge pages."""
    return ScenarioSpec.model_validate(
        {
            "duration": "10s",
            "cluster": {"hosts": HOSTS, "host": {"cpus": 16, "memory": "64GiB"}},
            "guests": [FIXED],
            "protection": "sev-snp",
            "io_path": {"kind": "swiotlb", "pool": "4MiB"},
            "memory": {"generation": "G4", "huge_page": "2MiB"},
            **more,
        }
    )


def arrays_of(value: object, name: str = "state") -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    """All arrays of a host but its page tree's nodes, whose unused ones hold anything."""
    if isinstance(value, np.ndarray):
        yield name, value
    elif hasattr(value, "_fields"):
        for field in value._fields:
            if field not in ("mid", "leaf"):
                yield from arrays_of(getattr(value, field), field)


def words_of(plan: HostPlan) -> npt.NDArray[np.int64]:
    """The word of each page of all guests."""
    words = np.zeros(len(plan.state.tree.top) * PAGES_PER_1G, np.int64)
    read_words(plan.state.tree, 0, words)
    return words


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"guests": [FIXED, PLACED]},
        {"guests": [FIXED | ARRIVING]},
        {"faults": [FAULT]},
        {"memory": {"placement": "scattered"}},
    ],
    ids=["equal", "placed", "arriving", "faults", "scattered"],
)
def test_each_host_is_what_planning_it_alone_makes(more: Values) -> None:
    spec = scenario(**more)
    run_guests = RunGuests(spec, workload_sizes(spec), place_guests(spec, CHANCE))
    planner = Planner(spec, profile_of(spec), run_guests, {})
    for host in range(HOSTS):
        mine = planner.plan(host)
        alone = plan_host(spec, profile_of(spec), workload_sizes(spec), host=host, run_guests=run_guests)
        assert (mine.guests, mine.streams, mine.faults) == (alone.guests, alone.streams, alone.faults)
        both = ((*arrays_of(plan.spec), *arrays_of(plan.state)) for plan in (mine, alone))
        for (name, one), (_, other) in zip(*both, strict=True):
            assert one.dtype == other.dtype, name
            np.testing.assert_array_equal(one, other, name)
        np.testing.assert_array_equal(words_of(mine), words_of(alone))


def test_what_a_hosts_loop_writes_to_is_its_own() -> None:
    spec = scenario()
    planner = Planner(spec, profile_of(spec), RunGuests(spec, workload_sizes(spec), place_guests(spec, CHANCE)), {})
    plans = [planner.plan(host) for host in range(2)]
    assert planner.last_plan is not None
    plans.append(planner.last_plan)
    for (name, one), (_, other), (_, last) in zip(*(arrays_of(plan.state) for plan in plans), strict=True):
        assert not np.shares_memory(one, other), name
        assert not np.shares_memory(one, last), name
    assert not np.shares_memory(plans[0].state.tree.leaf, plans[1].state.tree.leaf)
    assert not np.shares_memory(plans[0].state.tree.mid, plans[1].state.tree.mid)


def test_hosts_of_equal_guests_share_their_definition_but_for_the_keys_of_their_draws() -> None:
    spec = scenario()
    planner = Planner(spec, profile_of(spec), RunGuests(spec, workload_sizes(spec), place_guests(spec, CHANCE)), {})
    one, other = (planner.plan(host).spec for host in range(2))
    own = [name for name in one._fields if getattr(one, name) is not getattr(other, name)]
    assert own == ["draw_keys"]
    assert (one.draw_keys != other.draw_keys).all()
