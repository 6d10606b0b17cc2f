"""The video workload of one stream: arrivals of a window, deadlines, and the player's view of what was delivered."""

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from cluster_sim.scenario.workload_spec import LadderVideo, RawVideo, TracedVideo, VideoWorkload
from cluster_sim.workloads.draws import draw
from cluster_sim.workloads.frames import FrameSource, RawFrames, TracedFrames
from cluster_sim.workloads.playout import NEVER, play
from cluster_sim.workloads.submissions import Bools, Seen, Submissions

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TraceArrays:
    """A trace as the workload needs it: instants from its first frame on, sizes, where one can begin."""

    offsets_ns: Int64s
    sizes_bytes: Int64s
    key_frames: Int64s
    period_ns: int


@dataclass(slots=True)
class VideoStream:
    """One stream's software: what it has submitted, what came back."""

    workload: VideoWorkload
    source: FrameSource
    phase_ns: int
    to_device: bool = False
    next_frame: int = 0
    frames_back: list[Int64s] = field(default_factory=list)
    delivered_ns: list[Int64s] = field(default_factory=list)

    @property
    def looks_back(self) -> bool:
        """Frames come at their own rate, whatever becomes of them."""
        return False

    def submit(self, until_ns: int) -> Submissions:
        """All frames that come before `until_ns` and have not been submitted."""
        end = max(self.source.frames_before(until_ns - self.phase_ns), self.next_frame)
        frames = np.arange(self.next_frame, end, dtype=np.int64)
        self.next_frame = end
        at_ns = self.phase_ns + self.source.at_ns(frames)
        ways = np.full(len(frames), self.to_device)
        return Submissions(frames, at_ns, self.source.sizes(frames), at_ns + self.workload.deadline, ways)

    def digest(self, frames: Int64s, ended_ns: Int64s, is_delivered: Bools) -> None:
        """Take note of frames that were delivered."""
        if self.workload.playout is not None:
            self.frames_back.append(frames[is_delivered])
            self.delivered_ns.append(ended_ns[is_delivered])

    def seen(self, end_ns: int) -> Seen:
        """What the viewer saw up to `end_ns`."""
        if self.workload.playout is None or not self.frames_back:
            return Seen(NEVER)
        frames = np.concatenate(self.frames_back)
        order = np.argsort(frames, kind="stable")
        playback = play(
            np.concatenate(self.delivered_ns)[order],
            self.phase_ns + self.source.at_ns(frames[order]),
            period_ns=self.source.period_ns,
            startup_ns=self.workload.playout.startup,
            asked_ns=self.phase_ns,
            end_ns=end_ns,
        )
        return Seen(playback)


def open_stream(
    workload: VideoWorkload, trace: TraceArrays | None, key: tuple[int | str, ...], begin_ns: int = 0
) -> VideoStream:
    """A stream at rest; `key` names it in draws: where in the trace it begins, and when within one frame period."""
    source = frame_source(workload, trace, key)
    phase_ns = begin_ns + draw(source.period_ns, *key, "phase")
    return VideoStream(workload, source, phase_ns, to_device=workload.direction != "from_device")


def frame_source(workload: VideoWorkload, trace: TraceArrays | None, key: tuple[int | str, ...]) -> FrameSource:
    """The frames that a workload asks for."""
    match workload.source:
        case RawVideo() as raw:
            return RawFrames(raw.frame_bytes, raw.fps)
        case TracedVideo() as traced:
            assert trace is not None
            start = 0
            if traced.start == "random":
                start = int(trace.key_frames[draw(len(trace.key_frames), *key, "start")])
            return TracedFrames(trace.offsets_ns, trace.sizes_bytes, trace.period_ns, start)
        case LadderVideo():
            raise AssertionError("a ladder's frames are chosen, not given")


def scaled(trace: TraceArrays, scale: Fraction) -> TraceArrays:
    """A trace whose frames are larger or smaller by a factor, and never empty."""
    if scale == 1:
        return trace
    sizes = np.maximum(trace.sizes_bytes * scale.numerator // scale.denominator, 1)
    return replace(trace, sizes_bytes=sizes)
