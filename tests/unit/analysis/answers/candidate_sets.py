"""Candidates by hand: figures of paths, and ratios as (mean, low, high) of one over another."""

import math
from collections.abc import Mapping

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.paired import Ratio

Ratios = Mapping[str, tuple[float, float, float] | None]

PLAIN = {
    "throughput": 60.0,
    "p50": 100.0,
    "p99": 200.0,
    "guest CPU": 10.0,
    "host CPU": 5.0,
    "dropped": 0.0,
    "unfinished": 0.0,
    "late": 0.0,
}
SAME = (1.0, 0.95, 1.05)
NO_INTERVAL = (math.nan, math.nan)


def candidate(
    label: str, over: Mapping[str, Ratios] | None = None, *, is_baseline: bool = False, **figures: float
) -> Candidate:
    """A path; figures that are not given are like everyone's, ratios that are not given hold 1."""
    found_ratios = {
        rival: {
            figure: None if (found := ratios.get(figure, SAME)) is None else Ratio(*found, replications=3)
            for figure in ("throughput", "p50", "p99", "guest CPU", "host CPU")
        }
        for rival, ratios in (over or {}).items()
    }
    named = {name.replace("_", " "): value for name, value in figures.items()}
    return Candidate(label, PLAIN | named, found_ratios, is_baseline)


def silent(label: str, *, is_baseline: bool = False) -> Candidate:
    """A path on which everything is dropped."""
    figures = PLAIN | {"throughput": 0.0, "p50": math.nan, "p99": math.nan, "dropped": 100.0, "late": math.nan}
    return Candidate(label, figures, {}, is_baseline)


def candidates(*members: Candidate) -> CandidateSet:
    """All of one stratum and group."""
    return CandidateSet(members)
