"""Frames of streams as endless sequences: instants and sizes of frame 0, 1, 2 … in arithmetic, never stored.

All streams of one actor lie in one table, and one compiled pass makes a window's frames of them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.decorators import compiled
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.integers import NS_PER_S, Int64s

Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class RawFrames:
    """Frames of one size at an exact rate: frame k comes at floor(k × 10⁹ / fps)."""

    frame_bytes: int
    fps: Fraction

    @property
    def period_ns(self) -> int:
        """Time between frames, to the nearest ns."""
        return round(NS_PER_S / self.fps)


@dataclass(frozen=True, slots=True)
class TracedFrames:
    """Frames of a trace from frame `start` on, with the trace's own spacing, begun anew after its end."""

    offsets_ns: Int64s
    trace_bytes: Int64s
    period_ns: int
    start: int


FrameSource = RawFrames | TracedFrames

FRAMES_FIELDS: Final = (
    Field("phase_ns", "ns", "instant of the first frame"),
    Field("until_ns", "ns", "instant from which on no frame comes"),
    Field("deadline_ns", "ns", "time after which a frame is late"),
    Field("next_frame", "", "the next frame to submit"),
    Field("ahead", "1", "frames of the present window"),
    Field("round_frames", "1", "frames after which it repeats"),
    Field("round_ns", "ns", "time in which it repeats"),
    Field("frame_bytes", "B", "size of each frame, 0 where a trace tells"),
    Field("first", "", "first row of its trace"),
    Field("start", "", "frame of the trace that it begins at"),
)
FRAMES: Final = record_of(FRAMES_FIELDS)
"""A stream of frames: it repeats evenly and in one size, or as a trace has it from `first` on (IS_EVEN if none)."""
IS_EVEN = -1


@by_reference
class FrameTable(NamedTuple):
    """Streams (dtype FRAMES), and instants and sizes of all traces, one after the other."""

    streams: Records
    offsets_ns: Int64s
    sizes_bytes: Int64s


class Opening(NamedTuple):
    """A stream that is to be put into a table."""

    source: FrameSource
    phase_ns: int
    until_ns: int
    deadline_ns: int


def frame_table(openings: Sequence[Opening]) -> FrameTable:
    """Streams at rest; those of one trace share it."""
    streams = np.zeros(len(openings), FRAMES)
    offsets, sizes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    first_of: dict[tuple[int, int], int] = {}
    length = 0
    for row, opening in zip(streams, openings, strict=True):
        row["phase_ns"], row["until_ns"], row["deadline_ns"] = opening[1:]
        match opening.source:
            case RawFrames(frame_bytes, fps):
                row["first"], row["frame_bytes"] = IS_EVEN, frame_bytes
                row["round_frames"], row["round_ns"] = fps.numerator, fps.denominator * NS_PER_S
            case TracedFrames(offsets_ns, trace_bytes, period_ns, start):
                trace = (id(offsets_ns), id(trace_bytes))
                if trace not in first_of:
                    first_of[trace] = length
                    length += len(offsets_ns)
                    offsets.append(offsets_ns)
                    sizes.append(trace_bytes)
                row["first"], row["start"] = first_of[trace], start
                row["round_frames"], row["round_ns"] = len(offsets_ns), int(offsets_ns[-1]) + period_ns
    return FrameTable(streams, np.concatenate(offsets), np.concatenate(sizes))


@compiled
def frame_at_ns(table: FrameTable, number: int, frame: int) -> int:
    """When a stream's frame comes, exact for any frame number that fits."""
    stream = table.streams[number]
    if stream.first == IS_EVEN:
        rounds = frame // stream.round_frames
        rest = frame - rounds * stream.round_frames
        return int(stream.phase_ns + rounds * stream.round_ns + rest * stream.round_ns // stream.round_frames)
    rounds = (frame + stream.start) // stream.round_frames
    position = frame + stream.start - rounds * stream.round_frames
    since_ns = table.offsets_ns[stream.first + position] - table.offsets_ns[stream.first + stream.start]
    return int(stream.phase_ns + rounds * stream.round_ns + since_ns)


@compiled
def count_ahead(table: FrameTable, until_ns: int) -> int:
    """Count each stream's frames that come before `until_ns` and have not been submitted; how many these are in all."""
    total = 0
    for number in range(len(table.streams)):
        stream = table.streams[number]
        end_ns = min(until_ns, stream.until_ns)
        ahead = 0
        while frame_at_ns(table, number, stream.next_frame + ahead) < end_ns:
            ahead += 1
        stream.ahead = ahead
        total += ahead
    return total


@compiled
def take_ahead(
    table: FrameTable, numbers: Int64s, frames: Int64s, at_ns: Int64s, sizes_bytes: Int64s, deadlines_ns: Int64s
) -> None:
    """Submit what was counted, by (stream, frame): number of the stream, frame, instant, size and deadline of each."""
    i = 0
    for number in range(len(table.streams)):
        stream = table.streams[number]
        for frame in range(stream.next_frame, stream.next_frame + stream.ahead):
            numbers[i] = number
            frames[i] = frame
            at_ns[i] = frame_at_ns(table, number, frame)
            deadlines_ns[i] = at_ns[i] + stream.deadline_ns
            if stream.first == IS_EVEN:
                sizes_bytes[i] = stream.frame_bytes
            else:
                sizes_bytes[i] = table.sizes_bytes[stream.first + (stream.start + frame) % stream.round_frames]
            i += 1
        stream.next_frame += stream.ahead
        stream.ahead = 0


@compiled
def fill_instants(table: FrameTable, number: int, frames: Int64s, at_ns: Int64s) -> None:
    """When a stream's frames come."""
    for i in range(len(frames)):
        at_ns[i] = frame_at_ns(table, number, frames[i])


def compile_frames() -> None:
    """Compile what makes frames by making none."""
    nothing = np.zeros(0, np.int64)
    table = frame_table([])
    count_ahead(table, 0)
    take_ahead(table, nothing, nothing, nothing, nothing, nothing)
    fill_instants(table, 0, nothing, nothing)
