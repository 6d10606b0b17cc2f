"""Who is placed where and when: by hand, for each policy, with room that is given back and room that is short."""

from dataclasses import replace

import pytest
from pydantic import JsonValue

from cluster_sim.planning.placement import (
    NOWHERE,
    TO_THE_END,
    Demand,
    HostRoom,
    Room,
    choose,
    fixed_guests,
    place_guests,
)
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import Values

GIB = 1 << 30
MS = 1_000_000
CHANCE = (1, 0)
STREAM: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}


def group(name: str = "placed", vcpus: int = 2, memory: str = "4GiB", **more: JsonValue) -> Values:
    return {"name": name, "vcpus": vcpus, "memory": memory, "workloads": [STREAM], **more}


def scenario(*groups: Values, hosts: int = 2, policy: str = "first_fit", **more: JsonValue) -> ScenarioSpec:
    """Hosts of four CPUs and 16 GiB."""
    host: Values = {"cpus": 4, "memory": "16GiB"}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": hosts, "host": host, "placement": policy},
            "guests": list(groups),
            "protection": "pkvm",
            "io_path": {"kind": "swiotlb"},
            **more,
        }
    )


def hosts_of(spec: ScenarioSpec) -> list[int]:
    return [guest.host for guest in place_guests(spec, CHANCE).placed]


@pytest.mark.parametrize(
    ("policy", "hosts"),
    [("first_fit", [0, 0, 1, 1]), ("best_fit", [0, 0, 1, 1]), ("spread", [0, 1, 0, 1])],
)
def test_guests_of_half_a_host_fill_one_after_the_other_or_are_spread(policy: str, hosts: list[int]) -> None:
    assert hosts_of(scenario(group(count=4), policy=policy)) == hosts


def host_room(*nodes: Room) -> HostRoom:
    return HostRoom(list(nodes))


ROOMS = [host_room(Room(*left, 0)) for left in ((4, 8 * GIB), (2, 9 * GIB), (2, 7 * GIB), (1, 9 * GIB))]
PLACED = Demand(vcpus=2, memory_bytes=4 * GIB, own_bytes=4 * GIB)


@pytest.mark.parametrize(("policy", "host"), [("first_fit", 0), ("best_fit", 2), ("spread", 0)])
def test_each_policy_chooses_by_what_is_left(policy: str, host: int) -> None:
    """Of rooms of 2 vCPUs the one with the least memory fits best; the last has too few vCPUs."""
    assert choose(ROOMS, PLACED, policy) == (host, "")


@pytest.mark.parametrize("policy", ["first_fit", "best_fit", "spread"])
def test_of_equal_hosts_the_first_is_taken(policy: str) -> None:
    assert choose([host_room(Room(4, 8 * GIB, 0))] * 3, PLACED, policy) == (0, "")


@pytest.mark.parametrize(
    ("room", "is_huge", "short"),
    [
        (Room(1, 4 * GIB, 4 * GIB), False, "cpus"),
        (Room(2, 4 * GIB - 1, 4 * GIB), False, "memory"),
        (Room(2, 4 * GIB, 4 * GIB - 1), True, "huge_pages"),
    ],
)
def test_one_vcpu_or_byte_too_few_refuses_a_guest_and_says_what_was_short(
    room: Room,
    is_huge: bool,  # noqa: FBT001
    short: str,
) -> None:
    demand = replace(PLACED, is_huge=is_huge)
    assert choose([host_room(room)], demand, "first_fit") == (NOWHERE, short)
    assert choose([host_room(Room(2, 4 * GIB, 4 * GIB))], demand, "first_fit") == (0, "")
    assert room.lacks(PLACED) == ("" if is_huge else short), "small pages need no pool of huge ones"


@pytest.mark.parametrize(("left", "short"), [(8 * GIB, ""), (8 * GIB - 1, "held_twice"), (4 * GIB - 1, "memory")])
def test_memory_that_is_held_twice_is_refused_by_that_name_where_once_would_fit(left: int, short: str) -> None:
    assert Room(2, left, 0).lacks(replace(PLACED, memory_bytes=8 * GIB)) == short


@pytest.mark.parametrize(
    ("nodes", "short"),
    [
        ((Room(1, 8 * GIB, 0), Room(1, 8 * GIB, 0)), "node_cpus"),
        ((Room(2, 3 * GIB, 0), Room(2, 3 * GIB, 0)), "node_memory"),
        ((Room(2, GIB, 0), Room(1, GIB, 0)), "memory"),
        ((Room(1, 8 * GIB, 0), Room(2, 4 * GIB, 0)), ""),
    ],
)
def test_a_guest_that_is_bound_to_a_node_must_fit_one(nodes: tuple[Room, Room], short: str) -> None:
    assert host_room(*nodes).lacks(PLACED) == short


def on_two_nodes(*groups: Values, numa: str = "pinned", hosts: int = 1) -> ScenarioSpec:
    """Hosts of two nodes, each of two CPUs and 8 GiB."""
    host: Values = {"cpus": 4, "memory": "16GiB", "nodes": 2, "sockets": 2, "numa": numa}
    return scenario(*groups, cluster={"hosts": hosts, "host": host})


