"""Charts of one number a path: throughput, CPU, copies, exits, conversions, drops, freezes, memory, hosts."""

import math
from collections.abc import Callable, Mapping, Sequence

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import VariantLabels
from cluster_sim.analysis.summaries.host_use import HOST_RESOURCES
from cluster_sim.analysis.summaries.sums import Sums
from cluster_sim.report.charts import GROUP, PATH, STRATUM, Chart, Record, TableColumn, bars, dots, shaded_bars
from cluster_sim.report.colours import SHADES
from cluster_sim.report.comparison import number

REACH = 1.3
"""How much further than the longest bar an axis goes, so that the value fits behind the bar."""


def labelled(variant: VariantLabels, group: str) -> dict[str, str]:
    """What every row says of where it belongs."""
    return {STRATUM: variant.stratum, PATH: variant.path, GROUP: group}


def figure_chart(
    name: str, title: str, says: str, *, figure: str, unit: str, reading: RunReading, absent: str = ""
) -> Chart:
    """Bars of one of the comparison's figures; only its reason for absence where it is 0 everywhere."""
    columns = (TableColumn("value", f"{title}, {unit}"),)
    known = [row for row in reading.rows if not math.isnan(row.figures[figure])]
    if not any(row.figures[figure] for row in known):
        return Chart(name, title, says, absent=absent or f"{title}: 0 on every path.")
    records: list[Record] = []
    for row in known:
        value = row.figures[figure]
        where = labelled(reading.variants[row.variant], row.group)
        records.append({**where, "value": value, "reach": value * REACH, "label": number(value)})
    return Chart(name, title, says, records, bars(unit), columns, records)


def with_total(bar: Sequence[Record], total: float, end: float, reach: float = REACH) -> list[Record]:
    """The slices of one bar, the last of them with the sum to be written where the bar ends."""
    return [*bar[:-1], {**bar[-1], "end": end, "reach": end * reach, "label": number(total)}]


def sliced_chart(
    name: str,
    title: str,
    says: str,
    *,
    unit: str,
    slices: Mapping[str, Callable[[Sums], float]],
    reading: RunReading,
    absent: str,
) -> Chart:
    """Bars whose slices are shades of the path's colour."""
    records: list[Record] = []
    table: list[Record] = []
    for (variant, group), sums in reading.guest_sums.items():
        where = labelled(reading.variants[variant], group)
        values = {name: measure(sums) for name, measure in slices.items()}
        if any(math.isnan(value) for value in values.values()):
            continue
        table.append({**where, **{f"part{rank}": value for rank, value in enumerate(values.values())}})
        ranked = enumerate(values.items())
        bar: list[Record] = [{**where, "part": each, "rank": rank, "value": value} for rank, (each, value) in ranked]
        records.extend(with_total(bar, sum(values.values()), sum(values.values())))
    if not any(record["value"] for record in records):
        return Chart(name, title, says, absent=absent)
    columns = [TableColumn(f"part{rank}", f"{each}, {unit}") for rank, each in enumerate(slices)]
    legend = dict(zip(slices, SHADES, strict=False))
    return Chart(name, title, says, records, shaded_bars(unit, list(slices)), columns, table, legend=legend)


def work_charts(reading: RunReading) -> list[Chart]:
    """What moving the bytes took of CPUs, copies, exits and conversions."""
    return [
        figure_chart(
            "throughput",
            "Throughput",
            "Frames, requests or packets delivered a second, all guests of the group.",
            figure="throughput",
            unit="frames/s",
            reading=reading,
            absent="Nothing was delivered.",
        ),
        cpu_chart(reading),
        copies_chart(reading),
        figure_chart(
            "exits",
            "Exits",
            "Exits from a guest each second: doorbells, calls, VMM exits, faults, interrupts.",
            figure="exits",
            unit="1/s",
            reading=reading,
        ),
        figure_chart(
            "conversions",
            "Conversions",
            "Granules that a guest converts each second, either way.",
            figure="conversions",
            unit="1/s",
            reading=reading,
            absent="No path converts memory in this run.",
        ),
    ]


def cpu_chart(reading: RunReading) -> Chart:
    """CPU time of guest and host."""
    return sliced_chart(
        "cpu",
        "CPU a frame",
        "CPU time for each delivered frame, spinning and waiting for memory included.",
        unit="us a frame",
        slices={
            "guest's vCPUs": lambda sums: sums.per("guest_cpu_ns", "delivered", 1e-3),
            "host's CPUs": lambda sums: sums.per("host_cpu_ns", "delivered", 1e-3),
        },
        reading=reading,
        absent="No CPU time was spent: all prices are 0, or nothing was delivered.",
    )


