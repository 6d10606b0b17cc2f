"""Which costs decide a ranking of designs, and in what share of the costs' ranges each design is ahead."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.cost_ranking import CostResult, Ranking
from cluster_sim.analysis.studies.cost_sampling import Sampling
from cluster_sim.analysis.studies.designs import (
    check_group,
    label_of_design,
    parse_between,
    strata_of,
)
from cluster_sim.analysis.studies.point_evaluator import Evaluator, Progress
from cluster_sim.analysis.studies.simplification import simpler
from cluster_sim.analysis.studies.study_figures import MEAN, UNITS, check_figure
from cluster_sim.analysis.studies.study_store import open_study, opening
from cluster_sim.experiments.driver import Executor
from cluster_sim.experiments.pools import pool_of
from cluster_sim.platform.profile import FREE_PROFILE
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.load import Experiment


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
    """Sample the costs of an experiment's profiles; points are stored below `results` and the study can be resumed.

    StudyError tells what cannot be studied, RunFailedError a point that failed.
    """
    study = prepare_sampling(experiment, asked)
    store = open_study(results, opening("sensitivity", experiment, dict(asdict(asked))), resume=resume)
    try:
        with pool_of(executor, actors) as pool:
            rankings = study.run(Evaluator(pool, store, on_progress))
    except KeyboardInterrupt:
        store.close("interrupted", [])
        raise
    except Exception:
        store.close("failed", [])
        raise
    store.close("complete", [record_of(ranking) for ranking in rankings])
    return SensitivityStudy(
        directory=store.directory,
        question=experiment.spec.question,
        figure=asked.figure,
        unit=UNITS[asked.figure],
        samples=asked.samples,
        simplified=study.simplified,
        rankings=tuple(rankings),
        points=len(store.points),
    )


def prepare_sampling(experiment: Experiment, asked: AskedCosts) -> Sampling:
    """Check what is asked; StudyError tells what is wrong with it."""
    check_figure(asked.figure)
    group = check_group(asked.group, experiment)
    if asked.samples < 2 or asked.samples & (asked.samples - 1):
        above = 1 << max(asked.samples, 2).bit_length()
        raise StudyError("--samples", found=str(asked.samples), allowed=f"a power of 2, the next one up is {above}")
    between = None
    if asked.between is not None:
        first, second = (label_of_design(name, experiment) for name in parse_between(asked.between))
        if first == second:
            raise StudyError("--between", found=f"{asked.between!r}, which is {first} twice", allowed="two designs")
        between = first, second
    cut, simplified = (experiment, ()) if asked.as_defined else simpler(experiment)
    strata = [one for one in strata_of(cut) if len(one.scenarios) > 1 and set(between or ()) <= set(one.scenarios)]
    if not strata:
        raise StudyError(str(experiment.source), found="no variants with two designs to compare", allowed="two or more")
    if all(scenario.profile == FREE_PROFILE for one in strata for scenario in one.scenarios.values()):
        raise StudyError(
            f"{experiment.source}: profile", found=f"{FREE_PROFILE}, which has no costs", allowed="a CPU's"
        )
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
        "silent": list(ranking.silent),
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
