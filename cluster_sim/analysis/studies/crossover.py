"""Where two designs cross: the value of one field from which on the other is ahead, in each stratum and guest group."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from cluster_sim.analysis.figures import MORE_IS_BETTER
from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.crossing_prices import check_prices, with_prices
from cluster_sim.analysis.studies.crossing_search import Crossing, Span
from cluster_sim.analysis.studies.crossover_rounds import Curve, Search
from cluster_sim.analysis.studies.designs import (
    Stratum,
    check_group,
    label_of_design,
    parse_between,
    strata_of,
)
from cluster_sim.analysis.studies.losses import Stop
from cluster_sim.analysis.studies.point_evaluator import Evaluator, Progress
from cluster_sim.analysis.studies.priced_crossing import TOLD, PricedCrossing
from cluster_sim.analysis.studies.study_figures import MEAN, UNITS, check_figure
from cluster_sim.analysis.studies.study_store import StudyStore, open_study, opening
from cluster_sim.analysis.studies.varied_field import Varied
from cluster_sim.analysis.studies.varied_names import varied
from cluster_sim.analysis.studies.varied_range import default_limits, parse_limits, scenario_at
from cluster_sim.experiments.driver import Executor
from cluster_sim.experiments.pools import pool_of
from cluster_sim.results.atomic_file import replacing
from cluster_sim.scenario.load import Experiment

TABLE: Final = "crossover.parquet"
PRICES_TABLE: Final = "crossover_prices.parquet"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a crossover is asked: the field to vary with its range, the designs, the figure.

    `prices` is the number of joint samples of the costs over which crossings are told besides; 0 for none.
    """

    vary: str
    between: str
    figure: str = MEAN
    group: str | None = None
    grid: int = 9
    precision: float = 0.01
    replications: int | None = None
    prices: int = 0


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
    prices: int
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
    """Find where two designs of an experiment cross; points are stored below `results` and the study can be resumed.

    StudyError tells what cannot be studied, RunFailedError a point that failed.
    """
    search = prepare(experiment, asked)
    store = open_study(results, opening("crossover", experiment, plain(asked)), resume=resume)
    try:
        with pool_of(executor, actors) as pool:
            evaluate = Evaluator(pool, store, on_progress)
            found = search.run(evaluate)
            if asked.prices:
                found = with_prices(search, found, asked.prices, evaluate)
    except KeyboardInterrupt:
        store.close("interrupted", [])
        raise
    except Exception:
        store.close("failed", [])
        raise
    study = CrossoverStudy(
        directory=store.directory,
        question=experiment.spec.question,
        figure=asked.figure,
        unit=UNITS[asked.figure],
        between=search.between,
        varied=search.varied,
        span=search.span,
        replications=search.replications,
        prices=asked.prices,
        curves=tuple(found),
        points=len(store.points),
    )
    write(study, store)
    return study


def plain(asked: Asked) -> dict[str, JsonValue]:
    """What was asked, as plain data."""
    return dict(asdict(asked))


def prepare(experiment: Experiment, asked: Asked) -> Search:
    """Check what is asked; StudyError tells what is wrong with it."""
    check_figure(asked.figure)
    check_prices(asked.prices)
    group = check_group(asked.group, experiment)
    first, second = (label_of_design(name, experiment) for name in parse_between(asked.between))
    if first == second:
        raise StudyError("--between", found=f"{asked.between!r}, which is {first} twice", allowed="two designs")
    name, equals, limits = asked.vary.partition("=")
    strata = with_both(experiment, (first, second), [name])
    if not strata:
        raise StudyError("--between", found=repr(asked.between), allowed="designs that meet in some variant")
    folder = experiment.source.parent.resolve()
    field = varied(name, experiment, [strata[0].scenarios[label] for label in (first, second)], group)
    strata = with_both(experiment, (first, second), [name, *field.writes(field.nominal)])
    scenarios = [stratum.scenarios[label] for stratum in strata for label in (first, second)]
    low, high = parse_limits(field, limits) if equals else default_limits(field, scenarios, folder)
    for scenario in scenarios:
        for step in (low, high):
            scenario_at(field, scenario, step, folder)
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


