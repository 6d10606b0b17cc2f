"""Huge pages (generation G4): folios of 2 MiB or 1 GiB, split while any of their pages is shared, and stage-2 leaves.

What a huge block is stands in one word beside its page words: whether the guest's stage-2 maps it by one leaf, whether
the technology keeps such a leaf away, and how many of its pages are shared. A folio is split exactly while that
count is not 0 (invariant 7), and a leaf is never larger than its folio (invariant 6). The host's own entries are
always small (H-6): they are the pages' own bits. A guest is one file from offset 0, so its leaves are aligned (M-14).
"""

from cluster_sim.compiled import compiled
from cluster_sim.memory.effects import (
    CONVERTED,
    LEAVES_BROKEN,
    LEAVES_ZAPPED,
    MERGED,
    SPLIT,
    VMEMMAP_PAGES,
    Counts,
)
from cluster_sim.memory.outcomes import EAGAIN, EINVAL, OK
from cluster_sim.memory.page_tree import (
    FANOUT,
    PAGES_PER_1G,
    PAGES_PER_2M,
    UNIFORM,
    PageTree,
    apply,
    collapse,
    read_word,
    unfold,
)
from cluster_sim.memory.pages import (
    ACCEPT,
    ACCEPTED,
    ALLOCATE,
    EXPECT_SHARED,
    EXPECT_UNPINNED,
    GUEST_TOUCH_PRIVATE,
    GUEST_TOUCH_SHARED,
    GUEST_WRITE,
    HOST_READ,
    HOST_TOUCH,
    MAKE_PRIVATE,
    MAKE_SHARED,
    NO_ACCEPT,
    OPERATION_MASK,
    PIN_LONG,
    PIN_SHORT,
    POISON,
    PRESENT,
    PUNCH,
    UNPIN_LONG,
    UNPIN_SHORT,
    MemoryRules,
    transition,
)

LEAF_MAPPED = 1
NO_LEAF = 2
"""Set where the technology has no way back to a huge leaf until the whole block was shared (PSMASH, demote)."""
SHARED_ONE = 1 << 8
STRUCT_PAGES_PER_PAGE = 64
"""struct page takes 64 bytes, so one page of vmemmap describes 64 pages; HVO keeps the first."""


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
def count_split(rules: MemoryRules, effects: Counts) -> None:
    """Count the split of one folio, and the struct pages that it needs back (HVO)."""
    effects[SPLIT] += 1
    if rules.has_hvo:
        effects[VMEMMAP_PAGES] += rules.folio_pages // STRUCT_PAGES_PER_PAGE - 1


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
        effects[LEAVES_ZAPPED if whole else LEAVES_BROKEN] += 1
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
                effects[LEAVES_ZAPPED] += FANOUT
            top.below = 0
            return
    for page in range(first, folio_end, PAGES_PER_2M):
        whole = start <= page and page + PAGES_PER_2M <= end
        touched = start < page + PAGES_PER_2M and page < end
        sticks = touched and smashes(tree, page, PAGES_PER_2M, rules)
        break_leaf(tree, page, PAGES_PER_2M, whole, sticks, effects)


@compiled
def count_converted(tree: PageTree, page: int, shared: int, rules: MemoryRules, effects: Counts) -> None:
    """Keep the folio's count of shared pages; the last one that goes merges the folio (H-7)."""
    folio = rules.folio_pages
    block = block_at(tree, page, folio) + shared * SHARED_ONE
    count = shared_in(block)
    assert 0 <= count <= folio, "a folio's count of shared pages is wrong"
    set_block(tree, page, folio, block)
    if count == 0 and read_word(tree, page) & PRESENT:
        effects[MERGED] += 1


@compiled
def heal(tree: PageTree, start: int, end: int, rules: MemoryRules, effects: Counts) -> None:
    """Blocks around pages that became shared, with nothing private left in them, may have a leaf again (N-3, K-3)."""
    leaf = PAGES_PER_2M
    while leaf <= min(rules.folio_pages, rules.leaf_pages):
        for page in range(start - start % leaf, end, leaf):
            block = block_at(tree, page, leaf)
            if block & NO_LEAF:
                private, _ = apply(tree, page, leaf, EXPECT_SHARED, 0, rules, effects)
                if private == OK:
                    set_block(tree, page, leaf, block & ~NO_LEAF)
        leaf *= FANOUT


