"""How far a shard goes at a time, and when a snapshot is worth its time. Nothing of it is in any result."""

import time
from dataclasses import dataclass, field
from typing import Final

EPOCH_S: Final = 0.5
"""Windows are granted so many at a time that they take about this long."""
EPOCH_ROWS: Final = 400_000
"""More transfers than this are not under way between the actors of a shard at a time, where windows allow it."""
EPOCH_WINDOWS: Final = 64
SNAPSHOT_LEAST_S: Final = 30.0
SNAPSHOT_SHARE: Final = 0.04
"""The most that snapshots may take of a run's time."""
SNAPSHOT_BYTES_PER_S: Final = 50e6
"""What is reckoned with until the first was written: less than any disk was seen to take, compression included."""


def foretold_s(state_bytes: int) -> float:
    """What the first snapshot of so much may take."""
    return state_bytes / SNAPSHOT_BYTES_PER_S


@dataclass(frozen=True, slots=True)
class Report:
    """What an actor says of its hosts at the end of some windows: seconds of work, and those of the last snapshot.

    It is foretold by `state_bytes` as long as none was written.
    """

    frames: int
    busy_s: float
    saved_s: float
    saved_bytes: int
    state_bytes: int

    @property
    def saving_s(self) -> float:
        """What a snapshot takes."""
        return self.saved_s if self.saved_bytes else foretold_s(self.state_bytes)


@dataclass(slots=True)
class Pace:
    """The pace of one shard; `snapshot_every` windows, or as often as they cost little where it is 0."""

    snapshot_every: int = 0
    windows: int = 1
    last_saved_s: float = field(default_factory=time.monotonic)
    saving_s: float = 0.0

    def ends(self, first: int, windows_in_all: int) -> int:
        """Where the windows granted next end."""
        end = min(first + self.windows, windows_in_all)
        if self.snapshot_every:
            end = min(end, (first // self.snapshot_every + 1) * self.snapshot_every)
        return end

    def is_due(self, window: int) -> bool:
        """Whether a snapshot is due at the beginning of a window."""
        if self.snapshot_every:
            return window % self.snapshot_every == 0
        waited_s = time.monotonic() - self.last_saved_s
        return waited_s >= max(SNAPSHOT_LEAST_S, self.saving_s / SNAPSHOT_SHARE)

    def begin_run(self) -> None:
        """A run begins: until now there is nothing to save."""
        self.last_saved_s = time.monotonic()

    def begin_snapshot(self) -> None:
        """A snapshot is about to be written: the wait for the next one begins."""
        self.last_saved_s = time.monotonic()

    def learn(self, windows: int, frames: int, took_s: float, saving_s: float) -> None:
        """Grant more or fewer windows, by what the last ones took."""
        self.saving_s = max(saving_s, 0.5 * self.saving_s)
        by_time = windows * EPOCH_S / max(took_s, 1e-4)
        by_rows = windows * EPOCH_ROWS / max(frames, 1)
        self.windows = max(1, min(int(min(by_time, by_rows)), 2 * self.windows, EPOCH_WINDOWS))
