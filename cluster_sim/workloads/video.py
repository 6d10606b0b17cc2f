"""The video workload of one stream: arrivals of a window, deadlines, and the player's view of what was delivered."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cluster_sim.scenario.spec import RawVideo, TracedVideo, VideoWorkload
from cluster_sim.workloads.draws import draw
from cluster_sim.workloads.frames import FrameSource, RawFrames, TracedFrames
from cluster_sim.workloads.playout import NEVER, Playback, play

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TraceArrays:
    """A trace as the workload needs it: instants from its first frame on, sizes, where one can begin."""

    offsets_ns: Int64s
    sizes_bytes: Int64s
    key_frames: Int64s
    period_ns: int


@dataclass(frozen=True, slots=True)
class Submissions:
    """Frames of one window: number, instant, size and deadline of each."""

    frame: Int64s
    at_ns: Int64s
    bytes: Int64s
    deadline_ns: Int64s


@dataclass(slots=True)
class VideoStream:
    """One stream's software: what it has submitted, what came back."""

    workload: VideoWorkload
    source: FrameSource
    phase_ns: int
    next_frame: int = 0
    frames_back: list[Int64s] = field(default_factory=list)
    delivered_ns: list[Int64s] = field(default_factory=list)

    def submit(self, until_ns: int) -> Submissions:
        """All frames that come before `until_ns` and have not been submitted."""
        end = max(self.source.frames_before(until_ns - self.phase_ns), self.next_frame)
        frames = np.arange(self.next_frame, end, dtype=np.int64)
        self.next_frame = end
        at_ns = self.phase_ns + self.source.at_ns(frames)
        return Submissions(frames, at_ns, self.source.sizes(frames), at_ns + self.workload.deadline)

    def digest(self, frames: Int64s, delivered_ns: Int64s) -> None:
        """Take note of frames that were delivered."""
        if self.workload.playout is not None:
            self.frames_back.append(frames)
            self.delivered_ns.append(delivered_ns)

    def playback(self, end_ns: int) -> Playback:
        """What the viewer saw up to `end_ns`."""
        if self.workload.playout is None or not self.frames_back:
            return NEVER
        frames = np.concatenate(self.frames_back)
        order = np.argsort(frames, kind="stable")
        return play(
            np.concatenate(self.delivered_ns)[order],
            self.phase_ns + self.source.at_ns(frames[order]),
            period_ns=self.source.period_ns,
            startup_ns=self.workload.playout.startup,
            asked_ns=self.phase_ns,
            end_ns=end_ns,
        )


def open_stream(workload: VideoWorkload, trace: TraceArrays | None, key: tuple[int | str, ...]) -> VideoStream:
    """A stream at rest; `key` names it in draws: where in the trace it begins, and when within one frame period."""
    source = frame_source(workload, trace, key)
    return VideoStream(workload, source, phase_ns=draw(source.period_ns, *key, "phase"))


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
