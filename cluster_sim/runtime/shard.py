"""A shard: some hosts and their guests, run in this process. The reference; Ray's shards give the same bytes."""

import logging
import time
from collections.abc import Callable

from cluster_sim.runtime.guests import Guests
from cluster_sim.runtime.hosts import Hosts, HostsResult
from cluster_sim.runtime.pace import Pace, foretold_s
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.runtime.snapshot_state import SavedStateError
from cluster_sim.runtime.snapshots import SnapshotError

LOG = logging.getLogger(__name__)


def run_here(order: RunOrder, pace: Pace, on_windows: Callable[[int, int], None]) -> HostsResult:
    """Run all windows of a run, from its newest snapshot on where there is one.

    `on_windows` is told how many windows have ended, and the frames so far.
    """
    guests, hosts = Guests(), Hosts()
    first = set_up(order, hosts, guests)
    pace.begin_run()
    pace.saving_s = foretold_s(hosts.state_bytes)
    for window in range(first, order.windows):
        guests.digest(hosts.step(window, guests.submit(window)))
        on_windows(1 if window > first else window + 1, hosts.frames)
        if window + 1 < order.windows and pace.is_due(window + 1):
            pace.begin_snapshot()
            began_s = time.monotonic()
            hosts.save()
            guests.save()
            pace.saving_s = time.monotonic() - began_s
            order.snapshots.forget_old(window + 1)
    result = hosts.finish(guests.finish())
    order.snapshots.clear()
    return result


def set_up(order: RunOrder, hosts: Hosts, guests: Guests) -> int:
    """Set up hosts and guests, by the newest snapshot that can be read; the window that comes next."""
    for window in order.snapshots.windows():
        try:
            hosts.restore(order, window)
            guests.restore(order, window)
        except (SnapshotError, SavedStateError) as error:
            LOG.warning("a snapshot cannot be used, an older one or none will do: %s", error)
        else:
            return window
    hosts.begin(order)
    guests.begin(order)
    return 0
