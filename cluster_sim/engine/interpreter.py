"""Running one transfer's steps at one instant, until it must wait or spend time."""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiled import compiled
from cluster_sim.engine.booking import book, book_step, copy_alone_ns, price
from cluster_sim.engine.guest_memory import convert_buffer, hold_buffer, use_memory
from cluster_sim.engine.heap import push
from cluster_sim.engine.sharing import HOST_LOCK, MEMORY_BANDWIDTH, join
from cluster_sim.engine.state import (
    ALIVE,
    DELIVERED,
    DONE,
    DROPPED,
    NOBODY,
    ON_PIN_RETRY,
    SHARING,
    TIMED,
    WAITING,
    Host,
)
from cluster_sim.engine.waiting import (
    hold,
    join_line,
    leave_line,
    make_ready,
    put_free_buffer,
    take_free_buffer,
)
from cluster_sim.io_paths.parts import ATTEMPT_STEPS
from cluster_sim.io_paths.steps import Count, Op, Resource, Runner
from cluster_sim.memory.outcomes import OK
from cluster_sim.memory.pages import LOST
from cluster_sim.memory.swiotlb import map_pieces, unmap_pieces
from cluster_sim.results.endings import DropReason
from cluster_sim.results.ledger import Category

TAKE_BUFFER = int(Op.TAKE_BUFFER)
GIVE_BUFFER = int(Op.GIVE_BUFFER)
ACQUIRE = int(Op.ACQUIRE)
RELEASE = int(Op.RELEASE)
SPEND = int(Op.SPEND)
SPEND_LOCKED = int(Op.SPEND_LOCKED)
KICK = int(Op.KICK)
COPY = int(Op.COPY)
MAP_SLOTS = int(Op.MAP_SLOTS)
UNMAP_SLOTS = int(Op.UNMAP_SLOTS)
CONVERT = int(Op.CONVERT)
MEMORY = int(Op.MEMORY)
DELIVER = int(Op.DELIVER)
STAGE = int(Op.STAGE)
HOLD = int(Op.HOLD)
AGAIN = int(Op.AGAIN)
GO_BACK = int(Op.GO_BACK)

NO_BUFFER = int(DropReason.NO_BUFFER)
GUEST_DIED = int(DropReason.GUEST_DIED)
COPY_ENGINE = int(Resource.ENGINE)
PIECES = int(Count.PIECES)
WAKES = int(Count.WAKES)
GUEST = int(Runner.GUEST)
HOST = int(Runner.HOST)
GUEST_COPY = int(Category.GUEST_COPY)
ENGINE_COPY = int(Category.ENGINE_COPY)
LOCK_WAIT = int(Category.LOCK_WAIT)
PIN_WAIT = int(Category.PIN_WAIT)
BANDWIDTH_WAIT = int(Category.BANDWIDTH_WAIT)
NO_EXITS = -1
ENGINE = 2
LOCK_DEMAND = 1_000_000

Records = npt.NDArray[np.void]


@compiled
def start_timer(host: Host, transfer: int, now_ns: int, span_ns: int) -> None:
    """Let a step end at a known time."""
    cursor, row = host.cursor[0], host.transfers[transfer]
    cursor.sequence += 1
    push(host.timers, cursor.timers, now_ns + span_ns, cursor.sequence, transfer)
    cursor.timers += 1
    row.started_ns = now_ns
    row.phase = TIMED


@compiled
def start_sharing(host: Host, transfer: int, now_ns: int, which: int, alone_ns: int, demand: int) -> None:
    """Let a step run on a shared resource."""
    cursor, row = host.cursor[0], host.transfers[transfer]
    cursor.sequence += 1
    row.demand = demand
    row.alone_ns = alone_ns
    row.started_ns = now_ns
    row.phase = SHARING
    row.start_clock = join(host.shares, host.jobs, which, now_ns, alone_ns, demand, cursor.sequence, transfer)


@compiled
def start_copy(host: Host, transfer: int, now_ns: int, category: int) -> bool:
    """Start copying the frame; False when the copy takes no time."""
    row = host.transfers[transfer]
    who = ENGINE if category == ENGINE_COPY else (0 if category == GUEST_COPY else 1)
    curve = host.streams[row.stream].curves[who]
    row.copied_bytes[who] += row.bytes
    alone_ns = copy_alone_ns(host.curves, curve, row.bytes)
    if alone_ns == 0:
        return False
    demand = row.bytes * host.curves[curve].bus_milli // alone_ns
    if demand == 0:
        start_timer(host, transfer, now_ns, alone_ns)
    else:
        start_sharing(host, transfer, now_ns, MEMORY_BANDWIDTH, alone_ns, demand)
    return True


