"""The software of the guests of some hosts: submits each window's transfers, digests what ended."""

from dataclasses import dataclass
from typing import ClassVar, overload

import numpy as np
import pyarrow as pa

from cluster_sim.engine.state import FAR_NS
from cluster_sim.integers import Int64s
from cluster_sim.planning.placement import TO_THE_END, PlacedGuest
from cluster_sim.results.endings import Ending
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.runtime.snapshot_state import restore, saved_state_of
from cluster_sim.runtime.software import software_of
from cluster_sim.workloads.playout import Playback
from cluster_sim.workloads.submissions import Seen, Stream
from cluster_sim.workloads.video import VideoStream, VideoStreams

COLUMNS: dict[str, type[np.int32 | np.int64]] = {
    "host_id": np.int32,
    "stream": np.int32,
    "frame_index": np.int64,
    "frame_bytes": np.int64,
    "at_ns": np.int64,
    "deadline_ns": np.int64,
    "direction": np.int32,
}
SUBMISSIONS = pa.schema([pa.field(name, pa.from_numpy_dtype(kind), nullable=False) for name, kind in COLUMNS.items()])
NUMBER_BITS = 32
"""Bits of a stream's number on its host in its id in the cluster."""


@dataclass(slots=True)
class _Running:
    """One queue's software."""

    placed: PlacedGuest
    stream: Stream

    @property
    def leaves_ns(self) -> int:
        """When its guest goes."""
        return leaves_of(self.placed)


