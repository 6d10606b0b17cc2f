"""What a host's transfers add up to: by workload of a guest, by guest, and window by window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.stream_sums import BUCKETS, FIELDS, MOST, OF_ANY
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.moving import Moving
from cluster_sim.planning.planned_guest import PlannedStream
from cluster_sim.runtime.batches import Histogram, merged_histogram
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.queue_traits import Role

BOOT = "boot"
RECEIVED = "received"
LABEL_OF_ROLE = {
    Role.REQUESTS: "requests",
    Role.RECEIVED: RECEIVED,
    Role.ASKED: "requests",
    Role.ANSWERED: "requests",
    Role.CHURN: "churn",
    Role.IMAGE: BOOT,
    Role.FIRMWARE: BOOT,
    Role.KERNEL: BOOT,
    Role.POOL: BOOT,
    Role.ACCEPT: BOOT,
}
"""What the column `part` says of a queue."""
LABELS = tuple(dict.fromkeys(LABEL_OF_ROLE.values()))
OF_TALLIES = tuple(name for name in FIELDS if name not in (*OF_ANY, *MOST))
"""What is given for each tally: the first of FIELDS."""
MAXIMA = (*MOST, "longest_pin_wait_ns")
WINDOWED = ("submitted", "delivered", "dropped", "late", "delivered_bytes")
HISTOGRAMS_AT_ONCE = 8
"""So many stand apart before they are joined."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What is summed up by itself: one workload of a guest, or what others send it."""

    guest: int
    workload: int
    label: str


def tallies_of(streams: Sequence[PlannedStream]) -> tuple[list[Tally], Int64s]:
    """All tallies of a host, and the one of each stream."""
    tallies: dict[Tally, int] = {}
    of_stream = []
    for stream in streams:
        tally = Tally(stream.guest, stream.queue.workload, LABEL_OF_ROLE[stream.queue.role])
        of_stream.append(tallies.setdefault(tally, len(tallies)))
    return list(tallies), np.array(of_stream, np.int64)


