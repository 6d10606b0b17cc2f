"""The compiled guest_memfd and its slow twin agree on every answer, effect and page."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import Answer, GuestMemfd, Page
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DESTROYED, KEPT, ZEROED, MemoryRules, Operation
from tests.oracles.guest_memfd_twin import GuestMemfdTwin, TwinPage

CODES = {"keep": KEPT, "zero": ZEROED, "lose": DESTROYED}
TECHNOLOGIES = {
    "pkvm": (("keep", "keep"), True),
    "sev-snp": (("lose", "lose"), False),
    "tdx": (("zero", "zero"), False),
    "software": (("keep", "keep"), False),
}
PAGES = 2000
HUGE = 512

edges = st.sampled_from([0, 1, HUGE - 1, HUGE, HUGE + 1, 2 * HUGE, 3 * HUGE, PAGES - 1])
starts = st.one_of(edges, st.integers(0, PAGES - 1))
counts = st.one_of(st.sampled_from([1, 2, HUGE, HUGE + 1, 2 * HUGE, PAGES]), st.integers(1, PAGES))
steps = st.tuples(
    st.sampled_from(
        ["convert", "host_touch", "host_write", "touch", "guest_write", "pin", "unpin", "unmap", "allocate", "punch"]
    ),
    starts,
    counts,
    st.integers(3, 5),
    st.booleans(),
)


def answers(memfd: GuestMemfd, twin: GuestMemfdTwin, step: tuple[str, int, int, int, bool]) -> tuple[Answer, object]:
    """The same operation on both."""
    name, start, count, tag, flag = step
    count = min(count, PAGES - start)
    match name:
        case "convert":
            return memfd.convert(start, count, to_private=flag), twin.convert(start, count, to_private=flag)
        case "host_touch":
            return memfd.apply(Operation.HOST_TOUCH, start, count), twin.each(start, count, twin.host_touch)
        case "host_write":
            theirs = twin.each(start, count, lambda page: twin.host_write(page, tag))
            return memfd.apply(Operation.HOST_WRITE, start, count, tag=tag), theirs
        case "touch":
            operation = Operation.GUEST_TOUCH_PRIVATE if flag else Operation.GUEST_TOUCH_SHARED
            theirs = twin.each(start, count, lambda page: twin.guest_touch(page, private=flag))
            return memfd.apply(operation, start, count), theirs
        case "guest_write":
            theirs = twin.each(start, count, lambda page: twin.guest_write(page, tag))
            return memfd.apply(Operation.GUEST_WRITE, start, count, tag=tag), theirs
        case "pin":
            return memfd.apply(Operation.PIN_SHORT, start, count), twin.each(start, count, twin.pin)
        case "unpin":
            return memfd.apply(Operation.UNPIN_SHORT, start, count), twin.each(start, count, twin.unpin)
        case "unmap":
            return memfd.apply(Operation.UNMAP_HOST, start, count), twin.each(start, count, twin.unmap_host)
        case "allocate":
            return memfd.apply(Operation.ALLOCATE, start, count), twin.each(start, count, twin.allocate)
        case _:
            return memfd.apply(Operation.PUNCH, start, count), twin.each(start, count, twin.punch)


@pytest.mark.parametrize("technology", TECHNOLOGIES)
@settings(max_examples=120)
@given(init_shared=st.booleans(), history=st.lists(steps, min_size=1, max_size=25))
def test_the_compiled_model_and_its_twin_answer_alike(
    technology: str, *, init_shared: bool, history: list[tuple[str, int, int, int, bool]]
) -> None:
    contents, keeps = TECHNOLOGIES[technology]
    memfd = GuestMemfd(PAGES, MemoryRules(CODES[contents[0]], CODES[contents[1]], keeps), init_shared=init_shared)
    twin = GuestMemfdTwin(PAGES, init_shared=init_shared, contents=contents, keeps_guest_mapping=keeps)
    for step in history:
        ours, theirs = answers(memfd, twin, step)
        effects = {effect.name: count for effect, count in ours.effects.items()}
        assert (ours.outcome.name, ours.stopped_at, effects) == theirs, step
        check_invariants(twin)
    for index, page in enumerate(twin.pages):
        assert as_twin(memfd.page(index)) == page, index


def as_twin(page: Page) -> TwinPage:
    """A page of the model as the twin has it."""
    return TwinPage(
        page.is_private,
        page.is_present,
        page.is_uptodate,
        page.host_views == 1,
        page.is_guest_mapped,
        page.pins,
        page.content,
    )


def check_invariants(twin: GuestMemfdTwin) -> None:
    """Invariants 1, 2 (by construction one mapping of the attribute's type) and 3 over all pages."""
    for page in twin.pages:
        if page.is_private:
            assert not page.is_host_mapped
            assert page.pins == 0
        if page.is_host_mapped or page.is_guest_mapped:
            assert page.is_present
            assert page.is_uptodate


RULES = MemoryRules(KEPT, KEPT, keeps_guest_mapping=True)


@pytest.mark.parametrize(("what", "content", "lost"), [("keep", 5, 0), ("zero", 0, 1), ("lose", 1, 1)])
@pytest.mark.parametrize("to_private", [True, False])
def test_a_conversion_keeps_zeroes_or_loses_what_was_written(
    what: str, content: int, lost: int, *, to_private: bool
) -> None:
    rules = MemoryRules(CODES[what], CODES[what], keeps_guest_mapping=False)
    memfd = GuestMemfd(2, rules, init_shared=to_private)
    memfd.apply(Operation.GUEST_WRITE, 0, 1, tag=5)
    answer = memfd.convert(0, 2, to_private=to_private)
    assert memfd.page(0).content == content
    assert not memfd.page(0).is_guest_mapped
    assert answer.effects.get(Effect.CONTENT_LOST, 0) == lost
    assert answer.effects[Effect.CONVERTED] == 2
    assert not memfd.page(1).is_present, "converting allocates nothing"


def test_a_refused_conversion_changes_no_attribute_but_unmaps_the_host() -> None:
    memfd = GuestMemfd(8, RULES, init_shared=True)
    memfd.apply(Operation.HOST_WRITE, 0, 8, tag=5)
    memfd.apply(Operation.PIN_SHORT, 3, 1)
    answer = memfd.convert(0, 8, to_private=True)
    assert (answer.outcome, answer.stopped_at) == (Outcome.EAGAIN, 3)
    assert answer.effects == {Effect.HOST_UNMAPPED: 8}
    assert not any(memfd.page(index).is_private for index in range(8))
    memfd.apply(Operation.UNPIN_SHORT, 3, 1)
    assert memfd.convert(0, 8, to_private=True).outcome == Outcome.OK
    assert memfd.page(3).content == 5


def test_a_range_in_the_wanted_state_is_answered_without_looking_at_pins() -> None:
    memfd = GuestMemfd(4, RULES, init_shared=True)
    memfd.apply(Operation.HOST_TOUCH, 0, 4)
    memfd.apply(Operation.PIN_SHORT, 0, 4)
    answer = memfd.convert(0, 4, to_private=False)
    assert (answer.outcome, answer.effects) == (Outcome.OK, {})
    assert memfd.page(0).host_views == 1


def test_ranges_across_1_gib_convert_whole_and_in_part() -> None:
    pages_1g = 512 * 512
    memfd = GuestMemfd(3 * pages_1g, RULES, init_shared=False)
    answer = memfd.convert(pages_1g - 5, pages_1g + 10, to_private=False)
    assert answer.effects == {Effect.CONVERTED: pages_1g + 10}
    for index, is_private in (
        (pages_1g - 6, True),
        (pages_1g - 5, False),
        (2 * pages_1g + 4, False),
        (2 * pages_1g + 5, True),
    ):
        assert memfd.page(index).is_private == is_private
    assert memfd.convert(0, 3 * pages_1g, to_private=True).effects == {Effect.CONVERTED: pages_1g + 10}
    memfd.apply(Operation.PUNCH, pages_1g, pages_1g)
    assert memfd.tree.top["node"][1] == -1, "a 1 GiB entry that is alike again is one word"


@pytest.mark.parametrize(("start", "count"), [(-1, 1), (0, 0), (0, 5), (4, 1), (3, 2)])
def test_ranges_outside_the_file_are_refused(start: int, count: int) -> None:
    with pytest.raises(ValueError, match="non-empty range"):
        GuestMemfd(4, RULES, init_shared=True).convert(start, count, to_private=True)


def test_an_untouched_terabyte_takes_less_than_a_mebibyte() -> None:
    assert GuestMemfd((1 << 40) // 4096, RULES, init_shared=False).state_bytes < 1 << 20


def test_alternating_pages_grow_the_tree_and_collapse_again() -> None:
    memfd = GuestMemfd(4 * HUGE, RULES, init_shared=True)
    for index in np.arange(0, 4 * HUGE, 2):
        memfd.convert(int(index), 1, to_private=True)
    assert sum(memfd.page(index).is_private for index in range(4 * HUGE)) == 2 * HUGE
    assert memfd.convert(0, 4 * HUGE, to_private=True).effects == {Effect.CONVERTED: 2 * HUGE}
    assert len(memfd.tree.leaf) // HUGE == memfd.tree.heights[1]
