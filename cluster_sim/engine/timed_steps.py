"""Steps that take time: alone, on a shared resource, or until pins are gone.

A step whose end is the next event of all needs no entry in a heap: the transfer goes on at that instant, with the same
bookings in the same order.
"""

from cluster_sim.chance.compiled_draws import STORED, around
from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.booking import book, copy_alone_ns, price
from cluster_sim.engine.buffer_life import batch_of
from cluster_sim.engine.heap import push
from cluster_sim.engine.last_level_cache import ALL, NO_END, SHARE_BITS, drop_lines, keep_time, touch
from cluster_sim.engine.shared_resources import (
    HOST_LOCK,
    NEVER_NS,
    alone_span_ns,
    earliest_ns,
    join,
    pass_alone,
)
from cluster_sim.engine.state import ON_PIN_RETRY, SHARING, TIMED, WAITING, Host
from cluster_sim.engine.wait_queues import is_polling
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import FIRST_EFFECT, Count, Mover, Op, Range
from cluster_sim.memory.effects import LEAF_PAGES
from cluster_sim.results.ledger import Category

NO_EXITS = -1
ONE_END = len(Mover)
BOTH_ENDS = ONE_END + 1
"""The curves of a CPU's copies with one and with both ends in the cache."""
MILLION = 1_000_000
LOCK_DEMAND = 1_000_000
BUS_MILLI = 1000
"""Of what is written once: each byte passes the bus once, in 1/1000."""
LEAF_BYTES = LEAF_PAGES * PAGE_BYTES
STOPPED = -1
"""Instead of an instant: the transfer goes on when an event says so."""


@compiled
def start_timer(host: Host, transfer: int, now_ns: int, span_ns: int) -> None:
    """Let a step end at a known time."""
    cursor, row = host.state.cursor[0], host.state.transfers[transfer]
    cursor.sequence += 1
    push(host.state.timers, cursor.timers, now_ns + span_ns, cursor.sequence, transfer)
    cursor.timers += 1
    row.started_ns = now_ns
    row.phase = TIMED


@compiled
def start_sharing(host: Host, transfer: int, now_ns: int, which: int, alone_ns: int, demand: int) -> None:
    """Let a step run on a shared resource."""
    cursor, row = host.state.cursor[0], host.state.transfers[transfer]
    cursor.sequence += 1
    row.demand = demand
    row.alone_ns = alone_ns
    row.started_ns = now_ns
    row.phase = SHARING
    row.start_clock = join(
        host.state.shares, host.state.jobs, which, now_ns, alone_ns, demand, cursor.sequence, transfer
    )
    cursor.shared_ns = earliest_ns(host.state.shares)


@compiled
def book_shared(host: Host, transfer: int, which: int, now_ns: int, alone_ns: int) -> None:
    """Book a job's time alone to its step, and what sharing added to the resource's wait."""
    row = host.state.transfers[transfer]
    waited_ns = now_ns - row.started_ns - alone_ns
    assert waited_ns >= 0
    book(host, transfer, host.spec.steps[row.step].category, now_ns, alone_ns)
    book(host, transfer, Category.LOCK_WAIT if which == HOST_LOCK else Category.BANDWIDTH_WAIT, now_ns, waited_ns)


@inlined
def is_next(host: Host, end_ns: int) -> bool:
    """Whether a step that ends then would be the very next event, and all that there is to do."""
    cursor = host.state.cursor[0]
    if cursor.ready > 0 or end_ns > cursor.quiet_ns:
        return False
    if cursor.timers > 0 and host.state.timers[0].key <= end_ns:
        return False
    if cursor.holds > 0 and host.state.holds[0].key <= end_ns:
        return False
    return bool(cursor.shared_ns > end_ns)


