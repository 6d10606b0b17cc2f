"""All figures of one run, by variant, guest group and replication."""

import math
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.analysis.figures import figures_of
from cluster_sim.analysis.guest_table import NO_ROWS, GuestTable
from cluster_sim.results.manifest import Manifest


class RunFigures:
    """All figures of one run, from its tables `guests` and `placements`."""

    def __init__(self, manifest: Manifest, guests: pa.Table, placements: pa.Table) -> None:
        self.durations_s = {label: record.duration_ns / 1e9 for label, record in manifest.variants.items()}
        self.guests = GuestTable(guests)
        self.refused = refused_guests(placements)
        self.replications = {label: set[int]() for label in self.durations_s}
        for table in (placements, guests):
            seen = table.group_by(["variant", "replication"]).aggregate([])
            for variant, number in zip(*(seen.column(name).to_pylist() for name in seen.column_names), strict=True):
                self.replications.setdefault(variant, set()).add(number)
        self.by_replication = cache(self._by_replication)
        self.overall = cache(self._overall)

    def groups(self, variant: str) -> list[str]:
        """Guest groups of a variant: those that were placed, then those that never were."""
        refused = [group for label, group, _ in self.refused if label == variant]
        return list(dict.fromkeys([*self.guests.groups(variant), *refused]))

    def _overall(self, variant: str, group: str) -> dict[str, float]:
        """Figures over all replications."""
        rows = np.concatenate([NO_ROWS, *self.guests.rows(variant, group).values()])
        numbers = self.replications[variant]
        figures = figures_of(self.guests, rows, len(numbers), self.durations_s[variant])
        refused = sum(self.refused.get((variant, group, number), 0) for number in numbers)
        return figures | {"refused": refused / len(numbers) if self.refused else math.nan}

    def _by_replication(self, variant: str, group: str) -> dict[int, dict[str, float]]:
        """Figures of each replication."""
        return {
            number: figures_of(self.guests, rows, 1, self.durations_s[variant])
            | {"refused": self.refused.get((variant, group, number), 0) if self.refused else math.nan}
            for number, rows in self.guests.rows(variant, group).items()
        }


def refused_guests(placements: pa.Table) -> dict[tuple[str, str, int], int]:
    """Guests that no host took, by (variant, group, replication)."""
    keys = ["variant", "guest_group", "replication"]
    refused = placements.filter(pc.equal(placements.column("outcome").cast(pa.string()), "refused"))
    counted = refused.group_by(keys).aggregate([([], "count_all")])
    columns = (counted.column(name).to_pylist() for name in (*keys, "count_all"))
    return {(variant, group, number): count for variant, group, number, count in zip(*columns, strict=True)}
