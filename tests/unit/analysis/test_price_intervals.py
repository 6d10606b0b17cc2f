"""Price intervals: order statistics by hand, intervals of figures that are known, and what is run for them."""

import math

import pytest

from cluster_sim.analysis.price_intervals.interval import PriceInterval, around, central
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals, SampledFigure
from cluster_sim.analysis.price_intervals.price_study import check_samples
from cluster_sim.analysis.price_intervals.price_text import price_text
from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.run_reading import RunReading
from tests.unit.analysis.synthetic_runs import FRAMES, GuestRow, synthetic


@pytest.mark.parametrize(
    ("count", "rank"), [(20, 1), (40, 1), (79, 1), (80, 2), (119, 3), (159, 4)]
)  # 40 in each (N + 1) are left out at an end, of 80 samples or more
def test_ends_are_the_order_statistics_that_leave_out_one_in_forty_at_each_end(count: int, rank: int) -> None:
    scattered = [(7 * number) % count for number in range(count)]  # 7 divides none of the counts but 119
    values = scattered if len(set(scattered)) == count else list(range(count))[::-1]
    assert central(values) == (rank - 1, count - rank)


def test_a_ratio_moves_by_factors_and_never_leaves_its_interval() -> None:
    low, high = around(0.5, [math.log(2), math.log(3)])
    assert [low, high] == pytest.approx([0.5, 1.5]), "all samples are above it, and still it is held"
    low, high = around(0.5, [0.0, 0.0], resolution=0.01)
    assert [low, high] == pytest.approx([0.5 / 1.01, 0.5 * 1.01]), "never narrower than the histogram"


def test_the_other_side_of_a_ratio_has_the_inverse_ends_and_losses() -> None:
    found = PriceInterval(0.25, math.inf, 40, is_quick=False, lost=3).inverse()
    assert (found.low, found.high, found.lost, found.rival_lost) == (0.0, 4.0, 0, 3)
    assert found.inverse() == PriceInterval(0.25, math.inf, 40, is_quick=False, lost=3)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "–"),
        (PriceInterval(0.41, 0.634, 40, is_quick=False), "0.41 to 0.634"),
        (
            PriceInterval(0.41, math.inf, 40, is_quick=False, lost=3),
            "from 0.41; at 3 of 40 samples it delivers nothing",
        ),
        (
            PriceInterval(0.0, 0.5, 40, is_quick=False, rival_lost=1),
            "up to 0.5; at 1 of 40 samples what it is compared with delivers nothing",
        ),
    ],
)
def test_where_nothing_is_delivered_it_says_so_instead_of_an_end(found: PriceInterval | None, text: str) -> None:
    assert price_text(found) == text


def intervals(mine: list[float], theirs: list[float]) -> PriceIntervals:
    """Of a run whose host CPU is 3 us a frame against 6, and whose figures at samples are as given, the first at the
    table's prices.
    """
    rows = [
        GuestRow(label, 0, {"delivered": FRAMES, "host_cpu_ns": cpu_us * 1000 * FRAMES})
        for label, cpu_us in (("mine", 3), ("base", 6))
    ]
    run = synthetic({"mine": {"io_path": "mine"}, "base": {"io_path": "base"}}, rows, baseline={"io_path": "base"})
    figures = {"mine": SampledFigure(mine[0], mine[1:]), "base": SampledFigure(theirs[0], theirs[1:])}
    return PriceIntervals(
        RunReading(run).figures, lambda variant, _, __: figures[variant], len(mine) - 1, is_quick=False, how="by hand"
    )


def test_an_interval_is_the_runs_ratio_moved_as_the_samples_move_theirs() -> None:
    """At the table's prices the reduced run shows 4 to 10; at samples twice as much and half, in pairs."""
    found = intervals([4.0, 8.0, 4.0], [10.0, 10.0, 20.0]).ratio("mine", "base", "raw", "host CPU")
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.25, 1.0])
    assert not found.shows_difference


def test_losses_are_counted_by_side_and_samples_without_either_say_nothing() -> None:
    nothing = math.nan
    found = intervals([4.0, nothing, 4.0, nothing], [10.0, 10.0, 10.0, nothing]).ratio(
        "mine", "base", "raw", "host CPU"
    )
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.5, math.inf])
    assert (found.lost, found.rival_lost) == (2, 1)


def test_without_a_figure_at_the_tables_prices_there_is_no_interval() -> None:
    assert intervals([math.nan, 1.0], [1.0, 1.0]).ratio("mine", "base", "raw", "host CPU") is None


def test_samples_of_which_no_interval_can_be_told_are_refused() -> None:
    assert [check_samples(each) for each in (0, 20, 40)] == [0, 20, 40]
    with pytest.raises(StudyError, match="20 samples or more"):
        check_samples(19)
