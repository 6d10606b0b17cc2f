"""Sums and distributions against latencies counted by hand."""

import numpy as np

from cluster_sim.analysis.summaries.sums import BUCKETS, Sums, distribution


def test_a_distribution_of_hand_counted_latencies() -> None:
    sums = Sums(buckets=np.zeros(BUCKETS, np.int64))
    sums.buckets[[10, 20, 100]] = (1, 2, 1)
    assert distribution(sums) == [(10.0, 0.0), (10.0, 0.25), (20.0, 0.75), (100.0, 1.0)]
    assert distribution(Sums()) == []
    assert sums.latency_ns(0.5) == 20
