"""Writing a table's parts: Parquet under a temporary name, then renamed, with a digest of what each holds."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cluster_sim.moving import Moving
from cluster_sim.results.atomic_file import removed_on_failure
from cluster_sim.results.columns import schema
from cluster_sim.results.storage import Storage

ROWS_A_GROUP = 1 << 17
ROWS_A_PART = 1 << 16
"""From so many rows on a part ends with the window: few files, and never much that is not written."""
BYTES_AT_ONCE = 1 << 16
"""A small table is one write to its file, and not one a column."""
SOUGHT_BY = ("host_id", "guest_id", "workload", "frame_index", "submitted_ns", "ended_ns", "window", "ends_ns")
"""Columns whose least and greatest values files tell, so that readers who look for some rows can pass over others."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of one table: `path` is relative to the run directory, `digest` is over its content, not its bytes."""

    table: str
    variant: str
    replication: int
    path: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class PartLocation:
    """Which table, variant and replication a part is of; `token` tells apart two that write the same one at a time."""

    table: str
    variant: str
    replication: int
    token: str = ""

    def path(self, name: str) -> str:
        """Where a part lies in its folder, so that readers see variant and replication as columns."""
        return f"{run_folder(self.table, self.variant, self.replication)}/{name}.parquet"


def run_folder(table: str, variant: str, replication: int) -> str:
    """The folder of a run's parts of a table."""
    return f"{table}/variant={variant}/replication={replication}"


def add_to_digest(digest: "hashlib._Hash", batch: pa.RecordBatch) -> None:
    """Digest a batch's values: the same whatever the batching, the Arrow version or the dictionaries' order."""
    for column in batch.columns:
        if pa.types.is_dictionary(column.type) and column.null_count == 0 and len(column):
            digest.update(text_of_labels(column))
        elif pa.types.is_dictionary(column.type) or pa.types.is_string(column.type) or pa.types.is_list(column.type):
            digest.update(repr(column.to_pylist()).encode())
        else:
            digest.update(column.to_numpy(zero_copy_only=False))


def text_of_labels(column: pa.DictionaryArray) -> bytes:
    """What Python writes a list of the column's labels as; Arrow joins the texts without one object a row."""
    texts = [f"{label!r}, ".encode() for label in column.dictionary.to_pylist()]
    codes = column.indices.to_numpy()
    if (codes == codes[0]).all():
        joined: bytes = texts[codes[0]] * len(codes)
    else:
        taken = pa.array(texts, pa.large_binary()).take(column.indices)
        end = int(np.frombuffer(taken.buffers()[1], np.int64)[taken.offset + len(taken)])
        joined = bytes(taken.buffers()[2])[:end]
    return b"[" + joined[: -len(", ")] + b"]"


@cache
def encoding(table: str) -> dict[str, Any]:
    """How a table's columns are written: what counts and instants repeat lies in their high bytes, so byte by byte."""
    kinds = {field.name: field.type for field in schema(table)}
    return {
        "compression": "lz4",
        "use_dictionary": [name for name, kind in kinds.items() if pa.types.is_dictionary(kind)],
        "column_encoding": {name: "BYTE_STREAM_SPLIT" for name, kind in kinds.items() if pa.types.is_integer(kind)},
        "write_statistics": [name for name in SOUGHT_BY if name in kinds],
    }


