"""From a resolved scenario and a profile to the arrays of one host; all hosts of a cluster are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.heap import ENTRY
from cluster_sim.engine.layout import FrameFacts, GuestLayout, granule_bytes, lay_out
from cluster_sim.engine.sharing import idle_shares, room_for_jobs
from cluster_sim.engine.state import (
    CURSOR,
    CURVE,
    CURVE_POINTS,
    GUEST,
    JOURNAL,
    LINE,
    NOBODY,
    SERVER,
    STEP,
    STREAM,
    TRANSFER,
    Host,
    Int64s,
    Records,
    empty_lists,
)
from cluster_sim.io_paths.from_device import program
from cluster_sim.io_paths.parts import convert as convert_steps
from cluster_sim.io_paths.steps import COUNT_COUNT, Count, Program, Resource, Step
from cluster_sim.memory.guest_memfd import PAGES_PER_1G, PageTree, apply, convert, empty_tree
from cluster_sim.memory.outcomes import OK
from cluster_sim.memory.pages import (
    DESTROYED,
    EFFECT_COUNT,
    KEPT,
    PAGE_BYTES,
    PRIVATE,
    ZEROED,
    ConversionRules,
    Operation,
)
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX, empty_swiotlb
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec, SharedPoolPath, SwiotlbPath

CONTENT = {"kept": KEPT, "zeroed": ZEROED, "lost": DESTROYED}
SETUP_GRANULE_BYTES = 2 << 20
CONSUME = "consume"

Facts = Mapping[tuple[str, int], FrameFacts]


@dataclass(frozen=True, slots=True)
class PlannedGuest:
    """One guest of the host: its group, its number in the group, its memory, what setting it up took."""

    group: GuestGroupSpec
    index: int
    layout: GuestLayout
    setup_ns: int


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """One stream of the host: its guest on the host, its workload's number, its program and where that begins."""

    guest: int
    workload: int
    program: Program
    entry: int


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host, ready to run."""

    state: Host
    guests: tuple[PlannedGuest, ...]
    streams: tuple[PlannedStream, ...]


def conversion_rules(protection: Protection) -> ConversionRules:
    """The memory model's view of a technology."""
    return ConversionRules(
        CONTENT[protection.content_to_shared], CONTENT[protection.content_to_private], protection.keeps_guest_mapping
    )


