"""One 4 KiB page of guest_memfd as one word, and the table of what each operation makes of it.

The word holds attribute, allocation, host and guest mapping, pins and a content tag. Every rule is a
transition from word to word; the effects of an operation are the difference between the two, so that
no operation keeps books of its own. Rule ids are those of docs/model.md.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiled import compiled
from cluster_sim.memory.outcomes import DIFFERS, EAGAIN, EFAULT, MEMORY_FAULT_EXIT, OK

PAGE_BYTES = 4096

PRIVATE = 1
PRESENT = 2
UPTODATE = 4
HOST_MAPPED = 8
GUEST_MAPPED = 16
PIN_ONE = 1 << 8
PIN_MASK = 0xFFFF << 8
CONTENT_SHIFT = 24
STATE_MASK = (1 << CONTENT_SHIFT) - 1

ZEROS = 0
"""Content tag of a page that reads as zeros."""
LOST = 1
"""Content tag of a page whose data a conversion destroyed: nobody knows what it reads as."""
FIRST_TAG = 2
"""Content tags from here on name the transfer that wrote the page."""

KEPT = 0
ZEROED = 1
DESTROYED = 2


class Operation(IntEnum):
    """What can be asked of a page; ranges apply one of them page by page."""

    EXPECT_PRIVATE = 0
    EXPECT_SHARED = 1
    EXPECT_UNPINNED = 2
    EXPECT_CONTENT = 3
    UNMAP_HOST = 4
    MAKE_PRIVATE = 5
    MAKE_SHARED = 6
    HOST_TOUCH = 7
    HOST_WRITE = 8
    GUEST_TOUCH_PRIVATE = 9
    GUEST_TOUCH_SHARED = 10
    GUEST_WRITE = 11
    PIN = 12
    UNPIN = 13
    ALLOCATE = 14
    PUNCH = 15


EXPECT_PRIVATE = int(Operation.EXPECT_PRIVATE)
EXPECT_SHARED = int(Operation.EXPECT_SHARED)
EXPECT_UNPINNED = int(Operation.EXPECT_UNPINNED)
EXPECT_CONTENT = int(Operation.EXPECT_CONTENT)
UNMAP_HOST = int(Operation.UNMAP_HOST)
MAKE_PRIVATE = int(Operation.MAKE_PRIVATE)
MAKE_SHARED = int(Operation.MAKE_SHARED)
HOST_TOUCH = int(Operation.HOST_TOUCH)
HOST_WRITE = int(Operation.HOST_WRITE)
GUEST_TOUCH_PRIVATE = int(Operation.GUEST_TOUCH_PRIVATE)
GUEST_TOUCH_SHARED = int(Operation.GUEST_TOUCH_SHARED)
GUEST_WRITE = int(Operation.GUEST_WRITE)
PIN = int(Operation.PIN)
UNPIN = int(Operation.UNPIN)
ALLOCATE = int(Operation.ALLOCATE)
PUNCH = int(Operation.PUNCH)


class ConversionRules(NamedTuple):
    """What conversion does to content (KEPT, ZEROED or DESTROYED) and to the guest's mapping."""

    content_to_shared: int
    content_to_private: int
    keeps_guest_mapping: bool


class Effect(IntEnum):
    """Countable consequences of an operation, in pages; prices are somebody else's business."""

    CONVERTED = 0
    HOST_UNMAPPED = 1
    GUEST_ZAPPED = 2
    HOST_FAULTS = 3
    GUEST_FAULTS = 4
    ALLOCATED = 5
    FREED = 6
    ZEROED = 7
    CONTENT_LOST = 8
    ORPHANED = 9


EFFECT_COUNT = len(Effect)
CONVERTED = int(Effect.CONVERTED)
HOST_UNMAPPED = int(Effect.HOST_UNMAPPED)
GUEST_ZAPPED = int(Effect.GUEST_ZAPPED)
HOST_FAULTS = int(Effect.HOST_FAULTS)
GUEST_FAULTS = int(Effect.GUEST_FAULTS)
ALLOCATED = int(Effect.ALLOCATED)
FREED = int(Effect.FREED)
ZEROED_PAGES = int(Effect.ZEROED)
CONTENT_LOST = int(Effect.CONTENT_LOST)
ORPHANED = int(Effect.ORPHANED)


