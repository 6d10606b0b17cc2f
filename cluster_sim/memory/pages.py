"""One 4 KiB page of guest memory as one word, and the table of what each operation makes of it.

The word holds attribute, allocation, mappings, pins and a content tag, and no place: nothing ever moves (X-16). Every
rule is a transition from word to word; the effects of an operation are the difference between the two
(memory/effects.py), so that no operation counts anything by itself. Rule ids are those of docs/model.md.
"""

from enum import IntEnum
from typing import NamedTuple

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.outcomes import Outcome

PRIVATE = 1
PRESENT = 2
UPTODATE = 4
GUEST_MAPPED = 8
VIEW_ONE = 1 << 4
VIEWS = 4
HOST_MAPPED = (VIEW_ONE << VIEWS) - VIEW_ONE
"""Which of the host's mappings (VMAs, processes) have the page: a bit a view, view 0 is the VMM's own."""
POISONED = 1 << 8
ACCEPTED = 1 << 9
SEEN = 1 << 10
"""The host has read what the guest kept secret here."""
EXCLUSIVE = 1 << 11
DEFERRED = 1 << 12
"""Private as soon as the last pin goes; until then nobody may touch it anew."""
TWIN = 1 << 13
"""Generation G0: the other backing holds a page for this index too."""
SHORT_PIN_ONE = 1 << 14
LONG_PIN_ONE = 1 << 20
PINS_MAX = 63
SHORT_PIN_MASK = PINS_MAX * SHORT_PIN_ONE
LONG_PIN_MASK = PINS_MAX * LONG_PIN_ONE
PIN_MASK = SHORT_PIN_MASK | LONG_PIN_MASK
CONTENT_SHIFT = 26
STATE_MASK = (1 << CONTENT_SHIFT) - 1

ZEROS = 0
"""Content tag of a page that reads as zeros."""
LOST = 1
"""Content tag of a page whose data a conversion destroyed: nobody knows what it reads as."""
SECRET = 2
"""Content tag of data that the guest means for nobody else."""
FIRST_TAG = 3
"""Content tags from here on name the transfer that wrote the page."""

KEPT = 0
ZEROED = 1
DESTROYED = 2

NO_ACCEPT = 0
ACCEPT_KEEPS = 1
ACCEPT_ZEROES = 2

IN_PLACE = 0
TWO_BACKINGS = 1
FIXED = 2
EXCLUSIVE_PINS = 3


class Operation(IntEnum):
    """What can be asked of a page; ranges apply one of them page by page."""

    EXPECT_PRIVATE = 0
    EXPECT_SHARED = 1
    EXPECT_UNPINNED = 2
    EXPECT_CONTENT = 3
    UNMAP_HOST = 4
    UNMAP_ALL = 5
    MAKE_PRIVATE = 6
    MAKE_SHARED = 7
    HOST_TOUCH = 8
    HOST_WRITE = 9
    HOST_READ = 10
    GUEST_TOUCH_PRIVATE = 11
    GUEST_TOUCH_SHARED = 12
    GUEST_WRITE = 13
    ACCEPT = 14
    PIN_SHORT = 15
    PIN_LONG = 16
    UNPIN_SHORT = 17
    UNPIN_LONG = 18
    PIN_EXCLUSIVE = 19
    PIN_EXCLUSIVE_SHORT = 20
    ALLOCATE = 21
    PUNCH = 22
    POISON = 23
    MAP_FOR_GUEST = 24


VIEW_SHIFT = 8
"""An operation's number may carry the host's view above its low 8 bits."""
OPERATION_MASK = (1 << VIEW_SHIFT) - 1


@by_reference
class MemoryRules(NamedTuple):
    """What decides transitions beside the page itself: technology, kernel generation, pin policy, huge pages.

    `content_to_…` is KEPT, ZEROED or DESTROYED; `accept` one of the ACCEPT constants; `backing` IN_PLACE,
    TWO_BACKINGS (G0), FIXED (G1) or EXCLUSIVE_PINS; `discards` frees the other backing's page at a conversion;
    `defers` completes a conversion at the last unpin. `folio_pages` is the file's page size in 4 KiB pages,
    `leaf_pages` the largest stage-2 leaf of the technology, and `leaf_is_sticky` says that a leaf once broken comes
    back only after its whole range was shared. `has_hvo` frees the vmemmap of whole huge pages. `whole_when_shared`
    keeps a huge page whole while all of it is shared, so that both sides map it by huge leaves; else any shared page
    splits it.
    """

    content_to_shared: int
    content_to_private: int
    keeps_guest_mapping: bool
    accept: int = NO_ACCEPT
    backing: int = IN_PLACE
    discards: bool = True
    defers: bool = False
    folio_pages: int = 1
    leaf_pages: int = 1
    leaf_is_sticky: bool = False
    has_hvo: bool = False
    whole_when_shared: bool = False


