"""What a host's transfers add up to: rows of all tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cluster_sim.engine.stream_sums import BUCKETS, FIELD, FIELDS, MOST, OF_ANY
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.results.parts import label_array
from cluster_sim.runtime.batches import Histogram, as_batch, histogram_columns, merged_histogram
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.workload_traits import Role

Values = Mapping[str, "Int64s | list[list[int]] | list[bool] | list[int]"]

BOOT = "boot"
RECEIVED = "received"
OF_CELLS = tuple(name for name in FIELDS if name not in (*OF_ANY, *MOST))
"""What is given for each cell: the first of FIELDS."""
MAXIMA = (*MOST, "longest_pin_wait_ns")
PARTS = {
    Role.REQUESTS: "requests",
    Role.RECEIVED: RECEIVED,
    Role.CHURN: "churn",
    Role.IMAGE: BOOT,
    Role.POOL: BOOT,
    Role.ACCEPT: BOOT,
}
PART_LABELS = tuple(dict.fromkeys(PARTS.values()))
WINDOWED = ("submitted", "delivered", "dropped", "late", "delivered_bytes")
HISTOGRAMS_AT_ONCE = 8
"""So many are kept apart before they are joined."""
CONVERSION_GAUGES = (
    "lost_pages",
    "refusals",
    "deferred_pages",
    "exposed_pages",
    "leaked_pages",
    "orphaned_pages",
    "splits",
    "merges",
    "broken_leaves",
)
FAULT_COUNTS = (
    "at_ns",
    "offset_bytes",
    "pages",
    "private_pages",
    "leaked_pages",
    "spoilt_pages",
    "orphaned_pages",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What is summed up by itself: one workload of a guest, or what others send it."""

    guest: int
    workload: int
    part: str


def cells_of(engine: HostEngine) -> tuple[list[Cell], Int64s]:
    """All cells of a host, and the one of each stream."""
    cells: dict[Cell, int] = {}
    of_stream = []
    for stream in engine.plan.streams:
        cell = Cell(stream.guest, stream.queue.workload, PARTS[stream.queue.role])
        of_stream.append(cells.setdefault(cell, len(cells)))
    return list(cells), np.array(of_stream, np.int64)