class PartWriter:
    """Writes one part, a batch at a time; nothing is there under its name until `close`.

    Rows are digested and written in groups of a fixed number of rows, so that neither depends on the batches.
    """

    def __init__(self, storage: Storage, location: PartLocation, name: str) -> None:
        self.storage, self.location = storage, location
        self.relative = location.path(name)
        self.schema = schema(location.table)
        self.rows = 0
        self.digest = hashlib.sha256()
        self.waiting: list[pa.RecordBatch] = []
        self.waiting_rows = 0
        self.writer: pq.ParquetWriter | None = None
        self.sink: pa.NativeFile | None = None

    @property
    def temporary(self) -> str:
        """The name under which it is being written."""
        return self.storage.temporary(self.relative, self.location.token)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self.waiting.append(batch)
        self.waiting_rows += batch.num_rows
        if self.waiting_rows >= ROWS_A_GROUP:
            joined = self._join()
            whole = joined.num_rows // ROWS_A_GROUP * ROWS_A_GROUP
            self._flush(joined.slice(0, whole))
            rest = joined.slice(whole)
            self.waiting, self.waiting_rows = [*rest.to_batches()], rest.num_rows

    def close(self) -> Part:
        """Write what is left and give the part its name."""
        joined = self._join()
        if joined.num_rows or self.writer is None:
            self._flush(joined)
        assert self.writer is not None
        assert self.sink is not None
        with self._removed_on_failure():
            self.writer.close()
            self.sink.close()
            self.storage.rename(self.temporary, self.relative)
        location = self.location
        return Part(
            location.table, location.variant, location.replication, self.relative, self.rows, self.digest.hexdigest()
        )

    def _join(self) -> pa.Table:
        joined = pa.Table.from_batches(self.waiting, self.schema)
        return joined if len(self.waiting) == 1 else joined.unify_dictionaries().combine_chunks()

    def _removed_on_failure(self) -> AbstractContextManager[None]:
        return removed_on_failure(partial(self.storage.remove, self.temporary))

    def _flush(self, rows: pa.Table) -> None:
        with self._removed_on_failure():
            if self.writer is None:
                self.writer = self._opened()
            self._write(self.writer, rows)

    def _opened(self) -> pq.ParquetWriter:
        self.storage.make_folder(run_folder(self.location.table, self.location.variant, self.location.replication))
        path = self.storage.path(self.temporary)
        self.sink = self.storage.filesystem.open_output_stream(path, compression=None, buffer_size=BYTES_AT_ONCE)
        return pq.ParquetWriter(self.sink, self.schema, **encoding(self.location.table))

    def _write(self, writer: pq.ParquetWriter, rows: pa.Table) -> None:
        for start in range(0, max(rows.num_rows, 1), ROWS_A_GROUP):
            group = rows.slice(start, ROWS_A_GROUP)
            writer.write_table(group, row_group_size=ROWS_A_GROUP)
            for batch in group.to_batches():
                add_to_digest(self.digest, batch)
            self.rows += group.num_rows


class SegmentedWriter:
    """Writes a table that grows with the windows: parts that end with a window, as soon as there are rows enough.

    Where a part ends depends on the rows alone, so that the files are the same wherever they are written.
    """

    parts: Moving[list[Part]]
    """Parts that have ended."""

    def __init__(self, storage: Storage, location: PartLocation, name: str) -> None:
        self.storage, self.location, self.name = storage, location, name
        self.parts = []
        self.part = self._next()

    def _next(self) -> PartWriter:
        return PartWriter(self.storage, self.location, f"{self.name}.{len(self.parts):04d}")

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self.part.write(batch)

    @property
    def rows(self) -> int:
        """Rows of the part that has not ended."""
        return self.part.rows + self.part.waiting_rows

    def end_window(self, *, is_last: bool) -> None:
        """End the part if it is large enough, or if it is the last; a table without rows has one part."""
        rows = self.rows
        if self.part.writer is not None or rows >= ROWS_A_PART or (is_last and (rows or not self.parts)):
            self.parts.append(self.part.close())
            self.part = self._next()

    @property
    def waiting(self) -> Moving[list[pa.RecordBatch]]:
        """Rows of the part that has not ended, at the end of a window."""
        assert self.part.writer is None
        return self.part.waiting

    @waiting.setter
    def waiting(self, batches: list[pa.RecordBatch]) -> None:
        self.part = self._next()
        for batch in batches:
            self.part.write(batch)


def write_part(storage: Storage, location: PartLocation, name: str, batches: Iterable[pa.RecordBatch]) -> Part:
    """Write one part from its batches."""
    writer = PartWriter(storage, location, name)
    for batch in batches:
        writer.write(batch)
    return writer.close()


def damage_of(storage: Storage, part: Part) -> str | None:
    """What is wrong with a part that should be there; None if it holds what it held when it was written."""
    try:
        with storage.filesystem.open_input_file(storage.path(part.path)) as source:
            file = pq.ParquetFile(source)
            if file.metadata.num_rows != part.rows:
                return f"found {file.metadata.num_rows} rows, allowed: {part.rows}"
            digest = hashlib.sha256()
            for group in range(file.metadata.num_row_groups):
                for batch in file.read_row_group(group).combine_chunks().to_batches():
                    add_to_digest(digest, batch)
    except FileNotFoundError:
        return "found nothing, allowed: the part as it was written"
    except (OSError, pa.ArrowException) as error:
        return f"found {(str(error).splitlines() or [''])[0]}, allowed: Parquet"
    return None if digest.hexdigest() == part.digest else "found other values, allowed: those that were written"


def fingerprint(parts: Iterable[Part]) -> str:
    """Digest over all parts, in the order of their names: equal for equal tables, wherever they were made."""
    digest = hashlib.sha256()
    for part in sorted(parts, key=lambda part: part.path):
        digest.update(f"{part.path} {part.rows} {part.digest}\n".encode())
    return digest.hexdigest()


def label_array(labels: Sequence[str], codes: npt.ArrayLike) -> pa.DictionaryArray:
    """A column of labels from codes."""
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(codes).astype(np.int8)), pa.array(labels, pa.string()))
