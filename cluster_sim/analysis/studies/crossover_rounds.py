"""The rounds of a crossover's search: which points all strata and groups ask for at once, and their ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cluster_sim.analysis.log_ratios import Sample, log_ratio, sample_of
from cluster_sim.analysis.studies.crossing_search import Crossing, Span, crossings_of, next_values
from cluster_sim.analysis.studies.designs import Stratum, points_of
from cluster_sim.analysis.studies.factors import Values, with_costs
from cluster_sim.analysis.studies.losses import (
    Loss,
    Losses,
    Stop,
    between_stops,
    counted,
    is_at_stop,
    loss_of,
    stops_of,
)
from cluster_sim.analysis.studies.point_evaluator import PointEvaluation
from cluster_sim.analysis.studies.priced_crossing import PricedCrossing
from cluster_sim.analysis.studies.varied_field import Varied
from cluster_sim.analysis.studies.varied_range import scenario_at
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.spec import ScenarioSpec

ROUNDS_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Curve:
    """What was found in one stratum for one guest group: ratios by step, crossings, in steps of `varied`.

    A crossing is where both designs deliver and sustain; `losses` says at which steps one does not, and why.
    `prices` has the crossings over the costs' ranges, where these were asked for.
    """

    stratum: str
    group: str
    samples: Mapping[int, Sample]
    crossings: tuple[Crossing, ...]
    prices: tuple[PricedCrossing, ...] = ()
    losses: Losses = field(default_factory=dict)

    @property
    def stops(self) -> list[Stop]:
        """Where a design stops delivering, or sustaining what it is offered."""
        return stops_of(self.losses)


@dataclass
class Search:
    """A search that has been checked and can be run: strata with both designs, a field, a span of its steps.

    By the titles of strata: `costs` in the place of the table's, and the steps to try `first`, instead of a grid.
    """

    folder: Path
    seed: int
    replications: int
    figure: str
    between: tuple[str, str]
    varied: Varied
    span: Span
    strata: Sequence[Stratum]
    groups: Sequence[str]
    stage: str = "round"
    costs: Mapping[str, Values] = field(default_factory=dict)
    first: Mapping[str, Sequence[int]] = field(default_factory=dict)
    samples: dict[tuple[str, str], dict[int, Sample]] = field(default_factory=dict)
    losses: dict[tuple[str, str], dict[int, tuple[Loss | None, Loss | None]]] = field(default_factory=dict)

    def run(self, evaluate: PointEvaluation) -> list[Curve]:
        """Round by round, the points that all strata and groups ask for at once."""
        self.samples = {(stratum.title, group): {} for stratum in self.strata for group in self.groups}
        self.losses = {where: {} for where in self.samples}
        for number in range(ROUNDS_MOST):
            wanted = self.wanted()
            if not wanted:
                break
            self.sample(f"{self.stage} {number + 1}", wanted, evaluate)
        return [self.curve(stratum, group) for stratum, group in self.samples]

    def curve(self, stratum: str, group: str) -> Curve:
        """What the steps tried so far show of one stratum and group."""
        samples, losses = self.samples[stratum, group], self.losses[stratum, group]
        crossings = [each for each in crossings_of(samples, self.span) if not is_at_stop(each.at, losses)]
        return Curve(stratum, group, dict(sorted(samples.items())), tuple(crossings), losses=losses)

    def wanted(self) -> list[tuple[Stratum, int]]:
        """Strata and steps that some group's search asks for next."""
        found: dict[tuple[str, int], Stratum] = {}
        for stratum in self.strata:
            for group in self.groups:
                first = self.first.get(stratum.title, ())
                where = stratum.title, group
                asked = [*next_values(self.samples[where], self.span, first)]
                if not self.costs:
                    asked += [step for step in between_stops(self.losses[where], self.span) if step not in asked]
                for step in asked:
                    found[stratum.title, step] = stratum
        return [(stratum, step) for (_, step), stratum in found.items()]

    def scenario(self, stratum: Stratum, label: str, step: int) -> ScenarioSpec:
        """A design at a step, with the stratum's costs; where the step is a cost, that one is the step's."""
        scenario = scenario_at(self.varied, stratum.scenarios[label], step, self.folder)
        costs = self.costs.get(stratum.title)
        return scenario if costs is None else with_costs(scenario, profile_of(scenario), costs)

    def sample(self, stage: str, wanted: Sequence[tuple[Stratum, int]], evaluate: PointEvaluation) -> None:
        """Run both designs at the wanted steps, and take the ratios of all groups."""
        points: list[Point] = []
        for stratum, step in wanted:
            for label in self.between:
                points += points_of(self.scenario(stratum, label, step), self.folder, self.seed, self.replications)
        figures = evaluate(stage, points)
        for number, (stratum, step) in enumerate(wanted):
            first = 2 * number * self.replications
            mine = figures[first : first + self.replications]
            theirs = figures[first + self.replications : first + 2 * self.replications]
            for group in self.groups:
                sides = [[point.get(group, {}) for point in side] for side in (mine, theirs)]
                losses = loss_of(sides[0]), loss_of(sides[1])
                logs = [
                    log_ratio(counted(a, self.figure, losses[0]), counted(b, self.figure, losses[1]), self.figure)
                    for a, b in zip(*sides, strict=True)
                ]
                self.samples[stratum.title, group][step] = sample_of(logs)
                self.losses[stratum.title, group][step] = losses
