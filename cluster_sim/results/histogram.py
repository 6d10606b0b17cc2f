"""Mergeable latency histograms: buckets of equal ratio, so that any quantile is right within 1/256 of itself.

A latency below 128 ns has a bucket of its own; above, each power of two is cut into 128 buckets.
"""

import numpy as np

from cluster_sim.integers import Int64s

SUB_BITS = 7
SUB_BUCKETS = 1 << SUB_BITS
RELATIVE_ERROR = 1 / (2 * SUB_BUCKETS)


def bucket_of(latencies_ns: Int64s) -> Int64s:
    """Bucket of each latency."""
    values = np.asarray(latencies_ns, np.int64)
    exponent = np.zeros(len(values), np.int64)
    large = values >= SUB_BUCKETS
    exponent[large] = np.frexp(values[large].astype(np.float64))[1] - 1 - SUB_BITS
    too_far = large & (values >> exponent < SUB_BUCKETS)  # a float may round up to the next power of two
    exponent[too_far] -= 1
    buckets: Int64s = np.where(large, (exponent << SUB_BITS) + (values >> exponent), values)
    return buckets


def first_of(buckets: Int64s) -> Int64s:
    """The least latency in each bucket, ns."""
    exponent = np.maximum((buckets >> SUB_BITS) - 1, 0)
    first: Int64s = (buckets - (exponent << SUB_BITS)) << exponent
    return first


def middle_of(buckets: Int64s) -> Int64s:
    """The latency in the middle of each bucket, ns."""
    exponent = np.maximum((buckets >> SUB_BITS) - 1, 0)
    middle: Int64s = first_of(buckets) + ((1 << exponent) >> 1)
    return middle


def count(latencies_ns: Int64s) -> tuple[Int64s, Int64s]:
    """(buckets in use, ascending; latencies in each)."""
    buckets, counts = np.unique(bucket_of(latencies_ns), return_counts=True)
    return buckets, counts.astype(np.int64)


def merge(buckets: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Join histograms that were put one after the other."""
    joined, position = np.unique(buckets, return_inverse=True)
    return joined, np.bincount(position, weights=counts, minlength=len(joined)).astype(np.int64)


def quantile(buckets: Int64s, counts: Int64s, share: float) -> float:
    """Latency below which `share` of the counted lie, ns; not-a-number when nothing was counted."""
    total = counts.sum()
    if total == 0:
        return float("nan")
    rank = max(int(np.ceil(share * total)), 1)
    position = int(np.searchsorted(np.cumsum(counts), rank))
    return float(middle_of(buckets[position : position + 1])[0])
