"""Comparing the variants of a run: figures per variant and guest group, and ratios to a baseline in pairs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from cluster_sim.memory.pages import PAGE_BYTES
from cluster_sim.results import histogram
from cluster_sim.results.endings import DROP_LABELS
from cluster_sim.results.reader import Results

CONFIDENCE = 0.95
MIB, GIB = 1 << 20, 1 << 30
BEGINNINGS = ("booted_ns", "play_started", "played_bits_per_s")
"""Columns above 0 for guests that booted within the run, began to play, play adaptively."""
DROPPED = tuple(f"dropped_{label}" for label in DROP_LABELS[1:])

Int64s = npt.NDArray[np.int64]
NO_ROWS: Int64s = np.zeros(0, np.int64)


class ComparisonError(Exception):
    """What cannot be compared; the text says what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of reports: name, unit and meaning; one `where_any` is shown only where something has it."""

    name: str
    unit: str
    meaning: str
    where_any: bool = False


FIGURES = (
    Figure("throughput", "frames/s", "frames delivered a second, all guests of the group"),
    Figure("goodput", "MB/s", "bytes of delivered frames a second, all guests of the group"),
    Figure("p50", "us", "median latency of delivered frames"),
    Figure("p99", "us", "99th percentile of latency"),
    Figure("p99.9", "us", "99.9th percentile of latency"),
    Figure("late", "%", "of delivered frames, those after their deadline"),
    Figure("dropped", "%", "of submitted frames"),
    Figure("end to end", "us", "mean time from setting out in another guest to being handed over", where_any=True),
    Figure("boot", "ms", "time to the end of a boot within the run, of the guests that got there", where_any=True),
    Figure("played", "Mb/s", "mean bit rate that adaptive players played", where_any=True),
    Figure("switches", "1/guest", "segments played at another bit rate than the one before", where_any=True),
    Figure("startup", "ms", "time from the first request to the begin of play, of those that play", where_any=True),
    Figure("frozen", "%", "of playing guests' time, in freezes", where_any=True),
    Figure("refused", "guests", "guests that no host had room for", where_any=True),
    Figure("guest CPU", "us/frame", "vCPU time a delivered frame"),
    Figure("host CPU", "us/frame", "host CPU time a delivered frame"),
    Figure("polling", "%", "of a CPU, spent polling for an idle guest", where_any=True),
    Figure("copies", "B/B", "bytes copied a byte delivered: guest, host and engine"),
    Figure("conversions", "1/s", "granules converted a second, a guest"),
    Figure("exits", "1/s", "exits a second, a guest"),
    Figure(
        "set-up", "us/frame", "time that sharing the pool before the run took, spread over its frames", where_any=True
    ),
    Figure("exposure", "GiB·s", "guest memory open to the host times how long, a guest"),
    Figure("held", "MiB", "memory kept for I/O, a guest"),
)

COMPARED = ("throughput", "p50", "p99", "guest CPU", "host CPU", "exposure")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate over baseline: geometric mean over replications with its 95 % interval; None where it is undefined."""

    mean: float
    low: float
    high: float
    replications: int


@dataclass(frozen=True, slots=True)
class Row:
    """One variant's guest group."""

    variant: str
    axes: Mapping[str, str]
    group: str
    figures: Mapping[str, float]
    ratios: Mapping[str, Ratio | None]
    is_baseline: bool


def compare(results: Results, baseline: Mapping[str, str] | None = None) -> list[Row]:
    """Rows of all variants in the run's order; `baseline` holds axis labels and replaces the definition's own."""
    manifest = results.manifest
    variants = {label: record.axes for label, record in manifest.variants.items()}
    chosen = manifest.baseline if baseline is None else dict(baseline)
    check_baseline(chosen, variants)
    guests = GuestTable(results.table("guests"))
    refused = refused_guests(results)
    rows = []
    for label, axes in variants.items():
        base_label = counterpart(axes, chosen, variants)
        duration_s = manifest.variants[label].duration_ns / 1e9
        groups = dict.fromkeys([*guests.groups(label), *(group for where, group in refused if where == label)])
        for group in groups:
            replications = guests.rows(label, group)
            ratios = {}
            if base_label is not None:
                ratios = ratios_of(guests, replications, guests.rows(base_label, group), duration_s)
            everything = np.concatenate([NO_ROWS, *replications.values()])
            figures = figures_of(guests, everything, manifest.replications, duration_s)
            figures["refused"] = refused.get((label, group), 0) / manifest.replications if refused else math.nan
            rows.append(Row(label, axes, group, figures, ratios, label == base_label))
    if not rows:
        raise ComparisonError(f"{results.directory}: found no finished run, allowed: a run with one or more")
    return rows