def test_guests_fill_one_node_after_the_other_and_those_of_every_host_come_first() -> None:
    spec = on_two_nodes(group("every", vcpus=1, count_per_host=1), group(vcpus=1, memory="2GiB", count=4))
    assert [guest.node for guest in fixed_guests(spec, CHANCE, 0)] == [0]
    placed = place_guests(spec, CHANCE).placed
    assert [(guest.host, guest.node) for guest in placed] == [(0, 0), (0, 1), (0, 1), (NOWHERE, 0)]
    assert placed[-1].refused_for == "cpus"


def test_a_guest_larger_than_a_node_needs_its_memory_spread_over_both() -> None:
    groups = [group("every", vcpus=1, count_per_host=1), group(vcpus=3, memory="9GiB", count=1)]
    assert place_guests(on_two_nodes(*groups), CHANCE).placed[0].refused_for == "node_cpus"
    assert place_guests(on_two_nodes(*groups, numa="spread"), CHANCE).placed[0].refused_for == ""


def test_who_leaves_makes_room_on_the_node_where_it_was() -> None:
    spec = on_two_nodes(group(count=3, arrive={"every": "100ms", "stay": "200ms"}))
    assert [guest.node for guest in place_guests(spec, CHANCE).placed] == [0, 1, 0]


def test_a_host_that_would_hold_a_guest_twice_and_cannot_says_so() -> None:
    """16 GiB: the first guest with a device takes 12 GiB, which leaves room for 4 GiB once."""
    host: Values = {"cpus": 8, "memory": "16GiB", "assigned_memory": "all"}
    with_device = group(memory="6GiB", vcpus=1, count=1, assigned_devices=1)
    other = group("other", memory="3GiB", vcpus=1, count=2, assigned_devices=1)
    memory: Values = {"generation": "G0", "discard": False}
    spec = scenario(with_device, other, cluster={"hosts": 1, "host": host}, memory=memory)
    assert [guest.refused_for for guest in place_guests(spec, CHANCE).placed] == ["", "held_twice", "held_twice"]


def test_the_roomiest_host_says_what_was_short() -> None:
    """The first host has no vCPU left; the second has vCPUs, and lacks memory."""
    rooms = [host_room(Room(0, 64 * GIB, 0)), host_room(Room(2, GIB, 0))]
    assert choose(rooms, PLACED, "spread") == (NOWHERE, "memory")


def test_who_leaves_at_an_instant_has_made_room_for_who_comes_at_it() -> None:
    """One host for two guests; each comes 100 ms after the one before and stays 200 ms."""
    spec = scenario(group(count=4, arrive={"every": "100ms", "stay": "200ms"}), hosts=1)
    placed = place_guests(spec, CHANCE).placed
    assert [guest.host for guest in placed] == [0, 0, 0, 0]
    assert [(guest.arrives_ns // MS, guest.leaves_ns // MS) for guest in placed] == [
        (0, 200),
        (100, 300),
        (200, 400),
        (300, 500),
    ]


def test_who_stays_one_nanosecond_longer_has_not() -> None:
    spec = scenario(group(count=4, arrive={"every": "100ms", "stay": "200000001ns"}), hosts=1)
    placed = place_guests(spec, CHANCE).placed
    assert [guest.host for guest in placed] == [0, 0, NOWHERE, 0]
    assert placed[2].refused_for == "cpus"


def test_who_would_leave_at_the_end_of_the_run_stays_and_who_would_come_then_does_not() -> None:
    spec = scenario(group(count=3, arrive={"every": "500ms", "stay": "500ms"}))
    placed = place_guests(spec, CHANCE).placed
    assert [(guest.arrives_ns, guest.leaves_ns) for guest in placed] == [(0, 500 * MS), (500 * MS, TO_THE_END)]


def test_groups_of_every_host_take_their_share_first_and_are_numbered_first() -> None:
    """Two fixed guests a host of one vCPU each leave room for one of the cluster's two-vCPU guests a host."""
    spec = scenario(group("fixed", vcpus=1, memory="1GiB", count_per_host=2), group(count=3))
    placement = place_guests(spec, CHANCE)
    assert [(guest.guest, guest.host) for guest in placement.placed] == [(4, 0), (5, 1), (6, NOWHERE)]
    assert [[guest.guest for guest in placement.on_host(host)] for host in range(2)] == [[0, 1, 4], [2, 3, 5]]


def test_guests_that_come_by_chance_come_alike_whoever_else_is_there() -> None:
    """Poisson arrivals are drawn by the group's name: another group moves none of them."""
    random: Values = {"every": "10ms", "spacing": "poisson"}
    alone = place_guests(scenario(group(count=5, arrive=random), hosts=9), CHANCE).placed
    beside = place_guests(scenario(group("other", count=3), group(count=5, arrive=random), hosts=9), CHANCE).placed
    instants = [guest.arrives_ns for guest in alone]
    assert instants == [guest.arrives_ns for guest in beside if guest.group.name == "placed"]
    assert instants == sorted(instants)
    assert len(set(instants)) == 5
    other = place_guests(scenario(group(count=5, arrive=random), hosts=9), (2, 0)).placed
    assert instants != [guest.arrives_ns for guest in other], "another seed"