class Guests:
    """Guests of a run's hosts; `submit` and `digest` are called once a window each, in order.

    Video at a rate of its own is submitted and digested for all streams at once, the software of other queues one by
    one. Where nothing looks back (RunOrder.looks_back), all windows may be submitted before the first is digested.
    """

    KEPT: ClassVar[tuple[str, ...]] = ("next_window", "video", "running")

    def __init__(self) -> None:
        self.next_window = 0
        self.order: RunOrder | None = None
        self.running: dict[tuple[int, int], _Running] = {}
        self.video = VideoStreams([], [])
        self.video_guests: list[PlacedGuest] = []
        self.video_ids: Int64s = np.zeros(0, np.int64)
        """The id of each video stream, ascending."""

    def begin(self, order: RunOrder) -> None:
        """Boot the guests of a run."""
        self.order = order
        self.next_window = 0
        self.running = {}
        run_guests = order.guests()
        chance = (order.seed, order.replication)
        video: list[VideoStream] = []
        ids: list[int] = []
        self.video_guests = []
        for host in order.hosts:
            for guest in run_guests.on_host(host):
                for queue in range(len(guest.layout.queues)):
                    number = guest.first_stream + queue
                    stream = software_of(order.scenario, order.folder, guest, queue, chance)
                    if isinstance(stream, VideoStream):
                        video.append(stream)
                        ids.append(id_of(host, number))
                        self.video_guests.append(guest.placed)
                    elif stream is not None:
                        self.running[host, number] = _Running(guest.placed, stream)
        self.video_ids = np.array(ids, np.int64)
        self.video = VideoStreams(video, [leaves_of(placed) for placed in self.video_guests])

    def submit(self, window: int) -> pa.RecordBatch:
        """The submissions of a window, by (host, instant, stream, frame)."""
        assert self.order is not None
        assert window == self.next_window, "windows are submitted in order, each once"
        self.next_window += 1
        ends_ns = self.order.window_ends_ns(window)
        frames = self.video.submit(ends_ns)
        batches = [(self.video_ids[frames.number], *frames[1:], self.video.to_device[frames.number])]
        for (host, number), running in self.running.items():
            submitted = running.stream.submit(min(ends_ns, running.leaves_ns))
            if len(submitted.frame):
                ids = np.full(len(submitted.frame), id_of(host, number))
                columns = (submitted.frame, submitted.at_ns, submitted.bytes, submitted.deadline_ns)
                batches.append((ids, *columns, submitted.to_device))
        ids, frame, at_ns, size, deadline_ns, way = (np.concatenate(column) for column in zip(*batches, strict=True))
        hosts, streams = ids >> NUMBER_BITS, ids & ((1 << NUMBER_BITS) - 1)
        by = order_of(hosts, at_ns, ids)
        ordered = (hosts, streams, frame, size, at_ns, deadline_ns, way)
        arrays = [
            pa.array(column[by].astype(kind, copy=False))
            for column, kind in zip(ordered, COLUMNS.values(), strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=SUBMISSIONS)

    def digest(self, completions: pa.RecordBatch) -> None:
        """Take note of a window's ended transfers."""
        if completions.num_rows == 0:
            return
        host, stream, frame, ended_ns, outcome = (column.to_numpy() for column in completions.columns)
        ids = id_of(host.astype(np.int64), stream)
        delivered = outcome == Ending.DELIVERED
        numbers = np.searchsorted(self.video_ids, ids)
        numbers[numbers == len(self.video_ids)] = 0
        is_video = self.video_ids[numbers] == ids if len(self.video_ids) else np.zeros(len(ids), np.bool_)
        mine = is_video & delivered
        self.video.digest(numbers[mine], frame[mine], ended_ns[mine])
        if is_video.all():
            return
        ids, frame, ended_ns, delivered = (each[~is_video] for each in (ids, frame, ended_ns, delivered))
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        for first, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            ended = slice(first, end)
            running = self.running[int(ids[first]) >> NUMBER_BITS, int(ids[first]) & ((1 << NUMBER_BITS) - 1)]
            running.stream.digest(frame[ended], ended_ns[ended], delivered[ended])

    def save(self) -> int:
        """Write a snapshot at the end of the last window, all of which was digested; its bytes."""
        assert self.order is not None
        return self.order.snapshots.save(self.next_window, "guests", saved_state_of(self))

    def restore(self, order: RunOrder, window: int) -> None:
        """Boot the guests of a run as they were at the beginning of a window; SnapshotError, SavedStateError."""
        self.begin(order)
        restore(self, order.snapshots.load(window, "guests"))
        assert self.next_window == window

    def finish(self) -> dict[int, Seen]:
        """What each guest's users saw, by guest, up to its leaving; guests at which nobody looks are not in it."""
        assert self.order is not None
        duration_ns = self.order.scenario.duration
        of_video = self.video.seen([min(leaves_of(placed), duration_ns) for placed in self.video_guests])
        views = [(self.video_guests[number].guest, view) for number, view in of_video.items()]
        views += [
            (running.placed.guest, running.stream.seen(min(running.leaves_ns, duration_ns)))
            for running in self.running.values()
        ]
        seen: dict[int, Seen] = {}
        for guest, view in views:
            seen[guest] = view if guest not in seen else joined(seen[guest], view)
        return seen


def leaves_of(placed: PlacedGuest) -> int:
    """When a guest goes; FAR_NS if it stays to the end."""
    return FAR_NS if placed.leaves_ns == TO_THE_END else placed.leaves_ns


@overload
def id_of(host: int, stream: int) -> int: ...
@overload
def id_of(host: Int64s, stream: Int64s) -> Int64s: ...
def id_of(host: int | Int64s, stream: int | Int64s) -> int | Int64s:
    """Host and stream as one number."""
    return (host << NUMBER_BITS) | stream


def order_of(hosts: Int64s, at_ns: Int64s, ids: Int64s) -> Int64s:
    """The order of submissions by (host, instant, stream, frame); those of one stream come in theirs.

    Where they come by id already, one sort of a number made of host and instant keeps the rest.
    """
    if len(ids) == 0:
        return np.zeros(0, np.int64)
    since_ns = at_ns - at_ns.min()
    span_ns = int(since_ns.max()) + 1
    assert int(hosts.max()) * span_ns < FAR_NS
    if (ids[1:] >= ids[:-1]).all():
        return np.argsort(hosts * span_ns + since_ns, kind="stable")
    by: Int64s = np.lexsort((ids, hosts * span_ns + since_ns))
    return by


def joined(one: Seen, other: Seen) -> Seen:
    """Two streams of one guest: sums, and the later start."""
    playback = Playback(
        started=one.playback.started or other.playback.started,
        startup_ns=max(one.playback.startup_ns, other.playback.startup_ns),
        freezes=one.playback.freezes + other.playback.freezes,
        frozen_ns=one.playback.frozen_ns + other.playback.frozen_ns,
    )
    return Seen(playback, one.switches + other.switches, one.played_bits_per_s + other.played_bits_per_s)
