"""Rows of a host's tables: of its guests, their workloads, windows, conversions and faults, and of itself."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.moving import Moving
from cluster_sim.results.parts import label_array
from cluster_sim.runtime.batches import as_batch, histogram_columns
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.runtime.host_sums import HostSums

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


class HostTables:
    """All tables of one host, at a run's end."""

    sums: Moving[HostSums]

    def __init__(self, host: int, engine: HostEngine) -> None:
        self.host = host
        self.engine = engine
        self.sums = HostSums(engine)
        self.placed_guests = [guest.placed for guest in engine.guests]
        self.groups = list(dict.fromkeys(placed.group.name for placed in self.placed_guests))
        self.group_codes = np.array([self.groups.index(placed.group.name) for placed in self.placed_guests], np.int8)

    def guests(self) -> pa.RecordBatch:
        """Rows of the table `guests`, without what only the guests' software knows."""
        guests, gauges, sums = self.engine.guests, self.engine.gauges(), self.sums
        rows, pools = gauges.guests(), gauges.pools()
        zeros = np.zeros(len(guests), np.int64)
        flows = {name: sums.of_guests(values) for name, values in sums.columns().items() if name != "dropped"}
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(np.arange(len(guests))),
            "vcpus": np.array([placed.group.vcpus for placed in self.placed_guests]),
            "memory_bytes": np.array([placed.group.memory for placed in self.placed_guests]),
            "arrived_ns": np.array([placed.arrives_ns for placed in self.placed_guests]),
            "booted_ns": sums.booted_ns(),
            "teardown_ns": np.array([placed.teardown_ns for placed in self.placed_guests]),
            **flows,
            "latency_ns_max": sums.most_of_guests(sums.latency_ns_max),
            **histogram_columns(sums.histograms_of_guests()),
            "shared_page_ns": rows["shared_page_ns"],
            "pool_bytes": np.array([guest.layout.pool_bytes for guest in guests]),
            "held_bytes": np.array([guest.layout.held_bytes for guest in guests]) + rows["grown_pages"] * PAGE_BYTES,
            "huge_leaves_at_boot": rows["leaves_at_boot"],
            "huge_leaves": gauges.huge_leaves(),
            "split_huge_pages": gauges.split_huge_pages(),
            "split_huge_page_ns": rows["split_ns"],
            "setup_ns": np.array([guest.setup_ns for guest in guests]),
            "polled_ns": gauges.polled_ns(),
            "slots_hiwater": pools.slots_hiwater,
            "slots_refused": pools.slots_refused,
            "slots_probed": pools.slots_probed,
            "grown_bytes": rows["grown_pages"] * PAGE_BYTES,
            "unmapped_buffers": rows["unmapped_buffers"],
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
        tallies, names = self.sums.tallies, [tally.label for tally in self.sums.tallies]
        labels = sorted(set(names))
        flows = {name: values for name, values in self.sums.columns().items() if name != "dropped"}
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(self.sums.guest_of_tally),
            "workload": np.array([tally.workload for tally in tallies], np.int64),
            "part": label_array(labels, np.array([labels.index(name) for name in names], np.int8)),
            **flows,
            "latency_ns_max": self.sums.latency_ns_max,
            **histogram_columns(self.sums.histograms_of_tallies()),
        }
        return as_batch("workloads", columns)

    def windows(self) -> pa.RecordBatch:
        """Rows of the table `windows`, by guest and window."""
        guests, windows = len(self.placed_guests), len(self.sums.window_rows)
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = dict(
            self._identity(np.repeat(np.arange(guests), windows))
        )
        for name in self.sums.window_rows[0]:
            columns[name] = np.stack([row[name] for row in self.sums.window_rows], axis=1).reshape(-1)
        return as_batch("windows", columns)

    def hosts(self) -> pa.RecordBatch:
        """The host's row of the table `hosts`."""
        gauges = self.engine.gauges()
        busy = gauges.busy_times()
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            "host_id": np.array([self.host]),
            "guests": np.array([len(self.placed_guests)]),
            **{name: np.array([getattr(busy, name)]) for name in busy.__slots__},
            "busiest_worker": label_array([gauges.busiest_worker()], [0]),
        }
        return as_batch("hosts", columns)

    def conversions(self) -> pa.RecordBatch:
        """Rows of the table `conversions`."""
        gauges = self.engine.gauges()
        rows = gauges.guests()
        columns = {
            **self._identity(np.arange(len(self.placed_guests))),
            "calls": rows["conversion_calls"],
            "granules": self.sums.with_boots("any_conversions"),
            "pages": self.sums.with_boots("any_converted_pages"),
            "longest_pin_wait_ns": self.sums.with_boots("longest_pin_wait_ns"),
            "stuck": self.sums.with_boots("stuck"),
            "double_pages": gauges.double_pages(),
            **{name: rows[name] for name in CONVERSION_GAUGES},
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
