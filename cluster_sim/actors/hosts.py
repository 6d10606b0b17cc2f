"""Some hosts of a run: takes the guests' submissions of a window, runs each host's event loop, writes what ended."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cluster_sim.actors.books import HostBooks
from cluster_sim.actors.order import RunOrder, facts_of, guests_of
from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.plan import plan_host
from cluster_sim.engine.state import Arrivals, Records
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
SUMMARY_TABLES = ("guests", "hosts", "windows", "conversions", "faults")


@dataclass(frozen=True, slots=True)
class HostsResult:
    """What the hosts of one actor leave: parts written, and batches of the summary tables."""

    parts: list[Part]
    tables: dict[str, list[pa.RecordBatch]]
    frames: int


@dataclass(slots=True)
class _RunningHost:
    """One host of a run with its books."""

    host: int
    engine: HostEngine
    books: HostBooks
    writer: PartWriter | None


class Hosts:
    """Hosts of a run; `step` is called once a window, in order."""

    def __init__(self) -> None:
        self.order: RunOrder | None = None
        self.running: list[_RunningHost] = []
        self.next_window = 0

    def begin(self, order: RunOrder) -> None:
        """Set up the hosts of a run."""
        self.order = order
        self.next_window = 0
        facts = facts_of(order.scenario, order.folder)
        profile = profile_of(order.scenario)
        self.running = []
        for host in order.hosts:
            engine = HostEngine(
                plan_host(order.scenario, profile, facts, host=host, chance=(order.seed, order.replication))
            )
            books = HostBooks(host, guests_of(order.scenario, host), engine)
            writer = None
            if order.scenario.record == "transfers":
                name = order.file_name(host)
                writer = PartWriter(order.run_directory, "transfers", order.variant, order.replication, name)
            self.running.append(_RunningHost(host, engine, books, writer))

    def step(self, window: int, submissions: pa.RecordBatch) -> pa.RecordBatch:
        """Run one window; what ended in it, by (host, stream, frame)."""
        assert self.order is not None
        assert window == self.next_window, "windows run in order, each once"
        self.next_window += 1
        until_ns = self.order.window_ends_ns(window)
        is_last = window == self.order.windows - 1
        host_ids = submissions.column("host_id").to_numpy()
        completions = []
        for running in self.running:
            first, end = np.searchsorted(host_ids, [running.host, running.host + 1])
            arrivals = arrivals_of(submissions.slice(first, end - first))
            done = [running.engine.advance(arrivals, until_ns)]
            if is_last:
                done.append(running.engine.finish())
            completions.append(self._book(running, window, arrivals, ordered(done)))
        return joined_batch(completions, COMPLETIONS)

    def finish(self) -> HostsResult:
        """Close the parts and give the summaries; the hosts are gone after it."""
        assert self.order is not None
        assert self.next_window == self.order.windows
        tables: dict[str, list[pa.RecordBatch]] = {name: [] for name in SUMMARY_TABLES}
        parts: list[Part] = []
        frames = 0
        for running in self.running:
            assert running.engine.in_flight == 0
            if running.writer is not None:
                parts.append(running.writer.close())
            if self.order.scenario.record != "summary":
                tables["windows"].append(running.books.windows())
            tables["guests"].append(running.books.guests())
            tables["hosts"].append(running.books.hosts())
            tables["conversions"].append(running.books.conversions())
            tables["faults"].append(running.books.faults())
            frames += int(running.books.sums["submitted"].sum())
        self.running = []
        return HostsResult(parts, tables, frames)

    def _book(self, running: _RunningHost, window: int, arrivals: Arrivals, done: Records) -> pa.RecordBatch:
        assert self.order is not None
        streams = len(running.engine.plan.streams)
        submitted = np.bincount(arrivals.stream, minlength=streams).astype(np.int64)
        running.books.add_window(window, self.order.window_ends_ns(window), submitted, done)
        if running.writer is not None:
            running.writer.write(running.books.transfers(done))
        columns = (np.full(len(done), running.host), done["stream"], done["frame"], done["ended_ns"], done["outcome"])
        arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, COMPLETIONS, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=COMPLETIONS)


def arrivals_of(batch: pa.RecordBatch) -> Arrivals:
    """A host's submissions as the loop takes them."""
    return Arrivals(
        at_ns=batch.column("at_ns").to_numpy(),
        stream=batch.column("stream").to_numpy(),
        frame=batch.column("frame_index").to_numpy(),
        bytes=batch.column("frame_bytes").to_numpy(),
        deadline_ns=batch.column("deadline_ns").to_numpy(),
    )


def ordered(done: list[Records]) -> Records:
    """Transfers of a window by (stream, frame), whatever the order in which they ended."""
    joined = np.concatenate(done)
    return joined[np.lexsort((joined["frame"], joined["stream"]))]


def joined_batch(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Batches of one schema as one batch."""
    columns = pa.Table.from_batches(batches, schema).combine_chunks().columns
    arrays = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
