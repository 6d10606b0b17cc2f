"""Where a guest's I/O memory lies in its guest_memfd: pool, the device's buffers, own buffers, ranges of other work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths import programs
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.memory.page_tree import PAGES_PER_1G, PAGES_PER_2M
from cluster_sim.planning.queues import Queue, WorkloadSizes, boots, queues_of
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.queue_traits import MEMORY_MAP_BYTES_PER_GIB, Role, TransferSizes
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec

HUGE_BYTES = PAGES_PER_2M * PAGE_BYTES
GIB = PAGES_PER_1G * PAGE_BYTES
Q35_WHOLE_BYTES = 0xB000_0000
Q35_LOW_BYTES = 0x8000_0000
RESIDENT_BYTES = 256 << 10
"""Virtqueues of a few devices and what their drivers share beside them."""


@dataclass(frozen=True, slots=True)
class BufferLayout:
    """Buffers of one queue: first page in the guest and pages from one to the next, for device and own range."""

    count: int
    device_page: int
    device_pages: int
    own_page: int = 0
    own_pages: int = 0

    @property
    def end_page(self) -> int:
        """The page behind those that the device reaches, or behind its ranges."""
        return self.device_page + self.count * self.device_pages


@dataclass(frozen=True, slots=True)
class GuestLayout:
    """I/O memory of one guest: `io_pages` from page 0 on, the pool first, then room for it to grow.

    `resident_page` and `resident_pages` are what else is shared for good. `held_bytes` is what it keeps from others,
    `pool_buffers_bytes` a pool's content; `end_page` is behind the last page of the guest, `boots` whether it starts
    within the run.
    """

    queues: tuple[Queue, ...]
    buffers: tuple[BufferLayout, ...]
    needs: PathNeeds
    pool_bytes: int
    resident_page: int
    resident_pages: int
    io_pages: int
    end_page: int
    held_bytes: int
    pool_buffers_bytes: int
    boots: bool

    @property
    def pools(self) -> int:
        """Pools that `pool_bytes` is of: one, or one a device."""
        return pool_count(self.needs, self.queues)

    @property
    def gib_entries(self) -> int:
        """1 GiB entries that the guest takes in the host's page tree."""
        return -(-self.end_page // PAGES_PER_1G)

    @property
    def huge_blocks(self) -> int:
        """2 MiB blocks that buffers may make uneven."""
        blocks = sum(b.count * (b.device_pages + b.own_pages) // PAGES_PER_2M for b in self.buffers)
        return blocks + self.needs.grow_bytes // HUGE_BYTES + 6 * len(self.buffers) + 4


def round_up(amount: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-amount // unit) * unit


def stride_pages(size: int, granule_bytes: int, batch: int = 1) -> int:
    """Pages from one buffer to the next: whole granules; large buffers begin at 2 MiB unless they convert together."""
    padded = round_up(size, granule_bytes)
    is_aligned = padded >= HUGE_BYTES and batch == 1
    return (round_up(padded, HUGE_BYTES) if is_aligned else padded) // PAGE_BYTES


def pool_bytes_of(needs: PathNeeds, buffers_bytes: int) -> int:
    """Bytes of the pool that a guest shares for good, where `buffers_bytes` lie in it; none but where its path asks."""
    if needs.pool is None:
        return 0
    given = needs.pool.pool_bytes
    return round_up(buffers_bytes, HUGE_BYTES) if given is None else given


def pool_count(needs: PathNeeds, queues: Sequence[Queue]) -> int:
    """Pools of a guest: one, or one a device where each has its own."""
    if needs.slots is None or not needs.slots.is_per_device:
        return 1
    return max(len({queue.device for queue in queues if queue.traits.moves_data}), 1)


def sizes_of_queue(queue: Queue, group: GuestGroupSpec, sizes: WorkloadSizes) -> TransferSizes:
    """Sizes of a queue's transfers: its own, else its workload's; the sender's where another guest sends them."""
    if queue.traits.transfer_sizes is not None:
        return queue.traits.transfer_sizes
    return sizes[group.name if queue.sender is None else queue.sender.group, queue.workload]


def buffer_bytes(queue: Queue, sizes: TransferSizes) -> int:
    """Size of one buffer of a queue that moves data: as given, else what its largest transfer and its driver need."""
    if queue.traits.buffer_bytes is not None:
        return queue.traits.buffer_bytes
    return max([sizes.largest, *(each.buffer_bytes for each in queue.drivers)])


def lay_out(
    scenario: ScenarioSpec, group: GuestGroupSpec, index: int, sizes: WorkloadSizes, protection: Protection
) -> GuestLayout:
    """Place pool and buffers of one guest from page 0 on; a shared pool's buffers lie inside it."""
    needs = programs.needs(scenario.path_of(group), group, protection, scenario.memory)
    queues = queues_of(scenario, group, index)
    buffer_sizes = [buffer_bytes(queue, sizes_of_queue(queue, group, sizes)) for queue in queues]
    unplaced = [size_buffers(queue, size, needs) for queue, size in zip(queues, buffer_sizes, strict=True)]
    device_pages = sum(each.count * each.device_pages for each in unplaced)
    pool = pool_bytes_of(needs, device_pages * PAGE_BYTES) * pool_count(needs, queues)
    held = pool + sum(bytes_held(each, size, needs) for each, size in zip(unplaced, buffer_sizes, strict=True))
    own_page = round_up(max(device_pages, (pool + needs.grow_bytes) // PAGE_BYTES), PAGES_PER_2M)
    placed = side_by_side(unplaced, own_page)
    end_page = own_page + sum(each.count * each.own_pages for each in unplaced)
    resident = resident_bytes(scenario.memory, protection)
    resident_page = round_up(end_page, PAGES_PER_2M) if resident else end_page
    end_page = io_pages = resident_page + resident // PAGE_BYTES
    held += resident
    for number, queue in enumerate(queues):
        if queue.traits.moves_data:
            continue
        first_page = io_pages if queue.role == Role.KERNEL else end_page
        placed[number] = ranges = lay_ranges(queue, first_page, pool, group.memory, protection)
        if queue.role not in (Role.POOL, Role.KERNEL):
            end_page = ranges.end_page
        if queue.role == Role.CHURN:
            held += ranges.count * ranges.device_pages * PAGE_BYTES
            io_pages = end_page
    return GuestLayout(
        queues=tuple(queues),
        buffers=tuple(placed),
        needs=needs,
        pool_bytes=pool,
        resident_page=resident_page,
        resident_pages=resident // PAGE_BYTES,
        io_pages=io_pages,
        end_page=max(end_page, group.memory // PAGE_BYTES, *(each.end_page for each in placed)),
        held_bytes=held,
        pool_buffers_bytes=device_pages * PAGE_BYTES,
        boots=boots(group),
    )


def resident_bytes(memory: MemorySpec, protection: Protection) -> int:
    """What is shared for good beside pools: of a page of 1 GiB it keeps all split, of others it lies apart."""
    if not protection.has_private_memory:
        return 0
    if memory.resident != "auto":
        return memory.resident
    return RESIDENT_BYTES if memory.huge_page == PAGES_PER_1G * PAGE_BYTES else 0


def size_buffers(queue: Queue, size: int, needs: PathNeeds) -> BufferLayout:
    """Buffers of a queue, not placed yet; one that moves no data has none."""
    traits = queue.traits
    has_device, has_own = (traits.moves_data and has for has in (needs.has_device_buffers, needs.has_own_buffers))
    return BufferLayout(
        count=traits.buffers,
        device_page=0,
        device_pages=stride_pages(size, needs.granule_bytes, needs.life.batch) if has_device else 0,
        own_page=0,
        own_pages=stride_pages(size, PAGE_BYTES) if has_own else 0,
    )


def bytes_held(buffers: BufferLayout, size: int, needs: PathNeeds) -> int:
    """What buffers of `size` keep from other uses, beside a pool that they may lie in."""
    is_beside_pool = buffers.device_pages > 0 and not needs.has_buffers_in_pool
    device = round_up(size, needs.granule_bytes) if is_beside_pool else 0
    own = round_up(size, PAGE_BYTES) if buffers.own_pages else 0
    return buffers.count * (device + own)


def side_by_side(buffers: Sequence[BufferLayout], own_page: int) -> list[BufferLayout]:
    """Buffers that the device reaches from page 0 on, private ones from `own_page` on."""
    device_page = 0
    placed = []
    for each in buffers:
        placed.append(replace(each, device_page=device_page, own_page=own_page))
        device_page += each.count * each.device_pages
        own_page += each.count * each.own_pages
    return placed


def lay_ranges(
    queue: Queue, first_page: int, pool_bytes: int, memory_bytes: int, protection: Protection
) -> BufferLayout:
    """Memory of a queue that moves no data, from `first_page` on: ranges to convert, an image, what is accepted.

    The kernel's memory map is the last of the guest's memory, which others may touch after it.
    """
    ranges = queue.traits.ranges
    if queue.role == Role.KERNEL:
        pages = memory_map_pages(memory_bytes)
        return BufferLayout(1, max(first_page, memory_bytes // PAGE_BYTES - pages), pages)
    if ranges is None:
        return BufferLayout(1 if pool_bytes else 0, 0, pool_bytes // PAGE_BYTES)
    start = round_up(first_page, ranges.align_bytes // PAGE_BYTES)
    if ranges.count is not None:
        return BufferLayout(ranges.count, start, ranges.range_bytes // PAGE_BYTES)
    left_bytes = max(memory_bytes - start * PAGE_BYTES, 0)
    most_bytes = firmware_bytes(memory_bytes, protection) if ranges.most_bytes == "auto" else ranges.most_bytes
    count = min(left_bytes, left_bytes if most_bytes is None else most_bytes) // ranges.range_bytes
    return BufferLayout(count, start, ranges.range_bytes // PAGE_BYTES)


def memory_map_pages(memory_bytes: int) -> int:
    """Pages of the kernel's memory map, a struct page for each page; in blocks of 2 MiB, as it is mapped by."""
    return round_up(memory_bytes * MEMORY_MAP_BYTES_PER_GIB // GIB, HUGE_BYTES) // PAGE_BYTES


def firmware_bytes(memory_bytes: int, protection: Protection) -> int:
    """What OVMF accepts before the kernel runs: memory below 4 GiB (edk2 d1e41c620f, 0d129ef7c3).

    Of QEMU's q35 that is all up to 2.75 GiB, and 2 GiB of more (hw/i386/pc_q35.c).
    """
    return low_memory_bytes(memory_bytes) if protection.accepts_pages else 0


def low_memory_bytes(memory_bytes: int) -> int:
    """What of a guest's memory lies below 4 GiB, on QEMU's q35: all up to 2.75 GiB, and 2 GiB of more (pc_q35.c)."""
    return memory_bytes if memory_bytes < Q35_WHOLE_BYTES else Q35_LOW_BYTES
