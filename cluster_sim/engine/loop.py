"""The event loop of one host.

Order of events at one instant, total and the same everywhere: jobs that end on memory bandwidth, jobs that end on
the host lock, steps that end at a known time by the sequence in which they began, pins that others give back, pools
that have grown, delayed queue runs and interrupts that wait no longer, then arrivals by (stream, frame).
After each event all transfers that it made ready go on, first ready first.
"""

from cluster_sim.compiling.decorators import compiled, compiled_at_o1, inlined
from cluster_sim.engine.booking import book_step
from cluster_sim.engine.bounce import end_growth
from cluster_sim.engine.dispatch import end_delay
from cluster_sim.engine.guest_memory import release_hold
from cluster_sim.engine.heap import pop
from cluster_sim.engine.interpreter import run_steps
from cluster_sim.engine.moderation import end_alarm
from cluster_sim.engine.shared_resources import (
    CLOCK_BITS,
    HOST_LOCK,
    advance,
    earliest_ns,
    first_due,
    first_ending,
    leave,
)
from cluster_sim.engine.state import ALIVE, DONE, FAR_NS, FREE, NOBODY, NOT_HANDED, SHARING, Arrivals, Host
from cluster_sim.engine.stream_sums import has_room_for_ends
from cluster_sim.engine.timed_steps import book_shared, end_pin_wait
from cluster_sim.engine.transfers import admit, forget, put_away
from cluster_sim.engine.wait_queues import make_ready, next_ready
from cluster_sim.io_paths.steps import Op
from cluster_sim.results.endings import Ending

ROWS_A_STEP = 7
"""Rows that one transfer may ask for before it stops: its follower in a closed loop, what it passes on, what posts the
next buffer when it takes one, opens its batch and gives its own, what restores that, what looks for unused ones.
"""


@compiled
def end_timed(host: Host, now_ns: int) -> None:
    """End the step whose time has come; a request that was thought of is asked for now."""
    cursor = host.state.cursor[0]
    transfer = pop(host.state.timers, cursor.timers)
    cursor.timers -= 1
    row = host.state.transfers[transfer]
    op = host.spec.steps[row.step].op
    if op != Op.THINK and op != Op.REST:
        book_step(host, transfer, now_ns)
    elif op == Op.THINK and host.state.guests[host.spec.streams[row.stream].guest].died_ns == ALIVE:
        host.state.streams[row.stream].submitted += 1
        row.step += 1
    make_ready(host, transfer)


@compiled
def end_hold(host: Host, now_ns: int) -> None:
    """Pins are given back, a pool has grown, refused requests ask again, or an interrupt waits no longer."""
    item = host.state.holds[0].item
    if item < 0:
        pop(host.state.holds, host.state.cursor[0].holds)
        host.state.cursor[0].holds -= 1
        number = -1 - item
        guests, streams = len(host.spec.guests), len(host.spec.streams)
        if number < guests:
            end_growth(host, number, now_ns)
        elif number < guests + streams:
            end_delay(host, number - guests, now_ns)
        else:
            end_alarm(host, number - guests - streams, now_ns)
        return
    waiter = release_hold(host, now_ns)
    if waiter != NOBODY:
        end_pin_wait(host, waiter, now_ns)


@compiled
def end_shared(host: Host, which: int, now_ns: int) -> None:
    """End the job that is due on a shared resource."""
    transfer = first_due(host.state.jobs, which)
    row = host.state.transfers[transfer]
    leave(host.state.shares, host.state.jobs, which, now_ns, row.demand)
    host.state.cursor[0].shared_ns = earliest_ns(host.state.shares)
    book_shared(host, transfer, which, now_ns, row.alone_ns)
    row.step += 1
    make_ready(host, transfer)


