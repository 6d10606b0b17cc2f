"""Everything but conversion that happens to files of huge pages: touches by leaves, pins, unmapping, punching, failing.

The guest maps a whole folio by huge leaves, the host only one that is whole and shared; a split one goes by pages.
"""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.effects import Counts, Effect
from cluster_sim.memory.huge_pages import count_converted, fill_folio, fold
from cluster_sim.memory.leaves import (
    HOST_LEAF_ONE,
    HOST_LEAVES,
    LEAF_MAPPED,
    NO_LEAF,
    block_at,
    break_leaf,
    drop_host_leaves,
    is_split,
    leaf_at,
    set_block,
    shared_in,
    touch_host_leaf,
)
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import (
    FANOUT,
    PAGES_PER_1G,
    PAGES_PER_2M,
    UNIFORM,
    PageTree,
    apply,
    read_word,
)
from cluster_sim.memory.pages import (
    ACCEPTED,
    NO_ACCEPT,
    OPERATION_MASK,
    PRESENT,
    PRIVATE,
    VIEW_SHIFT,
    MemoryRules,
    Operation,
    transition,
)


@compiled
def apply_to_leaf_block(
    tree: PageTree, first: int, leaf: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """The guest touches all of a leaf: what comes new for all of its pages is one leaf, of 2 MiB or several such."""
    faults, accepted = effects[Effect.GUEST_FAULTS], effects[Effect.ACCEPTED]
    outcome, index = apply(tree, first, leaf, operation, tag, rules, effects)
    if effects[Effect.GUEST_FAULTS] - faults == leaf:
        effects[Effect.GUEST_FAULTS_2M] += leaf // PAGES_PER_2M
    if effects[Effect.ACCEPTED] - accepted == leaf:
        effects[Effect.ACCEPTED_2M] += leaf // PAGES_PER_2M
    return outcome, index


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
    touch = operation
    if operation == Operation.GUEST_WRITE:
        is_private = read_word(tree, start) & PRIVATE
        touch = Operation.GUEST_TOUCH_PRIVATE if is_private else Operation.GUEST_TOUCH_SHARED
    outcome, _ = apply_to_leaf_block(tree, first, leaf, touch, 0, rules, effects)
    if outcome != Outcome.OK:
        return apply(tree, start, end - start, operation, tag, rules, effects)  # a page that failed allows no leaf
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
    leaf = min(rules.folio_pages, rules.leaf_pages)
    first = gib * PAGES_PER_1G
    if leaf == 1 or (leaf == PAGES_PER_2M and top.below & NO_LEAF) or (leaf == PAGES_PER_1G and top.block & NO_LEAF):
        return apply(tree, first, PAGES_PER_1G, operation, tag, rules, effects)
    outcome, index = apply_to_leaf_block(tree, first, PAGES_PER_1G, operation, tag, rules, effects)
    if outcome != Outcome.OK:
        return outcome, index
    if leaf == PAGES_PER_1G:
        top.block |= LEAF_MAPPED
    else:
        top.below |= LEAF_MAPPED
    return Outcome.OK, first + PAGES_PER_1G


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
        _, outcome = transition(read_word(tree, page), operation, tag, rules)
        if outcome != Outcome.OK:
            return outcome, page
        is_uniform = top.node == UNIFORM and shared_in(top.block) == 0 and shared_in(top.below) == 0
        if page % PAGES_PER_1G == 0 and end - page >= PAGES_PER_1G and is_uniform:
            outcome, index = touch_gib(tree, gib, operation, tag, rules, effects)
            page += PAGES_PER_1G
        else:
            fill_folio(tree, page, rules, effects)
            stop = min(end, page - page % PAGES_PER_2M + PAGES_PER_2M)
            if is_split(block_at(tree, page, rules.folio_pages), rules):
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
def remove(tree: PageTree, start: int, count: int, rules: MemoryRules, effects: Counts) -> tuple[int, int]:
    """Punch whole folios: a split one is merged first, which pins forbid (H-2)."""
    folio = rules.folio_pages
    for first in range(start, start + count, folio):
        if is_split(block_at(tree, first, folio), rules):
            blocked, index = apply(tree, first, folio, Operation.EXPECT_UNPINNED, 0, rules, effects)
            if blocked != Outcome.OK:
                return Outcome.EAGAIN, index
            if read_word(tree, first) & PRESENT:
                effects[Effect.MERGED] += 1
        for page in range(first, first + folio, PAGES_PER_2M):
            break_leaf(tree, page, PAGES_PER_2M, True, False, effects)
        if folio == PAGES_PER_1G:
            break_leaf(tree, first, folio, True, False, effects)
        drop_host_leaves(tree, first, first + folio, HOST_LEAVES, effects)
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
        drop_host_leaves(tree, page, page + 1, HOST_LEAVES, effects)
    return apply(tree, start, count, Operation.POISON, 0, rules, effects)


@compiled
def unmap(tree: PageTree, start: int, count: int, operation: int, rules: MemoryRules, effects: Counts) -> None:
    """The host drops its entries of a range, in one view or in all."""
    if rules.whole_when_shared:
        views = HOST_LEAVES
        if operation & OPERATION_MASK == Operation.UNMAP_HOST:
            views = HOST_LEAF_ONE << (operation >> VIEW_SHIFT)
        drop_host_leaves(tree, start, start + count, views, effects)
    apply(tree, start, count, operation, 0, rules, effects)


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
    if kind == Operation.UNMAP_HOST or kind == Operation.UNMAP_ALL:
        unmap(tree, start, count, operation, rules, effects)
        return Outcome.OK, start + count
    if Operation.GUEST_TOUCH_PRIVATE <= kind <= Operation.ACCEPT or kind == Operation.MAP_FOR_GUEST:
        return touch(tree, start, count, operation, tag, rules, effects)
    is_host_access = Operation.HOST_TOUCH <= kind <= Operation.HOST_READ
    is_pin = kind == Operation.PIN_SHORT or kind == Operation.PIN_LONG
    if not is_host_access and not is_pin and kind != Operation.UNPIN_SHORT and kind != Operation.UNPIN_LONG:
        return apply(tree, start, count, operation, tag, rules, effects)
    page = start
    while page < start + count:
        stop = min(start + count, page - page % folio + folio)
        if is_host_access or is_pin:
            _, outcome = transition(read_word(tree, page), operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, page
            fill_folio(tree, page, rules, effects)
        if is_host_access and shared_in(block_at(tree, page, folio)) == folio and rules.whole_when_shared:
            for block in range(page - page % PAGES_PER_2M, stop, PAGES_PER_2M):
                touch_host_leaf(tree, block, operation, rules, effects)
        before = effects[Effect.CONVERTED]
        outcome, index = apply(tree, page, stop - page, operation, tag, rules, effects)
        if effects[Effect.CONVERTED] != before:
            count_converted(tree, page, before - effects[Effect.CONVERTED], rules, effects)
        if outcome != Outcome.OK:
            return outcome, index
        if is_pin:
            first_block = -(-page // PAGES_PER_2M)
            effects[Effect.PINNED_2M] += max(0, stop // PAGES_PER_2M - first_block)
        page = stop
    return Outcome.OK, start + count
