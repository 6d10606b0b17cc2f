"""How a host's streams use bounce slots: from which pool, in which pieces, and what holds slots from the start."""

from collections.abc import Sequence

import numpy as np

from cluster_sim.engine.bounce import AT_PAGE, end_growth
from cluster_sim.engine.last_level_cache import stretch_bits
from cluster_sim.engine.state import Host
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import Op
from cluster_sim.memory.swiotlb import (
    MAPPING_BYTES_MAX,
    NO_SLOT,
    SLOT_BYTES,
    PoolSize,
    empty_swiotlb,
    map_buffer,
    map_buffers,
    map_single,
    mapping_bytes_max,
    pieces_of,
    unmap_buffer,
)
from cluster_sim.planning.guest_layout import GuestLayout, round_up
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.queues import Queue, Sender

WHOLE = 1 << 40
"""No buffer is larger: a device that takes it in one piece cuts nothing."""


def pool_of_streams(guests: Sequence[PlannedGuest], streams: Sequence[PlannedStream]) -> list[int]:
    """The pool of each stream: its guest's number; of devices with pools of their own, others than the first follow."""
    numbers: dict[tuple[int, tuple[int, Sender | None]], int] = {}
    has_first = set[int]()
    behind = len(guests)
    found = []
    for stream in streams:
        key = (stream.guest, stream.queue.device)
        if guests[stream.guest].layout.pools == 1 or not stream.queue.traits.moves_data:
            found.append(stream.guest)
            continue
        if key not in numbers:
            numbers[key] = behind if stream.guest in has_first else stream.guest
            behind += stream.guest in has_first
            has_first.add(stream.guest)
        found.append(numbers[key])
    return found


def pool_sizes(guests: Sequence[PlannedGuest]) -> list[PoolSize]:
    """All pools of a host in the order of their numbers; one set of slots where a guest's path has none."""
    behind = [pool_size(guest.layout) for guest in guests for _ in range(guest.layout.pools - 1)]
    return [*(pool_size(guest.layout) for guest in guests), *behind]


def pool_size(layout: GuestLayout) -> PoolSize:
    """One of a guest's pools, which are all alike."""
    slots = layout.needs.slots
    if slots is None:
        return PoolSize(MAPPING_BYTES_MAX, 1)
    return PoolSize(
        pool_bytes=layout.pool_bytes // layout.pools,
        areas=layout.needs.areas,
        min_align_mask=align_mask(layout),
        alloc_align_mask=slots.alloc_align_mask,
        grow_bytes=slots.grow_bytes,
        transient_bytes=slots.transient_bytes,
    )


def align_mask(layout: GuestLayout) -> int:
    """The mask that a guest's pools are searched with: what the definition says, or the strictest of its devices'."""
    slots = layout.needs.slots
    if slots is not None and slots.min_align_mask is not None:
        return slots.min_align_mask
    return max((each.min_align_mask for queue in layout.queues for each in queue.drivers), default=0)


def segment_bytes(layout: GuestLayout, queue: Queue) -> int:
    """The most that one mapping of a queue covers: what swiotlb, its driver and its device take; WHOLE for no bound."""
    if queue.traits.is_contiguous:
        return WHOLE
    largest = mapping_bytes_max(align_mask(layout))
    bounds = (queue.traits.segment_bytes, *(each.segment_bytes for each in queue.drivers))
    return min(largest, *(bound or largest for bound in bounds))


def extra_mappings(queue: Queue, transfer_bytes: int) -> int:
    """Mappings that the drivers of a queue make beside the data of transfers up to this size."""
    return max(each.extra_mappings if transfer_bytes > each.lone_bytes else 0 for each in queue.drivers)


def fits_alone(layout: GuestLayout, queue: Queue, transfer_bytes: int) -> bool:
    """Whether one transfer finds slots in a pool that is empty, and has grown as far as it may."""
    size, extras = pool_size(layout), extra_mappings(queue, transfer_bytes)
    most = segment_bytes(layout, queue)
    count = pieces_of(transfer_bytes, most) + extras
    if count <= size.pool_bytes // MAPPING_BYTES_MAX:
        return True
    empty = empty_swiotlb([size])
    empty.pools["grown"] = empty.pools["grown_max"]
    return bool(map_buffer(empty, 0, 0, AT_PAGE, transfer_bytes, most, extras, np.zeros(count, np.int64)))


