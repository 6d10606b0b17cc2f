"""Where the time of a group's delivered transfers went, on the mean, from the table `guests`."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results

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


def ledgers(results: Results) -> dict[tuple[str, str], Ledger]:
    """The ledger of each variant and group that delivered anything."""
    columns = [f"{category.label}_ns" for category in Category]
    keys = ["variant", "guest_group"]
    table = results.dataset("guests").to_table(columns=[*keys, "delivered", "conversions", *columns])
    table = table.set_column(1, "guest_group", table.column("guest_group").cast("string"))
    sums = table.group_by(keys).aggregate([(name, "sum") for name in ("delivered", "conversions", *columns)])
    found = {}
    for row in sums.to_pylist():
        delivered = row["delivered_sum"]
        if delivered:
            means = {category: row[f"{category.label}_ns_sum"] / delivered for category in Category}
            found[row["variant"], row["guest_group"]] = Ledger(delivered, row["conversions_sum"], means)
    return found
