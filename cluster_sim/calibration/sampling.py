"""Repeated rounds of a measurement: their median, how far they spread, and which of them lie apart."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Unit = Literal["ns", "us", "GB/s"]
_OF_NS: Final[dict[Unit, float]] = {"ns": 1.0, "us": 1e-3}
OUTLIER_RANGES: Final = 3.0
"""A round is apart when it lies more than so many quartile ranges beyond the quartiles (Tukey's far out)."""
LEAST_RANGE: Final = 0.02
"""Of the median: rounds that differ by less than a clock's tick have no range to speak of."""


class RefusedError(Exception):
    """A figure that this machine cannot give; the text says why."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rounds are measured after how many that warm up, and how long one should last."""

    rounds: int
    warm_up: int
    round_ns: int


QUICK: Final = Effort(rounds=15, warm_up=2, round_ns=4_000_000)
THOROUGH: Final = Effort(rounds=41, warm_up=4, round_ns=12_000_000)

Rounds = Callable[[Effort], Sequence[float]]
"""Measures rounds; what each came to: ns an operation, or GB/s."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What can be measured: the cost that it is (costs.toml), its unit, what is done, and how."""

    cost: str
    unit: Unit
    text: str
    rounds: Rounds


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: median, 10 % and 90 % quantile in the measure's unit, rounds and how many lie apart."""

    measure: Measure
    value: float
    low: float
    high: float
    rounds: int
    outliers: int

    @property
    def spread(self) -> float:
        """Half of what lies between the quantiles, as a share of the median."""
        return (self.high - self.low) / 2 / self.value if self.value else 0.0


@dataclass(frozen=True, slots=True)
class Refused:
    """What could not be measured, and why."""

    measure: Measure
    reason: str


def summarised(measure: Measure, found: Sequence[float]) -> Measured:
    """Median and quantiles of rounds; those that lie apart are counted, and stay in."""
    samples = np.sort(np.array(found, np.float64)) * _OF_NS.get(measure.unit, 1.0)
    low, first, middle, third, high = np.quantile(samples, [0.1, 0.25, 0.5, 0.75, 0.9])
    room = OUTLIER_RANGES * max(third - first, LEAST_RANGE * middle)
    apart = int(((samples < first - room) | (samples > third + room)).sum())
    return Measured(measure, float(middle), float(low), float(high), len(samples), apart)


def measured(measure: Measure, effort: Effort) -> Measured | Refused:
    """Measure, or say why that cannot be."""
    try:
        return summarised(measure, measure.rounds(effort))
    except RefusedError as error:
        return Refused(measure, str(error))


def batches(effort: Effort, do: Callable[[int], object], *, most: int = 1 << 30) -> list[float]:
    """Rounds of `do(count)`, ns each time; as many times a round as make it last, at most `most`."""
    do(1)
    count = 1
    while (took_ns := span_ns(do, count)) < effort.round_ns // 4 and count < most:
        count = min(count * 4, most)
    count = max(1, min(most, int(count * effort.round_ns / max(took_ns, 1))))
    for _ in range(effort.warm_up):
        do(count)
    return [span_ns(do, count) / count for _ in range(effort.rounds)]


def span_ns(do: Callable[[int], object], count: int) -> int:
    """How long `do(count)` took."""
    began_ns = time.perf_counter_ns()
    do(count)
    return time.perf_counter_ns() - began_ns


def prepared(effort: Effort, prepare: Callable[[], None], do: Callable[[], object], units: int) -> list[float]:
    """Rounds of something that must be set up anew each time, out of the clock; ns a unit."""
    found = []
    for number in range(effort.warm_up + effort.rounds):
        prepare()
        began_ns = time.perf_counter_ns()
        do()
        if number >= effort.warm_up:
            found.append((time.perf_counter_ns() - began_ns) / units)
    return found
