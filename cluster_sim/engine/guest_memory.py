"""What transfers do to guest memory: operations on their buffers, conversions that pins refuse, pins that linger.

Everything goes through the memory model; this module finds the pages, keeps the guests' gauges and decides what a
refusal means for the transfer.
"""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled, compiled_at_o1
from cluster_sim.engine.heap import pop, push
from cluster_sim.engine.state import FAR_NS, NOBODY, ON_PIN_DEFER, Host
from cluster_sim.io_paths.steps import COUNT_COUNT, FIRST_EFFECT, Count, Range
from cluster_sim.memory.conversion import convert, operate
from cluster_sim.memory.effects import Effect
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import KEPT, Operation
from cluster_sim.results.endings import DropReason

Counts = npt.NDArray[np.int64]


@compiled
def first_page(host: Host, transfer: int, which: int) -> int:
    """First page of a transfer's buffer among the host's I/O pages."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    return int(stream.first_page[which] + (row.buffer - stream.first_buffer) * stream.pages[which])


@compiled_at_o1
def operate_at(host: Host, start: int, count: int, operation: int, tag: int, effects: Counts) -> tuple[int, int]:
    """Apply an operation to I/O pages: one range of the tree, or page by page where placement scatters them."""
    if len(host.spec.placement) == 0:
        return operate(host.state.tree, start, count, operation, tag, host.spec.rules, effects)
    for page in range(start, start + count):
        outcome, _ = operate(host.state.tree, host.spec.placement[page], 1, operation, tag, host.spec.rules, effects)
        if outcome != Outcome.OK:
            return outcome, page
    return Outcome.OK, start + count


@compiled_at_o1
def convert_at(host: Host, start: int, count: int, to_private: int, effects: Counts) -> tuple[int, int]:
    """Convert I/O pages: in one call, or page by page where placement scatters them."""
    if len(host.spec.placement) == 0:
        return convert(host.state.tree, start, count, to_private, host.spec.rules, effects)
    for page in range(start, start + count):
        outcome, _ = convert(host.state.tree, host.spec.placement[page], 1, to_private, host.spec.rules, effects)
        if outcome != Outcome.OK:
            return outcome, page
    return Outcome.OK, start + count


def in_tree(host: Host) -> Host:
    """The same state for operations on pages as the tree counts them, wherever placement puts those for I/O."""
    return host._replace(spec=host.spec._replace(placement=host.spec.placement[:0]))


@compiled
def keep_gauges(host: Host, number: int, now_ns: int, shared: int, effects: Counts) -> None:
    """Bring a guest's gauges up to now, `shared` pages more than before."""
    guest = host.state.guests[number]
    elapsed_ns = now_ns - guest.changed_ns
    guest.shared_page_ns += guest.shared_pages * elapsed_ns
    guest.split_ns += guest.split * elapsed_ns
    guest.changed_ns = now_ns
    if guest.end_reason != DropReason.GUEST_LEFT:
        guest.shared_pages += shared
        guest.split += effects[Effect.SPLIT] - effects[Effect.MERGED]
    guest.splits += effects[Effect.SPLIT]
    guest.merges += effects[Effect.MERGED]
    guest.broken_leaves += effects[Effect.LEAVES_BROKEN]
    guest.lost_pages += effects[Effect.CONTENT_LOST]
    guest.exposed_pages += effects[Effect.EXPOSED]
    guest.leaked_pages += effects[Effect.LEAKED]
    guest.orphaned_pages += effects[Effect.ORPHANED]
    guest.deferred_pages += effects[Effect.DEFERRED]


