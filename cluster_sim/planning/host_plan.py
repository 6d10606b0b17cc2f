"""From a resolved scenario and a profile to the arrays of one host and the guests that are ever on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.faults import PlannedFault
from cluster_sim.engine.heap import ENTRY
from cluster_sim.engine.host_spec import GUEST, REQUEST, HostSpec, Policy, Records
from cluster_sim.engine.host_state import BUFFER, CURSOR, GUEST_STATE, JOURNAL, MESSAGE, TRANSFER, HostState, Int32s
from cluster_sim.engine.last_level_cache import SLOT_SET, distance_scale, empty_cache, found_by_distance
from cluster_sim.engine.records import empty_lists, empty_wait_queues
from cluster_sim.engine.shared_resources import NEVER_NS, idle_shares, room_for_jobs
from cluster_sim.engine.state import ALIVE, FOREVER, NOBODY, NOT_GROWING, ON_PIN_DEFER, ON_PIN_RETRY, ON_PIN_WAIT, Host
from cluster_sim.engine.stream_sums import ENDS_AT_ONCE, empty_sums, room_for_heard
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.io_paths.programs import MakeProgram, program
from cluster_sim.io_paths.steps import Mover
from cluster_sim.memory.effects import EFFECT_COUNT
from cluster_sim.memory.page_tree import PAGES_PER_1G, PageTree
from cluster_sim.memory.pages import Operation
from cluster_sim.memory.swiotlb import SLOTS_PER_SET, Swiotlb, empty_swiotlb
from cluster_sim.planning.boot_state import boot, build_tree, memory_rules, post_at_boot, scatter_io_pages
from cluster_sim.planning.copy_curves import CopyCurves, bus_mb_per_s, buses_of
from cluster_sim.planning.placement import place_guests
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.pool_setup import SetUp
from cluster_sim.planning.protection_of import protection_of, vmm_faults
from cluster_sim.planning.queues import WorkloadSizes
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.planning.slot_mappings import map_at_start, pool_sizes
from cluster_sim.planning.step_table import Programs
from cluster_sim.planning.stream_keys import keys_of, rings
from cluster_sim.planning.stream_programs import plan_streams
from cluster_sim.planning.tables import build_servers, build_streams, servers_at_rest, sizes_table, streams_at_rest
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.queue_traits import Role
from cluster_sim.scenario.spec import ScenarioSpec

ON_PIN = {"retry": ON_PIN_RETRY, "wait": ON_PIN_WAIT, "defer": ON_PIN_DEFER}

Logs = Mapping[tuple[str, int], Records]
"""Requests (dtype REQUEST) of each (group name, workload) that replays a log in a closed loop."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host, ready to run."""

    spec: HostSpec
    state: HostState
    guests: tuple[PlannedGuest, ...]
    streams: tuple[PlannedStream, ...]
    faults: tuple[PlannedFault, ...]
    protection: Protection
    curves: CopyCurves


def plan_host(
    scenario: ScenarioSpec,
    profile: Profile,
    sizes: WorkloadSizes,
    *,
    host: int = 0,
    run_guests: RunGuests | None = None,
    logs: Logs | None = None,
    journal_entries: int = 0,
    is_alone: bool = False,
    make_program: MakeProgram = program,
) -> HostPlan:
    """Build one host of `run_guests`; `sizes` holds the transfer sizes of each (group name, workload number).

    `is_alone` leaves out closed loops, draws of work and waiting for a boot; `make_program` may give paths other steps.
    Long, because each table is built from those before it.
    """
    protection = protection_of(scenario)
    run_guests = run_guests or RunGuests(scenario, sizes, place_guests(scenario, (0,)))
    guests = run_guests.on_host(host)
    chance = (*run_guests.placement.chance, host)
    programs = Programs(profile)
    streams = plan_streams(scenario, protection, guests, programs, make_program, is_alone=is_alone)
    servers = build_servers(scenario.cluster.host, guests, streams)
    bases = np.cumsum([0, *(guest.layout.gib_entries for guest in guests)]) * PAGES_PER_1G
    pages = scatter_io_pages(scenario, guests, bases, chance)
    io_bases = np.cumsum([0, *(guest.layout.io_pages for guest in guests)]) if len(pages) else bases
    curves = CopyCurves(profile, scenario.cluster)
    table = build_streams(scenario, protection, guests, streams, servers, io_bases, sizes)
    table["is_closed"], table["work_draw"] = (table[field] * (not is_alone) for field in ("is_closed", "work_draw"))
    link_streams(table, guests, streams)
    sharing = SetUp(scenario, profile)
    spec = HostSpec(
        steps=programs.table(),
        streams=table,
        servers=servers.table,
        guests=guest_definitions(scenario, protection, guests, sharing),
        curves=curves.table(),
        requests=put_logs(table, streams, guests, logs or {}),
        sizes=sizes_table(streams),
        rules=memory_rules(protection, scenario.memory),
        policy=policy_of(scenario, curves, keeps_rows=is_alone or scenario.record == "transfers", is_alone=is_alone),
        placement=pages,
        found_by_distance=found_by_distance(),
        draw_keys=keys_of(streams, guests, chance),
    )
    state = state_at_rest(
        spec,
        guests=guests_at_rest(guests, io_bases),
        ring=rings(table, streams, guests, chance),
        tree=build_tree(scenario, protection, guests, bases),
        pools=empty_swiotlb(pool_sizes(guests)),
        shares=idle_shares(bus_mb_per_s(profile, scenario.cluster.host), buses_of(scenario.cluster.host)),
        journal_entries=journal_entries,
    )
    effects = boot(Host(spec, state), protection, guests, bases, io_bases)
    prepare_buffers(Host(spec, state), scenario, protection, streams, guests)
    guests = [sharing.set_up(each, done) for each, done in zip(guests, effects, strict=True)]
    faults = faults_of(scenario, guests, bases, host)
    return HostPlan(spec, state, tuple(guests), tuple(streams), faults, protection, curves)


