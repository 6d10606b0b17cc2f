"""Runs that were never run: manifests and tables of guests in memory, with figures that are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import JsonValue

from cluster_sim.results.columns import schema
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.results.reader import Results, partitioned
from cluster_sim.results.storage import storage_of

DURATION_NS = 10**9
FRAMES = 1000
SCENARIO: dict[str, JsonValue] = {
    "duration": "1s",
    "record": "summary",
    "cluster": {"hosts": 1},
    "costs": {},
    "memory": {"generation": "G3"},
    "guests": [{"name": "raw", "vcpus": 2, "count": 1, "workloads": [{"kind": "video", "buffers": 4}]}],
}


@dataclass(frozen=True)
class GuestRow:
    """One guest of one replication: what matters of it."""

    variant: str
    replication: int
    columns: Mapping[str, int | Sequence[int]]
    group: str = "raw"


@dataclass(frozen=True)
class SyntheticRun(Results):
    """A run whose tables are in memory."""

    made: Manifest = field(kw_only=True)
    rows: Sequence[GuestRow] = field(kw_only=True)

    @property
    def manifest(self) -> Manifest:
        return self.made

    def table(self, name: str) -> pa.Table:
        assert name in ("guests", "placements")
        given = [row.columns if name == "guests" else {} for row in self.rows]
        columns = {}
        for column in schema(name):
            if pa.types.is_dictionary(column.type):
                labels = [row.group if column.name == "guest_group" else "placed" for row in self.rows]
                columns[column.name] = pa.array(labels).dictionary_encode().cast(column.type)
                continue
            is_bool = pa.types.is_boolean(column.type)
            nothing: object = [] if pa.types.is_list(column.type) else False if is_bool else 0
            columns[column.name] = pa.array([row.get(column.name, nothing) for row in given], column.type)
        columns["variant"] = pa.array([row.variant for row in self.rows], pa.string())
        columns["replication"] = pa.array([row.replication for row in self.rows], pa.int32())
        return pa.table(columns, partitioned(schema(name)))


def synthetic(
    variants: Mapping[str, Mapping[str, str]],
    rows: Sequence[GuestRow],
    *,
    directory: str = "made/up",
    baseline: Mapping[str, str] | None = None,
    scenarios: Mapping[str, dict[str, JsonValue]] | None = None,
    seed: int = 1,
    version: str = "0.1.0",
    profiles: dict[str, dict[str, JsonValue]] | None = None,
) -> SyntheticRun:
    """A run with these variants (label → axes) and guests."""
    manifest = Manifest(
        experiment="made-up",
        question="Is it known?",
        definition="made-up.yaml",
        seed=seed,
        replications=1 + max((row.replication for row in rows), default=0),
        baseline=dict(baseline or {}),
        variants={
            label: VariantRecord(
                axes=dict(axes), profile="p", duration_ns=DURATION_NS, scenario=(scenarios or {}).get(label, SCENARIO)
            )
            for label, axes in variants.items()
        },
        profiles=profiles or {"p": {"prices": {"exit": {"value": 1.0}}}},
        versions={"cluster-sim": version},
        host={},
        status="complete",
    )
    return SyntheticRun(storage_of(directory), made=manifest, rows=rows)
