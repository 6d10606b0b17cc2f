"""Where a ratio crosses 1: which values to try next, and what the values tried so far show. Knows no scenarios.

Values are whole numbers (bytes, frames, pages, vCPUs …). Each round tries the values of `next_values`, until it names
none: first a coarse grid, or what the caller asks for, then around each crossing the point where the interpolated ratio
would be 1, the middle of the bracket, and the edges of the range where the sign is not shown.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.log_ratios import Sample

Samples = Mapping[int, Sample]


@dataclass(frozen=True, slots=True)
class Span:
    """Where to search: from low to high, how many values the first grid has, how narrow a bracket has to be.

    Distances are logarithmic, unless the span begins at 0.
    """

    low: int
    high: int
    grid: int = 9
    precision: float = 0.01

    @property
    def is_log(self) -> bool:
        """Whether distances are ratios."""
        return self.low > 0

    def position(self, value: float) -> float:
        """Where a value lies on the axis of distances."""
        return math.log(value) if self.is_log else value

    def value(self, position: float) -> float:
        """The value at a position."""
        return math.exp(position) if self.is_log else position

    def between(self, share: float, low: int, high: int) -> int:
        """The whole number at a share of the way, inside both ends."""
        position = self.position(low) + share * (self.position(high) - self.position(low))
        return min(max(round(self.value(position)), low + 1), high - 1)

    def is_narrow(self, low: int, high: int) -> bool:
        """Whether a bracket needs no more values."""
        return high - low <= 1 or high - low <= self.precision / 2 * abs(low)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the sign turns: the value, and the last values on either side at which it is shown.

    `low` or `high` is None where the sign is not shown up to that end of the span; `before` and `after` are the signs.
    """

    at: float
    low: int | None
    high: int | None
    before: int
    after: int

    @property
    def is_shown(self) -> bool:
        """Whether the sign is shown on both sides."""
        return self.low is not None and self.high is not None


@dataclass(frozen=True, slots=True)
class Zone:
    """Neighbouring values between two shown signs: the ends, if any, and those between, at which none is shown."""

    low: int | None
    high: int | None
    inner: tuple[int, ...]

    @property
    def values(self) -> tuple[int, ...]:
        """All of them, ascending."""
        ends = ((self.low,) if self.low is not None else (), (self.high,) if self.high is not None else ())
        return (*ends[0], *self.inner, *ends[1])


def grid_of(span: Span) -> list[int]:
    """The first values, at even distances, ends included."""
    count = max(min(span.grid, span.high - span.low + 1), 1)
    if count == 1:
        return [span.low]
    positions = [span.position(span.low), span.position(span.high)]
    steps = [positions[0] + number / (count - 1) * (positions[1] - positions[0]) for number in range(count)]
    inner = {min(max(round(span.value(position)), span.low), span.high) for position in steps[1:-1]}
    return sorted({span.low, span.high, *inner})


def zones_of(samples: Samples) -> list[Zone]:
    """Where the sign may turn: between shown signs that differ, or between a shown one and an end."""
    known = [value for value in sorted(samples) if not math.isnan(samples[value].mean)]
    zones: list[Zone] = []
    last: int | None = None
    inner: list[int] = []
    for value in known:
        if samples[value].shown == 0:
            inner.append(value)
            continue
        if last is None or samples[last].shown != samples[value].shown:
            zones.append(Zone(last, value, tuple(inner)))
        last, inner = value, []
    zones.append(Zone(last, None, tuple(inner)))
    return [zone for zone in zones if flips_of(zone, samples)]


def flips_of(zone: Zone, samples: Samples) -> list[tuple[int, int]]:
    """Pairs of values of a zone between which the mean's sign turns; what lies between them is exactly 1."""
    signed = [value for value in zone.values if samples[value].sign]
    return [(a, b) for a, b in itertools.pairwise(signed) if samples[a].sign != samples[b].sign]


def next_values(samples: Samples, span: Span, first: Sequence[int] = ()) -> list[int]:
    """Values to try next, none of them tried before; none when all is known as narrowly as was asked for.

    `first` are those to begin with, in the place of the grid.
    """
    missing = [value for value in first or grid_of(span) if value not in samples]
    if missing:
        return missing
    wanted: set[int] = set()
    for zone in zones_of(samples):
        flips = flips_of(zone, samples)
        wanted |= in_bracket(*flips[len(flips) // 2], zone, samples, span)
        for low, high in edges_of(zone):
            if not span.is_narrow(low, high):
                wanted.add(span.between(0.5, low, high))
    return sorted(wanted - set(samples))


def edges_of(zone: Zone) -> list[tuple[int, int]]:
    """The pairs between which a zone begins and ends, where values inside it show nothing."""
    if not zone.inner:
        return []
    begins = [(zone.low, zone.inner[0])] if zone.low is not None else []
    return begins + ([(zone.inner[-1], zone.high)] if zone.high is not None else [])


def in_bracket(low: int, high: int, zone: Zone, samples: Samples, span: Span) -> set[int]:
    """Values that narrow a bracket: both sides of where the line between its ends crosses, and the middle."""
    equal = [value for value in zone.inner if low < value < high]
    if equal:
        ends = [(low, equal[0]), (equal[-1], high)]
        return {span.between(0.5, a, b) for a, b in ends if not span.is_narrow(a, b)}
    if span.is_narrow(low, high):
        return set()
    middle = {span.between(0.5, low, high)}
    a, b = samples[low].mean, samples[high].mean
    if math.isinf(a) or math.isinf(b):
        return middle
    guess = span.value(span.position(low) + a / (a - b) * (span.position(high) - span.position(low)))
    near = max(span.precision / 5 * guess, 0.5)
    return middle | {min(max(round(guess + side * near), low + 1), high - 1) for side in (-1, 1)}


def crossings_of(samples: Samples, span: Span) -> list[Crossing]:
    """What the values tried so far show."""
    found = []
    for zone in zones_of(samples):
        flips = flips_of(zone, samples)
        low, high = flips[len(flips) // 2]
        found.append(
            Crossing(
                at=crossing_in(low, high, zone.inner, samples, span),
                low=zone.low,
                high=zone.high,
                before=samples[low].sign,
                after=samples[high].sign,
            )
        )
    return found


def crossing_in(low: int, high: int, inner: Sequence[int], samples: Samples, span: Span) -> float:
    """Where the line between two ends crosses; the middle of where both sides are equal, or one is lost."""
    equal = [value for value in inner if low < value < high]
    a, b = samples[low].mean, samples[high].mean
    if equal:
        return span.value((span.position(equal[0]) + span.position(equal[-1])) / 2)
    if math.isinf(a) or math.isinf(b):
        return span.value((span.position(low) + span.position(high)) / 2)
    return span.value(span.position(low) + a / (a - b) * (span.position(high) - span.position(low)))
