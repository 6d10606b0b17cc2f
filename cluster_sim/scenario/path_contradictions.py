"""What cannot be together in a group's I/O path: pools, areas, masks, copiers, protection."""

from collections.abc import Iterator

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.path_spec import ConvertPath, DirectPath, IoPath, SharedPoolPath, SwiotlbPath
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.queue_traits import DM_CRYPT_SECTOR_BYTES, TLS_RECORD_BYTES, QueueTraits, Role, TransferSizes
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.units import KIB, MIB, format_bytes
from cluster_sim.scenario.workload_spec import BlockWorkload
from cluster_sim.scenario.workload_traits import traits_of

SWIOTLB_SET_BYTES = 256 * KIB
SWIOTLB_LEAST_BYTES = SWIOTLB_SET_BYTES
SWIOTLB_GROW_BYTES = 64 * MIB
CIPHER_LEAST_BYTES = DM_CRYPT_SECTOR_BYTES
CIPHER_MOST_BYTES = TLS_RECORD_BYTES
MIN_ALIGN_MOST = 128 * KIB - 1
RANGES_MOST = 1 << 24


def path_contradictions(scenario: ScenarioSpec, group: GuestGroupSpec, prefix: str) -> Iterator[Contradiction]:
    """Return all of one group's; its path is the scenario's unless it has its own."""
    path = scenario.path_of(group)
    at = "io_path" if group.io_path is None else f"{prefix}.io_path"
    match path:
        case SwiotlbPath():
            yield from _swiotlb(scenario, path, at)
            yield from _throttle(scenario, path, at)
            yield from _posted(group, path, at)
        case SharedPoolPath():
            yield from _shared_pool(group, path, at)
        case ConvertPath():
            yield from _convert(scenario, group, path, at)
        case DirectPath():
            yield from _posted(group, path, at)
            if scenario.protection != "none":
                allowed = "direct with protection none only; swiotlb, convert or shared_pool otherwise"
                yield Contradiction(at, "direct on a protected guest", allowed, ("protection",))
    yield from _crypto(path, at)
    yield from _served(group, path, at)
    yield from _memory(group, path, prefix, at)


def _served(group: GuestGroupSpec, path: IoPath, at: str) -> Iterator[Contradiction]:
    if path.copier == "device" and any(queue.part_bytes for queue, _ in own_queues(group)):
        allowed = "cpu or engine with files: the daemon copies between the share and the guest"
        yield Contradiction(f"{at}.copier", "device", allowed, ("guests",))


def _crypto(path: IoPath, at: str) -> Iterator[Contradiction]:
    if path.crypto_unit == "auto":
        return
    unit = format_bytes(path.crypto_unit)
    if not path.crypto:
        yield Contradiction(f"{at}.crypto_unit", unit, "auto without crypto", (f"{at}.crypto",))
    if not CIPHER_LEAST_BYTES <= path.crypto_unit <= CIPHER_MOST_BYTES:
        yield Contradiction(
            f"{at}.crypto_unit", unit, "512B, dm-crypt's least sector, to 16KiB, the largest TLS record"
        )


def _swiotlb(scenario: ScenarioSpec, path: SwiotlbPath, at: str) -> Iterator[Contradiction]:
    if path.min_align_mask is not None and path.min_align_mask > MIN_ALIGN_MOST:
        allowed = f"at most {MIN_ALIGN_MOST}: a mapping and what it is moved by lie in one 256KiB set of slots"
        yield Contradiction(f"{at}.min_align_mask", str(path.min_align_mask), allowed)
    if path.dynamic and path.restricted:
        allowed = "false with restricted: such a pool never grows"
        yield Contradiction(f"{at}.dynamic", "true with restricted", allowed, (f"{at}.restricted",))
    if path.restricted and path.areas not in ("auto", 1):
        allowed = "auto or 1: a restricted pool has one area"
        yield Contradiction(f"{at}.areas", str(path.areas), allowed, (f"{at}.restricted",))
    if path.dynamic and scenario.protection == "pkvm" and path.areas == "auto":
        allowed = "false on pkvm, whose restricted pool never grows"
        yield Contradiction(f"{at}.dynamic", "true on pkvm", allowed, ("protection",))
    if not path.dynamic and path.grow != SWIOTLB_GROW_BYTES:
        yield Contradiction(f"{at}.grow", format_bytes(path.grow), "grow with dynamic: true only", (f"{at}.dynamic",))
    if path.dynamic and path.grow < SWIOTLB_LEAST_BYTES:
        yield Contradiction(f"{at}.grow", format_bytes(path.grow), f"{format_bytes(SWIOTLB_LEAST_BYTES)} or more")
    if path.pool == "auto":
        return
    pool = format_bytes(path.pool)
    if path.pool < SWIOTLB_LEAST_BYTES:
        yield Contradiction(f"{at}.pool", pool, f"{format_bytes(SWIOTLB_LEAST_BYTES)} or more")
    elif path.pool % SWIOTLB_SET_BYTES:
        yield Contradiction(f"{at}.pool", pool, f"a multiple of {format_bytes(SWIOTLB_SET_BYTES)}")
    most = path.pool // SWIOTLB_SET_BYTES
    if path.areas != "auto" and path.areas > most > 0:
        allowed = f"at most {most}, one for each {format_bytes(SWIOTLB_SET_BYTES)} of the pool"
        yield Contradiction(f"{at}.areas", str(path.areas), allowed, (f"{at}.pool",))