def prepare_buffers(
    host: Host,
    scenario: ScenarioSpec,
    protection: Protection,
    streams: Sequence[PlannedStream],
    guests: Sequence[PlannedGuest],
) -> None:
    """Map what stays mapped for life, and post what drivers have posted before the run."""
    map_at_start(host, streams, guests)
    _, guest_faults = vmm_faults(scenario, protection)
    post_at_boot(host, streams, guests, maps_ahead=guest_faults == "prefault")


def state_at_rest(
    spec: HostSpec,
    *,
    guests: Records,
    ring: Int32s,
    tree: PageTree,
    pools: Swiotlb,
    shares: Records,
    journal_entries: int,
) -> HostState:
    """State of a host at whose servers nobody waits, with no room for transfers yet."""
    streams = len(spec.streams)
    buffers = int(spec.streams["buffers"].sum())
    return HostState(
        streams=streams_at_rest(spec.streams),
        servers=servers_at_rest(spec.servers),
        guests=guests,
        wait_queues=empty_wait_queues(len(spec.servers) + 3 * streams),
        ring=ring,
        posted=np.zeros(buffers, np.int32),
        buffers=np.zeros(buffers, BUFFER),
        slots=np.zeros(int((spec.streams["buffers"] * spec.streams["mappings"]).sum()), np.int64),
        transfers=np.zeros(0, TRANSFER),
        timers=np.zeros(0, ENTRY),
        shares=shares,
        jobs=room_for_jobs(0, len(shares) - 1),
        journal=np.zeros(journal_entries, JOURNAL),
        cursor=cursor_at_rest(),
        lists=empty_lists(0),
        messages=np.zeros(0, MESSAGE),
        tree=tree,
        pools=pools,
        cache=empty_cache(),
        slot_sets=np.zeros(len(pools.free_runs) // SLOTS_PER_SET, SLOT_SET),
        holds=np.zeros(buffers + len(guests) + 2 * streams, ENTRY),
        held_until_ns=np.zeros(buffers, np.int64),
        held_pages=np.zeros(buffers, np.int64),
        pin_waiters=np.full(buffers, NOBODY),
        scratch=np.zeros(EFFECT_COUNT, np.int64),
        sums=empty_sums(streams),
        keys=np.zeros(ENDS_AT_ONCE, np.int64),
        heard=room_for_heard(spec.streams),
    )


def cursor_at_rest() -> Records:
    """The loop's scalars before anything happens."""
    cursor = np.zeros(1, CURSOR)
    cursor["shared_ns"] = NEVER_NS
    return cursor


def put_logs(table: Records, streams: Sequence[PlannedStream], guests: Sequence[PlannedGuest], logs: Logs) -> Records:
    """Logs that are replayed in closed loops, one after the other; streams of one workload share theirs."""
    firsts: dict[tuple[str, int], int] = {}
    joined: list[Records] = [np.zeros(0, REQUEST)]
    length = 0
    for row, stream in zip(table, streams, strict=True):
        key = (guests[stream.guest].placed.group.name, stream.queue.workload)
        if key not in logs or not row["is_closed"]:
            continue
        if key not in firsts:
            firsts[key] = length
            joined.append(logs[key])
            length += len(logs[key])
        row["first_request"], row["requests"] = firsts[key], len(logs[key])
    return np.concatenate(joined)


def link_streams(table: Records, guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream]) -> None:
    """Tell streams that go to a guest of the same host what takes them there, and requests what answers them."""
    receiving = {
        (sender.group, sender.index, sender.workload): number
        for number, stream in enumerate(streams)
        if (sender := stream.queue.sender) is not None and sender.hosts_back == 0
    }
    for number, stream in enumerate(streams):
        placed = guests[stream.guest].placed
        key = (placed.group.name, placed.index, stream.queue.workload)
        if stream.queue.traits.far_end == "another guest":
            table[number]["next_stream"] = receiving[key]
    asking = {pair_of(stream): number for number, stream in enumerate(streams) if stream.queue.role == Role.ASKED}
    for number, stream in enumerate(streams):
        if stream.queue.role == Role.ANSWERED:
            asked_by = asking[pair_of(stream)]
            table[number]["asked_by"], table[asked_by]["next_stream"] = asked_by, number


