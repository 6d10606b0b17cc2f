"""The figures of reports: what each is, and how it comes from the rows of `guests`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.analysis.guest_table import GuestTable
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.results import histogram
from cluster_sim.results.endings import DROP_LABELS

MIB, GIB = 1 << 20, 1 << 30
SLOT_BYTES = 2048
"""A slot of swiotlb (IO_TLB_SIZE)."""
BEGINNINGS = ("booted_ns", "play_started", "played_bits_per_s")
"""Columns above 0 for guests that booted within the run, began to play, play adaptively."""
DROPPED_FOR = {
    "dropped_no_buffer": ("no buffer", "dropped because no buffer was free"),
    "dropped_swiotlb_full": ("pool full", "dropped because the bounce pool was full"),
    "dropped_guest_died": ("guest died", "dropped because the guest had died"),
    "dropped_guest_left": ("guest left", "dropped because the guest had left"),
    "dropped_replaced": ("replaced", "dropped for a newer one"),
    "dropped_ring_empty": ("ring empty", "dropped because the ring waited to be refilled"),
    "dropped_mapping_too_large": ("too large", "dropped because swiotlb maps none of their size"),
}
"""By the column that counts them: the figure of a drop reason, and its meaning."""
POOL_COLUMNS = (
    "pool_bytes",
    "grown_bytes",
    "slots_hiwater",
    "slots_refused",
    "dropped_swiotlb_full",
    "unmapped_buffers",
)
DROPPED = tuple(f"dropped_{label}" for label in DROP_LABELS[1:])
assert tuple(DROPPED_FOR) == DROPPED
QUANTILE_STEP = 2 * histogram.RELATIVE_ERROR
"""What the histograms' steps may put into a ratio of two quantiles."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of reports: name, unit and meaning; one `where_any` is shown only where something has it,
    one `where_asked` only where a definition judges by it.

    `resolution` is the relative error that the figure's own steps may put into a ratio of two.
    """

    name: str
    unit: str
    meaning: str
    where_any: bool = False
    where_asked: bool = False
    resolution: float = 0.0


FIGURES = (
    Figure("throughput", "frames/s", "frames delivered a second, all guests of the group"),
    Figure("goodput", "MB/s", "bytes of delivered frames a second, all guests of the group"),
    Figure("p50", "us", "median latency of delivered frames", resolution=QUANTILE_STEP),
    Figure("p99", "us", "99th percentile of latency", resolution=QUANTILE_STEP),
    Figure("p99.9", "us", "99.9th percentile of latency", resolution=QUANTILE_STEP),
    Figure("late", "%", "of delivered frames, those after their deadline"),
    Figure("dropped", "%", "of submitted frames"),
    *(Figure(name, "%", f"of submitted frames, {told}", where_any=True) for name, told in DROPPED_FOR.values()),
    Figure("unfinished", "%", "of submitted frames, those in flight when the run ended"),
    Figure("end to end", "us", "mean time from setting out in another guest to being handed over", where_any=True),
    Figure("boot", "ms", "time to the end of a boot within the run, of the guests that got there", where_any=True),
    Figure("played", "Mb/s", "mean bit rate that adaptive players played", where_any=True),
    Figure("switches", "1/guest", "segments played at another bit rate than the one before", where_any=True),
    Figure("startup", "ms", "time from the first request to the begin of play, of those that play", where_any=True),
    Figure("frozen", "%", "of playing guests' time, in freezes", where_any=True),
    Figure("refused", "guests", "guests that no host had room for", where_any=True),
    Figure("guest CPU", "us/frame", "vCPU time a delivered frame"),
    Figure("host CPU", "us/frame", "host CPU time a delivered frame"),
    Figure("guest cores", "cores", "CPUs that vCPUs kept busy, all guests of the group", where_asked=True),
    Figure("host cores", "cores", "CPUs that the host's own work for them kept busy", where_asked=True),
    Figure("polling", "%", "of a CPU, spent polling for an idle guest", where_any=True),
    Figure("copies", "B/B", "bytes copied a byte delivered: guest, host and engine"),
    Figure("conversions", "1/s", "granules converted a second, a guest"),
    Figure("exits", "1/s", "exits a second, a guest"),
    Figure(
        "set-up", "us/frame", "time that sharing the pool before the run took, spread over its frames", where_any=True
    ),
    Figure("exposure", "GiB·s", "guest memory open to the host times how long, a guest"),
    Figure("held", "MiB", "memory kept for I/O, a guest"),
    Figure("broken leaves", "leaves", "huge stage-2 leaves that were broken up, a guest", where_asked=True),
    Figure("pool", "MiB", "bounce or shared pool of a guest, what it grew by included", where_any=True),
    Figure("peak", "MiB", "most of a guest's bounce pool ever in use, a guest", where_any=True),
    Figure("refused maps", "1/guest", "mappings that the bounce pool had no slots for", where_any=True),
    Figure("requeued", "1/guest", "of these, such as were tried again", where_any=True),
    Figure("no slots", "1/guest", "buffers that found no slots at the start, and are not used", where_any=True),
)

LATENCIES = ("p50", "p99", "p99.9", "end to end")
"""Figures that are without bound where more is offered than is sustained."""

MORE_IS_BETTER = frozenset({"throughput", "goodput", "played"})

COMPARED = ("throughput", "p50", "p99", "guest CPU", "host CPU", "exposure")
"""Figures that terminal tables give ratios of."""


def figures_of(guests: GuestTable, rows: Int64s, replications: int, duration_s: float) -> dict[str, float]:
    """All figures over rows of one group, averaged over their replications."""
    span_s = duration_s * replications
    sums, columns_at = guests.sums(rows), guests.columns_at

    def total(*columns: str) -> float:
        return sum(float(sums[columns_at[column]]) for column in columns)

    def share(amount: float, of: float) -> float:
        return amount / of if of else math.nan

    guest_count = len(rows)
    delivered, delivered_bytes = total("delivered"), total("delivered_bytes")
    buckets, counts = guests.latencies(rows)
    copied = total("guest_copied_bytes", "host_copied_bytes", "engine_copied_bytes")
    booted, playing, players = (int((guests.columns[name][rows] > 0).sum()) for name in BEGINNINGS)
    return {
        "throughput": delivered / span_s,
        "goodput": delivered_bytes / span_s / 1e6,
        "p50": histogram.quantile(buckets, counts, 0.5) / 1e3,
        "p99": histogram.quantile(buckets, counts, 0.99) / 1e3,
        "p99.9": histogram.quantile(buckets, counts, 0.999) / 1e3,
        "late": 100 * share(total("late"), delivered),
        "dropped": 100 * share(total(*DROPPED), total("submitted")),
        **{
            name: 100 * share(total(column), total("submitted")) or math.nan
            for column, (name, _) in DROPPED_FOR.items()
        },
        "unfinished": 100 * share(total("unfinished"), total("submitted")),
        "end to end": share(total("end_to_end_ns_sum") / 1e3, total("received")),
        "boot": share(total("booted_ns") / 1e6, booted),
        "played": share(total("played_bits_per_s") / 1e6, players),
        "switches": share(total("switches"), players),
        "startup": share(total("startup_ns") / 1e6, playing),
        "frozen": 100 * share(total("frozen_ns") / 1e9, playing * duration_s),
        "guest CPU": share(total("guest_cpu_ns") / 1e3, delivered),
        "host CPU": share(total("host_cpu_ns") / 1e3, delivered),
        "guest cores": total("guest_cpu_ns") / 1e9 / span_s,
        "host cores": total("host_cpu_ns") / 1e9 / span_s,
        "polling": 100 * share(total("polled_ns") / 1e9, guest_count * duration_s) or math.nan,
        "copies": share(copied, delivered_bytes),
        "conversions": share(total("conversions"), guest_count * duration_s),
        "exits": share(total("exits"), guest_count * duration_s),
        "set-up": share(total("setup_ns") / 1e3, delivered) or math.nan,
        "exposure": share(total("shared_page_ns") * PAGE_BYTES / 1e9 / GIB, guest_count),
        "held": share(total("held_bytes"), guest_count * MIB),
        "broken leaves": share(total("huge_leaves_at_boot") - total("huge_leaves"), guest_count),
        **pool_figures({name: total(name) for name in POOL_COLUMNS}, guest_count),
    }


def pool_figures(total: Mapping[str, float], guest_count: int) -> dict[str, float]:
    """What a guest's pool holds, held at most and refused; undefined where it is nothing."""
    refused, unmapped = total["slots_refused"], total["unmapped_buffers"]
    figures = {
        "pool": (total["pool_bytes"] + total["grown_bytes"]) / MIB,
        "peak": total["slots_hiwater"] * SLOT_BYTES / MIB,
        "refused maps": refused,
        "requeued": max(refused - total["dropped_swiotlb_full"] - unmapped, 0.0),
        "no slots": unmapped,
    }
    return {name: amount / guest_count if amount else math.nan for name, amount in figures.items()}
