"""The figures by which paths are judged, and what a ratio shows in one of them: better, worse, equal, or nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cluster_sim.analysis.answers.phrases import listed
from cluster_sim.analysis.paired import FEWEST, Ratio
from cluster_sim.scenario.judged_names import JudgedName

MATERIAL = 0.01
"""Ratios nearer to 1 than this are called equal: quantiles come from histograms that are right within 0.4 %."""

IN_FLIGHT_PERCENT = 1
"""Share of work that the end of a run finds in flight, without being a backlog."""

SHARES_APART = 1.1
"""How far two shares without a ratio are apart, where they differ: those of paths that do not sustain what they get."""

Relation = Literal["better", "worse", "equal", "not shown", "no ratio"]
"""`equal`: shown to be less than `MATERIAL` apart; `not shown`: the interval holds 1."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A figure by which paths are judged.

    `name` is what sentences call it. `is_share`: it is 0 where all is well, and read by itself more than as a ratio;
    up to `nothing_to` it counts as nothing, and where it `is_count`, it is of things and not of work.
    `is_timing`: it says nothing of a path that does not sustain what it is offered.
    """

    figure: str
    name: str
    more_is_better: bool = False
    is_share: bool = False
    is_timing: bool = False
    is_count: bool = False
    nothing_to: float = 0.0


JUDGED: Final[dict[JudgedName, Criterion]] = {
    "throughput": Criterion("throughput", "throughput", more_is_better=True),
    "goodput": Criterion("goodput", "goodput", more_is_better=True),
    "latency": Criterion("p50", "median latency", is_timing=True),
    "p99": Criterion("p99", "99th percentile", is_timing=True),
    "end_to_end": Criterion("end to end", "mean time from guest to guest", is_timing=True),
    "boot": Criterion("boot", "boot time", is_timing=True),
    "late": Criterion("late", "late", is_share=True),
    "dropped": Criterion("dropped", "dropped", is_share=True),
    "unfinished": Criterion("unfinished", "unfinished", is_share=True, nothing_to=IN_FLIGHT_PERCENT),
    "frozen": Criterion("frozen", "frozen", is_share=True),
    "refused": Criterion("refused", "refused", is_share=True),
    "played": Criterion("played", "bit rate played", more_is_better=True),
    "switches": Criterion("switches", "switches", is_share=True, is_count=True),
    "guest_cpu": Criterion("guest CPU", "guest CPU"),
    "host_cpu": Criterion("host CPU", "host CPU"),
    "guest_cores": Criterion("guest cores", "guest cores"),
    "host_cores": Criterion("host cores", "host cores"),
    "conversions": Criterion("conversions", "conversions", more_is_better=True),
    "broken_leaves": Criterion("broken leaves", "broken leaves", is_share=True, is_count=True),
    "memory": Criterion("held", "memory held"),
    "exposure": Criterion("exposure", "exposure"),
}
"""By the name that `judge` of a definition gives them."""

USUAL: Final[tuple[JudgedName, ...]] = ("throughput", "latency", "p99", "guest_cpu", "host_cpu")
"""What paths are judged by where a definition does not say."""

THROUGHPUT = JUDGED["throughput"]
MEDIAN = JUDGED["latency"]
CRITERIA = tuple(JUDGED[name] for name in USUAL)


def criteria_of(judge: Sequence[str]) -> tuple[Criterion, ...]:
    """What a run is judged by, in the order of its definition; names of another version are passed over."""
    return tuple(each for name in judge for known, each in JUDGED.items() if known == name) or CRITERIA


def nothing_told(criteria: Sequence[Criterion]) -> str:
    """`nothing is late, dropped or frozen on any path`, `no path has switches`; empty for none."""
    words = [each.name for each in criteria if not each.is_count]
    counted = [each.name for each in criteria if each.is_count]
    clauses = [f"nothing is {listed(words, 'or')} on any path"] if words else []
    clauses += [f"no path has {listed(counted, 'or')}"] if counted else []
    return "; ".join(clauses)


def share_relation(mine: float, theirs: float, criterion: Criterion) -> Relation:
    """What two shares show that have no ratio, by their values: both nothing, or near each other, they are equal."""
    least, most = sorted((mine, theirs))
    if most <= criterion.nothing_to or most < SHARES_APART * least:
        return "equal"
    return "better" if (mine > theirs) == criterion.more_is_better else "worse"


def relation(ratio: Ratio | None, criterion: Criterion) -> Relation:
    """What a ratio of one path to another shows of the first; of one replication, what it hints at."""
    if ratio is None or math.isnan(ratio.mean):
        return "no ratio"
    if 1 < ratio.replications < FEWEST and not ratio.has_interval:
        return "not shown"
    if ratio.has_interval and ratio.low <= 1 <= ratio.high:
        return "equal" if max(ratio.high - 1, 1 - ratio.low) < MATERIAL else "not shown"
    if abs(ratio.mean - 1) < MATERIAL:
        return "equal"
    return "better" if (ratio.mean > 1) == criterion.more_is_better else "worse"
