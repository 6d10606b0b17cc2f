"""Sampling costs: figures at the profile's values, at the ends of each range, and at samples of costs that matter."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster_sim.analysis.figures import MORE_IS_BETTER
from cluster_sim.analysis.log_ratios import is_lost, log_ratio
from cluster_sim.analysis.studies.cost_ranking import ByDesign, Effect, Ranking, Sampled, ranking_of
from cluster_sim.analysis.studies.designs import Stratum, points_of
from cluster_sim.analysis.studies.factors import Values, factors_of, held_together, with_costs
from cluster_sim.analysis.studies.point_evaluator import PointEvaluation
from cluster_sim.analysis.studies.sobol_indices import Floats, design_of
from cluster_sim.platform.profile import Profile
from cluster_sim.runtime.study_point import Point

NEGLIGIBLE: Final = 0.001
"""Of a figure: a cost that moves none by more, at either end of its range, is held at its value."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """A study that has been checked and can be run."""

    folder: Path
    seed: int
    samples: int
    figure: str
    between: tuple[str, str] | None
    strata: Sequence[Stratum]
    groups: Sequence[str]
    simplified: tuple[str, ...]
    profiles: Mapping[str, Mapping[str, Profile]]
    """Of each stratum's designs, as the definition has them."""

    def run(self, evaluate: PointEvaluation) -> list[Ranking]:
        """Rankings of all strata, one stratum after the other."""
        return [ranking for stratum in self.strata for ranking in self.rank(stratum, evaluate)]

    def rank(self, stratum: Stratum, evaluate: PointEvaluation) -> list[Ranking]:
        """At the profile's values, at the ends of each cost's range, then at the samples of those that matter."""
        labels = list(stratum.scenarios)
        name = stratum.title or "all"
        nominal = self.figures(stratum, labels, [{label: {} for label in labels}], evaluate, f"{name}: as is")[0]
        pairs = {group: pair for group in self.groups if (pair := self.pair_of(nominal, group)) is not None}
        factors = factors_of(self.profiles[stratum.title].values())
        ends = [factor.at(end) for factor in factors for end in (0.0, 1.0)]
        swung = self.figures(
            stratum, labels, [dict.fromkeys(labels, end) for end in ends], evaluate, f"{name}: one at a time"
        )
        effects = [
            Effect(factor, low, high, self.moved(low, nominal) | self.moved(high, nominal))
            for factor, low, high in zip(factors, swung[::2], swung[1::2], strict=True)
        ]
        moving = [effect for effect in effects if effect.moved]
        sampled = self.sample(stratum, moving, pairs, evaluate) if moving and pairs else None
        return [
            ranking_of(stratum.title, group, self.figure, pairs.get(group), nominal, moving, sampled)
            for group in self.groups
        ]

    def sample(
        self,
        stratum: Stratum,
        moving: Sequence[Effect],
        pairs: Mapping[str, tuple[str, str]],
        evaluate: PointEvaluation,
    ) -> Sampled:
        """Figures of all designs at the base samples, of those of a pair at the mixtures of costs that move one."""
        factors = [effect.factor for effect in moving]
        design = design_of(len(factors), self.samples, self.seed)
        labels = list(stratum.scenarios)
        needed = {label for pair in pairs.values() for label in pair}
        name = stratum.title or "all"

        def at(rows: Floats, of: Sequence[str], stage: str) -> list[ByDesign]:
            every = [self.costs_of(stratum, moving, row, of) for row in rows]
            return self.figures(stratum, of, every, evaluate, f"{name}: {stage}")

        a, b = (at(rows, labels, "samples") for rows in (design.a, design.b))
        mixed = {
            effect.factor.name: at(rows, sorted(needed), effect.factor.name)
            for effect, rows in zip(moving, design.mixed, strict=True)
            if effect.designs & needed
        }
        return Sampled(self.seed, a, b, mixed)

    def costs_of(
        self, stratum: Stratum, moving: Sequence[Effect], shares: Sequence[float], labels: Sequence[str]
    ) -> dict[str, Values]:
        """The costs of a sample, for each design those that move it: points that differ in others are the same."""
        values = {
            name: value
            for effect, share in zip(moving, shares, strict=True)
            for name, value in effect.factor.at(float(share)).items()
        }
        held = held_together(values, next(iter(self.profiles[stratum.title].values())))
        movers = {cost.name: effect.designs for effect in moving for cost in effect.factor.costs}
        return {label: {name: held[name] for name in held if label in movers[name]} for label in labels}

    def figures(
        self,
        stratum: Stratum,
        labels: Sequence[str],
        every: Sequence[Mapping[str, Values]],
        evaluate: PointEvaluation,
        stage: str,
    ) -> list[ByDesign]:
        """Figures of some designs; each entry of `every` says what costs each design has."""
        points: list[Point] = []
        profiles = self.profiles[stratum.title]
        for values in every:
            for label in labels:
                points += points_of(
                    with_costs(stratum.scenarios[label], profiles[label], values[label]), self.folder, self.seed, 1
                )
        found = evaluate(stage, points)
        return [
            dict(zip(labels, found[first : first + len(labels)], strict=True))
            for first in range(0, len(found), len(labels))
        ]

    def pair_of(self, nominal: ByDesign, group: str) -> tuple[str, str] | None:
        """The two designs whose ratio is explained: those asked for, or the best and the next as it is."""
        if self.between is not None:
            return self.between
        figures = {label: groups.get(group, {}).get(self.figure, math.nan) for label, groups in nominal.items()}
        known = [label for label, value in figures.items() if not is_lost(value, self.figure)]
        known.sort(key=lambda label: -figures[label] if self.figure in MORE_IS_BETTER else figures[label])
        return (known[0], known[1]) if len(known) > 1 else None

    def moved(self, end: ByDesign, nominal: ByDesign) -> frozenset[tuple[str, str]]:
        """(Design, group) whose figure is another than at the profile's values."""

        def change(label: str, group: str) -> float:
            after, before = (point[label].get(group, {}).get(self.figure, math.nan) for point in (end, nominal))
            return abs(log_ratio(after, before, self.figure))

        return frozenset(
            (label, group) for label in nominal for group in self.groups if change(label, group) > NEGLIGIBLE
        )
