"""What moves of a host during a run, as tables of records: a snapshot holds this and nothing else.

State grows with what guests touch and with the transfers in flight, never with guest memory. Records keep the compiled
loop's arguments few and what is used together close together.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.engine.host_spec import Records
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import COUNT_COUNT, End
from cluster_sim.memory.page_tree import PageTree
from cluster_sim.memory.swiotlb import Swiotlb
from cluster_sim.results.ledger import CATEGORY_COUNT

Int32s = npt.NDArray[np.int32]

ENDS: Final = len(End)
FOUND: Final = 3
"""What a copy finds in the cache: so much of what it reads, of what it writes, and of that what is dirty already."""
COPIERS: Final = 3
"""Who copies: guest, host, engine."""

STREAM_STATE_FIELDS: Final = (
    Field("usable_buffers", "1", "buffers that can be used: those that found slots where they stay mapped"),
    Field("ring_first", "", "where the buffer that has been free longest stands in the stream's ring"),
    Field("free_buffers", "1", "buffers that are free"),
    Field("posted_first", "", "where the buffer that has been posted longest stands in the stream's ring of them"),
    Field("posted_buffers", "1", "buffers that are posted"),
    Field("posting", "1", "buffers that are being posted"),
    Field("is_pool_full", "", "whether the last buffer that was to be posted found no slots"),
    Field("is_reaping", "", "whether something waits for buffers to lie unused for long"),
    Field("blocked_until_ns", "ns", "instant until which an empty ring is not refilled"),
    Field("unusable_reason", "", "what its transfers are dropped for where no buffer is usable (DropReason)"),
    Field("handling", "1", "completions that the guest's handler has not done with"),
    Field("at_worker", "1", "requests that a worker of several queues has of it, those that wait for it among them"),
    Field("merged_bytes", "B", "what has been merged into the transfer that is worked on"),
    Field("held_back", "1", "completions whose interrupt waits for more"),
    Field("told_ns", "ns", "instant at which it does not wait any longer"),
    Field("has_alarm", "", "whether the stream is looked at by then"),
    Field("next_frame", "", "number of a closed loop's next request"),
    Field("mapped", "1", "transfers that hold bounce slots"),
    Field("retrying", "", "transfer that was refused slots and asks again, or NOBODY"),
    Field("runs_later", "", "whether refused transfers ask again after a delay"),
    Field("submitted", "1", "transfers submitted so far"),
    Field("counted_bytes", "B", "size that `counts` are of"),
    Field("counts", "1", "what that size comes to (Count)", (COUNT_COUNT,)),
    Field("copy_bytes", "B", "size that the next three are of"),
    Field("cold_ns", "ns", "a copy of that size by a CPU, with neither end in the cache"),
    Field("one_end_saves_ns", "ns", "what of that is saved where one end is in the cache"),
    Field("both_ends_save_ns", "ns", "what of that is saved where both are"),
)
STREAM_STATE: Final = record_of(STREAM_STATE_FIELDS)

BUFFER_FIELDS: Final = (
    Field("shared_granules", "1", "granules of it that are shared for its transfers"),
    Field("uses", "1", "transfers that have used it since it was shared"),
    Field("given_ns", "ns", "instant at which it was last given back"),
    Field("is_busy", "", "whether it is free, IN_USE by a transfer or what restores it, or POSTED"),
    Field("is_closing", "", "whether it is about to be made private"),
    Field("mapped_bytes", "B", "size of its mapping into bounce slots"),
    Field("mapped_pieces", "1", "pieces of that mapping"),
    Field("cpu_ns", "ns", "CPU time of guest and host spent on it between transfers", (2,)),
    Field("copied_bytes", "B", "bytes copied between transfers, by copier", (3,)),
    Field("exits", "1", "exits taken between transfers"),
    Field("conversions", "1", "granules converted between transfers"),
    Field("converted_pages", "page", "pages converted between transfers"),
    Field("touched", "", "epoch in which a CPU touched each end of its copies last, or NEVER", (ENDS,)),
    Field("cached_bytes", "B", "how much of each it touched", (ENDS,)),
    Field("dirty", "1/1024", "how much of that the cache has yet to write back", (ENDS,)),
)
BUFFER: Final = record_of(BUFFER_FIELDS)
"""A buffer of a stream: how it is shared and mapped, and the work on it that its next transfer will answer for."""

SERVER_STATE_FIELDS: Final = (
    Field("held", "1", "how much of it is held"),
    Field("busy_ns", "ns", "held amounts over time, up to `changed_ns`"),
    Field("changed_ns", "ns", "instant of its last change"),
    Field("free_ns", "ns", "instant at which a card or link is through with what has come"),
    Field("last_stream", "", "of an area's lock: stream that took it last, or NOBODY"),
)
SERVER_STATE: Final = record_of(SERVER_STATE_FIELDS)

WAIT_QUEUE_FIELDS: Final = (
    Field("first", "", "transfer that has waited longest, or NOBODY"),
    Field("last", "", "transfer that came last"),
)
WAIT_QUEUE: Final = record_of(WAIT_QUEUE_FIELDS)
"""A wait queue: one a server, then one a stream for its buffers, for what was refused slots, for held interrupts."""

GUEST_STATE_FIELDS: Final = (
    Field("shared_pages", "page", "pages shared now"),
    Field("shared_page_ns", "page·ns", "shared pages over time, up to `changed_ns`"),
    Field("changed_ns", "ns", "instant of the last change"),
    Field("conversion_calls", "1", "conversion calls"),
    Field("lost_pages", "page", "pages whose content a conversion destroyed"),
    Field("refusals", "1", "conversions that pins refused"),
    Field("shootdowns", "1", "how often conversions have interrupted its other vCPUs"),
    Field("left_shared_pages", "page", "pages that its transfers converted and have not yet made private again"),
    Field("deferred_pages", "page", "pages whose conversion was put off until the last pin was gone"),
    Field("exposed_pages", "page", "pages of the guest's own data that the host could read"),
    Field("leaked_pages", "page", "pages of the guest's own data that the host has read"),
    Field("orphaned_pages", "page", "pages that left the file while pins held them"),
    Field("split", "1", "huge pages split now"),
    Field("split_ns", "1·ns", "split huge pages over time, up to `changed_ns`"),
    Field("splits", "1", "huge pages split"),
    Field("merges", "1", "huge pages merged"),
    Field("broken_leaves", "1", "huge stage-2 leaves broken"),
    Field("leaves_at_boot", "1", "huge stage-2 leaves that mapped it at its start"),
    Field("died_ns", "ns", "instant at which it was gone, or ALIVE"),
    Field("died_of", "", "outcome that it died of (Outcome)"),
    Field("end_reason", "", "what its transfers are dropped for once it is gone (DropReason)"),
    Field("polled_ns", "ns", "how long the host polled for it"),
    Field("unmapped_buffers", "1", "buffers that found no slots at the start"),
    Field("grow_page", "", "I/O page where the next dynamic pool lies"),
    Field("grows_at_ns", "ns", "instant at which a dynamic pool under way is there, or NOT_GROWING"),
    Field("grown_pages", "page", "pages of dynamic pools"),
)
GUEST_STATE: Final = record_of(GUEST_STATE_FIELDS)

TRANSFER_FIELDS: Final = (
    Field("phase", "", "FREE, RUNNING, WAITING, TIMED, SHARING or DONE"),
    Field("step", "", "step at which it stands"),
    Field("stream", "", "its stream"),
    Field("started_ns", "ns", "instant at which its step began"),
    Field("alone_ns", "ns", "what its step on a shared resource would take alone"),
    Field("demand", "", "what that step asks of the resource: MB/s, or millionths of a lock"),
    Field("start_clock", "ns/1024", "the resource's clock when that step began"),
    Field("buffer", "", "its buffer among the host's, or NOBODY"),
    Field("next", "", "transfer behind it in a wait queue"),
    Field("bytes", "B", "its size"),
    Field("tag", "", "what its data is called in pages"),
    Field("staged", "", "tag of the data in its bounce slots"),
    Field("frame", "", "frame, request or range of the stream"),
    Field("direction", "", "which way it goes (Direction)"),
    Field("is_background", "", "whether it is no transfer but work between transfers"),
    Field("part", "", "part of a request for a file at which it is, from 0 on"),
    Field("whole_bytes", "B", "of all parts of such a request; `bytes` is then that of one"),
    Field("seen_shootdowns", "1", "the guest's shootdowns up to when it got its vCPU, and its own since"),
    Field("turns_left", "1", "mappings still to make or undo, each under a taking of the area's lock"),
    Field("is_throttled", "", "whether it is the one that may map while swiotlb is nearly full"),
    Field("range_page", "", "first I/O page of what it converted last"),
    Field("range_pages", "page", "pages of what it converted last"),
    Field("held", "", "a bit for each of the host's resources that it holds"),
    Field("origin_ns", "ns", "instant at which the data first set out"),
    Field("submitted_ns", "ns", "instant at which it was submitted"),
    Field("deadline_ns", "ns", "instant after which it is late"),
    Field("handed_ns", "ns", "instant at which whom it was for had it, or NOT_HANDED"),
    Field("ended_ns", "ns", "instant at which it ended"),
    Field("outcome", "", "how it ended (Ending)"),
    Field("reason", "", "what it was dropped for (DropReason)"),
    Field("is_intact", "", "whether every reader found its data"),
    Field("conversions", "1", "granules converted"),
    Field("converted_pages", "page", "pages converted"),
    Field("exits", "1", "exits from the guest"),
    Field("cpu_ns", "ns", "CPU time of guest and host", (2,)),
    Field("copied_bytes", "B", "bytes copied, by copier", (COPIERS,)),
    Field("found", "1/1024", "what its last copy by a CPU found in the cache (FOUND)", (FOUND,)),
    Field("counts", "1", "what prices multiply with (Count)", (COUNT_COUNT,)),
    Field("ledger", "ns", "time booked to each category", (CATEGORY_COUNT,)),
)
TRANSFER: Final = record_of(TRANSFER_FIELDS)
"""A transfer in flight, or ended and not yet read out; rows are used again."""

MESSAGE_FIELDS: Final = (
    Field("stream", "", "the sender's stream"),
    Field("frame", "", "its frame"),
    Field("bytes", "B", "its size"),
    Field("at_ns", "ns", "instant at which it arrives"),
    Field("deadline_ns", "ns", "instant after which it is late"),
    Field("origin_ns", "ns", "instant at which the data first set out"),
)
MESSAGE: Final = record_of(MESSAGE_FIELDS)
"""What is on its way to another host."""

HEARD_FIELDS: Final = (
    Field("stream", "", "the stream"),
    Field("frame", "", "frame or request of the stream"),
    Field("ended_ns", "ns", "instant at which it ended"),
    Field("outcome", "", "how it ended (Ending)"),
)
HEARD: Final = record_of(HEARD_FIELDS)
"""What a stream's software is told of a transfer that has ended."""