@compiled
def map_buffer(host: Host, transfer: int) -> bool:
    """Map the frame through the bounce pool; False when the pool is full."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    row.staged = LOST
    row.counts[PIECES] = map_pieces(host.pools, stream.pool, stream.home_area, row.bytes, host.slots[row.buffer])
    return bool(row.counts[PIECES] > 0)


@compiled
def unmap_buffer(host: Host, transfer: int) -> None:
    """Give the frame's bounce slots back."""
    row = host.transfers[transfer]
    unmap_pieces(host.pools, host.streams[row.stream].pool, row.bytes, host.slots[row.buffer])


@compiled
def finish(host: Host, transfer: int, now_ns: int, outcome: int, reason: int) -> None:
    """End a transfer and put it on the list of those done."""
    row, cursor = host.transfers[transfer], host.cursor[0]
    row.outcome = outcome
    row.reason = reason
    row.ended_ns = now_ns
    row.phase = DONE
    host.lists.done[cursor.done] = transfer
    cursor.done += 1


@compiled
def wait(host: Host, transfer: int, now_ns: int, line: int) -> None:
    """Wait in a line."""
    row = host.transfers[transfer]
    row.started_ns = now_ns
    row.phase = WAITING
    join_line(host, line, transfer)


@compiled
def let_next_in(host: Host, line: int, now_ns: int) -> int:
    """End the wait of the first of a line and let it go on; the transfer, or NOBODY."""
    transfer = leave_line(host, line)
    if transfer != NOBODY:
        book_step(host, transfer, now_ns)
        host.transfers[transfer].counts[WAKES] = 0
        make_ready(host, transfer)
    return transfer


@compiled
def take_buffer(host: Host, transfer: int, now_ns: int) -> bool:
    """Take a buffer, or wait for one, or be dropped; False when the transfer does not go on now."""
    row = host.transfers[transfer]
    row.buffer = take_free_buffer(host, row.stream)
    if row.buffer != NOBODY:
        return True
    if host.streams[row.stream].drops_when_full:
        finish(host, transfer, now_ns, DROPPED, NO_BUFFER)
    else:
        wait(host, transfer, now_ns, len(host.servers) + row.stream)
    return False


@compiled
def give_buffer(host: Host, transfer: int, now_ns: int) -> None:
    """Give the buffer to the stream's first waiter, else back to its ring."""
    row = host.transfers[transfer]
    follower = let_next_in(host, len(host.servers) + row.stream, now_ns)
    if follower == NOBODY:
        put_free_buffer(host, row.stream, row.buffer)
    else:
        host.transfers[follower].buffer = row.buffer


@compiled
def spend(host: Host, transfer: int, now_ns: int, op: int) -> bool:
    """Start spending a step's time; False when it takes none."""
    row = host.transfers[transfer]
    step = host.steps[row.step]
    if op == KICK and host.servers[host.streams[row.stream].servers[step.resource]].held > 0:
        return False
    if step.exits != NO_EXITS:
        row.exits += row.counts[step.exits]
    span_ns = price(host, transfer, row.step)
    if span_ns == 0:
        return False
    if op == SPEND_LOCKED:
        start_sharing(host, transfer, now_ns, HOST_LOCK, span_ns, LOCK_DEMAND)
    else:
        start_timer(host, transfer, now_ns, span_ns)
    return True


@compiled
def await_pins(host: Host, transfer: int, now_ns: int) -> None:
    """A conversion was refused: try again after a while, or wait for the buffer's unpin."""
    row = host.transfers[transfer]
    row.exits += 1
    if host.policy.on_pin == ON_PIN_RETRY:
        span_ns = price(host, transfer, row.step) + host.policy.retry_after_ns
        start_timer(host, transfer, now_ns, span_ns)
        return
    row.started_ns = now_ns
    row.phase = WAITING
    host.pin_waiters[row.buffer] = transfer


@compiled
def end_pin_wait(host: Host, transfer: int, now_ns: int) -> None:
    """The pins are gone: book the wait, pay for the attempt that was refused, and try again."""
    row = host.transfers[transfer]
    book(host, transfer, PIN_WAIT, now_ns, now_ns - row.started_ns)
    start_timer(host, transfer, now_ns, price(host, transfer, row.step))


