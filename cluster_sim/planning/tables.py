"""Tables of a host's servers and streams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.host_spec import SERVER, SIZE, STREAM, Records
from cluster_sim.engine.host_state import SERVER_STATE, STREAM_STATE
from cluster_sim.engine.shared_resources import bus_of
from cluster_sim.engine.state import (
    CONSTANT,
    DROP_NEWEST,
    DROP_OLDEST,
    EXPONENTIAL,
    FAR_NS,
    NOBODY,
    UNIFORM,
    WAIT,
)
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.io_paths.path_needs import BufferLife, PathNeeds
from cluster_sim.io_paths.steps import Direction, Resource
from cluster_sim.planning.conversion_calls import call_bytes, chunk_bytes, setup_unit
from cluster_sim.planning.guest_layout import buffer_bytes, sizes_of_queue
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.queues import Queue, WorkloadSizes
from cluster_sim.planning.slot_mappings import pool_of_streams, put_mappings
from cluster_sim.planning.workers import workers_of
from cluster_sim.platform.protection import Protection
from cluster_sim.results.endings import DropReason
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.queue_traits import METADATA_BYTES, QueueTraits, Role
from cluster_sim.scenario.spec import HostSpec, ScenarioSpec

WHEN_FULL = {"wait": WAIT, "drop_newest": DROP_NEWEST, "drop_oldest": DROP_OLDEST}
WORK_DRAWS = {"constant": CONSTANT, "uniform": UNIFORM, "exponential": EXPONENTIAL}
NOTHING_COUNTED = -1
THROTTLES = 1
"""Of a pool: who may map while it is nearly full goes alone."""


@dataclass(frozen=True, slots=True)
class Servers:
    """All servers, for each stream the server of each `Resource`, and the CPUs that the host has for all."""

    table: Records
    of_stream: tuple[tuple[int, ...], ...]


def of_host(host: HostSpec, guests: Sequence[PlannedGuest]) -> dict[Resource, int]:
    """Capacities of what a host has; each vCPU that spins has one of its CPUs for itself."""
    spinning = sum(guest.placed.group.vcpus for guest in guests if guest.placed.group.idle == "poll")
    return {
        Resource.ENGINE: host.engine.engines,
        Resource.ENGINE_QUEUE: host.engine.depth,
        Resource.CPU: max(host.cpus - spinning, 1),
        Resource.IOMMU: 1,
        Resource.STORAGE: host.storage.parallel,
        Resource.NIC_OUT: 1,
        Resource.NIC_IN: 1,
        Resource.PSP: 1,
        Resource.DRIVE: 1,
    }


def build_servers(host: HostSpec, guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream]) -> Servers:
    """The host's own servers first, then each guest's, the workers, each stream's, and the link to each host."""
    shared = of_host(host, guests)
    capacity = list(shared.values())
    number_of = dict(zip(shared, range(len(shared)), strict=True))
    by_guest = []
    for guest in guests:
        first = len(capacity)
        vcpus = guest.placed.group.vcpus
        resources = (Resource.VCPU, Resource.MMU_LOCK, Resource.BOOT)
        by_guest.append({resource: first + number for number, resource in enumerate(resources)})
        capacity += [vcpus] * len(resources)
    pools = pool_of_streams(guests, streams)
    first_areas = {}
    for number, pool in enumerate(pools):
        if pool not in first_areas:
            first_areas[pool] = len(capacity)
            capacity += [1] * (guests[streams[number].guest].layout.needs.areas + THROTTLES)
    rows = []
    links: dict[int, int] = {}
    worker_of = workers_of(host.workers, guests)
    first_worker = len(capacity)
    capacity += [1] * len(set(worker_of))
    threads: dict[tuple[int, int], int] = {}
    for number, stream in enumerate(streams):
        first_area, areas = first_areas[pools[number]], guests[stream.guest].layout.needs.areas
        own = {
            Resource.AREA_LOCK: first_area + home_area(guests[stream.guest], number),
            Resource.THROTTLE: first_area + areas,
            Resource.WORKER: first_worker + worker_of[number],
            Resource.THREAD: len(capacity),
        }
        capacity.append(1)
        if (count := stream.queue.traits.threads) is not None:
            own[Resource.THREAD] = threads.setdefault((stream.guest, stream.queue.workload), len(capacity) - 1)
            capacity[own[Resource.THREAD]] = count
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
    protection: Protection,
    guests: Sequence[PlannedGuest],
    streams: Sequence[PlannedStream],
    servers: Servers,
    bases: Int64s,
    sizes: WorkloadSizes,
) -> Records:
    """One row a stream, without the key of its draws."""
    memory, host = scenario.memory, scenario.cluster.host
    pools = pool_of_streams(guests, streams)
    table = np.zeros(len(streams), STREAM)
    first_buffer = first_mapping = first_size = 0
    for number, (row, stream) in enumerate(zip(table, streams, strict=True)):
        guest = guests[stream.guest]
        group, queue, traits = guest.placed.group, stream.queue, stream.queue.traits
        buffers = guest.layout.buffers[number - guest.first_stream]
        base = int(bases[stream.guest])
        transfer = sizes_of_queue(queue, group, sizes)
        row["guest"], row["pool"] = stream.guest, pools[number]
        row["bus"] = bus_of(guest.placed.node)
        put_entries(row, stream)
        row["servers"] = servers.of_stream[number]
        row["first_buffer"] = first_buffer
        row["buffers"] = buffers.count
        put_life(row, stream, guest.layout.needs.life)
        row["first_page"] = (base + buffers.device_page, base + buffers.own_page)
        row["pages"] = (buffers.device_pages, buffers.own_pages)
        put_conversions(row, stream, guest, protection, memory)
        row["other_vcpus"] = group.vcpus - 1
        row["descriptor_bytes"] = PAGE_BYTES if memory.placement == "scattered" else host.engine.transfer_max
        row["batch_descriptors"] = host.engine.batch
        row["home_area"] = home_area(guest, number)
        if traits.moves_data:
            row["buffer_bytes"] = buffer_bytes(queue, transfer)
            row["loops"] = requests_under_way(queue, buffers.count)
        put_mappings(row, stream, guest.layout, first_mapping)
        put_traits(row, traits)
        row["next_stream"] = row["asked_by"] = NOBODY
        row["latency_ns"] = scenario.cluster.network.latency
        row["starts_ns"] = guest.placed.arrives_ns + guest.layout.boots  # behind the first stage of the boot
        row["first_size"], row["sizes"] = first_size, len(traits.sizes)
        first_buffer += buffers.count
        first_mapping += int(buffers.count * row["mappings"])
        first_size += len(traits.sizes)
    return table


