"""From a resolved scenario and a profile to the arrays of one host; all hosts of a cluster are alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cluster_sim.engine.boot import boot, build_tree, memory_rules, place
from cluster_sim.engine.faults import PlannedFault
from cluster_sim.engine.heap import ENTRY
from cluster_sim.engine.layout import FrameFacts, GuestLayout, PlannedGuest, granule_bytes, lay_out
from cluster_sim.engine.sharing import idle_shares, room_for_jobs
from cluster_sim.engine.state import (
    ALIVE,
    CURSOR,
    CURVE,
    CURVE_POINTS,
    FOREVER,
    GUEST,
    JOURNAL,
    LINE,
    NOBODY,
    ON_PIN_DEFER,
    ON_PIN_RETRY,
    ON_PIN_WAIT,
    SERVER,
    STEP,
    STREAM,
    TRANSFER,
    Host,
    Int64s,
    Policy,
    Records,
    empty_lists,
)
from cluster_sim.io_paths.from_device import program
from cluster_sim.io_paths.parts import convert as convert_steps
from cluster_sim.io_paths.steps import COUNT_COUNT, Count, Op, Program, Resource, Step
from cluster_sim.memory.effects import EFFECT_COUNT, Counts, Effect
from cluster_sim.memory.page_tree import PAGES_PER_1G
from cluster_sim.memory.pages import PAGE_BYTES, Operation
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX, empty_swiotlb
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.spec import GuestGroupSpec, MemorySpec, ScenarioSpec, SharedPoolPath, SwiotlbPath

ON_PIN = {"retry": ON_PIN_RETRY, "wait": ON_PIN_WAIT, "defer": ON_PIN_DEFER}
SETUP_GRANULE_BYTES = 2 << 20
CONSUME = "consume"

Facts = Mapping[tuple[str, int], FrameFacts]


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
    faults: tuple[PlannedFault, ...]
    protection: Protection


def plan_host(
    scenario: ScenarioSpec,
    profile: Profile,
    facts: Facts,
    *,
    host: int = 0,
    chance: tuple[int, ...] = (0,),
    journal_entries: int = 0,
) -> HostPlan:
    """Build one host; `facts` holds the frame sizes of each (group name, workload number).

    Hosts differ in their faults and in placement, whose draws are keyed by `chance` (seed, replication) and the host.
    """
    protection = profile.protection
    guests = [
        PlannedGuest(group, index, layout)
        for group in scenario.guests
        for layout in (lay_out(scenario.io_path, group, group_facts(group, facts), protection, scenario.memory),)
        for index in range(group.count_per_host)
    ]
    streams: list[PlannedStream] = []
    programs = Programs(profile)
    for number, guest in enumerate(guests):
        for workload, spec in enumerate(guest.group.workloads):
            steps = program(scenario.io_path, protection, scenario.memory)
            entry = programs.add((guest.group.name, workload), steps, guest.group.vcpus, spec.consume)
            streams.append(PlannedStream(number, workload, steps, entry))
    servers, rows = build_servers(guests, streams)
    bases = np.cumsum([0, *(guest.layout.gib_entries for guest in guests)]) * PAGES_PER_1G
    placement = place(scenario, guests, bases, (*chance, host))
    io_bases = bases
    if len(placement):
        io_bases = np.cumsum([0, *(guest.layout.io_pages for guest in guests)])
    largest = max(fact.largest for fact in facts.values())
    buffers = sum(len_buffers(guests, stream) for stream in streams)
    lines = np.zeros(len(servers) + len(streams), LINE)
    lines["first"] = NOBODY
    state = Host(
        steps=programs.table(),
        streams=build_streams(scenario, profile, guests, streams, rows, io_bases, facts),
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
        tree=build_tree(scenario, protection, guests, bases),
        rules=memory_rules(protection, scenario.memory),
        pools=empty_swiotlb(
            [(g.layout.pool_bytes, g.layout.areas) for g in guests]
            if isinstance(scenario.io_path, SwiotlbPath)
            else [(MAPPING_BYTES_MAX, 1)]
        ),
        policy=policy_of(scenario),
        placement=placement,
        holds=np.zeros(buffers, ENTRY),
        held_until=np.zeros(buffers, np.int64),
        held_pages=np.zeros(buffers, np.int64),
        pin_waiters=np.full(buffers, NOBODY),
        scratch=np.zeros(EFFECT_COUNT, np.int64),
    )
    state.guests["died_ns"] = ALIVE
    effects = boot(state, scenario, protection, guests, bases, io_bases)
    guests = [
        replace(guest, setup_ns=setup_ns(guest.layout, guest.group, scenario, profile, done))
        for guest, done in zip(guests, effects, strict=True)
    ]
    return HostPlan(state, tuple(guests), tuple(streams), faults_of(scenario, guests, bases, host), protection)


def faults_of(
    scenario: ScenarioSpec, guests: Sequence[PlannedGuest], bases: Int64s, host: int
) -> tuple[PlannedFault, ...]:
    """The faults of one host, in the order of their instants, then of the definition."""
    found = []
    for fault in scenario.faults:
        for number, guest in enumerate(guests):
            if fault.host == host and (guest.group.name, guest.index) == (fault.guest, fault.index):
                found.append(PlannedFault(fault, number, int(bases[number]) + fault.offset // PAGE_BYTES))
    return tuple(sorted(found, key=lambda fault: fault.spec.at))


def policy_of(scenario: ScenarioSpec) -> Policy:
    """What the loop must know of pins and faults."""
    memory = scenario.memory
    pins = memory.pins
    operation = Operation.PIN_LONG if pins is not None and pins.term == "long" else Operation.PIN_SHORT
    lasts_ns = 0 if pins is None else FOREVER if pins.lasts == "forever" else pins.lasts
    return Policy(
        on_pin=ON_PIN[memory.on_pin],
        retry_after_ns=memory.retry_after,
        hold_operation=int(operation),
        hold_ns=lasts_ns,
        hold_every=1 if pins is None else pins.every,
        has_faults=len(scenario.faults) > 0,
    )


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
        row["call_granules"] = call_granules(protection, scenario.memory)
        row["chunk_bytes"] = chunk_bytes(protection, scenario.memory, granule)
        row["other_vcpus"] = guest.group.vcpus - 1
        row["home_area"] = home_area(guest, stream)
        row["curves"] = (cpu_curve, cpu_curve, CURVES.index("engine"))
        first_buffer += spec.buffers
    return table


def call_granules(protection: Protection, memory: MemorySpec) -> int:
    """Granules that one call covers: a call that takes a range takes one page where they are scattered."""
    most = protection.call_granules_max
    return 1 if memory.placement == "scattered" and most == 0 else most


def chunk_bytes(protection: Protection, memory: MemorySpec, granule: int) -> int:
    """Bytes that one exit to the VMM covers: each contiguous run is an exit of its own."""
    chunk = protection.vmm_chunk_bytes(granule)
    return PAGE_BYTES if memory.placement == "scattered" and chunk else chunk


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


def setup_ns(
    layout: GuestLayout, group: GuestGroupSpec, scenario: ScenarioSpec, profile: Profile, effects: Counts
) -> int:
    """What sharing the pool at boot takes, alone: the conversion's charges over the pool's counts, and faults."""
    protection, memory = profile.protection, scenario.memory
    if not protection.has_private_memory or not isinstance(scenario.io_path, SwiotlbPath | SharedPoolPath):
        return 0
    pages = layout.pool_bytes // PAGE_BYTES
    faults = ["host_fault_page", *(() if protection.keeps_guest_mapping else ("guest_fault_shared_page",))]
    total = pages * sum(profile.price_ns(name, group.vcpus) for name in faults)
    if memory.generation in ("G1", "G2"):
        return total  # the pool is a file of its own, shared from the start
    unit = PAGE_BYTES if memory.placement == "scattered" else SETUP_GRANULE_BYTES
    granules = -(-layout.pool_bytes // unit)
    chunk = chunk_bytes(protection, memory, unit)
    most = call_granules(protection, memory)
    counts = {
        Count.ONCE: 1,
        Count.GRANULES: granules,
        Count.CALLS: -(-granules // most) if most else 1,
        Count.CHUNKS: -(-layout.pool_bytes // chunk) if chunk else 0,
        Count.OTHER_VCPUS: group.vcpus - 1,
        Count.CONVERTED: pages,
        Count.SPLIT: int(effects[Effect.SPLIT]),
        Count.LEAVES_BROKEN: int(effects[Effect.LEAVES_BROKEN]),
        Count.VMEMMAP_PAGES: int(effects[Effect.VMEMMAP_PAGES]),
    }
    for step in convert_steps(protection, memory, to_private=False, granule_bytes=unit):
        if step.op == Op.AGAIN:
            continue
        prices = step_prices(step, profile, group.vcpus, 0)
        total += sum(prices[count] * amount for count, amount in counts.items())
    return total
