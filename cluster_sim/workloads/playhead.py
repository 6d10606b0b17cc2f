"""A player's clock that turns with what is known: what is shown when, where it waits, what is buffered."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.records import Field, record_of

Records = npt.NDArray[np.void]

UNSETTLED = -1

FRAME_FIELDS: Final = (
    Field("at_ns", "ns", "instant at which it comes"),
    Field("bytes", "B", "its size"),
    Field("media_ns", "ns", "where it begins in the film"),
    Field("media_end_ns", "ns", "where it ends in the film"),
    Field("deadline_ns", "ns", "instant after which it is late"),
    Field("settled_ns", "ns", "instant at which it was delivered or lost, UNSETTLED before"),
    Field("complete_ns", "ns", "instant at which this one and all before it were settled"),
    Field("shown_ns", "ns", "instant at which it was shown"),
    Field("is_lost", "", "whether it was lost", kind="bool"),
)
FRAME: Final = record_of(FRAME_FIELDS)
"""One frame of a stream of segments, in media order."""


@dataclass(slots=True)
class Playhead:
    """Plays frames in media order: it waits for `startup_ns` of media, and for `resume_ns` after it ran dry.

    It runs dry when a frame is neither delivered nor lost at its turn; lost frames are passed over at theirs.
    """

    startup_ns: int
    resume_ns: int
    position_ns: int
    """Media time at which it waits, or last began."""
    ready_ns: int
    """Media time up to which all is settled."""
    waits: bool = True
    has_begun: bool = False
    lag_ns: int = 0
    """While it plays, media time m is shown at m + lag."""
    settled: int = 0
    """Frames that are settled with all before them."""
    passed: int = 0
    """Frames whose turn is known."""

    def look(self, frames: Records, now_ns: int) -> None:
        """Go on with what is known of the frames asked for: all that were settled before `now_ns`."""
        self._settle(frames)
        while self._begins(frames):
            self._pass(frames)
            if not self.waits:
                break
        if not self.waits and self.settled < len(frames) and frames["media_ns"][self.settled] + self.lag_ns < now_ns:
            self._run_dry(frames)

    def media_at(self, at_ns: int) -> int:
        """Media time played at an instant, as far as is known: while it waits it goes on waiting."""
        return self.position_ns if self.waits else min(at_ns - self.lag_ns, self.ready_ns)

    def reaches(self, media_ns: int, at_ns: int) -> int | None:
        """The first instant from `at_ns` on at which this media time is played, None if that is not known."""
        if self.media_at(at_ns) >= media_ns:
            return at_ns
        return None if self.waits or media_ns > self.ready_ns else media_ns + self.lag_ns

    def _settle(self, frames: Records) -> None:
        """Find how far all is settled, and since when."""
        unsettled = frames["settled_ns"][self.settled :] == UNSETTLED
        count = int(unsettled.argmax()) if unsettled.any() else len(unsettled)
        if count == 0:
            return
        rows = slice(self.settled, self.settled + count)
        # what was known at an earlier look was settled earlier
        frames["complete_ns"][rows] = np.maximum.accumulate(frames["settled_ns"][rows])
        self.settled += count
        self.ready_ns = int(frames["media_end_ns"][self.settled - 1])

    def _begins(self, frames: Records) -> bool:
        """Whether it plays, maybe from now on."""
        if not self.waits:
            return True
        wanted_ns = self.position_ns + (self.resume_ns if self.has_begun else self.startup_ns)
        enough = self.passed + int(np.searchsorted(frames["media_end_ns"][self.passed : self.settled], wanted_ns))
        if enough == self.settled:
            return False
        self.lag_ns = int(frames["complete_ns"][enough]) - self.position_ns
        self.waits = False
        self.has_begun = True
        return True

    def _pass(self, frames: Records) -> None:
        """Show settled frames at their turn, up to one that came after it."""
        rows = slice(self.passed, self.settled)
        due_ns = frames["media_ns"][rows] + self.lag_ns
        behind = frames["complete_ns"][rows] > due_ns
        count = int(behind.argmax()) if behind.any() else len(behind)
        frames["shown_ns"][self.passed : self.passed + count] = due_ns[:count]
        self.passed += count
        if behind.any():
            self._run_dry(frames)

    def _run_dry(self, frames: Records) -> None:
        """Wait where the frame before the missing one ends."""
        assert self.passed > 0
        self.waits = True
        self.position_ns = int(frames["media_end_ns"][self.passed - 1])
