"""What cannot be together in one workload, or in it and the scenario around it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.file_spec import FileWorkload
from cluster_sim.scenario.problems import Contradiction, choice
from cluster_sim.scenario.request_spec import CoalesceSpec, RequestResponseWorkload
from cluster_sim.scenario.spec import ArrivalSpec, GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.units import format_bytes, format_duration, format_rate
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    BootWorkload,
    ChurnWorkload,
    LadderVideo,
    NetworkWorkload,
    RawVideo,
    VideoWorkload,
    Workload,
    path_in,
    trace_fields,
)

CONVERTING_GENERATIONS = ("G0", "G3", "G4")
REQUEST_BYTES_MAX = 2**31 - 1
FUSE_BYTES_MAX = 65_535 * PAGE_BYTES
SEGMENT_LEAST_NS = 10**6
TOUCH_LEAST = 10**6


def workload_contradictions(
    scenario: ScenarioSpec, group: GuestGroupSpec, prefix: str, folder: Path
) -> Iterator[Contradiction]:
    """Return all of one group's."""
    for number, workload in enumerate(group.workloads):
        at = f"{prefix}.workloads.{number}"
        if workload.deadline == 0:
            yield Contradiction(f"{at}.deadline", "0s", "more than 0")
        for field, trace in trace_fields(workload):
            found = missing(path_in(folder, trace))
            if found:
                allowed = "a trace file, relative to the folder of this file"
                yield Contradiction(f"{at}.{field}", f"{trace!r}, {found}", allowed)
        yield from _of_kind(scenario, group, workload, at)


def _of_kind(scenario: ScenarioSpec, group: GuestGroupSpec, workload: Workload, at: str) -> Iterator[Contradiction]:
    match workload:
        case VideoWorkload():
            yield from _video(scenario, workload, at)
            yield from _directions(workload, at)
            yield from _to_guest(scenario, group, workload, at)
        case BlockWorkload():
            yield from _segment(workload, at)
            yield from _block(workload, at)
            yield from _requests(workload, "rate_iops", at)
            yield from _split(workload.bssplit, f"{at}.bssplit")
            yield from _size(workload.bs, f"{at}.bs")
        case FileWorkload():
            yield from _file(workload, at)
            yield from _mix(workload, at)
            yield from _split(workload.bssplit, f"{at}.bssplit")
            yield from _size(workload.bs, f"{at}.bs")
        case NetworkWorkload():
            yield from _segment(workload, at)
            yield from _requests(workload, "rate_pps", at)
            yield from _packets(group, workload, at)
            yield from _split(workload.sizes, f"{at}.sizes")
            yield from _size(workload.size, f"{at}.size")
            yield from _own_way(workload.direction, workload.produce, workload.consume, at)
        case RequestResponseWorkload():
            yield from _server(group, workload, at)
        case ChurnWorkload():
            yield from _churn(scenario, group, workload, at)
        case BootWorkload():
            yield from _boot(scenario, group, workload, at)


def _segment(workload: VideoWorkload | BlockWorkload | NetworkWorkload, at: str) -> Iterator[Contradiction]:
    segment = workload.max_segment
    if segment != "auto" and (segment == 0 or segment % PAGE_BYTES):
        yield Contradiction(f"{at}.max_segment", format_bytes(segment), "whole pages of 4KiB, one or more")


def _video(scenario: ScenarioSpec, video: VideoWorkload, at: str) -> Iterator[Contradiction]:
    source = video.source
    if video.playout is not None and video.playout.startup > scenario.duration > 0:
        startup, longest = format_duration(video.playout.startup), format_duration(scenario.duration)
        allowed = f"at most the duration, {longest}"
        yield Contradiction(f"{at}.playout.startup", startup, allowed, ("duration",))
    if isinstance(source, RawVideo) and video.buffer != "auto" and video.buffer < source.frame_bytes:
        allowed = f"{format_bytes(source.frame_bytes)} or more, the size of a frame"
        yield Contradiction(f"{at}.buffer", format_bytes(video.buffer), allowed, (f"{at}.source",))
    if isinstance(source, LadderVideo):
        yield from _ladder(scenario, video, source, at)
    if video.segments == "contiguous" and video.max_segment != "auto":
        allowed = "auto with contiguous: the device takes a buffer whole"
        yield Contradiction(f"{at}.max_segment", format_bytes(video.max_segment), allowed, (f"{at}.segments",))
    yield from _segment(video, at)


