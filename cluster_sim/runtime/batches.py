"""Batches of the declared tables, and columns that several of them share."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from cluster_sim.integers import Int64s
from cluster_sim.results import histogram
from cluster_sim.results.columns import TABLES, schema

Histogram = tuple[Int64s, Int64s]
"""Buckets, ascending, and how often each was met."""


def merged_histogram(parts: Sequence[Histogram]) -> Histogram:
    """Histograms as one."""
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return histogram.merge(np.concatenate([b for b, _ in parts]), np.concatenate([n for _, n in parts]))


def histogram_columns(merged: Sequence[Histogram]) -> dict[str, pa.Array]:
    """The columns of one histogram a row."""
    return {
        "latency_bucket": pa.array([b.tolist() for b, _ in merged], pa.list_(pa.int32())),
        "latency_count": pa.array([n.tolist() for _, n in merged], pa.list_(pa.int64())),
    }


def as_batch(table: str, columns: Mapping[str, object]) -> pa.RecordBatch:
    """A batch of a declared table; every column must be there, and no other."""
    declared = schema(table)
    assert set(columns) == {column.name for column in TABLES[table]}, set(columns) ^ set(declared.names)
    arrays = []
    for field in declared:
        values = columns[field.name]
        array = values if isinstance(values, pa.Array) else pa.array(np.ascontiguousarray(values))
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=declared)
