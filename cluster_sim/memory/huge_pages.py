"""Huge pages (generation G4): folios of 2 MiB or 1 GiB, split while any of their pages is shared, and merged again.

A folio is split exactly while its count of shared pages is not 0 (invariant 7). The host's own entries are always
small (H-6): they are the pages' own bits.
"""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.effects import Counts, Effect, add_effects
from cluster_sim.memory.leaves import (
    LEAF_MAPPED,
    NO_LEAF,
    SHARED_ONE,
    block_at,
    break_leaf,
    break_leaves,
    heal,
    leaf_at,
    set_block,
    shared_in,
)
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import (
    FANOUT,
    PAGES_PER_1G,
    PAGES_PER_2M,
    UNIFORM,
    PageTree,
    apply,
    collapse,
    leaf_index,
    read_word,
)
from cluster_sim.memory.pages import ACCEPTED, NO_ACCEPT, OPERATION_MASK, PRESENT, MemoryRules, Operation, transition

STRUCT_PAGES_PER_PAGE = 64
"""struct page takes 64 bytes, so one page of vmemmap describes 64 pages; HVO keeps the first."""


@compiled
def count_split(folios: int, rules: MemoryRules, effects: Counts) -> None:
    """Count the split of folios, and the struct pages that they need back (HVO)."""
    effects[Effect.SPLIT] += folios
    if rules.has_hvo:
        effects[Effect.VMEMMAP_PAGES] += folios * (rules.folio_pages // STRUCT_PAGES_PER_PAGE - 1)


@compiled
def count_converted(tree: PageTree, page: int, shared: int, rules: MemoryRules, effects: Counts) -> None:
    """Keep the folio's count of shared pages; the last one that goes merges the folio (H-7)."""
    folio = rules.folio_pages
    block = block_at(tree, page, folio) + shared * SHARED_ONE
    count = shared_in(block)
    assert 0 <= count <= folio, "a folio's count of shared pages is wrong"
    set_block(tree, page, folio, block)
    if count == 0 and read_word(tree, page) & PRESENT:
        effects[Effect.MERGED] += 1


@compiled
def convert_folio(
    tree: PageTree, start: int, end: int, to_private: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Convert pages [start, end) of one folio: check pins, break leaves, split or merge, store (H-5)."""
    if to_private:
        blocked, index = apply(tree, start, end - start, Operation.EXPECT_UNPINNED, 0, rules, effects)
        if blocked != Outcome.OK and not rules.defers:
            return Outcome.EAGAIN, index
    else:
        break_leaves(tree, start, end, rules, effects)
        is_split = shared_in(block_at(tree, start, rules.folio_pages)) > 0
        if not is_split and read_word(tree, start) & PRESENT:
            count_split(1, rules, effects)
    before = effects[Effect.CONVERTED]
    operation = Operation.MAKE_PRIVATE if to_private else Operation.MAKE_SHARED
    outcome, index = apply(tree, start, end - start, operation, 0, rules, effects)
    changed = effects[Effect.CONVERTED] - before
    if changed:
        count_converted(tree, start, -changed if to_private else changed, rules, effects)
    if not to_private and rules.leaf_is_sticky:
        heal(tree, start, end, rules, effects)
    return outcome, index


@compiled
def convert_in_split(tree: PageTree, page: int, to_private: int, rules: MemoryRules, effects: Counts) -> bool:
    """Convert one page of a folio that was split and stays split, in one walk; False, and nothing done, otherwise.

    No leaf can break and none can come back, so what `convert_folio` would do is the page's own word and the count.
    """
    index = leaf_index(tree, page)
    block = block_at(tree, page, rules.folio_pages)
    stays_split = shared_in(block) > (1 if to_private else 0)
    if index == UNIFORM or not stays_split or rules.leaf_is_sticky:
        return False
    before = tree.leaf[index]
    if to_private and not rules.defers and transition(before, Operation.EXPECT_UNPINNED, 0, rules)[1] != Outcome.OK:
        return False
    after, outcome = transition(before, Operation.MAKE_PRIVATE if to_private else Operation.MAKE_SHARED, 0, rules)
    if outcome != Outcome.OK:
        return False
    had_converted = effects[Effect.CONVERTED]
    tree.leaf[index] = after
    add_effects(before, after, 1, effects)
    changed = effects[Effect.CONVERTED] - had_converted
    set_block(tree, page, rules.folio_pages, block + (-changed if to_private else changed) * SHARED_ONE)
    return True


@compiled
def convert_gib(tree: PageTree, gib: int, to_private: int, rules: MemoryRules, effects: Counts) -> bool:
    """Convert the 2 MiB folios of a 1 GiB entry that are all alike in one step; False, and nothing done, otherwise."""
    top = tree.top[gib]
    before = top.word
    was_shared = shared_in(top.below)
    if top.node != UNIFORM or rules.folio_pages != PAGES_PER_2M:
        return False
    if to_private and not rules.defers and transition(before, Operation.EXPECT_UNPINNED, 0, rules)[1] != Outcome.OK:
        return False
    after, outcome = transition(before, Operation.MAKE_PRIVATE if to_private else Operation.MAKE_SHARED, 0, rules)
    if outcome != Outcome.OK:
        return False
    had_converted = effects[Effect.CONVERTED]
    top.word = after
    add_effects(before, after, PAGES_PER_1G, effects)
    changed = (effects[Effect.CONVERTED] - had_converted) // FANOUT
    if to_private:
        top.below -= changed * SHARED_ONE
        if changed and after & PRESENT:
            effects[Effect.MERGED] += FANOUT
        return True
    if was_shared == 0 and before & PRESENT:
        count_split(FANOUT, rules, effects)
    if top.below & LEAF_MAPPED:
        effects[Effect.LEAVES_ZAPPED] += FANOUT
    top.below = (was_shared + changed) * SHARED_ONE
    return True


@compiled
def fill_folio(tree: PageTree, page: int, rules: MemoryRules, effects: Counts) -> None:
    """Allocate the whole folio of a page; one whose range is partly shared is split at once (H-3)."""
    if read_word(tree, page) & PRESENT:
        return
    apply(tree, page - page % rules.folio_pages, rules.folio_pages, Operation.ALLOCATE, 0, rules, effects)
    if shared_in(block_at(tree, page, rules.folio_pages)) > 0:
        count_split(1, rules, effects)


@compiled
def touch_leaf(
    tree: PageTree, start: int, end: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """The guest touches pages [start, end) of one block of a whole folio: stage-2 maps as large a leaf as it may."""
    leaf = leaf_at(tree, start, rules)
    first = start - start % max(leaf, 1)
    if leaf == 1:
        return apply(tree, start, end - start, operation, tag, rules, effects)
    is_part = end - start < leaf
    if operation == Operation.ACCEPT and is_part and rules.accept != NO_ACCEPT:
        if not read_word(tree, start) & ACCEPTED and rules.leaf_is_sticky:
            break_leaf(tree, start, leaf, False, True, effects)
        return apply(tree, start, end - start, operation, tag, rules, effects)
    touch = Operation.GUEST_TOUCH_PRIVATE if operation == Operation.GUEST_WRITE else operation
    outcome, index = apply(tree, first, leaf, touch, 0, rules, effects)
    if outcome != Outcome.OK:
        return outcome, index
    set_block(tree, start, leaf, block_at(tree, start, leaf) | LEAF_MAPPED)
    if operation == Operation.GUEST_WRITE:
        return apply(tree, start, end - start, operation, tag, rules, effects)
    return Outcome.OK, end


@compiled
def touch_gib(
    tree: PageTree, gib: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """The guest touches a whole 1 GiB entry that is all alike and all private, without telling its blocks apart."""
    top = tree.top[gib]
    if not top.word & PRESENT:
        apply(tree, gib * PAGES_PER_1G, PAGES_PER_1G, Operation.ALLOCATE, 0, rules, effects)
    outcome, index = apply(tree, gib * PAGES_PER_1G, PAGES_PER_1G, operation, tag, rules, effects)
    if outcome != Outcome.OK:
        return outcome, index
    leaf = min(rules.folio_pages, rules.leaf_pages)
    if leaf == PAGES_PER_1G and not top.block & NO_LEAF:
        top.block |= LEAF_MAPPED
    elif leaf > 1 and not top.below & NO_LEAF:
        top.below |= LEAF_MAPPED
    return Outcome.OK, (gib + 1) * PAGES_PER_1G


@compiled
def touch(
    tree: PageTree, start: int, count: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """The guest touches pages, folio by folio: whole folios by huge leaves, split ones page by page."""
    page = start
    end = start + count
    while page < end:
        gib = page // PAGES_PER_1G
        top = tree.top[gib]
        is_uniform = top.node == UNIFORM and shared_in(top.block) == 0 and shared_in(top.below) == 0
        if page % PAGES_PER_1G == 0 and end - page >= PAGES_PER_1G and is_uniform:
            outcome, index = touch_gib(tree, gib, operation, tag, rules, effects)
            page += PAGES_PER_1G
        else:
            _, outcome = transition(read_word(tree, page), operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, page
            fill_folio(tree, page, rules, effects)
            stop = min(end, page - page % PAGES_PER_2M + PAGES_PER_2M)
            if shared_in(block_at(tree, page, rules.folio_pages)) > 0:
                outcome, index = apply(tree, page, stop - page, operation, tag, rules, effects)
            else:
                outcome, index = touch_leaf(tree, page, stop, operation, tag, rules, effects)
            page = stop
            if page % PAGES_PER_1G == 0:
                fold(tree, gib)
        if outcome != Outcome.OK:
            return outcome, index
    return Outcome.OK, end


@compiled
def fold(tree: PageTree, gib: int) -> None:
    """Give a 1 GiB entry's node back if all of it is alike."""
    if tree.top[gib].node != UNIFORM:
        collapse(tree, gib)


@compiled
def remove(tree: PageTree, start: int, count: int, rules: MemoryRules, effects: Counts) -> tuple[int, int]:
    """Punch whole folios: a split one is merged first, which pins forbid (H-2)."""
    folio = rules.folio_pages
    for first in range(start, start + count, folio):
        is_split = shared_in(block_at(tree, first, folio)) > 0
        if is_split:
            blocked, index = apply(tree, first, folio, Operation.EXPECT_UNPINNED, 0, rules, effects)
            if blocked != Outcome.OK:
                return Outcome.EAGAIN, index
            if read_word(tree, first) & PRESENT:
                effects[Effect.MERGED] += 1
        for page in range(first, first + folio, PAGES_PER_2M):
            break_leaf(tree, page, PAGES_PER_2M, True, False, effects)
        if folio == PAGES_PER_1G:
            break_leaf(tree, first, folio, True, False, effects)
        apply(tree, first, folio, Operation.PUNCH, 0, rules, effects)
    return Outcome.OK, start + count


@compiled
def poison(tree: PageTree, start: int, count: int, rules: MemoryRules, effects: Counts) -> tuple[int, int]:
    """Memory fails: the pages leave all page tables, so that no leaf can cover them any more (X-17)."""
    for page in range(start, start + count):
        leaf = PAGES_PER_2M
        while leaf <= rules.folio_pages:
            break_leaf(tree, page, leaf, False, True, effects)
            leaf *= FANOUT
    return apply(tree, start, count, Operation.POISON, 0, rules, effects)


@compiled
def operate_on_folios(
    tree: PageTree, start: int, count: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Apply an operation to pages of a file of huge pages."""
    kind = operation & OPERATION_MASK
    folio = rules.folio_pages
    if kind == Operation.PUNCH or kind == Operation.ALLOCATE:
        if start % folio != 0 or count % folio != 0:
            return Outcome.EINVAL, start  # H-2
        if kind == Operation.PUNCH:
            return remove(tree, start, count, rules, effects)
        for page in range(start, start + count, folio):
            fill_folio(tree, page, rules, effects)
        return Outcome.OK, start + count
    if kind == Operation.POISON:
        return poison(tree, start, count, rules, effects)
    if Operation.GUEST_TOUCH_PRIVATE <= kind <= Operation.ACCEPT and kind != Operation.GUEST_TOUCH_SHARED:
        return touch(tree, start, count, operation, tag, rules, effects)
    allocates = (
        kind == Operation.GUEST_TOUCH_SHARED
        or Operation.HOST_TOUCH <= kind <= Operation.HOST_READ
        or kind == Operation.PIN_SHORT
        or kind == Operation.PIN_LONG
    )
    if not allocates and kind != Operation.UNPIN_SHORT and kind != Operation.UNPIN_LONG:
        return apply(tree, start, count, operation, tag, rules, effects)
    page = start
    while page < start + count:
        stop = min(start + count, page - page % folio + folio)
        if allocates:
            _, outcome = transition(read_word(tree, page), operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, page
            fill_folio(tree, page, rules, effects)
        before = effects[Effect.CONVERTED]
        outcome, index = apply(tree, page, stop - page, operation, tag, rules, effects)
        if effects[Effect.CONVERTED] != before:
            count_converted(tree, page, before - effects[Effect.CONVERTED], rules, effects)
        if outcome != Outcome.OK:
            return outcome, index
        page = stop
    return Outcome.OK, start + count


@compiled
def count_split_folios(tree: PageTree, first_gib: int, gibs: int, folio_pages: int) -> int:
    """Huge pages of which some page is shared, in 1 GiB entries [first_gib, first_gib + gibs)."""
    split = 0
    for gib in range(first_gib, first_gib + gibs):
        for page in range(gib * PAGES_PER_1G, (gib + 1) * PAGES_PER_1G, folio_pages):
            if shared_in(block_at(tree, page, folio_pages)) > 0:
                split += 1
    return split
