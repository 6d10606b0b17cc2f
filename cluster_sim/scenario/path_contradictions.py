"""What cannot be together in a group's I/O path: pools, areas, masks, copiers, protection."""

from collections.abc import Iterator

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.path_spec import ConvertPath, IoPath, SharedPoolPath, SwiotlbPath
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.units import KIB, MIB, format_bytes
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    BootWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    VideoWorkload,
    Workload,
)

SWIOTLB_LEAST_BYTES = MIB
SWIOTLB_SET_BYTES = 256 * KIB
SWIOTLB_GROW_BYTES = 64 * MIB
MIN_ALIGN_MOST = 128 * KIB - 1
RANGES_MOST = 1 << 24


def path_contradictions(scenario: ScenarioSpec, group: GuestGroupSpec, prefix: str) -> Iterator[Contradiction]:
    """Return all of one group's; its path is the scenario's unless it has its own."""
    path = scenario.path_of(group)
    at = "io_path" if group.io_path is None else f"{prefix}.io_path"
    match path:
        case SwiotlbPath():
            yield from _swiotlb(scenario, path, at)
        case SharedPoolPath():
            yield from _shared_pool(group, path, at)
        case _ if path.kind == "direct" and scenario.protection != "none":
            allowed = "direct with protection none only; swiotlb, convert or shared_pool otherwise"
            yield Contradiction(at, "direct on a protected guest", allowed, ("protection",))
        case _:
            pass
    yield from _memory(group, path, prefix, at)


def _swiotlb(scenario: ScenarioSpec, path: SwiotlbPath, at: str) -> Iterator[Contradiction]:
    if path.min_align_mask > MIN_ALIGN_MOST:
        allowed = f"at most {MIN_ALIGN_MOST}: a mapping and what it is moved by lie in one 256KiB set of slots"
        yield Contradiction(f"{at}.min_align_mask", str(path.min_align_mask), allowed)
    if path.dynamic and path.mapping == "long_lived":
        allowed = "false with long_lived: what is mapped once never asks for more"
        yield Contradiction(f"{at}.dynamic", "true with long_lived", allowed, (f"{at}.mapping",))
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


def goes_both_ways(workload: Workload) -> tuple[bool, bool]:
    """Whether a workload moves data from the device, and to it."""
    match workload:
        case VideoWorkload(direction=direction) | NetworkWorkload(direction=direction):
            return direction != "to_device", direction != "from_device"
        case BlockWorkload(read_iolog=None, rw=rw):
            return not rw.endswith("write"), not rw.endswith("read")
        case BlockWorkload():
            return True, True
        case _:
            return False, False


def _shared_pool(group: GuestGroupSpec, path: SharedPoolPath, at: str) -> Iterator[Contradiction]:
    ways = [goes_both_ways(workload) for workload in group.workloads]
    comes, goes = any(way[0] for way in ways), any(way[1] for way in ways)
    host_copies = (comes and path.copied_by in ("producer", "both")) or (
        goes and path.copied_by in ("consumer", "both")
    )
    if path.copier != "cpu" and not host_copies:
        found = f"{path.copier}, though the host copies nothing when copy is {path.copied_by}"
        allowed = "cpu, or a copy on the host's side: producer from the device, consumer to it, both either way"
        yield Contradiction(f"{at}.copier", found, allowed, (f"{at}.copy",))
    if path.crypto:
        lacks = (comes and path.copied_by in ("none", "producer")) or (goes and path.copied_by in ("none", "consumer"))
        if lacks:
            found = f"true with copy: {path.copied_by}"
            allowed = "a copy on the guest's side, which the cipher makes: consumer from the device, producer to it"
            yield Contradiction(f"{at}.crypto", found, allowed, (f"{at}.copy",))


def buffer_bytes(workload: Workload) -> int | None:
    """Return the size of one buffer, None where only the trace tells it."""
    match workload:
        case VideoWorkload(buffer=int() as size):
            return size
        case VideoWorkload(source=RawVideo() as raw):
            return raw.frame_bytes
        case BlockWorkload(read_iolog=None):
            return max(workload.bssplit or [workload.bs])
        case NetworkWorkload():
            return max(workload.sizes or [workload.size])
        case _:
            return None


def buffer_count(workload: Workload) -> int:
    """Return how many buffers a workload's streams have together."""
    match workload:
        case VideoWorkload():
            return workload.buffers
        case BlockWorkload():
            return workload.iodepth * workload.numjobs
        case NetworkWorkload():
            return workload.ring * workload.queues
        case _:
            return 0


def range_count(group: GuestGroupSpec, workload: Workload) -> int:
    """Return how many ranges of memory a workload converts or accepts."""
    match workload:
        case ChurnWorkload(size=size, region=region):
            return region // size if size else 0
        case BootWorkload(unit=unit):
            return group.memory // unit if unit else 0
        case _:
            return 0


def ranges_on_a_host(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Bound what a host keeps a record of: buffers, and ranges that are converted or accepted."""
    count = sum(
        (group.count_per_host or 1) * (buffer_count(workload) + range_count(group, workload))
        for group in scenario.guests
        for workload in group.workloads
    )
    if count > RANGES_MOST:
        yield Contradiction("guests", f"{count} buffers and ranges on a host", f"at most {RANGES_MOST}", ("guests",))


def _memory(group: GuestGroupSpec, path: IoPath, prefix: str, at: str) -> Iterator[Contradiction]:
    """Weigh a guest's buffers and its pool against its memory and each other."""
    size, memory = format_bytes(group.memory), f"{prefix}.memory"
    unit = path.granule if isinstance(path, ConvertPath) else PAGE_BYTES
    buffers = sum(-(-(buffer_bytes(each) or 0) // unit) * unit * buffer_count(each) for each in group.workloads)
    fields = ("source", "buffers", "buffer", "bs", "bssplit", "iodepth", "size", "ring")
    works = [f"{prefix}.workloads.{i}" for i in range(len(group.workloads))]
    sizes = tuple(f"{work}.{field}" for work in works for field in fields)
    pool = path.pool if isinstance(path, SwiotlbPath | SharedPoolPath) and path.pool != "auto" else 0
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
