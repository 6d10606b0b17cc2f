"""Buffers between transfers: which stay shared, which are posted before anything comes, what is done in the background.

Work on a buffer that lies outside every transfer's latency is no transfer: it has a row and takes steps, CPUs and locks
as transfers do, and when it gives the buffer away, what it took is left with the buffer. The next transfer that gets
the buffer answers for it, in its CPU time, copies, exits and conversions, not in its latency.
"""

from typing import Protocol

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.heap import push
from cluster_sim.engine.host_state import COPIERS
from cluster_sim.engine.state import IN_USE, NOBODY, POSTED, TIMED, Host
from cluster_sim.engine.transfers import forget, new_transfer
from cluster_sim.engine.wait_queues import around, make_ready
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import Count


class Worked(Protocol):
    """A row of a transfer or a buffer: what it must answer for."""

    cpu_ns: Int64s
    copied_bytes: Int64s
    exits: int
    conversions: int
    converted_pages: int


@compiled
def batch_of(host: Host, stream_number: int, buffer: int) -> tuple[int, int]:
    """The buffers [first, end) that convert together with one of a stream's."""
    stream = host.spec.streams[stream_number]
    if stream.batch == 1:
        return int(buffer), int(buffer) + 1
    first = buffer - (buffer - stream.first_buffer) % stream.batch
    return int(first), int(min(first + stream.batch, stream.first_buffer + stream.buffers))


@compiled
def is_shared(host: Host, transfer: int) -> bool:
    """Whether all that a transfer needs of its buffer is shared already."""
    row = host.state.transfers[transfer]
    return bool(host.state.buffers[row.buffer].shared_granules >= row.counts[Count.GRANULES])


@compiled
def stays_shared(host: Host, transfer: int, now_ns: int) -> bool:
    """Whether a buffer stays shared behind a transfer; if not, all that convert with it are closed to others."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.state.guests[stream.guest]
    host.state.buffers[row.buffer].uses += 1
    first, end = batch_of(host, row.stream, row.buffer)
    is_over_most = stream.keep_most_pages > 0 and guest.left_shared_pages > stream.keep_most_pages
    for buffer in range(first, end):
        other = host.state.buffers[buffer]
        is_used_up = stream.keep_uses > 0 and other.uses >= stream.keep_uses
        if (other.is_busy and buffer != row.buffer) or not (is_used_up or is_over_most):
            start_reaping(host, transfer, now_ns)
            return True
    close(host, first, end)
    return False


@compiled
def close(host: Host, first: int, end: int) -> None:
    """Buffers [first, end) are about to convert: no transfer may take them until they have."""
    for buffer in range(first, end):
        host.state.buffers[buffer].is_closing = 1


@compiled
def close_if_private(host: Host, stream_number: int, buffer: int) -> None:
    """Who has got a buffer that is not shared yet will share all that convert with it."""
    if host.spec.streams[stream_number].batch > 1 and host.state.buffers[buffer].shared_granules == 0:
        first, end = batch_of(host, stream_number, buffer)
        close(host, first, end)


@compiled
def open_batch(host: Host, transfer: int) -> None:
    """All buffers that convert together have done so."""
    row = host.state.transfers[transfer]
    first, end = batch_of(host, row.stream, row.buffer)
    for buffer in range(first, end):
        host.state.buffers[buffer].is_closing = 0


@compiled
def set_shared(host: Host, first: int, end: int, granules: int) -> None:
    """Buffers [first, end) have so many granules shared now, each."""
    for buffer in range(first, end):
        state = host.state.buffers[buffer]
        state.shared_granules = granules
        state.uses = 0 if granules == 0 else state.uses


@compiled
def start_background(host: Host, stream_number: int, direction: int, buffer: int, entry: int, now_ns: int) -> None:
    """Begin work between transfers at a step, on a buffer or on none yet."""
    stream = host.spec.streams[stream_number]
    row_number = new_transfer(host, stream_number, 0, stream.buffer_bytes, direction, now_ns, now_ns, now_ns)
    row = host.state.transfers[row_number]
    row.is_background = 1
    row.step = entry
    row.buffer = buffer
    make_ready(host, row_number)


@compiled
def restore_later(host: Host, transfer: int, now_ns: int) -> None:
    """Leave a transfer's buffer to work that follows its delivery; what the transfer was counted by goes with it."""
    row = host.state.transfers[transfer]
    entry = host.spec.streams[row.stream].restore[row.direction]
    start_background(host, row.stream, row.direction, row.buffer, entry, now_ns)
    row.buffer = NOBODY


