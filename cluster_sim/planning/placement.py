"""Which guest is on which host, from when to when: groups on every host, and guests that the cluster places."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster_sim.chance.compiled_draws import SPACING, exponential
from cluster_sim.chance.keyed_draws import draw
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.planning.teardown import teardown_ns
from cluster_sim.scenario.spec import ArrivalSpec, ClusterSpec, GuestGroupSpec, ScenarioSpec

NOWHERE = -1
TO_THE_END = -1


@dataclass(frozen=True, slots=True)
class PlacedGuest:
    """One guest of the cluster: where it is, which of its group, from when to when.

    `host` is NOWHERE where no host had room, `refused_for` then what was short; `node` is its NUMA node there, 0 where
    it is bound to none; `leaves_ns` is TO_THE_END or an instant within the run, from which on giving back its memory
    takes `teardown_ns`. `index` counts guests of the group on the host, or in the cluster where that places them.
    """

    guest: int
    group: GuestGroupSpec
    index: int
    host: int
    arrives_ns: int = 0
    leaves_ns: int = TO_THE_END
    teardown_ns: int = 0
    refused_for: str = ""
    node: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What a guest takes: vCPUs, memory of the host, which may hold its own twice, and whether in huge pages."""

    vcpus: int
    memory_bytes: int
    own_bytes: int
    is_huge: bool = False


def demand_of(scenario: ScenarioSpec, group: GuestGroupSpec) -> Demand:
    """What a guest of a group takes."""
    is_huge = scenario.memory.huge_page > PAGE_BYTES and scenario.protection != "none"
    return Demand(group.vcpus, scenario.host_bytes(group), group.memory, is_huge)


@dataclass(slots=True)
class Room:
    """What a NUMA node has left, or a host whose guests are bound to none."""

    vcpus: int
    memory_bytes: int
    huge_bytes: int

    def lacks(self, demand: Demand) -> str:
        """What is short for one more guest, or nothing."""
        if demand.vcpus > self.vcpus:
            return "cpus"
        if demand.memory_bytes > self.memory_bytes:
            return "memory" if demand.own_bytes > self.memory_bytes else "held_twice"
        return "huge_pages" if demand.is_huge and demand.own_bytes > self.huge_bytes else ""

    def take(self, demand: Demand) -> None:
        """Give a guest its share."""
        self.vcpus -= demand.vcpus
        self.memory_bytes -= demand.memory_bytes
        self.huge_bytes -= demand.own_bytes

    def free_vcpus(self, demand: Demand) -> None:
        """A guest has left: its vCPUs are free at once."""
        self.vcpus += demand.vcpus

    def free_memory(self, demand: Demand) -> None:
        """All of a guest's memory has been taken back."""
        self.memory_bytes += demand.memory_bytes
        self.huge_bytes += demand.own_bytes


@dataclass(slots=True)
class HostRoom:
    """What a host has left, node by node: a guest is bound to the first that holds it."""

    nodes: list[Room]

    @property
    def whole(self) -> Room:
        """What all nodes have left together."""
        return Room(*(sum(getattr(node, field) for node in self.nodes) for field in Room.__slots__))

    @property
    def left(self) -> tuple[int, int]:
        """vCPUs, then bytes of memory: what hosts are chosen by."""
        whole = self.whole
        return whole.vcpus, whole.memory_bytes

    def lacks(self, demand: Demand) -> str:
        """What is short for one more guest: of the host, else of its roomiest node; or nothing."""
        short = [node.lacks(demand) for node in self.nodes]
        if not all(short):
            return ""
        roomiest = max(
            range(len(short)), key=lambda number: (self.nodes[number].vcpus, self.nodes[number].memory_bytes)
        )
        of_node = "memory" if short[roomiest] == "held_twice" else short[roomiest]
        return self.whole.lacks(demand) or f"node_{of_node}"

    def take(self, demand: Demand) -> int:
        """Give a guest its share of the first node that has it; that node, or the last where none has."""
        able = [number for number, node in enumerate(self.nodes) if not node.lacks(demand)]
        chosen = able[0] if able else len(self.nodes) - 1
        self.nodes[chosen].take(demand)
        return chosen


