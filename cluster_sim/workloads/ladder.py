"""A film in several encodings, lowest rate first, cut into segments that a player can choose one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.integers import NS_PER_S, Int64s
from cluster_sim.refusal import InputError
from cluster_sim.workloads.video import TraceArrays


class LadderError(InputError):
    """Encodings that make no ladder."""


@dataclass(frozen=True, slots=True)
class SegmentFrames:
    """Frames of one segment at one rung: media time at which each begins and ends, and its size."""

    media_ns: Int64s
    media_end_ns: Int64s
    bytes: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """The encodings (rungs) of one film; its length is that of the shortest, what others have beyond it is unused.

    A segment covers `segment_ns` of the film, the last of a round what is left: from a half to one and a half of that.
    Then the film begins anew. Segments are cut at the same media times in all rungs, whether or not the trace has a
    key frame there.
    """

    rungs: tuple[TraceArrays, ...]
    segment_ns: int
    length_ns: int
    period_ns: int
    """The longest frame period of the rungs."""
    bits_per_s: tuple[int, ...]
    """Mean rate of each rung, rounded down."""
    cuts: tuple[Int64s, ...]
    """Of each rung, the first frame of every segment of a round, and the frame after the last."""

    @property
    def round_segments(self) -> int:
        """Segments from the film's beginning to its end."""
        return len(self.cuts[0]) - 1

    def span_ns(self, segment: int) -> tuple[int, int]:
        """Media time at which a segment begins and ends, rounds included."""
        rounds, position = divmod(segment, self.round_segments)
        begin_ns = position * self.segment_ns
        end_ns = self.length_ns if position == self.round_segments - 1 else begin_ns + self.segment_ns
        return rounds * self.length_ns + begin_ns, rounds * self.length_ns + end_ns

    def frames(self, segment: int, rung: int) -> SegmentFrames:
        """The frames of a segment, at least one."""
        rounds, position = divmod(segment, self.round_segments)
        rows = slice(int(self.cuts[rung][position]), int(self.cuts[rung][position + 1]))
        media_ns = rounds * self.length_ns + self.rungs[rung].offsets_ns[rows]
        media_end_ns = np.append(media_ns[1:], self.span_ns(segment)[1])
        return SegmentFrames(media_ns, media_end_ns, self.rungs[rung].sizes_bytes[rows])

    def segment_bytes(self, segment: int, rung: int) -> int:
        """Size of a segment."""
        return int(self.frames(segment, rung).bytes.sum())


def ladder_of(rungs: Sequence[TraceArrays], segment_ns: int) -> Ladder:
    """The ladder of these encodings; raises LadderError where they make none."""
    if not rungs:
        raise LadderError("ladder", "no rung", "one or more")
    length_ns = min(int(rung.offsets_ns[-1]) + rung.period_ns for rung in rungs)
    if not 0 < segment_ns <= length_ns:
        raise LadderError("ladder", f"segments of {segment_ns} ns", f"1 to {length_ns} ns, the film's length")
    round_segments = (2 * length_ns + segment_ns) // (2 * segment_ns)
    edges_ns = np.arange(round_segments + 1, dtype=np.int64) * segment_ns
    edges_ns[-1] = length_ns
    cuts = tuple(np.searchsorted(rung.offsets_ns, edges_ns).astype(np.int64) for rung in rungs)
    for number, cut in enumerate(cuts):
        empty = np.flatnonzero(np.diff(cut) == 0)
        if len(empty):
            raise LadderError(f"ladder: rung {number}", f"no frame in segment {empty[0]}", "one or more")
    bits_per_s = tuple(
        8 * NS_PER_S * int(rung.sizes_bytes[: cut[-1]].sum()) // length_ns
        for rung, cut in zip(rungs, cuts, strict=True)
    )
    for number in range(1, len(rungs)):
        if bits_per_s[number] <= bits_per_s[number - 1]:
            found = f"a mean rate of {bits_per_s[number]} bit/s"
            allowed = f"more than the {bits_per_s[number - 1]} bit/s of the rung below"
            raise LadderError(f"ladder: rung {number}", found, allowed)
    return Ladder(
        rungs=tuple(rungs),
        segment_ns=segment_ns,
        length_ns=length_ns,
        period_ns=max(rung.period_ns for rung in rungs),
        bits_per_s=bits_per_s,
        cuts=cuts,
    )
