"""Resources that all users share at once: memory bandwidth, and a lock taken so often that it acts like one.

Each job would take `alone_ns` by itself and then demands `demand` of the resource's `capacity`. While the demands
fit, every job runs at full speed; when they do not, all slow down alike, to capacity / sum of demands. Equal
demands make this processor sharing with a cap per job. One virtual clock per resource runs at that common speed,
in 1/1024 ns, so a job ends when the clock has moved by its alone_ns, and a change costs O(log jobs), exactly in
integers.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.engine.heap import ENTRY, pop, push

MEMORY_BANDWIDTH = 0
"""The memory bus of a host's first NUMA node; those of further nodes stand behind the lock."""
HOST_LOCK = 1
CLOCK_BITS = 10
LOCK_CAPACITY = 1_000_000
NEVER_NS = 1 << 62

SHARE_FIELDS: Final = (
    Field("capacity", "", "what it gives at a time: MB/s on a bus, or millionths of a lock"),
    Field("demand", "", "what all jobs ask for together, in the same"),
    Field("clock", "ns/1024", "how far a job that began at rest has come"),
    Field("changed_ns", "ns", "instant up to which the clock is right"),
    Field("next_ns", "ns", "instant at which the next job ends, if nothing changes before"),
    Field("jobs", "1", "jobs on it now"),
    Field("busy_ns", "ns", "time with any job"),
    Field("saturated_ns", "ns", "time with more demand than capacity"),
)
SHARE: Final = record_of(SHARE_FIELDS)

Records = npt.NDArray[np.void]


def bus_of(node: int) -> int:
    """The resource that is the memory bus of a NUMA node."""
    return MEMORY_BANDWIDTH if node == 0 else HOST_LOCK + node


def idle_shares(bandwidth_mb_per_s: int, buses: int = 1) -> Records:
    """The resources at rest; each bus in MB/s of its traffic, the host lock in millionths."""
    shares = np.zeros(buses + 1, SHARE)
    shares["capacity"] = bandwidth_mb_per_s
    shares["capacity"][HOST_LOCK] = LOCK_CAPACITY
    shares["next_ns"] = NEVER_NS
    return shares


def room_for_jobs(jobs_max: int, buses: int = 1) -> Records:
    """One heap a resource, by (finishing clock, sequence), shape (resources, jobs)."""
    return np.zeros((buses + 1, jobs_max), ENTRY)


@compiled
def earliest_ns(shares: Records) -> int:
    """When the next job of all resources ends, if nothing changes before."""
    earliest = shares[0].next_ns
    for which in range(1, len(shares)):
        earliest = min(earliest, shares[which].next_ns)
    return int(earliest)


@compiled
def first_ending(shares: Records, now_ns: int) -> int:
    """The first resource one of whose jobs ends now; there is one."""
    which = 0
    while shares[which].next_ns != now_ns:
        which += 1
    return which


@compiled
def advance(shares: Records, which: int, now_ns: int) -> None:
    """Bring the resource's clock to `now_ns`; at rest the clock stands."""
    share = shares[which]
    span_ns = now_ns - share.changed_ns
    share.changed_ns = now_ns
    if share.jobs == 0 or span_ns == 0:
        return
    share.busy_ns += span_ns
    if share.demand <= share.capacity:
        share.clock += span_ns << CLOCK_BITS
    else:
        share.saturated_ns += span_ns
        share.clock += (span_ns * share.capacity << CLOCK_BITS) // share.demand


@compiled
def schedule(shares: Records, jobs: Records, which: int, now_ns: int) -> None:
    """Work out when the next job ends, if nothing changes before."""
    share = shares[which]
    if share.jobs == 0:
        share.next_ns = NEVER_NS
        share.clock = 0
        return
    left = jobs[which, 0].key - share.clock
    if share.demand <= share.capacity:
        span_ns = -((-left) >> CLOCK_BITS)
    else:
        span_ns = -((-left * share.demand) // (share.capacity << CLOCK_BITS))
    share.next_ns = now_ns + max(span_ns, 0)


@compiled
def join(
    shares: Records, jobs: Records, which: int, now_ns: int, alone_ns: int, demand: int, sequence: int, item: int
) -> int:
    """Start a job; the clock at its start."""
    advance(shares, which, now_ns)
    share = shares[which]
    clock = int(share.clock)
    push(jobs[which], share.jobs, clock + (alone_ns << CLOCK_BITS), sequence, item)
    share.jobs += 1
    share.demand += demand
    schedule(shares, jobs, which, now_ns)
    return clock


@compiled
def first_due(jobs: Records, which: int) -> int:
    """The item of the job that ends next."""
    return int(jobs[which, 0].item)


@compiled
def leave(shares: Records, jobs: Records, which: int, now_ns: int, demand: int) -> None:
    """End the job that is due; `demand` is what it asked for."""
    advance(shares, which, now_ns)
    share = shares[which]
    pop(jobs[which], share.jobs)
    share.jobs -= 1
    share.demand -= demand
    schedule(shares, jobs, which, now_ns)


@compiled
def alone_span_ns(shares: Records, which: int, alone_ns: int, demand: int) -> int:
    """How long a job takes that has the resource for itself; NEVER_NS if others are on it."""
    share = shares[which]
    if share.jobs > 0:
        return NEVER_NS
    if demand <= share.capacity:
        return alone_ns
    return int(-((-alone_ns * demand) // share.capacity))


@compiled
def pass_alone(shares: Records, which: int, now_ns: int, end_ns: int, demand: int) -> None:
    """A job that begins and ends with the resource for itself: the clock of a resource at rest stays."""
    share = shares[which]
    share.changed_ns = end_ns
    share.busy_ns += end_ns - now_ns
    if demand > share.capacity:
        share.saturated_ns += end_ns - now_ns
