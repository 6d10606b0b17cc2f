"""State of one host's event loop, as tables of records: what is fixed, what moves, what is measured.

Everything is in ns, bytes or counts; state grows with what guests touch and with the transfers in flight, never
with guest memory. Records keep the compiled loop's arguments few and what is used together close together.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.engine.heap import ENTRY
from cluster_sim.engine.sharing import room_for_jobs
from cluster_sim.io_paths.steps import COUNT_COUNT, Resource
from cluster_sim.memory.page_tree import PageTree
from cluster_sim.memory.pages import MemoryRules
from cluster_sim.memory.swiotlb import Swiotlb
from cluster_sim.results.endings import Ending
from cluster_sim.results.ledger import CATEGORY_COUNT

Records = npt.NDArray[np.void]
Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

CURVE_POINTS = 16
RANGES = 2
"""Where buffers lie: the device's and the consumer's own."""
COPIERS = 3
"""Who copies: guest, host, engine."""

STEP = np.dtype(
    [
        ("op", np.int64),
        ("resource", np.int64),
        ("category", np.int64),
        ("runner", np.int64),
        ("argument", np.int64),
        ("range", np.int64),
        ("exits", np.int64),
        ("first_price", np.int64),
        ("last_price", np.int64),
        ("prices", np.int64, (COUNT_COUNT,)),
    ],
    align=True,
)
"""A step of a program; `prices` are ns a count, all zero outside [first_price, last_price)."""

STREAM = np.dtype(
    [
        ("guest", np.int64),
        ("entry", np.int64),
        ("if_full", np.int64),
        ("servers", np.int64, (len(Resource),)),
        ("first_buffer", np.int64),
        ("buffers", np.int64),
        ("ring_first", np.int64),
        ("free_buffers", np.int64),
        ("drops_when_full", np.int64),
        ("first_page", np.int64, (RANGES,)),
        ("pages", np.int64, (RANGES,)),
        ("granule_pages", np.int64),
        ("call_granules", np.int64),
        ("chunk_bytes", np.int64),
        ("other_vcpus", np.int64),
        ("pool", np.int64),
        ("home_area", np.int64),
        ("curves", np.int64, (COPIERS,)),
    ],
    align=True,
)
"""A stream: guest, program, servers, ring of free buffers, where its buffers lie in the page tree, price inputs."""

CURVE = np.dtype(
    [
        ("points", np.int64),
        ("bytes", np.int64, (CURVE_POINTS,)),
        ("ns", np.int64, (CURVE_POINTS,)),
        ("beyond_ns_per_mib", np.int64),
        ("bus_milli", np.int64),
    ],
    align=True,
)
"""A copy curve: time at measured sizes, slope beyond, bus bytes a copied byte × 1000."""

SERVER = np.dtype(
    [("capacity", np.int64), ("held", np.int64), ("busy_ns", np.int64), ("changed_ns", np.int64)], align=True
)

LINE = np.dtype([("first", np.int64), ("last", np.int64)], align=True)
"""A waiting line: one a server, then one a stream for its buffers."""

GUEST = np.dtype(
    [
        ("shared_pages", np.int64),
        ("shared_page_ns", np.int64),
        ("changed_ns", np.int64),
        ("conversion_calls", np.int64),
        ("lost_pages", np.int64),
        ("refusals", np.int64),
        ("deferred_pages", np.int64),
        ("exposed_pages", np.int64),
        ("leaked_pages", np.int64),
        ("orphaned_pages", np.int64),
        ("split", np.int64),
        ("split_ns", np.int64),
        ("splits", np.int64),
        ("merges", np.int64),
        ("broken_leaves", np.int64),
        ("leaves_at_boot", np.int64),
        ("died_ns", np.int64),
        ("died_of", np.int64),
    ],
    align=True,
)
"""A guest's gauges: pages shared and huge pages split now and their integrals over time, what conversions did to
memory, and when and of what outcome it died (ALIVE if it lives).
"""

TRANSFER = np.dtype(
    [
        ("phase", np.int64),
        ("step", np.int64),
        ("stream", np.int64),
        ("started_ns", np.int64),
        ("alone_ns", np.int64),
        ("demand", np.int64),
        ("start_clock", np.int64),
        ("buffer", np.int64),
        ("next", np.int64),
        ("bytes", np.int64),
        ("tag", np.int64),
        ("staged", np.int64),
        ("frame", np.int64),
        ("submitted_ns", np.int64),
        ("deadline_ns", np.int64),
        ("ended_ns", np.int64),
        ("outcome", np.int64),
        ("reason", np.int64),
        ("is_intact", np.int64),
        ("conversions", np.int64),
        ("converted_pages", np.int64),
        ("exits", np.int64),
        ("cpu_ns", np.int64, (2,)),
        ("copied_bytes", np.int64, (COPIERS,)),
        ("counts", np.int64, (COUNT_COUNT,)),
        ("ledger", np.int64, (CATEGORY_COUNT,)),
    ],
    align=True,
)
"""A transfer in flight, or ended and not yet read out; rows are used again."""

JOURNAL = np.dtype(
    [
        ("transfer", np.int64),
        ("step", np.int64),
        ("category", np.int64),
        ("started_ns", np.int64),
        ("spent_ns", np.int64),
        ("counts", np.int64, (COUNT_COUNT,)),
    ],
    align=True,
)
"""A step that took time and the counts that it was priced with, kept only when asked for."""

CURSOR = np.dtype(
    [
        ("sequence", np.int64),
        ("timers", np.int64),
        ("free", np.int64),
        ("ready_first", np.int64),
        ("ready", np.int64),
        ("done", np.int64),
        ("journal", np.int64),
        ("holds", np.int64),
    ],
    align=True,
)
"""The loop's own scalars: last sequence number, and the lengths of its heaps and lists."""