def copies_chart(reading: RunReading) -> Chart:
    """Who copied, and how often."""
    return sliced_chart(
        "copies",
        "Copies a byte",
        "How often each delivered byte was copied, and who copied. A path without a bar is zero-copy.",
        unit="bytes copied a byte",
        slices={
            "by the guest": lambda sums: sums.per("guest_copied_bytes", "delivered_bytes"),
            "by the host": lambda sums: sums.per("host_copied_bytes", "delivered_bytes"),
            "by an engine": lambda sums: sums.per("engine_copied_bytes", "delivered_bytes"),
        },
        reading=reading,
        absent="No byte was copied on any path.",
    )


def played_charts(reading: RunReading) -> list[Chart]:
    """What a viewer would notice."""

    def percent(*columns: str) -> Callable[[Sums], float]:
        return lambda sums: 100 * sums.of(*columns) / sums.of("submitted") if sums.of("submitted") else math.nan

    drops = sliced_chart(
        "drops",
        "Dropped, unfinished and late",
        "Of all submitted frames: those that never arrived, in time for the run's end, or before their deadline.",
        unit="% of frames",
        slices={
            "dropped: no buffer, or replaced": percent("dropped_no_buffer", "dropped_replaced", "dropped_ring_empty"),
            "dropped: bounce pool full": percent("dropped_swiotlb_full"),
            "dropped: mapping too large": percent("dropped_mapping_too_large"),
            "unfinished": percent("unfinished"),
            "late": percent("late"),
        },
        reading=reading,
        absent="No frame was dropped for want of room, none was unfinished at the end, and none was late.",
    )
    playing = {key: sums for key, sums in reading.guest_sums.items() if sums.of("play_started")}
    says = "Freezes that a viewer sees, for each guest that plays and minute of play."
    if not any(sums.of("freezes") for sums in playing.values()):
        reason = "No playback froze." if playing else "No guest of this run plays behind a playout buffer."
        return [drops, Chart("freezes", "Freezes", says, absent=reason)]
    records: list[Record] = []
    for (variant, group), sums in playing.items():
        minutes = reading.variants[variant].duration_ns / 60e9
        value = sums.of("freezes") / sums.of("play_started") / minutes
        where = labelled(reading.variants[variant], group)
        records.append(
            {
                **where,
                "value": value,
                "reach": value * REACH,
                "label": number(value),
                "frozen": sums.per("frozen_ns", "play_started", 1e-7) / minutes / 60,
            }
        )
    columns = (TableColumn("value", "freezes a minute"), TableColumn("frozen", "time frozen, %"))
    return [drops, Chart("freezes", "Freezes", says, records, bars("a minute"), columns, records)]


def memory_charts(reading: RunReading) -> list[Chart]:
    """Memory that a path keeps, and what it leaves open to the host."""
    return [
        figure_chart(
            "held",
            "Memory held",
            "Memory that the path keeps for a guest's I/O: pool and buffers, padding included.",
            figure="held",
            unit="MiB",
            reading=reading,
        ),
        figure_chart(
            "exposure",
            "Exposure",
            "Guest memory that the host may read, times how long, for a guest. Without protection it is all of it.",
            figure="exposure",
            unit="GiB·s",
            reading=reading,
        ),
    ]


def host_chart(reading: RunReading) -> Chart:
    """How busy the resources of a host were."""
    name, title = "hosts", "Host utilisation"
    used = [each for each in HOST_RESOURCES if any(shares.get(each.name) for shares in reading.host_use.values())]
    says = " ".join(f"{each.name}: {each.meaning}." for each in used)
    records: list[Record] = []
    table: list[Record] = []
    for variant in (variant for variant in reading.variants if variant in reading.host_use):
        where = labelled(reading.variants[variant], "")
        shares = reading.host_use[variant]
        table.append({**where, **{each.column: shares[each.name] for each in used}})
        records.extend({**where, "part": each.name, "value": shares[each.name]} for each in used)
    if not records:
        return Chart(name, title, says, absent="No part of a host was busy.")
    columns = [TableColumn(each.column, f"{each.name}, %") for each in used]
    return Chart(name, title, says, records, dots([each.name for each in used]), columns, table, shows_paths=True)