def _throttle(scenario: ScenarioSpec, path: SwiotlbPath, at: str) -> Iterator[Contradiction]:
    users = [group for group in scenario.guests if scenario.path_of(group) == path]
    if path.throttle and not any(isinstance(each, BlockWorkload) for group in users for each in group.workloads):
        allowed = "false: no block device is here, whose requests alone are held back"
        yield Contradiction(f"{at}.throttle", "true", allowed, ("guests",))


def _convert(scenario: ScenarioSpec, group: GuestGroupSpec, path: ConvertPath, at: str) -> Iterator[Contradiction]:
    others = [other for other in map(scenario.path_of, scenario.guests) if isinstance(other, ConvertPath)]
    if any(other.rmm != path.rmm for other in others):
        yield Contradiction(f"{at}.rmm", str(path.rmm), "one for all groups: a host has one RMM", ("guests",))
    if path.keeps and path.unmapped_by == "host":
        allowed = "conversion where buffers are kept: what stays shared stays mapped"
        yield Contradiction(f"{at}.unmapped_by", "host", allowed, (f"{at}.keep",))
    if path.batch > 1 and scenario.memory.placement == "scattered":
        allowed = "1 with scattered memory: a range is one page there"
        yield Contradiction(f"{at}.batch", str(path.batch), allowed, ("memory.placement",))
    waits = [not queue.is_request for queue, _ in own_queues(group) if queue.moves_data]
    if path.ahead and not any(waits):
        yield Contradiction(f"{at}.ahead", str(path.ahead), "0: a request brings its own buffer", ("guests",))


def _posted(group: GuestGroupSpec, path: SwiotlbPath | DirectPath, at: str) -> Iterator[Contradiction]:
    waits = [queue.from_device and not queue.is_request for queue, _ in own_queues(group) if queue.moves_data]
    if path.posted and not any(waits):
        allowed = "false: nothing comes by itself that a posted buffer could wait for"
        yield Contradiction(f"{at}.posted", "true", allowed, ("guests",))


def _shared_pool(group: GuestGroupSpec, path: SharedPoolPath, at: str) -> Iterator[Contradiction]:
    moving = [queue for queue, _ in own_queues(group) if queue.moves_data]
    comes, goes = any(queue.from_device for queue in moving), any(queue.to_device for queue in moving)
    host_copies = (comes and path.copied_by in ("producer", "both")) or (
        goes and path.copied_by in ("consumer", "both")
    )
    is_made_by_device = path.copier == "device" and comes and path.copied_by == "none"
    if path.copier != "cpu" and not host_copies and not is_made_by_device:
        found = f"{path.copier}, though the host copies nothing when copy is {path.copied_by}"
        allowed = "cpu, device with none, or a copy on the host's side: producer from the device, consumer to it, both"
        yield Contradiction(f"{at}.copier", found, allowed, (f"{at}.copy",))
    if path.crypto:
        lacks = (comes and path.copied_by in ("none", "producer")) or (goes and path.copied_by in ("none", "consumer"))
        if lacks:
            found = f"true with copy: {path.copied_by}"
            allowed = "a copy on the guest's side, which the cipher makes: consumer from the device, producer to it"
            yield Contradiction(f"{at}.crypto", found, allowed, (f"{at}.copy",))