class Arrivals(NamedTuple):
    """Submissions of one window, ordered by (time, stream, frame)."""

    at_ns: Int64s
    stream: Int32s
    frame: Int64s
    bytes: Int64s
    deadline_ns: Int64s

    def part(self, first: int, end: int) -> "Arrivals":
        """Arrivals [first, end)."""
        rows = slice(first, end)
        return Arrivals(self.at_ns[rows], self.stream[rows], self.frame[rows], self.bytes[rows], self.deadline_ns[rows])


class Lists(NamedTuple):
    """Rows of transfers that are free (a stack), ready to go on (a ring), done (a list)."""

    free: Int32s
    ready: Int32s
    done: Int32s


class Policy(NamedTuple):
    """What a scenario decides about pins and faults: waiting for pins, pins of others (FOREVER or ns), injection."""

    on_pin: int
    retry_after_ns: int
    hold_operation: int
    hold_ns: int
    hold_every: int
    has_faults: bool


class Host(NamedTuple):
    """All state of one host; `jobs` are those of the shared resources, `slots` the bounce slots of each buffer.

    `placement` holds the tree's page of each I/O page where those are scattered, else nothing. `holds` is a heap of
    buffers that others pin, `held_until` (0: not held), `held_pages` and `pin_waiters` have an
    entry a buffer.
    """

    steps: Records
    streams: Records
    curves: Records
    servers: Records
    lines: Records
    ring: Int32s
    slots: Int64s
    transfers: Records
    timers: Records
    shares: Records
    jobs: Records
    guests: Records
    journal: Records
    cursor: Records
    lists: Lists
    tree: PageTree
    rules: MemoryRules
    pools: Swiotlb
    policy: Policy
    placement: Int64s
    holds: Records
    held_until: Int64s
    held_pages: Int64s
    pin_waiters: Int64s
    scratch: Int64s


NOBODY = -1
FAR_NS = 1 << 62

ALIVE = -1
FOREVER = -1

ON_PIN_RETRY = 0
ON_PIN_WAIT = 1
ON_PIN_DEFER = 2

FREE = 0
RUNNING = 1
WAITING = 2
TIMED = 3
SHARING = 4
DONE = 5

IN_FLIGHT = int(Ending.IN_FLIGHT)
DELIVERED = int(Ending.DELIVERED)
DROPPED = int(Ending.DROPPED)
UNFINISHED = int(Ending.UNFINISHED)


def empty_lists(rows: int) -> Lists:
    """All rows free."""
    return Lists(
        free=np.arange(rows - 1, -1, -1, dtype=np.int32),
        ready=np.zeros(max(rows, 1), np.int32),
        done=np.zeros(rows, np.int32),
    )


def with_more_rows(host: Host, more: int) -> Host:
    """The same state with room for `more` transfers."""
    old = len(host.transfers)
    rows = old + more
    free = int(host.cursor["free"][0])
    assert host.cursor["ready"][0] == 0
    assert host.cursor["done"][0] == 0
    transfers, timers, jobs, lists = (
        np.zeros(rows, TRANSFER),
        np.zeros(rows, ENTRY),
        room_for_jobs(rows),
        empty_lists(rows),
    )
    transfers[:old] = host.transfers
    timers[:old] = host.timers
    jobs[:, :old] = host.jobs
    lists.free[:more] = np.arange(rows - 1, old - 1, -1, dtype=np.int32)
    lists.free[more : more + free] = host.lists.free[:free]
    host.cursor["free"] = free + more
    host.cursor["ready_first"] = 0
    return host._replace(transfers=transfers, timers=timers, jobs=jobs, lists=lists)
