"""Opening a run: its manifest and its tables, as any Arrow reader sees them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from cluster_sim.results.columns import TABLES, schema
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.run_directory import RunDirectoryError, find, read_manifest

EVENTFUL = ("faults",)
"""Tables without a folder when nothing of their kind happened."""

PARTITIONS = pa.schema([("variant", pa.string()), ("replication", pa.int32())])


@dataclass(frozen=True)
class Results:
    """A run on disk."""

    directory: Path

    @cached_property
    def manifest(self) -> Manifest:
        """What was run, how, and with what."""
        return read_manifest(self.directory)

    def dataset(self, table: str) -> ds.Dataset:
        """A table as an Arrow dataset, with the columns `variant` and `replication` of its folders."""
        if table not in TABLES:
            raise RunDirectoryError(f"table: found {table!r}, allowed: {' | '.join(TABLES)}")
        folder = self.directory / table
        if not folder.is_dir() and table in EVENTFUL:
            return ds.dataset(partitioned(schema(table)).empty_table())
        if not folder.is_dir():
            raise RunDirectoryError(f"{folder}: found nothing, allowed: a run that recorded {table}")
        return ds.dataset(folder, format="parquet", partitioning=ds.partitioning(PARTITIONS, flavor="hive"))

    def table(self, name: str) -> pa.Table:
        """A whole table in memory."""
        return self.dataset(name).to_table()


def partitioned(table: pa.Schema) -> pa.Schema:
    """A table's schema with the columns that its folders stand for."""
    for field in PARTITIONS:
        table = table.append(field)
    return table


def open_results(path: Path | str) -> Results:
    """Open a run's directory, or the newest run below a workload's."""
    return Results(find(Path(path)))
