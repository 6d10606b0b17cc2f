"""An adaptive stream: what one viewer asks for segment by segment, how it comes to the host, and what was seen."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cluster_sim.integers import NS_PER_S, Int64s
from cluster_sim.workloads.ladder import Ladder
from cluster_sim.workloads.link import AccessLink
from cluster_sim.workloads.players import Known, Player
from cluster_sim.workloads.playhead import FRAME, UNSETTLED, Playhead, Records
from cluster_sim.workloads.playout import NEVER, Playback, play
from cluster_sim.workloads.submissions import Bools, Seen, Submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """How a viewer buffers: media to begin with, to resume with, and how much is enough; the host's least deadline."""

    startup_ns: int
    resume_ns: int
    buffer_max_ns: int
    deadline_ns: int

    def __post_init__(self) -> None:
        for name in ("startup_ns", "resume_ns"):
            found_ns = getattr(self, name)
            if not 0 <= found_ns <= self.buffer_max_ns:
                raise ValueError(f"viewing: {name}: found {found_ns}, allowed: 0 to {self.buffer_max_ns}, the buffer")
        if self.buffer_max_ns <= 0 or self.deadline_ns < 0:
            raise ValueError(
                f"viewing: found a buffer of {self.buffer_max_ns} ns and a deadline of {self.deadline_ns} ns, "
                "allowed: more than 0, and 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Asked:
    """A segment that was asked for, and its frames' numbers."""

    segment: int
    rung: int
    asked_ns: int
    first_frame: int
    end_frame: int


@dataclass(frozen=True, slots=True)
class Quality:
    """What a viewer saw; the rate is the mean of the rungs' mean rates, weighed by the media time played of each."""

    playback: Playback
    switches: int
    """Segments played at another rung than the one before."""
    bits_per_s: int
    played_ns: int
    late_frames: int
    lost_frames: int


@dataclass(slots=True)
class AdaptiveStream:
    """The software of one viewer; `submit` and `digest` are called once a window each, in turn.

    Knowledge: whatever a window decides uses what was digested before it, never a frame delivered in it. The clock
    between is what that knowledge leads to: a player that plays goes on to the end of what was delivered, one that
    waits goes on waiting until the next window.

    Asking: one segment at a time, in order, at the first instant at which (1) the last frame of the segment before it
    has come from the network, so that the link does not idle; (2) the segment before that one is known to be
    delivered whole; (3) less than `buffer_max_ns` of media is asked for and not yet played. The player then decides
    from its buffer of delivered media, which leaves out what is on its way, and from throughputs of whole segments.
    By (2) two segments at most are asked for in a window that brings no news, so windows may not exceed a segment.

    Network: a request takes no time; a segment's frames come back to back at the link's rate, in decoding order.
    A segment's throughput is what was delivered of it over the time from its asking, or from the end of the segment
    before if that is later, to its last frame's delivery: a host that delivers slowly looks like a slow link.

    Deadline: a frame's turn in the playback schedule known at its window's beginning, but never less than
    `deadline_ns` after its arrival, which also holds while the player waits and no turn is known.
    """

    ladder: Ladder
    link: AccessLink
    player: Player
    viewing: Viewing
    begin_ns: int = 0
    first_segment: int = 0
    segments: list[Asked] = field(default_factory=list, init=False)
    rungs: list[int] = field(default_factory=list, init=False)
    throughputs_bits_per_s: list[int] = field(default_factory=list, init=False)
    playhead: Playhead = field(init=False)
    known_whole: int = field(default=0, init=False)
    """Segments whose frames are all known to be delivered or lost."""
    submitted: int = field(default=0, init=False)
    """Frames submitted, the first of those asked for."""
    now_ns: int = field(default=0, init=False)
    _rows: Records = field(init=False, repr=False)

    def __post_init__(self) -> None:
        media_ns, _ = self.ladder.span_ns(self.first_segment)
        self.playhead = Playhead(self.viewing.startup_ns, self.viewing.resume_ns, media_ns, media_ns)
        self._rows = np.zeros(256, FRAME)

    @property
    def frames(self) -> Records:
        """All frames asked for, by number."""
        return self._rows[: self.segments[-1].end_frame if self.segments else 0]

    def submit(self, until_ns: int) -> Submissions:
        """Frames that come from the network before `until_ns` and have not been submitted."""
        if until_ns - self.now_ns > self.ladder.segment_ns:
            raise ValueError(
                f"adaptive stream: found a window of {until_ns - self.now_ns} ns, "
                f"allowed: up to a segment's {self.ladder.segment_ns} ns"
            )
        self._look()
        while (asked_ns := self._asks_at(until_ns)) is not None:
            self._ask(asked_ns)
        first = self.submitted
        self.submitted += int(np.searchsorted(self.frames["at_ns"][first:], until_ns))
        self.now_ns = max(self.now_ns, until_ns)
        new = self.frames[first : self.submitted]
        least_ns = new["at_ns"] + self.viewing.deadline_ns
        turn_ns = new["media_ns"] + self.playhead.lag_ns
        new["deadline_ns"] = least_ns if self.playhead.waits else np.maximum(least_ns, turn_ns)
        numbers = np.arange(first, self.submitted, dtype=np.int64)
        to_device = np.zeros(len(numbers), np.bool_)
        return Submissions(numbers, new["at_ns"].copy(), new["bytes"].copy(), new["deadline_ns"].copy(), to_device)

    @property
    def looks_back(self) -> bool:
        """Which encoding is asked for depends on what came."""
        return True

    def digest(self, frames: Int64s, ended_ns: Int64s, is_delivered: Bools) -> None:
        """Take note of frames that ended: those that the host dropped are not asked for again, and play passes them."""
        self._settle(frames, ended_ns)
        self._rows["is_lost"][frames[~is_delivered]] = True

    def _settle(self, frames: Int64s, ended_ns: Int64s) -> None:
        """Take note of when frames ended."""
        assert ((frames >= 0) & (frames < self.submitted)).all(), "a frame comes back after it was submitted"
        assert (self._rows["settled_ns"][frames] == UNSETTLED).all(), "a frame comes back once"
        assert (ended_ns >= self._rows["at_ns"][frames]).all()
        self._rows["settled_ns"][frames] = ended_ns

    def seen(self, end_ns: int) -> Seen:
        """What the viewer saw up to `end_ns`, the end of the last window."""
        quality = self.quality(end_ns)
        return Seen(quality.playback, quality.switches, quality.bits_per_s)

    def quality(self, end_ns: int) -> Quality:
        """What the viewer saw up to `end_ns`, the end of the last window."""
        self._look()
        passed = self.frames[: self.playhead.passed]
        shown = passed[~passed["is_lost"]]
        playback = NEVER
        if len(shown):
            playback = play(
                shown["shown_ns"],
                shown["media_ns"],
                period_ns=self.ladder.period_ns,
                startup_ns=self.ladder.period_ns,
                asked_ns=self.begin_ns,
                end_ns=end_ns,
            )
        settled = self.frames[self.frames["settled_ns"] != UNSETTLED]
        delivered = settled[~settled["is_lost"]]
        spans_ns = [self._played_ns(asked, end_ns) for asked in self.segments]
        rungs = [asked.rung for asked, span_ns in zip(self.segments, spans_ns, strict=True) if span_ns > 0]
        weighed = sum(
            self.ladder.bits_per_s[rung] * span_ns for rung, span_ns in zip(self.rungs, spans_ns, strict=True)
        )
        played_ns = sum(spans_ns)
        return Quality(
            playback=playback,
            switches=sum(one != other for one, other in pairwise(rungs)),
            bits_per_s=weighed // played_ns if played_ns else 0,
            played_ns=played_ns,
            late_frames=int((delivered["settled_ns"] > delivered["deadline_ns"]).sum()),
            lost_frames=len(settled) - len(delivered),
        )

    def _played_ns(self, asked: Asked, end_ns: int) -> int:
        """Media time of a segment that was played before `end_ns`; a frame begun counts whole."""
        first, end = asked.first_frame, min(asked.end_frame, self.playhead.passed)
        begun = int(np.searchsorted(self._rows["shown_ns"][first:end], end_ns)) if end > first else 0
        if begun == 0:
            return 0
        return int(self._rows["media_end_ns"][first + begun - 1]) - self.ladder.span_ns(asked.segment)[0]

    def _look(self) -> None:
        """Let the player go on with what was digested, and measure the segments that came whole."""
        self.playhead.look(self.frames, self.now_ns)
        for number in range(self.known_whole, len(self.segments)):
            asked = self.segments[number]
            if asked.end_frame > self.playhead.settled:
                break
            self.known_whole += 1
            rows = self._rows[asked.first_frame : asked.end_frame]
            before_ns = int(self._rows["complete_ns"][asked.first_frame - 1]) if number else 0
            took_ns = int(rows["complete_ns"][-1]) - max(asked.asked_ns, before_ns)
            throughput = 8 * NS_PER_S * int(rows["bytes"][~rows["is_lost"]].sum()) // took_ns if took_ns else 0
            if throughput:  # nothing is learnt of a segment that was lost, or that ended with the one before it
                self.throughputs_bits_per_s.append(throughput)

    def _asks_at(self, until_ns: int) -> int | None:
        """When in this window the next segment is asked for."""
        at_ns = max(self.now_ns, self.begin_ns)
        if self.segments:
            at_ns = max(at_ns, int(self.frames["at_ns"][-1]))
            if self.known_whole < len(self.segments) - 1:
                return None
            _, asked_ns = self.ladder.span_ns(self.segments[-1].segment)
            room_ns = self.playhead.reaches(asked_ns - self.viewing.buffer_max_ns + 1, at_ns)
            if room_ns is None:
                return None
            at_ns = room_ns
        return at_ns if at_ns < until_ns else None

    def _ask(self, asked_ns: int) -> None:
        """Let the player choose the next segment's rung, and let the link bring it."""
        known = Known(
            bits_per_s=self.ladder.bits_per_s,
            segment_ns=self.ladder.segment_ns,
            buffer_ns=self.playhead.ready_ns - self.playhead.media_at(asked_ns),
            rungs=self.rungs,
            throughputs_bits_per_s=self.throughputs_bits_per_s,
        )
        rung = self.player.next_rung(known)
        assert 0 <= rung < len(self.ladder.rungs)
        segment = self.first_segment + len(self.segments)
        chosen = self.ladder.frames(segment, rung)
        first, end = len(self.frames), len(self.frames) + len(chosen.bytes)
        if end > len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(max(end, len(self._rows)), FRAME)])
        new = self._rows[first:end]
        new["at_ns"] = self.link.arrivals(asked_ns, chosen.bytes)
        new["bytes"] = chosen.bytes
        new["media_ns"] = chosen.media_ns
        new["media_end_ns"] = chosen.media_end_ns
        new["settled_ns"] = UNSETTLED
        self.rungs.append(rung)
        self.segments.append(Asked(segment, rung, asked_ns, first, end))
