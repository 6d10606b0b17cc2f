"""Tables of a host's loop: steps with their prices, servers, streams, copy curves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.host_spec import CURVE, CURVE_POINTS, SERVER, SIZE, STEP, STREAM, Records
from cluster_sim.engine.host_state import SERVER_STATE, STREAM_STATE
from cluster_sim.engine.state import DROP_NEWEST, DROP_OLDEST, FAR_NS, NOBODY, WAIT
from cluster_sim.integers import NS_PER_S, PAGE_BYTES, Int64s
from cluster_sim.io_paths.path_context import driver_of
from cluster_sim.io_paths.path_needs import Calls, PathNeeds, SlotNeeds
from cluster_sim.io_paths.steps import COUNT_COUNT, Direction, Mover, Program, Resource, Step
from cluster_sim.memory.page_tree import PAGES_PER_2M
from cluster_sim.memory.swiotlb import pieces_of
from cluster_sim.planning.guest_layout import buffer_bytes, facts_of_queue
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.queues import Facts, Queue
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.spec import ClusterSpec, HostSpec, ScenarioSpec
from cluster_sim.scenario.units import MIB
from cluster_sim.scenario.workload_traits import QueueTraits, Role

WHEN_FULL = {"wait": WAIT, "drop_newest": DROP_NEWEST, "drop_oldest": DROP_OLDEST}
NIC_CURVE = len(CURVES)
STORAGE_CURVE = NIC_CURVE + 1
LINK_CURVE = STORAGE_CURVE + 1
ANY_RANGE = 1 << 62
NOTHING_COUNTED = -1


class Programs:
    """All programs of a host in one table; streams of a group that are alike share theirs."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.steps: list[Step] = []
        self.prices: list[list[int]] = []
        self.entries: dict[tuple[object, ...], int] = {}
        """Where each begins."""
        self.programs: dict[tuple[object, ...], Program] = {}

    def add(self, key: tuple[object, ...], program: Program, vcpus: int, own: Mapping[str, int]) -> None:
        """Add a program; `own` are prices that the definition gives."""
        self.entries[key] = len(self.steps)
        self.programs[key] = program
        for step in (*program.steps, *program.if_full):
            self.steps.append(step)
            self.prices.append(step_prices(step, self.profile, vcpus, own))

    def table(self) -> Records:
        """The table as the loop reads it."""
        table = np.zeros(len(self.steps), STEP)
        for row, step, prices in zip(table, self.steps, self.prices, strict=True):
            charged = np.flatnonzero(prices)
            row["op"] = step.op
            row["resource"] = step.resource or 0
            row["category"] = step.category or 0
            row["runner"] = step.runner
            row["argument"] = step.argument
            row["range"] = step.range
            row["exits"] = -1 if step.exits is None else step.exits
            row["prices"] = prices
            row["first_price"], row["last_price"] = (charged[0], charged[-1] + 1) if len(charged) else (0, 0)
        return table


def step_prices(step: Step, profile: Profile, vcpus: int, own: Mapping[str, int]) -> list[int]:
    """What a step costs per unit of each count, ns."""
    prices = [0] * COUNT_COUNT
    for charge in step.charges:
        price = own[charge.price] if charge.price in own else profile.price_ns(charge.price, vcpus)
        prices[charge.count] += price
    return prices


@dataclass(frozen=True, slots=True)
class Servers:
    """All servers, for each stream the server of each `Resource`, and the CPUs that the host has for all."""

    table: Records
    of_stream: tuple[tuple[int, ...], ...]


def of_host(host: HostSpec, cpus: int) -> dict[Resource, int]:
    """Capacities of what a host has; `cpus` are those that no spinning vCPU keeps for itself."""
    return {
        Resource.ENGINE: host.engine.engines,
        Resource.ENGINE_QUEUE: host.engine.depth,
        Resource.CPU: max(cpus, 1),
        Resource.IOMMU: 1,
        Resource.STORAGE: host.storage.parallel,
        Resource.NIC_OUT: 1,
        Resource.NIC_IN: 1,
    }


