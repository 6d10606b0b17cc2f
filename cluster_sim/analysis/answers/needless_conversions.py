"""Paths that convert and still copy as much as a bounce buffer that is mapped once: no price can bring them ahead."""

from collections.abc import Mapping, Sequence
from typing import Final

from cluster_sim.analysis.answers.phrases import amount, listed
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.strata import Labels, path_of
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.sums import Sums, ledger_of
from cluster_sim.results.ledger import Category

COPIERS: Final[Mapping[str, str]] = {
    "guest_copied_bytes": "guest",
    "host_copied_bytes": "host",
    "engine_copied_bytes": "copy engine",
}
NEARLY: Final = 0.99
"""Share of the other's copies from which a path makes as many: transfers that were cut off count in neither."""
WAITS: Final = (Category.LOCK_WAIT, Category.QUEUE_WAIT, Category.BANDWIDTH_WAIT, Category.PIN_WAIT)


def needless(rows: Sequence[Row], axes: Labels, sums: Mapping[Key, Sums]) -> str:
    """The sentence on paths of one stratum and group that lose to such a bounce at any price; empty where none does.

    By the ledgers alone: such a path makes all its copies, books all its kinds of work, and conversions besides.
    """
    known = {
        path_of(row.variant, row.axes, axes): sums[row.variant, row.group]
        for row in rows
        if (row.variant, row.group) in sums and sums[row.variant, row.group].of("delivered")
    }
    for label, bounced in known.items():
        if bounced.of("conversions") or not bounced.of("guest_copied_bytes"):
            continue
        losers = {other: mine for other, mine in known.items() if loses_anyway(mine, bounced)}
        if losers:
            return sentence(label, bounced, losers)
    return ""


def loses_anyway(mine: Sums, bounced: Sums) -> bool:
    """Whether a path does all that the other does, and converts within its transfers."""
    booked, theirs = ledger_of(mine), ledger_of(bounced)
    copies = all(
        mine.per(column, "delivered_bytes") >= NEARLY * bounced.per(column, "delivered_bytes") for column in COPIERS
    )
    works = all(booked[category] for category, spent in theirs.items() if spent and category not in WAITS)
    converts = mine.of("conversions") > 0 and booked[Category.PAGE_TABLE] > theirs[Category.PAGE_TABLE]
    return copies and works and converts and sum(booked.values()) > sum(theirs.values())


def sentence(label: str, bounced: Sums, losers: Mapping[str, Sums]) -> str:
    """Who makes whose copies, how many, and what besides."""
    shares = {who: bounced.per(column, "delivered_bytes") for column, who in COPIERS.items()}
    copies = listed([f"{amount(share)} by the {who}" for who, share in shares.items() if share >= 0.005])
    paths = [f"{path} ({amount(each.per('conversions', 'delivered'))})" for path, each in losers.items()]
    verb, who = ("makes", "it loses") if len(losers) == 1 else ("make", "they lose")
    return (
        f"{listed(paths)} {verb} the copies of {label}, {copies} of each byte, and conversions besides "
        f"(granules a transfer in brackets): {who} to it at any price."
    )
