"""Transfers come into being and end: an arrival, the next request of a closed loop, what another stream passes on."""

from cluster_sim.chance.compiled_draws import DIRECTION, SIZE, SPACING, WORK, around, below, exponential
from cluster_sim.compiling.decorators import compiled, compiled_at_o1, inlined
from cluster_sim.engine.heap import push
from cluster_sim.engine.state import (
    ALIVE,
    CONSTANT,
    DONE,
    FREE,
    NOBODY,
    NOT_HANDED,
    RUNNING,
    TIMED,
    UNIFORM,
    Arrivals,
    Host,
)
from cluster_sim.engine.stream_sums import tally
from cluster_sim.engine.wait_queues import make_ready
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.io_paths.steps import FIRST_EFFECT, Count, Direction
from cluster_sim.memory.pages import FIRST_TAG
from cluster_sim.memory.swiotlb import pieces_of
from cluster_sim.results.endings import Ending

PERCENT = 100


@compiled
def units(amount: int, unit: int) -> int:
    """Whole units that `amount` takes."""
    return (amount + unit - 1) // unit


@compiled
def set_counts(host: Host, transfer: int) -> None:
    """Work out what prices multiply with, as far as size alone decides it (docs/simulation.md §paths)."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    counted = host.state.streams[row.stream]
    if row.bytes != counted.counted_bytes:
        count_size(host, row.stream, row.bytes)
    counts = row.counts
    for i in range(FIRST_EFFECT):  # each memory operation clears those of effects
        counts[i] = counted.counts[i]
    work_ns = stream.work_ns[row.direction]
    if stream.work_draw != CONSTANT:
        key = host.spec.draw_keys[row.stream]
        if stream.work_draw == UNIFORM:
            work_ns = around(work_ns, stream.work_spread, key, row.frame, WORK)
        else:
            work_ns = exponential(work_ns, key, row.frame, WORK)
    counts[Count.WORK] = work_ns


@compiled
def set_calls(counts: Int64s, size_bytes: int, call_bytes: int, chunk_bytes: int) -> None:
    """Count the calls, and the exits to the VMM, that converting so many bytes takes."""
    counts[Count.CALLS] = units(size_bytes, call_bytes)
    counts[Count.CHUNKS] = units(size_bytes, chunk_bytes) if chunk_bytes > 0 else 0


@compiled
def count_size(host: Host, stream_number: int, size_bytes: int) -> None:
    """Work out what a size comes to for a stream; mostly the next transfer has the same."""
    stream = host.spec.streams[stream_number]
    counted = host.state.streams[stream_number]
    counted.counted_bytes = size_bytes
    counts = counted.counts
    granules = units(size_bytes, stream.granule_pages * PAGE_BYTES)
    counts[Count.ONCE] = 1
    counts[Count.PIECES] = pieces_of(size_bytes, stream.segment_bytes) + stream.extra_mappings
    counts[Count.PAGES] = units(size_bytes, PAGE_BYTES)
    counts[Count.GRANULES] = granules
    set_calls(counts, granules * stream.granule_pages * PAGE_BYTES, stream.call_bytes, stream.chunk_bytes)
    counts[Count.OTHER_VCPUS] = stream.other_vcpus
    counts[Count.CIPHER_UNITS] = units(size_bytes, stream.cipher_bytes)
    counts[Count.SUBMISSIONS] = units(units(size_bytes, stream.descriptor_bytes), stream.batch_descriptors)


@compiled
def new_transfer(
    host: Host,
    stream_number: int,
    frame: int,
    size_bytes: int,
    direction: int,
    at_ns: int,
    deadline_ns: int,
    origin_ns: int,
) -> int:
    """Give a transfer a row; it begins at `at_ns`."""
    cursor = host.state.cursor[0]
    assert cursor.free > 0
    cursor.free -= 1
    transfer = int(host.state.lists.free[cursor.free])
    row = host.state.transfers[transfer]
    row.stream = stream_number
    row.frame = frame
    row.bytes = size_bytes
    row.direction = direction
    row.tag = FIRST_TAG + frame * len(host.spec.streams) + stream_number
    row.staged = row.tag
    row.submitted_ns = at_ns
    row.origin_ns = origin_ns
    row.deadline_ns = deadline_ns
    row.handed_ns = NOT_HANDED
    row.ended_ns = at_ns
    row.outcome = Ending.IN_FLIGHT
    row.reason = 0
    row.phase = RUNNING
    row.step = host.spec.streams[stream_number].entry[direction]
    row.buffer = NOBODY
    row.held = 0
    row.turns_left = 0
    row.is_throttled = 0
    row.is_background = 0
    row.ledger[:] = 0
    row.cpu_ns[:] = 0
    row.copied_bytes[:] = 0
    row.conversions = 0
    row.converted_pages = 0
    row.exits = 0
    row.is_intact = 1
    set_counts(host, transfer)
    return transfer


@compiled
def admit(host: Host, arrivals: Arrivals, i: int) -> None:
    """Give an arrival a row and make it ready."""
    stream = arrivals.stream[i]
    host.state.streams[stream].submitted += 1
    transfer = new_transfer(
        host,
        stream,
        arrivals.frame[i],
        arrivals.bytes[i],
        arrivals.direction[i],
        arrivals.at_ns[i],
        arrivals.deadline_ns[i],
        arrivals.origin_ns[i],
    )
    make_ready(host, transfer)


@compiled
def draw_size(host: Host, stream_number: int, frame: int) -> int:
    """One of the stream's sizes, each as often as its percent says."""
    stream = host.spec.streams[stream_number]
    draw = below(PERCENT, host.spec.draw_keys[stream_number], frame, SIZE)
    i = stream.first_size
    while host.spec.sizes[i].up_to_percent <= draw:
        i += 1
    return int(host.spec.sizes[i].bytes)


