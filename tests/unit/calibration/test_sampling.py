"""Statistics of rounds, by hand; which rounds count; going through all several times."""

from collections.abc import Sequence

import pytest

from cluster_sim.calibration import running
from cluster_sim.calibration.catalogue import gone_through
from cluster_sim.calibration.sampling import (
    LEAST_QUIET,
    Effort,
    Measure,
    Measured,
    Refused,
    RefusedError,
    Round,
    Unit,
    batches,
    clocked,
    clocked_rounds,
    prepared,
    summarised,
    timed,
)

LITTLE = Effort(passes=2, rounds=3, warm_up=1, round_ns=1000)


def rounds_of(values: Sequence[float], *, is_disturbed: bool = False) -> list[Round]:
    return [Round(value, is_disturbed) for value in values]


def measure_of(values: Sequence[float] = (), unit: Unit = "ns", cost: str = "mm.syscall") -> Measure:
    return Measure(cost, unit, "does something", lambda _: rounds_of(values))


def test_median_and_quantiles_of_eleven_rounds() -> None:
    found = summarised(measure_of(), rounds_of(range(11)))
    assert (found.value, found.low, found.high) == (5.0, 1.0, 9.0)
    assert found.spread == pytest.approx(0.8), "half of 9 - 1, over 5"
    assert (found.rounds, found.outliers, found.disturbed, found.is_busy) == (11, 0, 0, False)


def test_a_median_between_two_rounds_is_their_middle() -> None:
    """Of 10, 20, 30, 50: 25; the 10 % quantile lies 0.3 of the way from 10 to 20, the 90 % one 0.7 from 30 to 50."""
    found = summarised(measure_of(), rounds_of([50, 10, 30, 20]))
    assert (found.low, found.value, found.high) == (13.0, 25.0, 44.0)


def test_a_round_is_apart_beyond_three_quartile_ranges() -> None:
    """Quartiles 102 and 106, range 4: up to 118 is near, beyond it is not."""
    near = [100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0, 117.9]
    assert summarised(measure_of(), rounds_of(near)).outliers == 0
    assert summarised(measure_of(), rounds_of([*near[:-1], 118.1])).outliers == 1


def test_rounds_that_are_all_alike_have_no_outlier_but_what_differs_by_more_than_a_tick() -> None:
    """Without a range, 3 times 2 % of the median is the room."""
    assert summarised(measure_of(), rounds_of([100.0] * 9 + [105.9])).outliers == 0
    assert summarised(measure_of(), rounds_of([100.0] * 9 + [106.1])).outliers == 1


def test_a_disturbed_round_is_left_out_and_counted() -> None:
    found = summarised(measure_of(), [*rounds_of([1, 2, 3]), *rounds_of([50, 60], is_disturbed=True)])
    assert (found.value, found.rounds, found.disturbed, found.is_busy) == (2.0, 3, 2, False)


def test_too_few_rounds_that_were_left_alone_do_not_stand_for_all() -> None:
    assert LEAST_QUIET == 0.25
    just_enough = [*rounds_of([1]), *rounds_of([50, 60, 70], is_disturbed=True)]
    assert summarised(measure_of(), just_enough).value == 1.0
    too_few = [*just_enough, Round(80, is_disturbed=True)]
    found = summarised(measure_of(), too_few)
    assert (found.value, found.rounds, found.disturbed, found.is_busy) == (60.0, 5, 4, True)


def test_microseconds_are_told_in_theirs_and_rates_as_they_are_in_four_digits() -> None:
    assert summarised(measure_of((), "us"), rounds_of([1500.0])).value == 1.5
    assert summarised(measure_of((), "GB/s"), rounds_of([11.23456])).value == 11.23


def test_nothing_in_no_time_has_no_spread() -> None:
    assert summarised(measure_of(), rounds_of([0.0, 0.0])).spread == 0.0


def test_batches_divide_by_what_they_did() -> None:
    asked: list[int] = []
    found = batches(LITTLE, asked.append, most=10)
    assert len(found) == LITTLE.rounds
    assert max(asked) <= 10
    assert len(set(asked[-LITTLE.rounds :])) == 1


def test_what_is_prepared_is_prepared_anew_each_round_and_warm_ups_do_not_count() -> None:
    done: list[str] = []
    found = prepared(LITTLE, lambda: done.append("prepare"), lambda: done.append("do"), 10)
    assert len(found) == LITTLE.rounds
    assert done == ["prepare", "do"] * (LITTLE.warm_up + LITTLE.rounds)


def test_what_keeps_its_own_clock_is_divided_by_what_it_did_and_lasts_a_round() -> None:
    """At 250 ns each, 4 make 1000 ns; once to learn that, once to warm up, three times for the rounds."""
    asked: list[int] = []

    def spend(count: int) -> int:
        asked.append(count)
        return 250 * count

    assert [each.value for each in clocked_rounds(LITTLE, spend)] == [250.0] * 3
    assert asked == [1, 4, 4, 4, 4]


def test_what_lasts_longer_than_a_round_is_done_once_a_round() -> None:
    """5000 ns in all, however often it is done, are 5000 an operation only where it is done once."""
    assert [each.value for each in clocked_rounds(LITTLE, lambda _: 5000)] == [5000.0] * 3


def test_a_round_with_its_own_clock_whose_thread_loses_its_cpu_is_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([7, 7, 7, 8])
    monkeypatch.setattr("cluster_sim.calibration.sampling.switches_of_this_thread", lambda: next(counts))
    assert [clocked(lambda _: 10, 2) for _ in range(2)] == [Round(5.0), Round(5.0, is_disturbed=True)]


def test_a_round_whose_thread_loses_its_cpu_is_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([7, 7, 7, 8])
    monkeypatch.setattr("cluster_sim.calibration.sampling.switches_of_this_thread", lambda: next(counts))
    assert [timed(lambda: None, 1).is_disturbed for _ in range(2)] == [False, True]


def test_a_round_beside_a_thread_that_did_not_run_is_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """1000 ns by the wall; the other ran for 949 of them, then for 950, then for all."""
    wall = iter([0, 1000, 0, 1000, 0, 1000])
    ran = iter([0, 949, 0, 950, 0, 1000])
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(wall))
    monkeypatch.setattr("time.clock_gettime_ns", lambda _: next(ran))
    beside = running.Others([1])
    assert [beside.watched(lambda: Round(1.0)).is_disturbed for _ in range(3)] == [True, False, False]


def test_all_is_gone_through_several_times_and_rounds_are_pooled() -> None:
    turns: list[str] = []

    def taking_turns(cost: str) -> Measure:
        def rounds(_: Effort) -> list[Round]:
            turns.append(cost)
            return [Round(float(len(turns)))]

        return Measure(cost, "ns", "", rounds)

    told: list[tuple[str, int, int]] = []
    found = gone_through([taking_turns("a"), taking_turns("b")], LITTLE, lambda *each: told.append(each))
    assert turns == ["a", "b", "a", "b"]
    assert told == [("a", 0, 4), ("b", 1, 4), ("a", 2, 4), ("b", 3, 4)]
    assert [(each.measure.cost, each.value) for each in found if isinstance(each, Measured)] == [("a", 2), ("b", 3)]


def test_what_cannot_be_measured_says_why_and_is_not_tried_again() -> None:
    tries: list[int] = []

    def refuse(_: Effort) -> list[Round]:
        tries.append(1)
        raise RefusedError("no such device")

    (found,) = gone_through([Measure("mm.syscall", "us", "", refuse)], LITTLE)
    assert isinstance(found, Refused)
    assert found.reason == "no such device"
    assert len(tries) == 1
