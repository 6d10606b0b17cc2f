"""The event loop of one host.

Order of events at one instant, total and the same everywhere: jobs that end on memory bandwidth, jobs that end on
the host lock, steps that end at a known time by the sequence in which they began, pins that others give back, then
arrivals by (stream, frame).
After each event all transfers that it made ready go on, first ready first.
"""

from cluster_sim.compiled import compiled
from cluster_sim.engine.booking import book, book_step
from cluster_sim.engine.guest_memory import release_hold
from cluster_sim.engine.heap import pop
from cluster_sim.engine.interpreter import BANDWIDTH_WAIT, LOCK_WAIT, end_pin_wait, run_steps
from cluster_sim.engine.sharing import CLOCK_BITS, HOST_LOCK, MEMORY_BANDWIDTH, SHARE_COUNT, advance, first_due, leave
from cluster_sim.engine.state import (
    DONE,
    FAR_NS,
    FREE,
    IN_FLIGHT,
    NOBODY,
    RUNNING,
    SHARING,
    UNFINISHED,
    Arrivals,
    Host,
)
from cluster_sim.engine.waiting import make_ready, next_ready
from cluster_sim.io_paths.steps import Count, Op
from cluster_sim.memory.pages import FIRST_TAG, PAGE_BYTES
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX

LOCKED = int(Op.SPEND_LOCKED)
ONCE = int(Count.ONCE)
PIECES = int(Count.PIECES)
PAGES = int(Count.PAGES)
GRANULES = int(Count.GRANULES)
CALLS = int(Count.CALLS)
CHUNKS = int(Count.CHUNKS)
OTHER_VCPUS = int(Count.OTHER_VCPUS)


@compiled
def units(amount: int, unit: int) -> int:
    """Whole units that `amount` takes; a unit of 0 takes any amount."""
    if unit == 0:
        return 1
    return (amount + unit - 1) // unit