def build_servers(
    host: HostSpec, cpus: int, guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream]
) -> Servers:
    """The host's own servers first, then each guest's, then each stream's, and the link to each host it goes to."""
    shared = of_host(host, cpus)
    capacity = list(shared.values())
    number_of = dict(zip(shared, range(len(shared)), strict=True))
    by_guest, areas = [], []
    for guest in guests:
        first = len(capacity)
        vcpus = guest.placed.group.vcpus
        by_guest.append({Resource.VCPU: first, Resource.MMU_LOCK: first + 1, Resource.BOOT: first + 2})
        capacity += [vcpus, vcpus, 1]
        areas.append(range(len(capacity), len(capacity) + guest.layout.needs.areas))
        capacity += [1] * guest.layout.needs.areas
    rows = []
    links: dict[int, int] = {}
    for number, stream in enumerate(streams):
        own = {
            Resource.AREA_LOCK: areas[stream.guest][home_area(guests[stream.guest], number)],
            Resource.WORKER: len(capacity),
            Resource.THREAD: len(capacity) + 1,
        }
        capacity += [1, 1]
        own[Resource.LINK] = links.setdefault(stream.queue.traits.hosts_on, len(capacity))
        if own[Resource.LINK] == len(capacity):
            capacity.append(1)
        found = number_of | by_guest[stream.guest] | own
        rows.append(tuple(found[resource] for resource in Resource))
    table = np.zeros(len(capacity), SERVER)
    table["capacity"] = capacity
    table["polls_ns"][[row[Resource.WORKER] for row in rows]] = host.worker_poll
    return Servers(table, tuple(rows))


def home_area(guest: PlannedGuest, stream: int) -> int:
    """The area where a stream's searches begin: that of the CPU which its thread calls home, streams in turn."""
    return (stream - guest.first_stream) % guest.placed.group.vcpus % guest.layout.needs.areas


def build_streams(
    scenario: ScenarioSpec,
    profile: Profile,
    guests: Sequence[PlannedGuest],
    streams: Sequence[PlannedStream],
    servers: Servers,
    bases: Int64s,
    facts: Facts,
) -> Records:
    """One row a stream, without the key of its draws."""
    protection, memory, host = profile.protection, scenario.memory, scenario.cluster.host
    moving = sum(stream.queue.traits.moves_data for stream in streams)
    llc_share = host.llc // max(moving, 1)
    table = np.zeros(len(streams), STREAM)
    first_buffer = first_mapping = first_size = 0
    for number, (row, stream) in enumerate(zip(table, streams, strict=True)):
        guest = guests[stream.guest]
        group, queue, traits = guest.placed.group, stream.queue, stream.queue.traits
        needs = guest.layout.needs
        buffers = guest.layout.buffers[number - guest.first_stream]
        base = int(bases[stream.guest])
        fact = facts_of_queue(queue, group, facts)
        row["guest"] = row["pool"] = stream.guest
        for direction, entry in stream.entries.items():
            row["entry"][direction] = entry
            row["if_full"][direction] = entry + len(stream.programs[direction].steps)
            row["work_ns"][direction] = traits.consume_ns if direction == Direction.FROM_DEVICE else traits.produce_ns
        row["servers"] = servers.of_stream[number]
        row["first_buffer"] = first_buffer
        row["buffers"] = buffers.count
        row["first_page"] = (base + buffers.device_page, base + buffers.own_page)
        row["pages"] = (buffers.device_pages, buffers.own_pages)
        unit = unit_of(queue, needs, memory, guest.layout.pool_bytes)
        row["granule_pages"] = unit // PAGE_BYTES
        row["call_bytes"] = call_bytes(protection, memory, needs.calls if traits.moves_data else "batched", unit)
        row["chunk_bytes"] = chunk_bytes(protection, memory, int(row["call_bytes"]))
        row["other_vcpus"] = group.vcpus - 1
        row["descriptor_bytes"] = PAGE_BYTES if memory.placement == "scattered" else host.engine.transfer_max
        row["batch_descriptors"] = host.engine.batch
        row["home_area"] = home_area(guest, number)
        size = buffer_bytes(queue, fact) if traits.moves_data else 0
        row["buffer_bytes"] = size
        if needs.slots is not None and traits.moves_data:
            row["extra_mappings"] = extra_mappings(queue, needs.slots)
            row["min_align_mask"] = needs.slots.min_align_mask
            row["first_mapping"] = first_mapping
            row["mappings"] = pieces_of(size, needs.slots.min_align_mask) + row["extra_mappings"]
        row["curves"] = curves_of(2 * buffers.count * fact.mean <= llc_share)
        row["next_stream"] = NOBODY
        row["latency_ns"] = scenario.cluster.network.latency
        row["starts_ns"] = guest.placed.arrives_ns + guest.layout.boots  # behind the first part of the boot
        row["first_size"], row["sizes"] = first_size, len(traits.sizes)
        put_traits(row, traits)
        first_buffer += buffers.count
        first_mapping += int(buffers.count * row["mappings"])
        first_size += len(traits.sizes)
    return table


def put_traits(row: np.void, traits: QueueTraits) -> None:
    """What a stream has from its workload alone."""
    row["when_full"] = WHEN_FULL[traits.when_full]
    row["draws_work"] = traits.is_work_random
    row["deadline_ns"] = traits.deadline_ns
    row["reads_percent"] = traits.reads_percent
    row["is_heard"] = traits.reports_ends
    row["is_closed"] = traits.is_closed
    row["think_ns"] = traits.think_ns


