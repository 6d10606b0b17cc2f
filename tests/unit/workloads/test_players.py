"""Ladder, link and the decisions of both players, each against the papers' formulas by hand."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.workloads.ladder import LadderError, ladder_of
from cluster_sim.workloads.link import UNITS_PER_BYTE, AccessLink, constant_link
from cluster_sim.workloads.players import Bba, Festive, Known
from cluster_sim.workloads.video import TraceArrays

S = 10**9
RATES = (1_000_000, 2_000_000, 4_000_000)


def encoding(offsets_ns: list[int], sizes: list[int]) -> TraceArrays:
    return TraceArrays(np.array(offsets_ns), np.array(sizes), np.zeros(1, np.int64), 40)


LOW = encoding([0, 40, 80, 120], [1, 2, 3, 4])
HIGH = encoding([0, 40, 80, 120, 160], [10, 20, 30, 40, 900])


def test_a_ladder_is_cut_into_segments_and_the_last_of_a_round_takes_the_rest() -> None:
    ladder = ladder_of([LOW, HIGH], 60)
    assert [ladder.span_ns(n) for n in range(4)] == [(0, 60), (60, 120), (120, 160), (160, 220)]
    ladder = ladder_of([LOW, HIGH], 50)
    assert (ladder.length_ns, ladder.round_segments) == (160, 3)
    assert [ladder.span_ns(n) for n in range(4)] == [(0, 50), (50, 100), (100, 160), (160, 210)]
    assert [ladder.segment_bytes(n, 1) for n in range(4)] == [30, 30, 40, 30]
    assert ladder.frames(0, 0).bytes.tolist() == [1, 2]
    assert ladder.frames(3, 0).media_ns.tolist() == [160, 200]
    assert ladder.frames(3, 0).media_end_ns.tolist() == [200, 210]


def test_the_mean_rate_is_that_of_the_span_that_all_rungs_have() -> None:
    assert ladder_of([LOW, HIGH], 60).segment_bytes(2, 1) == 40
    for segment_ns in (50, 60):
        assert ladder_of([LOW, HIGH], segment_ns).bits_per_s == (8 * 10 * 10**9 // 160, 8 * 100 * 10**9 // 160)


@pytest.mark.parametrize(
    ("rungs", "segment_ns", "message"),
    [
        ([], 50, "no rung"),
        ([LOW], 0, "segments of 0 ns, allowed: 1 to 160 ns"),
        ([LOW], 161, "segments of 161 ns, allowed: 1 to 160 ns"),
        ([HIGH, LOW], 50, "rung 1: found a mean rate"),
        ([LOW, LOW], 50, "rung 1: found a mean rate"),
        ([LOW], 30, "rung 0: found no frame in segment 3"),
    ],
)
def test_what_makes_no_ladder_is_refused(rungs: list[TraceArrays], segment_ns: int, message: str) -> None:
    with pytest.raises(LadderError, match=message):
        ladder_of(rungs, segment_ns)


TWO_RATES = AccessLink(((0, 8_000), (S, 16_000)), 2 * S)
OUTAGE = AccessLink(((0, 8_000), (S, 0)), 3 * S)


def test_a_link_brings_frames_back_to_back_over_changes_of_its_rate() -> None:
    sizes = np.array([1000, 1000, 1000, 1000])
    assert TWO_RATES.arrivals(0, sizes).tolist() == [S, S * 3 // 2, 2 * S, 3 * S]
    assert TWO_RATES.arrivals(S // 2, np.array([500, 2000, 1])).tolist() == [S, 2 * S, 2 * S + 10**6]
    assert TWO_RATES.arrivals(10 * S, np.array([1000])).tolist() == [11 * S]


def test_nothing_comes_in_an_outage() -> None:
    assert OUTAGE.arrivals(0, np.array([1000, 1])).tolist() == [S, 3 * S + 10**6]
    assert OUTAGE.arrivals(2 * S, np.array([1])).tolist() == [3 * S + 10**6]


def test_a_frame_has_come_when_its_last_bit_has() -> None:
    assert constant_link(3).arrivals(0, np.array([1, 1])).tolist() == [2_666_666_667, 5_333_333_334]


@given(
    link=st.sampled_from([TWO_RATES, OUTAGE, constant_link(7)]),
    start_ns=st.integers(0, 10 * S),
    sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=5),
)
def test_a_link_carries_a_frame_by_its_arrival_and_not_a_nanosecond_before(
    link: AccessLink, start_ns: int, sizes: list[int]
) -> None:
    begin = link.carried_before(start_ns)
    for number, at_ns in enumerate(link.arrivals(start_ns, np.array(sizes)).tolist(), 1):
        wanted = begin + sum(sizes[:number]) * UNITS_PER_BYTE
        assert link.carried_before(at_ns - 1) < wanted <= link.carried_before(at_ns)


@pytest.mark.parametrize(
    ("steps", "period_ns"),
    [((), S), (((1, 8),), S), (((0, 8), (0, 9)), S), (((0, 8), (S, 9)), S), (((0, 0),), S), (((0, 8), (1, -1)), S)],
)
def test_what_is_no_link_is_refused(steps: tuple[tuple[int, int], ...], period_ns: int) -> None:
    with pytest.raises(ValueError, match="link: found"):
        AccessLink(steps, period_ns)


def known(rungs: list[int], *, buffer_ns: int = 0, throughputs: list[int] | None = None, segment: int = 2) -> Known:
    return Known(RATES, segment * S, buffer_ns, rungs, throughputs or [])


BBA = Bba(reservoir_ns=10 * S, cushion_ns=30 * S)
"""f(buffer) = 1 Mb/s + 0.1 Mb/s for each second above 10 s."""


@pytest.mark.parametrize(
    ("rung", "buffer_ns", "expected"),
    [
        (2, 0, 0),
        (2, 10 * S, 0),
        (0, 40 * S, 2),
        (1, 60 * S, 2),
        (0, 15 * S, 0),
        (0, 20 * S, 0),  # f = 2 Mb/s reaches the rung above, and the highest rung below f is the lowest
        (0, 20 * S + 1, 1),
        (0, 39 * S, 1),
        (1, 11 * S, 1),
        (1, 10 * S + 1, 1),
        (1, 39 * S, 1),
        (2, 30 * S, 2),
        (2, 20 * S + 1, 2),
        (2, 20 * S, 2),  # f = 2 Mb/s falls to the rung below, and the lowest rung above f is the highest
        (2, 20 * S - 1, 1),
        (2, 11 * S, 1),
    ],
)
def test_bba_maps_buffer_to_rung_as_in_the_paper(rung: int, buffer_ns: int, expected: int) -> None:
    assert BBA.next_rung(known([0, rung], buffer_ns=buffer_ns)) == expected


def test_bba_begins_from_the_lowest_rung() -> None:
    assert BBA.next_rung(known([])) == 0
    assert BBA.next_rung(known([], buffer_ns=39 * S)) == 1


@given(rung=st.integers(0, 2), buffers_ns=st.tuples(st.integers(0, 50 * S), st.integers(0, 50 * S)))
def test_more_buffer_never_gives_bba_a_lower_rung(rung: int, buffers_ns: tuple[int, int]) -> None:
    less, more = (BBA.next_rung(known([rung], buffer_ns=buffer_ns)) for buffer_ns in sorted(buffers_ns))
    assert less <= more


M = 1_000_000
FESTIVE = Festive()


def test_festive_takes_the_harmonic_mean_of_the_last_samples() -> None:
    assert FESTIVE.bandwidth([1 * M, 3 * M]) == Fraction(3 * M, 2)
    assert FESTIVE.bandwidth([9 * M, *[2 * M] * 20]) == 2 * M
    assert Festive(samples=1).bandwidth([9 * M, 2 * M]) == 2 * M


@pytest.mark.parametrize(
    ("rungs", "bandwidth", "expected"),
    [
        ([0], 3 * M, 1),
        ([0], 2 * M, 0),  # 0.85 × 2 Mb/s does not carry 2 Mb/s
        ([0], Fraction(40 * M, 17), 1),  # 0.85 × 40/17 Mb/s just does
        ([2, 2, 2], 4_500_000, 1),  # 0.85 × 4.5 Mb/s no longer carries 4 Mb/s
        ([1], Fraction(40 * M, 17), 1),
        ([0, 1], 6 * M, 1),
        ([0, 1, 1], 6 * M, 2),
        ([0, 1, 0, 1], 6 * M, 1),
        ([2, 2, 2, 2], 60 * M, 2),
        ([2], 3 * M, 1),
        ([2], 100_000, 1),
        ([0], 100_000, 0),
        ([1, 1], 3 * M, 1),
    ],
)
def test_festive_steps_one_rung_up_after_k_segments_and_down_at_once(
    rungs: list[int], bandwidth: int | Fraction, expected: int
) -> None:
    assert FESTIVE.reference(known(rungs), Fraction(bandwidth)) == expected


@pytest.mark.parametrize(
    ("rungs", "bandwidth", "reference", "stays", "steps"),
    [
        ([0], 3 * M, 1, 1 + 6, 2),
        ([0, 1, 1], 6 * M, 2, 2 + 6, 4),
        ([0, 1, 0, 1, 1], 6 * M, 2, 8 + 6, 16),
        ([2, 2, 2], 3 * M, 1, 1 + 12, 2),
        ([2, 1, 2, 1, 2], 3 * M, 1, 16 + 12, 32),
        ([1], M // 2, 0, 1 + 36, 2 + 12),
    ],
)
def test_festive_weighs_stability_against_efficiency(
    rungs: list[int], bandwidth: int, reference: int, stays: int, steps: int
) -> None:
    seen = known(rungs, throughputs=[bandwidth])
    assert FESTIVE.cost(seen, rungs[-1], reference, Fraction(bandwidth)) == stays
    assert FESTIVE.cost(seen, reference, reference, Fraction(bandwidth)) == steps
    assert FESTIVE.next_rung(seen) == (rungs[-1] if stays <= steps else reference)


def test_festive_forgets_switches_that_are_long_ago() -> None:
    rungs = [2, 1, 2, 1, 2, 2, 2]
    assert FESTIVE.next_rung(known(rungs, throughputs=[3 * M], segment=2)) == 2
    assert FESTIVE.next_rung(known(rungs, throughputs=[3 * M], segment=10)) == 1


def test_festive_counts_switches_of_the_last_20_s_of_media() -> None:
    """Two segments of 10 s: the switch into the last but one counts, that before it does not."""
    assert FESTIVE.cost(known([1, 2, 2], segment=10), 2, 1, Fraction(3 * M)) == 2 + 12
    assert FESTIVE.cost(known([1, 2, 2, 2], segment=10), 2, 1, Fraction(3 * M)) == 1 + 12


def test_festive_stays_where_both_cost_the_same() -> None:
    """Two switches: 4 + 12 × (1 - 2/3) to stay, 8 to step."""
    seen = Known((2 * M, 3 * M), 2 * S, 0, [0, 1, 0], [4 * M])
    assert FESTIVE.cost(seen, 0, 1, Fraction(4 * M)) == FESTIVE.cost(seen, 1, 1, Fraction(4 * M)) == 8
    assert FESTIVE.next_rung(seen) == 0


def test_festive_stays_until_it_knows_a_throughput() -> None:
    assert FESTIVE.next_rung(known([])) == 0
    assert FESTIVE.next_rung(known([0])) == 0


@given(
    rungs=st.lists(st.integers(0, 2), max_size=30),
    throughputs=st.lists(st.integers(1, 10**10), max_size=30),
    buffer_ns=st.integers(0, 100 * S),
)
def test_a_decision_is_a_rung_and_festive_moves_one_at_a_time(
    rungs: list[int], throughputs: list[int], buffer_ns: int
) -> None:
    seen = known(rungs, buffer_ns=buffer_ns, throughputs=throughputs)
    assert BBA.next_rung(seen) in range(3)
    assert FESTIVE.next_rung(seen) in range(3)
    assert abs(FESTIVE.next_rung(seen) - (rungs[-1] if rungs else 0)) <= 1


def test_a_ladder_of_one_rung_leaves_no_choice() -> None:
    seen = Known((1 * M,), 2 * S, 20 * S, [0], [9 * M])
    assert BBA.next_rung(seen) == 0
    assert FESTIVE.next_rung(seen) == 0


def test_players_of_impossible_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="bba: found"):
        Bba(reservoir_ns=0, cushion_ns=0)
    with pytest.raises(ValueError, match="festive: found"):
        Festive(samples=0)
    with pytest.raises(ValueError, match="festive: found"):
        Festive(efficiency=Fraction(3, 2))
