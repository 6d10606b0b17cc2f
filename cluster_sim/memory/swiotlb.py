"""The swiotlb bounce pool: 2 KiB slots, sets of 128, areas with a next-fit cursor (kernel/dma/swiotlb.c).

`free_runs[slot]` is the kernel's `list`: how many free slots follow from here to the end of the slot set,
0 when taken. Several pools live in one state, each a run of areas. No prices, no time, no locks: who may
enter an area when is the engine's business.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiled import compiled

SLOT_BYTES = 2048
SLOTS_PER_SET = 128
MAPPING_BYTES_MAX = SLOT_BYTES * SLOTS_PER_SET
PAGE_BYTES = 4096
MINIMUM_POOL_BYTES = 1 << 20
NO_SLOT = -1

Slots = npt.NDArray[np.int16]
Counts = npt.NDArray[np.int64]
Records = npt.NDArray[np.void]

AREA = np.dtype(
    [("first", np.int64), ("slots", np.int64), ("used", np.int64), ("cursor", np.int64)],
    align=True,
)
"""An area: its first slot, how many it has, how many are taken, where the next search begins."""

POOL = np.dtype(
    [
        ("first_area", np.int64),
        ("areas", np.int64),
        ("slots_used", np.int64),
        ("slots_hiwater", np.int64),
        ("probes", np.int64),
    ],
    align=True,
)
"""A pool: its areas, the kernel's gauges io_tlb_used and io_tlb_used_hiwater, positions that searches looked at."""


class Swiotlb(NamedTuple):
    """Slots of all pools one after the other, their areas and the pools."""

    free_runs: Slots
    areas: Records
    pools: Records


