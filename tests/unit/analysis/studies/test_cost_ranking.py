"""Rankings made of figures that are written down by hand."""

import math

import pytest

from cluster_sim.analysis.studies.cost_ranking import ByDesign, Effect, Sampled, ranking_of
from cluster_sim.analysis.studies.factors import Factor
from cluster_sim.platform.provenance import Confidence, Cost

PAIR = ("a", "b")
BOTH = frozenset({("a", "g"), ("b", "g")})


def figures(a: float, b: float) -> ByDesign:
    return {"a": {"g": {"mean": a, "throughput": a}}, "b": {"g": {"mean": b, "throughput": b}}}


def effect(name: str, confidence: Confidence, at_low: ByDesign, at_high: ByDesign) -> Effect:
    return Effect(Factor(name, (Cost(name, 2, "us", 1, 4, "s", confidence),)), at_low, at_high, BOTH)


def test_shares_count_who_is_ahead_of_all_and_ties_are_nobodys() -> None:
    points = [
        figures(1, 2),
        figures(1, 3),
        figures(2, 1),
        figures(2, 2),
        figures(math.nan, 5),
        figures(math.nan, math.nan),
    ]
    ranking = ranking_of("s", "g", "mean", PAIR, figures(1, 2), [], Sampled(1, points[:3], points[3:], {}))
    assert ranking.shares == {"a": pytest.approx(2 / 6), "b": pytest.approx(2 / 6)}
    assert ranking.tied == pytest.approx(2 / 6)
    assert ranking.pair_share == pytest.approx(2 / 6)
    assert ranking.lost_samples == 2


def test_more_throughput_is_ahead() -> None:
    ranking = ranking_of("s", "g", "throughput", PAIR, figures(3, 2), [], None)
    assert ranking.shares == {"a": 1, "b": 0}
    assert ranking.pair_share == 1
    assert ranking.ratio == pytest.approx(1.5)


def test_an_estimate_that_decides_comes_before_a_measurement_that_decides_more() -> None:
    measured = effect("m", "measured", figures(1, 9), figures(9, 1))
    estimated = effect("e", "estimated", figures(1, 2), figures(2, 1))
    harmless = effect("h", "estimated", figures(1, 20), figures(1, 30))
    ranking = ranking_of("s", "g", "mean", PAIR, figures(1, 2), [measured, harmless, estimated], None)
    assert [(cost.factor.name, cost.decides) for cost in ranking.costs] == [("e", True), ("m", True), ("h", False)]
    assert [(cost.ratio_low, cost.ratio_high) for cost in ranking.costs[:1]] == [(0.5, 2)]


def test_a_cost_that_causes_the_variance_decides_only_if_samples_turn_the_order() -> None:
    """The outcome is one cost's share alone: below a half a is ahead, or with a head start always."""

    def sampled(ahead: float) -> Sampled:
        low = [figures(math.exp(share - ahead), 1) for share in (0.1, 0.9, 0.3, 0.7)]
        high = [figures(math.exp(share - ahead), 1) for share in (0.6, 0.2, 0.8, 0.4)]
        return Sampled(1, low, high, {"x": high})

    alone = effect("x", "published", figures(0.6, 1), figures(0.9, 1))
    turning = ranking_of("s", "g", "mean", PAIR, figures(0.8, 1), [alone], sampled(0.5))
    assert [(cost.turns, cost.decides) for cost in turning.costs] == [(False, True)]
    never = ranking_of("s", "g", "mean", PAIR, figures(0.8, 1), [alone], sampled(2))
    assert [(cost.turns, cost.decides) for cost in never.costs] == [(False, False)]
    assert never.pair_share == 1


def test_where_a_design_delivers_nothing_there_are_no_indices() -> None:
    points = [figures(1, 2), figures(math.nan, 2)]
    one = effect("x", "measured", figures(1, 2), figures(math.nan, 2))
    ranking = ranking_of("s", "g", "mean", PAIR, figures(1, 2), [one], Sampled(1, points, points, {"x": points}))
    assert ranking.lost_samples == 2
    assert ranking.costs[0].indices is None
    assert ranking.costs[0].turns
    assert ranking.costs[0].ratio_high == math.inf


def test_with_fewer_than_two_that_deliver_there_is_nothing_to_explain() -> None:
    ranking = ranking_of("s", "g", "mean", None, figures(math.nan, 2), [], None)
    assert ranking.pair is None
    assert ranking.shares == {"a": 0, "b": 1}
    assert ranking.decisive == []
