"""Waiting for servers and buffers: who must wait, who goes on when something is let go."""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.booking import book, book_step, price
from cluster_sim.engine.buffer_life import (
    answer_for,
    close_if_private,
    leave_with_buffer,
    put_posted,
    refill,
    take_any,
    take_posted,
)
from cluster_sim.engine.state import DROP_NEWEST, DROP_OLDEST, IN_USE, NOBODY, WAITING, Host
from cluster_sim.engine.transfers import finish, forget
from cluster_sim.engine.wait_queues import around, dequeue, enqueue, hold, is_polling, make_ready
from cluster_sim.io_paths.steps import OF_HOST, WHOLE, Count
from cluster_sim.results.endings import DropReason, Ending

FIRST_OF_HOST = min(int(resource) for resource in OF_HOST)


@compiled
def wait(host: Host, transfer: int, now_ns: int, wait_queue: int) -> None:
    """Wait in a wait queue."""
    row = host.state.transfers[transfer]
    row.started_ns = now_ns
    row.phase = WAITING
    enqueue(host, wait_queue, transfer)


@compiled
def resume_first(host: Host, wait_queue: int, now_ns: int) -> int:
    """End the wait of the first of a wait queue and let it go on; the transfer, or NOBODY."""
    transfer = dequeue(host, wait_queue)
    if transfer != NOBODY:
        book_step(host, transfer, now_ns)
        counts = host.state.transfers[transfer].counts
        counts[Count.WAKES] = 0
        counts[Count.HANDED] = 1
        make_ready(host, transfer)
    return transfer


@inlined
def amount_of(host: Host, server: int, step: int) -> int:
    """How much of a server an acquisition or release takes."""
    amount = host.spec.steps[step].argument
    return int(host.spec.servers[server].capacity if amount == WHOLE else amount)


@inlined
def note_held(host: Host, transfer: int, resource: int, is_held: int) -> None:
    """Keep in mind which of the host's resources a transfer holds."""
    if resource >= FIRST_OF_HOST:
        bit = 1 << resource
        row = host.state.transfers[transfer]
        row.held = row.held | bit if is_held else row.held & ~bit


@inlined
def acquire(host: Host, transfer: int, now_ns: int) -> bool:
    """Hold a resource, or wait behind those who came first; False when the transfer waits."""
    row = host.state.transfers[transfer]
    step = host.spec.steps[row.step]
    server = host.spec.streams[row.stream].servers[step.resource]
    amount = amount_of(host, server, row.step)
    is_free = host.state.servers[server].held + amount <= host.spec.servers[server].capacity
    if not is_free or host.state.wait_queues[server].first != NOBODY:
        wait(host, transfer, now_ns, server)
        return False
    row.counts[Count.WAKES] = 0 if is_polling(host, server, now_ns) else 1
    row.counts[Count.HANDED] = 0
    polls_ns = host.spec.servers[server].polls_ns
    if polls_ns > 0:
        idle_ns = now_ns - host.state.servers[server].changed_ns
        host.state.guests[host.spec.streams[row.stream].guest].polled_ns += min(idle_ns, polls_ns)
    hold(host, server, amount, now_ns)
    note_held(host, transfer, step.resource, 1)
    return True


@compiled
def release(host: Host, server: int, amount: int, now_ns: int) -> None:
    """Let an amount of a server go to those who wait first, as far as it suffices."""
    hold(host, server, -amount, now_ns)
    while host.state.wait_queues[server].first != NOBODY:
        first = host.state.wait_queues[server].first
        step = host.state.transfers[first].step
        wanted = amount_of(host, server, step)
        if host.state.servers[server].held + wanted > host.spec.servers[server].capacity:
            return
        hold(host, server, wanted, now_ns)
        note_held(host, first, host.spec.steps[step].resource, 1)
        resume_first(host, server, now_ns)


