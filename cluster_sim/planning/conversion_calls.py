"""What one call, and one exit to the VMM within it, covers of a conversion."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.path_needs import Calls
from cluster_sim.memory.page_tree import PAGES_PER_2M
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec

ANY_RANGE = 1 << 62


def setup_unit(memory: MemorySpec, pool_bytes: int) -> int:
    """Unit in which a pool is shared: 2 MiB where it lies together and is whole ones."""
    whole = pool_bytes % (PAGES_PER_2M * PAGE_BYTES) == 0
    return PAGE_BYTES if memory.placement == "scattered" or not whole else PAGES_PER_2M * PAGE_BYTES


def call_bytes(protection: Protection, memory: MemorySpec, calls: Calls, granule: int) -> int:
    """Bytes that one call covers, ANY_RANGE where nothing bounds it; a range is one page where they are scattered."""
    any_range = PAGE_BYTES if memory.placement == "scattered" else ANY_RANGE
    own_most = protection.call_bytes_max or any_range
    match calls:
        case "page":
            return min(granule, own_most)
        case "ranged":
            return any_range
        case _:
            return min(protection.call_granules_max * granule or any_range, own_most)


def chunk_bytes(protection: Protection, memory: MemorySpec, call: int) -> int:
    """Bytes that one exit to the VMM covers, within a call; each contiguous run is an exit of its own."""
    chunk = protection.vmm_chunk_bytes(call)
    return PAGE_BYTES if memory.placement == "scattered" and chunk else chunk