def _ladder(scenario: ScenarioSpec, video: VideoWorkload, ladder: LadderVideo, at: str) -> Iterator[Contradiction]:
    if video.direction != "from_device":
        yield Contradiction(f"{at}.direction", f"{video.direction} with a ladder", "from_device: a player receives")
    if video.playout is None:
        yield Contradiction(f"{at}.playout", "none with a ladder", "a playout: an adaptive player has a buffer")
    elif max(video.playout.startup, ladder.resume) > ladder.buffer_max > 0:
        found = f"{format_duration(max(video.playout.startup, ladder.resume))} to begin or resume with"
        allowed = f"at most source.buffer_max, {format_duration(ladder.buffer_max)}"
        yield Contradiction(f"{at}.playout.startup", found, allowed, (f"{at}.source.buffer_max", f"{at}.source.resume"))
    if ladder.buffer_max == 0:
        yield Contradiction(f"{at}.source.buffer_max", "0s", "more than 0")
    if ladder.segment < SEGMENT_LEAST_NS:
        allowed = f"{format_duration(SEGMENT_LEAST_NS)} or more"
        yield Contradiction(f"{at}.source.segment", format_duration(ladder.segment), allowed)
    elif ladder.segment < scenario.window:
        found = f"{format_duration(ladder.segment)} in windows of {format_duration(scenario.window)}"
        allowed = "segments at least as long as the window, after which a player learns what came"
        yield Contradiction(f"{at}.source.segment", found, allowed, ("window",))
    if ladder.cushion == 0:
        yield Contradiction(f"{at}.source.cushion", "0s", "more than 0")
    instants = [step.at for step in ladder.link]
    if instants[0] != 0 or any(one >= other for one, other in pairwise(instants)):
        found = ", ".join(format_duration(each) for each in instants)
        yield Contradiction(f"{at}.source.link", f"steps at {found}", "the first at 0s, each later than the one before")
    if not any(step.rate for step in ladder.link):
        yield Contradiction(f"{at}.source.link", "a link that carries nothing", "a rate above 0 in one step or more")
    if 0 < ladder.link_period <= instants[-1]:
        allowed = f"0, or more than the last step's {format_duration(instants[-1])}"
        found = format_duration(ladder.link_period)
        yield Contradiction(f"{at}.source.link_period", found, allowed, (f"{at}.source.link",))


def _directions(video: VideoWorkload, at: str) -> Iterator[Contradiction]:
    if video.direction == "to_device" and video.playout is not None and not isinstance(video.source, LadderVideo):
        allowed = "no playout: the guest sends, and nobody in the cluster plays"
        yield Contradiction(f"{at}.playout", "a playout with to_device", allowed, (f"{at}.direction",))
    if video.direction != "to_guest":
        yield from _own_way(video.direction, video.produce, video.consume, at)


def _own_way(direction: str, produce: int, consume: int, at: str) -> Iterator[Contradiction]:
    """A guest that only receives produces nothing, one that only sends consumes nothing."""
    unused = ("produce", produce) if direction == "from_device" else ("consume", consume)
    if unused[1]:
        allowed = f"0s with direction {direction}"
        yield Contradiction(f"{at}.{unused[0]}", format_duration(unused[1]), allowed, (f"{at}.direction",))


def _to_guest(scenario: ScenarioSpec, group: GuestGroupSpec, video: VideoWorkload, at: str) -> Iterator[Contradiction]:
    if (video.direction == "to_guest") != (video.to is not None):
        found = "to_guest without to" if video.to is None else f"to with {video.direction}"
        yield Contradiction(f"{at}.to", found, "to and direction: to_guest together", (f"{at}.direction",))
    if video.to is None:
        return
    groups = {each.name: each for each in scenario.guests}
    if video.to.guest not in groups:
        allowed = choice(tuple(groups), near=video.to.guest)
        yield Contradiction(f"{at}.to.guest", repr(video.to.guest), allowed, ("guests",))
        return
    if video.to.hosts_on >= scenario.cluster.hosts:
        allowed = f"less than {scenario.cluster.hosts}, the hosts of the cluster"
        yield Contradiction(f"{at}.to.hosts_on", str(video.to.hosts_on), allowed, ("cluster.hosts",))
    if video.to.hosts_on and scenario.cluster.network.latency == 0:
        allowed = "more than 0: hosts run ahead of each other by no more than that"
        yield Contradiction("cluster.network.latency", "0s", allowed, (f"{at}.to.hosts_on",))
    for each in (group, groups[video.to.guest]):
        if each.count_per_host is None or each.arrive != ArrivalSpec():
            found = f"{each.name}, which comes and goes or is placed by the cluster"
            yield Contradiction(f"{at}.to.guest", found, "groups with count_per_host that stay for the whole run")


