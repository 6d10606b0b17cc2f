"""Wait queues, servers and what goes on now: first come, first served."""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.state import NOBODY, Host


@inlined
def around(position: int, length: int) -> int:
    """A position in a ring, at most once around; a division would take longer than all else."""
    return position if position < length else position - length


@inlined
def make_ready(host: Host, transfer: int) -> None:
    """Put a transfer on the list of those that go on at this instant."""
    cursor = host.state.cursor[0]
    host.state.lists.ready[around(cursor.ready_first + cursor.ready, len(host.state.lists.ready))] = transfer
    cursor.ready += 1


@inlined
def next_ready(host: Host) -> int:
    """Take the transfer that has been ready longest."""
    cursor = host.state.cursor[0]
    transfer = int(host.state.lists.ready[cursor.ready_first])
    cursor.ready_first = around(cursor.ready_first + 1, len(host.state.lists.ready))
    cursor.ready -= 1
    return transfer


@compiled
def enqueue(host: Host, wait_queue: int, transfer: int) -> None:
    """Wait at the end of a wait queue."""
    ends = host.state.wait_queues[wait_queue]
    host.state.transfers[transfer].next = NOBODY
    if ends.first == NOBODY:
        ends.first = transfer
    else:
        host.state.transfers[ends.last].next = transfer
    ends.last = transfer


@compiled
def enqueue_first(host: Host, wait_queue: int, transfer: int) -> None:
    """Wait in front of all others of a wait queue."""
    ends = host.state.wait_queues[wait_queue]
    host.state.transfers[transfer].next = ends.first
    if ends.first == NOBODY:
        ends.last = transfer
    ends.first = transfer


@compiled
def dequeue(host: Host, wait_queue: int) -> int:
    """Take the first of a wait queue, or NOBODY."""
    ends = host.state.wait_queues[wait_queue]
    transfer = int(ends.first)
    if transfer != NOBODY:
        ends.first = host.state.transfers[transfer].next
    return transfer


@inlined
def is_polling(host: Host, server: int, now_ns: int) -> bool:
    """Whether a server that holds nothing has not gone to sleep yet."""
    return bool(now_ns - host.state.servers[server].changed_ns < host.spec.servers[server].polls_ns)


@inlined
def hold(host: Host, server: int, change: int, now_ns: int) -> None:
    """Add `change` holders, and book the server's busy time so far."""
    row = host.state.servers[server]
    row.busy_ns += row.held * (now_ns - row.changed_ns)
    row.changed_ns = now_ns
    row.held += change
    assert 0 <= row.held <= host.spec.servers[server].capacity
