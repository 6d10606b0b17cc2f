"""Countable consequences of operations on guest memory; prices are somebody else's business."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.pages import (
    ACCEPTED,
    CONTENT_SHIFT,
    DEFERRED,
    FIRST_TAG,
    GUEST_MAPPED,
    HOST_MAPPED,
    PIN_MASK,
    PRESENT,
    PRIVATE,
    SECRET,
    SEEN,
    TWIN,
    UPTODATE,
    VIEW_ONE,
    VIEWS,
)

Counts = npt.NDArray[np.int64]


class Effect(IntEnum):
    """What an operation did, in pages unless the meaning says otherwise."""

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
    EXPOSED = 10
    LEAKED = 11
    ACCEPTED = 12
    DEFERRED = 13
    SPLIT = 14
    MERGED = 15
    LEAVES_BROKEN = 16
    LEAVES_ZAPPED = 17
    VMEMMAP_PAGES = 18


MEANING: dict[Effect, str] = {
    Effect.CONVERTED: "pages whose attribute changed",
    Effect.HOST_UNMAPPED: "page-table entries that host processes lost",
    Effect.GUEST_ZAPPED: "pages that the guest's stage-2 lost",
    Effect.HOST_FAULTS: "pages that a host process faulted in, one entry each (P-9)",
    Effect.GUEST_FAULTS: "pages that the guest faulted in",
    Effect.ALLOCATED: "pages allocated",
    Effect.FREED: "pages given back by their index, orphans included",
    Effect.ZEROED: "pages zeroed by the kernel at first use (X-15)",
    Effect.CONTENT_LOST: "pages whose data, written for a transfer, a conversion destroyed",
    Effect.ORPHANED: "pages that lost their index while pinned (F-13)",
    Effect.EXPOSED: "pages that held a secret of the guest when they became shared",
    Effect.LEAKED: "pages whose secret the host has read",
    Effect.ACCEPTED: "pages that the guest accepted or validated",
    Effect.DEFERRED: "pages whose conversion waits for the last unpin",
    Effect.SPLIT: "huge pages split into 4 KiB ones (count)",
    Effect.MERGED: "huge pages merged again (count)",
    Effect.LEAVES_BROKEN: "huge stage-2 leaves broken because part of their range changed (count)",
    Effect.LEAVES_ZAPPED: "huge stage-2 leaves removed with their whole range (count)",
    Effect.VMEMMAP_PAGES: "pages of struct page restored for splitting an optimised huge page (HVO)",
}

EFFECT_COUNT = len(Effect)
assert len(MEANING) == EFFECT_COUNT


@compiled
def views_in(word: int) -> int:
    """How many of the host's views a word names."""
    count = 0
    for view in range(VIEWS):
        if word & (VIEW_ONE << view):
            count += 1
    return count


@compiled
def frames_in(word: int) -> int:
    """Pages that an index holds: its own, and the other backing's."""
    return (1 if word & PRESENT else 0) + (1 if word & TWIN else 0)


@compiled
def add_content_effects(before: int, after: int, pages: int, effects: Counts) -> None:
    """Count what a change of attribute did to data."""
    effects[Effect.CONVERTED] += pages
    had, has = before >> CONTENT_SHIFT, after >> CONTENT_SHIFT
    if had >= FIRST_TAG > has:
        effects[Effect.CONTENT_LOST] += pages
    if before & PRIVATE and had == SECRET and has == SECRET:
        effects[Effect.EXPOSED] += pages


@compiled
def add_effects(before: int, after: int, pages: int, effects: Counts) -> None:
    """Count what changed between two words, for `pages` pages alike."""
    gone = before & ~after
    come = after & ~before
    if (gone | come) & PRIVATE:
        add_content_effects(before, after, pages, effects)
    if gone & HOST_MAPPED:
        effects[Effect.HOST_UNMAPPED] += pages * views_in(gone)
    if gone & GUEST_MAPPED:
        effects[Effect.GUEST_ZAPPED] += pages
    if come & HOST_MAPPED:
        effects[Effect.HOST_FAULTS] += pages * views_in(come)
    if come & GUEST_MAPPED:
        effects[Effect.GUEST_FAULTS] += pages
    if (gone | come) & (PRESENT | TWIN):
        frames = frames_in(after) - frames_in(before)
        if frames > 0:
            effects[Effect.ALLOCATED] += pages * frames
        else:
            effects[Effect.FREED] -= pages * frames
        if frames < 0 and before & PIN_MASK and not after & PIN_MASK:
            effects[Effect.ORPHANED] += pages
        if come & TWIN and not gone & PRESENT:
            effects[Effect.ZEROED] += pages
    if come & UPTODATE and not gone & TWIN:
        effects[Effect.ZEROED] += pages
    if come & SEEN:
        effects[Effect.LEAKED] += pages
    if come & ACCEPTED:
        effects[Effect.ACCEPTED] += pages
    if come & DEFERRED:
        effects[Effect.DEFERRED] += pages
