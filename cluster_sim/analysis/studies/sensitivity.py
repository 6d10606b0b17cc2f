"""Which costs decide a ranking of designs, and in what share of the costs' ranges each design is ahead."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.cost_ranking import ByDesign, CostResult, Effect, Ranking, Sampled, ranking_of
from cluster_sim.analysis.studies.designs import (
    Stratum,
    check_group,
    label_of_design,
    parse_between,
    points_of,
    strata_of,
    wrong_with,
)
from cluster_sim.analysis.studies.factors import Values, factors_of, held_together, with_costs
from cluster_sim.analysis.studies.figures import MEAN, MORE_IS_BETTER, UNITS, check_figure, is_lost, log_ratio
from cluster_sim.analysis.studies.indices import Floats, design_of
from cluster_sim.analysis.studies.point_evaluator import Evaluator, Figuring, Progress
from cluster_sim.analysis.studies.study_store import open_study, opening
from cluster_sim.experiments.driver import Executor
from cluster_sim.experiments.pools import pool_of
from cluster_sim.platform.profile import FREE_PROFILE, Profile
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import ArrivalSpec, ScenarioSpec
from cluster_sim.scenario.units import format_duration
from cluster_sim.scenario.workload_spec import BootWorkload, LadderVideo, VideoWorkload

NEGLIGIBLE: Final = 0.001
"""Of a figure: a cost that moves none by more, at either end of its range, is held at its value."""
SHORT_NS: Final = 200_000_000
"""Long enough for a dozen frames a guest: prices, not rare events, are what this study is about."""


@dataclass(frozen=True, slots=True)
class AskedCosts:
    """What a sensitivity study is asked; `samples` is the number of base samples, a power of 2."""

    samples: int = 64
    between: str | None = None
    figure: str = MEAN
    group: str | None = None
    as_defined: bool = False


@dataclass(frozen=True, slots=True)
class SensitivityStudy:
    """A finished study: a ranking for each stratum and guest group; `simplified` says how scenarios were cut."""

    directory: Path
    question: str
    figure: str
    unit: str
    samples: int
    simplified: tuple[str, ...]
    rankings: tuple[Ranking, ...]
    points: int


def sensitivity(
    experiment: Experiment,
    asked: AskedCosts,
    results: Path,
    *,
    executor: Executor = "ray",
    actors: int | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> SensitivityStudy:
    """Sample the costs of an experiment's profiles; points are kept below `results` and the study can be resumed.

    StudyError tells what cannot be studied, RunFailedError a point that failed.
    """
    study = prepare_sampling(experiment, asked)
    kept = open_study(results, opening("sensitivity", experiment, dict(asdict(asked))), resume=resume)
    try:
        with pool_of(executor, actors) as pool:
            rankings = study.run(Evaluator(pool, kept, on_progress))
    except KeyboardInterrupt:
        kept.close("interrupted", [])
        raise
    except Exception:
        kept.close("failed", [])
        raise
    kept.close("complete", [record_of(ranking) for ranking in rankings])
    return SensitivityStudy(
        directory=kept.directory,
        question=experiment.spec.question,
        figure=asked.figure,
        unit=UNITS[asked.figure],
        samples=asked.samples,
        simplified=study.simplified,
        rankings=tuple(rankings),
        points=len(kept.points),
    )


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

    def run(self, figuring: Figuring) -> list[Ranking]:
        """Rankings of all strata, one stratum after the other."""
        return [ranking for stratum in self.strata for ranking in self.rank(stratum, figuring)]

    def rank(self, stratum: Stratum, figuring: Figuring) -> list[Ranking]:
        """At the profile's values, at the ends of each cost's range, then at the samples of those that matter."""
        labels = list(stratum.scenarios)
        name = stratum.title or "all"
        nominal = self.figures(stratum, labels, [{label: {} for label in labels}], figuring, f"{name}: as is")[0]
        pairs = {group: pair for group in self.groups if (pair := self.pair_of(nominal, group)) is not None}
        factors = factors_of(self.profiles[stratum.title].values())
        ends = [factor.at(end) for factor in factors for end in (0.0, 1.0)]
        swung = self.figures(
            stratum, labels, [dict.fromkeys(labels, end) for end in ends], figuring, f"{name}: one at a time"
        )
        effects = [
            Effect(factor, low, high, self.moved(low, nominal) | self.moved(high, nominal))
            for factor, low, high in zip(factors, swung[::2], swung[1::2], strict=True)
        ]
        moving = [effect for effect in effects if effect.moved]
        sampled = self.sample(stratum, moving, pairs, figuring) if moving and pairs else None
        return [
            ranking_of(stratum.title, group, self.figure, pairs.get(group), nominal, moving, sampled)
            for group in self.groups
        ]

    def sample(
        self, stratum: Stratum, moving: Sequence[Effect], pairs: Mapping[str, tuple[str, str]], figuring: Figuring
    ) -> Sampled:
        """Figures of all designs at the base samples, of those of a pair at the mixtures of costs that move one."""
        factors = [effect.factor for effect in moving]
        design = design_of(len(factors), self.samples, self.seed)
        labels = list(stratum.scenarios)
        needed = {label for pair in pairs.values() for label in pair}
        name = stratum.title or "all"

        def at(rows: Floats, of: Sequence[str], stage: str) -> list[ByDesign]:
            every = [self.costs_of(stratum, moving, row, of) for row in rows]
            return self.figures(stratum, of, every, figuring, f"{name}: {stage}")

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
        figuring: Figuring,
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
        found = figuring(stage, points)
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


def prepare_sampling(experiment: Experiment, asked: AskedCosts) -> Sampling:
    """Check what is asked; StudyError tells what is wrong with it."""
    check_figure(asked.figure)
    group = check_group(asked.group, experiment)
    if asked.samples < 2 or asked.samples & (asked.samples - 1):
        above = 1 << max(asked.samples, 2).bit_length()
        raise StudyError(f"--samples: found {asked.samples}, allowed: a power of 2, the next one up is {above}")
    between = None
    if asked.between is not None:
        first, second = (label_of_design(name, experiment) for name in parse_between(asked.between))
        if first == second:
            raise StudyError(f"--between: found {asked.between!r}, which is {first} twice, allowed: two designs")
        between = first, second
    cut, simplified = (experiment, ()) if asked.as_defined else simpler(experiment)
    strata = [one for one in strata_of(cut) if len(one.scenarios) > 1 and set(between or ()) <= set(one.scenarios)]
    if not strata:
        raise StudyError(f"{experiment.source}: found no variants with two designs to compare, allowed: two or more")
    if all(scenario.profile == FREE_PROFILE for one in strata for scenario in one.scenarios.values()):
        raise StudyError(f"{experiment.source}: profile: found {FREE_PROFILE}, which has no costs, allowed: a CPU's")
    return Sampling(
        folder=experiment.source.parent.resolve(),
        seed=experiment.spec.seed,
        samples=asked.samples,
        figure=asked.figure,
        between=between,
        strata=strata,
        groups=[each.name for each in experiment.spec.guests if group in (None, each.name)],
        simplified=simplified,
        profiles={
            one.title: {label: profile_of(scenario) for label, scenario in one.scenarios.items()} for one in strata
        },
    )


def simpler(experiment: Experiment) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment on fewer hosts and for a shorter time, where that changes no guest's surroundings, and how."""
    folder = experiment.source.parent
    cut, told = [], dict[str, None]()
    for variant in experiment.variants:
        scenario, changes = simpler_scenario(variant.scenario)
        if changes and not wrong_with(scenario, folder):
            told |= dict.fromkeys(changes)
            cut.append(replace(variant, scenario=scenario))
        else:
            cut.append(variant)
    return replace(experiment, variants=tuple(cut)), tuple(told)


