"""Stage-2 leaves of a guest: how large each may be, what breaks them, and which come back.

What a huge block is stands in one word beside its page words: whether the guest's stage-2 maps it by one leaf, whether
the technology keeps such a leaf away, which views of the host map it by one leaf, and how many of its pages are shared.
A leaf is never larger than its folio (invariant 6). A guest is one file from offset 0, so its leaves align (M-14).
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
    leaf_index,
    read_word,
    unfold,
)
from cluster_sim.memory.pages import ACCEPTED, GUEST_MAPPED, VIEW_SHIFT, VIEWS, MemoryRules, Operation

LEAF_MAPPED = 1
NO_LEAF = 2
"""Set where the technology has no way back to a huge leaf until the whole block was shared (PSMASH, demote)."""
HOST_LEAF_ONE = 1 << 2
HOST_LEAVES = (HOST_LEAF_ONE << VIEWS) - HOST_LEAF_ONE
"""Which of the host's views map the block by one leaf: a bit a view, only where huge pages stay whole when shared."""
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
def is_split(block: int, rules: MemoryRules) -> bool:
    """Whether a folio lies in 4 KiB pages: some of it is shared, or, where the rules say so, only a part is."""
    shared = shared_in(block)
    return bool(shared > 0 and not (rules.whole_when_shared and shared == rules.folio_pages))


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
    """Pages [start, end) of one folio convert: no leaf is larger than the 4 KiB folios that it falls into.

    A folio that was split before has no leaves; what was smashed in it may heal (N-3).
    """
    first = start - start % rules.folio_pages
    folio_end = first + rules.folio_pages
    if is_split(block_at(tree, start, rules.folio_pages), rules):
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
def mapped_in(tree: PageTree, page: int) -> int:
    """Pages of a 2 MiB block that the guest's stage-2 maps, in leaves of whatever size."""
    if leaf_index(tree, page) == UNIFORM:
        return PAGES_PER_2M if read_word(tree, page) & GUEST_MAPPED else 0
    first = leaf_index(tree, page)
    mapped = 0
    for i in range(first, first + PAGES_PER_2M):
        if tree.leaf[i] & GUEST_MAPPED:
            mapped += 1
    return mapped


@compiled
def whole_leaves(tree: PageTree, start: int, end: int, to_private: int) -> int:
    """Blocks of 2 MiB of [start, end) that the hardware can convert by one leaf each, in a folio that is whole.

    To shared it must hold them so, or not at all yet; to private the guest's next fault or accept is what decides.
    """
    count = 0
    for page in range(-(-start // PAGES_PER_2M) * PAGES_PER_2M, end - PAGES_PER_2M + 1, PAGES_PER_2M):
        block = block_at(tree, page, PAGES_PER_2M)
        has_leaf = (block | block_at(tree, page, PAGES_PER_1G)) & LEAF_MAPPED
        if not block & NO_LEAF and (to_private or has_leaf or mapped_in(tree, page) == 0):
            count += 1
    return count


@compiled
def join_leaves(tree: PageTree, start: int, end: int) -> None:
    """Blocks of [start, end) that converted whole, and whose guest kept its mapping, are mapped by a leaf again."""
    for page in range(-(-start // PAGES_PER_2M) * PAGES_PER_2M, end - PAGES_PER_2M + 1, PAGES_PER_2M):
        block = block_at(tree, page, PAGES_PER_2M)
        if not block & NO_LEAF and mapped_in(tree, page) == PAGES_PER_2M:
            set_block(tree, page, PAGES_PER_2M, block | LEAF_MAPPED)


@compiled
def touch_host_leaf(tree: PageTree, page: int, operation: int, rules: MemoryRules, effects: Counts) -> None:
    """A view of the host maps the block around a page by one leaf; a page in it that failed forbids that."""
    first = page - page % PAGES_PER_2M
    before = effects[Effect.HOST_FAULTS]
    view = operation >> VIEW_SHIFT
    outcome, _ = apply(tree, first, PAGES_PER_2M, Operation.HOST_TOUCH | view << VIEW_SHIFT, 0, rules, effects)
    if outcome != Outcome.OK:
        return
    if effects[Effect.HOST_FAULTS] - before == PAGES_PER_2M:
        effects[Effect.HOST_FAULTS_2M] += 1
    block = block_at(tree, page, PAGES_PER_2M)
    set_block(tree, page, PAGES_PER_2M, block | (HOST_LEAF_ONE << view))


@compiled
def drop_host_leaves(tree: PageTree, start: int, end: int, views: int, effects: Counts) -> None:
    """The host loses its entries of [start, end) in `views`: whole leaves with their blocks, of the others a part."""
    for page in range(start - start % PAGES_PER_2M, end, PAGES_PER_2M):
        block = block_at(tree, page, PAGES_PER_2M)
        gone = block & views
        if not gone:
            continue
        set_block(tree, page, PAGES_PER_2M, block & ~gone)
        for view in range(VIEWS):
            if gone & (HOST_LEAF_ONE << view) and start <= page and page + PAGES_PER_2M <= end:
                effects[Effect.HOST_UNMAPPED_2M] += 1


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
