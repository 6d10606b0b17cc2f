"""The video workload: arrivals of a window, deadlines, and the players' view of what was delivered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.integers import Int64s
from cluster_sim.moving import Moving
from cluster_sim.scenario.workload_spec import LadderVideo, RawVideo, TracedVideo, VideoWorkload
from cluster_sim.workloads.frames import (
    FrameSource,
    Opening,
    RawFrames,
    TracedFrames,
    count_ahead,
    fill_instants,
    frame_table,
    take_ahead,
)
from cluster_sim.workloads.playout import NEVER, play
from cluster_sim.workloads.submissions import Seen


@dataclass(frozen=True, slots=True)
class TraceArrays:
    """A trace as the workload needs it: instants from its first frame on, sizes, where one can begin."""

    offsets_ns: Int64s
    sizes_bytes: Int64s
    key_frames: Int64s
    period_ns: int


@dataclass(frozen=True, slots=True)
class VideoStream:
    """One stream: what it asks for and from when on, and whether it only receives what another guest asks for.

    Frames come at their own rate, whatever becomes of them.
    """

    workload: VideoWorkload
    source: FrameSource
    phase_ns: int
    submits: bool = True

    @property
    def to_device(self) -> bool:
        """Whether its frames go to the device."""
        return self.workload.direction != "from_device"


class Frames(NamedTuple):
    """Frames of a window, by (stream, frame): number of the stream, frame, instant, size, deadline."""

    number: Int64s
    frame: Int64s
    at_ns: Int64s
    bytes: Int64s
    deadline_ns: Int64s


class VideoStreams:
    """The software of many streams; `submit` and `digest` are called once a window each."""

    told: Moving[list[tuple[Int64s, Int64s, Int64s]]]
    """Stream, frame and instant of what was delivered to those who play, a batch a window."""

    def __init__(self, streams: Sequence[VideoStream], leaves_ns: Sequence[int]) -> None:
        """Streams at rest, and when the guest of each goes."""
        self.streams = list(streams)
        self.to_device = np.array([stream.to_device for stream in streams], np.bool_)
        self.plays = np.array([stream.workload.playout is not None for stream in streams], np.bool_)
        self.table = frame_table(
            [
                Opening(stream.source, stream.phase_ns, until_ns if stream.submits else 0, stream.workload.deadline)
                for stream, until_ns in zip(streams, leaves_ns, strict=True)
            ]
        )
        self.told = []

    @property
    def next_frames(self) -> Moving[Int64s]:
        """The next frame of each stream."""
        return self.table.streams["next_frame"].copy()

    @next_frames.setter
    def next_frames(self, frames: Int64s) -> None:
        self.table.streams["next_frame"] = frames

    def submit(self, until_ns: int) -> Frames:
        """All frames that come before `until_ns` and have not been submitted."""
        count = count_ahead(self.table, until_ns)
        frames = Frames(*(np.empty(count, np.int64) for _ in Frames._fields))
        take_ahead(self.table, *frames)
        return frames

    def digest(self, numbers: Int64s, frames: Int64s, delivered_ns: Int64s) -> None:
        """Take note of frames that were delivered."""
        mine = self.plays[numbers]
        if mine.any():
            self.told.append((numbers[mine], frames[mine], delivered_ns[mine]))

    def seen(self, ends_ns: Sequence[int]) -> dict[int, Seen]:
        """What the viewer of each stream that somebody plays saw up to an instant, by the stream's number."""
        parts = [np.concatenate(columns) for columns in zip(*self.told, strict=True)]
        numbers, frames, delivered_ns = parts or [np.zeros(0, np.int64)] * 3
        by = np.lexsort((frames, numbers))
        numbers, frames, delivered_ns = numbers[by], frames[by], delivered_ns[by]
        found = {}
        for number in np.flatnonzero(self.plays).tolist():
            first, end = np.searchsorted(numbers, [number, number + 1])
            found[number] = self._seen(number, frames[first:end], delivered_ns[first:end], ends_ns[number])
        return found

    def _seen(self, number: int, frames: Int64s, delivered_ns: Int64s, end_ns: int) -> Seen:
        stream = self.streams[number]
        playout = stream.workload.playout
        if playout is None or len(frames) == 0:
            return Seen(NEVER)
        media_ns = np.empty(len(frames), np.int64)
        fill_instants(self.table, number, frames, media_ns)
        playback = play(
            delivered_ns,
            media_ns,
            period_ns=stream.source.period_ns,
            startup_ns=playout.startup,
            asked_ns=stream.phase_ns,
            end_ns=end_ns,
        )
        return Seen(playback)


def open_stream(
    workload: VideoWorkload,
    trace: TraceArrays | None,
    key: tuple[int | str, ...],
    begin_ns: int = 0,
    *,
    submits: bool = True,
) -> VideoStream:
    """A stream at rest; `key` names it in draws: where in the trace it begins, and when within one frame period."""
    source = frame_source(workload, trace, key)
    return VideoStream(workload, source, begin_ns + draw(source.period_ns, *key, "phase"), submits=submits)


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