DEFAULT_RULES = MemoryRules(KEPT, KEPT, keeps_guest_mapping=False)
"""A software-protected VM at generation G3: in place, content kept, 4 KiB pages."""


@compiled
def used(word: int) -> int:
    """The word with its page allocated and zeroed: zeroing happens once, at first use (X-15, F-1)."""
    if word & UPTODATE:
        return word
    return (word & STATE_MASK) | PRESENT | UPTODATE


@compiled
def holding(word: int, content: int) -> int:
    """The word with other content, which nobody has seen yet."""
    return (word & STATE_MASK & ~SEEN) | (content << CONTENT_SHIFT)


@compiled
def swapped(word: int, rules: MemoryRules) -> int:
    """G0: the index now shows its other backing's page, whose data is whatever lay there (T-6)."""
    twin = word & TWIN
    after = word & (PRIVATE | HOST_MAPPED | PIN_MASK)
    if word & PRESENT and not rules.discards:
        after |= TWIN
    if twin:
        after |= PRESENT | UPTODATE | (LOST << CONTENT_SHIFT)
    if rules.discards and after & PRIVATE:
        after &= ~(HOST_MAPPED | PIN_MASK)
    return after


@compiled
def converted(word: int, operation: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after its attribute changed: mapping and data as the technology treats them (docs/model.md §2.4)."""
    word &= ~DEFERRED
    if operation == Operation.MAKE_PRIVATE:
        after, content_rule = word | PRIVATE, rules.content_to_private
    else:
        after, content_rule = word & ~PRIVATE, rules.content_to_shared
    if after == word:
        return word, Outcome.OK
    if rules.backing == TWO_BACKINGS:
        return swapped(after, rules), Outcome.OK
    if rules.backing == EXCLUSIVE_PINS:
        pins = word & PIN_MASK
        if operation == Operation.MAKE_SHARED:
            if word & EXCLUSIVE:
                after = (after & ~EXCLUSIVE) + LONG_PIN_ONE  # the exclusive pin becomes an ordinary one
        elif pins != 0 and pins != LONG_PIN_ONE:
            return word, Outcome.EBUSY  # where no pin was kept
        elif word & PRESENT:
            after = (after | EXCLUSIVE) & ~PIN_MASK
    else:
        after &= ~HOST_MAPPED  # V-8, V-9: no process has a private page mapped
    after &= ~ACCEPTED
    if not rules.keeps_guest_mapping:
        after &= ~GUEST_MAPPED
    if not word & UPTODATE or content_rule == KEPT:
        return after, Outcome.OK  # V-7: nothing there yet to keep or lose
    return holding(after, ZEROS if content_rule == ZEROED else LOST), Outcome.OK


@compiled
def accessed_by_host(word: int, operation: int, view: int, tag: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after a load or store of the host through one of its mappings."""
    if word & POISONED:
        return word, Outcome.EHWPOISON
    if rules.backing == TWO_BACKINGS and word & PRIVATE:
        mapped = word | TWIN | (VIEW_ONE << view)
        return mapped, Outcome.OK  # T-6: the host reaches its own backing whatever the attribute
    if word & (PRIVATE | DEFERRED):
        return word, Outcome.EFAULT  # V-8
    after = used(word) | (VIEW_ONE << view)
    if operation == Operation.HOST_WRITE:
        after = holding(after, tag)
    elif operation == Operation.HOST_READ and after >> CONTENT_SHIFT == SECRET:
        after |= SEEN
    return after, Outcome.OK


@compiled
def accessed_by_guest(word: int, operation: int, tag: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after an access of the guest: of one type, of its own memory whatever the type, or an accept."""
    private = word & PRIVATE
    if word & POISONED:
        return word, Outcome.EHWPOISON  # X-17, E-3
    if word & DEFERRED:
        return word, Outcome.MEMORY_FAULT_EXIT
    wants_private = operation == Operation.GUEST_TOUCH_PRIVATE or operation == Operation.ACCEPT
    if (wants_private and not private) or (operation == Operation.GUEST_TOUCH_SHARED and private):
        return word, Outcome.MEMORY_FAULT_EXIT  # E-1
    after = used(word) | GUEST_MAPPED
    if private and rules.backing == EXCLUSIVE_PINS:
        after |= EXCLUSIVE
    if private and rules.accept != NO_ACCEPT and not word & ACCEPTED:
        if operation != Operation.ACCEPT:
            return word, Outcome.NOT_ACCEPTED
        after |= ACCEPTED
        if rules.accept == ACCEPT_ZEROES:
            after = holding(after, ZEROS)
    if operation == Operation.GUEST_WRITE:
        after = holding(after, tag)
    return after, Outcome.OK


@compiled
def mapped_ahead(word: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after the host put it into the guest's stage-2 unasked, as its attribute says; nothing is accepted."""
    if word & POISONED:
        return word, Outcome.EHWPOISON
    if word & DEFERRED:
        return word, Outcome.EAGAIN
    after = used(word) | GUEST_MAPPED
    if word & PRIVATE and rules.backing == EXCLUSIVE_PINS:
        after |= EXCLUSIVE
    return after, Outcome.OK


@compiled
def pinned(word: int, operation: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after a pin is taken or given back."""
    if operation == Operation.UNPIN_SHORT or operation == Operation.UNPIN_LONG:
        is_short = operation == Operation.UNPIN_SHORT
        mask, one = (SHORT_PIN_MASK, SHORT_PIN_ONE) if is_short else (LONG_PIN_MASK, LONG_PIN_ONE)
        if not word & mask:
            return word, Outcome.EFAULT
        after = word - one
        if after & DEFERRED and not after & PIN_MASK:
            return converted(after, Operation.MAKE_PRIVATE, rules)  # the last put completes the conversion
        return after, Outcome.OK
    if operation == Operation.PIN_EXCLUSIVE_SHORT:
        return word, Outcome.EINVAL
    if word & EXCLUSIVE:
        return word, Outcome.EBUSY
    if operation == Operation.PIN_EXCLUSIVE:
        if word & PIN_MASK:
            return word, Outcome.EBUSY
        return used(word) | PRIVATE | EXCLUSIVE, Outcome.OK  # Q-2; the page cache and page tables are not asked: Q-5
    if word & (PRIVATE | DEFERRED | POISONED) and rules.backing != TWO_BACKINGS:
        return word, Outcome.EFAULT
    mask, one = (SHORT_PIN_MASK, SHORT_PIN_ONE) if operation == Operation.PIN_SHORT else (LONG_PIN_MASK, LONG_PIN_ONE)
    if word & mask == mask:
        return word, Outcome.ENOMEM
    if word & PRIVATE:
        return (word | TWIN) + one, Outcome.OK
    return used(word) + one, Outcome.OK


@compiled
def removed(word: int, operation: int, rules: MemoryRules) -> int:
    """The page after its frame was punched out or failed."""
    if operation == Operation.POISON:
        if not word & UPTODATE:
            return word  # nobody has used it: there is nothing to lose
        return (word & ~(GUEST_MAPPED | HOST_MAPPED)) | POISONED  # the frame stays, out of all page tables
    if rules.backing == TWO_BACKINGS:
        if not word & PRIVATE:
            return word & ~TWIN
        return word & (PRIVATE | TWIN | HOST_MAPPED | PIN_MASK)
    return PRIVATE if word & (PRIVATE | DEFERRED) else 0  # F-13, F-14, V-10


@compiled
def transition(word: int, operation: int, tag: int, rules: MemoryRules) -> tuple[int, int]:
    """The page after `operation` (its view above the low 8 bits), and the outcome; a refused page keeps its word."""
    view = operation >> VIEW_SHIFT
    operation &= OPERATION_MASK
    if operation == Operation.EXPECT_PRIVATE:
        return word, (Outcome.OK if word & (PRIVATE | DEFERRED) else Outcome.DIFFERS)
    if operation == Operation.EXPECT_SHARED:
        return word, (Outcome.DIFFERS if word & (PRIVATE | DEFERRED) else Outcome.OK)
    if operation == Operation.EXPECT_UNPINNED:
        is_pinned = word & PIN_MASK and not word & PRIVATE  # V-4; the guest has no reference: E-5
        return word, (Outcome.EAGAIN if is_pinned else Outcome.OK)
    if operation == Operation.EXPECT_CONTENT:
        return word, (Outcome.OK if word >> CONTENT_SHIFT == tag else Outcome.DIFFERS)
    if operation == Operation.UNMAP_HOST:
        return word & ~(VIEW_ONE << view), Outcome.OK
    if operation == Operation.UNMAP_ALL:
        return word & ~HOST_MAPPED, Outcome.OK  # V-9
    if operation == Operation.MAKE_PRIVATE or operation == Operation.MAKE_SHARED:
        if operation == Operation.MAKE_PRIVATE and rules.defers and word & PIN_MASK and not word & PRIVATE:
            return (word | DEFERRED) & ~HOST_MAPPED, Outcome.OK
        return converted(word, operation, rules)
    if operation <= Operation.HOST_READ:
        return accessed_by_host(word, operation, view, tag, rules)
    if operation <= Operation.ACCEPT:
        return accessed_by_guest(word, operation, tag, rules)
    if operation <= Operation.PIN_EXCLUSIVE_SHORT:
        return pinned(word, operation, rules)
    if operation == Operation.ALLOCATE:
        return word | PRESENT, Outcome.OK  # F-1: allocated, zeroed only when used
    if operation == Operation.MAP_FOR_GUEST:
        return mapped_ahead(word, rules)
    return removed(word, operation, rules), Outcome.OK
