"""The swiotlb bounce pool: 2 KiB slots, sets of 128, areas with a next-fit cursor (kernel/dma/swiotlb.c, Linux 6.12).

`free_runs[slot]` is the kernel's `list`: how many free slots follow from here to the end of the slot set, 0 when
taken. Several guests' pools live in one state, each a run of areas, with room behind it for the dynamic pools that it
may grow by (CONFIG_SWIOTLB_DYNAMIC). Every pool begins at an address that any mask divides. No prices, no time, no
locks: who may enter an area when is the engine's business. Long, for the kernel has it in one file too.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.decorators import compiled, compiled_at_o1
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.integers import PAGE_BYTES

SLOT_BYTES = 2048
SLOTS_PER_SET = 128
MAPPING_BYTES_MAX = SLOT_BYTES * SLOTS_PER_SET
DYNAMIC_POOL_BYTES = 4 << 20
"""The most that one dynamic pool adds: MAX_PAGE_ORDER of x86 and of arm64 with 4 KiB pages."""
EXTRA_BYTES = 16
"""Size of a request's header, status or descriptor table; each takes a slot of its own."""
THROTTLE_PERCENT = 70, 65
"""Marks of the throttle that was proposed for swiotlb, in percent of the pool."""
NO_SLOT = -1
TRANSIENT = -2
"""Address of a mapping that has a pool of its own for as long as it lasts."""

Slots = npt.NDArray[np.int16]
TlbAddresses = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

AREA_FIELDS: Final = (
    Field("first", "", "its first slot"),
    Field("slots", "1", "slots that it has"),
    Field("used", "1", "slots that are taken"),
    Field("cursor", "", "slot where the next search begins"),
)
AREA: Final = record_of(AREA_FIELDS)

POOL_FIELDS: Final = (
    Field("first_area", "", "its first area"),
    Field("areas", "1", "areas of the pool as it was at the start"),
    Field("grown_areas", "1", "areas of each dynamic pool, which lie behind them"),
    Field("grown", "1", "dynamic pools that were added"),
    Field("grown_max", "1", "dynamic pools that may be added"),
    Field("wants_growth", "", "whether a search has asked for a dynamic pool"),
    Field("transient_bytes", "B", "memory that transient pools may take"),
    Field("transient_used", "B", "memory that transient pools have taken"),
    Field("high_slots", "1", "slots taken above which mappings are throttled"),
    Field("low_slots", "1", "slots taken down to which they stay throttled"),
    Field("min_align_mask", "", "low address bits that the device needs preserved"),
    Field("alloc_align_mask", "", "alignment of the bounce block itself"),
    Field("slots_used", "1", "slots taken now, the kernel's io_tlb_used"),
    Field("slots_hiwater", "1", "most that were taken at a time, io_tlb_used_hiwater"),
    Field("probes", "1", "positions that searches looked at"),
    Field("failures", "1", "mappings that found no slots"),
)
POOL: Final = record_of(POOL_FIELDS)
"""A guest's pool."""


@by_reference
class Swiotlb(NamedTuple):
    """Slots of all pools one after the other, their areas and the pools."""

    free_runs: Slots
    areas: Records
    pools: Records


class PoolSize(NamedTuple):
    """What a pool is made with; `grow_bytes` and `transient_bytes` are 0 unless it is dynamic."""

    pool_bytes: int
    areas: int
    min_align_mask: int = 0
    alloc_align_mask: int = 0
    grow_bytes: int = 0
    transient_bytes: int = 0


