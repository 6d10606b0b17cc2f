"""The exclusive-pin design, rule by rule, by hand."""

import pytest

from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import FIRST_TAG, Operation
from tests.oracles.invariants import rules_of

PINS = (Operation.PIN_SHORT, Operation.PIN_LONG)


def memory(*, init_shared: bool = True) -> GuestMemfd:
    return GuestMemfd(4, rules_of("pkvm", "exclusive-pin"), init_shared=init_shared)


def test_q_1_an_exclusive_pin_is_a_long_term_one() -> None:
    assert memory().apply(Operation.PIN_EXCLUSIVE_SHORT, 0, 1).outcome == Outcome.EINVAL


def test_q_2_it_is_taken_when_nobody_else_has_one() -> None:
    pages = memory()
    assert pages.apply(Operation.PIN_EXCLUSIVE, 0, 4).outcome == Outcome.OK
    assert pages.page(0).is_exclusive
    assert pages.page(0).is_private


@pytest.mark.parametrize("pin", PINS)
def test_q_3_another_pin_is_in_its_way(pin: Operation) -> None:
    pages = memory()
    pages.apply(pin, 2, 1)
    answer = pages.apply(Operation.PIN_EXCLUSIVE, 0, 4)
    assert (answer.outcome, answer.stopped_at) == (Outcome.EBUSY, 2)


@pytest.mark.parametrize("pin", PINS)
def test_q_4_it_is_in_the_way_of_other_pins(pin: Operation) -> None:
    pages = memory(init_shared=False)
    pages.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 4)
    assert pages.apply(pin, 1, 1).outcome == Outcome.EBUSY


def test_q_5_mappings_are_not_in_its_way_and_stay() -> None:
    pages = memory()
    pages.apply(Operation.HOST_WRITE, 0, 4, tag=FIRST_TAG)
    answer = pages.convert(0, 4, to_private=True)
    assert answer.outcome == Outcome.OK
    assert Effect.HOST_UNMAPPED not in answer.effects
    assert pages.page(0).host_views == 1
    assert pages.apply(Operation.HOST_READ, 0, 1).outcome == Outcome.EFAULT, "the hardware stops the access"


def test_q_6_sharing_keeps_one_ordinary_pin() -> None:
    pages = memory(init_shared=False)
    pages.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 4)
    pages.convert(0, 4, to_private=False)
    assert (pages.page(0).is_exclusive, pages.page(0).long_pins) == (False, 1)


def test_q_7_making_private_needs_that_pin_alone() -> None:
    pages = memory(init_shared=False)
    pages.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 4)
    pages.convert(0, 4, to_private=False)
    pages.apply(Operation.PIN_SHORT, 2, 1)
    answer = pages.convert(0, 4, to_private=True)
    assert (answer.outcome, answer.stopped_at) == (Outcome.EBUSY, 2)
    assert [pages.page(page).is_private for page in range(4)] == [True, True, False, False], "page by page"
    pages.apply(Operation.UNPIN_SHORT, 2, 1)
    assert pages.convert(0, 4, to_private=True).outcome == Outcome.OK
    assert (pages.page(2).is_exclusive, pages.page(2).pins) == (True, 0)


def test_q_8_a_pin_in_passing_is_a_spurious_refusal() -> None:
    pages = memory()
    pages.apply(Operation.PIN_SHORT, 0, 1)
    assert pages.apply(Operation.PIN_EXCLUSIVE, 0, 1).outcome == Outcome.EBUSY
    pages.apply(Operation.UNPIN_SHORT, 0, 1)
    assert pages.apply(Operation.PIN_EXCLUSIVE, 0, 1).outcome == Outcome.OK, "the caller tries again"
