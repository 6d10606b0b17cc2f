"""Guests that are gone: killed by a wrong access, or leaving; what becomes of their transfers and what these held."""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.moderation import tell_all
from cluster_sim.engine.state import ALIVE, NOBODY, Host
from cluster_sim.engine.timed_steps import end_pin_wait
from cluster_sim.engine.transfers import finish, forget
from cluster_sim.engine.wait_queues import dequeue, enqueue, hold
from cluster_sim.engine.waiting import FIRST_OF_HOST, note_held, release, resume_first
from cluster_sim.io_paths.steps import Op, Resource
from cluster_sim.results.endings import Ending


@compiled
def abandon(host: Host, transfer: int, now_ns: int) -> None:
    """End a transfer of a guest that is gone; what it holds of the host goes to others."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if host.spec.steps[row.step].op == Op.THINK:
        forget(host, transfer)
        return
    let_go(host, transfer, now_ns)
    if row.is_background:
        forget(host, transfer)
        return
    finish(host, transfer, now_ns, Ending.DROPPED, host.state.guests[stream.guest].end_reason)


@compiled
def let_go(host: Host, transfer: int, now_ns: int) -> None:
    """Let go what a transfer holds of the host."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    for resource in range(FIRST_OF_HOST, len(stream.servers)):
        if row.held & (1 << resource):
            note_held(host, transfer, resource, 0)
            release(host, stream.servers[resource], 1, now_ns)


@compiled
def resume_all(host: Host, wait_queue: int, now_ns: int) -> None:
    """Empty a wait queue of a guest that is gone."""
    while resume_first(host, wait_queue, now_ns) != NOBODY:
        pass


@compiled
def resume_mine(host: Host, server: int, guest: int, now_ns: int) -> None:
    """Take a guest that is gone out of a wait queue that others may be in, too; these keep their order."""
    last = host.state.wait_queues[server].last
    transfer = host.state.wait_queues[server].first
    while transfer != NOBODY:
        following = NOBODY if transfer == last else host.state.transfers[transfer].next
        if host.spec.streams[host.state.transfers[transfer].stream].guest == guest:
            resume_first(host, server, now_ns)
        else:
            enqueue(host, server, dequeue(host, server))
        transfer = following


@compiled
def end_guest(host: Host, number: int, outcome: int, reason: int, now_ns: int) -> None:
    """A guest is gone: nothing waits for its locks, CPUs and buffers any more, and nothing more goes on."""
    guest = host.state.guests[number]
    if guest.died_ns != ALIVE:
        return
    guest.died_ns = now_ns
    host.state.cursor[0].ended_guests += 1
    guest.died_of = outcome
    guest.end_reason = reason
    for i in range(len(host.spec.streams)):
        stream = host.spec.streams[i]
        if stream.guest != number:
            continue
        for wait_queue in (len(host.state.servers) + i, len(host.state.servers) + len(host.spec.streams) + i):
            resume_all(host, wait_queue, now_ns)
        resume_mine(host, stream.servers[Resource.WORKER], number, now_ns)
        tell_all(host, i, now_ns)
        for resource in range(FIRST_OF_HOST):
            server = stream.servers[resource]
            resume_all(host, server, now_ns)
            hold(host, server, -host.state.servers[server].held, now_ns)
        for buffer in range(stream.first_buffer, stream.first_buffer + stream.buffers):
            waiter = host.state.pin_waiters[buffer]
            if waiter != NOBODY:
                host.state.pin_waiters[buffer] = NOBODY
                end_pin_wait(host, waiter, now_ns)
