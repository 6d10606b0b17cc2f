"""Some hosts of a run: takes the guests' submissions of a window, runs each host's event loop, writes what ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import HEARD
from cluster_sim.engine.records import joined_rows
from cluster_sim.engine.state import Arrivals, submissions
from cluster_sim.moving import Moving
from cluster_sim.planning.inputs import logs_of
from cluster_sim.planning.planner import Planner
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.columns import schema
from cluster_sim.results.parts import Part, SegmentedWriter, write_part
from cluster_sim.runtime.exchange import Exchange, groups_of_hosts
from cluster_sim.runtime.host_engine import BUSY_ROWS, HostEngine
from cluster_sim.runtime.host_tables import HostTables
from cluster_sim.runtime.packing import hosts_by_file
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.runtime.snapshot_state import restore, saved_state_of
from cluster_sim.runtime.transfer_recorder import Reading, Recorder
from cluster_sim.workloads.playout import NEVER
from cluster_sim.workloads.submissions import Seen

COMPLETIONS = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in (
            ("host_id", pa.int32()),
            ("stream", pa.int32()),
            ("frame_index", pa.int64()),
            ("ended_ns", pa.int64()),
            ("outcome", pa.int8()),
        )
    ]
)
BUSY_HOSTS = 64
BUSY_ROWS_LEAST = 1024
"""So few rows a host must do where there are many more than BUSY_HOSTS, or their memory would add up."""
NOTHING_SEEN = Seen(NEVER)


@dataclass(frozen=True, slots=True)
class HostsResult:
    """What the hosts of one actor leave: the parts that they wrote, and how many frames they were asked for."""

    parts: list[Part]
    frames: int


@dataclass(slots=True)
class _RunningHost:
    """One host of a run with its tables, and what reads out its transfers, if those are recorded."""

    host: int
    engine: Moving[HostEngine]
    tables: Moving[HostTables]
    reading: Reading | None

    def close_window(self, window: int, ends_ns: int) -> list[Records]:
        """Have recorded what was read out, and give what software is told of the window."""
        if self.reading is not None:
            self.reading.record()
        self.tables.sums.close_window(window, ends_ns)
        return self.engine.take_heard()


@dataclass(frozen=True, slots=True)
class _SharedFiles:
    """Hosts whose rows go into the same files, and what records their transfers, if anything does."""

    hosts: tuple[int, ...]
    recorder: Recorder | None


def name_of_file(hosts: Sequence[int]) -> str:
    """Name of the files of hosts that share them."""
    return f"hosts-{hosts[0]:05d}"


class Hosts:
    """Hosts of a run; `step` is called once a window, in order."""

    next_window: Moving[int]
    running: Moving[dict[int, _RunningHost]]
    """Hosts by number."""
    exchanges: Moving[list[Exchange]]
    """Hosts that exchange traffic, together."""

    def __init__(self) -> None:
        self.order: RunOrder | None = None
        self.running = {}
        self.exchanges = []
        self.files: list[_SharedFiles] = []
        self.next_window = 0
        self.state_bytes = 0
        """About what a snapshot holds."""

    @property
    def writers(self) -> Moving[list[SegmentedWriter]]:
        """Writers of transfers."""
        return [shared.recorder.writer for shared in self.files if shared.recorder is not None]

    @writers.setter
    def writers(self, restored: list[SegmentedWriter]) -> None:
        assert all(one is other for one, other in zip(self.writers, restored, strict=True))

    def begin(self, order: RunOrder) -> None:
        """Set up the hosts of a run; hosts that exchange traffic or share files are all here or all elsewhere."""
        self.order = order
        self.next_window = 0
        scenario = order.scenario
        planner = Planner(scenario, profile_of(scenario), order.guests(), logs_of(scenario, order.folder))
        mine = set(order.hosts)
        sharing = [tuple(hosts) for hosts in hosts_by_file(scenario.cluster.hosts) if mine & set(hosts)]
        assert {host for hosts in sharing for host in hosts} == mine, "who shares files is here as a whole"
        rows = max(BUSY_ROWS * BUSY_HOSTS // max(scenario.cluster.hosts, BUSY_HOSTS), BUSY_ROWS_LEAST)
        self.running, self.files = {}, []
        for hosts in sharing:
            tables = [HostTables(host, HostEngine(planner.plan(host), rows)) for host in hosts]
            recorder = None
            if scenario.record == "transfers":
                location = order.part_location("transfers")
                recorder = Recorder(SegmentedWriter(order.unfinished, location, name_of_file(hosts)), tables)
            self.files.append(_SharedFiles(hosts, recorder))
            for each in tables:
                reading = None if recorder is None else Reading(each.host, recorder)
                each.engine.reader = None if reading is None else reading.read
                self.running[each.host] = _RunningHost(each.host, each.engine, each, reading)
        self.state_bytes = sum(running.engine.state_bytes for running in self.running.values())
        self.exchanges = [
            Exchange(
                {host: self.running[host].engine for host in group},
                scenario.cluster.hosts,
                scenario.cluster.network.latency,
            )
            for group in groups_of_hosts(scenario)
            if group[0] in self.running
        ]

    def step(self, window: int, submitted: pa.RecordBatch) -> pa.RecordBatch:
        """Run one window; what ended in it, by (host, stream, frame)."""
        assert self.order is not None
        assert window == self.next_window, "windows run in order, each once"
        self.next_window += 1
        until_ns = self.order.window_ends_ns(window)
        is_last = window == self.order.windows - 1
        host_ids = submitted.column("host_id").to_numpy()
        all_arrivals = arrivals_of(submitted)
        heard: dict[int, list[Records]] = {}
        to_end = iter(self.files)
        shared = next(to_end, None)
        for exchange in self.exchanges:
            arrivals = {}
            for host in exchange.engines:
                first, end = np.searchsorted(host_ids, [host, host + 1])
                arrivals[host] = all_arrivals.rows(first, end)
            for host, _ in exchange.advance(arrivals, until_ns):
                self.running[host].tables.sums.count()
            for host in exchange.engines:
                if is_last:
                    self.running[host].engine.finish()
                    self.running[host].tables.sums.count()
                heard[host] = self.running[host].close_window(window, until_ns)
            while shared is not None and all(host in heard for host in shared.hosts):
                if shared.recorder is not None:
                    shared.recorder.end_window(is_last=is_last)
                shared = next(to_end, None)
        assert shared is None
        return completions_of(heard)

    @property
    def frames(self) -> int:
        """Frames that were asked for up to the last window's end."""
        return sum(running.tables.sums.submitted_in_all() for running in self.running.values())

    def guests(self, seen: Mapping[int, Seen]) -> list[pa.RecordBatch]:
        """The table `guests` of a run that has ended, a batch a host that has any, in the order of hosts."""
        batches = [with_seen(self.running[host].tables.guests(), seen) for host in sorted(self.running)]
        return [batch for batch in batches if batch.num_rows]

    def save(self) -> int:
        """Write a snapshot of all hosts at the last window's end; its bytes."""
        assert self.order is not None
        for shared in self.files:
            if shared.recorder is not None:
                shared.recorder.write()
        return self.order.snapshots.save(self.next_window, "hosts", saved_state_of(self))

    def restore(self, order: RunOrder, window: int) -> None:
        """Set up the hosts of a run as they were at the beginning of a window; SnapshotError, SavedStateError."""
        self.begin(order)
        restore(self, order.snapshots.load(window, "hosts"))
        assert self.next_window == window

    def finish(self, seen: Mapping[int, Seen]) -> HostsResult:
        """Write the summaries, with what each guest's users saw; the hosts are gone after it."""
        assert self.order is not None
        assert self.next_window == self.order.windows
        assert all(running.engine.in_flight == 0 for running in self.running.values())
        parts: list[Part] = []
        for shared in self.files:
            if shared.recorder is not None:
                parts += shared.recorder.writer.parts
            name = name_of_file(shared.hosts)
            for table, batches in self._summaries([self.running[host].tables for host in shared.hosts], seen).items():
                filled = [batch for batch in batches if batch.num_rows]
                if filled:
                    parts.append(write_part(self.order.unfinished, self.order.part_location(table), name, filled))
        frames = self.frames
        self.running, self.files, self.exchanges = {}, [], []
        return HostsResult(parts, frames)

    def _summaries(self, tables: Sequence[HostTables], seen: Mapping[int, Seen]) -> dict[str, list[pa.RecordBatch]]:
        """Batches of all summary tables, by table."""
        assert self.order is not None
        with_windows = self.order.scenario.record != "summary"
        return {
            "guests": [with_seen(each.guests(), seen) for each in tables],
            "workloads": [each.workloads() for each in tables],
            "hosts": [each.hosts() for each in tables],
            "windows": [each.windows() for each in tables] if with_windows else [],
            "conversions": [each.conversions() for each in tables],
            "faults": [each.faults() for each in tables],
        }


