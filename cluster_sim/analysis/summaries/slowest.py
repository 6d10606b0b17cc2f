"""One pass over `transfers`: where the slowest hundredth spent their time, which sums of all cannot show."""

from collections.abc import Mapping

import numpy as np

from cluster_sim.analysis.summaries.batches import Key, batches, by_key, integers, labels
from cluster_sim.analysis.summaries.sums import Sums
from cluster_sim.integers import Int64s
from cluster_sim.results import histogram
from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results

SLOW_FROM = 0.99
COLUMNS = tuple(f"{category.label}_ns" for category in Category)


def slowest(results: Results, sums: Mapping[Key, Sums]) -> dict[Key, Mapping[Category, float]]:
    """Mean ledger, ns, of delivered transfers at or above the 99th percentile, by (variant, group).

    Empty where the run recorded no transfers. The percentile is that of the guests' histograms: all of its bucket are
    in, so that where most latencies are equal, most transfers are.
    """
    if not results.has("transfers"):
        return {}
    thresholds = {key: threshold_ns(each) for key, each in sums.items()}
    totals: dict[Key, Int64s] = {}
    for batch in batches(results, "transfers", ["variant", "guest_group", "outcome", "latency_ns", *COLUMNS]):
        latencies = integers(batch, "latency_ns")
        names, codes = labels(batch, "outcome")
        is_delivered = codes == (names.index("delivered") if "delivered" in names else -1)
        for key, rows in by_key(batch, "variant", "guest_group"):
            slow = rows[is_delivered[rows] & (latencies[rows] >= thresholds.get(key, 0))]
            if len(slow):
                taken = batch.take(slow)
                spent_ns = [int(integers(taken, column).sum()) for column in COLUMNS]
                totals[key] = totals.get(key, np.zeros(len(COLUMNS) + 1, np.int64)) + np.array([*spent_ns, len(slow)])
    return {
        key: {category: float(total[category] / total[-1]) for category in Category} for key, total in totals.items()
    }


def threshold_ns(sums: Sums) -> int:
    """The least latency in the bucket that holds the percentile."""
    used = np.flatnonzero(sums.buckets)
    if not len(used):
        return 0
    index = int(np.searchsorted(np.cumsum(sums.buckets[used]), np.ceil(SLOW_FROM * sums.buckets.sum())))
    return int(histogram.first_of(used[index : index + 1])[0])