def streams_at_rest(streams: Records) -> Records:
    """State of streams whose buffers are all free."""
    table = np.zeros(len(streams), STREAM_STATE)
    table["usable_buffers"] = table["free_buffers"] = streams["buffers"]
    table["counted_bytes"] = NOTHING_COUNTED
    return table


def servers_at_rest(servers: Records) -> Records:
    """State of servers that nobody holds."""
    table = np.zeros(len(servers), SERVER_STATE)
    table["free_ns"] = -FAR_NS
    return table


def sizes_table(streams: Iterable[PlannedStream]) -> Records:
    """Sizes of all streams that draw theirs, one after the other, with their percents added up."""
    rows = []
    for stream in streams:
        up_to = 0
        for size, percent in stream.queue.traits.sizes.items():
            up_to += percent
            rows.append((size, up_to))
    return np.array(rows, SIZE)


def extra_mappings(queue: Queue, slots: SlotNeeds) -> int:
    """Mappings of a request beside its data; where mappings stay, these stay too."""
    if slots.stay_mapped:
        return 0
    return max(driver_of(queue.traits.driver, direction).extra_mappings for direction in queue.directions)


def unit_of(queue: Queue, needs: PathNeeds, memory: MemorySpec, pool_bytes: int) -> int:
    """Unit in which a queue's conversions are counted."""
    if queue.role == Role.POOL:
        return setup_unit(memory, pool_bytes)
    return queue.traits.unit_bytes or needs.granule_bytes


def setup_unit(memory: MemorySpec, pool_bytes: int) -> int:
    """Unit in which a pool is shared: 2 MiB where it lies together and is whole ones."""
    whole = pool_bytes % (PAGES_PER_2M * PAGE_BYTES) == 0
    return PAGE_BYTES if memory.placement == "scattered" or not whole else PAGES_PER_2M * PAGE_BYTES


def call_bytes(protection: Protection, memory: MemorySpec, calls: Calls, granule: int) -> int:
    """Bytes that one call covers, ANY_RANGE where nothing bounds it; a range is one page where they are scattered."""
    any_range = PAGE_BYTES if memory.placement == "scattered" else ANY_RANGE
    own_most = protection.call_bytes_max or any_range
    match calls:
        case "page":
            return min(granule, own_most)
        case "ranged":
            return any_range
        case _:
            return min(protection.call_granules_max * granule or any_range, own_most)


def chunk_bytes(protection: Protection, memory: MemorySpec, call: int) -> int:
    """Bytes that one exit to the VMM covers, within a call; each contiguous run is an exit of its own."""
    chunk = protection.vmm_chunk_bytes(call)
    return PAGE_BYTES if memory.placement == "scattered" and chunk else chunk


def curves_of(is_hot: bool) -> list[int]:  # noqa: FBT001 - the one thing that decides
    """The curve of each `Mover` for a stream whose data stays in the cache, or does not."""
    cpu = CURVES.index("hot" if is_hot else "cold")
    found = {
        Mover.GUEST: cpu,
        Mover.HOST: cpu,
        Mover.ENGINE: CURVES.index("engine"),
        Mover.CRYPTO: CURVES.index("crypto"),
        Mover.NIC: NIC_CURVE,
        Mover.STORAGE: STORAGE_CURVE,
        Mover.LINK: LINK_CURVE,
    }
    return [found[mover] for mover in Mover]


def build_curves(profile: Profile, cluster: ClusterSpec) -> Records:
    """Copy curves by their number in CURVES, then the network card's, the storage's and the links'."""
    table = np.zeros(LINK_CURVE + 1, CURVE)
    bus_milli = round(profile.bus_bytes_per_byte.value * 1000)
    for row, name in zip(table, CURVES, strict=False):
        points = profile.curve_points(name)
        assert 0 < len(points) <= CURVE_POINTS
        row["points"] = len(points)
        row["bytes"][: len(points)] = [size for size, _ in points]
        row["ns"][: len(points)] = [span for _, span in points]
        row["beyond_ns_per_mib"] = profile.curve_beyond_ns_per_mib(name)
        row["bus_milli"] = bus_milli if profile.curves[name].uses_bus else 0
    host = cluster.host
    of_rate = [
        (NIC_CURVE, 0, host.nic.rate),
        (STORAGE_CURVE, host.storage.latency, host.storage.rate),
        (LINK_CURVE, 0, cluster.network.rate),
    ]
    for number, latency_ns, bytes_per_s in of_rate:
        table[number]["points"] = 1
        table[number]["ns"][0] = latency_ns
        table[number]["beyond_ns_per_mib"] = NS_PER_S * MIB // bytes_per_s if bytes_per_s else 0
    return table
