"""Where the time of a group's delivered transfers went, on the mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.sums import Sums, ledger_of
from cluster_sim.results.ledger import Category

COPIES = (Category.GUEST_COPY, Category.HOST_COPY, Category.ENGINE_COPY, Category.CRYPTO)
CONVERTING = (
    Category.EXIT,
    Category.HYPERCALL,
    Category.PAGE_TABLE,
    Category.TLB,
    Category.FAULT,
    Category.SPLIT_MERGE,
    Category.ACCEPT_ZERO,
)
"""What a conversion is spent on; the waits of transfers for each other are not the price of a granule."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A variant's group: delivered transfers, granules converted, and ns a delivered transfer by category."""

    delivered: int
    conversions: int
    mean_ns: Mapping[Category, float]

    def spent_ns(self, *categories: Category) -> float:
        """Mean time of a transfer in some categories."""
        return sum(self.mean_ns[category] for category in categories)

    @property
    def latency_ns(self) -> float:
        """Mean latency: the whole ledger."""
        return sum(self.mean_ns.values())


def ledgers(sums: Mapping[Key, Sums]) -> dict[Key, Ledger]:
    """The ledger of each variant and group that delivered anything."""
    return {
        key: Ledger(each.of("delivered"), each.of("conversions"), ledger_of(each))
        for key, each in sums.items()
        if each.of("delivered")
    }
