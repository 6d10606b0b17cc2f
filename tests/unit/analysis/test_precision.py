"""How many replications a precision needs, against the formula, and when running stops."""

import math

import pytest

from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.paired import FEWEST, Ratio, t_factor
from cluster_sim.analysis.precision import FIRST, Need, need, replications_for, run_until


def ratio(spread: float, replications: int = 3, resolution: float = 0.0) -> Ratio:
    half = 0.0 if replications < 2 else t_factor(replications) * spread / math.sqrt(replications)
    half += math.log1p(resolution)
    low, high = (math.nan, math.nan) if replications < 2 else (math.exp(-half), math.exp(half))
    return Ratio(1.0, low, high, replications, spread, 0.0, "t", resolution)


def row(ratios: dict[str, Ratio | None], replications: int = 3, *, is_baseline: bool = False) -> Row:
    return Row("v", {}, "g", {}, ratios, is_baseline, replications=replications)


@pytest.mark.parametrize("spread", [0.001, 0.02, 0.05, 0.3])
@pytest.mark.parametrize("precision", [0.005, 0.02, 0.1])
def test_the_replications_needed_are_the_fewest_whose_interval_is_narrow_enough(
    spread: float, precision: float
) -> None:
    count = replications_for(ratio(spread), precision)
    assert count is not None

    def half(n: int) -> float:
        return math.exp(t_factor(n) * spread / math.sqrt(n)) - 1

    assert half(count) <= precision * (1 + 1e-6)
    assert count == FEWEST or half(count - 1) > precision


def test_a_large_sample_needs_what_the_normal_distribution_says() -> None:
    count = replications_for(ratio(0.5), 0.02)
    assert count == pytest.approx((1.95996 * 0.5 / math.log(1.02)) ** 2, rel=0.002)


@pytest.mark.parametrize("spread", [math.nan])
def test_without_a_spread_nothing_is_said(spread: float) -> None:
    assert replications_for(ratio(spread, 1), 0.02) is None


def test_a_spread_of_nothing_needs_two() -> None:
    assert replications_for(ratio(0.0), 0.0001) == 2


def test_steps_as_wide_as_the_precision_are_named_and_take_room_otherwise() -> None:
    assert replications_for(ratio(0.01, resolution=0.02), 0.02) is None
    finer = replications_for(ratio(0.01, resolution=0.01), 0.02)
    assert finer == replications_for(ratio(0.01), 1.02 / 1.01 - 1)
    found = need([row({"p50": ratio(0.01, resolution=0.02), "p99": ratio(0.01)})], 0.02)
    assert (found.coarse, found.figure, found.judged) == (("p50",), "p99", 1)


def test_the_ratio_that_needs_most_is_named_and_baselines_are_left_out() -> None:
    calm, wild = row({"p50": ratio(0.01), "p99": None}), row({"p99": ratio(0.04)})
    found = need([row({"p50": ratio(9.0)}, is_baseline=True), calm, wild], 0.02)
    assert (found.row, found.figure, found.there) == (wild, "p99", 3)
    assert found.replications == replications_for(ratio(0.04), 0.02)
    assert (found.judged, found.within) == (2, 0)
    assert need([row({"p50": ratio(0.001)})], 0.02).within == 1


def run(spread: float, most: int, there: int = 3) -> tuple[list[int], Need]:
    """Numbers of replications that were run to, when the spread is the same throughout."""
    counts = [there]
    found = run_until(
        0.02,
        most,
        lambda: [row({"p50": ratio(spread if counts[-1] > 1 else math.nan, counts[-1])}, counts[-1])],
        lambda wanted, _: counts.append(wanted),
    )
    return counts[1:], found


def test_running_stops_where_the_precision_is_there() -> None:
    counts, found = run(0.05, 500)
    assert counts == [replications_for(ratio(0.05), 0.02)]
    assert found.within == found.judged == 1


def test_no_spread_of_a_few_replications_is_trusted() -> None:
    assert run(0.0001, 500)[0] == [FIRST]
    assert run(0.0001, 500, there=FIRST)[0] == []


def test_one_replication_is_brought_to_enough_to_judge_by() -> None:
    assert run(0.05, 500, there=1)[0] == [FIRST, replications_for(ratio(0.05), 0.02)]


def test_running_stops_at_the_most_that_is_allowed() -> None:
    counts, found = run(0.5, 20)
    assert counts == [20]
    assert found.replications is not None
    assert found.replications > found.there == 20


def test_nothing_is_run_where_nothing_would_become_more_precise() -> None:
    def run_to(wanted: int, _: Need) -> None:
        raise AssertionError(wanted)

    assert run_until(0.02, 50, lambda: [row({"p50": None})], run_to).judged == 0
    coarse = row({"p50": ratio(0.1, resolution=0.02)})
    assert run_until(0.02, 50, lambda: [coarse], run_to).coarse == ("p50",)
