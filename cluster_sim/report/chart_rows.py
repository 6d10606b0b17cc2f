"""Charts of one number a path: throughput, CPU, copies, exits, conversions, drops, freezes, memory, hosts."""

import math
from collections.abc import Callable, Mapping, Sequence

from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.summaries.digest import Digest
from cluster_sim.analysis.summaries.guests import Sums
from cluster_sim.analysis.summaries.hosts import PARTS
from cluster_sim.analysis.summaries.places import Place
from cluster_sim.report.charts import GROUP, PATH, STRATUM, Chart, Record, TableColumn, bars, dots, shaded_bars
from cluster_sim.report.colours import SHADES
from cluster_sim.report.comparison import number

REACH = 1.3
"""How much further than the longest bar an axis goes, so that the value fits behind the bar."""


def placed(place: Place, group: str) -> dict[str, str]:
    """What every row says of where it belongs."""
    return {STRATUM: place.stratum, PATH: place.path, GROUP: group}


def figure_chart(
    name: str, title: str, says: str, *, figure: str, unit: str, rows: Sequence[Row], digest: Digest, absent: str = ""
) -> Chart:
    """Bars of one of the comparison's figures; only its reason for absence where it is 0 everywhere."""
    columns = (TableColumn("value", f"{title}, {unit}"),)
    known = [row for row in rows if not math.isnan(row.figures[figure])]
    if not any(row.figures[figure] for row in known):
        return Chart(name, title, says, absent=absent or f"{title}: 0 on every path.")
    records: list[Record] = []
    for row in known:
        value = row.figures[figure]
        where = placed(digest.places[row.variant], row.group)
        records.append({**where, "value": value, "reach": value * REACH, "label": number(value)})
    return Chart(name, title, says, records, bars(unit), columns, records)


def with_total(bar: Sequence[Record], total: float, end: float, reach: float = REACH) -> list[Record]:
    """The parts of one bar, the last of them with the sum to be written where the bar ends."""
    return [*bar[:-1], {**bar[-1], "end": end, "reach": end * reach, "label": number(total)}]


def parted_chart(
    name: str,
    title: str,
    says: str,
    *,
    unit: str,
    parts: Mapping[str, Callable[[Sums], float]],
    digest: Digest,
    absent: str,
) -> Chart:
    """Bars whose parts are shades of the path's colour."""
    records: list[Record] = []
    table: list[Record] = []
    for (variant, group), sums in digest.guests.items():
        where = placed(digest.places[variant], group)
        values = {part: measure(sums) for part, measure in parts.items()}
        if any(math.isnan(value) for value in values.values()):
            continue
        table.append({**where, **{f"part{rank}": value for rank, value in enumerate(values.values())}})
        ranked = enumerate(values.items())
        bar: list[Record] = [{**where, "part": part, "rank": rank, "value": value} for rank, (part, value) in ranked]
        records.extend(with_total(bar, sum(values.values()), sum(values.values())))
    if not any(record["value"] for record in records):
        return Chart(name, title, says, absent=absent)
    columns = [TableColumn(f"part{rank}", f"{part}, {unit}") for rank, part in enumerate(parts)]
    key = dict(zip(parts, SHADES, strict=False))
    return Chart(name, title, says, records, shaded_bars(unit, list(parts)), columns, table, key=key)


