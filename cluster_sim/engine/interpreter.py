"""Running one transfer's steps at one instant, until it must wait or spend time."""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiled import compiled
from cluster_sim.engine.heap import push
from cluster_sim.engine.sharing import HOST_LOCK, MEMORY_BANDWIDTH, join
from cluster_sim.engine.state import (
    DELIVERED,
    DONE,
    DROPPED,
    NOBODY,
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
from cluster_sim.io_paths.steps import COUNT_COUNT, FIRST_EFFECT, Count, Op, Range, Runner
from cluster_sim.memory.guest_memfd import apply, convert
from cluster_sim.memory.outcomes import OK
from cluster_sim.memory.pages import CONTENT_LOST, CONVERTED, EXPECT_CONTENT, GUEST_WRITE, LOST
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

NO_BUFFER = int(DropReason.NO_BUFFER)
PIECES = int(Count.PIECES)
GRANULES = int(Count.GRANULES)
PAGES = int(Count.PAGES)
WAKES = int(Count.WAKES)
DEVICE = int(Range.DEVICE)
WHOLE_GRANULES = int(Range.GRANULES)
GUEST = int(Runner.GUEST)
HOST = int(Runner.HOST)
GUEST_COPY = int(Category.GUEST_COPY)
ENGINE_COPY = int(Category.ENGINE_COPY)
LOCK_WAIT = int(Category.LOCK_WAIT)
BANDWIDTH_WAIT = int(Category.BANDWIDTH_WAIT)
NO_EXITS = -1
ENGINE = 2
LOCK_DEMAND = 1_000_000
MIB = 1 << 20

Records = npt.NDArray[np.void]


@compiled
def book(host: Host, transfer: int, category: int, now_ns: int, spent_ns: int) -> None:
    """Book time to a category and to the CPU that ran, and to the journal if one is kept."""
    row = host.transfers[transfer]
    row.ledger[category] += spent_ns
    runner = host.steps[row.step].runner
    if runner == GUEST:
        row.cpu_ns[0] += spent_ns
    elif runner == HOST:
        row.cpu_ns[1] += spent_ns
    cursor = host.cursor[0]
    if cursor.journal < len(host.journal) and spent_ns > 0:
        entry = host.journal[cursor.journal]
        entry.transfer = transfer
        entry.step = row.step
        entry.category = category
        entry.started_ns = now_ns - spent_ns
        entry.spent_ns = spent_ns
        for i in range(COUNT_COUNT):
            entry.counts[i] = row.counts[i]
        cursor.journal += 1


@compiled
def book_step(host: Host, transfer: int, now_ns: int) -> None:
    """Book the time since the transfer's step began, and go to the next step."""
    row = host.transfers[transfer]
    book(host, transfer, host.steps[row.step].category, now_ns, now_ns - row.started_ns)
    row.step += 1


@compiled
def price(host: Host, transfer: int, step: int) -> int:
    """What a step costs: each price times its count, ns."""
    row = host.steps[step]
    prices, counts = row.prices, host.transfers[transfer].counts
    total = 0
    for i in range(row.first_price, row.last_price):
        total += prices[i] * counts[i]
    return total


@compiled
def copy_alone_ns(curves: Records, curve: int, copied_bytes: int) -> int:
    """Time of a copy that has the machine to itself: straight lines between measured points, then a slope."""
    row = curves[curve]
    sizes, times = row.bytes, row.ns
    last = row.points - 1
    if copied_bytes >= sizes[last]:
        return int(times[last] + (copied_bytes - sizes[last]) * row.beyond_ns_per_mib // MIB)
    i = 0
    while sizes[i + 1] <= copied_bytes:
        i += 1
    rise = times[i + 1] - times[i]
    return int(times[i] + (copied_bytes - sizes[i]) * rise // (sizes[i + 1] - sizes[i]))


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
def first_page(host: Host, transfer: int, which: int) -> int:
    """First page of a transfer's buffer in the host's page tree."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    return int(stream.first_page[which] + (row.buffer - stream.first_buffer) * stream.pages[which])


@compiled
def convert_buffer(host: Host, transfer: int, to_private: int, now_ns: int) -> None:
    """Convert the buffer's granules and keep the guest's gauge of shared memory."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    guest = host.guests[stream.guest]
    granules = row.counts[GRANULES]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    start = first_page(host, transfer, DEVICE)
    outcome, _ = convert(host.tree, start, granules * stream.granule_pages, to_private, host.rules, effects)
    assert outcome == OK, "a path converted memory that it still used"
    converted = effects[CONVERTED]
    row.conversions += granules
    row.converted_pages += converted
    guest.conversion_calls += 1
    guest.lost_pages += effects[CONTENT_LOST]
    guest.shared_page_ns += guest.shared_pages * (now_ns - guest.changed_ns)
    guest.changed_ns = now_ns
    guest.shared_pages += -converted if to_private else converted


@compiled
def use_memory(host: Host, transfer: int, step: int) -> None:
    """Apply a memory operation to the frame's pages; a consumer that finds other content marks the transfer."""
    row = host.transfers[transfer]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    operation, which = host.steps[step].argument, host.steps[step].range
    pages = row.counts[PAGES]
    if which == WHOLE_GRANULES:
        which = DEVICE
        pages = row.counts[GRANULES] * host.streams[row.stream].granule_pages
    tag = row.staged if operation == GUEST_WRITE else row.tag
    outcome, _ = apply(host.tree, first_page(host, transfer, which), pages, operation, tag, host.rules, effects)
    if outcome != OK:
        assert operation == EXPECT_CONTENT, "a path touched memory that it may not touch"
        row.is_intact = 0


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
def run_steps(host: Host, transfer: int, now_ns: int) -> None:
    """Run a transfer's steps from where it stands until it waits, spends time or ends."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
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
            use_memory(host, transfer, row.step)
        elif op == CONVERT:
            convert_buffer(host, transfer, step.argument, now_ns)
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
