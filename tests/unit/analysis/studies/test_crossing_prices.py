"""Crossings over the costs' ranges, with an evaluation of which each sample's crossing is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.crossing_prices import with_prices
from cluster_sim.analysis.studies.crossing_search import Crossing
from cluster_sim.analysis.studies.crossover import Asked, prepare
from cluster_sim.analysis.studies.crossover_rounds import Curve
from cluster_sim.analysis.studies.factors import Factor
from cluster_sim.analysis.studies.joint_samples import joint_samples
from cluster_sim.analysis.studies.priced_crossing import PricedCrossing
from cluster_sim.analysis.studies.study_store import ByGroup
from cluster_sim.platform.profile import library
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.path_spec import ConvertPath, KeepSpec
from tests.unit.analysis.studies.lone_guest import lone_guest

FAULT = "gmem.host_fault_4k"
SAMPLES = 20
CROSSING = Crossing(10.0, 9, 11, 1, -1)


@dataclass
class Reckoned:
    """Bouncing takes 100, converting `scale` times the host's fault over the uses: they cross where both are equal."""

    scale: float
    points: list[tuple[str, Point]] = field(default_factory=list)

    def __call__(self, stage: str, points: Sequence[Point]) -> list[ByGroup]:
        self.points += [(stage, point) for point in points]
        return [{"raw": {"mean": self.mean(point)}} for point in points]

    def mean(self, point: Point) -> float:
        path = point.scenario.io_path
        if not isinstance(path, ConvertPath):
            return 100.0
        assert isinstance(path.keep, KeepSpec)
        return 100 * self.scale * fault_of(point) / path.keep.uses


def fault_of(point: Point) -> float:
    replaced = point.scenario.costs.get(FAULT)
    return library()[FAULT].value if replaced is None else replaced.value


def priced(folder: Path, scale: float, asked: str = "keep=1..256") -> tuple[Curve, Reckoned]:
    search = prepare(lone_guest(folder), Asked(asked, "convert-2m,swiotlb", replications=2, prices=SAMPLES))
    evaluate = Reckoned(scale)
    (curve,) = with_prices(search, search.run(evaluate), SAMPLES, evaluate)
    return curve, evaluate


def faults_sampled(seed: int = 0) -> list[float]:
    """The fault's values at the samples; the seed is that of the definition."""
    return [values[FAULT] for values in joint_samples([Factor(FAULT, (library()[FAULT],))], SAMPLES, seed)]


def test_each_sample_crosses_where_its_own_costs_say(tmp_path: Path) -> None:
    """20 uses a microsecond of the fault; brackets are narrow to a use or to a fortieth."""
    curve, evaluate = priced(tmp_path, scale=20)
    (crossing,) = curve.prices
    expected = [20 * fault for fault in faults_sampled(lone_guest(tmp_path).spec.seed)]
    assert crossing.crossing == curve.crossings[0]
    assert crossing.at == pytest.approx(expected, rel=0.03)
    assert crossing.quantile(0.05) == pytest.approx(min(expected), rel=0.03)
    assert crossing.quantile(0.95) == pytest.approx(sorted(expected)[18], rel=0.03)
    assert (crossing.crossed, crossing.ahead_throughout(1), crossing.ahead_throughout(-1)) == (SAMPLES, 0, 0)
    sampled = [point for stage, point in evaluate.points if stage.startswith("prices: ")]
    assert {point.replication for point in sampled} == {0}
    assert all({*point.scenario.costs} >= {FAULT, "copy.zen4_stream"} for point in sampled)


def test_samples_look_around_the_crossing_first_and_further_only_where_it_is_not(tmp_path: Path) -> None:
    """The fault's range is less than twice and half of its value: no sample needs the ends of the span."""
    assert library()[FAULT].high < 2 * library()[FAULT].value
    _, evaluate = priced(tmp_path, scale=20)
    steps = [
        point.scenario.io_path.keep.uses
        for stage, point in evaluate.points
        if stage == "prices: round 1"
        if isinstance(point.scenario.io_path, ConvertPath) and isinstance(point.scenario.io_path.keep, KeepSpec)
    ]
    at = 20 * library()[FAULT].value
    assert set(steps) == {round(at / 2), round(at * 2)}
    assert not [stage for stage, _ in evaluate.points if "whole range" in stage]


