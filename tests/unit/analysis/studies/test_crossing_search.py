"""The search for crossings on functions whose crossings are known."""

import math
from collections.abc import Callable

import pytest

from cluster_sim.analysis.log_ratios import Sample, log_ratio, sample_of
from cluster_sim.analysis.studies.crossing_search import Crossing, Span, crossings_of, grid_of, next_values

ROUNDS = 60


def exact(mean: float) -> Sample:
    return Sample(mean, mean, mean, 1)


def search(function: Callable[[int], Sample], span: Span) -> tuple[list[Crossing], int]:
    """What is found, and how many values it took; fails when the search does not come to an end."""
    samples: dict[int, Sample] = {}
    for _ in range(ROUNDS):
        wanted = next_values(samples, span)
        if not wanted:
            return crossings_of(samples, span), len(samples)
        assert not set(wanted) & set(samples)
        assert all(span.low <= value <= span.high for value in wanted)
        samples |= {value: function(value) for value in wanted}
    raise AssertionError(samples)


def test_the_grid_has_both_ends_and_even_ratios() -> None:
    assert grid_of(Span(1, 256, 9)) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert grid_of(Span(0, 100, 5)) == [0, 25, 50, 75, 100]
    assert grid_of(Span(3, 5, 9)) == [3, 4, 5]
    assert grid_of(Span(7, 7, 9)) == [7]


@pytest.mark.parametrize("at", [3.7, 1234.5, 999_983.0, 70_000_000.25])
def test_one_crossing_of_a_smooth_ratio_is_found_within_a_thousandth(at: float) -> None:
    found, values = search(lambda x: exact(math.log(x / at) ** 3 + math.log(x / at)), Span(1, 10**9, 9, 0.001))
    assert [(each.before, each.after, each.is_shown) for each in found] == [(-1, 1, True)]
    assert found[0].at == pytest.approx(at, rel=0.001, abs=0.5)
    assert found[0].low is not None
    assert found[0].high is not None
    assert found[0].low <= at <= found[0].high
    assert values < 40


def test_a_step_is_bracketed_by_neighbours() -> None:
    found, _ = search(lambda x: exact(-1.0 if x < 6149 else math.inf), Span(1, 1 << 20, 9, 1e-6))
    assert [(each.low, each.high) for each in found] == [(6148, 6149)]


def test_a_span_from_zero_is_cut_evenly() -> None:
    found, _ = search(lambda x: exact(x - 40.5), Span(0, 1000))
    assert [(each.low, each.high) for each in found] == [(40, 41)]
    assert found[0].at == pytest.approx(40.5)


def test_several_crossings_are_all_found_and_a_touch_is_none() -> None:
    found, _ = search(lambda x: exact(-math.cos(math.pi * math.log10(x))), Span(1, 1000, 13, 0.001))
    assert [round(math.log10(each.at), 3) for each in found] == [0.5, 1.5, 2.5]
    assert [each.before for each in found] == [-1, 1, -1]
    assert search(lambda x: exact(abs(x - 8.0)), Span(1, 64, 7))[0] == []


def test_nobody_is_ahead_where_both_are_equal() -> None:
    assert search(lambda _: exact(0.0), Span(1, 64, 7))[0] == []
    found, _ = search(lambda x: exact(min(x - 20, 0) + max(x - 40, 0)), Span(1, 1000, 20, 0.001))
    assert [(each.low, each.high) for each in found] == [(19, 41)]
    assert 20 <= found[0].at <= 40


def test_the_interval_of_a_crossing_is_where_the_sign_is_not_shown() -> None:
    """The ratio is exp(log(x / 1000)) known within 10 %: shown from 1000 e^-0.1 = 904.8 down, 1105.2 up."""
    found, _ = search(
        lambda x: Sample(math.log(x / 1000), math.log(x / 1000) - 0.1, math.log(x / 1000) + 0.1, 3),
        Span(10, 100_000, 9, 0.01),
    )
    assert len(found) == 1
    assert found[0].at == pytest.approx(1000, rel=0.001)
    assert found[0].low == pytest.approx(904.8, rel=0.01)
    assert found[0].high == pytest.approx(1105.2, rel=0.01)


def test_a_crossing_whose_far_side_is_never_shown_says_so() -> None:
    found, _ = search(
        lambda x: Sample(math.log(x / 90), math.log(x / 90) - 0.5, math.log(x / 90) + 0.5, 3), Span(1, 100)
    )
    assert [(each.high, each.is_shown) for each in found] == [(None, False)]


def test_noise_that_turns_the_mean_many_times_is_one_crossing() -> None:
    """Around 1000 the mean's sign depends on whether the value is even, within an interval of 20 %."""

    def noisy(x: int) -> Sample:
        mean = math.log(x / 1000) + (0.1 if x % 2 else -0.1)
        return Sample(mean, mean - 0.2, mean + 0.2, 3)

    found, _ = search(noisy, Span(10, 100_000))
    assert len(found) == 1
    assert found[0].at == pytest.approx(1000, rel=0.25)
    assert found[0].is_shown


def test_values_of_which_nothing_is_known_are_passed_over() -> None:
    found, _ = search(lambda x: sample_of([math.nan]) if x > 500 else exact(math.log(x / 50)), Span(1, 1000))
    assert [round(each.at) for each in found] == [50]


def test_who_delivers_nothing_is_infinitely_worse() -> None:
    assert log_ratio(math.nan, 5.0, "mean") == math.inf
    assert log_ratio(5.0, math.nan, "mean") == -math.inf
    assert math.isnan(log_ratio(math.nan, math.nan, "mean"))
    assert log_ratio(0.0, 5.0, "throughput") == -math.inf
    assert log_ratio(2.0, 2.0, "mean") == 0
    assert log_ratio(math.e, 1.0, "mean") == pytest.approx(1.0)


def test_a_sample_is_the_mean_of_logarithms_with_its_t_interval() -> None:
    """Three logs 1, 2, 3: mean 2, standard error 1/sqrt(3), t of 2 degrees of freedom 4.3027."""
    found = sample_of([1.0, 2.0, 3.0])
    assert found.mean == pytest.approx(2.0)
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3))
    assert found.shown == 0
    assert found.sign == 1
    assert sample_of([1.5]).shown == 1
    assert sample_of([1.0, 2.0]) == Sample(1.5, 1.5, 1.5, 2), "two have no interval"
    assert sample_of([math.inf, math.inf]).shown == 1
    assert sample_of([math.inf, 1.0]).shown == 0
