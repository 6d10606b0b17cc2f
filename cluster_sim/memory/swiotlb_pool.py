"""One bounce pool: the Python face of the compiled functions, for tests and for looking at it by hand."""

from cluster_sim.memory.swiotlb import (
    NO_SLOT,
    PoolSize,
    empty_swiotlb,
    grow,
    map_single,
    unmap_single,
)


class SwiotlbPool:
    """A bounce pool of `pool_bytes` in `areas`; masks, growth and transient memory as in PoolSize."""

    def __init__(
        self,
        pool_bytes: int,
        areas: int = 1,
        *,
        min_align_mask: int = 0,
        alloc_align_mask: int = 0,
        grow_bytes: int = 0,
        transient_bytes: int = 0,
    ) -> None:
        size = PoolSize(pool_bytes, areas, min_align_mask, alloc_align_mask, grow_bytes, transient_bytes)
        self.state = empty_swiotlb([size])

    def map_single(self, mapping_bytes: int, *, cpu: int = 0, address: int = 0) -> int | None:
        """Map; the first slot, TRANSIENT, or None when nothing can hold it."""
        if mapping_bytes <= 0:
            raise ValueError(f"mapping_bytes must be positive, got {mapping_bytes}")
        slot = map_single(self.state, 0, cpu, address, mapping_bytes)
        return None if slot == NO_SLOT else int(slot)

    def unmap_single(self, slot: int, mapping_bytes: int, *, address: int = 0) -> None:
        """Unmap a mapping that `map_single` gave."""
        unmap_single(self.state, 0, slot, address, mapping_bytes)

    def grow(self) -> int:
        """Add a dynamic pool; the slots that it adds."""
        return int(grow(self.state, 0))

    @property
    def wants_growth(self) -> bool:
        """Whether a mapping found no slots since it last grew, and it may grow."""
        return bool(self.state.pools["wants_growth"][0])

    @property
    def slots_used(self) -> int:
        """io_tlb_used: slots taken now, those of transient pools among them."""
        return int(self.state.pools["slots_used"][0])

    @property
    def slots_hiwater(self) -> int:
        """io_tlb_used_hiwater: the most slots ever taken."""
        return int(self.state.pools["slots_hiwater"][0])
