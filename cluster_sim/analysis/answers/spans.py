"""A ratio with its interval, and what it shows: better, worse, alike, or nothing."""

import math
from dataclasses import dataclass
from typing import Literal

MATERIAL = 0.01
"""Ratios nearer to 1 than this are called alike: quantiles come from histograms that are right within 0.4 %."""

Relation = Literal["better", "worse", "alike", "unshown", "untold"]
"""`alike`: shown to be less than `MATERIAL` apart; `unshown`: the interval holds 1; `untold`: there is no ratio."""


@dataclass(frozen=True, slots=True)
class Span:
    """A ratio and the ends of its interval, which are not-a-number where one replication gives none."""

    mean: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """Whether there were replications enough for an interval."""
        return not math.isnan(self.low)

    def inverse(self) -> "Span":
        """The same comparison from the other side."""
        return Span(1 / self.mean, 1 / self.high, 1 / self.low)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A figure by which paths are judged."""

    figure: str
    more_is_better: bool


CRITERIA = (
    Criterion("throughput", more_is_better=True),
    Criterion("p50", more_is_better=False),
    Criterion("p99", more_is_better=False),
    Criterion("guest CPU", more_is_better=False),
    Criterion("host CPU", more_is_better=False),
)


def relation(span: Span | None, criterion: Criterion) -> Relation:
    """What a ratio of one path to another shows of the first; without an interval, what its mean hints at."""
    if span is None or math.isnan(span.mean):
        return "untold"
    if span.has_interval and span.low <= 1 <= span.high:
        return "alike" if max(span.high - 1, 1 - span.low) < MATERIAL else "unshown"
    if abs(span.mean - 1) < MATERIAL:
        return "alike"
    return "better" if (span.mean > 1) == criterion.more_is_better else "worse"
