"""Sums and latency histograms of each variant's group, over the rows of `guests` or of `workloads`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.analysis.summaries.batches import Key, batches, by_key, in_batches, integers
from cluster_sim.integers import Int64s
from cluster_sim.results import histogram
from cluster_sim.results.columns import FLOW, GUESTS
from cluster_sim.results.endings import DROP_LABELS
from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results

Shares = npt.NDArray[np.float64]

BUCKETS = int(histogram.bucket_of(np.array([(1 << 62) - 1], np.int64))[0]) + 1
HISTOGRAM = ("latency_bucket", "latency_count")
FLOW_SUMS = tuple(column.name for column in FLOW if column.kind == "int64" and not column.name.endswith("_max"))
GUEST_SUMS = tuple(column.name for column in GUESTS if column.kind in ("int64", "bool"))
DROPPED = tuple(f"dropped_{label}" for label in DROP_LABELS[1:])


@dataclass
class Sums:
    """What was added up over rows; `rows` counts them, `replications` says from how many repetitions."""

    rows: int = 0
    replications: set[int] = field(default_factory=set)
    totals: dict[str, int] = field(default_factory=dict)
    buckets: Int64s = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))

    def of(self, *columns: str) -> int:
        """The sum over rows and columns."""
        return sum(self.totals.get(column, 0) for column in columns)

    def per(self, column: str, of: str, factor: float = 1) -> float:
        """A sum for each of another; not-a-number for none."""
        return factor * self.of(column) / self.of(of) if self.of(of) else float("nan")

    def latency_ns(self, share: float) -> float:
        """Latency below which a share of the delivered lie, right within 1/256 of itself."""
        used = np.flatnonzero(self.buckets)
        return histogram.quantile(used, self.buckets[used], share)


def guest_sums(guests: pa.Table) -> dict[Key, Sums]:
    """By (variant, group)."""
    return summed(in_batches(guests), ("variant", "guest_group"), GUEST_SUMS)


def workload_sums(results: Results) -> dict[Key, Sums]:
    """By (variant, group, queue's role, workload), of runs with the table."""
    if not results.has("workloads"):
        return {}
    keys = ("variant", "guest_group", "part", "workload")
    columns = [*keys, "replication", *FLOW_SUMS, *HISTOGRAM]
    return summed(batches(results, "workloads", columns), keys, FLOW_SUMS)


def summed(found_in: Iterable[pa.RecordBatch], keys: Sequence[str], columns: Sequence[str]) -> dict[Key, Sums]:
    """Add up columns over batches, by the labels in the columns `keys`."""
    found: dict[Key, Sums] = {}
    for batch in found_in:
        lengths = pc.list_value_length(batch.column("latency_bucket")).to_numpy().astype(np.int64)
        starts = np.r_[0, np.cumsum(lengths)]
        buckets, counts = (pc.list_flatten(batch.column(name)).to_numpy() for name in HISTOGRAM)
        owners = np.repeat(np.arange(batch.num_rows), lengths)
        replications = integers(batch, "replication")
        values = {column: integers(batch, column) for column in columns}
        for key, rows in keyed(batch, keys):
            sums = found.setdefault(key, Sums())
            sums.rows += len(rows)
            sums.replications.update(int(number) for number in np.unique(replications[rows]))
            for column, array in values.items():
                sums.totals[column] = sums.totals.get(column, 0) + int(array[rows].sum())
            if len(starts) > 1:
                mine = np.zeros(batch.num_rows, bool)
                mine[rows] = True
                inside = mine[owners]
                np.add.at(sums.buckets, buckets[inside], counts[inside])
    return found


def keyed(batch: pa.RecordBatch, keys: Sequence[str]) -> Iterator[tuple[Key, Int64s]]:
    """Rows by their labels; a numbered column counts as one."""
    plain = batch
    for key in keys:
        index = batch.schema.get_field_index(key)
        if pa.types.is_integer(batch.schema.field(index).type):
            plain = plain.set_column(index, key, pc.cast(batch.column(index), pa.string()))
    return by_key(plain, *keys)


def ledger_of(sums: Sums) -> Mapping[Category, float]:
    """Mean ns a delivered transfer in each category; together the mean latency."""
    return {category: sums.per(f"{category.label}_ns", "delivered") for category in Category}


def distribution(sums: Sums, points: int = 120) -> list[tuple[float, float]]:
    """(latency in ns, share of delivered transfers at most so slow) at up to so many points, ends included."""
    used = np.flatnonzero(sums.buckets)
    if not len(used):
        return []
    shares = np.cumsum(sums.buckets[used]) / sums.buckets.sum()
    middles = histogram.middle_of(used)
    wanted = np.unique(np.searchsorted(shares, spread(points)).clip(0, len(used) - 1))
    curve = [(float(middles[each]), float(shares[each])) for each in wanted]
    return [(float(middles[0]), 0.0), *curve]


def spread(points: int) -> Shares:
    """Shares that are even in the middle and dense at the slow end, where readers look."""
    even = np.linspace(0, 0.98, max(points - 20, 2))
    tail = 1 - np.geomspace(0.02, 1e-4, 19)
    shares: Shares = np.r_[even, tail, 1.0]
    return shares
