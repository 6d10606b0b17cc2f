"""What a run did to guest memory, variant by variant, and what became of injected faults."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class MemoryFigure:
    """A figure: the column it sums up over guests, or takes the largest of; `divisor` brings it to its unit."""

    name: str
    unit: str
    table: str
    column: str
    divisor: float = 1
    is_largest: bool = False


MEMORY_FIGURES = (
    MemoryFigure("refused", "conversions", "conversions", "refusals"),
    MemoryFigure("stuck", "frames", "conversions", "stuck"),
    MemoryFigure("pin wait", "ms, longest", "conversions", "longest_pin_wait_ns", 1e6, is_largest=True),
    MemoryFigure("deferred", "pages", "conversions", "deferred_pages"),
    MemoryFigure("orphaned", "pages", "conversions", "orphaned_pages"),
    MemoryFigure("exposed", "pages", "conversions", "exposed_pages"),
    MemoryFigure("leaked", "pages", "conversions", "leaked_pages"),
    MemoryFigure("held twice", "MiB", "conversions", "double_pages", 256),
    MemoryFigure("leaves at boot", "huge", "guests", "huge_leaves_at_boot"),
    MemoryFigure("leaves at end", "huge", "guests", "huge_leaves"),
    MemoryFigure("broken", "leaves", "conversions", "broken_leaves"),
    MemoryFigure("split at end", "huge pages", "guests", "split_huge_pages"),
    MemoryFigure("splits", "in the run", "conversions", "splits"),
    MemoryFigure("merges", "in the run", "conversions", "merges"),
    MemoryFigure("dropped", "guest died", "guests", "dropped_guest_died"),
)


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """A variant's figures by name: sums over its guests, or largest values, as a mean over replications."""

    variant: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FaultRow:
    """Accesses of one kind that came to the same, in one variant."""

    variant: str
    access: str
    is_injected: bool
    outcome: str
    victim: str
    times: int
    leaked_pages: int
    spoilt_pages: int


def memory_rows(variants: Iterable[str], conversions: pa.Table, guests: pa.Table) -> list[MemoryRow]:
    """One row a variant, in their order, from the tables `conversions` and `guests`."""
    tables = {"conversions": conversions, "guests": guests}
    rows = []
    for variant in variants:
        mine = {name: of_variant(table, variant) for name, table in tables.items()}
        replications = len(set(mine["guests"].column("replication").to_pylist()))
        if not replications:
            continue
        figures = {}
        for figure in MEMORY_FIGURES:
            values = mine[figure.table].column(figure.column).to_numpy()
            total = float(values.max()) if figure.is_largest else float(values.sum()) / replications
            figures[figure.name] = total / figure.divisor
        rows.append(MemoryRow(variant, figures))
    return rows


def fault_rows(variants: Iterable[str], faults: pa.Table) -> list[FaultRow]:
    """Faults of all replications, those of a kind together, in the order of their first instants."""
    found: dict[tuple[str, str, bool, str, str], list[int]] = {}
    for record in faults.sort_by([("variant", "ascending"), ("at_ns", "ascending")]).to_pylist():
        kind = (record["variant"], record["access"], record["is_injected"], record["outcome"], record["victim"])
        sums = found.setdefault(kind, [0, 0, 0])
        for number, more in enumerate((1, record["leaked_pages"], record["spoilt_pages"])):
            sums[number] += more
    order = {variant: number for number, variant in enumerate(variants)}
    rows = [FaultRow(*kind, *sums) for kind, sums in found.items()]
    return sorted(rows, key=lambda row: order[row.variant])


def of_variant(table: pa.Table, variant: str) -> pa.Table:
    """A table's rows of one variant."""
    return table.filter(pa.array(np.array(table.column("variant").to_pylist(), object) == variant))
