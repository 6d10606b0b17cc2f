"""Where a guest's I/O memory lies in its guest_memfd: pool, the device's buffers, own buffers, ranges of other work."""

from dataclasses import dataclass

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths import programs
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.memory.page_tree import PAGES_PER_1G, PAGES_PER_2M
from cluster_sim.planning.queues import Facts, Queue, boots, queues_of
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


def facts_of_queue(queue: Queue, group: GuestGroupSpec, facts: Facts) -> TransferSizes:
    """What is known of a queue's transfers: the sender's where another guest sends them."""
    return facts[group.name if queue.sender is None else queue.sender.group, queue.workload]


def buffer_bytes(queue: Queue, sizes: TransferSizes) -> int:
    """Size of one buffer of a queue that moves data."""
    return sizes.largest if queue.traits.buffer_bytes is None else queue.traits.buffer_bytes


def lay_out(
    scenario: ScenarioSpec, group: GuestGroupSpec, index: int, facts: Facts, protection: Protection
) -> GuestLayout:
    """Place pool and buffers of one guest from page 0 on; a shared pool's buffers lie inside it."""
    needs = programs.needs(scenario.path_of(group), group, protection, scenario.memory)
    granule = needs.granule_bytes
    queues = queues_of(scenario, group, index)
    sizes = [buffer_bytes(queue, facts_of_queue(queue, group, facts)) for queue in queues]
    counts = [queue.traits.buffers for queue in queues]
    moving = [queue.traits.moves_data for queue in queues]
    device = [
        stride_pages(size, granule) if moves and needs.has_device_buffers else 0
        for size, moves in zip(sizes, moving, strict=True)
    ]
    own = [
        stride_pages(size, PAGE_BYTES) if moves and needs.has_own_buffers else 0
        for size, moves in zip(sizes, moving, strict=True)
    ]
    device_pages = sum(n * pages for n, pages in zip(counts, device, strict=True))
    pool = pool_bytes_of(needs, device_pages * PAGE_BYTES)
    held = pool
    for count, size, device_stride, own_stride in zip(counts, sizes, device, own, strict=True):
        if device_stride and not needs.has_buffers_in_pool:
            held += count * round_up(size, granule)
        if own_stride:
            held += count * round_up(size, PAGE_BYTES)
    device_page = 0
    own_page = round_up(max(device_pages, (pool + needs.grow_bytes) // PAGE_BYTES), PAGES_PER_2M)
    placed = []
    for count, device_stride, own_stride in zip(counts, device, own, strict=True):
        placed.append(BufferLayout(count, device_page, device_stride, own_page, own_stride))
        device_page += count * device_stride
        own_page += count * own_stride
    io_pages = own_page
    end_page = io_pages
    for number, queue in enumerate(queues):
        if not moving[number]:
            placed[number] = lay_ranges(queue, end_page, pool // PAGE_BYTES, group.memory // PAGE_BYTES)
            if queue.role != Role.POOL:
                end_page = placed[number].device_page + placed[number].count * placed[number].device_pages
            if queue.role == Role.CHURN:
                held += placed[number].count * placed[number].device_pages * PAGE_BYTES
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


def lay_ranges(queue: Queue, first_page: int, pool_pages: int, memory_pages: int) -> BufferLayout:
    """Memory of a queue that moves no data, from `first_page` on: ranges to convert, an image, what is accepted."""
    ranges = queue.traits.ranges
    if ranges is None:
        return BufferLayout(1, 0, pool_pages)
    start = round_up(first_page, ranges.align_bytes // PAGE_BYTES)
    pages = ranges.range_bytes // PAGE_BYTES
    count = (memory_pages - start) // pages if ranges.count is None else ranges.count
    return BufferLayout(max(1, count), start, pages)
