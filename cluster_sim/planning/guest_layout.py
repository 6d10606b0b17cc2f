"""Where a guest's I/O memory lies in its guest_memfd: pool, the device's buffers, own buffers, ranges of other work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths import programs
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.memory.page_tree import PAGES_PER_1G, PAGES_PER_2M
from cluster_sim.planning.queues import Queue, WorkloadSizes, boots, queues_of
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_traits import Role, TransferSizes

HUGE_BYTES = PAGES_PER_2M * PAGE_BYTES


@dataclass(frozen=True, slots=True)
class BufferLayout:
    """Buffers of one queue: first page in the guest and pages from one to the next, for device and own range."""

    count: int
    device_page: int
    device_pages: int
    own_page: int = 0
    own_pages: int = 0


@dataclass(frozen=True, slots=True)
class GuestLayout:
    """I/O memory of one guest: `io_pages` from page 0 on, the pool first, then room for it to grow.

    `held_bytes` is what it keeps from other uses, `pool_buffers_bytes` a pool's content; `end_page` is behind the last
    page of the guest, `boots` whether it starts within the run.
    """

    queues: tuple[Queue, ...]
    buffers: tuple[BufferLayout, ...]
    needs: PathNeeds
    pool_bytes: int
    io_pages: int
    end_page: int
    held_bytes: int
    pool_buffers_bytes: int
    boots: bool

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


def stride_pages(size: int, granule_bytes: int) -> int:
    """Pages from one buffer to the next: whole granules, large buffers from 2 MiB boundaries on."""
    padded = round_up(size, granule_bytes)
    return (round_up(padded, HUGE_BYTES) if padded >= HUGE_BYTES else padded) // PAGE_BYTES


def pool_bytes_of(needs: PathNeeds, buffers_bytes: int) -> int:
    """Bytes of the pool that a guest shares for good, where `buffers_bytes` lie in it; none but where its path asks."""
    if needs.pool is None:
        return 0
    given = needs.pool.pool_bytes
    return round_up(buffers_bytes, HUGE_BYTES) if given is None else given


def sizes_of_queue(queue: Queue, group: GuestGroupSpec, sizes: WorkloadSizes) -> TransferSizes:
    """Sizes of a queue's transfers: those of the sender's workload where another guest sends them."""
    return sizes[group.name if queue.sender is None else queue.sender.group, queue.workload]


def buffer_bytes(queue: Queue, sizes: TransferSizes) -> int:
    """Size of one buffer of a queue that moves data."""
    return sizes.largest if queue.traits.buffer_bytes is None else queue.traits.buffer_bytes


def lay_out(
    scenario: ScenarioSpec, group: GuestGroupSpec, index: int, sizes: WorkloadSizes, protection: Protection
) -> GuestLayout:
    """Place pool and buffers of one guest from page 0 on; a shared pool's buffers lie inside it."""
    needs = programs.needs(scenario.path_of(group), group, protection, scenario.memory)
    queues = queues_of(scenario, group, index)
    buffer_sizes = [buffer_bytes(queue, sizes_of_queue(queue, group, sizes)) for queue in queues]
    unplaced = [size_buffers(queue, size, needs) for queue, size in zip(queues, buffer_sizes, strict=True)]
    device_pages = sum(each.count * each.device_pages for each in unplaced)
    pool = pool_bytes_of(needs, device_pages * PAGE_BYTES)
    held = pool + sum(bytes_held(each, size, needs) for each, size in zip(unplaced, buffer_sizes, strict=True))
    own_page = round_up(max(device_pages, (pool + needs.grow_bytes) // PAGE_BYTES), PAGES_PER_2M)
    placed = side_by_side(unplaced, own_page)
    end_page = io_pages = own_page + sum(each.count * each.own_pages for each in unplaced)
    for number, queue in enumerate(queues):
        if queue.traits.moves_data:
            continue
        ranges = lay_ranges(queue, end_page, pool // PAGE_BYTES, group.memory // PAGE_BYTES)
        placed[number] = ranges
        if queue.role != Role.POOL:
            end_page = ranges.device_page + ranges.count * ranges.device_pages
        if queue.role == Role.CHURN:
            held += ranges.count * ranges.device_pages * PAGE_BYTES
            io_pages = end_page
    return GuestLayout(
        queues=tuple(queues),
        buffers=tuple(placed),
        needs=needs,
        pool_bytes=pool,
        io_pages=io_pages,
        end_page=max(end_page, group.memory // PAGE_BYTES),
        held_bytes=held,
        pool_buffers_bytes=device_pages * PAGE_BYTES,
        boots=boots(group),
    )


def size_buffers(queue: Queue, size: int, needs: PathNeeds) -> BufferLayout:
    """Buffers of a queue, not placed yet; one that moves no data has none."""
    traits = queue.traits
    has_device, has_own = (traits.moves_data and has for has in (needs.has_device_buffers, needs.has_own_buffers))
    return BufferLayout(
        count=traits.buffers,
        device_page=0,
        device_pages=stride_pages(size, needs.granule_bytes) if has_device else 0,
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


def lay_ranges(queue: Queue, first_page: int, pool_pages: int, memory_pages: int) -> BufferLayout:
    """Memory of a queue that moves no data, from `first_page` on: ranges to convert, an image, what is accepted."""
    ranges = queue.traits.ranges
    if ranges is None:
        return BufferLayout(1, 0, pool_pages)
    start = round_up(first_page, ranges.align_bytes // PAGE_BYTES)
    pages = ranges.range_bytes // PAGE_BYTES
    count = (memory_pages - start) // pages if ranges.count is None else ranges.count
    return BufferLayout(max(1, count), start, pages)