def empty_room(cluster: ClusterSpec) -> HostRoom:
    """What an empty host has: equal nodes, or one of all where memory is spread over them."""
    host = cluster.host
    nodes = 1 if host.numa == "spread" else host.nodes
    huge_bytes = host.memory if host.huge_pool == "auto" else host.huge_pool
    each = (host.cpus * host.vcpus_per_cpu // nodes, host.memory // nodes, huge_bytes // nodes)
    return HostRoom([Room(*each) for _ in range(nodes)])


def on_every_host(scenario: ScenarioSpec) -> list[tuple[GuestGroupSpec, int]]:
    """Guests that each host has, in order: groups as declared, then by index."""
    groups = [group for group in scenario.guests if group.count_per_host is not None]
    return [(group, index) for group in groups for index in range(group.count_per_host or 0)]


@dataclass(frozen=True, slots=True)
class Placement:
    """Who is where in a run; `placed` are those whom the cluster placed or refused, by host or NOWHERE."""

    scenario: ScenarioSpec
    chance: tuple[int, ...]
    placed: tuple[PlacedGuest, ...]

    def on_host(self, host: int) -> list[PlacedGuest]:
        """Guests that are ever on a host, in the order in which all rooms number them."""
        fixed = fixed_guests(self.scenario, self.chance, host)
        return [*fixed, *(placed for placed in self.placed if placed.host == host)]


def place_guests(scenario: ScenarioSpec, chance: tuple[int, ...]) -> Placement:
    """Place all guests of a run, whose chance is (seed, replication)."""
    return Placement(scenario, chance, tuple(placed_guests(scenario, chance)))


def fixed_guests(scenario: ScenarioSpec, chance: Sequence[int], host: int) -> list[PlacedGuest]:
    """Guests of the groups that every host has."""
    fixed = on_every_host(scenario)
    nodes = nodes_of_fixed(scenario, empty_room(scenario.cluster))
    first = host * len(fixed)
    arrivals = {
        group.name: arrivals_ns(group.arrive, group.count_per_host or 0, (*chance, host, group.name))
        for group in scenario.guests
    }
    placed_guests = []
    for number, (group, index) in enumerate(fixed):
        arrives_ns = arrivals[group.name][index]
        if arrives_ns < scenario.duration:
            leaves_ns = leaving_ns(group.arrive, arrives_ns, scenario.duration)
            gone_in_ns = 0 if leaves_ns == TO_THE_END else teardown_ns(scenario, group)
            placed_guests.append(
                PlacedGuest(first + number, group, index, host, arrives_ns, leaves_ns, gone_in_ns, node=nodes[number])
            )
    return placed_guests


def nodes_of_fixed(scenario: ScenarioSpec, room: HostRoom) -> list[int]:
    """Give the guests that every host has their shares of a room; the node of each."""
    return [room.take(demand_of(scenario, group)) for group, _ in on_every_host(scenario)]


def arrivals_ns(arrive: ArrivalSpec, count: int, key: Sequence[int | str]) -> list[int]:
    """When the guests of a group come."""
    if arrive.spacing == "linear":
        return [number * arrive.every for number in range(count)]
    draws_key = draw(1 << 62, *key, "arrive")
    instants, now_ns = [], 0
    for number in range(count):
        now_ns += int(exponential(arrive.every, draws_key, number, SPACING))
        instants.append(now_ns)
    return instants


def leaving_ns(arrive: ArrivalSpec, arrives_ns: int, duration_ns: int) -> int:
    """When a guest leaves, if it does so within the run."""
    if arrive.stay == "forever" or arrives_ns + arrive.stay >= duration_ns:
        return TO_THE_END
    return arrives_ns + arrive.stay


def placed_guests(scenario: ScenarioSpec, chance: Sequence[int]) -> list[PlacedGuest]:
    """Guests of the groups that the cluster places, in the order of their coming; some may be NOWHERE."""
    coming = [
        (arrives_ns, number, index, group)
        for number, group in enumerate(scenario.guests)
        if group.count is not None
        for index, arrives_ns in enumerate(arrivals_ns(group.arrive, group.count, (*chance, group.name)))
        if arrives_ns < scenario.duration
    ]
    if not coming:
        return []
    fixed = on_every_host(scenario)
    rooms = [empty_room(scenario.cluster) for _ in range(scenario.cluster.hosts)]
    for room in rooms:
        nodes_of_fixed(scenario, room)
    placed_guests: list[PlacedGuest] = []
    freeing: list[tuple[int, int, Callable[[Demand], None], Demand]] = []
    first = len(fixed) * scenario.cluster.hosts
    for guest, (arrives_ns, _, index, group) in enumerate(sorted(coming, key=lambda each: each[:3]), start=first):
        while freeing and freeing[0][0] <= arrives_ns:
            _, _, free, gone = heapq.heappop(freeing)
            free(gone)
        demand = demand_of(scenario, group)
        host, short = choose(rooms, demand, scenario.cluster.placement)
        node = 0 if host == NOWHERE else rooms[host].take(demand)
        leaves_ns = leaving_ns(group.arrive, arrives_ns, scenario.duration)
        gone_in_ns = 0 if leaves_ns == TO_THE_END or host == NOWHERE else teardown_ns(scenario, group)
        placed_guests.append(PlacedGuest(guest, group, index, host, arrives_ns, leaves_ns, gone_in_ns, short, node))
        if host != NOWHERE and leaves_ns != TO_THE_END:
            of_node = rooms[host].nodes[node]
            heapq.heappush(freeing, (leaves_ns, 2 * guest, of_node.free_vcpus, demand))
            heapq.heappush(freeing, (leaves_ns + gone_in_ns, 2 * guest + 1, of_node.free_memory, demand))
    return placed_guests


def choose(rooms: Sequence[HostRoom], demand: Demand, policy: str) -> tuple[int, str]:
    """The host that takes a guest, or NOWHERE and what the host with most room lacks.

    `first_fit`: the first that can; `best_fit`: the one with the fewest vCPUs left, then the least memory; `spread`:
    the one with the most.
    """
    lacking = [room.lacks(demand) for room in rooms]
    able = [number for number, short in enumerate(lacking) if not short]
    if not able:
        return NOWHERE, lacking[max(range(len(rooms)), key=lambda number: (rooms[number].left, -number))]
    match policy:
        case "first_fit":
            return able[0], ""
        case "best_fit":
            return min(able, key=lambda number: (rooms[number].left, number)), ""
        case _:
            return max(able, key=lambda number: (rooms[number].left, -number)), ""