def plan_host(scenario: ScenarioSpec, profile: Profile, facts: Facts, *, journal_entries: int = 0) -> HostPlan:
    """Build one host; `facts` holds the frame sizes of each (group name, workload number)."""
    protection = profile.protection
    guests = [
        PlannedGuest(group, index, layout, setup_ns(layout, group, scenario, profile))
        for group in scenario.guests
        for layout in (lay_out(scenario.io_path, group, group_facts(group, facts), protection),)
        for index in range(group.count_per_host)
    ]
    streams: list[PlannedStream] = []
    programs = Programs(profile)
    for number, guest in enumerate(guests):
        for workload, spec in enumerate(guest.group.workloads):
            steps = program(scenario.io_path, protection)
            entry = programs.add((guest.group.name, workload), steps, guest.group.vcpus, spec.consume)
            streams.append(PlannedStream(number, workload, steps, entry))
    servers, rows = build_servers(guests, streams)
    bases = np.cumsum([0, *(guest.layout.gib_entries for guest in guests)]) * PAGES_PER_1G
    largest = max(fact.largest for fact in facts.values())
    buffers = sum(len_buffers(guests, stream) for stream in streams)
    lines = np.zeros(len(servers) + len(streams), LINE)
    lines["first"] = NOBODY
    state = Host(
        steps=programs.table(),
        streams=build_streams(scenario, profile, guests, streams, rows, bases, facts),
        curves=build_curves(profile),
        servers=servers,
        lines=lines,
        ring=np.arange(buffers, dtype=np.int32),
        slots=np.zeros((buffers, -(-largest // MAPPING_BYTES_MAX)), np.int64),
        transfers=np.zeros(0, TRANSFER),
        timers=np.zeros(0, ENTRY),
        shares=idle_shares(profile.bandwidth_mb_per_s()),
        jobs=room_for_jobs(0),
        guests=np.zeros(len(guests), GUEST),
        journal=np.zeros(journal_entries, JOURNAL),
        cursor=np.zeros(1, CURSOR),
        lists=empty_lists(0),
        tree=build_tree(protection, guests, streams, bases),
        rules=conversion_rules(protection),
        pools=empty_swiotlb(
            [(g.layout.pool_bytes, g.layout.areas) for g in guests]
            if isinstance(scenario.io_path, SwiotlbPath)
            else [(MAPPING_BYTES_MAX, 1)]
        ),
    )
    share_pools(state, scenario, protection, guests)
    return HostPlan(state, tuple(guests), tuple(streams))


def group_facts(group: GuestGroupSpec, facts: Facts) -> list[FrameFacts]:
    """Frame facts of a group's workloads, in order."""
    return [facts[group.name, workload] for workload in range(len(group.workloads))]


def len_buffers(guests: Sequence[PlannedGuest], stream: PlannedStream) -> int:
    """Buffers of a stream."""
    return guests[stream.guest].group.workloads[stream.workload].buffers


class Programs:
    """All programs of a host in one table; streams of a group share one."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.steps: list[Step] = []
        self.prices: list[list[int]] = []
        self.entries: dict[tuple[str, int], int] = {}

    def add(self, key: tuple[str, int], steps: Program, vcpus: int, consume_ns: int) -> int:
        """Add a program unless it is there; where it begins."""
        if key not in self.entries:
            self.entries[key] = len(self.steps)
            for step in (*steps.steps, *steps.if_full):
                self.steps.append(step)
                self.prices.append(step_prices(step, self.profile, vcpus, consume_ns))
        return self.entries[key]

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


def step_prices(step: Step, profile: Profile, vcpus: int, consume_ns: int) -> list[int]:
    """What a step costs per unit of each count, ns."""
    prices = [0] * COUNT_COUNT
    for charge in step.charges:
        price = consume_ns if charge.price == CONSUME else profile.price_ns(charge.price, vcpus)
        prices[charge.count] += price
    return prices


def build_servers(guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream]) -> tuple[Records, list[list[int]]]:
    """All servers, and for each stream the server of each `Resource`."""
    capacity = [1]
    engine = 0
    vcpu, mmu_lock, areas = [], [], []
    for guest in guests:
        vcpu.append(len(capacity))
        capacity.append(guest.group.vcpus)
        mmu_lock.append(len(capacity))
        capacity.append(1)
        areas.append(range(len(capacity), len(capacity) + guest.layout.areas))
        capacity += [1] * guest.layout.areas
    rows = []
    for stream in streams:
        area = areas[stream.guest][home_area(guests[stream.guest], stream)]
        by_resource = {
            Resource.VCPU: vcpu[stream.guest],
            Resource.AREA_LOCK: area,
            Resource.MMU_LOCK: mmu_lock[stream.guest],
            Resource.WORKER: len(capacity),
            Resource.ENGINE: engine,
        }
        capacity.append(1)
        rows.append([by_resource[resource] for resource in Resource])
    servers = np.zeros(len(capacity), SERVER)
    servers["capacity"] = capacity
    return servers, rows


def home_area(guest: PlannedGuest, stream: PlannedStream) -> int:
    """The area where a stream's searches begin: that of the CPU which its thread calls home."""
    return stream.workload % guest.group.vcpus % guest.layout.areas


def build_streams(
    scenario: ScenarioSpec,
    profile: Profile,
    guests: Sequence[PlannedGuest],
    streams: Sequence[PlannedStream],
    servers: list[list[int]],
    bases: Int64s,
    facts: Facts,
) -> Records:
    """One row a stream."""
    protection = profile.protection
    llc_share = scenario.cluster.host.llc // len(streams)
    granule = granule_bytes(scenario.io_path)
    table = np.zeros(len(streams), STREAM)
    first_buffer = 0
    for row, stream, stream_servers in zip(table, streams, servers, strict=True):
        guest = guests[stream.guest]
        spec = guest.group.workloads[stream.workload]
        buffers = guest.layout.buffers[stream.workload]
        base = int(bases[stream.guest])
        working_set = 2 * spec.buffers * facts[guest.group.name, stream.workload].mean
        cpu_curve = CURVES.index("hot" if working_set <= llc_share else "cold")
        row["guest"] = row["pool"] = stream.guest
        row["entry"] = stream.entry
        row["if_full"] = stream.entry + len(stream.program.steps)
        row["servers"] = stream_servers
        row["first_buffer"] = first_buffer
        row["buffers"] = row["free_buffers"] = spec.buffers
        row["drops_when_full"] = spec.when_full == "drop"
        row["first_page"] = (base + buffers.device_page, base + buffers.own_page)
        row["pages"] = (buffers.device_pages, buffers.own_pages)
        row["granule_pages"] = granule // PAGE_BYTES
        row["call_granules"] = protection.call_granules_max
        row["chunk_bytes"] = protection.vmm_chunk_bytes(granule)
        row["other_vcpus"] = guest.group.vcpus - 1
        row["home_area"] = home_area(guest, stream)
        row["curves"] = (cpu_curve, cpu_curve, CURVES.index("engine"))
        first_buffer += spec.buffers
    return table


def build_curves(profile: Profile) -> Records:
    """Copy curves by their number in CURVES."""
    table = np.zeros(len(CURVES), CURVE)
    bus_milli = round(profile.bus_bytes_per_byte.value * 1000)
    for row, name in zip(table, CURVES, strict=True):
        points = profile.curve_points(name)
        assert 0 < len(points) <= CURVE_POINTS
        row["points"] = len(points)
        row["bytes"][: len(points)] = [size for size, _ in points]
        row["ns"][: len(points)] = [span for _, span in points]
        row["beyond_ns_per_mib"] = profile.curve_beyond_ns_per_mib(name)
        row["bus_milli"] = bus_milli if profile.curves[name].uses_bus else 0
    return table


def build_tree(
    protection: Protection, guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream], bases: Int64s
) -> PageTree:
    """All guests' files, private at first where the technology has private memory; buffers were touched at boot."""
    entries = int(bases[-1]) // PAGES_PER_1G
    blocks = sum(guest.layout.huge_blocks for guest in guests)
    tree = empty_tree(entries, mid_nodes=entries, leaf_nodes=blocks)
    tree.top["word"] = PRIVATE if protection.has_private_memory else 0
    touches = [Operation.GUEST_TOUCH_SHARED, Operation.HOST_TOUCH]
    if protection.has_private_memory:
        touches = [Operation.GUEST_TOUCH_PRIVATE]
    rules = conversion_rules(protection)
    for stream in streams:
        layout = guests[stream.guest].layout.buffers[stream.workload]
        count = len_buffers(guests, stream)
        base = int(bases[stream.guest])
        for operation in touches:
            touch(tree, rules, operation, base + layout.device_page, count * layout.device_pages)
            touch(tree, rules, operation, base + layout.own_page, count * layout.own_pages)
    return tree


def touch(tree: PageTree, rules: ConversionRules, operation: Operation, start: int, count: int) -> None:
    """Do at boot what must not be refused."""
    outcome, _ = apply(tree, start, count, int(operation), 0, rules, np.zeros(EFFECT_COUNT, np.int64))
    assert outcome == OK


def share_pools(state: Host, scenario: ScenarioSpec, protection: Protection, guests: Sequence[PlannedGuest]) -> None:
    """Convert each guest's pool to shared at boot, and let both sides map it for good; without protection all is."""
    if not protection.has_private_memory:
        state.guests["shared_pages"] = [guest.group.memory // PAGE_BYTES for guest in guests]
        return
    if not isinstance(scenario.io_path, SwiotlbPath | SharedPoolPath):
        return
    base = 0
    for row, guest in zip(state.guests, guests, strict=True):
        pages = guest.layout.pool_bytes // PAGE_BYTES
        outcome, _ = convert(state.tree, base, pages, 0, state.rules, np.zeros(EFFECT_COUNT, np.int64))
        assert outcome == OK
        touch(state.tree, state.rules, Operation.HOST_TOUCH, base, pages)
        touch(state.tree, state.rules, Operation.GUEST_TOUCH_SHARED, base, pages)
        row["shared_pages"] = pages
        base += guest.layout.gib_entries * PAGES_PER_1G


def setup_ns(layout: GuestLayout, group: GuestGroupSpec, scenario: ScenarioSpec, profile: Profile) -> int:
    """What sharing the pool at boot takes, alone: the conversion's charges over the pool's counts, and faults."""
    protection = profile.protection
    if not protection.has_private_memory or not isinstance(scenario.io_path, SwiotlbPath | SharedPoolPath):
        return 0
    granules = -(-layout.pool_bytes // SETUP_GRANULE_BYTES)
    pages = layout.pool_bytes // PAGE_BYTES
    chunk = protection.vmm_chunk_bytes(SETUP_GRANULE_BYTES)
    counts = {
        Count.ONCE: 1,
        Count.GRANULES: granules,
        Count.CALLS: -(-granules // protection.call_granules_max) if protection.call_granules_max else 1,
        Count.CHUNKS: -(-layout.pool_bytes // chunk) if chunk else 0,
        Count.OTHER_VCPUS: group.vcpus - 1,
        Count.CONVERTED: pages,
    }
    faults = ("host_fault_page", "guest_fault_shared_page")
    total = pages * sum(profile.price_ns(name, group.vcpus) for name in faults)
    for step in convert_steps(protection, to_private=False, granule_bytes=SETUP_GRANULE_BYTES):
        prices = step_prices(step, profile, group.vcpus, 0)
        total += sum(prices[count] * amount for count, amount in counts.items())
    return total
