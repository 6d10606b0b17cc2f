"""The slow, obvious twin of the swiotlb allocator: one boolean a slot, every place tried, masks by their meaning."""

from dataclasses import dataclass, field

SLOT_BYTES = 2048
SLOTS_PER_SET = 128
PAGE_BYTES = 4096


@dataclass
class Chunk:
    """One contiguous pool: the first, or a dynamic one."""

    first: int
    slots: int
    areas: int
    cursors: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cursors = [0] * self.areas


@dataclass(frozen=True)
class Mapping:
    """A live mapping: its first slot, or none where it has a transient pool; slots taken."""

    slot: int | None
    slots: int


class SwiotlbTwin:
    """One guest's pool of equal areas, with dynamic pools of their own areas behind it."""

    def __init__(
        self,
        pool_bytes: int,
        areas: int,
        *,
        min_align_mask: int = 0,
        alloc_align_mask: int = 0,
        transient_bytes: int = 0,
    ) -> None:
        self.chunks = [Chunk(0, pool_bytes // SLOT_BYTES, areas)]
        self.is_taken = [False] * self.chunks[0].slots
        self.min_align_mask, self.alloc_align_mask = min_align_mask, alloc_align_mask
        self.transient_bytes = transient_bytes
        self.transient_used = 0

    def add(self, pool_bytes: int, areas: int) -> None:
        """A dynamic pool."""
        self.chunks.append(Chunk(len(self.is_taken), pool_bytes // SLOT_BYTES, areas))
        self.is_taken += [False] * (pool_bytes // SLOT_BYTES)

    def slots_for(self, mapping_bytes: int, address: int) -> int:
        """Slots of the block: the address bits that the device needs come first, unless the block's own alignment has
        them; then whole units of the alignment.
        """
        before = 0
        for bit in range(40):
            is_below_block = (1 << bit) < SLOT_BYTES or self.alloc_align_mask >> bit & 1
            if self.min_align_mask >> bit & 1 and is_below_block and address >> bit & 1:
                before += 1 << bit
        unit = self.alloc_align_mask + 1
        block = -(-(mapping_bytes + before) // unit) * unit
        return -(-block // SLOT_BYTES)

    def is_aligned(self, slot: int, mapping_bytes: int, address: int) -> bool:
        """Whether a block may begin at a slot."""
        place = slot * SLOT_BYTES
        if self.alloc_align_mask and place % (self.alloc_align_mask + 1):
            return False
        if not self.alloc_align_mask and not self.min_align_mask and mapping_bytes >= PAGE_BYTES and place % PAGE_BYTES:
            return False
        own = max(SLOT_BYTES, self.alloc_align_mask + 1)
        kept = [bit for bit in range(40) if self.min_align_mask >> bit & 1 and (1 << bit) >= own]
        return all((place >> bit & 1) == (address >> bit & 1) for bit in kept)

    def fits(self, slot: int, slots: int) -> bool:
        """Whether so many slots from here on are free and inside one slot set."""
        room = SLOTS_PER_SET - slot % SLOTS_PER_SET
        return slots <= room and not any(self.is_taken[slot : slot + slots])

    def map_single(self, mapping_bytes: int, cpu: int, address: int = 0) -> Mapping | None:
        """The mapping, or None."""
        slots = self.slots_for(mapping_bytes, address)
        if slots > SLOTS_PER_SET:
            return None
        for chunk in self.chunks:
            slot = self.find(chunk, mapping_bytes, cpu, address, slots)
            if slot is not None:
                self.is_taken[slot : slot + slots] = [True] * slots
                return Mapping(slot, slots)
        pages_bytes = -(-slots * SLOT_BYTES // PAGE_BYTES) * PAGE_BYTES
        if self.transient_used + pages_bytes > self.transient_bytes:
            return None
        self.transient_used += pages_bytes
        return Mapping(None, slots)

    def find(self, chunk: Chunk, mapping_bytes: int, cpu: int, address: int, slots: int) -> int | None:
        """The first place from each area's cursor on, round once; the cursor goes behind it."""
        area_slots = chunk.slots // chunk.areas
        for turn in range(chunk.areas):
            area = (cpu + turn) % chunk.areas
            first = chunk.first + area * area_slots
            for offset in range(area_slots):
                place = (chunk.cursors[area] + offset) % area_slots
                slot = first + place
                if self.is_aligned(slot, mapping_bytes, address) and self.fits(slot, slots):
                    chunk.cursors[area] = (place + slots) % area_slots
                    return slot
        return None

    def unmap(self, mapping: Mapping) -> None:
        """Free the slots."""
        if mapping.slot is None:
            self.transient_used -= -(-mapping.slots * SLOT_BYTES // PAGE_BYTES) * PAGE_BYTES
            return
        for slot in range(mapping.slot, mapping.slot + mapping.slots):
            assert self.is_taken[slot]
            self.is_taken[slot] = False

    def free_runs(self) -> list[int]:
        """For each slot, the free slots from it to the end of its set, 0 when taken."""
        runs = [0] * len(self.is_taken)
        for slot in reversed(range(len(self.is_taken))):
            if not self.is_taken[slot]:
                last_of_set = slot % SLOTS_PER_SET == SLOTS_PER_SET - 1
                runs[slot] = 1 if last_of_set else runs[slot + 1] + 1
        return runs
