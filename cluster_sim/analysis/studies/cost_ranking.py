"""What sampled costs make of a ranking: who is ahead how often, and which costs decide it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cluster_sim.analysis.figures import MORE_IS_BETTER
from cluster_sim.analysis.log_ratios import is_lost, log_ratio
from cluster_sim.analysis.silence import is_silent, why_nothing
from cluster_sim.analysis.studies.factors import Factor
from cluster_sim.analysis.studies.sobol_indices import Floats, Indices, indices_of
from cluster_sim.analysis.studies.study_store import ByGroup

DECIDES: Final = 0.1
"""Least total index of a cost that decides."""

ByDesign = Mapping[str, ByGroup]


@dataclass(frozen=True, slots=True)
class Effect:
    """What designs come to with one cost at the ends of its range, all others as the profile says.

    `moved` are the (design, group) whose figure changes by more than a negligible share.
    """

    factor: Factor
    at_low: ByDesign
    at_high: ByDesign
    moved: frozenset[tuple[str, str]]

    @property
    def designs(self) -> frozenset[str]:
        """The designs that it moves."""
        return frozenset(label for label, _ in self.moved)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What designs come to at samples; `mixed` has those of each cost, by its name, that moves a pair's design."""

    seed: int
    a: Sequence[ByDesign]
    b: Sequence[ByDesign]
    mixed: Mapping[str, Sequence[ByDesign]]


@dataclass(frozen=True, slots=True)
class CostResult:
    """What one cost does to the pair's ratio.

    `ratio_low` and `ratio_high` are the ratio with it alone at the ends of its range; `turns` says that one of them
    has the other design ahead. `indices` are None where they could not be computed.
    """

    factor: Factor
    ratio_low: float
    ratio_high: float
    indices: Indices | None
    turns: bool
    decides: bool

    @property
    def is_guessed(self) -> bool:
        """Whether nobody measured or published it of the very thing that it prices."""
        return self.factor.confidence not in ("measured", "published")

    @property
    def weight(self) -> float:
        """What costs are ordered by: the total index, or else how far it moves the ratio."""
        if self.indices is not None:
            return self.indices.total.value
        is_known = 0 < self.ratio_low < math.inf and 0 < self.ratio_high < math.inf
        return abs(math.log(self.ratio_high / self.ratio_low)) if is_known else math.inf


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking in one stratum and guest group.

    `pair` are the two designs whose ratio (first over second) is explained, None where fewer than two deliver.
    `silent` says of each design that delivers nothing in some sample why that is.
    `shares` is in what share of the samples each design is ahead of all others, `tied` in which nobody is;
    `pair_share` in which the first of the pair is ahead of the second. `costs` are those that move one of the pair,
    most decisive first, guessed ones that decide before all others.
    """

    stratum: str
    group: str
    figure: str
    pair: tuple[str, str] | None
    ratio: float
    shares: Mapping[str, float]
    tied: float
    pair_share: float
    costs: tuple[CostResult, ...]
    lost_samples: int
    silent: tuple[str, ...] = ()

    @property
    def decisive(self) -> list[CostResult]:
        """The costs that decide it."""
        return [cost for cost in self.costs if cost.decides]


def ranking_of(
    stratum: str,
    group: str,
    figure: str,
    pair: tuple[str, str] | None,
    nominal: ByDesign,
    effects: Sequence[Effect],
    sampled: Sampled | None,
) -> Ranking:
    """Put together what was seen; without samples nothing moves, and who is ahead is ahead everywhere."""
    base = [nominal] if sampled is None else [*sampled.a, *sampled.b]
    shares, tied = shares_of(base, group, figure)
    silent = silences_of(base, list(nominal) if pair is None else list(pair), group)
    if pair is None:
        return Ranking(stratum, group, figure, None, math.nan, shares, tied, math.nan, (), 0, silent)
    ratio = math.exp(log_of(nominal, pair, group, figure))
    logs = np.array([log_of(point, pair, group, figure) for point in base])
    signs = np.sign(logs) * (-1 if figure in MORE_IS_BETTER else 1)
    mine = [effect for effect in effects if any((label, group) in effect.moved for label in pair)]
    indices: Mapping[str, Indices] = {}
    if sampled is not None and mine:
        indices = pair_indices(sampled, [effect.factor.name for effect in mine], pair, group, figure)
    can_turn = bool((signs < 0).any() and (signs > 0).any())
    costs = [
        cost_result(effect, indices.get(effect.factor.name), pair, group, figure, ratio, can_turn=can_turn)
        for effect in mine
    ]
    costs.sort(key=lambda cost: (not (cost.decides and cost.is_guessed), not cost.decides, -cost.weight))
    return Ranking(
        stratum=stratum,
        group=group,
        figure=figure,
        pair=pair,
        ratio=ratio,
        shares=shares,
        tied=tied,
        pair_share=float((signs < 0).mean()),
        costs=tuple(costs),
        lost_samples=int((~np.isfinite(logs)).sum()),
        silent=silent,
    )


def silences_of(points: Sequence[ByDesign], labels: Sequence[str], group: str) -> tuple[str, ...]:
    """Of designs that deliver nothing at some point: who, and why at the first of them."""
    found = {}
    for label in labels:
        figures = (point[label].get(group, {}) for point in points)
        silent = next((each for each in figures if is_silent(each)), None)
        if silent is not None:
            found[label] = f"{label} delivers nothing: {why_nothing(silent)}"
    return tuple(found.values())


def figure_of(point: ByDesign, label: str, group: str, figure: str) -> float:
    """A design's figure at a point; not a number where it has none."""
    return point[label].get(group, {}).get(figure, math.nan)