def test_samples_without_a_crossing_say_who_is_ahead_throughout(tmp_path: Path) -> None:
    """At the table's fault they cross at 250 of 256 uses; a fault dearer by 1/40 and more does so nowhere."""
    fault = library()[FAULT].value
    curve, evaluate = priced(tmp_path, scale=250 / fault)
    dearer = sum(each > fault * 256 / 250 for each in faults_sampled(lone_guest(tmp_path).spec.seed))
    (crossing,) = curve.prices
    assert dearer > 1
    assert crossing.ahead_throughout(crossing.before) == dearer == SAMPLES - crossing.crossed
    assert crossing.ahead_throughout(-crossing.before) == 0
    assert crossing.quantile(0.95) == math.inf
    assert [stage for stage, _ in evaluate.points if "whole range" in stage]


def test_where_the_tables_prices_cross_nowhere_samples_still_may(tmp_path: Path) -> None:
    """At the table's fault they would cross at 257 of 256 uses, and do at cheaper ones."""
    fault = library()[FAULT].value
    curve, _ = priced(tmp_path, scale=257 / fault)
    cheaper = sum(each < fault * 256 / 257 for each in faults_sampled(lone_guest(tmp_path).spec.seed))
    (crossing,) = curve.prices
    assert curve.crossings == ()
    assert crossing.crossing is None
    assert 0 < crossing.crossed == cheaper < SAMPLES


def test_a_cost_that_the_study_varies_is_not_sampled(tmp_path: Path) -> None:
    """Converting takes 100 a microsecond of the fault: all samples cross at 1 us."""
    curve, evaluate = priced(tmp_path, scale=1, asked=f"costs.{FAULT}=0.5..2")
    (crossing,) = curve.prices
    ratios = [step / curve.crossings[0].at for step in crossing.at]
    assert ratios == pytest.approx([1.0] * SAMPLES, rel=0.01)
    sampled = [point for stage, point in evaluate.points if stage.startswith("prices: ")]
    assert {point.scenario.costs[FAULT].why for point in sampled} == {"varied by a study"}


def test_samples_go_through_each_range_evenly_and_move_each_cost_alone() -> None:
    """Once in each twentieth of the logarithms; another cost beside it, or behind it, changes none of its values."""
    costs = [Factor(name, (library()[name],)) for name in (FAULT, "gmem.zap_4k_bulk")]
    cost = library()[FAULT]
    both = joint_samples(costs, SAMPLES, 1)
    alone = [values[FAULT] for values in both]
    parts = [int(SAMPLES * math.log(each / cost.low) / math.log(cost.high / cost.low)) for each in alone]
    assert sorted(parts) == list(range(SAMPLES))
    assert alone == faults_sampled(1)
    assert alone != faults_sampled(2)
    assert joint_samples([], SAMPLES, 1) == [{}] * SAMPLES


def test_quantiles_count_samples_beyond_the_range_and_leave_out_what_is_unclear() -> None:
    """Of 10 known: the first lies below, the last two above; 5 % is the first, the median the fifth."""
    at = (math.nan, -math.inf, 7.0, 5.0, 3.0, 4.0, 6.0, 8.0, 9.0, math.inf, math.inf)
    crossing = PricedCrossing(CROSSING, 1, at)
    assert [crossing.quantile(share) for share in (0.05, 0.1, 0.11, 0.5, 0.8, 0.81, 0.95)] == [
        -math.inf, -math.inf, 3.0, 6.0, 9.0, math.inf, math.inf,
    ]  # fmt: skip
    assert (crossing.crossed, crossing.ahead_throughout(1), crossing.ahead_throughout(-1)) == (7, 2, 1)
    assert not crossing.is_mostly_beyond
    assert PricedCrossing(CROSSING, 1, (*at, *[math.inf] * 4)).is_mostly_beyond
    assert math.isnan(PricedCrossing(None, 1, (math.nan,)).quantile(0.5))


def test_too_few_samples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="--prices: found 9, allowed: 0, or 10 samples or more"):
        prepare(lone_guest(tmp_path), Asked("keep", "convert-2m,swiotlb", prices=9))
