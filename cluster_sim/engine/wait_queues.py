"""Waiting lines, servers and what goes on now: first come, first served."""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.state import NOBODY, Host

Records = npt.NDArray[np.void]


@inlined
def around(place: int, places: int) -> int:
    """A place in a ring, at most once around; a division would take longer than all else."""
    return place if place < places else place - places


@inlined
def make_ready(host: Host, transfer: int) -> None:
    """Put a transfer on the list of those that go on at this instant."""
    cursor = host.cursor[0]
    host.lists.ready[around(cursor.ready_first + cursor.ready, len(host.lists.ready))] = transfer
    cursor.ready += 1


@inlined
def next_ready(host: Host) -> int:
    """Take the transfer that has been ready longest."""
    cursor = host.cursor[0]
    transfer = int(host.lists.ready[cursor.ready_first])
    cursor.ready_first = around(cursor.ready_first + 1, len(host.lists.ready))
    cursor.ready -= 1
    return transfer


@compiled
def join_line(host: Host, line: int, transfer: int) -> None:
    """Wait at the end of a line."""
    ends = host.lines[line]
    host.transfers[transfer].next = NOBODY
    if ends.first == NOBODY:
        ends.first = transfer
    else:
        host.transfers[ends.last].next = transfer
    ends.last = transfer


@compiled
def leave_line(host: Host, line: int) -> int:
    """Take the first of a line, or NOBODY."""
    ends = host.lines[line]
    transfer = int(ends.first)
    if transfer != NOBODY:
        ends.first = host.transfers[transfer].next
    return transfer


@inlined
def is_polling(host: Host, server: int, now_ns: int) -> bool:
    """Whether a server that holds nothing has not gone to sleep yet."""
    row = host.servers[server]
    return bool(now_ns - row.changed_ns < row.polls_ns)


@inlined
def hold(servers: Records, server: int, change: int, now_ns: int) -> None:
    """Add `change` holders, and book the server's busy time so far."""
    row = servers[server]
    row.busy_ns += row.held * (now_ns - row.changed_ns)
    row.changed_ns = now_ns
    row.held += change
    assert 0 <= row.held <= row.capacity
