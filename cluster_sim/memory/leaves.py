"""Stage-2 leaves of a guest: how large each may be, what breaks them, and which come back.

What a huge block is stands in one word beside its page words: whether the guest's stage-2 maps it by one leaf, whether
the technology keeps such a leaf away, and how many of its pages are shared. A leaf is never larger than its folio
(invariant 6). A guest is one file from offset 0, so its leaves are aligned (M-14).
"""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.effects import Counts, Effect
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import (
    FANOUT,
    PAGES_PER_1G,
    PAGES_PER_2M,
    UNIFORM,
    PageTree,
    apply,
    read_word,
    unfold,
)
from cluster_sim.memory.pages import ACCEPTED, MemoryRules, Operation

LEAF_MAPPED = 1
NO_LEAF = 2
"""Set where the technology has no way back to a huge leaf until the whole block was shared (PSMASH, demote)."""
SHARED_ONE = 1 << 8


@compiled
def block_at(tree: PageTree, page: int, pages: int) -> int:
    """What the huge block of `pages` around a page is."""
    top = tree.top[page // PAGES_PER_1G]
    if pages == PAGES_PER_1G:
        return int(top.block)
    if top.node == UNIFORM:
        return int(top.below)
    return int(tree.mid[top.node * FANOUT + page % PAGES_PER_1G // PAGES_PER_2M].block)


@compiled
def set_block(tree: PageTree, page: int, pages: int, block: int) -> None:
    """Store what the huge block of `pages` around a page is; the tree must have a node to spare."""
    gib = page // PAGES_PER_1G
    top = tree.top[gib]
    if pages == PAGES_PER_1G:
        top.block = block
        return
    if top.node == UNIFORM and top.below == block:
        return
    has_node = unfold(tree, gib)
    assert has_node, "the tree ran out of nodes"
    tree.mid[top.node * FANOUT + page % PAGES_PER_1G // PAGES_PER_2M].block = block


@compiled
def shared_in(block: int) -> int:
    """Pages of a folio that are shared."""
    return block // SHARED_ONE


@compiled
def leaf_at(tree: PageTree, page: int, rules: MemoryRules) -> int:
    """Pages of the largest leaf that may map a page of a whole folio: folio, technology and history cap it (T-5)."""
    leaf = min(rules.folio_pages, rules.leaf_pages)
    while leaf > 1 and block_at(tree, page, leaf) & NO_LEAF:
        leaf //= FANOUT
    return leaf


@compiled
def break_leaf(tree: PageTree, page: int, pages: int, whole: int, sticks: int, effects: Counts) -> None:
    """Take a block's leaf away: all of its range goes, or a part, which `sticks` where there is no way back."""
    block = block_at(tree, page, pages)
    after = block & ~LEAF_MAPPED
    if whole:
        after &= ~NO_LEAF
    elif sticks:
        after |= NO_LEAF
    if block & LEAF_MAPPED:
        effects[Effect.LEAVES_ZAPPED if whole else Effect.LEAVES_BROKEN] += 1
    if after != block:
        set_block(tree, page, pages, after)


@compiled
def smashes(tree: PageTree, page: int, pages: int, rules: MemoryRules) -> bool:
    """Whether converting a part of a block leaves the hardware with small entries for good: it had a large one."""
    had_leaf = block_at(tree, page, pages) & LEAF_MAPPED or read_word(tree, page) & ACCEPTED
    return bool(rules.leaf_is_sticky and had_leaf)


@compiled
def break_leaves(tree: PageTree, start: int, end: int, rules: MemoryRules, effects: Counts) -> None:
    """Pages [start, end) of one folio become shared: no leaf is larger than the 4 KiB folios that it falls into.

    A folio that was split before has no leaves; what was smashed in it may heal (N-3).
    """
    first = start - start % rules.folio_pages
    folio_end = first + rules.folio_pages
    if shared_in(block_at(tree, start, rules.folio_pages)) > 0:
        first, folio_end = start - start % PAGES_PER_2M, min(folio_end, end)
    elif rules.folio_pages == PAGES_PER_1G:
        whole = start == first and end == folio_end
        sticks = smashes(tree, first, PAGES_PER_1G, rules)
        break_leaf(tree, first, PAGES_PER_1G, whole, sticks, effects)
        top = tree.top[first // PAGES_PER_1G]
        if whole and top.node == UNIFORM:
            if top.below & LEAF_MAPPED:
                effects[Effect.LEAVES_ZAPPED] += FANOUT
            top.below = 0
            return
    for page in range(first, folio_end, PAGES_PER_2M):
        whole = start <= page and page + PAGES_PER_2M <= end
        touched = start < page + PAGES_PER_2M and page < end
        sticks = touched and smashes(tree, page, PAGES_PER_2M, rules)
        break_leaf(tree, page, PAGES_PER_2M, whole, sticks, effects)


@compiled
def heal(tree: PageTree, start: int, end: int, rules: MemoryRules, effects: Counts) -> None:
    """Blocks around pages that became shared, with nothing private left in them, may have a leaf again (N-3, K-3)."""
    leaf = PAGES_PER_2M
    while leaf <= min(rules.folio_pages, rules.leaf_pages):
        for page in range(start - start % leaf, end, leaf):
            block = block_at(tree, page, leaf)
            if block & NO_LEAF:
                private, _ = apply(tree, page, leaf, Operation.EXPECT_SHARED, 0, rules, effects)
                if private == Outcome.OK:
                    set_block(tree, page, leaf, block & ~NO_LEAF)
        leaf *= FANOUT


@compiled
def count_leaves(tree: PageTree, first_gib: int, gibs: int, pages: int) -> int:
    """Huge leaves of a size that map a guest's memory, in 1 GiB entries [first_gib, first_gib + gibs)."""
    leaves = 0
    for gib in range(first_gib, first_gib + gibs):
        top = tree.top[gib]
        if pages == PAGES_PER_1G:
            leaves += top.block & LEAF_MAPPED
        elif top.node == UNIFORM:
            leaves += FANOUT * (top.below & LEAF_MAPPED)
        else:
            for i in range(top.node * FANOUT, (top.node + 1) * FANOUT):
                leaves += tree.mid[i].block & LEAF_MAPPED
    return leaves
