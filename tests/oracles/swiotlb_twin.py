"""The slow, obvious twin of the swiotlb allocator: one boolean a slot, free runs counted anew at each look."""

SLOT_BYTES = 2048
SLOTS_PER_SET = 128


class SwiotlbTwin:
    """One pool of equal areas."""

    def __init__(self, pool_bytes: int, areas: int) -> None:
        self.is_taken = [False] * (pool_bytes // SLOT_BYTES)
        self.area_slots = len(self.is_taken) // areas
        self.cursors = [0] * areas

    def fits(self, slot: int, slots: int) -> bool:
        """Whether so many slots from here on are free and inside one slot set."""
        room = SLOTS_PER_SET - slot % SLOTS_PER_SET
        return slots <= room and not any(self.is_taken[slot : slot + slots])

    def map_single(self, mapping_bytes: int, cpu: int) -> int | None:
        """The first slot, or None."""
        slots = -(-mapping_bytes // SLOT_BYTES)
        if slots > SLOTS_PER_SET:
            return None
        stride = 2 if mapping_bytes >= 4096 else 1
        for turn in range(len(self.cursors)):
            area = (cpu + turn) % len(self.cursors)
            first = area * self.area_slots
            if self.is_taken[first : first + self.area_slots].count(False) < slots:
                continue
            for offset in range(self.area_slots):
                place = (self.cursors[area] + offset) % self.area_slots
                if place % stride == 0 and self.fits(first + place, slots):
                    for slot in range(first + place, first + place + slots):
                        self.is_taken[slot] = True
                    after = place + slots
                    self.cursors[area] = 0 if after >= self.area_slots else after
                    return first + place
        return None

    def unmap_single(self, slot: int, mapping_bytes: int) -> None:
        """Free the slots."""
        for taken in range(slot, slot + -(-mapping_bytes // SLOT_BYTES)):
            assert self.is_taken[taken]
            self.is_taken[taken] = False

    def free_runs(self) -> list[int]:
        """For each slot, the free slots from it to the end of its set, 0 when taken."""
        runs = [0] * len(self.is_taken)
        for slot in reversed(range(len(self.is_taken))):
            if not self.is_taken[slot]:
                last_of_set = slot % SLOTS_PER_SET == SLOTS_PER_SET - 1
                runs[slot] = 1 if last_of_set else runs[slot + 1] + 1
        return runs
