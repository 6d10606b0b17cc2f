"""One guest_memfd file as people use it: the Python face of the compiled functions."""

from typing import NamedTuple

import numpy as np

from cluster_sim.memory.conversion import convert, operate
from cluster_sim.memory.effects import EFFECT_COUNT, Counts, Effect
from cluster_sim.memory.huge_pages import count_split_folios
from cluster_sim.memory.leaves import block_at, count_leaves
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import (
    LEAF,
    MID,
    PAGES_PER_1G,
    PAGES_PER_2M,
    empty_tree,
    grown,
    read_word,
    read_words,
)
from cluster_sim.memory.pages import (
    ACCEPTED,
    CONTENT_SHIFT,
    DEFAULT_RULES,
    DEFERRED,
    EXCLUSIVE,
    GUEST_MAPPED,
    HOST_MAPPED,
    LONG_PIN_MASK,
    LONG_PIN_ONE,
    POISONED,
    PRESENT,
    PRIVATE,
    SHORT_PIN_MASK,
    SHORT_PIN_ONE,
    TWIN,
    UPTODATE,
    VIEW_ONE,
    VIEW_SHIFT,
    VIEWS,
    MemoryRules,
    Operation,
)

__all__ = ["DEFAULT_RULES", "Answer", "GuestMemfd", "Page"]


class Page(NamedTuple):
    """One page as people read it; `host_views` is a bit a host mapping that has the page."""

    is_private: bool
    is_present: bool
    is_uptodate: bool
    host_views: int
    is_guest_mapped: bool
    is_accepted: bool
    is_poisoned: bool
    is_exclusive: bool
    is_deferred: bool
    has_twin: bool
    short_pins: int
    long_pins: int
    content: int

    @property
    def pins(self) -> int:
        """References beyond those of the page cache and the page tables."""
        return self.short_pins + self.long_pins


def page_of(word: int) -> Page:
    """A page word taken apart."""
    return Page(
        is_private=bool(word & PRIVATE),
        is_present=bool(word & PRESENT),
        is_uptodate=bool(word & UPTODATE),
        host_views=(word & HOST_MAPPED) // VIEW_ONE,
        is_guest_mapped=bool(word & GUEST_MAPPED),
        is_accepted=bool(word & ACCEPTED),
        is_poisoned=bool(word & POISONED),
        is_exclusive=bool(word & EXCLUSIVE),
        is_deferred=bool(word & DEFERRED),
        has_twin=bool(word & TWIN),
        short_pins=(word & SHORT_PIN_MASK) // SHORT_PIN_ONE,
        long_pins=(word & LONG_PIN_MASK) // LONG_PIN_ONE,
        content=word >> CONTENT_SHIFT,
    )


class Answer(NamedTuple):
    """What an operation on a range answered, where it stopped, and what it did."""

    outcome: Outcome
    stopped_at: int
    effects: dict[Effect, int]


class GuestMemfd:
    """One file of so many 4 KiB pages; its state grows with its unevenness, never with its size."""

    def __init__(self, page_count: int, rules: MemoryRules = DEFAULT_RULES, *, init_shared: bool) -> None:
        if page_count <= 0 or page_count % rules.folio_pages:
            raise ValueError(f"page_count must be a positive multiple of {rules.folio_pages}, got {page_count}")
        if init_shared and rules.folio_pages > 1:
            raise ValueError("a file of huge pages cannot be shared from the start (H-1)")
        self.page_count = page_count
        self.rules = rules
        self.tree = empty_tree(-(-page_count // PAGES_PER_1G), mid_nodes=0, leaf_nodes=0)
        self.tree.top["word"] = 0 if init_shared else PRIVATE

    def apply(self, operation: Operation, start: int, count: int, *, tag: int = 0, view: int = 0) -> Answer:
        """Apply one operation to pages [start, start + count); pages before a refusal keep what they got."""
        assert 0 <= view < VIEWS
        self._check(start, count)
        self._make_room(count)
        effects = np.zeros(EFFECT_COUNT, np.int64)
        coded = int(operation) | view << VIEW_SHIFT
        outcome, index = operate(self.tree, start, count, coded, tag, self.rules, effects)
        return self._answer(outcome, index, effects)

    def convert(self, start: int, count: int, *, to_private: bool) -> Answer:
        """Convert a range: at 4 KiB all of it or, on EAGAIN, none; of huge pages those before the refused one."""
        self._check(start, count)
        self._make_room(count)
        effects = np.zeros(EFFECT_COUNT, np.int64)
        outcome, index = convert(self.tree, start, count, int(to_private), self.rules, effects)
        return self._answer(outcome, index, effects)

    def page(self, index: int) -> Page:
        """State of one page."""
        self._check(index, 1)
        return page_of(read_word(self.tree, index))

    def words(self, start: int, count: int) -> Counts:
        """The words of a range, as memory/pages.py reads them."""
        self._check(start, count)
        words = np.zeros(count, np.int64)
        read_words(self.tree, start, words)
        return words

    def block(self, page: int, pages: int) -> int:
        """What the huge block of 512 or 262144 pages around a page is (memory/huge_pages.py)."""
        return int(block_at(self.tree, page, pages))

    def leaves(self, pages: int) -> int:
        """Huge leaves of 512 or 262144 pages by which the guest's stage-2 maps the file."""
        assert pages in (PAGES_PER_2M, PAGES_PER_1G)
        return int(count_leaves(self.tree, 0, len(self.tree.top), pages))

    @property
    def split_folios(self) -> int:
        """Huge pages of which some page is shared."""
        if self.rules.folio_pages == 1:
            return 0
        return int(count_split_folios(self.tree, 0, len(self.tree.top), self.rules))

    @property
    def state_bytes(self) -> int:
        """Memory that the state takes, in bytes."""
        return sum(array.nbytes for array in self.tree)

    def _check(self, start: int, count: int) -> None:
        if start < 0 or count <= 0 or start + count > self.page_count:
            raise ValueError(
                f"pages [{start}, {start + count}) must be a non-empty range within [0, {self.page_count})"
            )

    def _answer(self, outcome: int, index: int, effects: Counts) -> Answer:
        assert outcome != Outcome.ENOMEM or self.tree.heights.min() > 0, "the tree ran out of nodes"
        return Answer(Outcome(outcome), index, {effect: int(effects[effect]) for effect in Effect if effects[effect]})

    def _make_room(self, count: int) -> None:
        """An operation makes the two ends of its range uneven; on huge pages, each 1 GiB that it passes."""
        mids = 2 + (0 if self.rules.folio_pages == 1 else -(-count // PAGES_PER_1G))
        while self.tree.heights[MID] < mids or self.tree.heights[LEAF] < 2:
            self.tree = grown(self.tree)
