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
    """What an operation did, in pages unless the meaning says otherwise.

    In the order in which steps price them: a price's counts lie side by side.
    """

    CONVERTED = 0
    CONVERTED_2M = 1
    HOST_UNMAPPED = 2
    HOST_UNMAPPED_2M = 3
    HOST_FAULTS = 4
    HOST_FAULTS_2M = 5
    GUEST_FAULTS = 6
    GUEST_FAULTS_2M = 7
    ACCEPTED = 8
    ACCEPTED_2M = 9
    PINNED = 10
    PINNED_2M = 11
    ALLOCATED = 12
    FREED = 13
    SPLIT = 14
    MERGED = 15
    LEAVES_BROKEN = 16
    VMEMMAP_PAGES = 17
    LEAVES_ZAPPED = 18
    GUEST_ZAPPED = 19
    ZEROED = 20
    CONTENT_LOST = 21
    ORPHANED = 22
    EXPOSED = 23
    LEAKED = 24
    DEFERRED = 25


MEANING: dict[Effect, str] = {
    Effect.CONVERTED: "pages whose attribute changed",
    Effect.CONVERTED_2M: "2 MiB of the guest's stage-2 that converted by one leaf (count)",
    Effect.HOST_UNMAPPED: "page-table entries that host processes lost",
    Effect.HOST_UNMAPPED_2M: "2 MiB leaves that host processes lost whole (count)",
    Effect.HOST_FAULTS: "pages that a host process faulted in, one entry each (P-9)",
    Effect.HOST_FAULTS_2M: "2 MiB leaves that a host process faulted in (count)",
    Effect.GUEST_FAULTS: "pages that the guest faulted in",
    Effect.GUEST_FAULTS_2M: "2 MiB of the guest's stage-2 that one leaf came to map (count)",
    Effect.ACCEPTED: "pages that the guest accepted or validated",
    Effect.ACCEPTED_2M: "2 MiB that the guest accepted or validated at once (count)",
    Effect.PINNED: "pages that got one more pin",
    Effect.PINNED_2M: "2 MiB in one piece that got one more pin: one leaf of an IOMMU (count)",
    Effect.ALLOCATED: "pages allocated",
    Effect.FREED: "pages given back by their index, orphans included",
    Effect.SPLIT: "huge pages split into 4 KiB ones (count)",
    Effect.MERGED: "huge pages merged again (count)",
    Effect.LEAVES_BROKEN: "huge stage-2 leaves broken because part of their range changed (count)",
    Effect.VMEMMAP_PAGES: "pages of struct page restored for splitting an optimised huge page (HVO)",
    Effect.LEAVES_ZAPPED: "huge stage-2 leaves removed with their whole range (count)",
    Effect.GUEST_ZAPPED: "pages that the guest's stage-2 lost",
    Effect.ZEROED: "pages zeroed by the kernel at first use (X-15)",
    Effect.CONTENT_LOST: "pages whose data, written for a transfer, a conversion destroyed",
    Effect.ORPHANED: "pages that lost their index while pinned (F-13)",
    Effect.EXPOSED: "pages that held a secret of the guest when they became shared",
    Effect.LEAKED: "pages whose secret the host has read",
    Effect.DEFERRED: "pages whose conversion waits for the last unpin",
}

EFFECT_COUNT = len(Effect)
assert len(MEANING) == EFFECT_COUNT

BY_LEAF = (
    (Effect.CONVERTED, Effect.CONVERTED_2M),
    (Effect.HOST_UNMAPPED, Effect.HOST_UNMAPPED_2M),
    (Effect.HOST_FAULTS, Effect.HOST_FAULTS_2M),
    (Effect.GUEST_FAULTS, Effect.GUEST_FAULTS_2M),
    (Effect.ACCEPTED, Effect.ACCEPTED_2M),
    (Effect.PINNED, Effect.PINNED_2M),
)
"""Pages, and how many whole leaves of 2 MiB are among them."""
LEAF_PAGES = 512


@compiled
def tell_pages_from_leaves(effects: Counts) -> None:
    """Take the pages of whole leaves out of the counts of pages, so that each entry of a table is counted once."""
    for pages, leaves in BY_LEAF:
        effects[pages] -= LEAF_PAGES * effects[leaves]


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
    if after & PIN_MASK > before & PIN_MASK:
        effects[Effect.PINNED] += pages