@compiled
def refill(host: Host, transfer: int, now_ns: int) -> None:
    """Begin to post one more free buffer, if fewer are or will be posted than should be."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    moving = host.state.streams[row.stream]
    if stream.posts == 0 or moving.posted_buffers + moving.posting >= stream.posts:
        return
    buffer = take_any(host, row.stream)
    if buffer == NOBODY:
        return
    moving.posting += 1
    start_background(host, row.stream, row.direction, buffer, stream.post[row.direction], now_ns)


@compiled
def put_posted(host: Host, stream_number: int, buffer: int) -> None:
    """Put a buffer at the end of its stream's ring of posted ones."""
    spec, moving = host.spec.streams[stream_number], host.state.streams[stream_number]
    at = around(moving.posted_first + moving.posted_buffers, spec.buffers)
    host.state.posted[spec.first_buffer + at] = buffer
    host.state.buffers[buffer].is_busy = POSTED
    moving.posted_buffers += 1


@compiled
def take_posted(host: Host, stream_number: int) -> int:
    """The buffer that has been posted longest, or NOBODY."""
    spec, moving = host.spec.streams[stream_number], host.state.streams[stream_number]
    if moving.posted_buffers == 0:
        return NOBODY
    buffer = int(host.state.posted[spec.first_buffer + moving.posted_first])
    host.state.buffers[buffer].is_busy = IN_USE
    moving.posted_first = around(moving.posted_first + 1, spec.buffers)
    moving.posted_buffers -= 1
    return buffer


@compiled
def take_any(host: Host, stream_number: int) -> int:
    """A free buffer, or NOBODY: one that is shared and not used up where buffers are kept, else the longest free."""
    spec, moving = host.spec.streams[stream_number], host.state.streams[stream_number]
    if not (spec.may_stay_shared or spec.batch > 1):
        return take_at(host, stream_number, 0) if moving.free_buffers > 0 else NOBODY
    position = NOBODY
    for i in range(moving.free_buffers):
        state = host.state.buffers[ring_at(host, stream_number, i)]
        if state.is_closing:
            continue
        if state.shared_granules > 0 and (spec.keep_uses == 0 or state.uses < spec.keep_uses):
            return take_at(host, stream_number, i)
        if position == NOBODY:
            position = i
    return NOBODY if position == NOBODY else take_at(host, stream_number, position)


@compiled
def ring_at(host: Host, stream_number: int, position: int) -> int:
    """The free buffer at a position of a stream's ring, 0 for the one that has been free longest."""
    spec, moving = host.spec.streams[stream_number], host.state.streams[stream_number]
    return int(host.state.ring[spec.first_buffer + around(moving.ring_first + position, spec.buffers)])


@compiled
def take_at(host: Host, stream_number: int, position: int) -> int:
    """Take the free buffer at a position of a stream's ring; those before it keep their order."""
    spec, moving = host.spec.streams[stream_number], host.state.streams[stream_number]
    taken = ring_at(host, stream_number, position)
    for i in range(position, 0, -1):
        at = spec.first_buffer + around(moving.ring_first + i, spec.buffers)
        host.state.ring[at] = ring_at(host, stream_number, i - 1)
    moving.ring_first = around(moving.ring_first + 1, spec.buffers)
    moving.free_buffers -= 1
    host.state.buffers[taken].is_busy = IN_USE
    close_if_private(host, stream_number, taken)
    return taken


