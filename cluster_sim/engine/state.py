"""State of one host's event loop, as tables of records: what is fixed, what moves, what is measured.

Everything is in ns, bytes or counts; state grows with what guests touch and with the transfers in flight, never
with guest memory. Records keep the compiled loop's arguments few and what is used together close together.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import COUNT_COUNT, Direction, Mover, Resource
from cluster_sim.memory.page_tree import PageTree
from cluster_sim.memory.pages import MemoryRules
from cluster_sim.memory.swiotlb import Swiotlb
from cluster_sim.results.ledger import CATEGORY_COUNT

Records = npt.NDArray[np.void]
Int32s = npt.NDArray[np.int32]

CURVE_POINTS = 16
RANGES = 2
"""Where buffers lie: the device's and the consumer's own."""
COPIERS = 3
"""Who copies: guest, host, engine."""
DIRECTIONS = len(Direction)

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
        ("entry", np.int64, (DIRECTIONS,)),
        ("if_full", np.int64, (DIRECTIONS,)),
        ("servers", np.int64, (len(Resource),)),
        ("first_buffer", np.int64),
        ("buffers", np.int64),
        ("usable_buffers", np.int64),
        ("ring_first", np.int64),
        ("free_buffers", np.int64),
        ("when_full", np.int64),
        ("blocked_until_ns", np.int64),
        ("handling", np.int64),
        ("first_page", np.int64, (RANGES,)),
        ("pages", np.int64, (RANGES,)),
        ("granule_pages", np.int64),
        ("call_bytes", np.int64),
        ("chunk_bytes", np.int64),
        ("other_vcpus", np.int64),
        ("descriptor_bytes", np.int64),
        ("batch_descriptors", np.int64),
        ("pool", np.int64),
        ("home_area", np.int64),
        ("buffer_bytes", np.int64),
        ("min_align_mask", np.int64),
        ("extra_mappings", np.int64),
        ("first_mapping", np.int64),
        ("mappings", np.int64),
        ("curves", np.int64, (len(Mover),)),
        ("work_ns", np.int64, (DIRECTIONS,)),
        ("draws_work", np.int64),
        ("key", np.int64),
        ("next_stream", np.int64),
        ("latency_ns", np.int64),
        ("is_closed", np.int64),
        ("starts_ns", np.int64),
        ("think_ns", np.int64),
        ("deadline_ns", np.int64),
        ("next_frame", np.int64),
        ("submitted", np.int64),
        ("first_request", np.int64),
        ("requests", np.int64),
        ("reads_percent", np.int64),
        ("first_size", np.int64),
        ("sizes", np.int64),
        ("is_heard", np.int64),
        ("counted_bytes", np.int64),
        ("counts", np.int64, (COUNT_COUNT,)),
    ],
    align=True,
)
"""A stream: guest, programs by direction, servers, ring of free buffers, where its buffers and bounce slots lie, price
inputs; then, for a closed one, how its next request is made: from a log of `requests`, or drawn from its sizes; then
whether its software is told how transfers end, and what sizes come to for the last one (set_counts).
"""

REQUEST = np.dtype([("bytes", np.int64), ("direction", np.int64)], align=True)
"""A request of a log that is replayed in a closed loop."""

SIZE = np.dtype([("bytes", np.int64), ("up_to_percent", np.int64)], align=True)
"""A size that requests may have, and how many in a hundred have it or one before it."""

MESSAGE = np.dtype(
    [
        ("stream", np.int64),
        ("frame", np.int64),
        ("bytes", np.int64),
        ("at_ns", np.int64),
        ("deadline_ns", np.int64),
        ("origin_ns", np.int64),
    ],
    align=True,
)
"""What is on its way to another host: the sender's stream, and when it arrives there."""

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
    [
        ("capacity", np.int64),
        ("held", np.int64),
        ("busy_ns", np.int64),
        ("changed_ns", np.int64),
        ("free_ns", np.int64),
        ("polls_ns", np.int64),
    ],
    align=True,
)
"""A server: `free_ns` is when a card or link is through with what has come, `polls_ns` how long it looks for more."""

