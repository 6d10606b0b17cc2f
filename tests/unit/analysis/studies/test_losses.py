"""Where a design stops delivering, or sustaining what it is offered: told with the reason, and no crossing."""

import math

import pytest

from cluster_sim.analysis.silence import why_nothing
from cluster_sim.analysis.studies.crossing_search import Span
from cluster_sim.analysis.studies.losses import (
    Loss,
    between_stops,
    counted,
    is_at_stop,
    loss_of,
    stops_of,
)

NOTHING = Loss("delivers nothing", "its 64 MiB pool cannot hold the frame")
TOO_MUCH = Loss("does not sustain what it is offered", "9 % is dropped or left behind")
MAPPED_WHOLE = "its device takes a buffer as one mapping, and swiotlb gives none above 256 KiB"
NOT_STARTED = "buffers found no slots in its 64 MiB pool, and its device did not start"
SPAN = Span(1, 100, precision=0.01)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ({"pool full": 100.0, "pool": 64.0}, "its 64 MiB pool cannot hold the frame"),
        ({"pool full": 10.0, "no buffer": 90.0, "pool": 64.0}, "no buffer was free"),
        ({"too large": 100.0, "no slots": 8.0}, MAPPED_WHOLE),
        ({"no slots": 8.0, "unfinished": 100.0, "pool": 64.0}, NOT_STARTED),
        ({"unfinished": 100.0}, "no frame ended before the run did"),
        ({"dropped": 100.0}, "all of it was dropped"),
        ({}, "nothing was asked of it"),
    ],
)
def test_the_reason_is_that_of_most_drops(figures: dict[str, float], why: str) -> None:
    assert why_nothing(figures) == why


def test_more_than_a_twentieth_lost_over_the_replications_is_too_much() -> None:
    assert loss_of([{"throughput": 0.0, "lost": 100.0, "pool full": 100.0, "pool": 64.0}]) == NOTHING
    assert loss_of([{"throughput": 9.0, "lost": 8.0}, {"throughput": 9.0, "lost": 10.0}]) == TOO_MUCH
    assert loss_of([{"throughput": 9.0, "lost": 4.0}, {"throughput": 9.0, "lost": 6.0}]) is None, "5 % and no more"
    assert loss_of([{"throughput": 0.0, "lost": 100.0}, {"throughput": 9.0, "lost": 2.0}]) is not None
    assert loss_of([{}]) is None


def test_latencies_of_what_is_not_sustained_do_not_count_and_other_figures_do() -> None:
    figures = {"mean": 7.0, "p99": 9.0, "throughput": 30.0}
    assert math.isnan(counted(figures, "mean", TOO_MUCH))
    assert math.isnan(counted(figures, "p99", TOO_MUCH))
    assert counted(figures, "throughput", TOO_MUCH) == 30
    assert counted(figures, "mean", None) == 7


def test_stops_lie_between_neighbouring_values_and_are_told_from_the_side_that_is_lost() -> None:
    losses = {1: (None, NOTHING), 2: (None, NOTHING), 4: (TOO_MUCH, NOTHING), 8: (NOTHING, NOTHING)}
    above, further, throughout = stops_of(losses)
    assert (above.design, above.loss, above.side, above.low, above.high) == (0, TOO_MUCH, "above", 2, 4)
    assert (further.design, further.loss, further.side, further.low, further.high) == (0, NOTHING, "above", 4, 8)
    assert (throughout.design, throughout.loss, throughout.side) == (1, NOTHING, "throughout")
    (below,) = stops_of({1: (NOTHING, None), 2: (None, None)})
    assert (below.side, below.low, below.high) == ("below", 1, 2)
    assert below.at(SPAN) == pytest.approx(math.sqrt(2))
    assert stops_of({1: (None, None), 2: (None, None)}) == []


def test_the_middle_is_tried_until_a_stop_is_narrow() -> None:
    assert between_stops({16: (None, None), 64: (NOTHING, None)}, SPAN) == [32]
    assert between_stops({31: (None, None), 32: (NOTHING, None)}, SPAN) == []


def test_a_sign_that_turns_because_one_stops_is_no_crossing() -> None:
    losses = {1: (None, None), 2: (None, None), 4: (NOTHING, None), 8: (NOTHING, NOTHING)}
    assert not is_at_stop(1.5, losses)
    assert is_at_stop(3.0, losses)
    assert is_at_stop(6.0, losses)
    assert not is_at_stop(9.0, losses)