def empty_swiotlb(pools: list[tuple[int, int]]) -> Swiotlb:
    """Free pools, each given as (bytes, areas); an area is a whole number of slot sets."""
    rows = np.zeros(len(pools), POOL)
    sizes: list[int] = []
    for row, (pool_bytes, areas) in zip(rows, pools, strict=True):
        slots = pool_bytes // SLOT_BYTES
        assert slots % (areas * SLOTS_PER_SET) == 0, "areas must be whole slot sets"
        row["first_area"], row["areas"] = len(sizes), areas
        sizes += [slots // areas] * areas
    area_rows = np.zeros(len(sizes), AREA)
    area_rows["slots"] = sizes
    area_rows["first"] = np.cumsum(sizes) - sizes
    free_runs = SLOTS_PER_SET - np.arange(sum(sizes)) % SLOTS_PER_SET
    return Swiotlb(free_runs.astype(np.int16), area_rows, rows)


def coco_pool_bytes(guest_bytes: int) -> int:
    """Pool of an x86 CoCo guest: 6 % of RAM in [64 MiB, 1 GiB], up to a power of two (mem_encrypt.c)."""
    size = min(max(guest_bytes * 6 // 100, 64 << 20), 1 << 30)
    return 1 << (size - 1).bit_length()


def default_areas(vcpus: int, pool_bytes: int) -> int:
    """One area a CPU, up to a power of two, each of the same whole slot sets (swiotlb_adjust_nareas)."""
    areas = 1 << (vcpus - 1).bit_length()
    while areas > 1 and pool_bytes % (areas * MAPPING_BYTES_MAX) != 0:
        areas //= 2
    return areas


@compiled
def slots_of(mapping_bytes: int) -> int:
    """Slots that a mapping of so many bytes takes, without alignment masks."""
    return (mapping_bytes + SLOT_BYTES - 1) // SLOT_BYTES


@compiled
def search_area(free_runs: Slots, areas: Records, area: int, slots: int, stride: int) -> tuple[int, int]:
    """Next-fit search of one area; (slot or NO_SLOT, positions probed)."""
    row = areas[area]
    if slots > row.slots - row.used:
        return NO_SLOT, 0
    cursor = row.cursor
    checked = 0
    probes = 0
    while checked < row.slots:
        probes += 1
        if cursor % stride != 0:
            step = 1
        elif free_runs[row.first + cursor] >= slots:
            return int(row.first + cursor), probes
        else:
            step = stride
        cursor += step
        if cursor >= row.slots:
            cursor = 0
        checked += step
    return NO_SLOT, probes


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
def map_single(pools: Swiotlb, pool: int, home: int, mapping_bytes: int) -> int:
    """Take slots for one mapping, from area `home` on through all areas; the first slot, or NO_SLOT.

    Mappings of a page or more are page-aligned (every second slot); none is longer than 256 KiB.
    """
    if mapping_bytes > MAPPING_BYTES_MAX:
        return NO_SLOT
    slots = slots_of(mapping_bytes)
    stride = PAGE_BYTES // SLOT_BYTES if mapping_bytes >= PAGE_BYTES else 1
    row = pools.pools[pool]
    for i in range(row.areas):
        area = row.first_area + (home + i) % row.areas
        slot, probes = search_area(pools.free_runs, pools.areas, area, slots, stride)
        row.probes += probes
        if slot != NO_SLOT:
            take_slots(pools, area, slot, slots)
            row.slots_used += slots
            row.slots_hiwater = max(row.slots_hiwater, row.slots_used)
            return slot
    return NO_SLOT


@compiled
def unmap_single(pools: Swiotlb, pool: int, slot: int, mapping_bytes: int) -> None:
    """Give the slots of a mapping back and join the free runs around them, inside their slot set."""
    slots = slots_of(mapping_bytes)
    free_runs = pools.free_runs
    end = slot + slots
    length = 0
    if end % SLOTS_PER_SET != 0:
        length = int(free_runs[end])
    for i in range(slots):
        free_runs[slot + i] = length + slots - i
    rewrite_run_before(free_runs, slot, length + slots)
    row = pools.pools[pool]
    first = pools.areas[row.first_area]
    pools.areas[row.first_area + (slot - first.first) // first.slots].used -= slots
    row.slots_used -= slots


@compiled
def map_pieces(pools: Swiotlb, pool: int, home: int, buffer_bytes: int, slots: Counts) -> int:
    """Map a contiguous buffer in 256 KiB pieces into `slots`; the pieces, or 0 with nothing taken."""
    pieces = 0
    left = buffer_bytes
    while left > 0:
        piece = min(left, MAPPING_BYTES_MAX)
        slot = map_single(pools, pool, home, piece)
        if slot == NO_SLOT:
            unmap_pieces(pools, pool, buffer_bytes - left, slots)
            return 0
        slots[pieces] = slot
        pieces += 1
        left -= piece
    return pieces


@compiled
def unmap_pieces(pools: Swiotlb, pool: int, buffer_bytes: int, slots: Counts) -> None:
    """Unmap what `map_pieces` mapped."""
    left = buffer_bytes
    i = 0
    while left > 0:
        piece = min(left, MAPPING_BYTES_MAX)
        unmap_single(pools, pool, slots[i], piece)
        i += 1
        left -= piece


class SwiotlbPool:
    """One bounce pool: the Python face of the compiled functions."""

    def __init__(self, pool_bytes: int, areas: int = 1) -> None:
        self.state = empty_swiotlb([(pool_bytes, areas)])

    def map_single(self, mapping_bytes: int, *, cpu: int = 0) -> int | None:
        """Map; the first slot, or None when no area can hold it."""
        if mapping_bytes <= 0:
            raise ValueError(f"mapping_bytes must be positive, got {mapping_bytes}")
        slot = map_single(self.state, 0, cpu % int(self.state.pools["areas"][0]), mapping_bytes)
        return None if slot == NO_SLOT else int(slot)

    def unmap_single(self, slot: int, mapping_bytes: int) -> None:
        """Unmap a mapping that `map_single` gave."""
        unmap_single(self.state, 0, slot, mapping_bytes)

    @property
    def slots_used(self) -> int:
        """io_tlb_used: slots taken now."""
        return int(self.state.pools["slots_used"][0])

    @property
    def slots_hiwater(self) -> int:
        """io_tlb_used_hiwater: the most slots ever taken."""
        return int(self.state.pools["slots_hiwater"][0])
