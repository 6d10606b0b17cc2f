"""Waiting for servers and buffers: who must wait, who goes on when something is let go."""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.booking import book, book_step, price
from cluster_sim.engine.state import DROP_NEWEST, DROP_OLDEST, NOBODY, WAITING, Host
from cluster_sim.engine.transfers import finish
from cluster_sim.engine.wait_queues import around, dequeue, enqueue, hold, is_polling, make_ready
from cluster_sim.io_paths.steps import OF_HOST, WHOLE, Count
from cluster_sim.results.endings import DropReason, Ending

FIRST_OF_HOST = min(int(resource) for resource in OF_HOST)


@compiled
def wait(host: Host, transfer: int, now_ns: int, wait_queue: int) -> None:
    """Wait in a wait queue."""
    row = host.transfers[transfer]
    row.started_ns = now_ns
    row.phase = WAITING
    enqueue(host, wait_queue, transfer)


@compiled
def resume_first(host: Host, wait_queue: int, now_ns: int) -> int:
    """End the wait of the first of a wait queue and let it go on; the transfer, or NOBODY."""
    transfer = dequeue(host, wait_queue)
    if transfer != NOBODY:
        book_step(host, transfer, now_ns)
        counts = host.transfers[transfer].counts
        counts[Count.WAKES] = 0
        counts[Count.HANDED] = 1
        make_ready(host, transfer)
    return transfer


@inlined
def amount_of(host: Host, server: int, step: int) -> int:
    """How much of a server an acquisition or release takes."""
    amount = host.steps[step].argument
    return int(host.servers[server].capacity if amount == WHOLE else amount)


@inlined
def note_held(host: Host, transfer: int, resource: int, is_held: int) -> None:
    """Keep in mind which of the host's resources a transfer holds."""
    if resource >= FIRST_OF_HOST:
        bit = 1 << resource
        row = host.transfers[transfer]
        row.held = row.held | bit if is_held else row.held & ~bit


@inlined
def acquire(host: Host, transfer: int, now_ns: int) -> bool:
    """Hold a resource, or wait behind those who came first; False when the transfer waits."""
    row = host.transfers[transfer]
    step = host.steps[row.step]
    server = host.streams[row.stream].servers[step.resource]
    amount = amount_of(host, server, row.step)
    is_free = host.servers[server].held + amount <= host.servers[server].capacity
    if not is_free or host.wait_queues[server].first != NOBODY:
        wait(host, transfer, now_ns, server)
        return False
    row.counts[Count.WAKES] = 0 if is_polling(host, server, now_ns) else 1
    row.counts[Count.HANDED] = 0
    if host.servers[server].polls_ns > 0:
        idle_ns = now_ns - host.servers[server].changed_ns
        host.guests[host.streams[row.stream].guest].polled_ns += min(idle_ns, host.servers[server].polls_ns)
    hold(host.servers, server, amount, now_ns)
    note_held(host, transfer, step.resource, 1)
    return True


@compiled
def release(host: Host, server: int, amount: int, now_ns: int) -> None:
    """Let an amount of a server go to those who wait first, as far as it suffices."""
    hold(host.servers, server, -amount, now_ns)
    while host.wait_queues[server].first != NOBODY:
        first = host.wait_queues[server].first
        step = host.transfers[first].step
        wanted = amount_of(host, server, step)
        if host.servers[server].held + wanted > host.servers[server].capacity:
            return
        hold(host.servers, server, wanted, now_ns)
        note_held(host, first, host.steps[step].resource, 1)
        resume_first(host, server, now_ns)


@inlined
def take_buffer(host: Host, transfer: int, now_ns: int) -> bool:
    """Take a buffer, or wait for one, or be dropped; False when the transfer does not go on now."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    if stream.usable_buffers == 0:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.SWIOTLB_FULL)
        return False
    if stream.blocked_until_ns > now_ns:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.RING_EMPTY)
        return False
    row.buffer = take_free_buffer(host, row.stream)
    row.counts[Count.WAITED] = 0
    if row.buffer != NOBODY:
        return True
    if stream.when_full == DROP_NEWEST:
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.NO_BUFFER)
        return False
    wait_queue = len(host.servers) + row.stream
    if stream.when_full == DROP_OLDEST:
        stale = dequeue(host, wait_queue)
        if stale != NOBODY:
            book(host, stale, host.steps[host.transfers[stale].step].category, now_ns, waited_ns(host, stale, now_ns))
            finish(host, stale, now_ns, Ending.DROPPED, DropReason.REPLACED)
    wait(host, transfer, now_ns, wait_queue)
    return False


@compiled
def waited_ns(host: Host, transfer: int, now_ns: int) -> int:
    """How long a transfer has been where it is."""
    return int(now_ns - host.transfers[transfer].started_ns)


@inlined
def give_buffer(host: Host, transfer: int, now_ns: int) -> None:
    """Give the buffer to the stream's first waiter, else back to its ring."""
    row = host.transfers[transfer]
    follower = resume_first(host, len(host.servers) + row.stream, now_ns)
    if follower == NOBODY:
        put_free_buffer(host, row.stream, row.buffer)
    else:
        host.transfers[follower].buffer = row.buffer
        host.transfers[follower].counts[Count.WAITED] = 1


@compiled
def refill_later(host: Host, transfer: int, now_ns: int) -> None:
    """A ring of which no buffer is in use is filled again later; what comes before finds none."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    if stream.free_buffers == stream.usable_buffers - 1:
        stream.blocked_until_ns = now_ns + price(host, transfer, row.step)


@compiled
def take_free_buffer(host: Host, stream: int) -> int:
    """The stream's buffer that has been free longest, or NOBODY."""
    row = host.streams[stream]
    if row.free_buffers == 0:
        return NOBODY
    buffer = int(host.ring[row.first_buffer + row.ring_first])
    row.ring_first = around(row.ring_first + 1, row.buffers)
    row.free_buffers -= 1
    return buffer


@compiled
def put_free_buffer(host: Host, stream: int, buffer: int) -> None:
    """Give a buffer back to its stream."""
    row = host.streams[stream]
    assert row.free_buffers < row.buffers
    host.ring[row.first_buffer + around(row.ring_first + row.free_buffers, row.buffers)] = buffer
    row.free_buffers += 1
