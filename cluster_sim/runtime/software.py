"""The software of one guest's queue: what it submits and makes of what comes back, by its definition."""

from pathlib import Path

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.integers import NS_PER_S, PAGE_BYTES
from cluster_sim.planning.inputs import frames_of, log_of, trace_arrays
from cluster_sim.planning.placement import PlacedGuest
from cluster_sim.planning.planned_guest import PlannedGuest
from cluster_sim.planning.queues import Queue
from cluster_sim.scenario.file_spec import FileWorkload
from cluster_sim.scenario.queue_traits import Role
from cluster_sim.scenario.request_spec import RequestResponseWorkload
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    BootWorkload,
    ChurnWorkload,
    LadderVideo,
    NetworkWorkload,
    TracedVideo,
    VideoWorkload,
    path_in,
)
from cluster_sim.workloads.adaptive import AdaptiveStream, Viewing
from cluster_sim.workloads.ladder import ladder_of
from cluster_sim.workloads.link import AccessLink
from cluster_sim.workloads.players import Bba, Festive, Player
from cluster_sim.workloads.requests import ListedRequests, RatedRequests, in_turn
from cluster_sim.workloads.submissions import Stream
from cluster_sim.workloads.video import VideoStream, open_stream

BITS_PER_BYTE = 8
LONG_NS = 1 << 50


def software_of(
    scenario: ScenarioSpec, folder: Path, guest: PlannedGuest, number: int, chance: tuple[int, ...]
) -> Stream | VideoStream | None:
    """The software of a guest's queue by its number, at rest; None where the host's event loop does its turns."""
    placed, queue = guest.placed, guest.layout.queues[number]
    if queue.traits.is_closed:
        return None
    draw_key: tuple[int | str, ...] = (*chance, placed.host, placed.group.name, placed.index, queue.workload)
    if queue.sender is not None:
        sender_host = (placed.host - queue.sender.hosts_back) % scenario.cluster.hosts
        draw_key = (*chance, sender_host, queue.sender.group, queue.sender.index, queue.workload)
    match queue.spec:
        case VideoWorkload(source=LadderVideo() as ladder):
            return viewer(queue.spec, ladder, folder, placed, draw_key)
        case VideoWorkload() as video:
            if queue.role == Role.REQUESTS and video.to is not None:
                video = video.model_copy(update={"playout": None})  # who receives it plays it
            traced = video.source
            trace = frames_of(traced, folder) if isinstance(traced, TracedVideo) else None
            return open_stream(video, trace, draw_key, placed.arrives_ns, submits=queue.sender is None)
        case BlockWorkload(read_iolog=str() as log):
            trace_of_requests = log_of(path_in(folder, log))
            at_ns = placed.arrives_ns + trace_of_requests.at_ns
            return ListedRequests(queue.spec.deadline, at_ns, trace_of_requests.size_bytes, trace_of_requests.is_write)
        case BlockWorkload(rate_iops=rate) | NetworkWorkload(transfers_per_s=rate):
            assert rate is not None
            return rated(queue, rate, placed, chance)
        case RequestResponseWorkload() | FileWorkload():
            return None
        case ChurnWorkload(rate=rate):
            return rated(queue, rate, placed, chance)
        case BootWorkload() as boot:
            return boot_stage(boot, queue.role, guest, number)


def rated(queue: Queue, rate: int, placed: PlacedGuest, chance: tuple[int, ...]) -> RatedRequests:
    """Requests at a rate; the first comes at a random instant within one distance."""
    spec = queue.spec
    assert isinstance(spec, BlockWorkload | NetworkWorkload | ChurnWorkload)
    draw_key = draw(1 << 62, *chance, placed.host, placed.group.name, placed.index, *queue.name, "requests")
    phase_ns = draw(
        max(NS_PER_S // rate, 1), *chance, placed.host, placed.group.name, placed.index, *queue.name, "phase"
    )
    return RatedRequests(
        deadline_ns=spec.deadline,
        begin_ns=placed.arrives_ns + (0 if spec.spacing == "poisson" else phase_ns),
        rate=rate,
        is_poisson=spec.spacing == "poisson",
        sizes={spec.size: 100} if isinstance(spec, ChurnWorkload) else dict(queue.traits.sizes),
        reads_percent=100 if isinstance(spec, ChurnWorkload) else queue.traits.reads_percent,
        key=draw_key,
    )


def boot_stage(boot: BootWorkload, role: Role, guest: PlannedGuest, number: int) -> ListedRequests:
    """One stage of a guest's start: all of its ranges at once, or as fast as the guest touches them."""
    ranges = guest.layout.buffers[number]
    is_lazy = role == Role.ACCEPT and boot.accept == "lazy"
    spacing_ns = boot.unit * NS_PER_S // boot.touch if is_lazy else 0
    count = ranges.count if ranges.device_pages else 0
    return in_turn(guest.placed.arrives_ns, count, ranges.device_pages * PAGE_BYTES, spacing_ns, boot.deadline)


def viewer(
    video: VideoWorkload, ladder: LadderVideo, folder: Path, placed: PlacedGuest, draw_key: tuple[int | str, ...]
) -> AdaptiveStream:
    """A viewer of a ladder; where in the film it begins, and when within a segment, is random."""
    rungs = ladder_of([trace_arrays(path_in(folder, rung)) for rung in ladder.rungs], ladder.segment)
    player: Player = Festive() if ladder.player == "festive" else Bba(ladder.reservoir, ladder.cushion)
    steps = tuple((step.at, step.rate * BITS_PER_BYTE) for step in ladder.link)
    assert video.playout is not None
    return AdaptiveStream(
        ladder=rungs,
        link=AccessLink(steps, ladder.link_period or LONG_NS),
        player=player,
        viewing=Viewing(
            startup_ns=video.playout.startup,
            resume_ns=ladder.resume,
            buffer_max_ns=ladder.buffer_max,
            deadline_ns=video.deadline,
        ),
        begin_ns=placed.arrives_ns + draw(ladder.segment, *draw_key, "phase"),
        first_segment=draw(rungs.round_segments, *draw_key, "start"),
    )
