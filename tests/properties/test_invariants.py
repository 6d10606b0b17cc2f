"""Invariants 1 to 12 under random operations: all technologies, generations and page sizes."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import Answer, GuestMemfd
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
    Operation.MAP_FOR_GUEST,
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


@settings(max_examples=60)
@given(
    technology=st.sampled_from(TECHNOLOGIES),
    kernel=st.sampled_from(["G4-2MiB", "G4-2MiB-defer", "G4-2MiB-whole"]),
    steps=st.lists(st.sampled_from(["share", "hide", "accept", "read", "pin", "unpin", "break", "punch"]), max_size=12),
)
def test_a_gibibyte_converts_in_one_step_as_it_does_huge_page_by_huge_page(
    technology: str, kernel: str, steps: list[str]
) -> None:
    rules = rules_of(technology, kernel)
    one, many = (GuestMemfd(PAGES_1G, rules, init_shared=False) for _ in range(2))
    whole = {
        "accept": Operation.ACCEPT,
        "read": Operation.HOST_READ,
        "pin": Operation.PIN_LONG,
        "unpin": Operation.UNPIN_LONG,
        "punch": Operation.PUNCH,
    }
    for name in steps:
        if name in whole:
            answers = [file.apply(whole[name], 0, PAGES_1G) for file in (one, many)]
        elif name == "break":
            answers = [file.convert(5 * PAGES_2M + 7, 1, to_private=False) for file in (one, many)]
        else:
            answers = [one.convert(0, PAGES_1G, to_private=name == "hide")]
            answer = Answer(Outcome.OK, 0, {})
            effects: Counter[Effect] = Counter()
            for page in range(0, PAGES_1G, PAGES_2M):
                answer = many.convert(page, PAGES_2M, to_private=name == "hide")
                effects.update(answer.effects)
                if answer.outcome != Outcome.OK:
                    break
            answers.append(answer._replace(effects=dict(effects)))
        assert answers[0] == answers[1], name
        assert np.array_equal(one.words(0, PAGES_1G), many.words(0, PAGES_1G)), name
        assert one.split_folios == many.split_folios
        assert one.leaves(PAGES_2M) == many.leaves(PAGES_2M)
        blocks = [[file.block(page, PAGES_2M) for page in range(0, PAGES_1G, PAGES_2M)] for file in (one, many)]
        assert blocks[0] == blocks[1], name


HUGE = 4 * PAGES_2M


def fresh(kernel: str = "G3", technology: str = "pkvm", *, init_shared: bool = False) -> CheckedMemfd:
    return CheckedMemfd(rules_of(technology, kernel), init_shared=init_shared)


def test_invariant_1_making_private_leaves_neither_mappings_nor_pins() -> None:
    checked = fresh(init_shared=True)
    for view in range(VIEWS):
        checked.apply(Operation.HOST_TOUCH, 0, 8, view=view)
    checked.convert(0, 8, to_private=True)
    page = checked.memfd.page(3)
    assert (page.host_views, page.pins) == (0, 0)
    assert checked.apply(Operation.PIN_LONG, 3, 1).outcome == Outcome.EFAULT


def test_invariant_2_no_translation_outlives_its_type() -> None:
    for technology in ("sev-snp", "tdx", "cca"):
        checked = fresh(technology=technology)
        checked.apply(Operation.ACCEPT, 0, 8)
        checked.convert(0, 8, to_private=False)
        assert not checked.memfd.page(3).is_guest_mapped
        assert checked.apply(Operation.GUEST_TOUCH_PRIVATE, 3, 1).outcome == Outcome.MEMORY_FAULT_EXIT


def test_invariant_3_what_is_mapped_is_there_and_zeroed() -> None:
    checked = fresh(init_shared=True)
    checked.apply(Operation.ALLOCATE, 0, 8)
    assert not checked.memfd.page(3).is_uptodate
    checked.apply(Operation.HOST_TOUCH, 3, 1)
    assert checked.memfd.page(3)[1:3] == (True, True)


def test_invariant_4_a_frame_has_one_index_or_is_an_orphan() -> None:
    checked = fresh(init_shared=True)
    checked.apply(Operation.PIN_LONG, 3, 1)
    checked.apply(Operation.PUNCH, 0, 8)
    assert checked.orphans == 1
    assert checked.memfd.page(3).pins == 0, "the index forgot the frame"
    checked.apply(Operation.HOST_TOUCH, 3, 1)
    assert checked.memfd.page(3).content == 0


@pytest.mark.parametrize("kernel", ["G3", "G4-2MiB"])
def test_invariant_5_a_refusal_names_a_pinned_page_and_changes_nothing_of_its_unit(kernel: str) -> None:
    checked = fresh(kernel)
    checked.convert(0, HUGE if kernel != "G3" else 1000, to_private=False)
    checked.apply(Operation.PIN_SHORT, 600, 1)
    answer = checked.convert(0, 1000, to_private=True)
    assert (answer.outcome, answer.stopped_at) == (Outcome.EAGAIN, 600)
    assert checked.memfd.page(0).is_private == (kernel != "G3"), "the huge page before it is a unit of its own"
    assert not checked.memfd.page(599).is_private


def test_invariant_6_a_leaf_is_no_larger_than_folio_technology_and_attribute_allow() -> None:
    for technology, kernel, leaves in (("sev-snp", "G4-2MiB", 4), ("cca", "G4-2MiB", 0), ("tdx", "G3", 0)):
        checked = fresh(kernel, technology)
        checked.apply(Operation.ACCEPT, 0, checked.memfd.page_count)
        assert checked.memfd.leaves(PAGES_2M) == leaves, technology


def test_invariant_7_whole_means_private_throughout() -> None:
    checked = fresh("G4-2MiB")
    checked.apply(Operation.ACCEPT, 0, HUGE)
    assert checked.memfd.split_folios == 0
    for page in (5, PAGES_2M - 1, PAGES_2M):
        checked.convert(page, 1, to_private=False)
    assert checked.memfd.split_folios == 2
    checked.convert(0, PAGES_2M, to_private=True)
    assert checked.memfd.split_folios == 1


def test_invariant_8_pages_are_conserved() -> None:
    checked = fresh("G4-2MiB")
    checked.apply(Operation.GUEST_TOUCH_PRIVATE, 7, 1)
    assert checked.frames == PAGES_2M
    checked.apply(Operation.PUNCH, 0, PAGES_2M)
    assert checked.frames == 0
    checked.check_all()


@pytest.mark.parametrize(("technology", "content"), [("pkvm", 9), ("sev-snp", 1), ("tdx", 0), ("cca", 1)])
def test_invariant_9_data_is_what_the_technology_leaves(technology: str, content: int) -> None:
    checked = fresh(technology=technology)
    checked.apply(Operation.ACCEPT, 0, 8)
    assert checked.memfd.page(3).content == 0, "first use reads zeros"
    checked.apply(Operation.GUEST_WRITE, 0, 8, tag=9)
    checked.convert(0, 8, to_private=False)
    assert checked.memfd.page(3).content == content


@pytest.mark.parametrize("is_private", [False, True])
def test_invariant_10_punching_keeps_attributes_and_converting_allocates_nothing(*, is_private: bool) -> None:
    checked = fresh(init_shared=not is_private)
    checked.apply(Operation.PUNCH, 0, 8)
    assert checked.memfd.page(3).is_private == is_private
    checked.convert(0, 8, to_private=not is_private)
    assert checked.frames == 0


@pytest.mark.parametrize("kernel", ["G3", "G3-defer", "G4-2MiB", "G0-discard", "exclusive-pin"])
def test_invariant_11_to_shared_asks_for_no_references(kernel: str) -> None:
    checked = fresh(kernel)
    checked.convert(0, 4, to_private=False)
    checked.apply(Operation.PIN_LONG, 2, 1)
    assert checked.convert(0, HUGE // 4, to_private=False).outcome == Outcome.OK
