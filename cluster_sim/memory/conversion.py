"""Conversion of a range between private and shared, and the one door to every operation on pages.

Order of steps as in KVM_SET_MEMORY_ATTRIBUTES2 (docs/model.md §2): equal? → unmap from all processes → references? →
store. Nobody sees the state between; so references are looked at first here, and the pages lose their mappings as they
become private, or all at once when they are refused. At 4 KiB a range converts whole or not at all; huge pages convert
one by one (H-4).
"""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.effects import Counts, add_effects
from cluster_sim.memory.huge_page_accesses import operate_on_folios, unmap
from cluster_sim.memory.huge_pages import convert_folio, convert_gib, convert_in_split, fold
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import PAGES_PER_1G, UNIFORM, PageTree, apply, leaf_index, read_word
from cluster_sim.memory.pages import EXCLUSIVE_PINS, FIXED, IN_PLACE, MemoryRules, Operation, transition


@compiled
def operate(
    tree: PageTree, start: int, count: int, operation: int, tag: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Apply an operation to pages [start, start + count) up to the first refusal; (outcome, refused page or end)."""
    if rules.folio_pages == 1:
        return apply(tree, start, count, operation, tag, rules, effects)
    return operate_on_folios(tree, start, count, operation, tag, rules, effects)


@compiled
def is_converted(tree: PageTree, start: int, count: int, to_private: int, rules: MemoryRules, effects: Counts) -> bool:
    """Whether all of a range has the wanted attribute; mostly its first page tells that it has not."""
    wanted = Operation.EXPECT_PRIVATE if to_private else Operation.EXPECT_SHARED
    _, differs = transition(read_word(tree, start), wanted, 0, rules)
    if differs != Outcome.OK:
        return False
    differs, _ = apply(tree, start, count, wanted, 0, rules, effects)
    return bool(differs == Outcome.OK)


@compiled
def convert_small(
    tree: PageTree, start: int, count: int, to_private: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Convert 4 KiB folios: all of the range, or none if a page has unexpected references (V-4).

    The exclusive-pin design converts page by page, and neither unmaps the host nor is all or nothing (Q-5, Q-7).
    """
    if not to_private:
        return apply(tree, start, count, Operation.MAKE_SHARED, 0, rules, effects)  # V-6: references are not asked for
    if rules.backing == IN_PLACE and not rules.defers:
        blocked, index = apply(tree, start, count, Operation.EXPECT_UNPINNED, 0, rules, effects)
        if blocked != Outcome.OK:
            apply(tree, start, count, Operation.UNMAP_ALL, 0, rules, effects)  # the kernel unmaps before it looks
            return Outcome.EAGAIN, index
    return apply(tree, start, count, Operation.MAKE_PRIVATE, 0, rules, effects)


@compiled
def convert_page(words: Counts, index: int, to_private: int, rules: MemoryRules, effects: Counts) -> int:
    """Convert one 4 KiB folio that has a word of its own: the same order on one word, in one walk of the tree."""
    before = words[index]
    _, differs = transition(before, Operation.EXPECT_PRIVATE if to_private else Operation.EXPECT_SHARED, 0, rules)
    if differs == Outcome.OK and rules.backing != EXCLUSIVE_PINS:
        return Outcome.OK
    operation = Operation.MAKE_PRIVATE if to_private else Operation.MAKE_SHARED
    refusal: int = Outcome.OK
    if to_private and rules.backing == IN_PLACE and not rules.defers:
        _, refusal = transition(before, Operation.EXPECT_UNPINNED, 0, rules)
        if refusal != Outcome.OK:
            operation = Operation.UNMAP_ALL
    after, outcome = transition(before, operation, 0, rules)
    if outcome == Outcome.OK and after != before:
        words[index] = after
        add_effects(before, after, 1, effects)
    return refusal if refusal != Outcome.OK else outcome


@compiled
def convert(
    tree: PageTree, start: int, count: int, to_private: int, rules: MemoryRules, effects: Counts
) -> tuple[int, int]:
    """Convert a range; (outcome, first page with unexpected references if it was refused, else the range's end)."""
    if rules.backing == FIXED:
        return Outcome.ENOTTY, start  # F-12: the file is what it was made, for good
    if count == 1 and rules.folio_pages == 1:
        index = leaf_index(tree, start)
        if index != UNIFORM:
            outcome = convert_page(tree.leaf, index, to_private, rules, effects)
            return outcome, start + (1 if outcome == Outcome.OK else 0)
    if count == 1 and rules.folio_pages > 1 and convert_in_split(tree, start, to_private, rules, effects):
        return Outcome.OK, start + 1
    if is_converted(tree, start, count, to_private, rules, effects) and rules.backing != EXCLUSIVE_PINS:
        return Outcome.OK, start + count  # V-3
    if rules.folio_pages == 1:
        return convert_small(tree, start, count, to_private, rules, effects)
    page = start
    while page < start + count:
        gib = page // PAGES_PER_1G
        is_whole = page % PAGES_PER_1G == 0 and start + count - page >= PAGES_PER_1G
        if is_whole and convert_gib(tree, gib, to_private, rules, effects):
            page += PAGES_PER_1G
            continue
        stop = min(start + count, page - page % rules.folio_pages + rules.folio_pages)
        outcome, index = convert_folio(tree, page, stop, to_private, rules, effects)
        if outcome != Outcome.OK:
            unmap(tree, page, stop - page, Operation.UNMAP_ALL, rules, effects)
            return outcome, index  # H-4: earlier huge pages stay converted
        page = stop
        if page % PAGES_PER_1G == 0:
            fold(tree, gib)
    return Outcome.OK, start + count