@inlined
def take_buffer(host: Host, transfer: int, now_ns: int) -> bool:
    """Take a buffer, or wait for one, or be dropped; False when the transfer does not go on now."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    moving = host.state.streams[row.stream]
    if moving.usable_buffers == 0:
        finish(host, transfer, now_ns, Ending.DROPPED, moving.unusable_reason)
        return False
    if moving.blocked_until_ns > now_ns:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.RING_EMPTY)
        return False
    is_posted = host.spec.steps[row.step].argument == 1
    row.buffer = take_posted(host, row.stream) if is_posted else take_any(host, row.stream)
    row.counts[Count.WAITED] = 0
    if is_posted:
        refill(host, transfer, now_ns)
    if row.buffer != NOBODY:
        if stream.is_tended:
            answer_for(host, transfer)
        return True
    if is_posted and moving.is_pool_full:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.SWIOTLB_FULL)
        return False
    if stream.when_full == DROP_NEWEST:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.NO_BUFFER)
        return False
    wait_queue = len(host.state.servers) + row.stream
    if stream.when_full == DROP_OLDEST:
        stale = dequeue(host, wait_queue)
        if stale != NOBODY:
            book(
                host,
                stale,
                host.spec.steps[host.state.transfers[stale].step].category,
                now_ns,
                waited_ns(host, stale, now_ns),
            )
            finish(host, stale, now_ns, Ending.DROPPED, DropReason.REPLACED)
    wait(host, transfer, now_ns, wait_queue)
    return False


@compiled
def waited_ns(host: Host, transfer: int, now_ns: int) -> int:
    """How long a transfer has been where it is."""
    return int(now_ns - host.state.transfers[transfer].started_ns)


@inlined
def give_buffer(host: Host, transfer: int, now_ns: int) -> None:
    """Give the buffer to the stream's first waiter, else back to its ring."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if row.is_background:
        leave_with_buffer(host, transfer)
    host.state.buffers[row.buffer].given_ns = now_ns
    if stream.posts > 0 or not hand_on(host, row.stream, row.buffer, now_ns):
        put_free_buffer(host, row.stream, row.buffer)
    elif stream.batch > 1:
        hand_on_others(host, row.stream, now_ns)


@compiled
def hand_on(host: Host, stream_number: int, buffer: int, now_ns: int) -> bool:
    """Give a buffer to the first that waits for one; False where nobody does."""
    follower = resume_first(host, len(host.state.servers) + stream_number, now_ns)
    if follower == NOBODY:
        return False
    host.state.buffers[buffer].is_busy = IN_USE
    close_if_private(host, stream_number, buffer)
    host.state.transfers[follower].buffer = buffer
    host.state.transfers[follower].counts[Count.WAITED] = 1
    if host.spec.streams[stream_number].is_tended:
        answer_for(host, follower)
    return True


@compiled
def ask_again(host: Host, stream_number: int, now_ns: int) -> None:
    """Who waits for a buffer of a stream asks for one again, as if he came now."""
    while host.state.wait_queues[len(host.state.servers) + stream_number].first != NOBODY:
        waiter = resume_first(host, len(host.state.servers) + stream_number, now_ns)
        host.state.transfers[waiter].step -= 1


@compiled
def hand_on_others(host: Host, stream_number: int, now_ns: int) -> None:
    """Buffers of a batch that were closed are open again: who waits may have them."""
    while host.state.wait_queues[len(host.state.servers) + stream_number].first != NOBODY:
        buffer = take_any(host, stream_number)
        if buffer == NOBODY:
            return
        hand_on(host, stream_number, buffer, now_ns)


@compiled
def post_buffer(host: Host, transfer: int, now_ns: int) -> None:
    """A buffer is ready: for the first transfer that waits for one, else it is posted."""
    row, moving = host.state.transfers[transfer], host.state.streams[host.state.transfers[transfer].stream]
    moving.posting -= 1
    moving.is_pool_full = 0
    leave_with_buffer(host, transfer)
    if not hand_on(host, row.stream, row.buffer, now_ns):
        put_posted(host, row.stream, row.buffer)
    refill(host, transfer, now_ns)
    forget(host, transfer)


@compiled
def refill_later(host: Host, transfer: int, now_ns: int) -> None:
    """A ring of which no buffer is in use is filled again later; what comes before finds none."""
    row = host.state.transfers[transfer]
    stream = host.state.streams[row.stream]
    if stream.free_buffers == stream.usable_buffers - 1:
        stream.blocked_until_ns = now_ns + price(host, transfer, row.step)


@compiled
def put_free_buffer(host: Host, stream: int, buffer: int) -> None:
    """Give a buffer back to its stream."""
    spec, state = host.spec.streams[stream], host.state.streams[stream]
    assert state.free_buffers < spec.buffers
    host.state.ring[spec.first_buffer + around(state.ring_first + state.free_buffers, spec.buffers)] = buffer
    state.free_buffers += 1
    host.state.buffers[buffer].is_busy = 0
