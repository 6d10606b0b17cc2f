"""Invariants 1 to 12 under random operations: all technologies, generations and page sizes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import EXCLUSIVE_PINS, FIRST_TAG, FIXED, SECRET, TWO_BACKINGS, VIEWS, Operation
from tests.oracles.invariants import KERNELS, PAGES_1G, PAGES_2M, TECHNOLOGIES, CheckedMemfd, rules_of

LONG_RUN = 100_000
COMBINATIONS = [(technology, kernel) for technology in TECHNOLOGIES for kernel in KERNELS]

TOUCHES = (
    Operation.HOST_TOUCH,
    Operation.HOST_WRITE,
    Operation.HOST_READ,
    Operation.GUEST_TOUCH_PRIVATE,
    Operation.GUEST_TOUCH_SHARED,
    Operation.GUEST_WRITE,
    Operation.ACCEPT,
)
PINS = (Operation.PIN_SHORT, Operation.PIN_LONG, Operation.UNPIN_SHORT, Operation.UNPIN_LONG)
REST = (Operation.UNMAP_HOST, Operation.UNMAP_ALL, Operation.ALLOCATE, Operation.PUNCH, Operation.POISON)


def step(checked: CheckedMemfd, draw: random.Random) -> None:
    """One random operation, on edges more often than elsewhere; sizes from a page to all."""
    pages, folio = checked.memfd.page_count, checked.rules.folio_pages
    unit = draw.choice((1, 1, 1, folio, PAGES_2M))
    count = min(pages, draw.choice((1, 1, 2, 3, unit, 2 * unit, draw.randrange(1, pages + 1))))
    start = draw.choice((0, pages - count, draw.randrange(pages - count + 1)))
    if draw.random() < 0.5:
        start -= start % unit
    kind = draw.random()
    if kind < 0.3:
        checked.convert(start, count, to_private=draw.random() < 0.5)
        return
    if kind < 0.65:
        operation = draw.choice(TOUCHES)
    elif kind < 0.85:
        operation = draw.choice(PINS)
        count = min(count, 3)
    else:
        operation = draw.choice(REST[:-1]) if draw.random() < 0.95 else Operation.POISON
        if operation == Operation.POISON:
            count = 1
    tag = draw.choice((SECRET, FIRST_TAG, FIRST_TAG + 1))
    view = draw.randrange(VIEWS) if operation <= Operation.HOST_READ else 0
    checked.apply(operation, start, count, tag=tag, view=view)


def unpin_all(checked: CheckedMemfd) -> None:
    """Give back every pin, page by page."""
    for page in range(checked.memfd.page_count):
        state = checked.memfd.page(page)
        for operation, pins in ((Operation.UNPIN_SHORT, state.short_pins), (Operation.UNPIN_LONG, state.long_pins)):
            for _ in range(pins):
                assert checked.apply(operation, page, 1).outcome == Outcome.OK


@pytest.mark.parametrize(("technology", "kernel"), COMBINATIONS)
def test_a_long_run_keeps_all_invariants(technology: str, kernel: str) -> None:
    """100,000 operations over all combinations, from fixed seeds."""
    rules = rules_of(technology, kernel)
    draw = random.Random(f"{technology} {kernel}")
    operations = -(-LONG_RUN // len(COMBINATIONS))
    checked = CheckedMemfd(rules, init_shared=rules.folio_pages == 1 and draw.random() < 0.5)
    for _ in range(operations):
        step(checked, draw)
    checked.check_all()
    assert checked.operations >= operations


@settings(max_examples=60)
@given(combination=st.sampled_from(COMBINATIONS), seed=st.integers(0, 1 << 32), length=st.integers(1, 60))
def test_short_runs_keep_all_invariants(combination: tuple[str, str], seed: int, length: int) -> None:
    rules = rules_of(*combination)
    checked = CheckedMemfd(rules)
    draw = random.Random(seed)
    for _ in range(length if rules.folio_pages < PAGES_1G else min(length, 10)):
        step(checked, draw)
    checked.check_all()


@pytest.mark.parametrize("kernel", [name for name in KERNELS if not name.startswith("G4-1GiB")])
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_invariant_12_a_conversion_succeeds_once_all_pins_are_gone(technology: str, kernel: str) -> None:
    rules = rules_of(technology, kernel)
    checked = CheckedMemfd(rules)
    pages = checked.memfd.page_count
    if rules.backing == FIXED:
        assert checked.convert(0, pages, to_private=False).outcome == Outcome.ENOTTY
        return
    checked.convert(0, pages, to_private=False)
    for _ in range(2):
        checked.apply(Operation.PIN_LONG, 7, 1)
    refuses = rules.backing != TWO_BACKINGS and not rules.defers
    for _ in range(5):
        expected = (Outcome.EBUSY if rules.backing == EXCLUSIVE_PINS else Outcome.EAGAIN) if refuses else Outcome.OK
        assert checked.convert(0, pages, to_private=True).outcome == expected, "a pin that stays refuses for ever"
    unpin_all(checked)
    assert checked.convert(0, pages, to_private=True).outcome == Outcome.OK
    assert checked.memfd.page(7).is_private