class GuestTable:
    """The table `guests` as numpy columns, its rows found by variant, group and replication."""

    def __init__(self, table: pa.Table) -> None:
        self.columns: dict[str, Int64s] = {
            name: table.column(name).to_numpy().astype(np.int64)
            for name, kind in zip(table.schema.names, table.schema.types, strict=True)
            if pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        }
        histograms = table.select(["latency_bucket", "latency_count"]).combine_chunks()
        lengths = pc.list_value_length(histograms.column("latency_bucket")).to_numpy()
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        self.buckets = pc.list_flatten(histograms.column("latency_bucket")).to_numpy().astype(np.int64)
        self.counts = pc.list_flatten(histograms.column("latency_count")).to_numpy()
        self.index: dict[tuple[str, str], dict[int, list[int]]] = {}
        labels = (table.column(name).to_pylist() for name in ("variant", "guest_group", "replication"))
        for row, (variant, group, replication) in enumerate(zip(*labels, strict=True)):
            self.index.setdefault((variant, group), {}).setdefault(replication, []).append(row)

    def groups(self, variant: str) -> list[str]:
        """Guest groups of a variant, in the order of their guests."""
        return [group for label, group in self.index if label == variant]

    def rows(self, variant: str, group: str) -> dict[int, Int64s]:
        """Rows of each replication, ascending."""
        found = self.index.get((variant, group), {})
        return {replication: np.array(found[replication]) for replication in sorted(found)}

    def latencies(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        """The joined histogram of rows."""
        parts = [slice(self.starts[row], self.ends[row]) for row in rows]
        buckets = np.concatenate([NO_ROWS, *(self.buckets[part] for part in parts)])
        return histogram.merge(buckets, np.concatenate([NO_ROWS, *(self.counts[part] for part in parts)]))


def refused_guests(results: Results) -> dict[tuple[str, str], int]:
    """Guests that no host took, over all replications, by (variant, group)."""
    table = results.table("placements")
    refused = table.filter(pc.equal(table.column("outcome").cast(pa.string()), "refused"))
    counted = refused.group_by(["variant", "guest_group"]).aggregate([([], "count_all")])
    columns = (counted.column(name).to_pylist() for name in ("variant", "guest_group", "count_all"))
    return {(variant, group): count for variant, group, count in zip(*columns, strict=True)}


def check_baseline(baseline: Mapping[str, str], variants: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse axes and labels that the run does not have."""
    labels: dict[str, list[str]] = {}
    for axes in variants.values():
        for axis, label in axes.items():
            if label not in labels.setdefault(axis, []):
                labels[axis].append(label)
    for axis, label in baseline.items():
        if axis not in labels:
            raise ComparisonError(f"baseline: found the axis {axis!r}, allowed: {' | '.join(labels) or 'none'}")
        if label not in labels[axis]:
            raise ComparisonError(f"baseline {axis}: found {label!r}, allowed: {' | '.join(labels[axis])}")


def counterpart(
    axes: Mapping[str, str], baseline: Mapping[str, str], variants: Mapping[str, Mapping[str, str]]
) -> str | None:
    """The variant that differs from `axes` in the baseline's axes only, if the run has it."""
    if not baseline:
        return None
    wanted = {**axes, **baseline}
    return next((label for label, other in variants.items() if dict(other) == wanted), None)


def figures_of(guests: GuestTable, rows: Int64s, replications: int, duration_s: float) -> dict[str, float]:
    """All figures over rows of one group, averaged over their replications."""
    span_s = duration_s * replications

    def total(*columns: str) -> int:
        return sum(int(guests.columns[column][rows].sum()) for column in columns)

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
        "end to end": share(total("end_to_end_ns_sum") / 1e3, total("received")),
        "boot": share(total("booted_ns") / 1e6, booted),
        "played": share(total("played_bits_per_s") / 1e6, players),
        "switches": share(total("switches"), players),
        "startup": share(total("startup_ns") / 1e6, playing),
        "frozen": 100 * share(total("frozen_ns") / 1e9, playing * duration_s),
        "guest CPU": share(total("guest_cpu_ns") / 1e3, delivered),
        "host CPU": share(total("host_cpu_ns") / 1e3, delivered),
        "polling": 100 * share(total("polled_ns") / 1e9, guest_count * duration_s) or math.nan,
        "copies": share(copied, delivered_bytes),
        "conversions": share(total("conversions"), guest_count * duration_s),
        "exits": share(total("exits"), guest_count * duration_s),
        "set-up": share(total("setup_ns") / 1e3, delivered) or math.nan,
        "exposure": share(total("shared_page_ns") * PAGE_BYTES / 1e9 / GIB, guest_count),
        "held": share(total("held_bytes"), guest_count * MIB),
    }


def ratios_of(
    guests: GuestTable, mine: Mapping[int, Int64s], theirs: Mapping[int, Int64s], duration_s: float
) -> dict[str, Ratio | None]:
    """Ratios of the compared figures, a pair a replication: both sides saw the same draws."""
    pairs = [
        (figures_of(guests, rows, 1, duration_s), figures_of(guests, theirs[replication], 1, duration_s))
        for replication, rows in mine.items()
        if replication in theirs
    ]
    return {name: ratio([(a[name], b[name]) for a, b in pairs]) for name in COMPARED}


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio | None:
    """Geometric mean of paired quotients, with a t interval over their logarithms; one pair has no interval."""
    if not pairs or not all(a > 0 and b > 0 for a, b in pairs):
        return None
    logs = np.log([a / b for a, b in pairs])
    mean = float(logs.mean())
    if len(logs) < 2:
        return Ratio(math.exp(mean), math.nan, math.nan, len(logs))
    half = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2) * logs.std(ddof=1) / math.sqrt(len(logs)))
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), len(logs))
