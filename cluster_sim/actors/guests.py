"""The software of the guests of some hosts: submits each window's frames, digests what was delivered."""

import numpy as np
import pyarrow as pa

from cluster_sim.actors.order import GuestPlace, RunOrder, guests_of, trace_arrays
from cluster_sim.engine.state import DELIVERED
from cluster_sim.scenario.spec import TracedVideo
from cluster_sim.workloads.playout import Playback
from cluster_sim.workloads.video import VideoStream, open_stream

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
        )
    ]
)


class Guests:
    """Guests of a run's hosts; `submit` and `digest` are called once a window each, in order.

    Fixed-rate video never looks back, so all windows may be submitted before the first is digested.
    """

    def __init__(self) -> None:
        self.order: RunOrder | None = None
        self.streams: dict[tuple[int, int], VideoStream] = {}
        self.places: dict[tuple[int, int], GuestPlace] = {}

    def begin(self, order: RunOrder) -> None:
        """Boot the guests of a run."""
        self.order = order
        self.streams = {}
        self.places = {}
        for host in order.hosts:
            number = 0
            for place in guests_of(order.scenario, host):
                for workload, spec in enumerate(place.group.workloads):
                    source = spec.source
                    trace = trace_arrays(source.path_in(order.folder)) if isinstance(source, TracedVideo) else None
                    key = (order.seed, order.replication, host, place.group.name, place.index, workload)
                    self.streams[host, number] = open_stream(spec, trace, key)
                    self.places[host, number] = place
                    number += 1

    def submit(self, window: int) -> pa.RecordBatch:
        """The submissions of a window, by (host, instant, stream, frame)."""
        assert self.order is not None
        until_ns = self.order.window_ends_ns(window)
        columns: list[list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = [[] for _ in SUBMISSIONS]
        for (host, number), stream in self.streams.items():
            submitted = stream.submit(until_ns)
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
                ),
                strict=True,
            ):
                column.append(values)
        joined = [np.concatenate(column) if column else np.zeros(0, np.int64) for column in columns]
        host_id, number_id, frame, _, at_ns, _ = joined
        by = np.lexsort((frame, number_id, at_ns, host_id))
        arrays = [pa.array(column[by]).cast(field.type) for column, field in zip(joined, SUBMISSIONS, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=SUBMISSIONS)

    def digest(self, completions: pa.RecordBatch) -> None:
        """Take note of a window's ended transfers."""
        if completions.num_rows == 0:
            return
        host, stream, frame, ended_ns, outcome = (column.to_numpy() for column in completions.columns)
        starts = np.flatnonzero(np.diff(host, prepend=-1) | np.diff(stream, prepend=-1))
        for first, end in zip(starts, [*starts[1:], len(host)], strict=True):
            delivered = outcome[first:end] == DELIVERED
            self.streams[int(host[first]), int(stream[first])].digest(
                frame[first:end][delivered], ended_ns[first:end][delivered]
            )

    def finish(self) -> dict[int, Playback]:
        """What each guest's viewer saw, by guest."""
        assert self.order is not None
        seen: dict[int, Playback] = {}
        for key, stream in self.streams.items():
            guest = self.places[key].guest
            playback = stream.playback(self.order.scenario.duration)
            seen[guest] = playback if guest not in seen else joined_playback(seen[guest], playback)
        return seen


def joined_playback(one: Playback, other: Playback) -> Playback:
    """Two players of one guest: sums, and the later start."""
    return Playback(
        started=one.started or other.started,
        startup_ns=max(one.startup_ns, other.startup_ns),
        freezes=one.freezes + other.freezes,
        frozen_ns=one.frozen_ns + other.frozen_ns,
    )
