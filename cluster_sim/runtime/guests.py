"""The software of the guests of some hosts: submits each window's transfers, digests what ended."""

from dataclasses import dataclass
from typing import ClassVar, overload

import numpy as np
import pyarrow as pa

from cluster_sim.engine.state import FAR_NS
from cluster_sim.integers import Int64s
from cluster_sim.planning.guest_layout import GuestLayout, lay_out
from cluster_sim.planning.inputs import workload_sizes
from cluster_sim.planning.placement import TO_THE_END, PlacedGuest
from cluster_sim.platform.protection import PROTECTIONS
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
KEY_BITS = 32
"""Bits of the stream's number on its host in a key of both."""


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
        self.video_places: list[PlacedGuest] = []
        self.video_keys: Int64s = np.zeros(0, np.int64)
        """Key of each video stream, ascending."""

    def begin(self, order: RunOrder) -> None:
        """Boot the guests of a run."""
        self.order = order
        self.next_window = 0
        self.running = {}
        placement = order.placement()
        sizes = workload_sizes(order.scenario, order.folder)
        protection = PROTECTIONS[order.scenario.protection]
        chance = (order.seed, order.replication)
        video: list[VideoStream] = []
        keys: list[int] = []
        self.video_places = []
        layouts: dict[tuple[str, int], GuestLayout] = {}
        for host in order.hosts:
            number = 0
            for placed in placement.on_host(host):
                key = (placed.group.name, placed.index)
                if key not in layouts:
                    layouts[key] = lay_out(order.scenario, placed.group, placed.index, sizes, protection)
                layout = layouts[key]
                for queue in layout.queues:
                    stream = software_of(order.scenario, order.folder, placed, queue, layout, chance)
                    if isinstance(stream, VideoStream):
                        video.append(stream)
                        keys.append(key_of(host, number))
                        self.video_places.append(placed)
                    elif stream is not None:
                        self.running[host, number] = _Running(placed, stream)
                    number += 1
        self.video_keys = np.array(keys, np.int64)
        self.video = VideoStreams(video, [leaves_of(placed) for placed in self.video_places])

    def submit(self, window: int) -> pa.RecordBatch:
        """The submissions of a window, by (host, instant, stream, frame)."""
        assert self.order is not None
        assert window == self.next_window, "windows are submitted in order, each once"
        self.next_window += 1
        ends_ns = self.order.window_ends_ns(window)
        frames = self.video.submit(ends_ns)
        parts = [(self.video_keys[frames.number], *frames[1:], self.video.to_device[frames.number])]
        for (host, number), running in self.running.items():
            submitted = running.stream.submit(min(ends_ns, running.leaves_ns))
            if len(submitted.frame):
                key = np.full(len(submitted.frame), key_of(host, number))
                columns = (submitted.frame, submitted.at_ns, submitted.bytes, submitted.deadline_ns)
                parts.append((key, *columns, submitted.to_device))
        key, frame, at_ns, size, deadline_ns, way = (np.concatenate(column) for column in zip(*parts, strict=True))
        hosts, streams = key >> KEY_BITS, key & ((1 << KEY_BITS) - 1)
        by = order_of(hosts, at_ns, key)
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
        key = key_of(host.astype(np.int64), stream)
        delivered = outcome == Ending.DELIVERED
        placed = np.searchsorted(self.video_keys, key)
        placed[placed == len(self.video_keys)] = 0
        is_video = self.video_keys[placed] == key if len(self.video_keys) else np.zeros(len(key), np.bool_)
        mine = is_video & delivered
        self.video.digest(placed[mine], frame[mine], ended_ns[mine])
        if is_video.all():
            return
        key, frame, ended_ns, delivered = (each[~is_video] for each in (key, frame, ended_ns, delivered))
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        for first, end in zip(starts, [*starts[1:], len(key)], strict=True):
            ended = slice(first, end)
            running = self.running[int(key[first]) >> KEY_BITS, int(key[first]) & ((1 << KEY_BITS) - 1)]
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
        of_video = self.video.seen([min(leaves_of(placed), duration_ns) for placed in self.video_places])
        views = [(self.video_places[number].guest, view) for number, view in of_video.items()]
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
def key_of(host: int, stream: int) -> int: ...
@overload
def key_of(host: Int64s, stream: Int64s) -> Int64s: ...
def key_of(host: int | Int64s, stream: int | Int64s) -> int | Int64s:
    """Host and stream as one number."""
    return (host << KEY_BITS) | stream


def order_of(hosts: Int64s, at_ns: Int64s, key: Int64s) -> Int64s:
    """The order of submissions by (host, instant, stream, frame); those of one stream come in theirs.

    Where they come by key already, one sort of a number made of host and instant keeps the rest.
    """
    if len(key) == 0:
        return np.zeros(0, np.int64)
    since_ns = at_ns - at_ns.min()
    span_ns = int(since_ns.max()) + 1
    assert int(hosts.max()) * span_ns < FAR_NS
    if (key[1:] >= key[:-1]).all():
        return np.argsort(hosts * span_ns + since_ns, kind="stable")
    by: Int64s = np.lexsort((key, hosts * span_ns + since_ns))
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
