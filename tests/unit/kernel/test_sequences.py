"""Random sequences: the same for the same seed, of every kind of call, each one that both sides have."""

import inspect
from collections import Counter

import pytest

from cluster_sim.kernel.real import RealCalls
from cluster_sim.kernel.sequences import KINDS, OPENING, TOTAL, sequence
from cluster_sim.memory.pages import DEFAULT_RULES
from cluster_sim.memory.system_calls.model import SystemCalls

LENGTH = 400
MANY = [call for number in range(20) for call in sequence(1, number, LENGTH)]


def test_a_sequence_is_its_seeds_and_numbers_own() -> None:
    assert sequence(1, 0, LENGTH) == sequence(1, 0, LENGTH)
    assert sequence(1, 0, LENGTH) != sequence(2, 0, LENGTH)
    assert sequence(1, 0, LENGTH) != sequence(1, 1, LENGTH)


def test_a_longer_sequence_begins_as_the_shorter_one() -> None:
    """So that a difference can be shortened to where it shows."""
    assert sequence(1, 0, LENGTH)[:50] == sequence(1, 0, 50)


@pytest.mark.parametrize("length", [0, 1, 4, 5])
def test_a_sequence_has_its_length_and_begins_with_files_that_are_mapped(length: int) -> None:
    calls = sequence(1, 0, length)
    assert len(calls) == length
    assert calls[:4] == list(OPENING[:length])


def test_calls_that_a_machine_refuses_are_left_out_and_others_take_their_turn() -> None:
    without = frozenset({"register", "userfault"})
    calls = [call for number in range(20) for call in sequence(1, number, LENGTH, without=without)]
    assert len(calls) == len(MANY)
    assert not without & {call[0] for call in calls}
    assert without <= {call[0] for call in MANY}


@pytest.mark.parametrize("side", [SystemCalls, RealCalls])
def test_every_call_is_one_that_each_side_has_with_as_many_arguments(side: type) -> None:
    for name, arguments in {(str(call[0]), len(call) - 1) for call in MANY}:
        inspect.signature(getattr(side, name)).bind(None, *range(arguments))


def test_kinds_come_as_often_as_their_weights_say() -> None:
    """8,000 calls; loads are 14 of all weights, so that 4 standard deviations are 1.5 percent of all."""
    counted = Counter(str(call[0]) for call in MANY)
    weight = next(weight for weight, make in KINDS if make.__name__ == "fallocate")
    for name, of_all in (("load", 14), ("store", 14), ("fallocate", weight)):
        assert abs(counted[name] / len(MANY) - of_all / TOTAL) < 0.02, name


def test_the_model_answers_every_call() -> None:
    model = SystemCalls(DEFAULT_RULES)
    outcomes = Counter(getattr(model, str(name))(*arguments).outcome for name, *arguments in sequence(3, 0, LENGTH))
    assert len(outcomes) > 3, "works, and several refusals"
