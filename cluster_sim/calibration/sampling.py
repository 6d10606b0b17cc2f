"""Repeated rounds of a measurement: their median, how far they spread, which lie apart, and which were disturbed.

Other programs on the machine show in two ways. A round in which a thread lost its CPU to another program is known for
certain (involuntary context switches, CPU time), and is left out while enough others remain. What slows a CPU down
without taking it away (a neighbour's memory traffic, the host's own schedule) comes in phases of seconds: all
measures are therefore gone through several times, a few rounds each, and a cost's rounds are pooled.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from resource import RUSAGE_THREAD, getrusage
from typing import Final, Literal

import numpy as np

Unit = Literal["ns", "us", "GB/s", "MiB"]
_OF_NS: Final[dict[Unit, float]] = {"ns": 1.0, "us": 1e-3}
LOW, HIGH = 0.1, 0.9
"""Quantiles told as low and high: quartiles leave out half of what is normal, the extremes are one round's chance."""
OUTLIER_RANGES: Final = 3.0
"""A round is apart when it lies more than so many quartile ranges beyond the quartiles (Tukey's far out)."""
LEAST_RANGE: Final = 0.02
"""Of the median: rounds that differ by less than a clock's tick have no range to speak of."""
LEAST_QUIET: Final = 0.25
"""Share of the rounds that must have been left alone if the others are to be left out."""
DIGITS: Final = 4
"""Significant digits of what is told; no round is known better."""


class RefusedError(Exception):
    """A figure that this machine cannot give; the text says why."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How often all is gone through, how many rounds each time, after how many that warm up, and how long one lasts."""

    passes: int
    rounds: int
    warm_up: int
    round_ns: int


QUICK: Final = Effort(passes=4, rounds=12, warm_up=1, round_ns=1_500_000)
THOROUGH: Final = Effort(passes=10, rounds=20, warm_up=2, round_ns=3_000_000)
ONCE: Final = Effort(passes=1, rounds=1, warm_up=0, round_ns=1)
"""The least that runs at all."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to, ns an operation, GB/s or MiB, and whether a thread of it had to wait for its CPU."""

    value: float
    is_disturbed: bool = False


Rounds = Callable[[Effort], Sequence[Round]]
"""Measures the rounds of one pass."""


Spent = Callable[[int], int]
"""Does something so many times; the ns that count, what lies between them being left out."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What can be measured: the cost that it is (costs.toml, or a new name), its unit, what is done, and how."""

    cost: str
    unit: Unit
    text: str
    rounds: Rounds


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: median, 10 % and 90 % quantile of the rounds that count, in the measure's unit.

    `outliers` lie far out among the `rounds` that count; `disturbed` are those that were left out, or had to be kept
    because there were too few others (`is_busy`).
    """

    measure: Measure
    value: float
    low: float
    high: float
    rounds: int
    outliers: int = 0
    disturbed: int = 0
    is_busy: bool = False

    @property
    def spread(self) -> float:
        """Half of what lies between the quantiles, as a share of the median."""
        return (self.high - self.low) / 2 / self.value if self.value else 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be measured, and why."""

    measure: Measure
    reason: str


def summarised(measure: Measure, found: Sequence[Round]) -> Measured:
    """Median and quantiles of the rounds that count; those that lie apart are counted, and stay in."""
    quiet = [each.value for each in found if not each.is_disturbed]
    is_busy = len(quiet) < LEAST_QUIET * len(found)
    counted = [each.value for each in found] if is_busy else quiet
    samples = np.array(counted, np.float64) * _OF_NS.get(measure.unit, 1.0)
    low, first, middle, third, high = np.quantile(samples, [LOW, 0.25, 0.5, 0.75, HIGH])
    room = OUTLIER_RANGES * max(third - first, LEAST_RANGE * middle)
    apart = int(((samples < first - room) | (samples > third + room)).sum())
    return Measured(
        measure,
        value=told(middle),
        low=told(low),
        high=told(high),
        rounds=len(counted),
        outliers=apart,
        disturbed=len(found) - len(quiet),
        is_busy=is_busy,
    )


def told(amount: float) -> float:
    """An amount in so many digits as are told, so that it reads back as the same."""
    return float(f"{amount:.{DIGITS}g}")


def batches(effort: Effort, do: Callable[[int], object], *, most: int = 1 << 30) -> list[Round]:
    """Rounds of `do(count)`, ns each time; as many times a round as make it last, at most `most`."""
    do(1)
    count = 1
    while (took_ns := span_ns(do, count)) < effort.round_ns // 4 and count < most:
        count = min(count * 4, most)
    count = max(1, min(most, int(count * effort.round_ns / max(took_ns, 1))))
    for _ in range(effort.warm_up):
        do(count)
    return [timed(lambda: do(count), count) for _ in range(effort.rounds)]


def span_ns(do: Callable[[int], object], count: int) -> int:
    """How long `do(count)` took."""
    began_ns = time.perf_counter_ns()
    do(count)
    return time.perf_counter_ns() - began_ns


def timed(do: Callable[[], object], units: int) -> Round:
    """One round, ns a unit."""
    switches = switches_of_this_thread()
    began_ns = time.perf_counter_ns()
    do()
    took_ns = time.perf_counter_ns() - began_ns
    return Round(took_ns / units, switches_of_this_thread() != switches)


def switches_of_this_thread() -> int:
    """How often the scheduler took the CPU away from this thread."""
    return getrusage(RUSAGE_THREAD).ru_nivcsw


def clocked(spent: Spent, count: int) -> Round:
    """One round of something that keeps its own clock, ns an operation."""
    switches = switches_of_this_thread()
    spent_ns = spent(count)
    return Round(spent_ns / count, switches_of_this_thread() != switches)


def clocked_rounds(effort: Effort, spent: Spent) -> list[Round]:
    """Rounds of something that keeps its own clock, ns an operation; as many times a round as make that last."""
    count = max(1, int(effort.round_ns / max(clocked(spent, 1).value, 1)))
    for _ in range(effort.warm_up):
        clocked(spent, count)
    return [clocked(spent, count) for _ in range(effort.rounds)]


def prepared(effort: Effort, prepare: Callable[[], None], do: Callable[[], object], units: int) -> list[Round]:
    """Rounds of something that must be set up anew each time, out of the clock; ns a unit."""
    found = []
    for number in range(effort.warm_up + effort.rounds):
        prepare()
        round_ = timed(do, units)
        if number >= effort.warm_up:
            found.append(round_)
    return found
