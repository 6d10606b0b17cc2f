"""Ratios, differences and effects of pairs against pencil and paper."""

import math

import numpy as np
import pytest

from cluster_sim.analysis.paired import Pairs, difference, effect_size, interval, ratio

T_2 = 4.302652729911275
"""Student's t at 97.5 % with two degrees of freedom."""


def test_a_ratio_is_the_geometric_mean_of_pairs_with_a_t_interval_of_their_logarithms() -> None:
    found = ratio([(2.0, 1.0), (8.0, 1.0), (4.0, 1.0)])
    assert found is not None
    half = T_2 * math.log(2) / math.sqrt(3)
    assert found.mean == pytest.approx(4)
    assert (found.low, found.high) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)))
    assert found.half_width == pytest.approx(math.exp(half) - 1)
    assert found.spread == pytest.approx(math.log(2))
    assert (found.replications, found.method) == (3, "t")


def test_a_difference_is_the_mean_of_differences_with_a_t_interval() -> None:
    found = difference([(2.0, 1.0), (0.0, 1.0), (6.0, 3.0)])
    assert found is not None
    half = T_2 * 2 / math.sqrt(3)
    assert found.mean == pytest.approx(1)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half))
    assert not found.shows_difference


def test_equal_pairs_have_an_interval_without_width() -> None:
    found = ratio([(3.0, 6.0), (1.0, 2.0)])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.5, 0.5))
    assert found.shows_difference


@pytest.mark.parametrize(
    ("pairs", "shows"),
    [
        ([(1.0, 1.0)] * 3, False),
        ([(1.01, 1.0)] * 3, True),
        ([(1.1, 1.0), (1.2, 1.0), (1.15, 1.0)], True),
        ([(1.1, 1.0), (0.9, 1.0), (1.0, 1.0)], False),
        ([(0.1 + 0.2, 0.3), (0.3, 0.3), (0.3, 0.1 + 0.2)], False),
        ([(0.1 + 0.2, 0.3)] * 3, False),
        ([(2.0, 1.0)], False),
    ],
)
def test_a_difference_is_shown_where_the_interval_leaves_1_out_and_rounding_is_none(
    pairs: Pairs, *, shows: bool
) -> None:
    found, apart = ratio(pairs), difference(pairs)
    assert found is not None
    assert apart is not None
    assert found.shows_difference == apart.shows_difference == shows


def test_the_steps_of_a_figure_widen_its_interval_each_way() -> None:
    found = ratio([(1.005, 1.0)] * 3, resolution=0.01)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((1.005 / 1.01, 1.005 * 1.01))
    assert not found.shows_difference
    apart = difference([(1.005, 0.995)] * 3, resolution=0.02)
    assert apart is not None
    assert (apart.low, apart.high) == pytest.approx((-0.01, 0.03))


@pytest.mark.parametrize("pairs", [[(3.0, 6.0)], [(3.0, 3.0), (1.0, 4.0)]])
def test_one_pair_or_two_that_differ_have_a_ratio_but_no_interval(pairs: Pairs) -> None:
    found = ratio(pairs)
    assert found is not None
    assert found.mean == pytest.approx(0.5)
    assert math.isnan(found.low)
    assert math.isnan(found.half_width)
    assert not found.has_interval
    assert not found.shows_difference
    assert not found.is_deterministic
    apart = difference(pairs)
    assert apart is not None
    assert math.isnan(apart.low)
    assert not apart.shows_difference


def test_what_is_equal_in_all_of_several_replications_is_deterministic_whatever_steps_it_has() -> None:
    for pairs, resolution in (([(3.0, 6.0), (1.0, 2.0)], 0.0), ([(3.0, 6.0)] * 5, 0.008)):
        found = ratio(pairs, resolution=resolution)
        assert found is not None
        assert found.is_deterministic
        assert found.has_interval
    moved = ratio([(3.0, 6.0), (1.0, 2.0), (1.0, 2.001)])
    assert moved is not None
    assert not moved.is_deterministic


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, 0.0)], [(math.nan, 1.0)], [(1.0, 1.0), (math.inf, 1.0)]])
def test_a_ratio_of_nothing_is_undefined(pairs: Pairs) -> None:
    assert ratio(pairs) is None


def test_a_difference_is_defined_where_a_side_is_0_and_not_where_one_is_not_a_number() -> None:
    found = difference([(0.0, 2.0), (0.0, 2.0)])
    assert found is not None
    assert (found.mean, found.low, found.high) == (-2, -2, -2)
    assert difference([(0.0, math.nan)]) is None
    assert difference([]) is None


def test_an_effect_is_the_mean_over_the_spread_corrected_for_few_values() -> None:
    """With four degrees of freedom Hedges' factor is Γ(2) / (√2 Γ(1.5)) = 1 / (√2 · √π / 2)."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert effect_size(values) == pytest.approx(3 / math.sqrt(2.5) / (math.sqrt(2) * math.sqrt(math.pi) / 2))
    assert effect_size(-values) == pytest.approx(-effect_size(values))


def test_an_effect_without_spread_is_infinite_or_none_and_two_values_have_none() -> None:
    assert effect_size(np.full(3, -2.0)) == -math.inf
    assert effect_size(np.zeros(3)) == 0
    assert math.isnan(effect_size(np.array([1.0, 2.0])))


def test_a_bootstrap_is_the_same_each_time_and_t_where_there_are_too_few() -> None:
    values = np.array([0.0, 1, 2, 3, 4, 5, 6, 20])
    mean, low, high, method = interval(values, "bootstrap")
    assert interval(values, "bootstrap") == (mean, low, high, method)
    assert method == "bootstrap"
    assert high - mean > mean - low, "BCa follows the skew, t does not"
    assert interval(values[:7], "bootstrap") == interval(values[:7], "t")
    assert interval(np.ones(9), "bootstrap") == (1, 1, 1, "t")