@compiled
def set_counts(host: Host, transfer: int) -> None:
    """Work out what prices multiply with, as far as size alone decides it (docs/model.md §paths)."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    counts = row.counts
    counts[:] = 0
    granules = units(row.bytes, stream.granule_pages * PAGE_BYTES)
    counts[ONCE] = 1
    counts[PIECES] = units(row.bytes, MAPPING_BYTES_MAX)
    counts[PAGES] = units(row.bytes, PAGE_BYTES)
    counts[GRANULES] = granules
    counts[CALLS] = units(granules, stream.call_granules)
    if stream.chunk_bytes > 0:
        counts[CHUNKS] = units(granules * stream.granule_pages * PAGE_BYTES, stream.chunk_bytes)
    counts[OTHER_VCPUS] = stream.other_vcpus


@compiled
def admit(host: Host, arrivals: Arrivals, i: int) -> None:
    """Give an arrival a row and make it ready."""
    cursor = host.cursor[0]
    assert cursor.free > 0
    cursor.free -= 1
    transfer = int(host.lists.free[cursor.free])
    row = host.transfers[transfer]
    row.stream = arrivals.stream[i]
    row.frame = arrivals.frame[i]
    row.bytes = arrivals.bytes[i]
    row.tag = FIRST_TAG + arrivals.frame[i] * len(host.streams) + arrivals.stream[i]
    row.staged = row.tag
    row.submitted_ns = arrivals.at_ns[i]
    row.deadline_ns = arrivals.deadline_ns[i]
    row.ended_ns = arrivals.at_ns[i]
    row.outcome = IN_FLIGHT
    row.reason = 0
    row.phase = RUNNING
    row.step = host.streams[row.stream].entry
    row.buffer = NOBODY
    row.ledger[:] = 0
    row.cpu_ns[:] = 0
    row.copied_bytes[:] = 0
    row.conversions = 0
    row.converted_pages = 0
    row.exits = 0
    row.is_intact = 1
    set_counts(host, transfer)
    make_ready(host, transfer)


@compiled
def end_timed(host: Host, now_ns: int) -> None:
    """End the step whose time has come."""
    cursor = host.cursor[0]
    transfer = pop(host.timers, cursor.timers)
    cursor.timers -= 1
    book_step(host, transfer, now_ns)
    make_ready(host, transfer)


@compiled
def book_shared(host: Host, transfer: int, which: int, now_ns: int, alone_ns: int) -> None:
    """Book a job's time alone to its step, and what sharing added to the resource's wait."""
    row = host.transfers[transfer]
    waited_ns = now_ns - row.started_ns - alone_ns
    assert waited_ns >= 0
    book(host, transfer, host.steps[row.step].category, now_ns, alone_ns)
    book(host, transfer, BANDWIDTH_WAIT if which == MEMORY_BANDWIDTH else LOCK_WAIT, now_ns, waited_ns)


@compiled
def end_shared(host: Host, which: int, now_ns: int) -> None:
    """End the job that is due on a shared resource."""
    transfer = first_due(host.jobs, which)
    row = host.transfers[transfer]
    leave(host.shares, host.jobs, which, now_ns, row.demand)
    book_shared(host, transfer, which, now_ns, row.alone_ns)
    row.step += 1
    make_ready(host, transfer)


@compiled
def run_until(host: Host, arrivals: Arrivals, until_ns: int) -> None:
    """Run all events before `until_ns`; all arrivals must lie before it."""
    cursor = host.cursor[0]
    bandwidth, lock = host.shares[MEMORY_BANDWIDTH], host.shares[HOST_LOCK]
    admitted = 0
    arriving = len(arrivals.at_ns)
    while True:
        timer_ns = host.timers[0].key if cursor.timers > 0 else FAR_NS
        arrival_ns = arrivals.at_ns[admitted] if admitted < arriving else FAR_NS
        hold_ns = host.holds[0].key if cursor.holds > 0 else FAR_NS
        now_ns = min(timer_ns, arrival_ns, bandwidth.next_ns, lock.next_ns, hold_ns)
        if now_ns >= until_ns:
            return
        if bandwidth.next_ns == now_ns:
            end_shared(host, MEMORY_BANDWIDTH, now_ns)
        elif lock.next_ns == now_ns:
            end_shared(host, HOST_LOCK, now_ns)
        elif timer_ns == now_ns:
            end_timed(host, now_ns)
        elif hold_ns == now_ns:
            waiter = release_hold(host, now_ns)
            if waiter != NOBODY:
                end_pin_wait(host, waiter, now_ns)
        else:
            admit(host, arrivals, admitted)
            admitted += 1
        go_on(host, now_ns)


@compiled
def go_on(host: Host, now_ns: int) -> None:
    """Let all transfers go on that something outside the loop made ready."""
    while host.cursor[0].ready > 0:
        run_steps(host, next_ready(host), now_ns)


@compiled
def settle(host: Host, end_ns: int) -> None:
    """End the run: book each unfinished transfer up to `end_ns` and list it as unfinished."""
    cursor = host.cursor[0]
    for which in range(SHARE_COUNT):
        advance(host.shares, which, end_ns)
    for transfer in range(len(host.transfers)):
        row = host.transfers[transfer]
        if row.phase == FREE or row.phase == DONE:
            continue
        if row.phase == SHARING:
            which = HOST_LOCK if host.steps[row.step].op == LOCKED else MEMORY_BANDWIDTH
            progress_ns = (host.shares[which].clock - row.start_clock) >> CLOCK_BITS
            book_shared(host, transfer, which, end_ns, min(progress_ns, row.alone_ns))
        else:
            book_step(host, transfer, end_ns)
        row.ended_ns = end_ns
        row.outcome = UNFINISHED
        row.phase = DONE
        host.lists.done[cursor.done] = transfer
        cursor.done += 1


@compiled
def free_done(host: Host) -> None:
    """Use the rows of transfers that have been read out again."""
    cursor = host.cursor[0]
    for i in range(cursor.done):
        transfer = host.lists.done[i]
        host.transfers[transfer].phase = FREE
        host.lists.free[cursor.free] = transfer
        cursor.free += 1
    cursor.done = 0
