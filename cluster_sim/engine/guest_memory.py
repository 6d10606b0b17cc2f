"""What transfers do to guest memory: operations on their buffers, conversions that pins refuse, pins that linger.

Everything goes through the memory model; this module finds the pages, keeps the guests' gauges and decides what a
refusal means for the transfer.
"""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled, compiled_at_o1
from cluster_sim.engine.buffer_life import batch_of, set_shared
from cluster_sim.engine.guest_end import end_guest
from cluster_sim.engine.heap import pop, push
from cluster_sim.engine.last_level_cache import pass_cache
from cluster_sim.engine.state import FAR_NS, NOBODY, ON_PIN_DEFER, Host
from cluster_sim.engine.transfers import set_calls
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import COUNT_COUNT, FIRST_EFFECT, Count, Range
from cluster_sim.memory.conversion import convert, operate
from cluster_sim.memory.effects import LEAF_PAGES, Effect, tell_pages_from_leaves
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import KEPT, TWO_BACKINGS, Operation
from cluster_sim.results.endings import DropReason

Counts = npt.NDArray[np.int64]


@compiled
def first_page(host: Host, transfer: int, which: int) -> int:
    """First page of a transfer's buffer among the host's I/O pages."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    return int(stream.first_page[which] + (row.buffer - stream.first_buffer) * stream.pages[which])


@compiled
def page_of(host: Host, stream_number: int, buffer: int) -> int:
    """First page of a buffer that the device reaches, among the host's I/O pages."""
    stream = host.spec.streams[stream_number]
    return int(stream.first_page[Range.DEVICE] + (buffer - stream.first_buffer) * stream.pages[Range.DEVICE])


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


@compiled_at_o1
def convert_by_calls(host: Host, start: int, count: int, to_private: int, call_bytes: int, effects: Counts) -> int:
    """Convert I/O pages; of huge pages call by call, for a leaf converts whole only where one call covers it."""
    call_pages = call_bytes // PAGE_BYTES
    if host.spec.rules.folio_pages == 1 or call_pages >= LEAF_PAGES:
        call_pages = count
    outcome: int = Outcome.OK
    for page in range(start, start + count, call_pages):
        outcome, _ = convert_at(host, page, min(call_pages, start + count - page), to_private, effects)
        if outcome != Outcome.OK:
            break
    return outcome


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
def granules_to_convert(host: Host, transfer: int, to_private: int) -> tuple[int, int]:
    """Granules (first, count) of its buffer, or its batch, that a transfer converts: not shared yet, or shared."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if stream.batch > 1:
        first, end = batch_of(host, row.stream, row.buffer)
        each = stream.pages[Range.DEVICE] // stream.granule_pages
        return int((first - row.buffer) * each), int((end - first) * each)
    had, needed = host.state.buffers[row.buffer].shared_granules, row.counts[Count.GRANULES]
    if to_private:
        return 0, int(had if had > 0 else needed)
    return int(had), int(max(needed - had, 0))


@compiled
def note_converted(host: Host, transfer: int, first: int, count: int, to_private: int) -> None:
    """Keep how many granules of a buffer, or of those of its batch, are shared now."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if stream.batch == 1:
        state = host.state.buffers[row.buffer]
        state.shared_granules = 0 if to_private else first + count
        if to_private:
            state.uses = 0
            state.is_closing = 0
        return
    begin, end = batch_of(host, row.stream, row.buffer)
    set_shared(host, begin, end, 0 if to_private else count // (end - begin))


@compiled
def has_dma_entries(host: Host, number: int, pages: int) -> bool:
    """Whether VFIO can map so many more shared pages of a guest, which takes an entry each.

    If not, it fails with ENOSPC (vfio_iommu_type1: dma_avail), and the VMM stops the guest.
    """
    entries_max = host.spec.guests[number].dma_entries_max
    return bool(entries_max == 0 or host.state.guests[number].shared_pages + pages <= entries_max)


@compiled
def convert_buffer(host: Host, transfer: int, to_private: int, now_ns: int) -> bool:
    """Convert the buffer's granules, or those of all buffers of its batch; False when it must wait for pins to go."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.state.guests[stream.guest]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    first, granules = granules_to_convert(host, transfer, to_private)
    start = page_of(host, row.stream, row.buffer) + first * stream.granule_pages
    pages = granules * stream.granule_pages
    row.range_page, row.range_pages = start, pages
    if granules != row.counts[Count.GRANULES]:
        set_calls(row.counts, pages * PAGE_BYTES, stream.call_bytes, stream.chunk_bytes)
    if not to_private and not has_dma_entries(host, stream.guest, pages):
        end_guest(host, stream.guest, Outcome.ENOSPC, DropReason.GUEST_DIED, now_ns)
        return False
    outcome = convert_by_calls(host, start, pages, to_private, stream.call_bytes, effects)
    assert outcome == Outcome.OK or outcome == Outcome.EAGAIN or outcome == Outcome.EBUSY, (
        "a path converted what cannot be converted"
    )
    converted = effects[Effect.CONVERTED]
    change = -converted if to_private else converted
    keep_gauges(host, stream.guest, now_ns, change, effects)
    guest.left_shared_pages += change
    row.converted_pages += converted
    if host.spec.rules.folio_pages > 1:
        tell_pages_from_leaves(effects)
    if outcome != Outcome.OK:
        guest.refusals += 1
        return False
    row.conversions += granules
    guest.conversion_calls += 1
    note_converted(host, transfer, first, granules, to_private)
    is_needed_now = effects[Effect.DEFERRED] > 0 and host.spec.rules.content_to_private == KEPT
    return not is_needed_now


@compiled
def use_memory(host: Host, transfer: int, step: int) -> int:
    """Apply a memory operation to the frame's pages; a consumer that finds other content marks the transfer."""
    row = host.state.transfers[transfer]
    effects = row.counts[FIRST_EFFECT:COUNT_COUNT]
    effects[:] = 0
    operation, which = host.spec.steps[step].argument, host.spec.steps[step].range
    if which == Range.CONVERTED:
        start, pages = row.range_page, row.range_pages
    else:
        start, pages = first_page(host, transfer, which), row.counts[Count.PAGES]
    tag = row.staged if operation == Operation.GUEST_WRITE else row.tag
    outcome, _ = operate_at(host, start, pages, operation, tag, effects)
    if host.spec.rules.folio_pages > 1:
        tell_pages_from_leaves(effects)
    if effects[Effect.ALLOCATED] > 0:
        pass_cache(host, effects[Effect.ALLOCATED] * PAGE_BYTES)
    if outcome == Outcome.OK:
        return Outcome.OK
    if operation == Operation.EXPECT_CONTENT:
        row.is_intact = 0
        return Outcome.OK
    is_deferred = (operation == Operation.ACCEPT and outcome == Outcome.MEMORY_FAULT_EXIT) or (
        operation == Operation.MAP_FOR_GUEST and outcome == Outcome.EAGAIN
    )
    if is_deferred and host.spec.policy.on_pin == ON_PIN_DEFER:
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
        is_discarded = host.spec.rules.backing == TWO_BACKINGS
        assert is_discarded or host.spec.policy.has_faults, "a pin went without being given back"
        page = stopped + 1  # a discard or a fault punched this page: its orphan goes now
    keep_gauges(host, stream.guest, now_ns, -effects[Effect.CONVERTED], effects)
    host.state.guests[stream.guest].left_shared_pages -= effects[Effect.CONVERTED]
    waiter = int(host.state.pin_waiters[buffer])
    host.state.pin_waiters[buffer] = NOBODY
    return waiter