@inlined
def next_event_ns(host: Host) -> int:
    """The instant of the next event that is known of; arrivals are not."""
    cursor = host.state.cursor[0]
    timer_ns = host.state.timers[0].key if cursor.timers > 0 else FAR_NS
    hold_ns = host.state.holds[0].key if cursor.holds > 0 else FAR_NS
    return int(min(timer_ns, cursor.shared_ns, hold_ns))


@compiled
def run_until(host: Host, arrivals: Arrivals, until_ns: int) -> int:
    """Run all events before `until_ns`, which all arrivals must lie before; how many of these were admitted.

    It stops early when it runs out of room (`is_starved`): what has ended must then be read out, and it be called again
    with the arrivals that are left.
    """
    admitted = run_events(host, arrivals, until_ns)
    cursor = host.state.cursor[0]
    cursor.next_ns = next_event_ns(host)
    cursor.is_starved = is_starved(host)
    return admitted


@compiled
def run_events(host: Host, arrivals: Arrivals, until_ns: int) -> int:
    """See `run_until`."""
    cursor = host.state.cursor[0]
    admitted = 0
    arriving = len(arrivals.at_ns)
    cursor.quiet_ns = quiet_until(arrivals, 0, until_ns)
    while True:
        go_on(host)
        if is_starved(host):
            return admitted
        known_ns = next_event_ns(host)
        arrival_ns = arrivals.at_ns[admitted] if admitted < arriving else FAR_NS
        now_ns = min(known_ns, arrival_ns)
        if now_ns >= until_ns:
            return admitted
        cursor.now_ns = now_ns
        if cursor.shared_ns == now_ns:
            end_shared(host, first_ending(host.state.shares, now_ns), now_ns)
        elif cursor.timers > 0 and host.state.timers[0].key == now_ns:
            end_timed(host, now_ns)
        elif known_ns == now_ns:
            end_hold(host, now_ns)
        else:
            admit(host, arrivals, admitted)
            admitted += 1
            cursor.quiet_ns = quiet_until(arrivals, admitted, until_ns)


@inlined
def quiet_until(arrivals: Arrivals, admitted: int, until_ns: int) -> int:
    """Up to when nothing comes from outside: the next arrival or, 1 ns before it, the end."""
    if admitted < len(arrivals.at_ns):
        return int(arrivals.at_ns[admitted])
    return until_ns - 1


@inlined
def is_starved(host: Host) -> bool:
    """Whether there may be too little room for what comes next."""
    cursor = host.state.cursor[0]
    return bool(cursor.ready > 0 or cursor.free < ROWS_A_STEP or not has_room_for_ends(host))


@inlined
def go_on(host: Host) -> None:
    """Let all transfers that are ready go on, as long as there is room for what they may bring."""
    cursor = host.state.cursor[0]
    while cursor.ready > 0 and cursor.free >= ROWS_A_STEP and has_room_for_ends(host):
        run_steps(host, next_ready(host), cursor.now_ns)


@compiled_at_o1
def settle(host: Host, end_ns: int) -> None:
    """End the run: book each unfinished transfer up to `end_ns` and put it away as unfinished."""
    for which in range(len(host.state.shares)):
        advance(host.state.shares, which, end_ns)
    for transfer in range(len(host.state.transfers)):
        row = host.state.transfers[transfer]
        if row.phase == FREE or row.phase == DONE:
            continue
        if host.spec.steps[row.step].op == Op.THINK or row.is_background:
            forget(host, transfer)
            continue
        if row.phase == SHARING:
            bus = int(host.spec.streams[row.stream].bus)
            which = HOST_LOCK if host.spec.steps[row.step].op == Op.SPEND_LOCKED else bus
            progress_ns = (host.state.shares[which].clock - row.start_clock) >> CLOCK_BITS
            book_shared(host, transfer, which, end_ns, min(progress_ns, row.alone_ns))
        else:
            book_step(host, transfer, end_ns)
        row.ended_ns = end_ns
        if row.handed_ns == NOT_HANDED:
            row.handed_ns = end_ns
        row.outcome = Ending.UNFINISHED
        put_away(host, transfer)