def empty_swiotlb(sizes: Sequence[PoolSize]) -> Swiotlb:
    """Free pools; an area is a whole number of slot sets."""
    rows = np.zeros(len(sizes), POOL)
    area_slots: list[int] = []
    for row, size in zip(rows, sizes, strict=True):
        slots = size.pool_bytes // SLOT_BYTES
        assert slots % (size.areas * SLOTS_PER_SET) == 0, "areas must be whole slot sets"
        row["first_area"], row["areas"] = len(area_slots), size.areas
        row["min_align_mask"], row["alloc_align_mask"] = size.min_align_mask, size.alloc_align_mask
        row["transient_bytes"] = size.transient_bytes
        row["high_slots"], row["low_slots"] = (slots * percent // 100 for percent in THROTTLE_PERCENT)
        area_slots += [slots // size.areas] * size.areas
        grown_slots = dynamic_pool_bytes(size.pool_bytes) // SLOT_BYTES
        row["grown_areas"] = min(size.areas, grown_slots // SLOTS_PER_SET)
        row["grown_max"] = size.grow_bytes // (grown_slots * SLOT_BYTES)
        area_slots += [grown_slots // int(row["grown_areas"])] * int(row["grown_areas"] * row["grown_max"])
    areas = np.zeros(len(area_slots), AREA)
    areas["slots"] = area_slots
    areas["first"] = np.cumsum(area_slots) - area_slots
    free_runs = np.resize(np.arange(SLOTS_PER_SET, 0, -1, dtype=np.int16), sum(area_slots))
    return Swiotlb(free_runs, areas, rows)


def coco_pool_bytes(guest_bytes: int) -> int:
    """Pool of an x86 CoCo guest: 6 % of RAM in [64 MiB, 1 GiB], up to a power of two (mem_encrypt.c)."""
    size = min(max(guest_bytes * 6 // 100, 64 << 20), 1 << 30)
    return 1 << (size - 1).bit_length()


def dynamic_pool_bytes(pool_bytes: int) -> int:
    """What one dynamic pool adds: the first pool's size, as far as one contiguous block can be (swiotlb_dyn_alloc).

    Down to a power of two, so that areas stay whole slot sets.
    """
    return min(1 << (pool_bytes.bit_length() - 1), DYNAMIC_POOL_BYTES)


def default_areas(vcpus: int, pool_bytes: int) -> int:
    """One area a CPU, up to a power of two, each of the same whole slot sets (swiotlb_adjust_nareas)."""
    areas = 1 << (vcpus - 1).bit_length()
    while areas > 1 and pool_bytes % (areas * MAPPING_BYTES_MAX) != 0:
        areas //= 2
    return areas


@compiled
def mapping_bytes_max(min_align_mask: int) -> int:
    """The largest mapping that always fits: less than 256 KiB under a mask (swiotlb_max_mapping_size)."""
    return MAPPING_BYTES_MAX - (min_align_mask + SLOT_BYTES - 1) // SLOT_BYTES * SLOT_BYTES


@compiled
def pieces_of(buffer_bytes: int, piece_bytes: int) -> int:
    """Mappings that a buffer is cut into."""
    return (buffer_bytes + piece_bytes - 1) // piece_bytes


@compiled
def offset_in_block(pools: Swiotlb, pool: int, address: int) -> int:
    """Where in its block a buffer begins: the address bits that the device needs (swiotlb_align_offset)."""
    row = pools.pools[pool]
    return int(address & row.min_align_mask & (row.alloc_align_mask | (SLOT_BYTES - 1)))


@compiled
def block_bytes(pools: Swiotlb, pool: int, address: int, mapping_bytes: int) -> int:
    """What a mapping takes: what comes before it in its block, and up to the allocation's alignment."""
    mask = pools.pools[pool].alloc_align_mask
    return int((mapping_bytes + offset_in_block(pools, pool, address) + mask) & ~mask)


@compiled
def slots_of(size_bytes: int) -> int:
    """Slots that so many bytes take."""
    return (size_bytes + SLOT_BYTES - 1) // SLOT_BYTES


@compiled
def search_area(pools: Swiotlb, pool: int, area: int, address: int, block: int) -> int:
    """Next-fit search of one area for a block of so many bytes; its slot or NO_SLOT (swiotlb_search_pool_area)."""
    row, found = pools.pools[pool], pools.areas[area]
    slots = slots_of(block)
    if slots > found.slots - found.used:
        return NO_SLOT
    align, keep = row.alloc_align_mask, row.min_align_mask
    if align == 0 and keep == 0 and block >= PAGE_BYTES:
        align = PAGE_BYTES - 1
    align |= SLOT_BYTES - 1
    keep &= ~align
    stride = max(align, keep) // SLOT_BYTES + 1
    index = found.cursor
    checked = 0
    while checked < found.slots:
        row.probes += 1
        tlb_address = (found.first + index) * SLOT_BYTES
        if tlb_address & align or (tlb_address & keep) != (address & keep):
            step = 1
        elif pools.free_runs[found.first + index] >= slots:
            return int(found.first + index)
        else:
            step = stride
        checked += step
        index += step
        if index >= found.slots:
            index = 0
    return NO_SLOT


@compiled
def rewrite_run_before(free_runs: Slots, slot: int, length: int) -> None:
    """Rewrite the free run that ends just before `slot`, where `length` free slots follow."""
    i = slot - 1
    while i >= 0 and i % SLOTS_PER_SET != SLOTS_PER_SET - 1 and free_runs[i] != 0:
        length += 1
        free_runs[i] = length
        i -= 1


@compiled
def take_slots(pools: Swiotlb, area: int, slot: int, slots: int) -> None:
    """Mark the slots taken, shorten the free run before them, move the area's cursor behind them."""
    row = pools.areas[area]
    pools.free_runs[slot : slot + slots] = 0
    rewrite_run_before(pools.free_runs, slot, 0)
    cursor = slot + slots - row.first
    row.cursor = 0 if cursor >= row.slots else cursor
    row.used += slots


@compiled
def find_slots(pools: Swiotlb, pool: int, home: int, address: int, block: int) -> int:
    """Search the first pool, then the dynamic ones, each from the caller's home area on; the slot, or NO_SLOT."""
    row = pools.pools[pool]
    first, areas = row.first_area, row.areas
    for _ in range(row.grown + 1):
        area = first + (home if home < areas else home % areas)
        for _ in range(areas):
            slot = search_area(pools, pool, area, address, block)
            if slot != NO_SLOT:
                take_slots(pools, area, slot, slots_of(block))
                return slot
            area += 1
            if area == first + areas:
                area = first
        first += areas
        areas = row.grown_areas
    return NO_SLOT


@compiled
def transient_bytes_of(slots: int) -> int:
    """Memory of a transient pool: whole pages."""
    return (slots * SLOT_BYTES + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES


@compiled
def map_single(pools: Swiotlb, pool: int, home: int, address: int, mapping_bytes: int) -> int:
    """Take slots for one mapping of a buffer at `address`: the first slot, TRANSIENT, or NO_SLOT.

    Without masks, mappings of a page or more are page-aligned. None takes more than the 256 KiB of a slot set. A
    dynamic pool that is full asks to grow and gives a transient pool meanwhile, as far as its memory for these goes.
    """
    row = pools.pools[pool]
    block = block_bytes(pools, pool, address, mapping_bytes)
    slots = slots_of(block)
    if slots > SLOTS_PER_SET:
        row.failures += 1
        return NO_SLOT
    slot = find_slots(pools, pool, home, address, block)
    if slot == NO_SLOT:
        row.wants_growth = row.grown < row.grown_max
        if row.transient_used + transient_bytes_of(slots) > row.transient_bytes:
            row.failures += 1
            return NO_SLOT
        row.transient_used += transient_bytes_of(slots)
        slot = TRANSIENT
    row.slots_used += slots
    row.slots_hiwater = max(row.slots_hiwater, row.slots_used)
    return slot


@compiled
def area_of(pools: Swiotlb, pool: int, slot: int) -> int:
    """The area that a slot is in: of the first pool's, or of the dynamic ones' behind them."""
    row = pools.pools[pool]
    first, areas = int(row.first_area), int(row.areas)
    area = pools.areas[first]
    number = (slot - area.first) // area.slots
    if number < areas:
        return int(first + number)
    grown = pools.areas[first + areas]
    return int(first + areas + (slot - grown.first) // grown.slots)


@compiled
def unmap_single(pools: Swiotlb, pool: int, slot: int, address: int, mapping_bytes: int) -> None:
    """Give the slots of a mapping back and join the free runs around them, inside their slot set."""
    row = pools.pools[pool]
    slots = slots_of(block_bytes(pools, pool, address, mapping_bytes))
    row.slots_used -= slots
    if slot == TRANSIENT:
        row.transient_used -= transient_bytes_of(slots)
        return
    free_runs = pools.free_runs
    end = slot + slots
    length = 0
    if end % SLOTS_PER_SET != 0:
        length = int(free_runs[end])
    given = free_runs[slot:end]
    assert given[0] == 0, "a slot is given back once"
    assert given[slots - 1] == 0, "a slot is given back once"
    for i in range(slots):
        given[i] = length + slots - i
    rewrite_run_before(free_runs, slot, length + slots)
    pools.areas[area_of(pools, pool, slot)].used -= slots


@compiled_at_o1
def map_buffer(
    pools: Swiotlb,
    pool: int,
    home: int,
    address: int,
    buffer_bytes: int,
    most: int,
    extras: int,
    tlb_addresses: TlbAddresses,
) -> int:
    """Map a buffer in pieces of `most` bytes, and `extras` of a few bytes beside it, into `tlb_addresses`.

    The number of mappings; 0, with nothing taken, when one of them found no slots.
    """
    done = 0
    at = 0
    while at < buffer_bytes:
        piece = min(buffer_bytes - at, most)
        tlb_addresses[done] = map_single(pools, pool, home, address + at, piece)
        if tlb_addresses[done] == NO_SLOT:
            unmap_buffer(pools, pool, address, at, most, 0, tlb_addresses)
            return 0
        done += 1
        at += piece
    for extra in range(extras):
        tlb_addresses[done] = map_single(pools, pool, home, 0, EXTRA_BYTES)
        if tlb_addresses[done] == NO_SLOT:
            unmap_buffer(pools, pool, address, buffer_bytes, most, extra, tlb_addresses)
            return 0
        done += 1
    return done


@compiled_at_o1
def map_buffers(
    pools: Swiotlb, pool: int, home: int, buffer_bytes: int, most: int, tlb_addresses: TlbAddresses, done: int
) -> int:
    """Map buffers at page boundaries from number `done` on, a row of addresses each; the number of those mapped.

    It ends at the first that finds no slots, or when the pool asks to grow.
    """
    while done < len(tlb_addresses):
        if map_buffer(pools, pool, home, 0, buffer_bytes, most, 0, tlb_addresses[done]) == 0:
            return done
        done += 1
        if pools.pools[pool].wants_growth:
            return done
    return done


@compiled
def unmap_buffer(
    pools: Swiotlb, pool: int, address: int, buffer_bytes: int, most: int, extras: int, tlb_addresses: TlbAddresses
) -> None:
    """Unmap what `map_buffer` mapped."""
    done = 0
    at = 0
    while at < buffer_bytes:
        piece = min(buffer_bytes - at, most)
        unmap_single(pools, pool, tlb_addresses[done], address + at, piece)
        done += 1
        at += piece
    for _ in range(extras):
        unmap_single(pools, pool, tlb_addresses[done], 0, EXTRA_BYTES)
        done += 1


@compiled
def grow(pools: Swiotlb, pool: int) -> int:
    """Add the next dynamic pool, which is never given up again; the slots that it adds, 0 when it may grow no more."""
    row = pools.pools[pool]
    row.wants_growth = 0
    if row.grown == row.grown_max:
        return 0
    area = pools.areas[row.first_area + row.areas + row.grown * row.grown_areas]
    row.grown += 1
    return int(area.slots * row.grown_areas)