@compiled
def converted_content(tag: int, what: int) -> int:
    """Content tag after a conversion that keeps, zeroes or destroys data."""
    if what == KEPT:
        return tag
    return ZEROS if what == ZEROED else LOST


@compiled
def used(word: int) -> int:
    """The word with its page allocated and zeroed: zeroing happens once, at first use (X-15, F-1)."""
    if word & UPTODATE:
        return word
    return (word & STATE_MASK) | PRESENT | UPTODATE


@compiled
def transition(word: int, operation: int, tag: int, rules: ConversionRules) -> tuple[int, int]:
    """The page after `operation`, and the outcome; a refused page keeps its word."""
    private = word & PRIVATE
    if operation == EXPECT_PRIVATE:
        return word, (OK if private else DIFFERS)
    if operation == EXPECT_SHARED:
        return word, (DIFFERS if private else OK)
    if operation == EXPECT_UNPINNED:
        return word, (EAGAIN if word & PIN_MASK else OK)  # V-4
    if operation == EXPECT_CONTENT:
        return word, (OK if word >> CONTENT_SHIFT == tag else DIFFERS)
    if operation == UNMAP_HOST:
        return word & ~HOST_MAPPED, OK  # X-9, V-9
    if operation == MAKE_PRIVATE or operation == MAKE_SHARED:
        if operation == MAKE_PRIVATE:
            after, content_rule = word | PRIVATE, rules.content_to_private
        else:
            after, content_rule = word & ~PRIVATE, rules.content_to_shared
        if after == word:
            return word, OK
        if not rules.keeps_guest_mapping:
            after &= ~GUEST_MAPPED
        if not word & UPTODATE:
            return after, OK  # V-7: nothing there yet to keep or lose
        content = converted_content(word >> CONTENT_SHIFT, content_rule)
        return (after & STATE_MASK) | (content << CONTENT_SHIFT), OK
    if operation == HOST_TOUCH or operation == HOST_WRITE:
        if private:
            return word, EFAULT  # V-8
        after = used(word) | HOST_MAPPED
        if operation == HOST_WRITE:
            after = (after & STATE_MASK) | (tag << CONTENT_SHIFT)
        return after, OK
    if operation == GUEST_TOUCH_PRIVATE:
        return (used(word) | GUEST_MAPPED, OK) if private else (word, MEMORY_FAULT_EXIT)  # E-1
    if operation == GUEST_TOUCH_SHARED:
        return (word, MEMORY_FAULT_EXIT) if private else (used(word) | GUEST_MAPPED, OK)
    if operation == GUEST_WRITE:
        after = used(word) | GUEST_MAPPED
        return (after & STATE_MASK) | (tag << CONTENT_SHIFT), OK
    if operation == PIN:
        return (word, EFAULT) if private else (used(word) + PIN_ONE, OK)
    if operation == UNPIN:
        return (word - PIN_ONE, OK) if word & PIN_MASK else (word, EFAULT)
    if operation == ALLOCATE:
        return word | PRESENT, OK  # F-1: allocated, zeroed only when used
    return word & PRIVATE, OK  # PUNCH: F-13, F-14, V-10


@compiled
def add_effects(before: int, after: int, pages: int, effects: npt.NDArray[np.int64]) -> None:
    """Count what changed between two words, for `pages` pages alike."""
    gone = before & ~after
    come = after & ~before
    if (gone | come) & PRIVATE:
        effects[CONVERTED] += pages
        if before >> CONTENT_SHIFT >= FIRST_TAG > after >> CONTENT_SHIFT:
            effects[CONTENT_LOST] += pages
    if gone & HOST_MAPPED:
        effects[HOST_UNMAPPED] += pages
    if gone & GUEST_MAPPED:
        effects[GUEST_ZAPPED] += pages
    if come & HOST_MAPPED:
        effects[HOST_FAULTS] += pages
    if come & GUEST_MAPPED:
        effects[GUEST_FAULTS] += pages
    if come & PRESENT:
        effects[ALLOCATED] += pages
    if gone & PRESENT:
        effects[FREED] += pages
        if before & PIN_MASK:
            effects[ORPHANED] += pages
    if come & UPTODATE:
        effects[ZEROED_PAGES] += pages