@compiled
def next_request(host: Host, stream_number: int, at_ns: int) -> None:
    """The next request of a closed loop begins at `at_ns`; a log that has ended makes none."""
    stream = host.spec.streams[stream_number]
    moving = host.state.streams[stream_number]
    frame = moving.next_frame
    if stream.requests > 0:
        if frame == stream.requests:
            return
        size_bytes = host.spec.requests[stream.first_request + frame].bytes
        direction = host.spec.requests[stream.first_request + frame].direction
    else:
        size_bytes = draw_size(host, stream_number, frame)
        percent = below(PERCENT, host.spec.draw_keys[stream_number], frame, DIRECTION)
        direction = 0 if percent < stream.reads_percent else 1
    moving.next_frame += 1
    transfer = new_transfer(host, stream_number, frame, size_bytes, direction, at_ns, at_ns + stream.deadline_ns, at_ns)
    cursor = host.state.cursor[0]
    cursor.sequence += 1
    push(host.state.timers, cursor.timers, at_ns, cursor.sequence, transfer)
    cursor.timers += 1
    host.state.transfers[transfer].phase = TIMED


@compiled_at_o1
def open_loops(host: Host) -> None:
    """Begin all closed loops."""
    for number in range(len(host.spec.streams)):
        stream = host.spec.streams[number]
        if stream.is_closed:
            for _ in range(stream.loops):
                next_request(host, number, stream.starts_ns)


@compiled
def turn(host: Host, transfer: int) -> None:
    """A request that the server has becomes its answer: the same transfer, which goes on along the other queue."""
    row = host.state.transfers[transfer]
    host.state.streams[row.stream].submitted -= 1
    row.stream = host.spec.streams[row.stream].next_stream
    host.state.streams[row.stream].submitted += 1
    row.bytes = draw_size(host, row.stream, row.frame)
    row.direction = Direction.TO_DEVICE
    row.tag = FIRST_TAG + row.frame * len(host.spec.streams) + row.stream
    row.staged = row.tag
    row.buffer = NOBODY
    row.step = host.spec.streams[row.stream].entry[row.direction]
    set_counts(host, transfer)
    make_ready(host, transfer)