def work_charts(digest: Digest, rows: Sequence[Row]) -> list[Chart]:
    """What moving the bytes took of CPUs, copies, exits and conversions."""
    return [
        figure_chart(
            "throughput",
            "Throughput",
            "Frames, requests or packets delivered a second, all guests of the group.",
            figure="throughput",
            unit="frames/s",
            rows=rows,
            digest=digest,
            absent="Nothing was delivered.",
        ),
        parted_chart(
            "cpu",
            "CPU a frame",
            "CPU time for each delivered frame, spinning and waiting for memory included.",
            unit="us a frame",
            parts={
                "guest's vCPUs": lambda sums: sums.per("guest_cpu_ns", "delivered", 1e-3),
                "host's CPUs": lambda sums: sums.per("host_cpu_ns", "delivered", 1e-3),
            },
            digest=digest,
            absent="No CPU time was spent: all prices are 0, or nothing was delivered.",
        ),
        parted_chart(
            "copies",
            "Copies a byte",
            "How often each delivered byte was copied, and who copied. A path without a bar is zero-copy.",
            unit="bytes copied a byte",
            parts={
                "by the guest": lambda sums: sums.per("guest_copied_bytes", "delivered_bytes"),
                "by the host": lambda sums: sums.per("host_copied_bytes", "delivered_bytes"),
                "by an engine": lambda sums: sums.per("engine_copied_bytes", "delivered_bytes"),
            },
            digest=digest,
            absent="No byte was copied on any path.",
        ),
        figure_chart(
            "exits",
            "Exits",
            "Exits from a guest each second: doorbells, calls, VMM exits, faults, interrupts.",
            figure="exits",
            unit="1/s",
            rows=rows,
            digest=digest,
        ),
        figure_chart(
            "conversions",
            "Conversions",
            "Granules that a guest converts each second, either way.",
            figure="conversions",
            unit="1/s",
            rows=rows,
            digest=digest,
            absent="No path converts memory in this run.",
        ),
    ]


def played_charts(digest: Digest) -> list[Chart]:
    """What a viewer would notice."""

    def percent(*columns: str) -> Callable[[Sums], float]:
        return lambda sums: 100 * sums.of(*columns) / sums.of("submitted") if sums.of("submitted") else math.nan

    drops = parted_chart(
        "drops",
        "Dropped and late",
        "Of all submitted frames: those that never arrived, and those that arrived after their deadline.",
        unit="% of frames",
        parts={
            "dropped: no buffer, or replaced": percent("dropped_no_buffer", "dropped_replaced", "dropped_ring_empty"),
            "dropped: bounce pool full": percent("dropped_swiotlb_full"),
            "late": percent("late"),
        },
        digest=digest,
        absent="No frame was dropped for want of room, and none was late.",
    )
    playing = {key: sums for key, sums in digest.guests.items() if sums.of("play_started")}
    says = "Freezes that a viewer sees, for each guest that plays and minute of play."
    if not any(sums.of("freezes") for sums in playing.values()):
        reason = "No playback froze." if playing else "No guest of this run plays behind a playout buffer."
        return [drops, Chart("freezes", "Freezes", says, absent=reason)]
    records: list[Record] = []
    for (variant, group), sums in playing.items():
        minutes = digest.places[variant].duration_ns / 60e9
        value = sums.of("freezes") / sums.of("play_started") / minutes
        where = placed(digest.places[variant], group)
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


def memory_charts(digest: Digest, rows: Sequence[Row]) -> list[Chart]:
    """Memory that a path keeps, and what it leaves open to the host."""
    return [
        figure_chart(
            "held",
            "Memory held",
            "Memory that the path keeps for a guest's I/O: pool and buffers, padding included.",
            figure="held",
            unit="MiB",
            rows=rows,
            digest=digest,
        ),
        figure_chart(
            "exposure",
            "Exposure",
            "Guest memory that the host may read, times how long, for a guest. Without protection it is all of it.",
            figure="exposure",
            unit="GiB·s",
            rows=rows,
            digest=digest,
        ),
    ]


def host_chart(digest: Digest) -> Chart:
    """How busy the parts of a host were."""
    name, title = "hosts", "Host utilisation"
    used = [part for part in PARTS if any(shares.get(part.name) for shares in digest.hosts.values())]
    says = " ".join(f"{part.name}: {part.meaning}." for part in used)
    records: list[Record] = []
    table: list[Record] = []
    for variant in (variant for variant in digest.places if variant in digest.hosts):
        where = placed(digest.places[variant], "")
        shares = digest.hosts[variant]
        table.append({**where, **{part.column: shares[part.name] for part in used}})
        records.extend({**where, "part": part.name, "value": shares[part.name]} for part in used)
    if not records:
        return Chart(name, title, says, absent="No part of a host was busy.")
    columns = [TableColumn(part.column, f"{part.name}, %") for part in used]
    return Chart(name, title, says, records, dots([part.name for part in used]), columns, table, shows_paths=True)