@inlined
def take_time(host: Host, transfer: int, now_ns: int, span_ns: int) -> int:
    """Spend time on a step: when it ends if that comes next, else STOPPED, and its end is an event of its own."""
    end_ns = now_ns + span_ns
    if not is_next(host, end_ns):
        start_timer(host, transfer, now_ns, span_ns)
        return STOPPED
    book(host, transfer, host.spec.steps[host.state.transfers[transfer].step].category, end_ns, span_ns)
    host.state.cursor[0].now_ns = end_ns
    return end_ns


@compiled
def share_time(host: Host, transfer: int, now_ns: int, which: int, alone_ns: int, demand: int) -> int:
    """Spend time on a shared resource, as `take_time` does: who has it for himself until he ends need not queue."""
    span_ns = alone_span_ns(host.state.shares, which, alone_ns, demand)
    if span_ns == NEVER_NS or not is_next(host, now_ns + span_ns):
        start_sharing(host, transfer, now_ns, which, alone_ns, demand)
        return STOPPED
    end_ns = now_ns + span_ns
    pass_alone(host.state.shares, which, now_ns, end_ns, demand)
    host.state.transfers[transfer].started_ns = now_ns
    book_shared(host, transfer, which, end_ns, alone_ns)
    host.state.cursor[0].now_ns = end_ns
    return end_ns


@compiled
def size_copies(host: Host, stream_number: int, copied_bytes: int) -> None:
    """Work out what a CPU's copies of a size take; mostly the stream's next has the same."""
    sized, curves = host.state.streams[stream_number], host.spec.curves
    cold_ns = copy_alone_ns(curves, Mover.GUEST, copied_bytes)
    sized.copy_bytes = copied_bytes
    sized.cold_ns = cold_ns
    sized.one_end_saves_ns = cold_ns - copy_alone_ns(curves, ONE_END, copied_bytes)
    sized.both_ends_save_ns = cold_ns - copy_alone_ns(curves, BOTH_ENDS, copied_bytes)


@inlined
def copied_within(cold_ns: int, one_end_saves_ns: int, both_ends_save_ns: int, read: int, written: int) -> int:
    """Time of a copy that finds so many 1,024ths of what it reads and of what it writes in the cache.

    Which lines are found at one end has nothing to do with which are found at the other.
    """
    both = read * written
    one = (read + written << SHARE_BITS) - 2 * both
    return cold_ns - (one * one_end_saves_ns + both * both_ends_save_ns >> 2 * SHARE_BITS)


@inlined
def come_from_afar(remote_adds_ns: int, read: int, written: int) -> int:
    """What memory on other NUMA nodes adds to a copy, by the lines that it does not find in the cache."""
    return (2 * ALL - read - written) * remote_adds_ns >> SHARE_BITS + 1


