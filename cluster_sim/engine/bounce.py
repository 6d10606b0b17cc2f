"""What transfers do with their guest's bounce pool: take slots, give them back, let it grow."""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.guest_memory import convert_at, keep_gauges, operate_at
from cluster_sim.engine.heap import push
from cluster_sim.engine.state import NOT_GROWING, Host
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import Count
from cluster_sim.memory.effects import Effect
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import LOST, Operation
from cluster_sim.memory.swiotlb import SLOT_BYTES, grow, map_buffer, unmap_buffer

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
    row.counts[Count.PROBES] = max(0, pool.probes - probes - mapped)
    if pool.wants_growth and host.state.guests[stream.guest].grows_at_ns == NOT_GROWING:
        start_growth(host, stream.guest, now_ns)
    if mapped == 0:
        return False
    row.counts[Count.PIECES] = mapped
    host.state.buffers[row.buffer].mapped_bytes = row.bytes
    host.state.buffers[row.buffer].mapped_pieces = mapped
    return True


@compiled
def unmap_slots(host: Host, transfer: int) -> None:
    """Give the transfer's bounce slots back."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    first = stream.first_mapping + (row.buffer - stream.first_buffer) * stream.mappings
    addresses = host.state.slots[first : first + stream.mappings]
    buffer = host.state.buffers[row.buffer]
    row.counts[Count.PIECES] = buffer.mapped_pieces
    unmap_buffer(
        host.state.pools,
        stream.pool,
        AT_PAGE,
        buffer.mapped_bytes,
        stream.segment_bytes,
        stream.extra_mappings,
        addresses,
    )


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
    effects = host.state.scratch
    effects[:] = 0
    if host.spec.guests[number].converts_pool:
        outcome, _ = convert_at(host, guest.grow_page, pages, 0, effects)
        assert outcome == Outcome.OK
    keep_gauges(host, number, now_ns, effects[Effect.CONVERTED], effects)
    for operation in (Operation.HOST_TOUCH, Operation.GUEST_TOUCH_SHARED):
        outcome, _ = operate_at(host, guest.grow_page, pages, operation, 0, effects)
        assert outcome == Outcome.OK
    guest.grow_page += pages
    guest.grown_pages += pages