class HostTables:
    """Sums of one host's guests and their workloads over a run, and its windows' rows."""

    KEPT: ClassVar[tuple[str, ...]] = (
        "submitted",
        "latency_ns_max",
        "histograms",
        "before",
        "window_rows",
    )

    def __init__(self, host: int, engine: HostEngine) -> None:
        self.host = host
        self.placed_guests = [guest.placed for guest in engine.plan.guests]
        self.engine = engine
        self.groups = list(dict.fromkeys(placed.group.name for placed in self.placed_guests))
        self.group_codes = np.array([self.groups.index(placed.group.name) for placed in self.placed_guests], np.int8)
        self.cells, self.cell_of_stream = cells_of(engine)
        self.guest_of_cell = np.array([cell.guest for cell in self.cells], np.int64)
        self.counts_for_guest = np.array([cell.part != BOOT for cell in self.cells], np.bool_)
        self.is_received = np.array([cell.part == RECEIVED for cell in self.cells], np.bool_)
        self.submitted = np.zeros(len(self.cells), np.int64)
        self.latency_ns_max = np.zeros(len(self.cells), np.int64)
        streams = engine.plan.streams
        self.is_boot = np.array([stream.queue.traits.holds_up_guest for stream in streams], np.bool_)
        self.histograms: list[tuple[Int64s, Int64s]] = []
        self.before = {name: self.sums()[name].copy() for name in WINDOWED}
        self.window_rows: list[dict[str, Int64s]] = []

    def sums(self) -> dict[str, Int64s]:
        """What was summed up so far, by column, each a cell."""
        total = np.zeros((len(self.cells), len(OF_CELLS)), np.int64)
        np.add.at(total, self.cell_of_stream, self.engine.state.sums[:, : len(OF_CELLS)])
        found = {"submitted": self.submitted, **dict(zip(OF_CELLS, total.T, strict=True))}
        found["received"] = np.where(self.is_received, found["delivered"], 0)
        found["end_to_end_ns_sum"] = np.where(self.is_received, found["end_to_end_ns_sum"], 0)
        return found

    def of_guests(self, field: str) -> Int64s:
        """A sum or a maximum of streams as one of guests, boots and all."""
        found = np.zeros(len(self.placed_guests), np.int64)
        add = np.maximum if field in MAXIMA else np.add
        add.at(found, self.engine.spec.streams["guest"], self.engine.state.sums[:, FIELD[field]])
        return found

    def count(self) -> None:
        """Count the latencies of what was delivered since the last time."""
        for keys in self.engine.take_keys():
            streams, buckets = np.divmod(keys, BUCKETS)
            joined, counts = np.unique(self.cell_of_stream[streams] * BUCKETS + buckets, return_counts=True)
            self.histograms.append((joined, counts.astype(np.int64)))
        if len(self.histograms) > HISTOGRAMS_AT_ONCE:
            self.histograms = [merged_histogram(self.histograms)]

    def close_window(self, window: int, ends_ns: int) -> None:
        """End a window: its row is what was booked since the one before."""
        self.submitted[:] = 0
        np.add.at(self.submitted, self.cell_of_stream, self.engine.state.streams["submitted"])
        sums, of_streams = self.sums(), self.engine.state.sums[:, FIELD["latency_ns_max"]]
        longest_ns = np.zeros(len(self.cells), np.int64)
        np.maximum.at(longest_ns, self.cell_of_stream, of_streams)
        row = {name: self._of_guests(sums[name] - self.before[name]) for name in WINDOWED}
        self.before = {name: sums[name].copy() for name in WINDOWED}
        np.maximum(self.latency_ns_max, longest_ns, out=self.latency_ns_max)
        gauges = self.engine.guests()
        self.window_rows.append(
            {
                **row,
                "window": np.full(len(self.placed_guests), window, np.int64),
                "ends_ns": np.full(len(self.placed_guests), ends_ns, np.int64),
                "latency_ns_max": self._most_of_guests(longest_ns),
                "shared_bytes": gauges["shared_pages"] * PAGE_BYTES,
                "split_huge_pages": gauges["split"].copy(),
                "slots_used": self.engine.state.pools.pools["slots_used"].copy(),
            }
        )
        of_streams[:] = 0

    def booted_ns(self) -> Int64s:
        """How long after its coming each guest had booted; 0 if it has not, or needed not."""
        parts, done, ends_ns = (np.zeros(len(self.placed_guests), np.int64) for _ in range(3))
        guests = self.engine.spec.streams["guest"][self.is_boot]
        submitted, sums = self.engine.state.streams["submitted"][self.is_boot], self.engine.state.sums[self.is_boot]
        np.add.at(parts, guests, submitted)
        np.add.at(done, guests, sums[:, FIELD["delivered"]])
        np.maximum.at(ends_ns, guests, sums[:, FIELD["last_delivery_ns"]])
        came_ns = np.array([placed.arrives_ns for placed in self.placed_guests], np.int64)
        return np.where((parts > 0) & (done == parts), ends_ns - came_ns, 0)

    def submitted_in_all(self) -> int:
        """Transfers submitted, boots apart."""
        return int(self.submitted[self.counts_for_guest].sum())

    def guests(self) -> pa.RecordBatch:
        """Rows of the table `guests`, without what only the guests' software knows."""
        guests = self.engine.plan.guests
        gauges = self.engine.guests()
        pools = self.engine.state.pools.pools
        latencies = merged_histogram(self.histograms)
        zeros = np.zeros(len(guests), np.int64)
        flows = {name: self._of_guests(values) for name, values in self.sums().items() if name != "dropped"}
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(np.arange(len(guests))),
            "vcpus": np.array([placed.group.vcpus for placed in self.placed_guests]),
            "memory_bytes": np.array([placed.group.memory for placed in self.placed_guests]),
            "arrived_ns": np.array([placed.arrives_ns for placed in self.placed_guests]),
            "booted_ns": self.booted_ns(),
            **flows,
            "latency_ns_max": self._most_of_guests(self.latency_ns_max),
            **histogram_columns([histogram_of(latencies, self._cells_of(guest)) for guest in range(len(guests))]),
            "shared_page_ns": gauges["shared_page_ns"],
            "pool_bytes": np.array([guest.layout.pool_bytes for guest in guests]),
            "held_bytes": np.array([guest.layout.held_bytes for guest in guests]),
            "huge_leaves_at_boot": gauges["leaves_at_boot"],
            "huge_leaves": self.engine.huge_leaves(),
            "split_huge_pages": self.engine.split_huge_pages(),
            "split_huge_page_ns": gauges["split_ns"],
            "setup_ns": np.array([guest.setup_ns for guest in guests]),
            "polled_ns": self.engine.polled_ns(),
            "slots_hiwater": pools["slots_hiwater"],
            "slots_refused": pools["failures"],
            "slots_probed": pools["probes"],
            "grown_bytes": gauges["grown_pages"] * PAGE_BYTES,
            "unmapped_buffers": gauges["unmapped_buffers"],
            "play_started": zeros != 0,
            "startup_ns": zeros,
            "freezes": zeros,
            "frozen_ns": zeros,
            "switches": zeros,
            "played_bits_per_s": zeros,
        }
        return as_batch("guests", columns)

    def workloads(self) -> pa.RecordBatch:
        """Rows of the table `workloads`, by guest and workload."""
        kinds = [cell.part for cell in self.cells]
        labels = sorted(set(kinds))
        flows = {name: values for name, values in self.sums().items() if name != "dropped"}
        latencies = merged_histogram(self.histograms)
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(self.guest_of_cell),
            "workload": np.array([cell.workload for cell in self.cells], np.int64),
            "part": label_array(labels, np.array([labels.index(kind) for kind in kinds], np.int8)),
            **flows,
            "latency_ns_max": self.latency_ns_max,
            **histogram_columns([histogram_of(latencies, [cell]) for cell in range(len(self.cells))]),
        }
        return as_batch("workloads", columns)

    def windows(self) -> pa.RecordBatch:
        """Rows of the table `windows`, by guest and window."""
        guests, windows = len(self.placed_guests), len(self.window_rows)
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = dict(
            self._identity(np.repeat(np.arange(guests), windows))
        )
        for name in self.window_rows[0]:
            columns[name] = np.stack([row[name] for row in self.window_rows], axis=1).reshape(-1)
        return as_batch("windows", columns)

    def hosts(self) -> pa.RecordBatch:
        """The host's row of the table `hosts`."""
        gauges = self.engine.gauges()
        columns = {
            "host_id": np.array([self.host]),
            "guests": np.array([len(self.placed_guests)]),
            **{name: np.array([getattr(gauges, name)]) for name in gauges.__slots__},
        }
        return as_batch("hosts", columns)

    def conversions(self) -> pa.RecordBatch:
        """Rows of the table `conversions`."""
        gauges = self.engine.guests()
        columns = {
            **self._identity(np.arange(len(self.placed_guests))),
            "calls": gauges["conversion_calls"],
            "granules": self.of_guests("any_conversions"),
            "pages": self.of_guests("any_converted_pages"),
            "longest_pin_wait_ns": self.of_guests("longest_pin_wait_ns"),
            "stuck": self.of_guests("stuck"),
            "double_pages": self.engine.double_pages(),
            **{name: gauges[name] for name in CONVERSION_GAUGES},
        }
        return as_batch("conversions", columns)

    def faults(self) -> pa.RecordBatch:
        """Rows of the table `faults`, in the order in which they happened."""
        records = self.engine.faults
        guests = np.array([record.guest for record in records], np.int64)
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(guests),
            "is_injected": np.array([record.is_injected for record in records], np.bool_),
        }
        for name in ("access", "outcome", "victim"):
            values = [str(getattr(record, name)) for record in records]
            labels = sorted(set(values))
            columns[name] = label_array(labels, np.array([labels.index(value) for value in values], np.int8))
        for name in FAULT_COUNTS:
            columns[name] = np.array([getattr(record, name) for record in records], np.int64)
        return as_batch("faults", columns)

    def _identity(self, guests: npt.NDArray[np.integer]) -> dict[str, npt.NDArray[np.generic] | pa.Array]:
        ids = np.array([placed.guest for placed in self.placed_guests])
        return {
            "host_id": np.full(len(guests), self.host),
            "guest_id": ids[guests],
            "guest_group": label_array(self.groups, self.group_codes[guests]),
        }

    def _cells_of(self, guest: int) -> Int64s:
        """The cells that a guest's figures count."""
        return np.flatnonzero((self.guest_of_cell == guest) & self.counts_for_guest)

    def _of_guests(self, values: Int64s) -> Int64s:
        """A sum of cells as one of guests; boots are no part of it."""
        total = np.zeros(len(self.placed_guests), np.int64)
        np.add.at(total, self.guest_of_cell[self.counts_for_guest], values[self.counts_for_guest])
        return total

    def _most_of_guests(self, values: Int64s) -> Int64s:
        """A maximum of cells as one of guests; boots are no part of it."""
        most = np.zeros(len(self.placed_guests), np.int64)
        np.maximum.at(most, self.guest_of_cell[self.counts_for_guest], values[self.counts_for_guest])
        return most


def histogram_of(latencies: Histogram, cells: Iterable[int]) -> Histogram:
    """Latencies of some cells, from those of all of a host's."""
    keys, counts = latencies
    parts = []
    for cell in cells:
        first, end = np.searchsorted(keys, [cell * BUCKETS, (cell + 1) * BUCKETS])
        parts.append((keys[first:end] - cell * BUCKETS, counts[first:end]))
    return parts[0] if len(parts) == 1 else merged_histogram(parts)