@compiled
def copy_by_cpu(host: Host, transfer: int, now_ns: int, mover: int, copied_bytes: int) -> int:
    """Copy as fast as a CPU does with what is in the cache; what is not passes the bus, and what it makes dirty."""
    row = host.state.transfers[transfer]
    step, sized = host.spec.steps[row.step], host.state.streams[row.stream]
    if copied_bytes != sized.copy_bytes:
        size_copies(host, row.stream, copied_bytes)
    if sized.cold_ns == 0:
        return now_ns
    read, written, dirty = 0, 0, 0
    if host.spec.policy.llc_bytes > 0:
        state = host.state.buffers[row.buffer]
        read = touch(host, row.buffer, step.reads, copied_bytes)
        written = touch(host, row.buffer, step.writes, copied_bytes)
        if step.reads != NO_END:
            state.dirty[step.reads] = state.dirty[step.reads] * read >> SHARE_BITS
        if step.writes != NO_END:
            dirty = state.dirty[step.writes] * written >> SHARE_BITS
            state.dirty[step.writes] = ALL
        keep_time(host)
    row.found[0] = read
    row.found[1] = written
    row.found[2] = dirty
    if mover == Mover.CRYPTO:
        alone_ns = copy_alone_ns(host.spec.curves, mover, copied_bytes)
    else:
        alone_ns = copied_within(sized.cold_ns, sized.one_end_saves_ns, sized.both_ends_save_ns, read, written)
        remote_adds = host.spec.policy.remote_adds_to_guest
        if mover == Mover.HOST:
            remote_adds = host.spec.policy.remote_adds_to_host
        if remote_adds > 0:
            alone_ns += come_from_afar(sized.cold_ns * remote_adds // MILLION, read, written)
    bus_milli = (2 * ALL - read - dirty) * host.spec.curves[mover].bus_milli >> SHARE_BITS + 1
    return on_bus(host, transfer, now_ns, alone_ns, copied_bytes * bus_milli)


@inlined
def on_bus(host: Host, transfer: int, now_ns: int, alone_ns: int, bus_bytes_milli: int) -> int:
    """Take the time of a copy that moves so many thousandths of a byte over the memory bus."""
    if alone_ns == 0:
        return now_ns
    demand = bus_bytes_milli // alone_ns
    if demand == 0:
        return take_time(host, transfer, now_ns, alone_ns)
    bus = host.spec.streams[host.state.transfers[transfer].stream].bus
    return share_time(host, transfer, now_ns, bus, alone_ns, demand)


@compiled
def stored_ns(host: Host, transfer: int, mean_ns: int) -> int:
    """The storage's own time for a request, drawn around its mean."""
    row, percent = host.state.transfers[transfer], host.spec.policy.storage_jitter
    if percent == 0:
        return mean_ns
    return around(mean_ns, percent, host.spec.draw_keys[row.stream], row.frame, STORED)


@compiled
def start_copy(host: Host, transfer: int, now_ns: int, mover: int) -> int:
    """Move the transfer's bytes; when that ends, or STOPPED."""
    row = host.state.transfers[transfer]
    step, moved_bytes = host.spec.steps[row.step], row.bytes
    if step.range == Range.WHOLE_BUFFER:
        moved_bytes = host.spec.streams[row.stream].buffer_bytes
    if mover < Mover.CRYPTO:
        row.copied_bytes[mover] += moved_bytes
    elif mover == Mover.CRYPTO:
        row.copied_bytes[0] += moved_bytes
    if mover == Mover.GUEST or mover == Mover.HOST or mover == Mover.CRYPTO:
        return copy_by_cpu(host, transfer, now_ns, mover, moved_bytes)
    drop_lines(host, row.buffer, step.reads)
    drop_lines(host, row.buffer, step.writes)
    alone_ns = copy_alone_ns(host.spec.curves, mover, moved_bytes)
    if mover == Mover.STORAGE:
        alone_ns = stored_ns(host, transfer, alone_ns)
    return on_bus(host, transfer, now_ns, alone_ns, moved_bytes * host.spec.curves[mover].bus_milli)


@inlined
def span_of(host: Host, transfer: int) -> int:
    """What a transfer's step takes, its exits counted."""
    row = host.state.transfers[transfer]
    step = host.spec.steps[row.step]
    if step.exits != NO_EXITS:
        row.exits += row.counts[step.exits]
    return price(host, transfer, row.step)


@compiled
def spend_writing(host: Host, transfer: int, now_ns: int) -> int:
    """Spend the time of a step that writes pages once: those of one count, or each page and leaf that it is priced by.

    When that ends, or STOPPED.
    """
    row = host.state.transfers[transfer]
    step = host.spec.steps[row.step]
    span_ns = span_of(host, transfer)
    if step.argument > 0:
        return on_bus(host, transfer, now_ns, span_ns, row.counts[step.argument] * PAGE_BYTES * BUS_MILLI)
    written_bytes = 0
    for count in range(step.first_price, step.last_price):
        is_leaf = (count - FIRST_EFFECT) % 2
        if step.prices[count] > 0:
            written_bytes += row.counts[count] * (LEAF_BYTES if is_leaf else PAGE_BYTES)
    return on_bus(host, transfer, now_ns, span_ns, written_bytes * BUS_MILLI)


@compiled
def receive(host: Host, transfer: int, now_ns: int) -> int:
    """Take in what has been coming for as long as a network card sends it; when the last bit is through, or STOPPED.

    It begins with the first bit, or when all that came before is through.
    """
    row = host.state.transfers[transfer]
    step, stream = host.spec.steps[row.step], host.spec.streams[row.stream]
    server = host.state.servers[stream.servers[step.resource]]
    alone_ns = copy_alone_ns(host.spec.curves, step.argument, row.bytes)
    sent_ns = copy_alone_ns(host.spec.curves, Mover.NIC, row.bytes)
    server.busy_ns += alone_ns
    server.free_ns = max(server.free_ns, now_ns - sent_ns) + alone_ns
    if server.free_ns <= now_ns:
        return now_ns
    return take_time(host, transfer, now_ns, server.free_ns - now_ns)


@compiled
def merge(host: Host, transfer: int) -> None:
    """What the guest handles together with what came before is worked on together with it, as far as both have room."""
    row, moving = host.state.transfers[transfer], host.state.streams[host.state.transfers[transfer].stream]
    if moving.handling > 0 and moving.merged_bytes + row.bytes <= host.spec.streams[row.stream].merge_bytes:
        moving.merged_bytes += row.bytes
        row.counts[Count.WORK] = 0
    else:
        moving.merged_bytes = row.bytes


@compiled
def signal(host: Host, transfer: int) -> None:
    """Decide whether the guest must be interrupted for a completion (event idx, polling)."""
    row = host.state.transfers[transfer]
    is_polled = host.spec.steps[row.step].argument != 0
    moving = host.state.streams[row.stream]
    row.counts[Count.INTERRUPTS] = 1 if moving.handling == 0 and not is_polled else 0
    if host.spec.streams[row.stream].merge_bytes > 0:
        merge(host, transfer)
    moving.handling += 1


@inlined
def spend(host: Host, transfer: int, now_ns: int, op: int) -> int:
    """Spend a step's time; when that ends, or STOPPED."""
    row = host.state.transfers[transfer]
    step = host.spec.steps[row.step]
    if op == Op.KICK:
        server = host.spec.streams[row.stream].servers[step.resource]
        has_work = host.state.servers[server].held if step.argument == 0 else host.state.streams[row.stream].at_worker
        if has_work > 0 or is_polling(host, server, now_ns):
            return now_ns
    if op == Op.SIGNAL:
        signal(host, transfer)
    if op == Op.SPEND_SHOT_DOWN:
        guest = host.state.guests[host.spec.streams[row.stream].guest]
        row.counts[Count.SHOT_DOWN] = guest.shootdowns - row.seen_shootdowns
    span_ns = span_of(host, transfer)
    if span_ns == 0:
        return now_ns
    if op == Op.SPEND_LOCKED:
        return share_time(host, transfer, now_ns, HOST_LOCK, span_ns, LOCK_DEMAND)
    return take_time(host, transfer, now_ns, span_ns)


@compiled
def await_pins(host: Host, transfer: int, now_ns: int) -> None:
    """A conversion was refused: try again after a while, or wait for the buffer's unpin."""
    row = host.state.transfers[transfer]
    row.exits += 1
    if host.spec.policy.on_pin == ON_PIN_RETRY:
        span_ns = price(host, transfer, row.step) + host.spec.policy.retry_after_ns
        start_timer(host, transfer, now_ns, span_ns)
        return
    row.started_ns = now_ns
    row.phase = WAITING
    held = row.buffer
    first, end = batch_of(host, row.stream, row.buffer)
    for buffer in range(first, end):
        if host.state.held_until_ns[buffer] != 0:
            held = buffer
    host.state.pin_waiters[held] = transfer


@compiled
def end_pin_wait(host: Host, transfer: int, now_ns: int) -> None:
    """The pins are gone: book the wait, pay for the attempt that was refused, and try again."""
    row = host.state.transfers[transfer]
    book(host, transfer, Category.PIN_WAIT, now_ns, now_ns - row.started_ns)
    start_timer(host, transfer, now_ns, price(host, transfer, row.step))
