"""Running targets' definitions, at the profile's costs and over their ranges, and judging what comes of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cluster_sim.analysis.studies.factors import factors_of, with_costs
from cluster_sim.analysis.studies.joint_samples import joint_samples
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.platform.formulas import FormulaError, Interval, describe, parse_formula
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.refusal import Refusal
from cluster_sim.runtime.study_point import Point, PointPool
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import CostOverride
from cluster_sim.validation.target_figures import FIGURES, UNITS, figures_of_point
from cluster_sim.validation.targets import FigureSpec, Target, TargetError

SEED: Final = 1

Figures = Mapping[str, float]
"""By `variant.group.figure`, in bytes and nanoseconds."""
OnProgress = Callable[[int, int], None]
"""Told how many points are done, and how many there are."""
Costs = Mapping[str, CostOverride]


class Verdict(Enum):
    """How a figure stands to its target."""

    INSIDE = "inside"
    FIT = "fit"
    """Inside, and a cost was fitted on it."""
    OUTSIDE = "outside"
    NOT_MODELLED = "not modelled"


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure of the model in the target's unit: at the profile's costs, and its ends over the samples of them."""

    figure: FigureSpec
    value: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """By the value at the profile's costs alone; the range of the samples moves no verdict."""
        if self.figure.value is None:
            return Verdict.NOT_MODELLED
        low, high = self.figure.window
        if not low <= self.value <= high:
            return Verdict.OUTSIDE
        return Verdict.FIT if self.figure.is_fit else Verdict.INSIDE

    @property
    def reaches_in(self) -> bool:
        """Whether some of its range lies inside."""
        low, high = self.figure.window
        return self.low <= high and low <= self.high

    @property
    def is_unexplained(self) -> bool:
        """Whether it lies outside and nothing says why."""
        return self.verdict == Verdict.OUTSIDE and not self.figure.why


@dataclass(frozen=True, slots=True)
class JudgedTarget:
    """A target and its figures; how many samples of the costs they were taken over."""

    target: Target
    figures: tuple[Judged, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class Runs:
    """A target's definition and its points: at the profile's costs, then sample by sample, all variants each."""

    target: Target
    experiment: Experiment | None
    points: tuple[Point, ...]


def judge(
    targets: Sequence[Target],
    samples: int,
    pool: PointPool,
    on_progress: OnProgress,
    costs: Costs | None = None,
) -> list[JudgedTarget]:
    """Run all definitions `samples` + 1 times. DefinitionError or TargetError where one does not hold."""
    runs = [runs_of(target, samples, costs or {}) for target in targets]
    for each in runs:
        check_names(each)
    points = [point for each in runs for point in each.points]
    tables: dict[int, Figures] = {}
    on_progress(0, len(points))
    for number, groups in pool.evaluate(points, figures_of_point):
        tables[number] = {f"{group}.{name}": value for group, found in groups.items() for name, value in found.items()}
        on_progress(len(tables), len(points))
    first, judged = 0, []
    for each in runs:
        judged.append(judged_target(each, [tables[first + number] for number in range(len(each.points))], samples))
        first += len(each.points)
    return judged


def runs_of(target: Target, samples: int, costs: Costs) -> Runs:
    """The points of a target; samples lie evenly over the ranges of all costs that its profiles use."""
    if target.definition is None:
        return Runs(target, None, ())
    experiment = load_checked(target.definition, costs=costs)
    profiles = [profile_of(variant.scenario) for variant in experiment.variants]
    folder, points = target.definition.parent, []
    for values in ({}, *joint_samples(factors_of(profiles), samples, SEED)):
        for variant, profile in zip(experiment.variants, profiles, strict=True):
            scenario = with_costs(variant.scenario, profile, values) if values else variant.scenario
            points.append(Point(scenario, folder, experiment.spec.seed, 0))
    return Runs(target, experiment, tuple(points))


def check_names(runs: Runs) -> None:
    """Refuse formulas that name what the definition does not have."""
    if runs.experiment is None:
        return
    known = {
        f"{variant.label}.{group.name}" for variant in runs.experiment.variants for group in variant.scenario.guests
    }
    wrong: list[Refusal] = []
    for figure in runs.target.spec.figure:
        names = () if figure.value is None else parse_formula(figure.value).names
        at = f"target.{runs.target.name}: {figure.name}: value"
        strangers = [name for name in names if name.rpartition(".")[0] not in known]
        wrong += [Refusal(at, name, f"{' | '.join(sorted(known))}, and a figure") for name in strangers]
        if names and not strangers:
            wrong += wrong_kind(at, figure, names)
    if wrong:
        raise TargetError.of(dict.fromkeys(wrong))


def wrong_kind(at: str, figure: FigureSpec, names: Sequence[str]) -> list[Refusal]:
    """What keeps a figure's formula from being an amount of its unit, tried with amounts that cancel nowhere."""
    try:
        amount(figure, {name: math.pi**number for number, name in enumerate(names, 1)})
    except FormulaError as error:
        return [Refusal(at, error.found, error.allowed)]
    return []


def judged_target(runs: Runs, tables: Sequence[Figures], samples: int) -> JudgedTarget:
    """A target's figures from its points' tables, in the points' order."""
    by_sample: list[dict[str, float]] = []
    if runs.experiment is not None:
        labels = [variant.label for variant in runs.experiment.variants]
        for first in range(0, len(tables), len(labels)):
            rows = zip(labels, tables[first : first + len(labels)], strict=True)
            by_sample.append({f"{label}.{name}": value for label, table in rows for name, value in table.items()})
    judged = []
    for figure in runs.target.spec.figure:
        if figure.value is None:
            judged.append(Judged(figure, math.nan, math.nan, math.nan))
            continue
        found = [amount(figure, each) for each in by_sample]
        has_all = not any(math.isnan(value) for value in found)
        low, high = (min(found), max(found)) if has_all else (math.nan, math.nan)
        judged.append(Judged(figure, found[0], low, high))
    return JudgedTarget(runs.target, tuple(judged), samples if runs.experiment is not None else 0)


def amount(figure: FigureSpec, figures: Figures) -> float:
    """What a figure's formula comes to, in its unit; not a number where a variant delivered nothing.

    FormulaError where it divides by nothing, or comes to another kind of amount.
    """
    assert figure.value is not None
    factor, dimension = UNITS[figure.unit]

    def lookup(name: str) -> Interval:
        value = figures.get(name, math.nan)
        return Interval(value, value, value, FIGURES[name.rpartition(".")[2]][0])

    formula = parse_formula(figure.value)
    if any(math.isnan(figures.get(name, math.nan)) for name in formula.names):
        return math.nan
    found = formula.evaluate(lookup)
    if found.dimension != dimension:
        raise FormulaError(describe(found.dimension), figure.unit)
    return found.value / factor
