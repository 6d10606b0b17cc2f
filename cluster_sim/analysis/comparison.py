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
from cluster_sim.results.reader import Results

CONFIDENCE = 0.95
GIB = 1 << 30

Int64s = npt.NDArray[np.int64]


class ComparisonError(Exception):
    """What cannot be compared; the text says what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of reports: name, unit, whether less is better, and its meaning."""

    name: str
    unit: str
    meaning: str


FIGURES = (
    Figure("throughput", "frames/s", "frames delivered a second, all guests of the group"),
    Figure("goodput", "MB/s", "bytes of delivered frames a second, all guests of the group"),
    Figure("p50", "us", "median latency of delivered frames"),
    Figure("p99", "us", "99th percentile of latency"),
    Figure("p99.9", "us", "99.9th percentile of latency"),
    Figure("late", "%", "of delivered frames, those after their deadline"),
    Figure("dropped", "%", "of submitted frames"),
    Figure("frozen", "%", "of playing guests' time, in freezes"),
    Figure("guest CPU", "us/frame", "vCPU time a delivered frame"),
    Figure("host CPU", "us/frame", "host CPU time a delivered frame"),
    Figure("copies", "B/B", "bytes copied a byte delivered: guest, host and engine"),
    Figure("conversions", "1/s", "granules converted a second, a guest"),
    Figure("exits", "1/s", "exits a second, a guest"),
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
    guests = results.table("guests")
    duration_s = {label: record.duration_ns / 1e9 for label, record in manifest.variants.items()}
    rows = []
    for label, axes in variants.items():
        if not (of_variant := guests.filter(pc.field("variant") == label)).num_rows:
            continue
        base_label = counterpart(axes, chosen, variants)
        of_base = guests.filter(pc.field("variant") == base_label) if base_label else None
        for group in dict.fromkeys(of_variant.column("guest_group").to_pylist()):
            mine = of_variant.filter(pc.field("guest_group") == group)
            theirs = None if of_base is None else of_base.filter(pc.field("guest_group") == group)
            ratios = {} if theirs is None else ratios_of(mine, theirs, duration_s[label])
            figures = figures_of(mine, duration_s[label])
            rows.append(Row(label, axes, group, figures, ratios, label == base_label))
    if not rows:
        raise ComparisonError(f"{results.directory}: found no finished run, allowed: a run with one or more")
    return rows


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


def total(guests: pa.Table, *columns: str) -> int:
    """Sum over guests and replications."""
    return sum(int(guests.column(column).to_numpy().sum()) for column in columns)


def latencies(guests: pa.Table) -> tuple[Int64s, Int64s]:
    """The joined histogram of all rows."""
    buckets = pc.list_flatten(guests.column("latency_bucket")).to_numpy()
    counts = pc.list_flatten(guests.column("latency_count")).to_numpy()
    return histogram.merge(buckets.astype(np.int64), counts)


def figures_of(guests: pa.Table, duration_s: float) -> dict[str, float]:
    """All figures over the guests of one group, averaged over replications."""
    replications = len(set(guests.column("replication").to_pylist()))
    span_s = duration_s * replications
    delivered, submitted = total(guests, "delivered"), total(guests, "submitted")
    delivered_bytes = total(guests, "delivered_bytes")
    buckets, counts = latencies(guests)
    playing_s = total(guests.filter(pc.field("play_started")), "play_started") * duration_s
    guest_s = duration_s * guests.num_rows

    def share(amount: float, of: float) -> float:
        return amount / of if of else math.nan

    return {
        "throughput": delivered / span_s,
        "goodput": delivered_bytes / span_s / 1e6,
        "p50": histogram.quantile(buckets, counts, 0.5) / 1e3,
        "p99": histogram.quantile(buckets, counts, 0.99) / 1e3,
        "p99.9": histogram.quantile(buckets, counts, 0.999) / 1e3,
        "late": 100 * share(total(guests, "late"), delivered),
        "dropped": 100 * share(total(guests, "dropped_no_buffer", "dropped_swiotlb_full"), submitted),
        "frozen": 100 * share(total(guests, "frozen_ns") / 1e9, playing_s),
        "guest CPU": share(total(guests, "guest_cpu_ns") / 1e3, delivered),
        "host CPU": share(total(guests, "host_cpu_ns") / 1e3, delivered),
        "copies": share(
            total(guests, "guest_copied_bytes", "host_copied_bytes", "engine_copied_bytes"), delivered_bytes
        ),
        "conversions": total(guests, "conversions") / guest_s,
        "exits": total(guests, "exits") / guest_s,
        "exposure": total(guests, "shared_page_ns") * PAGE_BYTES / 1e9 / GIB / guests.num_rows,
        "held": total(guests, "held_bytes") / guests.num_rows / (1 << 20),
    }


def ratios_of(mine: pa.Table, theirs: pa.Table, duration_s: float) -> dict[str, Ratio | None]:
    """Ratios of the compared figures, a pair a replication: both sides saw the same draws."""
    pairs = []
    for replication in sorted(set(mine.column("replication").to_pylist())):
        only = pc.field("replication") == replication
        candidate, base = mine.filter(only), theirs.filter(only)
        if base.num_rows:
            pairs.append((figures_of(candidate, duration_s), figures_of(base, duration_s)))
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
