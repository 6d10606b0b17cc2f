"""The figures by which paths are judged, and what a ratio shows in one of them: better, worse, equal, or nothing."""

import math
from dataclasses import dataclass
from typing import Literal

from cluster_sim.analysis.paired import Ratio

MATERIAL = 0.01
"""Ratios nearer to 1 than this are called equal: quantiles come from histograms that are right within 0.4 %."""

Relation = Literal["better", "worse", "equal", "not shown", "no ratio"]
"""`equal`: shown to be less than `MATERIAL` apart; `not shown`: the interval holds 1."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A figure by which paths are judged."""

    figure: str
    more_is_better: bool


THROUGHPUT = Criterion("throughput", more_is_better=True)
MEDIAN = Criterion("p50", more_is_better=False)
CRITERIA = (
    THROUGHPUT,
    MEDIAN,
    Criterion("p99", more_is_better=False),
    Criterion("guest CPU", more_is_better=False),
    Criterion("host CPU", more_is_better=False),
)


def relation(ratio: Ratio | None, criterion: Criterion) -> Relation:
    """What a ratio of one path to another shows of the first; without an interval, what its mean hints at."""
    if ratio is None or math.isnan(ratio.mean):
        return "no ratio"
    if ratio.has_interval and ratio.low <= 1 <= ratio.high:
        return "equal" if max(ratio.high - 1, 1 - ratio.low) < MATERIAL else "not shown"
    if abs(ratio.mean - 1) < MATERIAL:
        return "equal"
    return "better" if (ratio.mean > 1) == criterion.more_is_better else "worse"
