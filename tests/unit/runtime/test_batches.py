"""Batches of declared tables have each column once; histograms add up bucket by bucket."""

import numpy as np
import pytest

from cluster_sim.results.columns import TABLES
from cluster_sim.results.parts import label_array
from cluster_sim.runtime.batches import as_batch, histogram_columns, merged_histogram


def of(*pairs: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    buckets, counts = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return buckets, counts


def test_histograms_add_up_bucket_by_bucket() -> None:
    buckets, counts = merged_histogram([of((3, 1), (5, 2)), of((4, 7)), of((3, 10), (9, 1))])
    assert (buckets.tolist(), counts.tolist()) == ([3, 4, 5, 9], [11, 7, 2, 1])


def test_of_no_histogram_nothing_is_counted() -> None:
    assert [each.tolist() for each in merged_histogram([])] == [[], []]


def test_a_row_may_have_an_empty_histogram() -> None:
    columns = histogram_columns([of((3, 1)), merged_histogram([])])
    assert columns["latency_bucket"].to_pylist() == [[3], []]
    assert columns["latency_count"].to_pylist() == [[1], []]


def test_a_batch_with_a_column_too_few_or_too_many_is_none() -> None:
    label = label_array(["the host"], [0, 0])
    columns = {column.name: label if column.kind == "label" else np.zeros(2, np.int64) for column in TABLES["hosts"]}
    assert as_batch("hosts", columns).num_rows == 2
    with pytest.raises(AssertionError):
        as_batch("hosts", {name: values for name, values in columns.items() if name != "host_id"})
    with pytest.raises(AssertionError):
        as_batch("hosts", {**columns, "unheard_of": np.zeros(2, np.int64)})
