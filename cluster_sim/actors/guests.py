"""The software of the guests of some hosts: submits each window's transfers, digests what ended."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from cluster_sim.actors.memento import memento_of, restore
from cluster_sim.actors.order import RunOrder, facts_of
from cluster_sim.actors.software import software_of
from cluster_sim.engine.layout import lay_out
from cluster_sim.engine.placement import TO_THE_END, GuestPlace
from cluster_sim.engine.state import DELIVERED
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.workloads.playout import Playback
from cluster_sim.workloads.submissions import Seen, Stream

SUBMISSIONS = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in (
            ("host_id", pa.int32()),
            ("stream", pa.int32()),
            ("frame_index", pa.int64()),
            ("frame_bytes", pa.int64()),
            ("at_ns", pa.int64()),
            ("deadline_ns", pa.int64()),
            ("direction", pa.int32()),
        )
    ]
)


@dataclass(slots=True)
class _Running:
    """One queue's software; what it only receives it does not submit."""

    place: GuestPlace
    stream: Stream
    submits: bool


class Guests:
    """Guests of a run's hosts; `submit` and `digest` are called once a window each, in order.

    Where nothing looks back (RunOrder.looks_back), all windows may be submitted before the first is digested.
    """

    KEPT: ClassVar[tuple[str, ...]] = ("next_window", "running")

    def __init__(self) -> None:
        self.next_window = 0
        self.order: RunOrder | None = None
        self.running: dict[tuple[int, int], _Running] = {}

    def begin(self, order: RunOrder) -> None:
        """Boot the guests of a run."""
        self.order = order
        self.next_window = 0
        self.running = {}
        placement = order.placement()
        facts = facts_of(order.scenario, order.folder)
        protection = PROTECTIONS[order.scenario.protection]
        chance = (order.seed, order.replication)
        for host in order.hosts:
            number = 0
            for place in placement.on_host(host):
                layout = lay_out(order.scenario, place.group, place.index, facts, protection)
                for queue in layout.queues:
                    stream = software_of(order.scenario, order.folder, place, queue, layout, chance)
                    if stream is not None:
                        self.running[host, number] = _Running(place, stream, submits=queue.sender is None)
                    number += 1

    def submit(self, window: int) -> pa.RecordBatch:
        """The submissions of a window, by (host, instant, stream, frame)."""
        assert self.order is not None
        assert window == self.next_window, "windows are submitted in order, each once"
        self.next_window += 1
        ends_ns = self.order.window_ends_ns(window)
        columns: list[list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = [[] for _ in SUBMISSIONS]
        for (host, number), running in self.running.items():
            leaves_ns = running.place.leaves_ns
            until_ns = ends_ns if leaves_ns == TO_THE_END else min(ends_ns, leaves_ns)
            if not running.submits:
                continue
            submitted = running.stream.submit(until_ns)
            count = len(submitted.frame)
            for column, values in zip(
                columns,
                (
                    np.full(count, host, np.int64),
                    np.full(count, number, np.int64),
                    submitted.frame,
                    submitted.bytes,
                    submitted.at_ns,
                    submitted.deadline_ns,
                    submitted.to_device.astype(np.int64),
                ),
                strict=True,
            ):
                column.append(values)
        joined = [np.concatenate(column) if column else np.zeros(0, np.int64) for column in columns]
        host_id, number_id, frame, _, at_ns, *_ = joined
        by = np.lexsort((frame, number_id, at_ns, host_id))
        arrays = [pa.array(column[by]).cast(field.type) for column, field in zip(joined, SUBMISSIONS, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=SUBMISSIONS)

    def digest(self, completions: pa.RecordBatch) -> None:
        """Take note of a window's ended transfers."""
        if completions.num_rows == 0:
            return
        host, stream, frame, ended_ns, outcome = (column.to_numpy() for column in completions.columns)
        starts = np.flatnonzero((np.diff(host, prepend=-1) != 0) | (np.diff(stream, prepend=-1) != 0))
        for first, end in zip(starts, [*starts[1:], len(host)], strict=True):
            key = (int(host[first]), int(stream[first]))
            if key in self.running:
                ended = slice(first, end)
                self.running[key].stream.digest(frame[ended], ended_ns[ended], outcome[ended] == DELIVERED)

    def save(self) -> int:
        """Write a snapshot at the end of the last window, all of which was digested; its bytes."""
        assert self.order is not None
        return self.order.snapshots.save(self.next_window, "guests", memento_of(self))

    def restore(self, order: RunOrder, window: int) -> None:
        """Boot the guests of a run as they were at the beginning of a window; SnapshotError, MementoError."""
        self.begin(order)
        restore(self, order.snapshots.load(window, "guests"))
        assert self.next_window == window

    def finish(self) -> dict[int, Seen]:
        """What each guest's users saw, by guest, up to its leaving."""
        assert self.order is not None
        seen: dict[int, Seen] = {}
        for running in self.running.values():
            guest, leaves_ns = running.place.guest, running.place.leaves_ns
            one = running.stream.seen(self.order.scenario.duration if leaves_ns == TO_THE_END else leaves_ns)
            seen[guest] = one if guest not in seen else joined(seen[guest], one)
        return seen


def joined(one: Seen, other: Seen) -> Seen:
    """Two streams of one guest: sums, and the later start."""
    playback = Playback(
        started=one.playback.started or other.playback.started,
        startup_ns=max(one.playback.startup_ns, other.playback.startup_ns),
        freezes=one.playback.freezes + other.playback.freezes,
        frozen_ns=one.playback.frozen_ns + other.playback.frozen_ns,
    )
    return Seen(playback, one.switches + other.switches, one.played_bits_per_s + other.played_bits_per_s)
