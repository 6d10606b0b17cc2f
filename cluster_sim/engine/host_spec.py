"""What never changes of a host during a run: steps, streams, servers, curves, sizes, rules, policy.

Hosts that hold the same guests share all of it but the keys of their draws. Times are in ns unless a name says
otherwise.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import COUNT_COUNT, Direction, Resource
from cluster_sim.memory.pages import MemoryRules

Records = npt.NDArray[np.void]

CURVE_POINTS: Final = 16
RANGES: Final = 2
"""Where buffers lie: the device's and the consumer's own."""
DIRECTIONS: Final = len(Direction)

STEP_FIELDS: Final = (
    Field("op", "", "what the step does (Op)"),
    Field("resource", "", "resource that it takes, gives back or looks at (Resource)"),
    Field("category", "", "ledger category that its time is booked to (Category)"),
    Field("runner", "", "whose CPU time it takes (Runner)"),
    Field("argument", "", "the operation's own: an amount, a mover, a distance, a reason"),
    Field("range", "", "which of the buffers an operation on memory is for (Range)"),
    Field("exits", "", "count that its exits go by (Count), -1 for none"),
    Field("reads", "", "memory that it reads byte by byte (End), -1 for none that may be in the cache"),
    Field("writes", "", "memory that it writes byte by byte (End), -1 for none that may be in the cache"),
    Field("first_price", "", "first count that has a price"),
    Field("last_price", "", "count behind the last that has a price"),
    Field("prices", "ns", "price of one of each count; zero outside [first_price, last_price)", (COUNT_COUNT,)),
)
STEP: Final = record_of(STEP_FIELDS)

STREAM_FIELDS: Final = (
    Field("guest", "", "its guest on the host"),
    Field("entry", "", "first step of its program, by direction", (DIRECTIONS,)),
    Field("if_full", "", "first step of what undoes it when the bounce pool is full, by direction", (DIRECTIONS,)),
    Field("post", "", "first step of what makes a free buffer ready, by direction", (DIRECTIONS,)),
    Field("post_if_full", "", "first step of what undoes that when the pool is full, by direction", (DIRECTIONS,)),
    Field("restore", "", "first step of what follows a delivery, by direction", (DIRECTIONS,)),
    Field("reap", "", "first step of what makes unused buffers private, by direction", (DIRECTIONS,)),
    Field("servers", "", "server of each resource", (len(Resource),)),
    Field("first_buffer", "", "first buffer among the host's"),
    Field("buffers", "1", "buffers that it has"),
    Field("posts", "1", "buffers that are kept ready for what comes"),
    Field("is_tended", "", "whether anything is done to its buffers between transfers"),
    Field("may_stay_shared", "", "whether its buffers may stay shared after a transfer"),
    Field("keep_uses", "1", "transfers after which a buffer is made private again, 0 for no such bound"),
    Field("keep_idle_ns", "ns", "time unused after which it is, 0 for no such bound"),
    Field("keep_most_pages", "page", "pages of the guest left shared above which it is, 0 for no such bound"),
    Field("batch", "1", "buffers that convert together"),
    Field("when_full", "", "what becomes of a transfer that finds no buffer: WAIT, DROP_NEWEST, DROP_OLDEST"),
    Field("first_page", "", "first I/O page of its buffers, by range", (RANGES,)),
    Field("pages", "page", "I/O pages from one buffer to the next, by range", (RANGES,)),
    Field("granule_pages", "page", "unit of conversion"),
    Field("call_bytes", "B", "most that one conversion call covers"),
    Field("chunk_bytes", "B", "most that one exit to the VMM covers, 0 where none is taken"),
    Field("other_vcpus", "1", "vCPUs of the guest beside the one that converts"),
    Field("descriptor_bytes", "B", "most that one descriptor of the copy engine covers"),
    Field("batch_descriptors", "1", "descriptors that one submission to the copy engine holds"),
    Field("bus", "", "memory bus that its copies pass, among HostState.shares"),
    Field("pool", "", "its bounce pool"),
    Field("home_area", "", "area of the pool where its searches begin"),
    Field(
        "stretch_bits",
        "",
        "lowest bits of a slot's number, which count the slots of a stretch that is touched at one time",
    ),
    Field("buffer_bytes", "B", "size of a buffer"),
    Field("segment_bytes", "B", "most that one mapping of it covers"),
    Field("whole_bytes_max", "B", "the largest transfer that one mapping holds, where it is mapped whole; 0 where not"),
    Field("cipher_bytes", "B", "what one request of the guest's cipher covers"),
    Field("extra_mappings", "1", "mappings of a transfer beside its data"),
    Field("first_mapping", "", "its first entry in HostState.slots"),
    Field("mappings", "1", "entries of HostState.slots a buffer"),
    Field("work_ns", "ns", "the guest's own work on one transfer, or its mean, by direction", (DIRECTIONS,)),
    Field("work_draw", "", "how that work is drawn: CONSTANT, UNIFORM, EXPONENTIAL"),
    Field("work_spread", "%", "how far at most it lies from its mean where it is UNIFORM"),
    Field("merge_bytes", "B", "what is worked on as one where it is handled in one go, 0 for one by one"),
    Field("coalesce_ns", "ns", "how long an interrupt waits for more completions"),
    Field("coalesce_frames", "1", "for how many it waits at most"),
    Field("next_stream", "", "stream of this host that what it sends goes to, or that answers it, or NOBODY"),
    Field("asked_by", "", "stream of this host whose requests it answers, or NOBODY"),
    Field("latency_ns", "ns", "way to another host"),
    Field("is_closed", "", "whether the next transfer comes when one has ended"),
    Field("starts_ns", "ns", "instant at which a closed loop begins"),
    Field("loops", "1", "requests under way in a closed loop"),
    Field("think_ns", "ns", "time from the end of a request to the next in a closed loop, or its mean"),
    Field("draws_think", "", "whether that time is drawn"),
    Field("timeout_ns", "ns", "time after which a client asks again when a request or its answer was dropped"),
    Field("deadline_ns", "ns", "time after which a transfer of a closed loop is late"),
    Field("first_request", "", "first request of its log in HostSpec.requests"),
    Field("requests", "1", "requests of its log, 0 where they are drawn"),
    Field("reads_percent", "%", "of drawn requests, how many go from the device"),
    Field("first_size", "", "its first entry in HostSpec.sizes"),
    Field("sizes", "1", "entries of HostSpec.sizes that it draws from"),
    Field("is_heard", "", "whether its software is told how transfers end"),
    Field("part_bytes", "B", "most that one part of a request for a file carries, 0 where transfers have no parts"),
    Field("round_trips", "1", "parts before the data of such a request, without any"),
    Field("round_trip_bytes", "B", "what each of these carries instead"),
)
STREAM: Final = record_of(STREAM_FIELDS)

REQUEST_FIELDS: Final = (
    Field("bytes", "B", "its size"),
    Field("direction", "", "which way it goes (Direction)"),
)
REQUEST: Final = record_of(REQUEST_FIELDS)
"""A request of a log that is replayed in a closed loop."""

SIZE_FIELDS: Final = (
    Field("bytes", "B", "a size that requests may have"),
    Field("up_to_percent", "%", "how many requests have this size or one before it"),
)
SIZE: Final = record_of(SIZE_FIELDS)

CURVE_FIELDS: Final = (
    Field("points", "1", "points that it has"),
    Field("bytes", "B", "measured sizes", (CURVE_POINTS,)),
    Field("ns", "ns", "time of a copy of each size", (CURVE_POINTS,)),
    Field("beyond_ns_per_mib", "ns/MiB", "slope beyond the last point"),
    Field("bus_milli", "1/1000", "bytes on the bus a copied byte"),
)
CURVE: Final = record_of(CURVE_FIELDS)
"""A copy curve: that of each `Mover`, then those of a CPU's copies with one and both ends in the cache."""