def simpler_scenario(scenario: ScenarioSpec) -> tuple[ScenarioSpec, list[str]]:
    """One host where hosts are apart and alike; a short time where no guest comes, boots or plays."""
    workloads = [workload for group in scenario.guests for workload in group.workloads]
    told: list[str] = []
    is_apart = all(group.count is None for group in scenario.guests) and not any(
        isinstance(workload, VideoWorkload) and workload.to is not None for workload in workloads
    )
    if is_apart and scenario.cluster.hosts > 1 and not scenario.faults:
        told.append(f"cluster.hosts {scenario.cluster.hosts} taken as 1")
        scenario = scenario.model_copy(update={"cluster": scenario.cluster.model_copy(update={"hosts": 1})})
    settles = all(group.arrive == ArrivalSpec() for group in scenario.guests) and not any(
        isinstance(workload, BootWorkload) or isinstance(getattr(workload, "source", None), LadderVideo)
        for workload in workloads
    )
    if settles and scenario.duration > SHORT_NS and not scenario.faults:
        told.append(f"duration {format_duration(scenario.duration)} taken as {format_duration(SHORT_NS)}")
        shorter = {"duration": SHORT_NS, "window": min(scenario.window, SHORT_NS)}
        scenario = scenario.model_copy(update=shorter)
    return scenario, told


def record_of(ranking: Ranking) -> dict[str, JsonValue]:
    """A ranking as plain data."""
    return {
        "stratum": ranking.stratum,
        "guest_group": ranking.group,
        "figure": ranking.figure,
        "pair": None if ranking.pair is None else list(ranking.pair),
        "ratio": finite(ranking.ratio),
        "shares": dict(ranking.shares),
        "tied": ranking.tied,
        "pair_share": finite(ranking.pair_share),
        "lost_samples": ranking.lost_samples,
        "costs": [record_of_cost(cost) for cost in ranking.costs],
    }


def record_of_cost(cost: CostResult) -> dict[str, JsonValue]:
    """What a cost does, as plain data."""
    indices = cost.indices
    return {
        "name": cost.factor.name,
        "confidence": cost.factor.confidence,
        "source": cost.factor.costs[0].source,
        "ratio_low": finite(cost.ratio_low),
        "ratio_high": finite(cost.ratio_high),
        "first": None if indices is None else [indices.first.value, indices.first.low, indices.first.high],
        "total": None if indices is None else [indices.total.value, indices.total.low, indices.total.high],
        "turns": cost.turns,
        "decides": cost.decides,
    }


def finite(value: float) -> float | None:
    """A number as JSON has it."""
    return value if math.isfinite(value) else None
