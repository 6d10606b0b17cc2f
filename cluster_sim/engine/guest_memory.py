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
from cluster_sim.memory.effects import (
    CONTENT_LOST,
    CONVERTED,
    DEFERRED_PAGES,
    EXPOSED,
    LEAKED,
    LEAVES_BROKEN,
    MERGED,
    ORPHANED,
    SPLIT,
)
from cluster_sim.memory.outcomes import EAGAIN, EBUSY, EFAULT, MEMORY_FAULT_EXIT, OK
from cluster_sim.memory.pages import (
    ACCEPT,
    EXPECT_CONTENT,
    GUEST_WRITE,
    KEPT,
    PIN_SHORT,
    UNPIN_LONG,
    UNPIN_SHORT,
)
from cluster_sim.results.endings import DropReason

GUEST_LEFT = int(DropReason.GUEST_LEFT)
PAGES = int(Count.PAGES)
GRANULES = int(Count.GRANULES)
DEVICE = int(Range.DEVICE)
WHOLE_GRANULES = int(Range.GRANULES)

Counts = npt.NDArray[np.int64]


@compiled
def first_page(host: Host, transfer: int, which: int) -> int:
    """First page of a transfer's buffer among the host's I/O pages."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    return int(stream.first_page[which] + (row.buffer - stream.first_buffer) * stream.pages[which])


@compiled_at_o1
def operate_at(host: Host, start: int, count: int, operation: int, tag: int, effects: Counts) -> tuple[int, int]:
    """Apply an operation to I/O pages: one range of the tree, or page by page where placement scatters them."""
    if len(host.placement) == 0:
        return operate(host.tree, start, count, operation, tag, host.rules, effects)
    for page in range(start, start + count):
        outcome, _ = operate(host.tree, host.placement[page], 1, operation, tag, host.rules, effects)
        if outcome != OK:
            return outcome, page
    return OK, start + count


@compiled_at_o1
def convert_at(host: Host, start: int, count: int, to_private: int, effects: Counts) -> tuple[int, int]:
    """Convert I/O pages: in one call, or page by page where placement scatters them."""
    if len(host.placement) == 0:
        return convert(host.tree, start, count, to_private, host.rules, effects)
    for page in range(start, start + count):
        outcome, _ = convert(host.tree, host.placement[page], 1, to_private, host.rules, effects)
        if outcome != OK:
            return outcome, page
    return OK, start + count


def in_tree(host: Host) -> Host:
    """The same state for operations on pages as the tree counts them, wherever placement puts those for I/O."""
    return host._replace(placement=host.placement[:0])


@compiled
def keep_gauges(host: Host, number: int, now_ns: int, shared: int, effects: Counts) -> None:
    """Bring a guest's gauges up to now, `shared` pages more than before."""
    guest = host.guests[number]
    elapsed_ns = now_ns - guest.changed_ns
    guest.shared_page_ns += guest.shared_pages * elapsed_ns
    guest.split_ns += guest.split * elapsed_ns
    guest.changed_ns = now_ns
    if guest.end_reason != GUEST_LEFT:
        guest.shared_pages += shared
        guest.split += effects[SPLIT] - effects[MERGED]
    guest.splits += effects[SPLIT]
    guest.merges += effects[MERGED]
    guest.broken_leaves += effects[LEAVES_BROKEN]
    guest.lost_pages += effects[CONTENT_LOST]
    guest.exposed_pages += effects[EXPOSED]
    guest.leaked_pages += effects[LEAKED]
    guest.orphaned_pages += effects[ORPHANED]
    guest.deferred_pages += effects[DEFERRED_PAGES]