def requests_under_way(queue: Queue, buffers: int) -> int:
    """Requests of a closed loop that are under way in one queue: as many as buffers, or its share of the clients."""
    traits = queue.traits
    if traits.clients is not None:
        return (traits.clients + traits.queues - 1 - queue.job) // traits.queues
    return buffers if traits.is_closed else 1


SECTIONS = ("entry", "if_full", "post", "post_if_full", "restore", "reap")
"""Columns that hold where each section of a program begins, in the order of Program.sections."""


def put_entries(row: np.void, stream: PlannedStream) -> None:
    """Set in a row where the sections of its programs begin."""
    for direction, entry in stream.entries.items():
        at = entry
        for column, section in zip(SECTIONS, stream.programs[direction].sections, strict=True):
            row[column][direction] = at
            at += len(section)


def put_life(row: np.void, stream: PlannedStream, life: BufferLife) -> None:
    """Set in a row what becomes of its buffers between transfers."""
    row["batch"] = 1
    if not stream.queue.traits.moves_data:
        return
    row["batch"] = min(life.batch, int(row["buffers"]))
    row["may_stay_shared"] = life.may_stay_shared
    row["keep_uses"] = life.uses
    row["keep_idle_ns"] = life.idle_ns
    row["keep_most_pages"] = life.most_bytes // PAGE_BYTES
    sections = [(each.post, each.restore, each.reap) for each in stream.programs.values()]
    row["is_tended"] = any(any(each) for each in sections)
    if any(program.post for program in stream.programs.values()):
        row["posts"] = min(life.posted, int(row["buffers"]))


def put_traits(row: np.void, traits: QueueTraits) -> None:
    """Set in a row what its queue's kind alone tells."""
    row["when_full"] = WHEN_FULL[traits.when_full]
    row["work_ns"][Direction.FROM_DEVICE] = traits.consume_ns if traits.from_device else 0
    row["work_ns"][Direction.TO_DEVICE] = traits.produce_ns if traits.to_device else 0
    row["work_draw"] = WORK_DRAWS[traits.work]
    row["work_spread"] = traits.work_spread
    row["deadline_ns"] = traits.deadline_ns
    row["reads_percent"] = traits.reads_percent
    row["is_heard"] = traits.reports_ends
    row["is_closed"] = traits.is_closed
    row["think_ns"] = traits.think_ns
    row["merge_bytes"] = traits.merge_bytes
    row["coalesce_ns"] = traits.coalesce_ns
    row["coalesce_frames"] = traits.coalesce_frames
    row["draws_think"] = traits.draws_think
    row["timeout_ns"] = traits.timeout_ns
    row["part_bytes"] = traits.part_bytes
    row["round_trips"] = traits.round_trips
    row["round_trip_bytes"] = METADATA_BYTES


def put_conversions(
    row: np.void, stream: PlannedStream, guest: PlannedGuest, protection: Protection, memory: MemorySpec
) -> None:
    """Set in a row the unit that its conversions are counted in, and what a call and an exit cover."""
    needs = guest.layout.needs
    unit = unit_of(stream.queue, needs, memory, guest.layout.pool_bytes)
    calls = needs.calls if stream.queue.traits.moves_data else "batched"
    row["granule_pages"] = unit // PAGE_BYTES
    row["call_bytes"] = call_bytes(protection, memory, calls, unit)
    row["chunk_bytes"] = chunk_bytes(protection, memory, int(row["call_bytes"]))


def streams_at_rest(streams: Records) -> Records:
    """State of streams whose buffers are all free."""
    table = np.zeros(len(streams), STREAM_STATE)
    table["usable_buffers"] = table["free_buffers"] = streams["buffers"]
    table["counted_bytes"] = table["copy_bytes"] = NOTHING_COUNTED
    table["retrying"] = NOBODY
    is_too_large = (streams["whole_bytes_max"] > 0) & (streams["whole_bytes_max"] < streams["buffer_bytes"])
    table["unusable_reason"] = np.where(is_too_large, DropReason.MAPPING_TOO_LARGE, DropReason.SWIOTLB_FULL)
    return table


def servers_at_rest(servers: Records) -> Records:
    """State of servers that nobody holds."""
    table = np.zeros(len(servers), SERVER_STATE)
    table["free_ns"] = -FAR_NS
    table["last_stream"] = NOBODY
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


def unit_of(queue: Queue, needs: PathNeeds, memory: MemorySpec, pool_bytes: int) -> int:
    """Unit in which a queue's conversions are counted."""
    if queue.role == Role.POOL:
        return setup_unit(memory, pool_bytes)
    return queue.traits.unit_bytes or needs.granule_bytes
