"""The slow, obvious twin of the last-level cache: sets of ways, each in the order of its last use, with dirty bits.

Sectors of 4 KiB stand for lines. Which set one falls into is as good as chance, as hashed addresses make it.
"""

from collections import OrderedDict

SECTOR_BYTES = 4096
WAYS = 16
MIX = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


class LastLevelCacheTwin:
    """A write-back cache with LRU replacement in each set; whole sectors are written, so that none is read for it."""

    def __init__(self, llc_bytes: int) -> None:
        self.sets: list[OrderedDict[int, bool]] = [OrderedDict() for _ in range(llc_bytes // SECTOR_BYTES // WAYS)]
        self.bus_sectors = 0

    def set_of(self, sector: int) -> OrderedDict[int, bool]:
        """The set of a sector."""
        mixed = (sector ^ sector >> 31) * MIX & MASK
        mixed = (mixed ^ mixed >> 29) * MIX & MASK
        return self.sets[(mixed >> 32) % len(self.sets)]

    def touch(self, sector: int, *, writes: bool) -> bool:
        """Read or write a sector; whether it was there."""
        lines = self.set_of(sector)
        is_found = sector in lines
        is_dirty = lines.pop(sector) if is_found else False
        if not is_found:
            self.bus_sectors += not writes
            if len(lines) == WAYS:
                _, was_dirty = lines.popitem(last=False)
                self.bus_sectors += was_dirty
        lines[sector] = is_dirty or writes
        return is_found

    def copy(self, sources: range, targets: range) -> tuple[int, int]:
        """Copy sector by sector; how many were found at one end, and how many at both."""
        one = both = 0
        for source, target in zip(sources, targets, strict=True):
            found = self.touch(source, writes=False) + self.touch(target, writes=True)
            one += found == 1
            both += found == 2
        return one, both