@compiled
def convert_buffer(host: Host, transfer: int, to_private: int, now_ns: int) -> bool:
    """Convert the buffer's granules; False when the transfer must wait for pins to go."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.state.guests[stream.guest]
    granules = row.counts[Count.GRANULES]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    start = first_page(host, transfer, Range.DEVICE)
    outcome, _ = convert_at(host, start, granules * stream.granule_pages, to_private, effects)
    assert outcome == Outcome.OK or outcome == Outcome.EAGAIN or outcome == Outcome.EBUSY, (
        "a path converted what cannot be converted"
    )
    converted = effects[Effect.CONVERTED]
    keep_gauges(host, stream.guest, now_ns, -converted if to_private else converted, effects)
    row.converted_pages += converted
    if outcome != Outcome.OK:
        guest.refusals += 1
        return False
    row.conversions += granules
    guest.conversion_calls += 1
    is_needed_now = effects[Effect.DEFERRED] > 0 and host.spec.rules.content_to_private == KEPT
    return not is_needed_now


@compiled
def use_memory(host: Host, transfer: int, step: int) -> int:
    """Apply a memory operation to the frame's pages; a consumer that finds other content marks the transfer."""
    row = host.state.transfers[transfer]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    operation, which = host.spec.steps[step].argument, host.spec.steps[step].range
    pages = row.counts[Count.PAGES]
    if which == Range.GRANULES:
        which = Range.DEVICE
        pages = row.counts[Count.GRANULES] * host.spec.streams[row.stream].granule_pages
    tag = row.staged if operation == Operation.GUEST_WRITE else row.tag
    outcome, _ = operate_at(host, first_page(host, transfer, which), pages, operation, tag, effects)
    if outcome == Outcome.OK:
        return Outcome.OK
    if operation == Operation.EXPECT_CONTENT:
        row.is_intact = 0
        return Outcome.OK
    if (
        operation == Operation.ACCEPT
        and outcome == Outcome.MEMORY_FAULT_EXIT
        and host.spec.policy.on_pin == ON_PIN_DEFER
    ):
        return Outcome.OK  # nobody needs the page before it is private, and then it is the next frame's
    assert host.spec.policy.has_faults, "a path touched memory that it may not touch"
    return outcome


@compiled
def hold_buffer(host: Host, transfer: int, operation: int, now_ns: int) -> None:
    """A user on the host pins the frame's pages, to give them back later; one that holds them already stays longer."""
    row = host.state.transfers[transfer]
    if row.frame % host.spec.policy.hold_every != 0:
        return
    until_ns = FAR_NS if host.spec.policy.hold_ns < 0 else now_ns + host.spec.policy.hold_ns
    was_held = host.state.held_until_ns[row.buffer] != 0
    host.state.held_until_ns[row.buffer] = until_ns
    if was_held:
        return
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    pages = row.counts[Count.PAGES]
    host.state.held_pages[row.buffer] = pages
    outcome, _ = operate_at(host, first_page(host, transfer, Range.DEVICE), pages, operation, 0, effects)
    assert outcome == Outcome.OK or host.spec.policy.has_faults, "a buffer could not be pinned"
    if until_ns != FAR_NS:
        cursor = host.state.cursor[0]
        cursor.sequence += 1
        push(host.state.holds, cursor.holds, until_ns, cursor.sequence, row.buffer)
        cursor.holds += 1


@compiled
def stream_of(host: Host, buffer: int) -> int:
    """The stream that a buffer belongs to."""
    stream = 0
    while buffer >= host.spec.streams[stream].first_buffer + host.spec.streams[stream].buffers:
        stream += 1
    return stream


@compiled
def release_hold(host: Host, now_ns: int) -> int:
    """The hold that is due ends: its pages are unpinned; the transfer that waited for that, or NOBODY."""
    cursor = host.state.cursor[0]
    buffer = pop(host.state.holds, cursor.holds)
    cursor.holds -= 1
    until_ns = host.state.held_until_ns[buffer]
    if until_ns > now_ns:
        cursor.sequence += 1
        push(host.state.holds, cursor.holds, until_ns, cursor.sequence, buffer)
        cursor.holds += 1
        return NOBODY
    host.state.held_until_ns[buffer] = 0
    number = stream_of(host, buffer)
    stream = host.spec.streams[number]
    operation = (
        Operation.UNPIN_SHORT if host.spec.policy.hold_operation == Operation.PIN_SHORT else Operation.UNPIN_LONG
    )
    page = stream.first_page[Range.DEVICE] + (buffer - stream.first_buffer) * stream.pages[Range.DEVICE]
    end = page + host.state.held_pages[buffer]
    effects = host.state.scratch
    effects[:] = 0
    while page < end:
        outcome, stopped = operate_at(host, page, end - page, operation, 0, effects)
        if outcome == Outcome.OK:
            break
        assert outcome == Outcome.EFAULT, "a pin could not be given back"
        assert host.spec.policy.has_faults, "a pin went without being given back"
        page = stopped + 1  # a fault punched this page: its orphan goes now
    keep_gauges(host, stream.guest, now_ns, -effects[Effect.CONVERTED], effects)
    waiter = int(host.state.pin_waiters[buffer])
    host.state.pin_waiters[buffer] = NOBODY
    return waiter