def never_ends(queue: Queue) -> bool:
    """Whether a transfer that finds no slots asks again until it does."""
    return any(each.when_pool_full == "requeue" for each in queue.drivers)


def stays_mapped(stream: PlannedStream, layout: GuestLayout) -> bool:
    """Whether a stream's buffers are mapped into slots for life: it bounces, and none of its programs maps any."""
    steps = (step for each in stream.programs.values() for step in each.all_steps)
    bounces = layout.needs.slots is not None and stream.queue.traits.moves_data
    return bounces and all(step.op != Op.MAP_SLOTS for step in steps)


def put_mappings(row: np.void, stream: PlannedStream, layout: GuestLayout, first_mapping: int) -> None:
    """Set in a stream's row how its buffers are mapped into bounce slots, where they are, and enciphered."""
    row["segment_bytes"] = MAPPING_BYTES_MAX
    row["cipher_bytes"] = layout.needs.cipher_bytes or stream.queue.traits.cipher_bytes
    if layout.needs.slots is None or not stream.queue.traits.moves_data:
        return
    extras = 0 if stays_mapped(stream, layout) else extra_mappings(stream.queue, int(row["buffer_bytes"]))
    row["segment_bytes"] = segment_bytes(layout, stream.queue)
    row["stretch_bits"] = stretch_bits(layout.pool_bytes // layout.pools // layout.needs.areas // SLOT_BYTES)
    row["whole_bytes_max"] = MAPPING_BYTES_MAX if stream.queue.traits.is_contiguous else 0
    row["extra_mappings"] = extras
    row["first_mapping"] = first_mapping
    row["mappings"] = pieces_of(int(row["buffer_bytes"]), int(row["segment_bytes"])) + extras


def map_at_start(host: Host, streams: Sequence[PlannedStream], guests: Sequence[PlannedGuest]) -> None:
    """What drivers do when they start: allocate coherent memory from a pool of their own, map what stays mapped."""
    for number, stream in enumerate(streams):
        layout = guests[stream.guest].layout
        slots = layout.needs.slots
        if slots is None or not stream.queue.traits.moves_data:
            continue
        if slots.is_per_device and not allocate_coherent(host, number, stream.queue):
            leave_unusable(host, number, int(host.spec.streams[number]["buffers"]))
        elif stays_mapped(stream, layout):
            map_for_life(host, number, stream.queue)


def allocate_coherent(host: Host, number: int, queue: Queue) -> bool:
    """Take slots of a device's own pool for its rings and what lies beside them; False where it has none for them."""
    row = host.spec.streams[number]
    size = int(row["buffer_bytes"])
    needed = max(each.coherent_bytes(queue.traits.buffers, size) for each in queue.drivers)
    left = round_up(needed, PAGE_BYTES)
    while left > 0:
        block = min(left, MAPPING_BYTES_MAX)
        if map_single(host.state.pools, row["pool"], row["home_area"], AT_PAGE, block) == NO_SLOT:
            return False
        left -= block
    return True


def map_for_life(host: Host, number: int, queue: Queue) -> None:
    """Map the buffers of a stream that stay mapped; a driver goes on with fewer, or does not start."""
    stream, pools = host.spec.streams[number], host.state.pools
    pool, size, piece = (int(stream[name]) for name in ("pool", "buffer_bytes", "segment_bytes"))
    buffers, mappings, first = (int(stream[name]) for name in ("buffers", "mappings", "first_mapping"))
    addresses = host.state.slots[first : first + buffers * mappings].reshape(buffers, mappings)
    usable, grows = 0, True
    while usable < buffers and grows:
        usable = int(map_buffers(pools, pool, stream["home_area"], size, piece, addresses, usable))
        grows = bool(pools.pools[pool]["wants_growth"])
        if grows:
            end_growth(host, int(stream["guest"]), 0)
    if usable < min(buffers, *(each.fewest_buffers for each in queue.drivers)):
        for row in addresses[:usable]:
            unmap_buffer(pools, pool, AT_PAGE, size, piece, 0, row)
        usable = 0
    leave_unusable(host, number, buffers - usable)


def leave_unusable(host: Host, number: int, unmapped: int) -> None:
    """So many of a stream's buffers, the last ones, cannot be used."""
    moving = host.state.streams[number]
    moving["usable_buffers"] -= unmapped
    moving["free_buffers"] -= unmapped
    host.state.guests[host.spec.streams[number]["guest"]]["unmapped_buffers"] += unmapped
