"""Frames of one stream as an endless sequence: instants and sizes of frame 0, 1, 2 … in arithmetic, never stored."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]


class FrameSource(Protocol):
    """Where a stream's frames come from; instants count from the stream's first frame."""

    @property
    def period_ns(self) -> int:
        """Mean time between frames."""
        ...

    def frames_before(self, span_ns: int) -> int:
        """How many frames come in the first `span_ns`."""
        ...

    def at_ns(self, frames: Int64s) -> Int64s:
        """Instants of frames."""
        ...

    def sizes(self, frames: Int64s) -> Int64s:
        """Sizes of frames, bytes."""
        ...


@dataclass(frozen=True, slots=True)
class RawFrames:
    """Frames of one size at an exact rate."""

    frame_bytes: int
    fps: Fraction

    @property
    def period_ns(self) -> int:
        """Time between frames, to the nearest ns."""
        return round(10**9 / self.fps)

    def frames_before(self, span_ns: int) -> int:
        """Frame k comes at floor(k × 10⁹ / fps)."""
        if span_ns <= 0:
            return 0
        return -(-span_ns * self.fps.numerator // (10**9 * self.fps.denominator))

    def at_ns(self, frames: Int64s) -> Int64s:
        """Instants, exact for any frame number that fits."""
        numerator, denominator = self.fps.numerator, self.fps.denominator
        whole, rest = np.divmod(frames, numerator)
        result: Int64s = whole * (denominator * 10**9) + rest * (denominator * 10**9) // numerator
        return result

    def sizes(self, frames: Int64s) -> Int64s:
        """All alike."""
        return np.full(len(frames), self.frame_bytes, np.int64)


@dataclass(frozen=True, slots=True)
class TracedFrames:
    """Frames of a trace from frame `start` on, begun anew after its end."""

    offsets_ns: Int64s
    trace_bytes: Int64s
    period_ns: int
    start: int

    @property
    def length_ns(self) -> int:
        """Time from a frame of the trace to the same frame in its next round."""
        return int(self.offsets_ns[-1]) + self.period_ns

    def frames_before(self, span_ns: int) -> int:
        """Whole rounds, then a search in the trace."""
        if span_ns <= 0:
            return 0
        rounds, rest = divmod(span_ns + int(self.offsets_ns[self.start]), self.length_ns)
        return rounds * len(self.offsets_ns) + int(np.searchsorted(self.offsets_ns, rest)) - self.start

    def at_ns(self, frames: Int64s) -> Int64s:
        """Instants, the trace's own spacing."""
        rounds, places = np.divmod(frames + self.start, len(self.offsets_ns))
        result: Int64s = rounds * self.length_ns + self.offsets_ns[places] - self.offsets_ns[self.start]
        return result

    def sizes(self, frames: Int64s) -> Int64s:
        """The trace's sizes."""
        return self.trace_bytes[(frames + self.start) % len(self.offsets_ns)]
