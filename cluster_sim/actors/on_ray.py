"""HostActor and GuestActor: the shells that put hosts and guests on Ray, and the Ray that a run starts for itself.

A Ray started here is this run's alone: it listens on 127.0.0.1 only, has no dashboard, reports nothing, and never
joins a cluster that happens to run. Ray's grouping of servers by loopback needs its environment before it is imported.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

OBJECT_STORE_BYTES = 512 << 20
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
LOCAL_ENVIRONMENT = {
    LOOPBACK: "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
}

if "ray" not in sys.modules:
    os.environ.update(LOCAL_ENVIRONMENT)
IS_ON_LOOPBACK = os.environ.get(LOOPBACK) == "0"

import pyarrow as pa  # noqa: E402 - Ray's environment comes first
import ray  # noqa: E402

from cluster_sim.actors.guests import Guests  # noqa: E402
from cluster_sim.actors.hosts import Hosts, HostsResult  # noqa: E402
from cluster_sim.actors.order import RunOrder  # noqa: E402
from cluster_sim.actors.shards import Pending, ShardResult  # noqa: E402
from cluster_sim.workloads.submissions import Seen  # noqa: E402


class _HostActor:
    """Hosts of some runs, in a process of their own."""

    def __init__(self) -> None:
        self.hosts = Hosts()

    @ray.method
    def begin(self, order: RunOrder) -> None:
        """See Hosts.begin."""
        self.hosts.begin(order)

    @ray.method
    def step(self, window: int, submissions: pa.RecordBatch) -> pa.RecordBatch:
        """See Hosts.step."""
        return self.hosts.step(window, submissions)

    @ray.method
    def finish(self) -> HostsResult:
        """See Hosts.finish."""
        return self.hosts.finish()


class _GuestActor:
    """The software of some guests, in a process of its own."""

    def __init__(self) -> None:
        self.guests = Guests()

    @ray.method
    def begin(self, order: RunOrder) -> None:
        """See Guests.begin."""
        self.guests.begin(order)

    @ray.method
    def submit(self, window: int) -> pa.RecordBatch:
        """See Guests.submit."""
        return self.guests.submit(window)

    @ray.method
    def digest(self, completions: pa.RecordBatch) -> None:
        """See Guests.digest."""
        self.guests.digest(completions)

    @ray.method
    def finish(self) -> dict[int, Seen]:
        """See Guests.finish."""
        return self.guests.finish()


HostActor = ray.remote(num_cpus=0, max_restarts=0)(_HostActor)
GuestActor = ray.remote(num_cpus=0, max_restarts=0)(_GuestActor)


@contextmanager
def local_ray(cpus: int) -> Iterator[None]:
    """A Ray of this run's own, on loopback, gone afterwards."""
    if not IS_ON_LOOPBACK:
        raise RuntimeError(
            f"Ray was imported before cluster_sim and would not stay on loopback: set {LOOPBACK}=0 first"
        )
    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=OBJECT_STORE_BYTES,
    )
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, slots=True)
class RayRun:
    """A run whose windows have all been submitted; Ray runs them in order."""

    hosts: "ray.ObjectRef[HostsResult]"
    seen: "ray.ObjectRef[dict[int, Seen]]"

    def result(self) -> ShardResult:
        """Wait for both actors."""
        hosts, seen = ray.get([self.hosts, self.seen])
        return ShardResult(hosts, seen)


class RayShard:
    """One HostActor and one GuestActor; a window's batches go from one to the other, not through the driver."""

    def __init__(self) -> None:
        self.hosts = HostActor.remote()
        self.guests = GuestActor.remote()

    def start(self, order: RunOrder) -> Pending:
        """Submit all windows of a run; guests run ahead of hosts and digest afterwards, unless they look back."""
        self.guests.begin.remote(order)
        self.hosts.begin.remote(order)
        completions = []
        for window in range(order.windows):
            ended = self.hosts.step.remote(window, self.guests.submit.remote(window))
            completions.append(ended)
            if order.looks_back:
                self.guests.digest.remote(ended)
        if not order.looks_back:
            for ended in completions:
                self.guests.digest.remote(ended)
        return RayRun(hosts=self.hosts.finish.remote(), seen=self.guests.finish.remote())
