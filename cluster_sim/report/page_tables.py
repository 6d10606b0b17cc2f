"""Tables of the page: under charts, of ratios, of guest memory; each cell a text, each row numbered for the filters."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.figures import COMPARED
from cluster_sim.analysis.guest_memory import MEMORY_FIGURES
from cluster_sim.analysis.price_intervals.price_text import price_text
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import VariantLabels
from cluster_sim.analysis.summaries.sums import DROPPED, Sums
from cluster_sim.report.chart_rows import labelled
from cluster_sim.report.charts import GROUP, PATH, STRATUM, Chart, Value
from cluster_sim.report.comparison import number, ratio_text


@dataclass(frozen=True, slots=True)
class Indices:
    """The numbers by which script and filters know strata, paths and groups."""

    strata: Mapping[str, int]
    paths: Mapping[str, int]
    groups: Mapping[str, int]

    @property
    def has_groups(self) -> bool:
        """Whether a reader needs to be told groups apart."""
        return len(self.groups) > 1

    @property
    def has_strata(self) -> bool:
        """Whether a reader needs to be told strata apart."""
        return len(self.strata) > 1


@dataclass(frozen=True, slots=True)
class TableRow:
    """`names` head the row; `stratum`, `path` and `group` are numbers of the filters, None where it is of all."""

    names: Sequence[str]
    cells: Sequence[str]
    stratum: int | None = None
    path: int | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table with its caption; cells of `is_text` are words, else numbers."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[TableRow]
    is_text: bool = False

    @property
    def named(self) -> int:
        """How many columns head a row."""
        return len(self.rows[0].names) if self.rows else 1


def indices(reading: RunReading) -> Indices:
    """Numbers in the run's order."""
    lists = (reading.strata, reading.paths, reading.groups)
    return Indices(*({label: number for number, label in enumerate(labels)} for labels in lists))


def heads_of(known: Indices, *, has_group: bool = True) -> list[str]:
    """Titles of the columns that say whose row it is."""
    told = [(has_group and known.has_groups, "group"), (known.has_strata, "among"), (True, "path")]
    return [title for is_told, title in told if is_told]


def row_of(known: Indices, where: Mapping[str, Value], cells: Sequence[str], *, has_group: bool = True) -> TableRow:
    """A row of a stratum, path and group."""
    stratum, path, group = (str(where[name]) for name in (STRATUM, PATH, GROUP))
    told = [(has_group and known.has_groups, group), (known.has_strata, stratum), (True, path)]
    names = [label for is_told, label in told if is_told]
    return TableRow(names, cells, known.strata.get(stratum), known.paths.get(path), known.groups.get(group))


def chart_table(chart: Chart, known: Indices) -> PageTable:
    """What a chart shows, in numbers."""
    has_group = chart.groups != [""]
    heads = [*heads_of(known, has_group=has_group), *(column.title for column in chart.columns)]
    ordered = sorted(chart.table, key=lambda row: known.groups.get(str(row[GROUP]), 0))
    rows = [
        row_of(known, row, [text_of(row.get(column.name)) for column in chart.columns], has_group=has_group)
        for row in ordered
    ]
    return PageTable(chart.title, heads, rows)


def text_of(value: Value) -> str:
    """A cell."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(value)


def ratio_table(reading: RunReading, known: Indices) -> PageTable | None:
    """Ratios to the baseline with their intervals; None for a run without."""
    told = []
    for row in sorted(reading.rows, key=lambda row: known.groups.get(row.group, 0)):
        if row.is_baseline or not row.ratios:
            continue
        where = labelled(reading.variants[row.variant], row.group)
        told.append(row_of(known, where, [both_intervals(row, name) for name in COMPARED]))
    if not told:
        return None
    return PageTable(f"Ratios to {' '.join(reading.baseline.values())}", [*heads_of(known), *COMPARED], told)


def both_intervals(row: Row, figure: str) -> str:
    """A ratio with its interval over replications, then that over the costs' ranges, where it was asked for."""
    over_replications = ratio_text(row.ratios[figure])
    prices = row.prices.get(figure)
    return over_replications if prices is None else f"{over_replications}; costs: {price_text(prices)}"


def memory_tables(reading: RunReading, known: Indices) -> list[PageTable]:
    """What happened to guest memory; figures and variants that are nothing are left out."""
    tables = []
    told = [
        figure
        for figure in MEMORY_FIGURES
        if any(is_something(row.figures[figure.name]) for row in reading.memory_rows)
    ]
    if told:
        rows = []
        for row in reading.memory_rows:
            values = [row.figures[figure.name] for figure in told]
            if any(is_something(value) for value in values):
                rows.append(variant_row(reading.variants[row.variant], [number(value) for value in values], known))
        heads = ["variant", *(f"{figure.name}, {figure.unit}" for figure in told)]
        tables.append(PageTable("Guest memory, all guests of a run", heads, rows))
    if reading.fault_rows:
        rows = []
        for fault in reading.fault_rows:
            counts = (number(count) for count in (fault.times, fault.leaked_pages, fault.spoilt_pages))
            cells = [fault.access, "injected" if fault.is_injected else "came of it", fault.outcome, fault.victim]
            rows.append(variant_row(reading.variants[fault.variant], [*cells, *counts], known))
        heads = ["variant", "access", "origin", "outcome", "who died", "times", "leaked pages", "spoilt pages"]
        tables.append(PageTable("Faults", heads, rows))
    return tables


def is_something(value: float) -> bool:
    """Neither 0 nor undefined."""
    return not math.isnan(value) and value != 0


def variant_row(variant: VariantLabels, cells: Sequence[str], known: Indices) -> TableRow:
    """A row of a whole variant."""
    return TableRow([variant.variant], cells, known.strata[variant.stratum], known.paths[variant.path])


def workload_table(reading: RunReading, known: Indices) -> PageTable | None:
    """Each workload of a group by itself; None where no group has more than one."""
    if len({key[1:] for key in reading.workload_sums}) <= len(reading.groups):
        return None
    rows = []
    for (variant, group, role, workload), sums in reading.workload_sums.items():
        labels = reading.variants[variant]
        is_overloaded = (variant, group) in reading.overloads
        p50_us, p99_us = (math.inf if is_overloaded else sums.latency_ns(share) / 1e3 for share in (0.5, 0.99))
        figures = (
            sums.of("delivered") / (labels.duration_ns / 1e9 * max(len(sums.replications), 1)),
            p50_us,
            p99_us,
            share_of_submitted(sums, *DROPPED),
            share_of_submitted(sums, "unfinished"),
            sums.per("guest_cpu_ns", "delivered", 1e-3),
            sums.per("host_cpu_ns", "delivered", 1e-3),
        )
        cells = [f"{workload}: {role}", *(number(figure) for figure in figures)]
        rows.append(row_of(known, labelled(labels, group), cells))
    ends = ("dropped, %", "unfinished, %")
    titles = ("workload", "delivered a second", "p50, us", "p99, us", *ends, "guest CPU, us", "host CPU, us")
    return PageTable("Each workload by itself", [*heads_of(known), *titles], rows)


def share_of_submitted(sums: Sums, *columns: str) -> float:
    """How much of what was submitted some columns count, in percent."""
    return 100 * sums.of(*columns) / sums.of("submitted") if sums.of("submitted") else math.nan
