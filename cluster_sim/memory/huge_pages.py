"""Huge pages (generation G4): folios of 2 MiB or 1 GiB, split while any of their pages is shared, and merged again.

A folio is split exactly while its count of shared pages is not 0 (invariant 7), or, where the rules keep folios whole
that are all shared, while it is neither 0 nor all. The host's own entries are the pages' own bits, small ones (H-6);
only a folio that is whole and shared is mapped by the host in leaves, too.
"""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.effects import Counts, Effect, add_effects
from cluster_sim.memory.leaves import (
    HOST_LEAF_ONE,
    HOST_LEAVES,
    LEAF_MAPPED,
    NO_LEAF,
    SHARED_ONE,
    block_at,
    break_leaves,
    drop_host_leaves,
    heal,
    is_split,
    join_leaves,
    set_block,
    shared_in,
    whole_leaves,
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
from cluster_sim.memory.pages import (
    GUEST_MAPPED,
    PRESENT,
    VIEWS,
    MemoryRules,
    Operation,
    transition,
)

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
    """Keep the folio's count of shared pages: it is split or merged where that makes it one or several (H-5, H-7)."""
    folio = rules.folio_pages
    before = block_at(tree, page, folio)
    after = before + shared * SHARED_ONE
    assert 0 <= shared_in(after) <= folio, "a folio's count of shared pages is wrong"
    set_block(tree, page, folio, after)
    was_split, split = is_split(before, rules), is_split(after, rules)
    if was_split == split or not read_word(tree, page) & PRESENT:
        return
    if split:
        count_split(1, rules, effects)
    else:
        effects[Effect.MERGED] += 1


@compiled
def convert_folio(
    tree: PageTree, start: int, end: int, to_private: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Convert pages [start, end) of one folio: check pins, break leaves, split or merge, store (H-5).

    A block of 2 MiB that converts whole, in a folio that is whole, takes one leaf: before it to shared, after it to
    private.
    """
    if to_private:
        blocked, index = apply(tree, start, end - start, Operation.EXPECT_UNPINNED, 0, rules, effects)
        if blocked != Outcome.OK and not rules.defers:
            return Outcome.EAGAIN, index
    block = block_at(tree, start, rules.folio_pages)
    converts = shared_in(block) != (0 if to_private else rules.folio_pages)
    was_split = is_split(block, rules)
    leaves = 0
    if converts and min(rules.folio_pages, rules.leaf_pages) > 1:
        leaves = whole_leaves(tree, start, end, to_private)
    if converts and not (to_private and was_split):
        break_leaves(tree, start, end, rules, effects)
    if converts and rules.whole_when_shared and not was_split:
        drop_folio_leaves(tree, start, end, rules, effects)
    before = effects[Effect.CONVERTED]
    operation = Operation.MAKE_PRIVATE if to_private else Operation.MAKE_SHARED
    outcome, index = apply(tree, start, end - start, operation, 0, rules, effects)
    changed = effects[Effect.CONVERTED] - before
    if changed:
        count_converted(tree, start, -changed if to_private else changed, rules, effects)
    if not to_private and rules.leaf_is_sticky:
        heal(tree, start, end, rules, effects)
    split = is_split(block_at(tree, start, rules.folio_pages), rules)
    if changed == end - start and not (split if to_private else was_split):
        effects[Effect.CONVERTED_2M] += leaves
    if leaves > 0 and not split and rules.keeps_guest_mapping:
        join_leaves(tree, start, end)
    return outcome, index


@compiled
def drop_folio_leaves(tree: PageTree, start: int, end: int, rules: MemoryRules, effects: Counts) -> None:
    """The host maps nothing of [start, end) any more, and the rest of the folio by small entries."""
    drop_host_leaves(tree, start, end, HOST_LEAVES, effects)
    first = start - start % rules.folio_pages
    for page in range(first, first + rules.folio_pages, PAGES_PER_2M):
        block = block_at(tree, page, PAGES_PER_2M)
        if block & HOST_LEAVES:
            set_block(tree, page, PAGES_PER_2M, block & ~HOST_LEAVES)


@compiled
def convert_in_split(tree: PageTree, page: int, to_private: int, rules: MemoryRules, effects: Counts) -> bool:
    """Convert one page of a folio that was split and stays split, in one walk; False, and nothing done, otherwise.

    No leaf can break and none can come back, so what `convert_folio` would do is the page's own word and the count.
    """
    index = leaf_index(tree, page)
    block = block_at(tree, page, rules.folio_pages)
    after_block = block + (-SHARED_ONE if to_private else SHARED_ONE)
    stays_split = is_split(block, rules) and is_split(after_block, rules)
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
    block = top.below
    top.word = after
    add_effects(before, after, PAGES_PER_1G, effects)
    changed = (effects[Effect.CONVERTED] - had_converted) // FANOUT
    top.below = (was_shared + (-changed if to_private else changed)) * SHARED_ONE | (
        block & NO_LEAF if to_private else 0
    )
    if block & LEAF_MAPPED:
        effects[Effect.LEAVES_ZAPPED] += FANOUT
    effects[Effect.HOST_UNMAPPED_2M] += FANOUT * leaves_in_views(block)
    if changed == 0:
        return True
    if before & PRESENT and not rules.whole_when_shared:
        if to_private:
            effects[Effect.MERGED] += FANOUT
        else:
            count_split(FANOUT, rules, effects)
    is_in_pages = not block & LEAF_MAPPED and before & GUEST_MAPPED
    if rules.leaf_pages > 1 and not block & NO_LEAF and (to_private or not is_in_pages):
        effects[Effect.CONVERTED_2M] += FANOUT
        if rules.keeps_guest_mapping and after & GUEST_MAPPED and (to_private or rules.whole_when_shared):
            top.below |= LEAF_MAPPED
    return True


@compiled
def leaves_in_views(block: int) -> int:
    """How many of the host's views map a block by one leaf."""
    count = 0
    for view in range(VIEWS):
        if block & (HOST_LEAF_ONE << view):
            count += 1
    return count


@compiled
def fill_folio(tree: PageTree, page: int, rules: MemoryRules, effects: Counts) -> None:
    """Allocate the whole folio of a page; one whose range is partly shared is split at once (H-3)."""
    if read_word(tree, page) & PRESENT:
        return
    apply(tree, page - page % rules.folio_pages, rules.folio_pages, Operation.ALLOCATE, 0, rules, effects)
    if is_split(block_at(tree, page, rules.folio_pages), rules):
        count_split(1, rules, effects)


@compiled
def fold(tree: PageTree, gib: int) -> None:
    """Give a 1 GiB entry's node back if all of it is alike."""
    if tree.top[gib].node != UNIFORM:
        collapse(tree, gib)


@compiled
def count_split_folios(tree: PageTree, first_gib: int, gibs: int, rules: MemoryRules) -> int:
    """Huge pages that lie in 4 KiB pages, in 1 GiB entries [first_gib, first_gib + gibs)."""
    split = 0
    for gib in range(first_gib, first_gib + gibs):
        for page in range(gib * PAGES_PER_1G, (gib + 1) * PAGES_PER_1G, rules.folio_pages):
            if is_split(block_at(tree, page, rules.folio_pages), rules):
                split += 1
    return split