@compiled
def convert_folio(
    tree: PageTree, start: int, end: int, to_private: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Convert pages [start, end) of one folio: check pins, break leaves, split or merge, store (H-5)."""
    if to_private:
        blocked, index = apply(tree, start, end - start, EXPECT_UNPINNED, 0, rules, effects)
        if blocked != OK and not rules.defers:
            return EAGAIN, index
    else:
        break_leaves(tree, start, end, rules, effects)
        is_split = shared_in(block_at(tree, start, rules.folio_pages)) > 0
        if not is_split and read_word(tree, start) & PRESENT:
            count_split(rules, effects)
    before = effects[CONVERTED]
    operation = MAKE_PRIVATE if to_private else MAKE_SHARED
    outcome, index = apply(tree, start, end - start, operation, 0, rules, effects)
    changed = effects[CONVERTED] - before
    if changed:
        count_converted(tree, start, -changed if to_private else changed, rules, effects)
    if not to_private and rules.leaf_is_sticky:
        heal(tree, start, end, rules, effects)
    return outcome, index


@compiled
def fill_folio(tree: PageTree, page: int, rules: MemoryRules, effects: Counts) -> None:
    """Allocate the whole folio of a page; one whose range is partly shared is split at once (H-3)."""
    if read_word(tree, page) & PRESENT:
        return
    apply(tree, page - page % rules.folio_pages, rules.folio_pages, ALLOCATE, 0, rules, effects)
    if shared_in(block_at(tree, page, rules.folio_pages)) > 0:
        count_split(rules, effects)


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
    if operation == ACCEPT and is_part and rules.accept != NO_ACCEPT:
        if not read_word(tree, start) & ACCEPTED and rules.leaf_is_sticky:
            break_leaf(tree, start, leaf, False, True, effects)
        return apply(tree, start, end - start, operation, tag, rules, effects)
    touch = GUEST_TOUCH_PRIVATE if operation == GUEST_WRITE else operation
    outcome, index = apply(tree, first, leaf, touch, 0, rules, effects)
    if outcome != OK:
        return outcome, index
    set_block(tree, start, leaf, block_at(tree, start, leaf) | LEAF_MAPPED)
    if operation == GUEST_WRITE:
        return apply(tree, start, end - start, operation, tag, rules, effects)
    return OK, end


@compiled
def touch_gib(
    tree: PageTree, gib: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """The guest touches a whole 1 GiB entry that is all alike and all private, without telling its blocks apart."""
    top = tree.top[gib]
    if not top.word & PRESENT:
        apply(tree, gib * PAGES_PER_1G, PAGES_PER_1G, ALLOCATE, 0, rules, effects)
    outcome, index = apply(tree, gib * PAGES_PER_1G, PAGES_PER_1G, operation, tag, rules, effects)
    if outcome != OK:
        return outcome, index
    leaf = min(rules.folio_pages, rules.leaf_pages)
    if leaf == PAGES_PER_1G and not top.block & NO_LEAF:
        top.block |= LEAF_MAPPED
    elif leaf > 1 and not top.below & NO_LEAF:
        top.below |= LEAF_MAPPED
    return OK, (gib + 1) * PAGES_PER_1G


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
        is_alike = top.node == UNIFORM and shared_in(top.block) == 0 and shared_in(top.below) == 0
        if page % PAGES_PER_1G == 0 and end - page >= PAGES_PER_1G and is_alike:
            outcome, index = touch_gib(tree, gib, operation, tag, rules, effects)
            page += PAGES_PER_1G
        else:
            _, outcome = transition(read_word(tree, page), operation, tag, rules)
            if outcome != OK:
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
        if outcome != OK:
            return outcome, index
    return OK, end


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
            blocked, index = apply(tree, first, folio, EXPECT_UNPINNED, 0, rules, effects)
            if blocked != OK:
                return EAGAIN, index
            if read_word(tree, first) & PRESENT:
                effects[MERGED] += 1
        for page in range(first, first + folio, PAGES_PER_2M):
            break_leaf(tree, page, PAGES_PER_2M, True, False, effects)
        if folio == PAGES_PER_1G:
            break_leaf(tree, first, folio, True, False, effects)
        apply(tree, first, folio, PUNCH, 0, rules, effects)
    return OK, start + count


@compiled
def poison(tree: PageTree, start: int, count: int, rules: MemoryRules, effects: Counts) -> tuple[int, int]:
    """Memory fails: the pages leave all page tables, so that no leaf can cover them any more (X-17)."""
    for page in range(start, start + count):
        leaf = PAGES_PER_2M
        while leaf <= rules.folio_pages:
            break_leaf(tree, page, leaf, False, True, effects)
            leaf *= FANOUT
    return apply(tree, start, count, POISON, 0, rules, effects)


@compiled
def operate_on_folios(
    tree: PageTree, start: int, count: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Apply an operation to pages of a file of huge pages."""
    kind = operation & OPERATION_MASK
    folio = rules.folio_pages
    if kind == PUNCH or kind == ALLOCATE:
        if start % folio != 0 or count % folio != 0:
            return EINVAL, start  # H-2
        if kind == PUNCH:
            return remove(tree, start, count, rules, effects)
        for page in range(start, start + count, folio):
            fill_folio(tree, page, rules, effects)
        return OK, start + count
    if kind == POISON:
        return poison(tree, start, count, rules, effects)
    if GUEST_TOUCH_PRIVATE <= kind <= ACCEPT and kind != GUEST_TOUCH_SHARED:
        return touch(tree, start, count, operation, tag, rules, effects)
    allocates = kind == GUEST_TOUCH_SHARED or HOST_TOUCH <= kind <= HOST_READ or kind == PIN_SHORT or kind == PIN_LONG
    if not allocates and kind != UNPIN_SHORT and kind != UNPIN_LONG:
        return apply(tree, start, count, operation, tag, rules, effects)
    page = start
    while page < start + count:
        stop = min(start + count, page - page % folio + folio)
        if allocates:
            _, outcome = transition(read_word(tree, page), operation, tag, rules)
            if outcome != OK:
                return outcome, page
            fill_folio(tree, page, rules, effects)
        before = effects[CONVERTED]
        outcome, index = apply(tree, page, stop - page, operation, tag, rules, effects)
        if effects[CONVERTED] != before:
            count_converted(tree, page, before - effects[CONVERTED], rules, effects)
        if outcome != OK:
            return outcome, index
        page = stop
    return OK, start + count


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


@compiled
def count_split_folios(tree: PageTree, first_gib: int, gibs: int, folio_pages: int) -> int:
    """Huge pages of which some page is shared, in 1 GiB entries [first_gib, first_gib + gibs)."""
    split = 0
    for gib in range(first_gib, first_gib + gibs):
        for page in range(gib * PAGES_PER_1G, (gib + 1) * PAGES_PER_1G, folio_pages):
            if shared_in(block_at(tree, page, folio_pages)) > 0:
                split += 1
    return split