@compiled
def holds_engine(host: Host, transfer: int) -> bool:
    """Whether a transfer has the copy engine, by the steps that lie behind it."""
    row = host.transfers[transfer]
    has = False
    for step in range(host.streams[row.stream].entry, row.step):
        if host.steps[step].resource == COPY_ENGINE:
            has = host.steps[step].op == ACQUIRE
    return has


@compiled
def abandon(host: Host, transfer: int, now_ns: int) -> None:
    """End a transfer of a guest that is dead; only the copy engine is not the guest's own."""
    row = host.transfers[transfer]
    if holds_engine(host, transfer):
        server = host.streams[row.stream].servers[COPY_ENGINE]
        if let_next_in(host, server, now_ns) == NOBODY:
            hold(host.servers, server, -1, now_ns)
    finish(host, transfer, now_ns, DROPPED, GUEST_DIED)


@compiled
def let_all_go(host: Host, line: int, now_ns: int) -> None:
    """Empty a dead guest's line."""
    while let_next_in(host, line, now_ns) != NOBODY:
        pass


@compiled
def die(host: Host, number: int, outcome: int, now_ns: int) -> None:
    """A guest is killed: nothing waits for its locks, CPUs and buffers any more, and nothing more goes on."""
    guest = host.guests[number]
    if guest.died_ns != ALIVE:
        return
    guest.died_ns = now_ns
    guest.died_of = outcome
    for i in range(len(host.streams)):
        stream = host.streams[i]
        if stream.guest != number:
            continue
        let_all_go(host, len(host.servers) + i, now_ns)
        for resource in range(len(stream.servers)):
            server = stream.servers[resource]
            if resource != COPY_ENGINE:
                let_all_go(host, server, now_ns)
                hold(host.servers, server, -host.servers[server].held, now_ns)
        for buffer in range(stream.first_buffer, stream.first_buffer + stream.buffers):
            waiter = host.pin_waiters[buffer]
            if waiter != NOBODY:
                host.pin_waiters[buffer] = NOBODY
                end_pin_wait(host, waiter, now_ns)


@compiled
def run_steps(host: Host, transfer: int, now_ns: int) -> None:
    """Run a transfer's steps from where it stands until it waits, spends time or ends."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    if host.guests[stream.guest].died_ns != ALIVE:
        abandon(host, transfer, now_ns)
        return
    while True:
        step = host.steps[row.step]
        op = step.op
        if op == SPEND or op == KICK or op == SPEND_LOCKED:
            if spend(host, transfer, now_ns, op):
                return
        elif op == COPY:
            if start_copy(host, transfer, now_ns, step.category):
                return
        elif op == ACQUIRE:
            server = stream.servers[step.resource]
            if host.servers[server].held == host.servers[server].capacity:
                wait(host, transfer, now_ns, server)
                return
            hold(host.servers, server, 1, now_ns)
            row.counts[WAKES] = 1
        elif op == RELEASE:
            server = stream.servers[step.resource]
            if let_next_in(host, server, now_ns) == NOBODY:
                hold(host.servers, server, -1, now_ns)
        elif op == MEMORY:
            refused = use_memory(host, transfer, row.step)
            if refused != OK:
                die(host, stream.guest, refused, now_ns)
                abandon(host, transfer, now_ns)
                return
        elif op == CONVERT:
            if convert_buffer(host, transfer, step.argument, now_ns):
                row.step += ATTEMPT_STEPS - 2
        elif op == AGAIN:
            await_pins(host, transfer, now_ns)
            return
        elif op == GO_BACK:
            row.step -= step.argument
            continue
        elif op == HOLD:
            hold_buffer(host, transfer, step.argument, now_ns)
        elif op == MAP_SLOTS:
            if not map_buffer(host, transfer):
                row.step = stream.if_full
                continue
        elif op == UNMAP_SLOTS:
            unmap_buffer(host, transfer)
        elif op == TAKE_BUFFER:
            if not take_buffer(host, transfer, now_ns):
                return
        elif op == GIVE_BUFFER:
            give_buffer(host, transfer, now_ns)
        elif op == STAGE:
            row.staged = row.tag
        elif op == DELIVER:
            finish(host, transfer, now_ns, DELIVERED, 0)
            return
        else:
            finish(host, transfer, now_ns, DROPPED, step.argument)
            return
        row.step += 1
