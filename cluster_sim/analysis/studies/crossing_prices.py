"""How far crossings move over the ranges of the costs: the search, repeated at joint samples of all of them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.crossing_search import Span, grid_of
from cluster_sim.analysis.studies.crossover_rounds import Curve, Search
from cluster_sim.analysis.studies.designs import Stratum
from cluster_sim.analysis.studies.factors import Values, factors_of
from cluster_sim.analysis.studies.joint_samples import joint_samples
from cluster_sim.analysis.studies.point_evaluator import PointEvaluation
from cluster_sim.analysis.studies.priced_crossing import PricedCrossing
from cluster_sim.platform.scenario_profile import profile_of

LEAST: Final = 10
"""Samples of which 5 % and 95 % can be told."""
PRECISION: Final = 0.05
"""Of a crossing at sampled costs, unless less is asked for."""
NEAR: Final = math.log(2)
"""How far to either side of a crossing at the table's prices samples look first, as a ratio's logarithm."""
NEAR_SHARE: Final = 0.25
"""The same where distances are no ratios, as a share of the span."""
SAMPLE: Final = "sample"
"""What tells the strata of samples apart."""


def check_prices(samples: int) -> int:
    """A number of samples, if a crossing's range can be told of it."""
    if samples != 0 and samples < LEAST:
        raise StudyError("--prices", found=str(samples), allowed=f"0, or {LEAST} samples or more")
    return samples


def with_prices(search: Search, curves: Sequence[Curve], samples: int, evaluate: PointEvaluation) -> list[Curve]:
    """The curves of a finished search with their crossings over the costs' ranges, one replication a sample.

    Samples look around the crossings at the table's prices first; those that find fewer there look at the whole range.
    """
    sampled: dict[str, list[Stratum]] = {}
    costs: dict[str, Values] = {}
    near: dict[str, list[int]] = {}
    for stratum in search.strata:
        sampled[stratum.title] = every = sampled_strata(stratum, samples)
        first = around([curve for curve in curves if curve.stratum == stratum.title], search.span)
        for each, values in zip(every, costs_of(search, stratum, samples), strict=True):
            costs[each.title], near[each.title] = values, first
    first_look = replace(
        search,
        replications=1,
        span=replace(search.span, precision=max(search.span.precision, PRECISION)),
        strata=[each for every in sampled.values() for each in every],
        costs=costs,
        first=near,
        stage="prices: round",
    )
    found = by_place(first_look.run(evaluate))
    wanting = [
        each
        for title, every in sampled.items()
        for each in every
        if any(finds_fewer(found[each.title, one.group], one) for one in curves if one.stratum == title)
    ]
    whole = {each.title: sorted({*near[each.title], *coarse(search.span)}) for each in wanting}
    second_look = replace(first_look, strata=wanting, first=whole, stage="prices: whole range, round")
    found |= by_place(second_look.run(evaluate))
    return [
        replace(one, prices=priced_crossings(one, [found[each.title, one.group] for each in sampled[one.stratum]]))
        for one in curves
    ]


def sampled_strata(stratum: Stratum, samples: int) -> list[Stratum]:
    """A stratum once a sample."""
    return [replace(stratum, labels={**stratum.labels, SAMPLE: str(number)}) for number in range(samples)]


def finds_fewer(sampled: Curve, curve: Curve) -> bool:
    """Whether a sample has fewer crossings than there are at the table's prices."""
    return len(sampled.crossings) < len(curve.crossings)


def coarse(span: Span) -> list[int]:
    """The ends of the range and its middle."""
    return grid_of(replace(span, grid=3))


def costs_of(search: Search, stratum: Stratum, samples: int) -> list[Values]:
    """Costs of each sample: all with a range behind the prices of either design, but one that the study varies."""
    step = search.span.low
    profiles = [profile_of(search.scenario(stratum, label, step)) for label in search.between]
    return joint_samples(factors_of(profiles), samples, search.seed)


def around(curves: Sequence[Curve], span: Span) -> list[int]:
    """Steps on both sides of each crossing at the table's prices; where a group has none, the ends and the middle."""
    near = NEAR if span.is_log else NEAR_SHARE * (span.high - span.low)
    steps: set[int] = set()
    for curve in curves:
        for crossing in curve.crossings:
            position = span.position(crossing.at)
            ends = (round(span.value(position + side * near)) for side in (-1, 1))
            steps |= {min(max(end, span.low), span.high) for end in ends}
        if not curve.crossings:
            steps |= set(coarse(span))
    return sorted(steps)


def by_place(curves: Sequence[Curve]) -> dict[tuple[str, str], Curve]:
    """Curves by stratum and group."""
    return {(curve.stratum, curve.group): curve for curve in curves}


def priced_crossings(curve: Curve, sampled: Sequence[Curve]) -> tuple[PricedCrossing, ...]:
    """Each crossing at the table's prices over the samples; where there is none, that of the samples."""
    if curve.crossings:
        return tuple(
            PricedCrossing(one, one.before, tuple(step_of(each, one.before, one.at) for each in sampled))
            for one in curve.crossings
        )
    ways = Counter(crossing.before for each in sampled for crossing in each.crossings)
    before = ways.most_common(1)[0][0] if ways else sign_throughout(curve) or 1
    return (PricedCrossing(None, before, tuple(step_of(each, before, math.inf) for each in sampled)),)


def step_of(curve: Curve, before: int, near: float) -> float:
    """Where a sample's curve crosses from a sign to the other, nearest to a step; else PricedCrossing says what."""
    steps = [crossing.at for crossing in curve.crossings if crossing.before == before]
    if steps:
        return min(steps, key=lambda step: (abs(step - near), step))
    sign = 0 if curve.crossings else sign_throughout(curve)
    return math.nan if sign == 0 else math.inf if sign == before else -math.inf


def sign_throughout(curve: Curve) -> int:
    """The sign of all of a curve's ratios; 0 where they have none, or several."""
    signs: Mapping[int, int] = Counter(sample.sign for sample in curve.samples.values() if sample.sign)
    return next(iter(signs)) if len(signs) == 1 else 0
