"""Some hosts of a run: takes the guests' submissions of a window, runs each host's event loop, writes what ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cluster_sim.actors.books import HostBooks
from cluster_sim.actors.exchange import Exchange, groups_of_hosts
from cluster_sim.actors.order import RunOrder, facts_of, logs_of
from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.plan import plan_host
from cluster_sim.engine.state import TRANSFER, UNFINISHED, Arrivals, Records, submissions
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.results.parts import Part, PartWriter

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
ROWS_BOOKED_AT_ONCE = 8192
"""Few enough to be kept until then, enough that booking them one part at a time costs nothing to speak of."""
SUMMARY_TABLES = ("guests", "workloads", "hosts", "windows", "conversions", "faults")


@dataclass(frozen=True, slots=True)
class HostsResult:
    """What the hosts of one actor leave: parts written, and batches of the summary tables."""

    parts: list[Part]
    tables: dict[str, list[pa.RecordBatch]]
    frames: int


@dataclass(slots=True)
class _RunningHost:
    """One host of a run with its books; `told` is what the guests' software is told at the window's end."""

    host: int
    engine: HostEngine
    books: HostBooks
    writer: PartWriter | None
    ended: list[Records] = field(default_factory=list)
    ended_rows: int = 0
    told: list[Records] = field(default_factory=list)

    def take(self, done: Records) -> None:
        """Take transfers that have ended; they are booked many at a time."""
        if len(done) == 0:
            return
        self.ended.append(done)
        self.ended_rows += len(done)
        if self.ended_rows >= ROWS_BOOKED_AT_ONCE:
            self.book()

    def book(self) -> None:
        """Book all that was taken, in the parts in which it came, each by (stream, frame)."""
        if not self.ended:
            return
        done, part = np.zeros(self.ended_rows, TRANSFER), np.zeros(self.ended_rows, np.int64)
        first = 0
        for number, each in enumerate(self.ended):
            done[first : first + len(each)] = each
            part[first : first + len(each)] = number
            first += len(each)
        done = done[np.lexsort((done["frame"], done["stream"], part))]
        self.ended, self.ended_rows = [], 0
        self.books.add(done)
        if self.writer is not None:
            self.writer.write(self.books.transfers(done))
        self.told.append(done[["stream", "frame", "ended_ns", "outcome"]].copy())

    def close_window(self, window: int, ends_ns: int) -> pa.RecordBatch:
        """Book what is left, and give what ended in the window."""
        self.book()
        self.books.close_window(window, ends_ns)
        told, self.told = self.told, []
        return completions_of(self.host, told)


class Hosts:
    """Hosts of a run; `step` is called once a window, in order."""

    def __init__(self) -> None:
        self.order: RunOrder | None = None
        self.running: dict[int, _RunningHost] = {}
        self.exchanges: list[Exchange] = []
        self.next_window = 0

    def begin(self, order: RunOrder) -> None:
        """Set up the hosts of a run; hosts that exchange traffic are all here or all elsewhere."""
        self.order = order
        self.next_window = 0
        scenario = order.scenario
        facts, logs = facts_of(scenario, order.folder), logs_of(scenario, order.folder)
        profile, placement = profile_of(scenario), order.placement()
        self.running = {}
        for host in order.hosts:
            plan = plan_host(scenario, profile, facts, host=host, placement=placement, logs=logs)
            engine = HostEngine(plan)
            writer = None
            if scenario.record == "transfers":
                name = order.file_name(host)
                writer = PartWriter(order.run_directory, "transfers", order.variant, order.replication, name)
            self.running[host] = _RunningHost(host, engine, HostBooks(host, engine), writer)
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
        arrivals = {}
        for host in self.running:
            first, end = np.searchsorted(host_ids, [host, host + 1])
            arrivals[host] = arrivals_of(submitted.slice(first, end - first))
        for exchange in self.exchanges:
            mine = {host: arrivals[host] for host in exchange.engines}
            for host, done in exchange.advance(mine, until_ns):
                self.running[host].take(done)
        if is_last:
            for running in self.running.values():
                running.take(running.engine.finish())
        completions = [running.close_window(window, until_ns) for running in self.running.values()]
        return joined_batch(completions, COMPLETIONS)

    def finish(self) -> HostsResult:
        """Close the parts and give the summaries; the hosts are gone after it."""
        assert self.order is not None
        assert self.next_window == self.order.windows
        tables: dict[str, list[pa.RecordBatch]] = {name: [] for name in SUMMARY_TABLES}
        parts: list[Part] = []
        frames = 0
        for running in self.running.values():
            assert running.engine.in_flight == 0
            if running.writer is not None:
                parts.append(running.writer.close())
            if self.order.scenario.record != "summary":
                tables["windows"].append(running.books.windows())
            tables["guests"].append(running.books.guests())
            tables["workloads"].append(running.books.workloads())
            tables["hosts"].append(running.books.hosts())
            tables["conversions"].append(running.books.conversions())
            tables["faults"].append(running.books.faults())
            frames += running.books.submitted_in_all()
        self.running = {}
        return HostsResult(parts, tables, frames)


def completions_of(host: int, parts: Sequence[Records]) -> pa.RecordBatch:
    """What ended on a host in a window, by (stream, frame); of what the run's end cut off nobody ever knows."""
    done = np.concatenate(parts) if parts else np.zeros(0, TRANSFER)
    done = done[done["outcome"] != UNFINISHED]
    done = done[np.lexsort((done["frame"], done["stream"]))]
    columns = (np.full(len(done), host), done["stream"], done["frame"], done["ended_ns"], done["outcome"])
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, COMPLETIONS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=COMPLETIONS)


def arrivals_of(batch: pa.RecordBatch) -> Arrivals:
    """A host's submissions as the loop takes them."""
    return submissions(
        at_ns=batch.column("at_ns").to_numpy(),
        stream=batch.column("stream").to_numpy().astype(np.int64),
        frame=batch.column("frame_index").to_numpy(),
        size_bytes=batch.column("frame_bytes").to_numpy(),
        deadline_ns=batch.column("deadline_ns").to_numpy(),
        direction=batch.column("direction").to_numpy().astype(np.int64),
    )


def joined_batch(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Batches of one schema as one batch."""
    columns = pa.Table.from_batches(batches, schema).combine_chunks().columns
    arrays = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