@compiled
def pass_on_work(giver: Worked, taker: Worked) -> None:
    """Let one row or buffer answer for what another took; the other has taken nothing then."""
    for k in range(2):
        taker.cpu_ns[k] += giver.cpu_ns[k]
        giver.cpu_ns[k] = 0
    for k in range(COPIERS):
        taker.copied_bytes[k] += giver.copied_bytes[k]
        giver.copied_bytes[k] = 0
    taker.exits += giver.exits
    taker.conversions += giver.conversions
    taker.converted_pages += giver.converted_pages
    giver.exits = giver.conversions = giver.converted_pages = 0


@compiled
def leave_with_buffer(host: Host, transfer: int) -> None:
    """Leave with a buffer what work between transfers took for it."""
    row = host.state.transfers[transfer]
    pass_on_work(row, host.state.buffers[row.buffer])


@compiled
def answer_for(host: Host, transfer: int) -> None:
    """A transfer that got a buffer answers for the work that was done on it between transfers."""
    row = host.state.transfers[transfer]
    pass_on_work(host.state.buffers[row.buffer], row)


@compiled
def start_reaping(host: Host, transfer: int, now_ns: int) -> None:
    """See to it that somebody looks for buffers that lie unused for long, where they may not."""
    row = host.state.transfers[transfer]
    stream, moving = host.spec.streams[row.stream], host.state.streams[row.stream]
    if stream.keep_idle_ns == 0 or moving.is_reaping:
        return
    moving.is_reaping = 1
    start_background(host, row.stream, row.direction, NOBODY, stream.reap[row.direction], now_ns)


@compiled
def unused_since_ns(host: Host, stream_number: int, buffer: int) -> int:
    """Since when all buffers that convert with one are unused; NOBODY where one is in use, or they are not shared."""
    first, end = batch_of(host, stream_number, buffer)
    since_ns = 0
    for other in range(first, end):
        state = host.state.buffers[other]
        if state.is_busy or state.is_closing or state.shared_granules == 0:
            return NOBODY
        since_ns = max(since_ns, state.given_ns)
    return since_ns


@compiled
def is_any_in_use(host: Host, stream_number: int) -> bool:
    """Whether any shared buffer of a stream is in use; one that is posted waits for what comes, and is not."""
    stream = host.spec.streams[stream_number]
    for buffer in range(stream.first_buffer, stream.first_buffer + stream.buffers):
        state = host.state.buffers[buffer]
        if state.shared_granules > 0 and state.is_busy == IN_USE:
            return True
    return False


@compiled
def rest(host: Host, transfer: int, now_ns: int) -> bool:
    """Find a buffer that has lain unused too long and go on with it; False where it waits for one, or stops."""
    row = host.state.transfers[transfer]
    moving, idle_ns = host.state.streams[row.stream], host.spec.streams[row.stream].keep_idle_ns
    soonest_ns, chosen = NOBODY, NOBODY
    for i in range(moving.free_buffers):
        since_ns = unused_since_ns(host, row.stream, ring_at(host, row.stream, i))
        if since_ns != NOBODY and (chosen == NOBODY or since_ns < soonest_ns):
            soonest_ns, chosen = since_ns, i
    if chosen == NOBODY and not is_any_in_use(host, row.stream):
        moving.is_reaping = 0
        forget(host, transfer)
        return False
    due_ns = now_ns + idle_ns if chosen == NOBODY else soonest_ns + idle_ns
    if due_ns > now_ns:
        sleep_until(host, transfer, due_ns)
        return False
    row.buffer = take_at(host, row.stream, chosen)
    first, end = batch_of(host, row.stream, row.buffer)
    close(host, first, end)
    return True


@compiled
def sleep_until(host: Host, transfer: int, due_ns: int) -> None:
    """Come back to the same step at a time."""
    cursor = host.state.cursor[0]
    cursor.sequence += 1
    push(host.state.timers, cursor.timers, due_ns, cursor.sequence, transfer)
    cursor.timers += 1
    host.state.transfers[transfer].phase = TIMED
