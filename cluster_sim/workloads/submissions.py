"""What guests' software hands to their hosts, and what it makes of what comes back: the face of every stream."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cluster_sim.integers import Int64s
from cluster_sim.workloads.playout import Playback

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Submissions:
    """Transfers of one window: number, instant, size and deadline of each, and whether it goes to the device."""

    frame: Int64s
    at_ns: Int64s
    bytes: Int64s
    deadline_ns: Int64s
    to_device: Bools


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stream's user saw: play, switches between encodings and the mean rate of what was played, if any was."""

    playback: Playback
    switches: int = 0
    played_bits_per_s: int = 0


class Stream(Protocol):
    """One stream's software; `submit` and `digest` are called once a window each."""

    @property
    def looks_back(self) -> bool:
        """Whether what it submits depends on what came back before."""
        ...

    def submit(self, until_ns: int) -> Submissions:
        """All transfers that come before `until_ns` and have not been submitted."""
        ...

    def digest(self, frames: Int64s, ended_ns: Int64s, is_delivered: Bools) -> None:
        """Take note of transfers that ended."""
        ...

    def seen(self, end_ns: int) -> Seen:
        """What the user saw up to `end_ns`."""
        ...