def own_queues(group: GuestGroupSpec) -> Iterator[tuple[QueueTraits, TransferSizes | None]]:
    """Yield the kinds of queues that a guest's own workloads have, each with what is known of its transfers."""
    for workload in group.workloads:
        traits = traits_of(workload)
        for queue in traits.queues:
            yield queue, traits.transfer_sizes


def device_count(group: GuestGroupSpec) -> int:
    """Return how many devices a guest's own workloads have."""
    return sum(any(queue.moves_data for queue in traits_of(each).queues) for each in group.workloads)


def buffer_count(queue: QueueTraits) -> int:
    """Return how many buffers all queues of a kind have together."""
    return queue.queues * queue.buffers if queue.moves_data else 0


def buffer_bytes(queue: QueueTraits, sizes: TransferSizes | None) -> int:
    """Return the size of one buffer, 0 where only the trace tells it."""
    if queue.buffer_bytes is not None:
        return queue.buffer_bytes
    return 0 if sizes is None else sizes.largest


def range_count(group: GuestGroupSpec, queue: QueueTraits) -> int:
    """Return how many ranges of memory a queue converts or accepts."""
    if queue.ranges is None or queue.role not in (Role.CHURN, Role.ACCEPT):
        return 0
    if queue.ranges.count is not None:
        return queue.ranges.count
    return group.memory // queue.ranges.range_bytes if queue.ranges.range_bytes else 0


def ranges_on_a_host(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Bound what a host keeps a record of: buffers, and ranges that are converted or accepted."""
    count = sum(
        (group.count_per_host or 1) * (buffer_count(queue) + range_count(group, queue))
        for group in scenario.guests
        for queue, _ in own_queues(group)
    )
    if count > RANGES_MOST:
        yield Contradiction("guests", f"{count} buffers and ranges on a host", f"at most {RANGES_MOST}", ("guests",))


def _memory(group: GuestGroupSpec, path: IoPath, prefix: str, at: str) -> Iterator[Contradiction]:
    """Weigh a guest's buffers and its pool against its memory and each other."""
    size, memory = format_bytes(group.memory), f"{prefix}.memory"
    unit = path.granule if isinstance(path, ConvertPath) else PAGE_BYTES
    buffers = sum(
        -(-buffer_bytes(queue, sizes) // unit) * unit * buffer_count(queue) for queue, sizes in own_queues(group)
    )
    fields = ("source", "buffers", "buffer", "bs", "bssplit", "iodepth", "size", "ring")
    works = [f"{prefix}.workloads.{i}" for i in range(len(group.workloads))]
    sizes = tuple(f"{work}.{field}" for work in works for field in fields)
    pool = path.pool if isinstance(path, SwiotlbPath | SharedPoolPath) and path.pool != "auto" else 0
    pool *= device_count(group) if isinstance(path, SwiotlbPath) and path.restricted else 1
    if pool > group.memory:
        allowed = f"less than the memory of a guest of {group.name}, {size}"
        yield Contradiction(f"{at}.pool", format_bytes(pool), allowed, (memory,))
        return
    grow = path.grow if isinstance(path, SwiotlbPath) and path.dynamic else 0
    if pool + grow > group.memory:
        found = f"{format_bytes(grow)} beyond a pool of {format_bytes(pool)}"
        yield Contradiction(f"{at}.grow", found, f"at most the memory of a guest of {group.name}, {size}", (memory,))
    if isinstance(path, SharedPoolPath) and path.pool != "auto" and pool < buffers:
        allowed = f"{format_bytes(buffers)} or more, the buffers of a guest of {group.name}"
        yield Contradiction(f"{at}.pool", format_bytes(pool), allowed, sizes)
    is_in_pool = isinstance(path, SharedPoolPath) and path.copied_by == "none"
    needed = max(pool, buffers) if is_in_pool else pool + buffers
    if needed > group.memory:
        found = f"{size} for buffers of {format_bytes(buffers)} and a pool of {format_bytes(pool)}"
        others = (*sizes, f"{at}.kind", f"{at}.pool", f"{at}.granule")
        yield Contradiction(memory, found, f"{format_bytes(needed)} or more", others)