JOURNAL_FIELDS: Final = (
    Field("transfer", "", "row of the transfer"),
    Field("step", "", "the step"),
    Field("category", "", "ledger category (Category)"),
    Field("started_ns", "ns", "instant at which it began"),
    Field("spent_ns", "ns", "what it took"),
    Field("buffer", "", "buffer of the transfer, or NOBODY"),
    Field("bytes", "B", "size of the transfer, or of its part"),
    Field("found", "1/1024", "what the transfer's last copy by a CPU found in the cache (FOUND)", (FOUND,)),
    Field("counts", "1", "counts that it was priced with", (COUNT_COUNT,)),
)
JOURNAL: Final = record_of(JOURNAL_FIELDS)
"""A step that took time, kept only when asked for."""

CURSOR_FIELDS: Final = (
    Field("sequence", "", "last sequence number given"),
    Field("timers", "1", "entries of the heap of timed steps"),
    Field("free", "1", "free rows of transfers"),
    Field("ready_first", "", "first entry of the ring of transfers that are ready"),
    Field("ready", "1", "transfers that are ready to go on"),
    Field("done", "1", "transfers that have ended and are not read out"),
    Field("journal", "1", "entries of the journal"),
    Field("holds", "1", "entries of the heap of pins, growing pools, delayed queue runs and interrupts that wait"),
    Field("messages", "1", "messages not taken"),
    Field("keys", "1", "latencies not taken"),
    Field("heard", "1", "notes to software not taken"),
    Field("now_ns", "ns", "instant of the last event"),
    Field("next_ns", "ns", "instant of the next event that is known of"),
    Field("shared_ns", "ns", "instant at which the next job on a shared resource ends"),
    Field("quiet_ns", "ns", "instant of the next arrival, or the last before the end"),
    Field("is_starved", "", "whether the loop stopped for want of room"),
    Field("ended_guests", "1", "guests that are gone"),
)
CURSOR: Final = record_of(CURSOR_FIELDS)
"""The loop's own scalars."""


