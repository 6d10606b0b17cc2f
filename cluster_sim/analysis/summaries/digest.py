"""All that a report's charts need of a run, read in batches: its size follows variants and groups, never rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.analysis.summaries.guests import Sums, guest_sums, workload_sums
from cluster_sim.analysis.summaries.hosts import utilisation
from cluster_sim.analysis.summaries.places import Place, places
from cluster_sim.analysis.summaries.series import Series, series
from cluster_sim.analysis.summaries.slowest import slowest
from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """A run in brief.

    Keys of `guests`, `slowest` and `series` are (variant, group), of `workloads` also part and number.
    `slowest` is empty where the run kept no transfers, `series` where it kept no windows.
    """

    places: Mapping[str, Place]
    guests: Mapping[Key, Sums]
    workloads: Mapping[Key, Sums]
    slowest: Mapping[Key, Mapping[Category, float]]
    series: Mapping[Key, Series]
    hosts: Mapping[str, Mapping[str, float]]

    @property
    def groups(self) -> list[str]:
        """Guest groups, in the order in which they first occur."""
        return list(dict.fromkeys(key[1] for key in self.guests))


def digest(results: Results) -> Digest:
    """Read a run's tables once each; RunDirectoryError where one is missing or damaged."""
    where = places(results.manifest)
    guests = in_order(guest_sums(results), where)
    return Digest(
        places=where,
        guests=guests,
        workloads=in_order(workload_sums(results), where),
        slowest=slowest(results, guests),
        series=series(results),
        hosts=utilisation(results),
    )


def in_order(found: Mapping[Key, Sums], order: Mapping[str, Place]) -> dict[Key, Sums]:
    """By the run's order of variants: files come in the order of their names."""
    ranks = {variant: rank for rank, variant in enumerate(order)}
    return {key: found[key] for key in sorted(found, key=lambda key: ranks[key[0]])}
