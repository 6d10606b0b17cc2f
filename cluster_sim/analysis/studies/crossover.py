"""Where two designs cross: the value of one field from which on the other is ahead, in each stratum and guest group."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.crossing_search import Crossing, Span, crossings_of, next_values
from cluster_sim.analysis.studies.designs import (
    Stratum,
    check_group,
    label_of_design,
    parse_between,
    points_of,
    strata_of,
    wrong_with,
)
from cluster_sim.analysis.studies.figures import MEAN, MORE_IS_BETTER, UNITS, Sample, check_figure, log_ratio, sample_of
from cluster_sim.analysis.studies.point_evaluator import Evaluator, Figuring, Progress
from cluster_sim.analysis.studies.study_store import Kept, open_study, opening
from cluster_sim.analysis.studies.varied_field import Varied, varied
from cluster_sim.experiments.driver import Executor
from cluster_sim.experiments.pools import pool_of
from cluster_sim.results.atomic_file import replacing
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.spec import ScenarioSpec

ROUNDS_MOST: Final = 60
SHRINKS_MOST: Final = 40
NEARER: Final = 0.85
TABLE: Final = "crossover.parquet"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a crossover is asked: the field to vary with its range, the designs, the figure."""

    vary: str
    between: str
    figure: str = MEAN
    group: str | None = None
    grid: int = 9
    precision: float = 0.01
    replications: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """What was found in one stratum for one guest group: ratios by step, crossings, in steps of `varied`."""

    stratum: str
    group: str
    samples: Mapping[int, Sample]
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, slots=True)
class CrossoverStudy:
    """A finished search: the first design's figure over the second's, along the varied field."""

    directory: Path
    question: str
    figure: str
    unit: str
    between: tuple[str, str]
    varied: Varied
    span: Span
    replications: int
    curves: tuple[Curve, ...]
    points: int