@by_reference
class Lists(NamedTuple):
    """Rows of transfers that are free (a stack), ready to go on (a ring), done (a list)."""

    free: Int32s
    ready: Int32s
    done: Int32s


@by_reference
class HostState(NamedTuple):
    """State of one host.

    `ring` holds the free buffers of each stream and `posted` those that are ready, `slots` the bounce addresses of each
    buffer, `jobs` the jobs of the shared resources, `messages` what goes to other hosts, `sums` what has ended by
    stream and field, `keys` latencies of what was delivered (engine/stream_sums.py), `heard` what software is told.
    `cache` is the last-level cache, `slot_sets` what it has had of bounce slots. `holds` is a heap of buffers that
    others pin; `held_until_ns` (0: not held), `held_pages` and `pin_waiters` have an entry a buffer.
    """

    streams: Records
    servers: Records
    guests: Records
    wait_queues: Records
    ring: Int32s
    posted: Int32s
    buffers: Records
    slots: Int64s
    transfers: Records
    timers: Records
    shares: Records
    jobs: Records
    journal: Records
    cursor: Records
    lists: Lists
    messages: Records
    tree: PageTree
    pools: Swiotlb
    cache: Records
    slot_sets: Records
    holds: Records
    held_until_ns: Int64s
    held_pages: Int64s
    pin_waiters: Int64s
    scratch: Int64s
    sums: Int64s
    keys: Int64s
    heard: Records
