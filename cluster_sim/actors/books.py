"""What a host's transfers add up to: rows of all tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cluster_sim.actors.order import GuestPlace
from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.state import DELIVERED, DROPPED, UNFINISHED, Records
from cluster_sim.io_paths.steps import Op
from cluster_sim.memory.pages import PAGE_BYTES
from cluster_sim.results import histogram
from cluster_sim.results.columns import TABLES, schema
from cluster_sim.results.endings import DROP_LABELS, ENDING_LABELS
from cluster_sim.results.ledger import CATEGORY_COUNT, Category
from cluster_sim.results.parts import label_array

Int64s = npt.NDArray[np.int64]
Values = Mapping[str, "Int64s | list[list[int]] | list[bool] | list[int]"]

COUNTED = ("submitted", "delivered", "late", "damaged", "delivered_bytes", "unfinished")
CONVERTED = ("conversions", "converted_pages")
SUMMED = (
    "guest_cpu_ns",
    "host_cpu_ns",
    "guest_copied_bytes",
    "host_copied_bytes",
    "engine_copied_bytes",
    "conversions",
    "converted_pages",
    "exits",
)
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


class HostBooks:
    """Sums of one host's guests over a run, and its windows' rows."""

    def __init__(self, host: int, places: Sequence[GuestPlace], engine: HostEngine) -> None:
        self.host = host
        self.places = places
        self.engine = engine
        self.groups = list(dict.fromkeys(place.group.name for place in places))
        self.group_codes = np.array([self.groups.index(place.group.name) for place in places], np.int8)
        guests = len(places)
        self.sums: dict[str, Int64s] = {
            name: np.zeros(guests, np.int64)
            for name in (*COUNTED, *SUMMED, *(f"dropped_{label}" for label in DROP_LABELS[1:]), "latency_ns_sum")
        }
        self.converted: dict[str, Int64s] = {name: np.zeros(guests, np.int64) for name in CONVERTED}
        self.latency_ns_max = np.zeros(guests, np.int64)
        self.longest_pin_wait_ns = np.zeros(guests, np.int64)
        self.stuck = np.zeros(guests, np.int64)
        self.ledger = np.zeros((guests, CATEGORY_COUNT), np.int64)
        self.histograms: list[list[tuple[Int64s, Int64s]]] = [[] for _ in range(guests)]
        self.window_rows: list[dict[str, Int64s]] = []

    def add_window(self, window: int, ends_ns: int, submitted: Int64s, done: Records) -> None:
        """Book what ended in a window; `submitted` counts the window's arrivals per stream."""
        guest = self.engine.state.streams["guest"]
        of_row = guest[done["stream"]]
        delivered = done["outcome"] == DELIVERED
        dropped = done["outcome"] == DROPPED
        latency_ns = done["ended_ns"] - done["submitted_ns"]
        late = delivered & (done["ended_ns"] > done["deadline_ns"])
        arrived = self._zeros()
        np.add.at(arrived, guest, submitted)
        window_sums = {
            "submitted": arrived,
            "delivered": self._count(of_row[delivered]),
            "late": self._count(of_row[late]),
            "delivered_bytes": self._sum(of_row[delivered], done["bytes"][delivered]),
        }
        for name, values in window_sums.items():
            self.sums[name] += values
        self.sums["damaged"] += self._count(of_row[delivered & (done["is_intact"] == 0)])
        self.sums["unfinished"] += self._count(of_row[done["outcome"] == UNFINISHED])
        for reason, label in enumerate(DROP_LABELS[1:], 1):
            self.sums[f"dropped_{label}"] += self._count(of_row[done["reason"] == reason])
        np.maximum.at(self.longest_pin_wait_ns, of_row, done["ledger"][:, Category.PIN_WAIT])
        before = self.engine.state.steps["op"][done["step"] - 1]
        self.stuck += self._count(of_row[(done["outcome"] == UNFINISHED) & (before == Op.AGAIN)])
        self.sums["latency_ns_sum"] += self._sum(of_row[delivered], latency_ns[delivered])
        for name, values in work_columns(done).items():
            self.sums[name] += self._sum(of_row[delivered], values[delivered])
        for name in CONVERTED:
            self.converted[name] += self._sum(of_row, done[name])
        np.add.at(self.ledger, of_row[delivered], done["ledger"][delivered])
        window_max = self._zeros()
        np.maximum.at(window_max, of_row[delivered], latency_ns[delivered])
        np.maximum(self.latency_ns_max, window_max, out=self.latency_ns_max)
        self._add_histograms(of_row[delivered], latency_ns[delivered])
        gauges = self.engine.guests()
        self.window_rows.append(
            {
                **window_sums,
                "window": np.full(len(self.places), window, np.int64),
                "ends_ns": np.full(len(self.places), ends_ns, np.int64),
                "dropped": self._count(of_row[dropped]),
                "latency_ns_max": window_max,
                "shared_bytes": gauges["shared_pages"] * PAGE_BYTES,
                "slots_used": self._pool_gauge(self.engine.state.pools.pools["slots_used"]),
            }
        )

    def transfers(self, done: Records) -> pa.RecordBatch:
        """Rows of the table `transfers`, one a transfer."""
        of_row = self.engine.state.streams["guest"][done["stream"]]
        workloads = np.array([stream.workload for stream in self.engine.plan.streams], np.int32)
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(of_row),
            "workload": workloads[done["stream"]],
            "frame_index": done["frame"],
            "frame_bytes": done["bytes"],
            "submitted_ns": done["submitted_ns"],
            "deadline_ns": done["deadline_ns"],
            "ended_ns": done["ended_ns"],
            "latency_ns": done["ended_ns"] - done["submitted_ns"],
            "outcome": label_array(ENDING_LABELS, done["outcome"]),
            "drop_reason": label_array(DROP_LABELS, done["reason"]),
            "is_late": (done["outcome"] == DELIVERED) & (done["ended_ns"] > done["deadline_ns"]),
            "is_intact": done["is_intact"] != 0,
            **{f"{category.label}_ns": done["ledger"][:, category] for category in Category},
            **work_columns(done),
        }
        return as_batch("transfers", columns)

    def guests(self) -> pa.RecordBatch:
        """Rows of the table `guests`, without what only the guests' software knows."""
        places, layouts = self.places, [guest.layout for guest in self.engine.plan.guests]
        merged = [
            histogram.merge(np.concatenate([b for b, _ in parts]), np.concatenate([n for _, n in parts]))
            if parts
            else (np.zeros(0, np.int64), np.zeros(0, np.int64))
            for parts in self.histograms
        ]
        zeros = self._zeros()
        columns: dict[str, npt.NDArray[np.generic] | pa.Array] = {
            **self._identity(np.arange(len(places))),
            "vcpus": np.array([place.group.vcpus for place in places]),
            "memory_bytes": np.array([place.group.memory for place in places]),
            **self.sums,
            "latency_ns_max": self.latency_ns_max,
            "latency_bucket": pa.array([b.tolist() for b, _ in merged], pa.list_(pa.int32())),
            "latency_count": pa.array([n.tolist() for _, n in merged], pa.list_(pa.int64())),
            **{f"{category.label}_ns": self.ledger[:, category] for category in Category},
            "shared_page_ns": self.engine.guests()["shared_page_ns"],
            "pool_bytes": np.array([layout.pool_bytes for layout in layouts]),
            "held_bytes": np.array([layout.held_bytes for layout in layouts]),
            "huge_leaves_at_boot": self.engine.guests()["leaves_at_boot"],
            "huge_leaves": self.engine.huge_leaves(),
            "split_huge_pages": self.engine.split_huge_pages(),
            "split_huge_page_ns": self.engine.guests()["split_ns"],
            "setup_ns": np.array([guest.setup_ns for guest in self.engine.plan.guests]),
            "slots_hiwater": self._pool_gauge(self.engine.state.pools.pools["slots_hiwater"]),
            "play_started": zeros != 0,
            "startup_ns": zeros,
            "freezes": zeros,
            "frozen_ns": zeros,
        }
        return as_batch("guests", columns)

    def windows(self) -> pa.RecordBatch:
        """Rows of the table `windows`, by guest and window."""
        guests, windows = len(self.places), len(self.window_rows)
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
            "guests": np.array([len(self.places)]),
            **{name: np.array([getattr(gauges, name)]) for name in gauges.__slots__},
        }
        return as_batch("hosts", columns)

    def conversions(self) -> pa.RecordBatch:
        """Rows of the table `conversions`."""
        gauges = self.engine.guests()
        columns = {
            **self._identity(np.arange(len(self.places))),
            "calls": gauges["conversion_calls"],
            "granules": self.converted["conversions"],
            "pages": self.converted["converted_pages"],
            "longest_pin_wait_ns": self.longest_pin_wait_ns,
            "stuck": self.stuck,
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
        ids = np.array([place.guest for place in self.places])
        return {
            "host_id": np.full(len(guests), self.host),
            "guest_id": ids[guests],
            "guest_group": label_array(self.groups, self.group_codes[guests]),
        }

    def _add_histograms(self, guests: npt.NDArray[np.integer], latencies_ns: Int64s) -> None:
        order = np.argsort(guests, kind="stable")
        bounds = np.searchsorted(guests[order], np.arange(len(self.places) + 1))
        for number, parts in enumerate(self.histograms):
            mine = latencies_ns[order[bounds[number] : bounds[number + 1]]]
            if len(mine):
                parts.append(histogram.count(mine))

    def _pool_gauge(self, gauge: Int64s) -> Int64s:
        """A gauge per pool as one per guest; without bounce pools all zero."""
        return gauge.copy() if len(gauge) == len(self.places) else self._zeros()

    def _zeros(self) -> Int64s:
        return np.zeros(len(self.places), np.int64)

    def _count(self, guests: npt.NDArray[np.integer]) -> Int64s:
        return np.bincount(guests, minlength=len(self.places)).astype(np.int64)

    def _sum(self, guests: npt.NDArray[np.integer], values: Int64s) -> Int64s:
        total = self._zeros()
        np.add.at(total, guests, values)
        return total


def work_columns(done: Records) -> dict[str, Int64s]:
    """The columns `WORK` of transfers."""
    return {
        "guest_cpu_ns": done["cpu_ns"][:, 0],
        "host_cpu_ns": done["cpu_ns"][:, 1],
        "guest_copied_bytes": done["copied_bytes"][:, 0],
        "host_copied_bytes": done["copied_bytes"][:, 1],
        "engine_copied_bytes": done["copied_bytes"][:, 2],
        "conversions": done["conversions"],
        "converted_pages": done["converted_pages"],
        "exits": done["exits"],
    }


def as_batch(table: str, columns: Mapping[str, object]) -> pa.RecordBatch:
    """A batch of a declared table; every column must be there, and no other."""
    declared = schema(table)
    assert set(columns) == {column.name for column in TABLES[table]}, set(columns) ^ set(declared.names)
    arrays = []
    for field in declared:
        values = columns[field.name]
        array = values if isinstance(values, pa.Array) else pa.array(np.ascontiguousarray(values))
        arrays.append(array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=declared)
