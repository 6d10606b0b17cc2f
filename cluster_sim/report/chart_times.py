"""Charts of time: latency's distribution, where the time went, and what a guest holds from window to window."""

import math
from collections.abc import Mapping

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.analysis.summaries.sums import distribution, ledger_of
from cluster_sim.report.chart_rows import labelled, with_total
from cluster_sim.report.charts import Chart, Record, TableColumn, distributions, ledger_bars, over_time
from cluster_sim.report.colours import FAMILIES, FAMILY_COLOURS
from cluster_sim.report.comparison import number
from cluster_sim.results.ledger import Category

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
MIB = 1 << 20
UNBOUNDED = "unbounded"
"""The latency of what does not sustain what it is offered."""


def latency_chart(reading: RunReading) -> Chart:
    """Cumulative distributions, with quantiles in the table."""
    name, title = "latency", "Latency"
    says = (
        "Share of delivered frames that took at most so long, on a logarithmic scale: further left is faster. "
        "What is offered more than it sustains has no curve."
    )
    records: list[Record] = []
    table: list[Record] = []
    for (variant, group), sums in reading.guest_sums.items():
        where = labelled(reading.variants[variant], group)
        if (variant, group) in reading.overloads:
            table.append({**where, **dict.fromkeys(QUANTILES, math.inf)})
            continue
        curve = distribution(sums)
        records.extend({**where, "latency_us": max(ns, 1) / 1e3, "share": 100 * share} for ns, share in curve)
        if curve:
            table.append({**where, **{each: sums.latency_ns(share) / 1e3 for each, share in QUANTILES.items()}})
    if not records:
        return Chart(name, title, says, absent="Nothing was delivered and sustained, so there is no latency.")
    columns = [TableColumn(each, f"{each}, us") for each in QUANTILES]
    return Chart(name, title, says, records, distributions, columns, table, shows_paths=True)


def ledger_charts(reading: RunReading) -> list[Chart]:
    """Where the time went: of all delivered frames, and of the slowest hundredth."""
    every = {key: ledger_of(sums) for key, sums in reading.guest_sums.items() if sums.of("delivered")}
    return [
        ledger_chart(
            reading,
            every,
            "ledger",
            "Where the time went",
            "The mean latency of a delivered frame, each nanosecond of it booked to exactly one cause.",
            "Nothing was delivered, or nothing took any time.",
        ),
        ledger_chart(
            reading,
            reading.slowest,
            "slowest",
            "Where the slowest frames' time went",
            "The same for the slowest hundredth of frames, those at or above the 99th percentile.",
            "This run kept no single transfers (`record: windows` or `summary`), or they took no time.",
        ),
    ]


def ledger_chart(
    reading: RunReading,
    ledgers: Mapping[Key, Mapping[Category, float]],
    name: str,
    title: str,
    says: str,
    absent: str,
) -> Chart:
    """Stacked bars of families, with all categories that occur in the table."""
    occurring = [category for category in Category if any(ledger[category] > 0 for ledger in ledgers.values())]
    if not occurring:
        return Chart(name, title, says, absent=absent)
    records: list[Record] = []
    table: list[Record] = []
    for key in (key for key in reading.guest_sums if key in ledgers):
        ledger, where = ledgers[key], labelled(reading.variants[key[0]], key[1])
        whole = sum(ledger.values()) / 1e3
        bar: list[Record] = []
        for rank, (family, members) in enumerate(FAMILIES.items()):
            value = sum(ledger[category] for category in members) / 1e3
            share = 100 * value / whole if whole else 0
            bar.append({**where, "family": family, "rank": rank, "value": value, "share": share})
        *others, last = with_total(bar, whole, 100 if whole else 0, 1)
        records.extend([*others, {**last, "label": UNBOUNDED if key in reading.overloads else span(whole)}])
        spent = {category.label: ledger[category] / 1e3 for category in occurring}
        table.append({**where, "sum": math.inf if key in reading.overloads else whole, **spent})
    columns = [TableColumn("sum", "all, us"), *(TableColumn(each.label, each.label) for each in occurring)]
    colours = dict(zip(FAMILIES, FAMILY_COLOURS, strict=True))
    shown = {str(record["family"]) for record in records if record["value"]}
    legend = {family: colour for family, colour in colours.items() if family in shown}
    return Chart(name, title, says, records, ledger_bars, columns, table, legend=legend)


def series_charts(reading: RunReading) -> list[Chart]:
    """Pool occupancy, shared bytes and split huge pages over time."""
    slots = "swiotlb slots of 2 KiB in use at each window's end, a guest."
    shared = "Guest memory that the host may read at each window's end, a guest."
    split = "Huge pages that are split at each window's end, a guest."
    return [
        series_chart(reading, "slots", "Bounce pool in use", slots, gauge="slots_used", unit="slots"),
        series_chart(reading, "shared", "Shared memory", shared, gauge="shared_bytes", unit="MiB", divisor=MIB),
        series_chart(reading, "split", "Split huge pages", split, gauge="split_huge_pages", unit="huge pages"),
    ]


def series_chart(
    reading: RunReading, name: str, title: str, says: str, *, gauge: str, unit: str, divisor: float = 1
) -> Chart:
    """Lines of one gauge; the table has its ends, mean and largest value."""
    if not reading.window_series:
        return Chart(name, title, says, absent="This run kept no windows (`record: summary`).")
    records: list[Record] = []
    table: list[Record] = []
    for key in (key for key in reading.guest_sums if key in reading.window_series):
        each = reading.window_series[key]
        where = labelled(reading.variants[key[0]], key[1])
        values = [float(value) / divisor for value in each.means[gauge]]
        if not any(values):
            continue
        points = zip(each.ends_ns, values, strict=True)
        records.extend({**where, "at_s": float(at_ns) / 1e9, "value": value} for at_ns, value in points)
        ends = {"first": values[0], "mean": math.fsum(values) / len(values), "largest": max(values), "last": values[-1]}
        table.append({**where, **ends})
    if not records:
        return Chart(name, title, says, absent=f"{title}: 0 in every window, on every path.")
    columns = [TableColumn(each, f"{each}, {unit}") for each in ("first", "mean", "largest", "last")]
    return Chart(name, title, says, records, over_time(unit), columns, table, shows_paths=True, own_heights=True)


def span(us: float) -> str:
    """A time in the unit in which it is short."""
    if us >= 1e6:
        return f"{number(us / 1e6)} s"
    return f"{number(us / 1e3)} ms" if us >= 1e3 else f"{number(us)} us"