def log_of(point: ByDesign, pair: tuple[str, str], group: str, figure: str) -> float:
    """Logarithm of the pair's ratio at a point."""
    first, second = (figure_of(point, label, group, figure) for label in pair)
    return log_ratio(first, second, figure)


def shares_of(points: Sequence[ByDesign], group: str, figure: str) -> tuple[dict[str, float], float]:
    """In what share of points each design is ahead of all others, and in what share nobody is."""
    ahead = dict.fromkeys(points[0], 0)
    tied = 0
    for point in points:
        figures = {label: figure_of(point, label, group, figure) for label in point}
        known = {label: value for label, value in figures.items() if not is_lost(value, figure)}
        best = (max if figure in MORE_IS_BETTER else min)(known.values(), default=math.nan)
        first = [label for label, value in known.items() if value == best]
        if len(first) == 1:
            ahead[first[0]] += 1
        else:
            tied += 1
    return {label: count / len(points) for label, count in ahead.items()}, tied / len(points)


def pair_indices(
    sampled: Sampled, names: Sequence[str], pair: tuple[str, str], group: str, figure: str
) -> dict[str, Indices]:
    """Indices of the logarithm of the pair's ratio, by cost; none where a design delivers nothing at some point."""

    def logs(points: Sequence[ByDesign]) -> Floats:
        return np.array([log_of(point, pair, group, figure) for point in points])

    a, b, mixed = logs(sampled.a), logs(sampled.b), [logs(sampled.mixed[name]) for name in names]
    if not all(np.isfinite(values).all() for values in (a, b, *mixed)):
        return {}
    return dict(zip(names, indices_of(a, b, mixed, sampled.seed), strict=True))


def cost_result(
    effect: Effect,
    indices: Indices | None,
    pair: tuple[str, str],
    group: str,
    figure: str,
    ratio: float,
    *,
    can_turn: bool,
) -> CostResult:
    """One cost: it decides if it turns the ranking alone, or if samples turn it and much of their variance is its."""
    ends = [math.exp(log_of(point, pair, group, figure)) for point in (effect.at_low, effect.at_high)]
    turns = any((end < 1) != (ratio < 1) and end != 1 for end in ends)
    weighs = indices is not None and indices.total.value >= DECIDES and indices.total.low > 0
    return CostResult(effect.factor, ends[0], ends[1], indices, turns, turns or (can_turn and weighs))
