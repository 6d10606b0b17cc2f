"""Batches of rows: reading a table so that memory does not grow with it, and finding whose rows they are."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.integers import Int64s
from cluster_sim.results.reader import Results
from cluster_sim.results.run_directory import RunDirectoryError

BATCH_ROWS = 1 << 17
READ_AHEAD = 2

Key = tuple[str, ...]
"""The labels that rows belong together by: variant, guest group and whatever else a table is summed by."""


def batches(results: Results, table: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a table, read in one pass."""
    try:
        scanner = results.dataset(table).scanner(
            columns=list(columns),
            batch_size=BATCH_ROWS,
            batch_readahead=READ_AHEAD,
            fragment_readahead=READ_AHEAD,
            cache_metadata=False,
        )
        yield from (batch for batch in scanner.to_batches() if batch.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise RunDirectoryError(results.storage.path(table), f"cannot be read: {error}") from error


def in_batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The same of a table that is in memory."""
    yield from (batch for batch in table.to_batches(BATCH_ROWS) if batch.num_rows)


def integers(batch: pa.RecordBatch, column: str) -> Int64s:
    """A column of numbers or truths."""
    array = batch.column(column)
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    values: Int64s = array.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return values


def labels(batch: pa.RecordBatch, column: str) -> tuple[list[str], Int64s]:
    """The labels that occur, and the number of each row's among them."""
    array = batch.column(column)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def by_key(batch: pa.RecordBatch, *columns: str) -> Iterator[tuple[Key, Int64s]]:
    """The rows of each combination of labels, ascending."""
    names, codes = labels(batch, columns[0])
    known: list[Key] = [(name,) for name in names]
    for column in columns[1:]:
        more, inner = labels(batch, column)
        known = [(*key, name) for key in known for name in more]
        codes = codes * len(more) + inner
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    for rows in np.split(order, starts[1:]):
        yield known[int(codes[rows[0]])], rows