def crossover(
    experiment: Experiment,
    asked: Asked,
    results: Path,
    *,
    executor: Executor = "ray",
    actors: int | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> CrossoverStudy:
    """Find where two designs of an experiment cross; points are kept below `results` and the study can be resumed.

    StudyError tells what cannot be studied, RunFailedError a point that failed.
    """
    search = prepare(experiment, asked)
    kept = open_study(results, opening("crossover", experiment, plain(asked)), resume=resume)
    try:
        with pool_of(executor, actors) as pool:
            found = search.run(Evaluator(pool, kept, on_progress))
    except KeyboardInterrupt:
        kept.close("interrupted", [])
        raise
    except Exception:
        kept.close("failed", [])
        raise
    study = CrossoverStudy(
        directory=kept.directory,
        question=experiment.spec.question,
        figure=asked.figure,
        unit=UNITS[asked.figure],
        between=search.between,
        varied=search.varied,
        span=search.span,
        replications=search.replications,
        curves=tuple(found),
        points=len(kept.points),
    )
    write(study, kept)
    return study


def plain(asked: Asked) -> dict[str, JsonValue]:
    """What was asked, as plain data."""
    return dict(asdict(asked))


@dataclass
class Search:
    """A search that has been checked and can be run: strata with both designs, a field, a span of its steps."""

    folder: Path
    seed: int
    replications: int
    figure: str
    between: tuple[str, str]
    varied: Varied
    span: Span
    strata: Sequence[Stratum]
    groups: Sequence[str]
    samples: dict[tuple[str, str], dict[int, Sample]] = field(default_factory=dict)

    def run(self, figuring: Figuring) -> list[Curve]:
        """Round by round, the points that all strata and groups ask for at once."""
        self.samples = {(stratum.title, group): {} for stratum in self.strata for group in self.groups}
        for number in range(ROUNDS_MOST):
            wanted = self.wanted()
            if not wanted:
                break
            self.evaluate(f"round {number + 1}", wanted, figuring)
        return [
            Curve(stratum, group, dict(sorted(samples.items())), tuple(crossings_of(samples, self.span)))
            for (stratum, group), samples in self.samples.items()
        ]

    def wanted(self) -> list[tuple[Stratum, int]]:
        """Strata and steps that some group's search asks for next."""
        found: dict[tuple[str, int], Stratum] = {}
        for stratum in self.strata:
            for group in self.groups:
                for step in next_values(self.samples[stratum.title, group], self.span):
                    found[stratum.title, step] = stratum
        return [(stratum, step) for (_, step), stratum in found.items()]

    def evaluate(self, stage: str, wanted: Sequence[tuple[Stratum, int]], figuring: Figuring) -> None:
        """Run both designs at the wanted steps, and take the ratios of all groups."""
        points: list[Point] = []
        for stratum, step in wanted:
            for label in self.between:
                scenario = checked(self.varied, stratum.scenarios[label], step, self.folder)
                points += points_of(scenario, self.folder, self.seed, self.replications)
        figures = figuring(stage, points)
        for number, (stratum, step) in enumerate(wanted):
            first = 2 * number * self.replications
            mine = figures[first : first + self.replications]
            theirs = figures[first + self.replications : first + 2 * self.replications]
            for group in self.groups:
                logs = [
                    log_ratio(
                        a.get(group, {}).get(self.figure, math.nan),
                        b.get(group, {}).get(self.figure, math.nan),
                        self.figure,
                    )
                    for a, b in zip(mine, theirs, strict=True)
                ]
                self.samples[stratum.title, group][step] = sample_of(logs)


def checked(field: Varied, base: ScenarioSpec, step: int, folder: Path) -> ScenarioSpec:
    """A scenario at a step; StudyError if it cannot be run."""
    scenario = field.scenario(base, step)
    wrong = wrong_with(scenario, folder)
    if wrong:
        raise StudyError(f"--vary {field.name} at {field.shown(step)}: {'; '.join(wrong)}")
    return scenario


def prepare(experiment: Experiment, asked: Asked) -> Search:
    """Check what is asked; StudyError tells what is wrong with it."""
    check_figure(asked.figure)
    group = check_group(asked.group, experiment)
    first, second = (label_of_design(name, experiment) for name in parse_between(asked.between))
    if first == second:
        raise StudyError(f"--between: found {asked.between!r}, which is {first} twice, allowed: two designs")
    name, equals, limits = asked.vary.partition("=")
    strata = with_both(experiment, (first, second), [name])
    if not strata:
        raise StudyError(f"--between: found {asked.between!r}, allowed: designs that meet in some variant")
    folder = experiment.source.parent.resolve()
    field = varied(name, experiment, [strata[0].scenarios[label] for label in (first, second)], group)
    strata = with_both(experiment, (first, second), [name, *field.writes(field.nominal)])
    scenarios = [stratum.scenarios[label] for stratum in strata for label in (first, second)]
    low, high = parse_limits(field, limits) if equals else default_limits(field, scenarios, folder)
    for scenario in scenarios:
        for step in (low, high):
            checked(field, scenario, step, folder)
    only = group or field.group
    return Search(
        folder=folder,
        seed=experiment.spec.seed,
        replications=asked.replications or experiment.spec.replications,
        figure=asked.figure,
        between=(first, second),
        varied=field,
        span=Span(low, high, 3 if field.is_choice else asked.grid, asked.precision),
        strata=strata,
        groups=[each.name for each in scenarios[0].guests if only in (None, each.name)],
    )


def with_both(experiment: Experiment, between: tuple[str, str], without: Sequence[str]) -> list[Stratum]:
    """Strata, by the axes but those that vary, in which both designs are."""
    return [one for one in strata_of(experiment, without) if set(between) <= set(one.scenarios)]


def parse_limits(field: Varied, text: str) -> tuple[int, int]:
    """`64KiB..8MiB` as steps."""
    first, dots, last = (part.strip() for part in text.partition(".."))
    try:
        low, high = field.step_of(first), field.step_of(last)
    except (ValueError, ArithmeticError):
        low, high, dots = 0, 0, ""
    if not dots or not 0 <= low < high:
        example = f"{field.shown(field.nominal)}..{field.shown(2 * field.nominal)}"
        raise StudyError(
            f"--vary {field.name}: found {text!r}, allowed: LOW..HIGH with LOW below HIGH, such as {example}"
        )
    return low, high


def default_limits(field: Varied, scenarios: Sequence[ScenarioSpec], folder: Path) -> tuple[int, int]:
    """As far from the definition's value as scenarios can be run."""

    def fits(step: int) -> bool:
        try:
            return all(checked(field, scenario, step, folder) for scenario in scenarios)
        except StudyError:
            return False

    ends = []
    for end in (field.least, field.most):
        step = end
        for _ in range(SHRINKS_MOST):
            if fits(step) or step == field.nominal:
                break
            step = nearer(step, field)
        ends.append(step)
    if ends[0] >= ends[1]:
        raise StudyError(
            f"--vary {field.name}: found no range around {field.shown(field.nominal)}, allowed: {field.name}=LOW..HIGH"
        )
    return ends[0], ends[1]


def nearer(step: int, field: Varied) -> int:
    """A step some way nearer to the definition's value, by ratio; the next one where there is nothing between."""
    if field.is_choice or abs(step - field.nominal) <= 2 or not step * field.nominal:
        return step + (1 if step < field.nominal else -1)
    middle = round(field.nominal * (step / field.nominal) ** NEARER)
    return middle if middle != step else field.nominal


def write(study: CrossoverStudy, kept: Kept) -> None:
    """The ratios as a table, the crossings as JSON, beside the points."""
    field = study.varied
    rows = [
        {
            "stratum": curve.stratum,
            "guest_group": curve.group,
            "value": field.amount(step),
            "ratio": math.exp(sample.mean),
            "ratio_low": math.exp(sample.low),
            "ratio_high": math.exp(sample.high),
            "replications": sample.replications,
        }
        for curve in study.curves
        for step, sample in curve.samples.items()
    ]
    table = pa.Table.from_pylist(rows)
    with replacing(study.directory / TABLE) as temporary:
        pq.write_table(table, temporary)
    kept.close(
        "complete", [crossing_record(study, curve, crossing) for curve in study.curves for crossing in curve.crossings]
    )


def crossing_record(study: CrossoverStudy, curve: Curve, crossing: Crossing) -> dict[str, JsonValue]:
    """A crossing in the field's own unit."""
    ends = [None if end is None else study.varied.amount(end) for end in (crossing.low, crossing.high)]
    return {
        "stratum": curve.stratum,
        "guest_group": curve.group,
        "at": study.varied.amount(crossing.at),
        "low": ends[0],
        "high": ends[1],
        "unit": study.varied.unit,
        "ahead_before": ahead(study, crossing.before),
        "ahead_after": ahead(study, crossing.after),
        "is_shown": crossing.is_shown,
    }


def ahead(study: CrossoverStudy, sign: int) -> str:
    """The design that is better where the logarithm of the ratio has a sign."""
    is_first = (sign < 0) != (study.figure in MORE_IS_BETTER)
    return study.between[0] if is_first else study.between[1]