SERVER_FIELDS: Final = (
    Field("capacity", "1", "how much of it may be held at a time"),
    Field("polls_ns", "ns", "how long it looks for more work before it sleeps"),
)
SERVER: Final = record_of(SERVER_FIELDS)

GUEST_FIELDS: Final = (
    Field("spins", "", "whether idle vCPUs spin"),
    Field("halt_poll_ns", "ns", "how long an idle vCPU looks for work before it halts"),
    Field("grow_ns", "ns", "what adding one dynamic pool takes"),
    Field("grow_shootdowns", "1", "how often sharing one interrupts its vCPUs"),
    Field("converts_pool", "", "whether pages of an added pool must be converted"),
    Field("dma_entries_max", "1", "pages that may be shared at a time, each mapped for assigned devices; 0: no bound"),
)
GUEST: Final = record_of(GUEST_FIELDS)


@by_reference
class Policy(NamedTuple):
    """What a scenario decides for the loop: pins and who waits for them (FOREVER or ns), polls, storage, the cache.

    `distance_scale` turns reuse distances into steps of their table, `remote_adds_to_…` is what memory on other NUMA
    nodes adds to a cold copy by guest or host, in millionths of its time. `keeps_rows`: rows of transfers that have
    ended are kept to be read out, and not only added up.
    """

    on_pin: int
    retry_after_ns: int
    hold_operation: int
    hold_ns: int
    hold_every: int
    has_faults: bool
    halt_poll_ns: int
    storage_jitter: int
    keeps_rows: bool
    llc_bytes: int
    distance_scale: int
    remote_adds_to_guest: int
    remote_adds_to_host: int


@by_reference
class HostSpec(NamedTuple):
    """Definition of one host.

    `requests` holds logs that are replayed, `sizes` what is drawn from; `placement` the tree's page of each I/O page
    where those are scattered; `found_by_distance` what is still in the cache (engine/last_level_cache.py); `draw_keys`
    the key of each stream's draws, the one thing that is a host's own.
    """

    steps: Records
    streams: Records
    servers: Records
    guests: Records
    curves: Records
    requests: Records
    sizes: Records
    rules: MemoryRules
    policy: Policy
    placement: Int64s
    found_by_distance: Int64s
    draw_keys: Int64s
