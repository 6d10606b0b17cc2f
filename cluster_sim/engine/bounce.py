"""What transfers do with their guest's bounce pool: take slots, give them back, let it grow."""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.guest_end import end_guest
from cluster_sim.engine.guest_memory import convert_at, has_dma_entries, keep_gauges, operate_at
from cluster_sim.engine.heap import push
from cluster_sim.engine.last_level_cache import leave_with_sets, take_from_sets
from cluster_sim.engine.state import NOBODY, NOT_GROWING, Host
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import Count, Resource
from cluster_sim.memory.effects import Effect
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import LOST, Operation
from cluster_sim.memory.swiotlb import SLOT_BYTES, grow, map_buffer, unmap_buffer
from cluster_sim.results.endings import DropReason

AT_PAGE = 0
"""Address that a buffer is mapped with: all are page-aligned, and masks look at what lies below a page."""


@compiled
def map_slots(host: Host, transfer: int, now_ns: int) -> bool:
    """Map the transfer's buffer through the bounce pool; False when the pool is full."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    row.staged = LOST
    pool = host.state.pools.pools[stream.pool]
    probes = pool.probes
    first = stream.first_mapping + (row.buffer - stream.first_buffer) * stream.mappings
    addresses = host.state.slots[first : first + stream.mappings]
    mapped = map_buffer(
        host.state.pools,
        stream.pool,
        stream.home_area,
        AT_PAGE,
        row.bytes,
        stream.segment_bytes,
        stream.extra_mappings,
        addresses,
    )
    probed = max(0, pool.probes - probes - mapped)
    if pool.wants_growth and host.state.guests[stream.guest].grows_at_ns == NOT_GROWING:
        start_growth(host, stream.guest, now_ns)
    if mapped == 0:
        row.counts[Count.PROBES] = probed
        return False
    host.state.buffers[row.buffer].mapped_bytes = row.bytes
    host.state.buffers[row.buffer].mapped_pieces = mapped
    host.state.streams[row.stream].mapped += 1
    row.turns_left = mapped
    take_turn(host, transfer)
    row.counts[Count.PROBES] = probed
    take_from_sets(host, transfer)
    return True


@compiled
def unmap_slots(host: Host, transfer: int) -> None:
    """Give the transfer's bounce slots back."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    first = stream.first_mapping + (row.buffer - stream.first_buffer) * stream.mappings
    addresses = host.state.slots[first : first + stream.mappings]
    buffer = host.state.buffers[row.buffer]
    leave_with_sets(host, transfer)
    unmap_buffer(
        host.state.pools,
        stream.pool,
        AT_PAGE,
        buffer.mapped_bytes,
        stream.segment_bytes,
        stream.extra_mappings,
        addresses,
    )
    host.state.streams[row.stream].mapped -= 1
    row.turns_left = buffer.mapped_pieces
    take_turn(host, transfer)


@compiled
def take_turn(host: Host, transfer: int) -> None:
    """Make or undo, with the area's lock in hand, one mapping where others wait for it, else all that are left.

    Each mapping takes the lock by itself (swiotlb_area_find_slots, swiotlb_release_slots). While nobody waits it comes
    back at once, and all that are left are one stretch; who comes within it waits for its end.
    """
    row = host.state.transfers[transfer]
    server = host.spec.streams[row.stream].servers[Resource.AREA_LOCK]
    lock = host.state.servers[server]
    taken = row.turns_left if host.state.wait_queues[server].first == NOBODY else 1
    row.counts[Count.PIECES] = taken
    row.counts[Count.PROBES] = 0
    row.turns_left -= taken
    if lock.last_stream != row.stream:
        if lock.last_stream != NOBODY:
            row.counts[Count.HANDED] = 1
        lock.last_stream = row.stream


@compiled
def start_growth(host: Host, number: int, now_ns: int) -> None:
    """A worker of the guest sets out to add a dynamic pool."""
    cursor, guest = host.state.cursor[0], host.state.guests[number]
    guest.grows_at_ns = now_ns + host.spec.guests[number].grow_ns
    cursor.sequence += 1
    push(host.state.holds, cursor.holds, guest.grows_at_ns, cursor.sequence, -1 - number)
    cursor.holds += 1


@compiled
def end_growth(host: Host, number: int, now_ns: int) -> None:
    """The dynamic pool is there: its pages have been shared, its slots can be taken."""
    guest = host.state.guests[number]
    guest.grows_at_ns = NOT_GROWING
    pages = grow(host.state.pools, number) * SLOT_BYTES // PAGE_BYTES
    if pages == 0:
        return
    if not has_dma_entries(host, number, pages):
        end_guest(host, number, Outcome.ENOSPC, DropReason.GUEST_DIED, now_ns)
        return
    effects = host.state.scratch
    effects[:] = 0
    if host.spec.guests[number].converts_pool:
        outcome, _ = convert_at(host, guest.grow_page, pages, 0, effects)
        guest.shootdowns += host.spec.guests[number].grow_shootdowns
    else:
        outcome, _ = operate_at(host, guest.grow_page, pages, Operation.MAKE_SHARED, 0, effects)
    assert outcome == Outcome.OK
    keep_gauges(host, number, now_ns, effects[Effect.CONVERTED], effects)
    for operation in (Operation.HOST_TOUCH, Operation.GUEST_TOUCH_SHARED):
        outcome, _ = operate_at(host, guest.grow_page, pages, operation, 0, effects)
        assert outcome == Outcome.OK
    guest.grow_page += pages
    guest.grown_pages += pages
