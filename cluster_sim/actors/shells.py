"""HostActor and GuestActor: the shells that put hosts and guests on Ray; a method forwards in one line."""

import time

from cluster_sim.actors.ray_environment import prepare_environment

prepare_environment(None)

import pyarrow as pa  # noqa: E402 - Ray's environment comes first
import ray  # noqa: E402
from ray.util import metrics  # noqa: E402

from cluster_sim.runtime.guests import Guests  # noqa: E402
from cluster_sim.runtime.hosts import Hosts, HostsResult  # noqa: E402
from cluster_sim.runtime.pace import Report  # noqa: E402
from cluster_sim.runtime.run_order import RunOrder  # noqa: E402
from cluster_sim.workloads.submissions import Seen  # noqa: E402


class _HostActor:
    """Hosts of some runs, in a process of their own."""

    def __init__(self) -> None:
        self.hosts = Hosts()
        self.busy_s = self.saving_s = 0.0
        self.saved_bytes = 0
        self.windows_counter = metrics.Counter("cluster_sim_windows", "Windows of hosts that have ended.")
        self.frames_gauge = metrics.Gauge("cluster_sim_frames", "Frames of the present run so far.")

    @ray.method
    def report_in(self) -> None:
        """Say that it is there."""

    @ray.method
    def begin(self, order: RunOrder) -> None:
        """See Hosts.begin."""
        self.hosts.begin(order)

    @ray.method
    def restore(self, order: RunOrder, window: int) -> None:
        """See Hosts.restore."""
        self.hosts.restore(order, window)

    @ray.method
    def step(self, first: int, submissions: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        """See Hosts.step: a window for each batch of submissions, from `first` on."""
        began_s = time.monotonic()
        completions = [self.hosts.step(window, batch) for window, batch in enumerate(submissions, first)]
        self.busy_s += time.monotonic() - began_s
        self.windows_counter.inc(len(completions))
        return completions

    @ray.method
    def save(self) -> None:
        """See Hosts.save."""
        began_s = time.monotonic()
        self.saved_bytes = self.hosts.save()
        self.saving_s = time.monotonic() - began_s

    @ray.method
    def report(self) -> Report:
        """What it has done so far."""
        frames = self.hosts.frames
        self.frames_gauge.set(frames)
        return Report(frames, self.busy_s, self.saving_s, self.saved_bytes, self.hosts.state_bytes)

    @ray.method
    def finish(self, seen: dict[int, Seen]) -> HostsResult:
        """See Hosts.finish."""
        return self.hosts.finish(seen)


class _GuestActor:
    """The software of some guests, in a process of its own."""

    def __init__(self) -> None:
        self.guests = Guests()

    @ray.method
    def report_in(self) -> None:
        """Say that it is there."""

    @ray.method
    def begin(self, order: RunOrder) -> None:
        """See Guests.begin."""
        self.guests.begin(order)

    @ray.method
    def restore(self, order: RunOrder, window: int) -> None:
        """See Guests.restore."""
        self.guests.restore(order, window)

    @ray.method
    def submit(self, first: int, end: int) -> list[pa.RecordBatch]:
        """See Guests.submit: a batch for each window of [first, end)."""
        return [self.guests.submit(window) for window in range(first, end)]

    @ray.method
    def digest(self, completions: list[pa.RecordBatch]) -> None:
        """See Guests.digest: of each window."""
        for batch in completions:
            self.guests.digest(batch)

    @ray.method
    def save(self) -> None:
        """See Guests.save."""
        self.guests.save()

    @ray.method
    def finish(self) -> dict[int, Seen]:
        """See Guests.finish."""
        return self.guests.finish()


HostActor = ray.remote(num_cpus=0, max_restarts=0)(_HostActor)
GuestActor = ray.remote(num_cpus=0, max_restarts=0)(_GuestActor)