def _block(block: BlockWorkload, at: str) -> Iterator[Contradiction]:
    if block.read_iolog is not None:
        for field, is_there in (("rate_iops", block.rate_iops is not None), ("bssplit", bool(block.bssplit))):
            if is_there:
                yield Contradiction(f"{at}.{field}", f"{field} with a log", "one of the two", (f"{at}.read_iolog",))
    elif block.replay_no_stall:
        yield Contradiction(
            f"{at}.replay_no_stall", "true without a log", "false, or a read_iolog", (f"{at}.read_iolog",)
        )
    yield from _mix(block, at)
    is_timed = block.rate_iops is not None or (block.read_iolog is not None and not block.replay_no_stall)
    if block.thinktime and is_timed:
        allowed = "0s: requests come at instants of their own"
        yield Contradiction(f"{at}.thinktime", format_duration(block.thinktime), allowed, (f"{at}.rate_iops",))


def _mix(workload: BlockWorkload | FileWorkload, at: str) -> Iterator[Contradiction]:
    if workload.rwmixread != 50 and not workload.rw.endswith("rw"):
        found = f"{workload.rwmixread} with {workload.rw}"
        allowed = "rwmixread with rw" if isinstance(workload, FileWorkload) else "rwmixread with rw or randrw"
        yield Contradiction(f"{at}.rwmixread", found, allowed, (f"{at}.rw",))


def _file(files: FileWorkload, at: str) -> Iterator[Contradiction]:
    if not 0 < files.largest <= FUSE_BYTES_MAX:
        allowed = f"4KiB to {format_bytes(FUSE_BYTES_MAX)}, 65535 pages (fs.fuse.max_pages_limit)"
        yield Contradiction(f"{at}.largest", format_bytes(files.largest), allowed)
    yield from _work(files, at)


def _work(workload: BlockWorkload | FileWorkload | NetworkWorkload, at: str) -> Iterator[Contradiction]:
    if workload.work == "exponential" and workload.produce == workload.consume == 0:
        yield Contradiction(f"{at}.work", "exponential with no work", "constant, or a produce or consume above 0s")


def _requests(workload: BlockWorkload | NetworkWorkload, rate: str, at: str) -> Iterator[Contradiction]:
    is_closed = (workload.rate_iops if isinstance(workload, BlockWorkload) else workload.transfers_per_s) is None
    if workload.spacing == "poisson" and is_closed:
        allowed = f"linear, or a {rate}: a closed loop has no distances"
        yield Contradiction(f"{at}.spacing", "poisson without a rate", allowed, (f"{at}.{rate}",))
    if isinstance(workload, NetworkWorkload) and workload.thinktime and not is_closed:
        allowed = "0s: packets come at instants of their own"
        yield Contradiction(f"{at}.thinktime", format_duration(workload.thinktime), allowed, (f"{at}.{rate}",))
    yield from _work(workload, at)


def _packets(group: GuestGroupSpec, network: NetworkWorkload, at: str) -> Iterator[Contradiction]:
    if network.rate and network.rate_pps is not None:
        yield Contradiction(f"{at}.rate", "rate with rate_pps", "one of the two", (f"{at}.rate_pps",))
    elif network.transfers_per_s == 0:
        yield Contradiction(f"{at}.rate", "less than a packet a second", "a packet a second or more", (f"{at}.size",))
    is_received = network.direction == "from_device"
    if network.gso and (is_received or network.sizes or network.gso < network.size):
        allowed = "0, or with to_device and one size, that size or more"
        yield Contradiction(f"{at}.gso", format_bytes(network.gso), allowed, (f"{at}.direction", f"{at}.size"))
    if network.gro and not is_received:
        yield Contradiction(f"{at}.gro", "true with to_device", "false: what is received merges", (f"{at}.direction",))
    if network.coalesce.frames > 1 and not is_received:
        allowed = "1 with to_device: what is received is told of by interrupts"
        yield Contradiction(f"{at}.coalesce.frames", str(network.coalesce.frames), allowed, (f"{at}.direction",))
    yield from _coalesced(network.coalesce, at)
    if network.wakes == "same_vcpu":
        return
    if network.cpus == "all" or network.direction == "to_device":
        allowed = "same_vcpu, or cpus: one and direction: from_device: one thread that receives"
        yield Contradiction(f"{at}.wakes", "other_vcpu", allowed, (f"{at}.cpus", f"{at}.direction"))
    yield from _other_vcpu(group, at)


def _coalesced(coalesce: CoalesceSpec, at: str) -> Iterator[Contradiction]:
    if (coalesce.frames > 1) != (coalesce.usecs > 0):
        found = f"{coalesce.frames} frames, {format_duration(coalesce.usecs)}"
        allowed = "2 frames or more and more than 0s, or neither: an interrupt that waits must come at last"
        yield Contradiction(f"{at}.coalesce.usecs", found, allowed, (f"{at}.coalesce.frames",))


