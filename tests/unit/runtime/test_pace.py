"""How far a shard goes at a time: within bounds, and never past a snapshot that is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.runtime.pace import EPOCH_WINDOWS, Pace


def test_a_new_shard_is_granted_one_window_and_more_as_they_turn_out_short() -> None:
    pace = Pace()
    assert pace.ends(0, 100) == 1
    pace.learn(1, 10, took_s=0.01, saving_s=0.0)
    assert pace.ends(1, 100) == 3
    pace.learn(2, 20, took_s=0.02, saving_s=0.0)
    assert pace.ends(3, 100) == 7
    assert pace.ends(99, 100) == 100


def test_windows_that_take_long_or_hold_many_transfers_are_granted_singly() -> None:
    pace = Pace(windows=16)
    pace.learn(16, 16, took_s=100.0, saving_s=0.0)
    assert pace.windows == 1
    pace = Pace(windows=16)
    pace.learn(16, 16_000_000, took_s=0.1, saving_s=0.0)
    assert pace.windows == 1


@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(1, 64), st.integers(0, 10**7), st.floats(0, 1e4)), max_size=20),
)
def test_what_is_granted_stays_within_bounds(windows_in_all: int, learnt: list[tuple[int, int, float]]) -> None:
    pace = Pace()
    for windows, frames, took_s in learnt:
        pace.learn(windows, frames, took_s, saving_s=0.0)
        assert 1 <= pace.windows <= EPOCH_WINDOWS
        for first in range(windows_in_all):
            assert first < pace.ends(first, windows_in_all) <= windows_in_all


@pytest.mark.parametrize("every", [1, 3, 5])
def test_a_snapshot_that_is_asked_for_is_at_the_end_of_what_is_granted(every: int) -> None:
    pace = Pace(snapshot_every=every, windows=64)
    first, due = 0, []
    while first < 16:
        first = pace.ends(first, 16)
        due += [first] if pace.is_due(first) else []
    assert due == list(range(every, 17, every))


def test_without_being_asked_nothing_is_saved_before_it_is_worth_it() -> None:
    pace = Pace()
    assert not pace.is_due(1)
    pace.last_saved_s -= 3600
    assert pace.is_due(2)
    assert pace.is_due(2), "a question changes nothing"
    pace.begin_snapshot()
    assert not pace.is_due(3)
    pace.saving_s = 200.0
    pace.last_saved_s -= 3600
    assert not pace.is_due(4), "200 s are more than 4 % of an hour"