def pair_of(stream: PlannedStream) -> tuple[int, int, int]:
    """What requests and their answers have in common: guest, workload, queue pair."""
    return stream.guest, stream.queue.workload, stream.queue.job


def guest_definitions(
    scenario: ScenarioSpec, protection: Protection, guests: Sequence[PlannedGuest], sharing: SetUp
) -> Records:
    """What the loop must know of each guest (dtype GUEST)."""
    table = np.zeros(len(guests), GUEST)
    table["spins"] = [guest.placed.group.idle == "poll" for guest in guests]
    table["halt_poll_ns"] = [guest.placed.group.guest_halt_poll for guest in guests]
    table["grow_ns"] = [sharing.grow_ns(guest) for guest in guests]
    limit = scenario.cluster.host.dma_entry_limit
    table["dma_entries_max"] = [limit * scenario.maps_shared(guest.placed.group) for guest in guests]
    table["grow_shootdowns"] = [sharing.grow_shootdowns(guest) for guest in guests]
    table["converts_pool"] = protection.has_private_memory and scenario.memory.generation not in ("G1", "G2")
    return table


def guests_at_rest(guests: Sequence[PlannedGuest], io_bases: Int64s) -> Records:
    """State of guests that live and have done nothing (dtype GUEST_STATE)."""
    table = np.zeros(len(guests), GUEST_STATE)
    table["died_ns"] = ALIVE
    table["grows_at_ns"] = NOT_GROWING
    table["changed_ns"] = [guest.placed.arrives_ns for guest in guests]
    pool_pages = [guest.layout.pool_bytes // PAGE_BYTES for guest in guests]
    table["grow_page"] = io_bases[: len(guests)] + np.array(pool_pages, np.int64)
    return table


def faults_of(
    scenario: ScenarioSpec, guests: Sequence[PlannedGuest], bases: Int64s, host: int
) -> tuple[PlannedFault, ...]:
    """The faults of one host, in the order of their instants, then of the definition."""
    found = []
    for fault in scenario.faults:
        for number, guest in enumerate(guests):
            if fault.host == host and (guest.placed.group.name, guest.placed.index) == (fault.guest, fault.index):
                found.append(PlannedFault(fault, number, int(bases[number]) + fault.offset // PAGE_BYTES))
    return tuple(sorted(found, key=lambda fault: fault.spec.at))


def policy_of(scenario: ScenarioSpec, curves: CopyCurves, *, keeps_rows: bool, is_alone: bool) -> Policy:
    """What the loop must know of pins, faults, polling, the cache, and storage, whose time alone is the mean."""
    memory = scenario.memory
    pins = memory.pins
    operation = Operation.PIN_LONG if pins is not None and pins.term == "long" else Operation.PIN_SHORT
    lasts_ns = 0 if pins is None else FOREVER if pins.lasts == "forever" else pins.lasts
    return Policy(
        on_pin=ON_PIN[memory.pin_policy],
        retry_after_ns=memory.retry_after,
        hold_operation=int(operation),
        hold_ns=lasts_ns,
        hold_every=1 if pins is None else pins.every,
        has_faults=len(scenario.faults) > 0,
        halt_poll_ns=scenario.cluster.host.halt_poll,
        storage_jitter=0 if is_alone else scenario.cluster.host.storage.jitter,
        keeps_rows=keeps_rows,
        llc_bytes=scenario.cluster.host.llc,
        distance_scale=distance_scale(scenario.cluster.host.llc),
        remote_adds_to_guest=curves.remote_adds(curves.remote[Mover.GUEST]),
        remote_adds_to_host=curves.remote_adds(curves.remote[Mover.HOST]),
    )