def _other_vcpu(group: GuestGroupSpec, at: str) -> Iterator[Contradiction]:
    if group.vcpus == 1:
        yield Contradiction(f"{at}.wakes", "other_vcpu in a guest of one", "same_vcpu, or two vcpus or more")


def _server(group: GuestGroupSpec, server: RequestResponseWorkload, at: str) -> Iterator[Contradiction]:
    yield from _size(server.request, f"{at}.request")
    yield from _size(server.response, f"{at}.response")
    if server.timeout == 0:
        yield Contradiction(f"{at}.timeout", "0s", "more than 0: a client that loses an answer asks again")
    yield from _coalesced(server.coalesce, at)
    if server.wakes == "other_vcpu":
        yield from _other_vcpu(group, at)
    if server.queues > server.clients:
        allowed = f"at most {server.clients}, one a client"
        yield Contradiction(f"{at}.queues", str(server.queues), allowed, (f"{at}.clients",))


def _split(sizes: Mapping[int, int], at: str) -> Iterator[Contradiction]:
    if sizes and sum(sizes.values()) != 100:
        yield Contradiction(at, f"percents that add up to {sum(sizes.values())}", "100", (at,))
    for size in sizes:
        yield from _size(size, at)


def _size(size: int, at: str) -> Iterator[Contradiction]:
    if not 0 < size <= REQUEST_BYTES_MAX:
        yield Contradiction(at, format_bytes(size), f"1B to {REQUEST_BYTES_MAX}B")


def _churn(scenario: ScenarioSpec, group: GuestGroupSpec, churn: ChurnWorkload, at: str) -> Iterator[Contradiction]:
    if churn.size == 0 or churn.size % churn.granule:
        allowed = f"a multiple of the granule, {format_bytes(churn.granule)}"
        yield Contradiction(f"{at}.size", format_bytes(churn.size), allowed, (f"{at}.granule",))
    elif churn.region < churn.size:
        allowed = f"{format_bytes(churn.size)} or more, the size of a range"
        yield Contradiction(f"{at}.region", format_bytes(churn.region), allowed, (f"{at}.size",))
    if churn.region > group.memory:
        allowed = f"at most the guest's memory, {format_bytes(group.memory)}"
        yield Contradiction(f"{at}.region", format_bytes(churn.region), allowed)
    if scenario.protection != "none" and scenario.memory.generation not in CONVERTING_GENERATIONS:
        allowed = f"{choice(CONVERTING_GENERATIONS)}: before G3 a file is shared or private for good"
        yield Contradiction("memory.generation", scenario.memory.generation, allowed, (f"{at}.kind", "protection"))
    if scenario.memory.placement == "scattered" and churn.granule != PAGE_BYTES:
        found = f"scattered with a granule of {format_bytes(churn.granule)}"
        yield Contradiction("memory.placement", found, "clustered, or a granule of 4KiB", (f"{at}.granule",))


def _boot(scenario: ScenarioSpec, group: GuestGroupSpec, boot: BootWorkload, at: str) -> Iterator[Contradiction]:
    if boot.unit == 0:
        yield Contradiction(f"{at}.unit", "0B", "4KiB or more")
    elif boot.unit % scenario.memory.huge_page:
        allowed = f"a multiple of memory.huge_page, {format_bytes(scenario.memory.huge_page)}"
        yield Contradiction(f"{at}.unit", format_bytes(boot.unit), allowed, ("memory.huge_page",))
    if boot.touch < TOUCH_LEAST:
        yield Contradiction(f"{at}.touch", format_rate(boot.touch), f"{format_rate(TOUCH_LEAST)} or more")
    first = 0 if boot.firmware_accepts == "auto" else boot.firmware_accepts
    if boot.unit and first % boot.unit:
        allowed = f"auto, or a multiple of the unit, {format_bytes(boot.unit)}"
        yield Contradiction(f"{at}.firmware_accepts", format_bytes(first), allowed, (f"{at}.unit",))
    for field, size in (("image", boot.image), ("unit", boot.unit), ("firmware_accepts", first)):
        if size > group.memory:
            allowed = f"at most the guest's memory, {format_bytes(group.memory)}"
            yield Contradiction(f"{at}.{field}", format_bytes(size), allowed)
    if scenario.memory.placement == "scattered":
        allowed = "clustered: a guest that boots within the run has not scattered anything yet"
        yield Contradiction("memory.placement", "scattered with boot", allowed, (f"{at}.kind",))


def missing(path: Path) -> str:
    """Return why a path is no file that can be read, or nothing."""
    try:
        return "" if path.is_file() else "which is no file" if path.exists() else "which does not exist"
    except (OSError, ValueError) as error:
        return f"which cannot be read ({error})"
