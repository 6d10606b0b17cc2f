"""Page words in a tree that is as deep as it is uneven.

A file's index space is cut into 1 GiB, 2 MiB and 4 KiB entries; an entry whose pages are all alike is one
word, so an untouched terabyte costs a thousand words and a uniform range converts in a handful of steps (the
kernel's maple tree merges equal neighbours for the same reason, docs/model.md). Several files live in
one tree, each from a 1 GiB boundary on.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.memory.effects import add_effects
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import MemoryRules, transition

FANOUT = 512
PAGES_PER_2M = FANOUT
PAGES_PER_1G = FANOUT * FANOUT
UNIFORM = -1

MID = 0
LEAF = 1
LONG_STRIDE = 128
SHORT_STRIDE = 16

Words = npt.NDArray[np.int64]
Entries = npt.NDArray[np.void]


ENTRY_FIELDS: Final = (
    Field("word", "", "word of all its pages, where these are equal"),
    Field("node", "", "node one level down that tells its pages apart, or UNIFORM"),
    Field("block", "", "what the entry is as one huge block (memory/huge_pages.py)"),
    Field("below", "", "what each 2 MiB block of a 1 GiB entry is, as long as no node tells them apart"),
)
ENTRY: Final = record_of(ENTRY_FIELDS)
"""A 1 GiB or 2 MiB entry."""


@by_reference
class PageTree(NamedTuple):
    """Entries of 1 GiB, nodes of 512 entries of 2 MiB, nodes of 512 page words, and the nodes not in use.

    `unused` has shape (2, nodes): a stack each of unused nodes of 2 MiB entries and of page words, their heights
    in `heights`.
    """

    top: Entries
    mid: Entries
    leaf: Words
    unused: Words
    heights: Words


def empty_tree(gib_entries: int, *, mid_nodes: int, leaf_nodes: int) -> PageTree:
    """A tree of holes, all shared, with room for so many uneven 1 GiB and 2 MiB entries.

    Nodes are filled when they are taken: until then they take no memory.
    """
    top, mid = np.zeros(gib_entries, ENTRY), np.zeros(mid_nodes * FANOUT, ENTRY)
    top["node"] = UNIFORM
    unused = np.zeros((2, max(mid_nodes, leaf_nodes)), np.int64)
    unused[0, :mid_nodes] = np.arange(mid_nodes - 1, -1, -1)
    unused[1, :leaf_nodes] = np.arange(leaf_nodes - 1, -1, -1)
    return PageTree(top, mid, np.zeros(leaf_nodes * FANOUT, np.int64), unused, np.array([mid_nodes, leaf_nodes]))


@compiled
def take_node(tree: PageTree, level: int) -> int:
    """An unused node of a level, or UNIFORM when there is none left."""
    if tree.heights[level] == 0:
        return UNIFORM
    tree.heights[level] -= 1
    return int(tree.unused[level, tree.heights[level]])


@compiled
def give_node(tree: PageTree, level: int, node: int) -> None:
    """Put a node back."""
    tree.unused[level, tree.heights[level]] = node
    tree.heights[level] += 1


@inlined
def whole_strides(words: Words, length: int, stride: int) -> int:
    """Go on by whole strides whose words all equal the first, with no branch for each word."""
    first = words[0]
    while length + stride <= len(words):
        differences = 0
        for i in range(stride):
            differences |= words[length + i] ^ first
        if differences != 0:
            break
        length += stride
    return length


@compiled
def run_length(words: Words) -> int:
    """How many words from the first on are like it."""
    first = words[0]
    length = whole_strides(words, 0, LONG_STRIDE)
    length = whole_strides(words, length, SHORT_STRIDE)
    while length < len(words) and words[length] == first:
        length += 1
    return length


@compiled
def apply_to_leaf(
    words: Words, start: int, end: int, operation: int, tag: int, rules: MemoryRules, effects: Words
) -> tuple[int, int]:
    """Apply to single pages, a run of equal words at a time; (outcome, position of the refused page)."""
    i = start
    while i < end:
        before = words[i]
        after, outcome = transition(before, operation, tag, rules)
        if outcome != Outcome.OK:
            return outcome, i
        length = run_length(words[i:end])
        if after != before:
            words[i : i + length] = after
            add_effects(before, after, length, effects)
        i += length
    return Outcome.OK, end


@compiled
def apply_to_mid(
    tree: PageTree,
    node: int,
    start: int,
    end: int,
    operation: int,
    tag: int,
    rules: MemoryRules,
    effects: Words,
) -> tuple[int, int]:
    """Apply to pages [start, end) of a 1 GiB entry; (outcome, page in the entry that was refused)."""
    page = start
    while page < end:
        entry = tree.mid[node * FANOUT + page // PAGES_PER_2M]
        offset = page % PAGES_PER_2M
        stop = min(end - page + offset, PAGES_PER_2M)
        whole = stop - offset == PAGES_PER_2M
        if entry.node == UNIFORM:
            before = entry.word
            after, outcome = transition(before, operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, page
            if whole or after == before:
                entry.word = after
                add_effects(before, after, stop - offset, effects)
                page += stop - offset
                continue
            entry.node = take_node(tree, LEAF)
            if entry.node == UNIFORM:
                return Outcome.ENOMEM, page
            tree.leaf[entry.node * FANOUT : (entry.node + 1) * FANOUT] = before
        first = entry.node * FANOUT
        outcome, refused = apply_to_leaf(tree.leaf, first + offset, first + stop, operation, tag, rules, effects)
        if outcome != Outcome.OK:
            return outcome, page - offset + refused - first
        if whole and run_length(tree.leaf[first : first + FANOUT]) == FANOUT:
            give_node(tree, LEAF, entry.node)
            entry.word = tree.leaf[first]
            entry.node = UNIFORM
        page += stop - offset
    return Outcome.OK, end


@compiled
def unfold(tree: PageTree, gib: int) -> bool:
    """Give a 1 GiB entry a node that tells its 2 MiB blocks apart; False when no node is left."""
    top = tree.top[gib]
    if top.node != UNIFORM:
        return True
    top.node = take_node(tree, MID)
    if top.node == UNIFORM:
        return False
    for i in range(top.node * FANOUT, (top.node + 1) * FANOUT):
        tree.mid[i].word = top.word
        tree.mid[i].node = UNIFORM
        tree.mid[i].block = top.below
    return True


@compiled
def collapse(tree: PageTree, gib: int) -> None:
    """Make a 1 GiB entry one word again if all of it is alike."""
    top = tree.top[gib]
    first = top.node * FANOUT
    word, block = tree.mid[first].word, tree.mid[first].block
    for i in range(first, first + FANOUT):
        if tree.mid[i].node != UNIFORM or tree.mid[i].word != word or tree.mid[i].block != block:
            return
    give_node(tree, MID, top.node)
    top.word = word
    top.below = block
    top.node = UNIFORM


@compiled
def leaf_index(tree: PageTree, page: int) -> int:
    """Where a page's own word lies, or UNIFORM where it shares one with others."""
    top = tree.top[page // PAGES_PER_1G]
    if top.node == UNIFORM:
        return UNIFORM
    mid = tree.mid[top.node * FANOUT + page % PAGES_PER_1G // PAGES_PER_2M]
    if mid.node == UNIFORM:
        return UNIFORM
    return int(mid.node * FANOUT + page % PAGES_PER_2M)


@compiled
def apply(
    tree: PageTree, start: int, count: int, operation: int, tag: int, rules: MemoryRules, effects: Words
) -> tuple[int, int]:
    """Apply `operation` to pages [start, start + count), in order, up to the first refusal.

    Returns (outcome, index of the refused page, or the end of the range).
    """
    if count == 1:
        index = leaf_index(tree, start)
        if index != UNIFORM:
            before = tree.leaf[index]
            after, outcome = transition(before, operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, start
            if after != before:
                tree.leaf[index] = after
                add_effects(before, after, 1, effects)
            return Outcome.OK, start + 1
    page = start
    end = start + count
    while page < end:
        gib = page // PAGES_PER_1G
        top = tree.top[gib]
        offset = page % PAGES_PER_1G
        stop = min(end - page + offset, PAGES_PER_1G)
        whole = stop - offset == PAGES_PER_1G
        if top.node == UNIFORM:
            before = top.word
            after, outcome = transition(before, operation, tag, rules)
            if outcome != Outcome.OK:
                return outcome, page
            if whole or after == before:
                top.word = after
                add_effects(before, after, stop - offset, effects)
                page += stop - offset
                continue
            if not unfold(tree, gib):
                return Outcome.ENOMEM, page
        outcome, refused = apply_to_mid(tree, top.node, offset, stop, operation, tag, rules, effects)
        if outcome != Outcome.OK:
            return outcome, page - offset + refused
        if whole:
            collapse(tree, gib)
        page += stop - offset
    return Outcome.OK, end


@compiled
def read_word(tree: PageTree, page: int) -> int:
    """The word of one page."""
    top = tree.top[page // PAGES_PER_1G]
    if top.node == UNIFORM:
        return int(top.word)
    mid = tree.mid[top.node * FANOUT + page % PAGES_PER_1G // PAGES_PER_2M]
    if mid.node == UNIFORM:
        return int(mid.word)
    return int(tree.leaf[mid.node * FANOUT + page % PAGES_PER_2M])


@compiled
def read_words(tree: PageTree, start: int, words: Words) -> None:
    """The words of pages from `start` on, as many as there is room for."""
    page = start
    end = start + len(words)
    while page < end:
        offset = page - start
        top = tree.top[page // PAGES_PER_1G]
        if top.node == UNIFORM:
            stop = min(end, page - page % PAGES_PER_1G + PAGES_PER_1G)
            words[offset : stop - start] = top.word
        else:
            mid = tree.mid[top.node * FANOUT + page % PAGES_PER_1G // PAGES_PER_2M]
            stop = min(end, page - page % PAGES_PER_2M + PAGES_PER_2M)
            if mid.node == UNIFORM:
                words[offset : stop - start] = mid.word
            else:
                first = mid.node * FANOUT + page % PAGES_PER_2M
                for i in range(stop - page):
                    words[offset + i] = tree.leaf[first + i]
        page = stop


def grown(tree: PageTree) -> PageTree:
    """The same tree with twice as many nodes and some more."""
    had = (len(tree.mid) // FANOUT, len(tree.leaf) // FANOUT)
    larger = empty_tree(len(tree.top), mid_nodes=2 * had[MID] + 4, leaf_nodes=2 * had[LEAF] + 4)
    larger.top[:] = tree.top
    larger.mid[: len(tree.mid)] = tree.mid
    larger.leaf[: len(tree.leaf)] = tree.leaf
    for level in (MID, LEAF):
        fresh = int(larger.heights[level]) - had[level]
        left = int(tree.heights[level])
        larger.unused[level, fresh : fresh + left] = tree.unused[level, :left]
        larger.heights[level] = fresh + left
    return larger


def copy_of(tree: PageTree) -> PageTree:
    """The same tree anew; nodes that are not in use are not copied, and take no memory."""
    mid, leaf = np.zeros(len(tree.mid), ENTRY), np.zeros(len(tree.leaf), np.int64)
    for level, old, new in ((MID, tree.mid, mid), (LEAF, tree.leaf, leaf)):
        unused = tree.unused[level, : tree.heights[level]]
        used = np.setdiff1d(np.arange(len(old) // FANOUT), unused, assume_unique=True)
        new.reshape(-1, FANOUT)[used] = old.reshape(-1, FANOUT)[used]
    return PageTree(tree.top.copy(), mid, leaf, tree.unused.copy(), tree.heights.copy())