def write(study: CrossoverStudy, store: StudyStore) -> None:
    """The ratios and the samples of the costs as tables, the crossings as JSON, beside the points."""
    write_table(study, TABLE, ratio_rows(study))
    if study.prices:
        write_table(study, PRICES_TABLE, price_rows(study))
    found = []
    for curve in study.curves:
        priced = {one.crossing: price_record(study, one) for one in curve.prices}
        found += [crossing_record(study, curve, crossing) | priced.get(crossing, {}) for crossing in curve.crossings]
        found += [stop_record(study, curve, stop) for stop in curve.stops]
    store.close("complete", found)


def write_table(study: CrossoverStudy, name: str, rows: Sequence[Mapping[str, JsonValue]]) -> None:
    """Rows as Parquet."""
    table = pa.Table.from_pylist(list(rows))
    with replacing(study.directory / name) as temporary:
        pq.write_table(table, temporary)


def ratio_rows(study: CrossoverStudy) -> list[dict[str, JsonValue]]:
    """The ratio with its interval at each value."""
    return [
        {
            "stratum": curve.stratum,
            "guest_group": curve.group,
            "value": study.varied.amount(step),
            "ratio": math.exp(sample.mean),
            "ratio_low": math.exp(sample.low),
            "ratio_high": math.exp(sample.high),
            "replications": sample.replications,
        }
        for curve in study.curves
        for step, sample in curve.samples.items()
    ]


def price_rows(study: CrossoverStudy) -> list[dict[str, JsonValue]]:
    """Where each crossing lies at each sample of the costs; where it has none, who is ahead throughout, if anybody."""
    return [
        {
            "stratum": curve.stratum,
            "guest_group": curve.group,
            "crossing": number,
            "sample": sample,
            "at": study.varied.amount(step) if math.isfinite(step) else None,
            "ahead_throughout": ahead(study, one.before if step > 0 else -one.before) if math.isinf(step) else None,
        }
        for curve in study.curves
        for number, one in enumerate(curve.prices)
        for sample, step in enumerate(one.at)
    ]


def price_record(study: CrossoverStudy, priced: PricedCrossing) -> dict[str, JsonValue]:
    """A crossing over the costs' ranges in the field's own unit; None for an end that lies beyond the range."""
    ends = [priced.quantile(share) for share in TOLD]
    low, median, high = (study.varied.amount(end) if math.isfinite(end) else None for end in ends)
    return {
        "samples": len(priced.at),
        "samples_crossed": priced.crossed,
        "samples_ahead_throughout": {
            ahead(study, sign): priced.ahead_throughout(sign) for sign in (priced.before, -priced.before)
        },
        "price_low": low,
        "price_median": median,
        "price_high": high,
    }


def crossing_record(study: CrossoverStudy, curve: Curve, crossing: Crossing) -> dict[str, JsonValue]:
    """A crossing in the field's own unit."""
    ends = [None if end is None else study.varied.amount(end) for end in (crossing.low, crossing.high)]
    return {
        "kind": "crossing",
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


def stop_record(study: CrossoverStudy, curve: Curve, stop: Stop) -> dict[str, JsonValue]:
    """Where a design stops delivering, or sustaining what it is offered, in the field's own unit."""
    low, high = (None if end is None else study.varied.amount(end) for end in (stop.low, stop.high))
    return {
        "kind": "stop",
        "stratum": curve.stratum,
        "guest_group": curve.group,
        "design": study.between[stop.design],
        "says": stop.loss.says,
        "why": stop.loss.why,
        "side": stop.side,
        "low": low,
        "high": high,
        "unit": study.varied.unit,
        "sentence": stop_sentence(study, stop),
    }


def stop_sentence(study: CrossoverStudy, stop: Stop) -> str:
    """Such as `swiotlb delivers nothing above 67,281,280 B: its 64 MiB pool cannot hold the frame`."""
    says = f"{study.between[stop.design]} {stop.loss.says}"
    if stop.low is None or stop.high is None:
        return f"{says} anywhere in the range: {stop.loss.why}"
    if study.span.is_narrow(stop.low, stop.high):
        return f"{says} {stop.side} {study.varied.shown(stop.at(study.span))}: {stop.loss.why}"
    ends = (stop.high, stop.low) if stop.side == "above" else (stop.low, stop.high)
    lost, delivered = (study.varied.shown(end) for end in ends)
    return f"{says} at {lost} and {stop.side}, while it does at {delivered}: {stop.loss.why}"


def ahead(study: CrossoverStudy, sign: int) -> str:
    """The design that is better where the logarithm of the ratio has a sign."""
    is_first = (sign < 0) != (study.figure in MORE_IS_BETTER)
    return study.between[0] if is_first else study.between[1]