@compiled
def convert_buffer(host: Host, transfer: int, to_private: int, now_ns: int) -> bool:
    """Convert the buffer's granules; False when the transfer must wait for pins to go."""
    row = host.transfers[transfer]
    stream = host.streams[row.stream]
    guest = host.guests[stream.guest]
    granules = row.counts[GRANULES]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    start = first_page(host, transfer, DEVICE)
    outcome, _ = convert_at(host, start, granules * stream.granule_pages, to_private, effects)
    assert outcome == OK or outcome == EAGAIN or outcome == EBUSY, "a path converted what cannot be converted"
    converted = effects[CONVERTED]
    keep_gauges(host, stream.guest, now_ns, -converted if to_private else converted, effects)
    row.converted_pages += converted
    if outcome != OK:
        guest.refusals += 1
        return False
    row.conversions += granules
    guest.conversion_calls += 1
    is_needed_now = effects[DEFERRED_PAGES] > 0 and host.rules.content_to_private == KEPT
    return not is_needed_now


@compiled
def use_memory(host: Host, transfer: int, step: int) -> int:
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
    outcome, _ = operate_at(host, first_page(host, transfer, which), pages, operation, tag, effects)
    if outcome == OK:
        return OK
    if operation == EXPECT_CONTENT:
        row.is_intact = 0
        return OK
    if operation == ACCEPT and outcome == MEMORY_FAULT_EXIT and host.policy.on_pin == ON_PIN_DEFER:
        return OK  # nobody needs the page before it is private, and then it is the next frame's
    assert host.policy.has_faults, "a path touched memory that it may not touch"
    return outcome


@compiled
def hold_buffer(host: Host, transfer: int, operation: int, now_ns: int) -> None:
    """A user on the host pins the frame's pages, to give them back later; one that holds them already stays longer."""
    row = host.transfers[transfer]
    if row.frame % host.policy.hold_every != 0:
        return
    until_ns = FAR_NS if host.policy.hold_ns < 0 else now_ns + host.policy.hold_ns
    was_held = host.held_until[row.buffer] != 0
    host.held_until[row.buffer] = until_ns
    if was_held:
        return
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    pages = row.counts[PAGES]
    host.held_pages[row.buffer] = pages
    outcome, _ = operate_at(host, first_page(host, transfer, DEVICE), pages, operation, 0, effects)
    assert outcome == OK or host.policy.has_faults, "a buffer could not be pinned"
    if until_ns != FAR_NS:
        cursor = host.cursor[0]
        cursor.sequence += 1
        push(host.holds, cursor.holds, until_ns, cursor.sequence, row.buffer)
        cursor.holds += 1


@compiled
def stream_of(host: Host, buffer: int) -> int:
    """The stream that a buffer belongs to."""
    stream = 0
    while buffer >= host.streams[stream].first_buffer + host.streams[stream].buffers:
        stream += 1
    return stream


@compiled
def release_hold(host: Host, now_ns: int) -> int:
    """The hold that is due ends: its pages are unpinned; the transfer that waited for that, or NOBODY."""
    cursor = host.cursor[0]
    buffer = pop(host.holds, cursor.holds)
    cursor.holds -= 1
    until_ns = host.held_until[buffer]
    if until_ns > now_ns:
        cursor.sequence += 1
        push(host.holds, cursor.holds, until_ns, cursor.sequence, buffer)
        cursor.holds += 1
        return NOBODY
    host.held_until[buffer] = 0
    number = stream_of(host, buffer)
    stream = host.streams[number]
    operation = UNPIN_SHORT if host.policy.hold_operation == PIN_SHORT else UNPIN_LONG
    page = stream.first_page[DEVICE] + (buffer - stream.first_buffer) * stream.pages[DEVICE]
    end = page + host.held_pages[buffer]
    effects = host.scratch
    effects[:] = 0
    while page < end:
        outcome, stopped = operate_at(host, page, end - page, operation, 0, effects)
        if outcome == OK:
            break
        assert outcome == EFAULT, "a pin could not be given back"
        assert host.policy.has_faults, "a pin went without being given back"
        page = stopped + 1  # a fault punched this page: its orphan goes now
    keep_gauges(host, stream.guest, now_ns, -effects[CONVERTED], effects)
    waiter = int(host.pin_waiters[buffer])
    host.pin_waiters[buffer] = NOBODY
    return waiter
