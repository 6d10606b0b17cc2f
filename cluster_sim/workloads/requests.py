"""Open loops of requests: at a rate, from a log, or one after the other as a guest starts."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cluster_sim.chance.compiled_draws import DIRECTION, SIZE, SPACING, below, exponential
from cluster_sim.compiling.decorators import compiled
from cluster_sim.integers import NS_PER_S, Int64s
from cluster_sim.moving import Moving
from cluster_sim.workloads.playout import NEVER
from cluster_sim.workloads.submissions import Bools, Seen, Submissions

CHUNK = 1024
PERCENT = 100


@compiled
def fill_spacings(spacings_ns: Int64s, key: int, first: int, mean_ns: int) -> None:
    """Random distances between requests, from number `first` on."""
    for i in range(len(spacings_ns)):
        spacings_ns[i] = exponential(mean_ns, key, first + i, SPACING)


@compiled
def fill_draws(draws: Int64s, key: int, first: int, purpose: int) -> None:
    """Whole numbers in [0, 100), from number `first` on."""
    for i in range(len(draws)):
        draws[i] = below(PERCENT, key, first + i, purpose)


@dataclass(slots=True)
class _Open:
    """What streams that never look back have in common."""

    deadline_ns: int
    next_frame: Moving[int] = field(default=0, init=False)

    @property
    def looks_back(self) -> bool:
        """They do not."""
        return False

    def digest(self, frames: Int64s, ended_ns: Int64s, is_delivered: Bools) -> None:
        """Nothing depends on it."""

    def seen(self, end_ns: int) -> Seen:
        """There is nothing to watch."""
        del end_ns
        return Seen(NEVER)


@dataclass(slots=True)
class RatedRequests(_Open):
    """Requests at a rate, evenly or at random; sizes and directions are drawn by number, as in closed loops.

    `sizes` and how many in a hundred have each; `reads_percent` of them go from the device.
    """

    begin_ns: int
    rate: int
    is_poisson: bool
    sizes: dict[int, int]
    reads_percent: int
    key: int
    last_ns: Moving[int] = field(default=0, init=False)
    ahead_ns: Moving[Int64s] = field(default_factory=lambda: np.zeros(0, np.int64), init=False)
    """Instants that are drawn and not yet submitted."""

    def submit(self, until_ns: int) -> Submissions:
        """All that come before `until_ns`."""
        at_ns = self._random_before(until_ns) if self.is_poisson else self._even_before(until_ns)
        frames = np.arange(self.next_frame, self.next_frame + len(at_ns), dtype=np.int64)
        draws = np.zeros((2, len(at_ns)), np.int64)
        fill_draws(draws[0], self.key, self.next_frame, SIZE)
        fill_draws(draws[1], self.key, self.next_frame, DIRECTION)
        up_to = np.cumsum(list(self.sizes.values()))
        sizes = np.array(list(self.sizes), np.int64)[np.searchsorted(up_to, draws[0], side="right")]
        self.next_frame += len(at_ns)
        return Submissions(frames, at_ns, sizes, at_ns + self.deadline_ns, draws[1] >= self.reads_percent)

    def _even_before(self, until_ns: int) -> Int64s:
        """Request k comes at floor(k × 10⁹ / rate)."""
        end = max(-(-(until_ns - self.begin_ns) * self.rate // NS_PER_S), self.next_frame)
        numbers = np.arange(self.next_frame, end, dtype=np.int64)
        whole, rest = np.divmod(numbers, self.rate)
        at_ns: Int64s = self.begin_ns + whole * NS_PER_S + rest * NS_PER_S // self.rate
        return at_ns

    def _random_before(self, until_ns: int) -> Int64s:
        """Each comes an exponentially distributed time after the one before."""
        while len(self.ahead_ns) == 0 or self.ahead_ns[-1] < until_ns:
            drawn = self.next_frame + len(self.ahead_ns)
            spacings_ns = np.zeros(CHUNK, np.int64)
            fill_spacings(spacings_ns, self.key, drawn, NS_PER_S // self.rate)
            last_ns = int(self.ahead_ns[-1]) if len(self.ahead_ns) else max(self.last_ns, self.begin_ns)
            self.ahead_ns = np.concatenate([self.ahead_ns, last_ns + np.cumsum(spacings_ns)])
        count = int(np.searchsorted(self.ahead_ns, until_ns))
        taken, self.ahead_ns = self.ahead_ns[:count], self.ahead_ns[count:]
        if count:
            self.last_ns = int(taken[-1])
        return taken


@dataclass(slots=True)
class ListedRequests(_Open):
    """Requests that are known one by one: those of a log at their own times, or the parts of a guest's start."""

    at_ns: Int64s
    sizes_bytes: Int64s
    to_device: npt.NDArray[np.bool_]

    def submit(self, until_ns: int) -> Submissions:
        """All that come before `until_ns`, each once."""
        end = int(np.searchsorted(self.at_ns, until_ns))
        rows = slice(self.next_frame, max(end, self.next_frame))
        frames = np.arange(rows.start, rows.stop, dtype=np.int64)
        self.next_frame = rows.stop
        at_ns = self.at_ns[rows]
        return Submissions(frames, at_ns, self.sizes_bytes[rows], at_ns + self.deadline_ns, self.to_device[rows])


def in_turn(begin_ns: int, count: int, size_bytes: int, spacing_ns: int, deadline_ns: int) -> ListedRequests:
    """So many requests of one size from the device, `spacing_ns` apart."""
    at_ns = begin_ns + np.arange(count, dtype=np.int64) * spacing_ns
    return ListedRequests(deadline_ns, at_ns, np.full(count, size_bytes, np.int64), np.zeros(count, np.bool_))