def with_seen(batch: pa.RecordBatch, seen: Mapping[int, Seen]) -> pa.RecordBatch:
    """Put what the guests' users saw beside what their host booked."""
    mine = [seen.get(guest, NOTHING_SEEN) for guest in batch.column("guest_id").to_pylist()]
    replaced = {
        "play_started": [one.playback.started for one in mine],
        "startup_ns": [one.playback.startup_ns for one in mine],
        "freezes": [one.playback.freezes for one in mine],
        "frozen_ns": [one.playback.frozen_ns for one in mine],
        "switches": [one.switches for one in mine],
        "played_bits_per_s": [one.played_bits_per_s for one in mine],
    }
    declared = schema("guests")
    arrays = [
        pa.array(replaced[field.name], field.type) if field.name in replaced else batch.column(field.name)
        for field in declared
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=declared)


def completions_of(heard: Mapping[int, Sequence[Records]]) -> pa.RecordBatch:
    """What software is told of a window, by (host, stream, frame); of what the run's end cut off nobody ever knows."""
    done = joined_rows([records for each in heard.values() for records in each], HEARD)
    counts = [sum(map(len, each)) for each in heard.values()]
    host = np.repeat(np.array(list(heard), np.int64), np.array(counts, np.int64))
    by = np.lexsort((done["frame"], done["stream"], host))
    columns = (host, done["stream"], done["frame"], done["ended_ns"], done["outcome"])
    arrays = [pa.array(column[by]).cast(field.type) for column, field in zip(columns, COMPLETIONS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=COMPLETIONS)


def arrivals_of(batch: pa.RecordBatch) -> Arrivals:
    """Submissions as the loop takes them: copies, as what is read-only is another type to compiled code."""
    at_ns, stream, frame, size_bytes, deadline_ns, direction = (
        np.array(batch.column(name), np.int64)
        for name in ("at_ns", "stream", "frame_index", "frame_bytes", "deadline_ns", "direction")
    )
    return submissions(at_ns, stream, frame, size_bytes, deadline_ns, direction)
