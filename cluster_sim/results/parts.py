"""Writing a table's part: Parquet under a temporary name, then renamed, with a digest of what it holds."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cluster_sim.results.columns import schema

ROWS_A_GROUP = 1 << 17


@dataclass(frozen=True, slots=True)
class Part:
    """One file of one table: `path` is relative to the run directory, `digest` is over its content, not its bytes."""

    table: str
    variant: str
    replication: int
    path: str
    rows: int
    digest: str


def part_path(table: str, variant: str, replication: int, name: str) -> str:
    """Where a part lies in the run directory, so that readers see variant and replication as columns."""
    return f"{table}/variant={variant}/replication={replication}/{name}.parquet"


def add_to_digest(digest: "hashlib._Hash", batch: pa.RecordBatch) -> None:
    """Digest a batch's values: the same whatever the batching, the Arrow version or the dictionaries' order."""
    for column in batch.columns:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if pa.types.is_string(plain.type) or pa.types.is_list(plain.type):
            digest.update(repr(plain.to_pylist()).encode())
        else:
            digest.update(plain.to_numpy(zero_copy_only=False).tobytes())


class PartWriter:
    """Writes one part, a batch at a time; nothing is there under its name until `close`.

    Rows are digested and written in groups of a fixed number of rows, so that neither depends on the batches.
    """

    def __init__(self, run_directory: Path, table: str, variant: str, replication: int, name: str) -> None:
        self.table, self.variant, self.replication = table, variant, replication
        self.relative = part_path(table, variant, replication, name)
        self.path = run_directory / self.relative
        self.schema = schema(table)
        self.rows = 0
        self.digest = hashlib.sha256()
        self.waiting: list[pa.RecordBatch] = []
        self.waiting_rows = 0
        self.writer: pq.ParquetWriter | None = None

    @property
    def temporary(self) -> Path:
        """The name under which it is being written."""
        return self.path.with_name(f".{self.path.name}.partial")

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
        self.writer.close()
        self.temporary.replace(self.path)
        return Part(self.table, self.variant, self.replication, self.relative, self.rows, self.digest.hexdigest())

    def _join(self) -> pa.Table:
        return pa.Table.from_batches(self.waiting, self.schema).unify_dictionaries().combine_chunks()

    def _flush(self, rows: pa.Table) -> None:
        if self.writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.writer = pq.ParquetWriter(
                self.temporary, self.schema, compression="zstd", compression_level=1, write_statistics=True
            )
        for start in range(0, max(rows.num_rows, 1), ROWS_A_GROUP):
            group = rows.slice(start, ROWS_A_GROUP).combine_chunks()
            self.writer.write_table(group, row_group_size=ROWS_A_GROUP)
            for batch in group.to_batches():
                add_to_digest(self.digest, batch)
            self.rows += group.num_rows


def fingerprint(parts: Iterable[Part]) -> str:
    """Digest over all parts, in the order of their names: equal for equal tables, wherever they were made."""
    digest = hashlib.sha256()
    for part in sorted(parts, key=lambda part: part.path):
        digest.update(f"{part.path} {part.rows} {part.digest}\n".encode())
    return digest.hexdigest()


def label_array(labels: Sequence[str], codes: "pa.Array | Sequence[int]") -> pa.DictionaryArray:
    """A column of labels from codes."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(labels, pa.string()))
