"""Candidates by hand: figures of paths, and ratios as (mean, low, high) of one over another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import JUDGED
from cluster_sim.analysis.answers.overload import Overload
from cluster_sim.analysis.paired import Ratio
from cluster_sim.scenario.judged_names import JudgedName

Ratios = Mapping[str, tuple[float, float, float] | Ratio | None]

PLAIN = {
    "throughput": 60.0,
    "p50": 100.0,
    "p99": 200.0,
    "guest CPU": 10.0,
    "host CPU": 5.0,
    "copies": 2.0,
    "dropped": 0.0,
    "unfinished": 0.0,
    "late": 0.0,
    "frozen": 0.0,
    "refused": 0.0,
}
SAME = (1.0, 0.95, 1.05)
NO_INTERVAL = (math.nan, math.nan)
USUAL = ("throughput", "p50", "p99", "guest CPU", "host CPU")
LOCKED = Overload(60, 33, "frames/s", "pKVM's host-wide lock", 1.82)


def exactly(mean: float) -> Ratio:
    """A ratio that is the same in all replications."""
    return Ratio(mean, mean, mean, replications=3, spread=0.0)


def candidate(
    label: str, over: Mapping[str, Ratios] | None = None, *, is_baseline: bool = False, **figures: float
) -> Candidate:
    """A path; figures that are not given are like everyone's, ratios that are not given hold 1."""
    found_ratios = {
        rival: {figure: ratio_of(ratios.get(figure, SAME)) for figure in dict.fromkeys((*USUAL, *ratios))}
        for rival, ratios in (over or {}).items()
    }
    named = {name.replace("_", " "): value for name, value in figures.items()}
    return Candidate(label, PLAIN | named, found_ratios, is_baseline)


def ratio_of(found: tuple[float, float, float] | Ratio | None) -> Ratio | None:
    """A ratio of three replications."""
    return Ratio(*found, replications=3) if isinstance(found, tuple) else found


def silent(label: str, *, is_baseline: bool = False) -> Candidate:
    """A path on which everything is dropped."""
    figures = PLAIN | {"throughput": 0.0, "p50": math.nan, "p99": math.nan, "dropped": 100.0, "late": math.nan}
    return Candidate(label, figures, {}, is_baseline)


def overloaded(each: Candidate, overload: Overload = LOCKED) -> Candidate:
    """The same path, which does not sustain what it is offered."""
    return replace(each, overload=overload)


@dataclass(frozen=True)
class Ends:
    """An interval of ratios."""

    low: float
    high: float


@dataclass(frozen=True)
class PricesByLabel:
    """Ranges over the costs, by (path, rival, figure)."""

    known: Mapping[tuple[str, str, str], Ends] = field(default_factory=dict)

    def between(self, one: Candidate, other: Candidate, figure: str) -> Ends | None:
        return self.known.get((one.label, other.label, figure))


def candidates(*members: Candidate, judge: Sequence[JudgedName] = ()) -> CandidateSet:
    """All of one stratum and group."""
    found = CandidateSet(members)
    return replace(found, criteria=tuple(JUDGED[name] for name in judge)) if judge else found