class HostSums:
    """Sums of one host's guests and their workloads over a run, and what its windows added."""

    submitted: Moving[Int64s]
    """Transfers submitted of each tally, up to the last window's end."""
    latency_ns_max: Moving[Int64s]
    """The longest latency of each tally, up to the last window's end."""
    histograms: Moving[list[Histogram]]
    """Latencies, in parts that are to be joined."""
    before: Moving[dict[str, Int64s]]
    """Sums at the last window's end, by column."""
    window_rows: Moving[list[dict[str, Int64s]]]
    """Columns of each window that has ended."""

    def __init__(self, engine: HostEngine) -> None:
        self.engine = engine
        self.guests = len(engine.guests)
        self.tallies, self.tally_of_stream = tallies_of(engine.streams)
        self.guest_of_tally = np.array([tally.guest for tally in self.tallies], np.int64)
        self.counts_for_guest = np.array([tally.label != BOOT for tally in self.tallies], np.bool_)
        self.is_received = np.array([tally.label == RECEIVED for tally in self.tallies], np.bool_)
        self.is_boot = np.array([stream.queue.traits.holds_up_guest for stream in engine.streams], np.bool_)
        self.submitted = np.zeros(len(self.tallies), np.int64)
        self.latency_ns_max = np.zeros(len(self.tallies), np.int64)
        self.histograms = []
        self.before = self._windowed()
        self.window_rows = []

    def count(self) -> None:
        """Count the latencies of what was delivered since the last time."""
        for keys in self.engine.take_keys():
            streams, buckets = np.divmod(keys, BUCKETS)
            joined, counts = np.unique(self.tally_of_stream[streams] * BUCKETS + buckets, return_counts=True)
            self.histograms.append((joined, counts.astype(np.int64)))
        if len(self.histograms) > HISTOGRAMS_AT_ONCE:
            self.histograms = [merged_histogram(self.histograms)]

    def close_window(self, window: int, ends_ns: int) -> None:
        """End a window: its row is what was booked since the one before."""
        gauges = self.engine.gauges()
        self.submitted[:] = 0
        np.add.at(self.submitted, self.tally_of_stream, gauges.totals().submitted)
        longest_ns = np.zeros(len(self.tallies), np.int64)
        np.maximum.at(longest_ns, self.tally_of_stream, self.engine.take_latency_ns_max())
        np.maximum(self.latency_ns_max, longest_ns, out=self.latency_ns_max)
        before, self.before = self.before, self._windowed()
        guests = gauges.guests()
        self.window_rows.append(
            {
                **{name: self.of_guests(self.before[name] - before[name]) for name in WINDOWED},
                "window": np.full(self.guests, window, np.int64),
                "ends_ns": np.full(self.guests, ends_ns, np.int64),
                "latency_ns_max": self.most_of_guests(longest_ns),
                "shared_bytes": guests["shared_pages"] * PAGE_BYTES,
                "split_huge_pages": guests["split"].copy(),
                "slots_used": gauges.pools().slots_used.copy(),
            }
        )

    def columns(self) -> dict[str, Int64s]:
        """What was summed up so far, by column, each a tally."""
        total = np.zeros((len(self.tallies), len(OF_TALLIES)), np.int64)
        np.add.at(total, self.tally_of_stream, self.engine.gauges().totals().sums[:, : len(OF_TALLIES)])
        found = {"submitted": self.submitted, **dict(zip(OF_TALLIES, total.T, strict=True))}
        found["received"] = np.where(self.is_received, found["delivered"], 0)
        found["end_to_end_ns_sum"] = np.where(self.is_received, found["end_to_end_ns_sum"], 0)
        return found

    def _windowed(self) -> dict[str, Int64s]:
        columns = self.columns()
        return {name: columns[name].copy() for name in WINDOWED}

    def of_guests(self, values: Int64s) -> Int64s:
        """A sum of tallies as one of guests; boots do not count."""
        total = np.zeros(self.guests, np.int64)
        np.add.at(total, self.guest_of_tally[self.counts_for_guest], values[self.counts_for_guest])
        return total

    def most_of_guests(self, values: Int64s) -> Int64s:
        """A maximum of tallies as one of guests; boots do not count."""
        most = np.zeros(self.guests, np.int64)
        np.maximum.at(most, self.guest_of_tally[self.counts_for_guest], values[self.counts_for_guest])
        return most

    def with_boots(self, field: str) -> Int64s:
        """A sum or a maximum of streams as one of guests, boots and all."""
        totals = self.engine.gauges().totals()
        found = np.zeros(self.guests, np.int64)
        add = np.maximum if field in MAXIMA else np.add
        add.at(found, totals.guest, totals.of(field))
        return found

    def booted_ns(self) -> Int64s:
        """How long after its coming each guest had booted; 0 if it has not, or needed not."""
        asked, done, ends_ns = (np.zeros(self.guests, np.int64) for _ in range(3))
        totals = self.engine.gauges().totals()
        guests = totals.guest[self.is_boot]
        np.add.at(asked, guests, totals.submitted[self.is_boot])
        np.add.at(done, guests, totals.of("delivered")[self.is_boot])
        np.maximum.at(ends_ns, guests, totals.of("last_delivery_ns")[self.is_boot])
        came_ns = np.array([guest.placed.arrives_ns for guest in self.engine.guests], np.int64)
        return np.where((asked > 0) & (done == asked), ends_ns - came_ns, 0)

    def submitted_in_all(self) -> int:
        """Transfers submitted, boots apart."""
        return int(self.submitted[self.counts_for_guest].sum())

    def histograms_of_tallies(self) -> list[Histogram]:
        """Latencies of each tally."""
        latencies = merged_histogram(self.histograms)
        return [histogram_of(latencies, [tally]) for tally in range(len(self.tallies))]

    def histograms_of_guests(self) -> list[Histogram]:
        """Latencies of each guest, boots apart."""
        latencies = merged_histogram(self.histograms)
        counted = [
            np.flatnonzero((self.guest_of_tally == guest) & self.counts_for_guest) for guest in range(self.guests)
        ]
        return [histogram_of(latencies, tallies) for tallies in counted]


def histogram_of(latencies: Histogram, tallies: Iterable[int]) -> Histogram:
    """Latencies of some tallies, from those of all of a host's, whose buckets follow each other tally by tally."""
    keys, counts = latencies
    slices = []
    for tally in tallies:
        first, end = np.searchsorted(keys, [tally * BUCKETS, (tally + 1) * BUCKETS])
        slices.append((keys[first:end] - tally * BUCKETS, counts[first:end]))
    return slices[0] if len(slices) == 1 else merged_histogram(slices)
