"""Opening a run: its manifest and its tables, as any Arrow reader sees them."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from cluster_sim.results.columns import TABLES, schema
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.opened_table import OpenedTable
from cluster_sim.results.run_directory import RunDirectoryError, find, read_manifest
from cluster_sim.results.storage import Storage

EVENTFUL = ("faults",)
"""Tables without a folder when nothing of their kind happened."""

PARTITIONS = pa.schema([("variant", pa.string()), ("replication", pa.int32())])


@dataclass(frozen=True, repr=False)
class Results:
    """A run on disk, or wherever its storage is: its manifest, and each of its tables as a property."""

    storage: Storage

    @property
    def directory(self) -> Path:
        """Where it lies; of a URI the last part is its name."""
        return Path(self.storage.path())

    @cached_property
    def manifest(self) -> Manifest:
        """What was run, how, and with what."""
        return read_manifest(self.storage)

    def has(self, table: str) -> bool:
        """Whether the run recorded a table."""
        return self.storage.has(table)

    def dataset(self, table: str) -> ds.Dataset:
        """A table as an Arrow dataset, with the columns `variant` and `replication` of its folders."""
        if table not in TABLES:
            raise RunDirectoryError("table", repr(table), " | ".join(TABLES))
        folder = self.storage.path(table)
        if not self.has(table):
            if table in EVENTFUL:
                return ds.dataset(partitioned(schema(table)).empty_table())
            raise RunDirectoryError(folder, "nothing", f"a run that recorded {table}")
        hive = ds.partitioning(PARTITIONS, flavor="hive")
        try:
            found = ds.dataset(folder, format="parquet", partitioning=hive, filesystem=self.storage.filesystem)
        except (pa.ArrowException, OSError) as error:
            raise damaged(folder, error) from error
        missing = [name for name in schema(table).names if name not in found.schema.names]
        if missing:
            raise RunDirectoryError(folder, f"no column {', '.join(missing)}", f"{table} as runs write it")
        return found

    def table(self, name: str) -> pa.Table:
        """A whole table in memory."""
        try:
            return self.dataset(name).to_table()
        except (pa.ArrowException, OSError) as error:
            raise damaged(self.storage.path(name), error) from error

    def opened(self, name: str) -> OpenedTable:
        """A table by name, with what reads it."""
        rows = sum(part.rows for part in self.manifest.parts if part.table == name)
        return OpenedTable(name, self.dataset(name), rows)

    @property
    def transfers(self) -> OpenedTable:
        """A frame, request or packet a row: times, outcome, latency and its ledger."""
        return self.opened("transfers")

    @property
    def guests(self) -> OpenedTable:
        """A guest and replication a row: sums, latency histogram, exposure, memory held."""
        return self.opened("guests")

    @property
    def workloads(self) -> OpenedTable:
        """A guest's workload and replication a row."""
        return self.opened("workloads")

    @property
    def placements(self) -> OpenedTable:
        """A guest that came a row: when, its host, or what it was refused for."""
        return self.opened("placements")

    @property
    def windows(self) -> OpenedTable:
        """A guest and window a row: a time series."""
        return self.opened("windows")

    @property
    def hosts(self) -> OpenedTable:
        """A host and replication a row: its busy times."""
        return self.opened("hosts")

    @property
    def conversions(self) -> OpenedTable:
        """A guest and replication a row: what became of its pages."""
        return self.opened("conversions")

    @property
    def faults(self) -> OpenedTable:
        """An access against the rules a row."""
        return self.opened("faults")

    def facts(self) -> dict[str, str]:
        """What one would ask of a run first, by name."""
        manifest = self.manifest
        axes = [f"{axis} ({len(labels)})" for axis, labels in self.labels().items()]
        rows = {table: sum(part.rows for part in manifest.parts if part.table == table) for table in TABLES}
        return {
            "experiment": manifest.experiment,
            "question": " ".join(manifest.question.split()),
            "directory": self.storage.uri,
            "status": manifest.status,
            "variants": f"{len(manifest.variants)}: {' × '.join(axes) or 'one'}",
            "replications": str(manifest.replications),
            "frames": f"{manifest.frames:,}",
            "rows": ", ".join(f"{table} {count:,}" for table, count in rows.items() if count),
            "fingerprint": manifest.fingerprint[:16],
        }

    def labels(self) -> dict[str, list[str]]:
        """The axes of the run, each with its labels in order."""
        found: dict[str, dict[str, None]] = {}
        for record in self.manifest.variants.values():
            for axis, label in record.axes.items():
                found.setdefault(axis, {})[label] = None
        return {axis: list(labels) for axis, labels in found.items()}

    def __repr__(self) -> str:
        """The run's facts in lines; a run that cannot be read says why."""
        try:
            facts = self.facts()
        except RunDirectoryError as error:
            return f"<run that cannot be read: {error}>"
        return "\n".join(f"{name:>12}  {printable(text)}" for name, text in facts.items())

    def _repr_html_(self) -> str:
        """The run's facts as a table, for notebooks; whatever the run says stays text."""
        cells = [
            f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{escape(printable(text))}</td></tr>"
            for name, text in self.facts().items()
        ]
        return f"<table>{''.join(cells)}</table>"


def damaged(folder: str, error: Exception) -> RunDirectoryError:
    """What a table that cannot be read is refused with."""
    reason = (str(error).splitlines() or [""])[0]
    return RunDirectoryError(folder, f"what cannot be read ({reason})", "Parquet as the run wrote it")


def printable(text: str) -> str:
    """Text without characters that would do something to a terminal or turn a line around."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def partitioned(table: pa.Schema) -> pa.Schema:
    """A table's schema with the columns that its folders stand for."""
    for field in PARTITIONS:
        table = table.append(field)
    return table


def open_results(path: Path | str) -> Results:
    """Open a run's directory or URI, or the newest run below a workload's."""
    return Results(find(path))