@compiled
def begin_parts(host: Host, transfer: int) -> None:
    """A request for a file begins with its first part."""
    row = host.state.transfers[transfer]
    row.whole_bytes = row.bytes
    row.part = 0
    take_part(host, transfer)


@compiled
def take_part(host: Host, transfer: int) -> None:
    """Give a transfer the size and the counts of its part.

    The guest works on all of the data at once: before the first part that it writes, after the last that it reads.
    """
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    number = row.part - stream.round_trips
    parts = units(row.whole_bytes, stream.part_bytes)
    left_bytes = row.whole_bytes - number * stream.part_bytes
    row.bytes = stream.round_trip_bytes if number < 0 else min(left_bytes, stream.part_bytes)
    set_counts(host, transfer)
    if number != (0 if row.direction == Direction.TO_DEVICE else parts - 1):
        row.counts[Count.WORK] = 0


@compiled
def end_part(host: Host, transfer: int, now_ns: int) -> None:
    """A part of a request for a file is done: the next begins, or the request is delivered."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    row.part += 1
    if row.part == stream.round_trips + units(row.whole_bytes, stream.part_bytes):
        row.bytes = row.whole_bytes
        finish(host, transfer, now_ns, Ending.DELIVERED, 0)
        return
    row.step -= host.spec.steps[row.step].argument
    row.handed_ns = NOT_HANDED
    row.buffer = NOBODY
    take_part(host, transfer)
    make_ready(host, transfer)


@compiled
def go_on_asking(host: Host, transfer: int, asking: int, now_ns: int) -> None:
    """A client has its answer: it thinks, and asks again; after an answer that took no time, 1 ns later."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[asking]
    if not stream.is_closed or host.state.guests[stream.guest].died_ns != ALIVE:
        return
    think_ns = stream.think_ns
    if stream.draws_think:
        think_ns = exponential(think_ns, host.spec.draw_keys[asking], row.frame, SPACING)
    next_request(host, asking, max(now_ns + think_ns, row.submitted_ns + 1))


@compiled
def ask_again_later(host: Host, asking: int, now_ns: int) -> None:
    """A client's request or its answer was dropped: it hears nothing, and asks again after a while."""
    stream = host.spec.streams[asking]
    if stream.is_closed and host.state.guests[stream.guest].died_ns == ALIVE:
        next_request(host, asking, now_ns + stream.timeout_ns)


@inlined
def forget(host: Host, transfer: int) -> None:
    """Free a row."""
    cursor = host.state.cursor[0]
    host.state.transfers[transfer].phase = FREE
    host.state.lists.free[cursor.free] = transfer
    cursor.free += 1


@compiled
def put_away(host: Host, transfer: int) -> None:
    """Add up a transfer that has ended, and keep its row to be read out, or free it."""
    tally(host, transfer)
    if host.spec.policy.keeps_rows:
        cursor = host.state.cursor[0]
        host.state.transfers[transfer].phase = DONE
        host.state.lists.done[cursor.done] = transfer
        cursor.done += 1
    else:
        forget(host, transfer)


@compiled
def finish(host: Host, transfer: int, now_ns: int, outcome: int, reason: int) -> None:
    """End a transfer, and add it up; a closed loop's next request follows.

    A request that took no time is followed after 1 ns, or time would stand still.
    """
    row = host.state.transfers[transfer]
    row.outcome = outcome
    row.reason = reason
    row.ended_ns = now_ns
    if row.handed_ns == NOT_HANDED:
        row.handed_ns = now_ns
    put_away(host, transfer)
    stream = host.spec.streams[row.stream]
    if stream.timeout_ns > 0:
        if outcome == Ending.DROPPED:
            ask_again_later(host, row.stream if stream.asked_by == NOBODY else stream.asked_by, now_ns)
    elif stream.is_closed and host.state.guests[stream.guest].died_ns == ALIVE:
        think_ns = stream.think_ns
        if think_ns == 0 and row.submitted_ns == now_ns:
            think_ns = 1
        next_request(host, row.stream, now_ns + think_ns)