WAIT_QUEUE = np.dtype([("first", np.int64), ("last", np.int64)], align=True)
"""A wait queue: one a server, then one a stream for its buffers."""

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
        ("end_reason", np.int64),
        ("spins", np.int64),
        ("polled_ns", np.int64),
        ("unmapped_buffers", np.int64),
        ("grow_ns", np.int64),
        ("grow_page", np.int64),
        ("grows_at_ns", np.int64),
        ("converts_pool", np.int64),
        ("grown_pages", np.int64),
    ],
    align=True,
)
"""A guest's gauges: pages shared and huge pages split now and their integrals over time, what conversions did to
memory, when and of what outcome it died (ALIVE if it lives) and what its transfers are dropped for then, whether idle
vCPUs spin and how long the host polled for them, buffers that found no slots at the start, and its bounce pool's
growth: how long one step takes, where the next lies, when one under way is done (NOT_GROWING if none is), and whether
its pages must be converted.
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
        ("direction", np.int64),
        ("held", np.int64),
        ("origin_ns", np.int64),
        ("submitted_ns", np.int64),
        ("deadline_ns", np.int64),
        ("handed_ns", np.int64),
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
"""A transfer in flight, or ended and not yet read out; rows are used again. `held` has a bit for each of the host's
resources that it holds, `handed_ns` is when whom it was for had it (NOT_HANDED before).
"""

HEARD = np.dtype(
    [("stream", np.int64), ("frame", np.int64), ("ended_ns", np.int64), ("outcome", np.int64)],
    align=True,
)
"""What a stream's software is told of a transfer that has ended."""

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
        ("messages", np.int64),
        ("keys", np.int64),
        ("heard", np.int64),
        ("now_ns", np.int64),
        ("next_ns", np.int64),
        ("quiet_ns", np.int64),
        ("is_starved", np.int64),
        ("ended_guests", np.int64),
    ],
    align=True,
)
"""The loop's own scalars: last sequence number, lengths of its heaps and lists, instants of the last event, of the next
that is known of and of the next arrival or the end, whether it stopped for want of room, guests that are gone.
"""


@by_reference
class Arrivals(NamedTuple):
    """Submissions of one window, ordered by (time, stream, frame); `origin_ns` is when the data first set out."""

    at_ns: Int64s
    stream: Int64s
    frame: Int64s
    bytes: Int64s
    deadline_ns: Int64s
    direction: Int64s
    origin_ns: Int64s

    def part(self, first: int, end: int) -> "Arrivals":
        """Arrivals [first, end)."""
        return Arrivals(*(column[first:end] for column in self))


def submissions(
    at_ns: Int64s,
    stream: Int64s,
    frame: Int64s,
    size_bytes: Int64s,
    deadline_ns: Int64s,
    direction: Int64s | None = None,
) -> Arrivals:
    """Data that sets out when it is submitted; from the device where no direction is given."""
    ways = np.zeros(len(at_ns), np.int64) if direction is None else direction
    return Arrivals(at_ns, stream, frame, size_bytes, deadline_ns, ways, at_ns)


@by_reference
class Lists(NamedTuple):
    """Rows of transfers that are free (a stack), ready to go on (a ring), done (a list)."""

    free: Int32s
    ready: Int32s
    done: Int32s


@by_reference
class Policy(NamedTuple):
    """What a scenario decides for the loop: waiting for pins, pins of others (FOREVER or ns), injection, polling; and
    whether rows of transfers that have ended are kept to be read out, or only added up.
    """

    on_pin: int
    retry_after_ns: int
    hold_operation: int
    hold_ns: int
    hold_every: int
    has_faults: bool
    halt_poll_ns: int
    keeps_rows: bool


@by_reference
class Host(NamedTuple):
    """All state of one host; `jobs` are those of the shared resources, `slots` the bounce slots of each buffer.

    `requests` holds logs that are replayed, `sizes` what is drawn from, `messages` what goes to other hosts. `sums` is
    what has ended by stream and field, `keys` latencies of what was delivered (engine/stream_sums.py), `heard` what
    software is told. `placement` holds the tree's page of each I/O page where those are scattered. `holds` is a heap of
    buffers that others pin; `held_until` (0: not held), `held_pages` and `pin_waiters` have an entry a buffer.
    """

    steps: Records
    streams: Records
    curves: Records
    servers: Records
    wait_queues: Records
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
    requests: Records
    sizes: Records
    messages: Records
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
    sums: Int64s
    keys: Int64s
    heard: Records


NOBODY = -1
FAR_NS = 1 << 62
NOT_HANDED = -1
NOT_GROWING = -1

ALIVE = -1
FOREVER = -1

ON_PIN_RETRY = 0
ON_PIN_WAIT = 1
ON_PIN_DEFER = 2

WAIT = 0
DROP_NEWEST = 1
DROP_OLDEST = 2

FREE = 0
RUNNING = 1
WAITING = 2
TIMED = 3
SHARING = 4
DONE = 5
