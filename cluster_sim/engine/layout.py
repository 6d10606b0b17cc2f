"""Where a guest's I/O memory lies in its guest_memfd: the pool, the device's buffers, the consumer's own buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster_sim.io_paths.parts import carries_content
from cluster_sim.memory.page_tree import PAGES_PER_1G, PAGES_PER_2M
from cluster_sim.memory.pages import PAGE_BYTES
from cluster_sim.memory.swiotlb import coco_pool_bytes, default_areas
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.spec import (
    ConvertPath,
    DirectPath,
    GuestGroupSpec,
    IoPath,
    MemorySpec,
    RawVideo,
    SharedPoolPath,
    SwiotlbPath,
    VideoWorkload,
)

HUGE_BYTES = PAGES_PER_2M * PAGE_BYTES
DEFAULT_POOL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What the engine must know of a stream's frames beforehand, in bytes."""

    largest: int
    mean: int


@dataclass(frozen=True, slots=True)
class BufferLayout:
    """Buffers of one stream: first page in the guest and pages from one to the next, for device and own range."""

    device_page: int
    device_pages: int
    own_page: int
    own_pages: int


@dataclass(frozen=True, slots=True)
class GuestLayout:
    """I/O memory of one guest: `io_pages` from page 0 on.

    `held_bytes` is what it keeps from other uses, `pool_buffers_bytes` a pool's content.
    """

    pool_bytes: int
    areas: int
    end_page: int
    io_pages: int
    held_bytes: int
    pool_buffers_bytes: int
    buffers: tuple[BufferLayout, ...]
    counts: tuple[int, ...]

    @property
    def gib_entries(self) -> int:
        """1 GiB entries that the guest takes in the host's page tree."""
        return -(-self.end_page // PAGES_PER_1G)

    @property
    def huge_blocks(self) -> int:
        """2 MiB blocks that buffers may make uneven."""
        blocks = sum(
            count * (b.device_pages + b.own_pages) // PAGES_PER_2M
            for count, b in zip(self.counts, self.buffers, strict=True)
        )
        return blocks + 6 * len(self.buffers)


@dataclass(frozen=True, slots=True)
class PlannedGuest:
    """One guest of the host: its group, its number in the group, its memory, what setting it up took."""

    group: GuestGroupSpec
    index: int
    layout: GuestLayout
    setup_ns: int = 0


def frame_facts(workload: VideoWorkload) -> FrameFacts:
    """Facts of raw frames; coded ones have theirs from the trace."""
    assert isinstance(workload.source, RawVideo)
    return FrameFacts(largest=workload.source.frame_bytes, mean=workload.source.frame_bytes)


def buffer_bytes(workload: VideoWorkload, facts: FrameFacts) -> int:
    """Size of one buffer of a stream."""
    return facts.largest if workload.buffer == "auto" else workload.buffer


def round_up(amount: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-amount // unit) * unit


def stride_pages(size: int, granule_bytes: int) -> int:
    """Pages from one buffer to the next: whole granules, large buffers from 2 MiB boundaries on."""
    padded = round_up(size, granule_bytes)
    return (round_up(padded, HUGE_BYTES) if padded >= HUGE_BYTES else padded) // PAGE_BYTES


def granule_bytes(path: IoPath) -> int:
    """Unit of conversion that the path's buffers are padded to."""
    return path.granule if isinstance(path, ConvertPath) else PAGE_BYTES


def swiotlb_pool(path: SwiotlbPath, group: GuestGroupSpec, protection: Protection) -> tuple[int, int]:
    """Bytes and areas of a guest's bounce pool: as given, else as the technology sizes it."""
    if path.pool != "auto":
        pool = path.pool
    else:
        pool = coco_pool_bytes(group.memory) if protection.sizes_pool_by_memory else DEFAULT_POOL_BYTES
    if path.areas != "auto":
        return pool, path.areas
    return pool, 1 if protection.has_restricted_pool else default_areas(group.vcpus, pool)


def uses_device_range(path: IoPath) -> bool:
    """Whether the device reaches the stream's own buffers, and not bounce slots instead."""
    return not isinstance(path, SwiotlbPath)


def uses_own_range(path: IoPath, protection: Protection, spec: MemorySpec) -> bool:
    """Whether the consumer keeps frames in buffers of its own."""
    match path:
        case SwiotlbPath():
            return True
        case SharedPoolPath():
            return path.copied_by in ("consumer", "both")
        case ConvertPath():
            return protection.has_private_memory and not carries_content(protection, spec)
        case DirectPath():
            return False


def pool_of(path: IoPath, group: GuestGroupSpec, protection: Protection, buffers_bytes: int) -> tuple[int, int]:
    """Bytes and areas of the pool that a guest shares for good; none but for swiotlb and the shared pool."""
    match path:
        case SwiotlbPath():
            return swiotlb_pool(path, group, protection)
        case SharedPoolPath():
            return (round_up(buffers_bytes, HUGE_BYTES) if path.pool == "auto" else path.pool), 1
        case _:
            return 0, 1


def lay_out(
    path: IoPath, group: GuestGroupSpec, facts: Sequence[FrameFacts], protection: Protection, spec: MemorySpec
) -> GuestLayout:
    """Place pool and buffers of one guest from page 0 on; a shared pool's buffers lie inside it."""
    granule = granule_bytes(path)
    sizes = [buffer_bytes(workload, fact) for workload, fact in zip(group.workloads, facts, strict=True)]
    counts = [workload.buffers for workload in group.workloads]
    device = [stride_pages(size, granule) if uses_device_range(path) else 0 for size in sizes]
    own = [stride_pages(size, PAGE_BYTES) if uses_own_range(path, protection, spec) else 0 for size in sizes]
    device_pages = sum(n * pages for n, pages in zip(counts, device, strict=True))
    pool, areas = pool_of(path, group, protection, device_pages * PAGE_BYTES)
    held = pool
    for count, size, device_stride, own_stride in zip(counts, sizes, device, own, strict=True):
        if device_stride and not isinstance(path, SharedPoolPath):
            held += count * round_up(size, granule)
        if own_stride:
            held += count * round_up(size, PAGE_BYTES)
    buffers = []
    device_page = 0
    own_page = round_up(max(device_pages, pool // PAGE_BYTES), PAGES_PER_2M)
    for count, device_stride, own_stride in zip(counts, device, own, strict=True):
        buffers.append(BufferLayout(device_page, device_stride, own_page, own_stride))
        device_page += count * device_stride
        own_page += count * own_stride
    end_page = max(own_page, group.memory // PAGE_BYTES)
    return GuestLayout(pool, areas, end_page, own_page, held, device_pages * PAGE_BYTES, tuple(buffers), tuple(counts))
