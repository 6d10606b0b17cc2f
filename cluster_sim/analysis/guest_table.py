"""The table `guests` in memory, in the form that figures are worked out from."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.integers import Int64s
from cluster_sim.results import histogram

Floats = npt.NDArray[np.float64]
NO_ROWS: Int64s = np.zeros(0, np.int64)


class GuestTable:
    """The table `guests` as numpy columns, its rows found by variant, group and replication."""

    def __init__(self, table: pa.Table) -> None:
        self.columns: dict[str, Int64s] = {
            name: table.column(name).to_numpy().astype(np.int64)
            for name, kind in zip(table.schema.names, table.schema.types, strict=True)
            if pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        }
        self.columns_at = {name: number for number, name in enumerate(self.columns)}
        self.matrix = np.stack([*self.columns.values()], axis=1).astype(np.float64)  # page·ns of a fleet pass int64
        histograms = table.select(["latency_bucket", "latency_count"]).combine_chunks()
        lengths = pc.list_value_length(histograms.column("latency_bucket")).to_numpy()
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        self.buckets = pc.list_flatten(histograms.column("latency_bucket")).to_numpy().astype(np.int64)
        self.counts = pc.list_flatten(histograms.column("latency_count")).to_numpy()
        self.index: dict[str, dict[str, dict[int, list[int]]]] = {}
        labels = (table.column(name).to_pylist() for name in ("variant", "guest_group", "replication"))
        for row, (variant, group, replication) in enumerate(zip(*labels, strict=True)):
            of_group = self.index.setdefault(variant, {}).setdefault(group, {})
            of_group.setdefault(replication, []).append(row)

    def groups(self, variant: str) -> list[str]:
        """Guest groups of a variant, in the order of their guests."""
        return list(self.index.get(variant, {}))

    def rows(self, variant: str, group: str) -> dict[int, Int64s]:
        """Rows of each replication, ascending."""
        found = self.index.get(variant, {}).get(group, {})
        return {replication: np.array(found[replication]) for replication in sorted(found)}

    def sums(self, rows: Int64s) -> Floats:
        """Sums over rows of all columns, in the order of `columns_at`."""
        summed: Floats = self.matrix[rows].sum(axis=0)
        return summed

    def latencies(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        """The joined histogram of rows."""
        slices = [slice(self.starts[row], self.ends[row]) for row in rows]
        buckets = np.concatenate([NO_ROWS, *(self.buckets[each] for each in slices)])
        return histogram.merge(buckets, np.concatenate([NO_ROWS, *(self.counts[each] for each in slices)]))
