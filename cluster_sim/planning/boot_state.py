"""Guest memory as a run finds it: files, placement, what was touched and shared at boot."""

from collections.abc import Sequence

import numpy as np

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.chance.samples import sampled
from cluster_sim.engine.bounce import AT_PAGE
from cluster_sim.engine.buffer_life import batch_of, put_posted, set_shared, take_any
from cluster_sim.engine.guest_memory import convert_at, in_tree, operate_at, page_of
from cluster_sim.engine.state import Host
from cluster_sim.engine.transfers import units
from cluster_sim.engine.waiting import put_free_buffer
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.io_paths.steps import Range
from cluster_sim.memory.effects import EFFECT_COUNT, Counts, Effect
from cluster_sim.memory.leaves import count_leaves
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import PAGES_PER_1G, PAGES_PER_2M, PageTree, empty_tree
from cluster_sim.memory.pages import (
    ACCEPT_KEEPS,
    ACCEPT_ZEROES,
    DESTROYED,
    EXCLUSIVE_PINS,
    FIXED,
    IN_PLACE,
    KEPT,
    NO_ACCEPT,
    PRIVATE,
    SECRET,
    TWO_BACKINGS,
    ZEROED,
    MemoryRules,
    Operation,
)
from cluster_sim.memory.swiotlb import map_buffer
from cluster_sim.planning.guest_layout import GuestLayout
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.queue_traits import MOVES_DATA, Role
from cluster_sim.scenario.spec import ScenarioSpec

CONTENT = {"kept": KEPT, "zeroed": ZEROED, "lost": DESTROYED}
ACCEPT = {"none": NO_ACCEPT, "keeps": ACCEPT_KEEPS, "zeroes": ACCEPT_ZEROES}
# Under two backings an equal attribute is left alone as in place (T-4, V-3).
BACKING = {"G0": TWO_BACKINGS, "G1": FIXED, "G2": FIXED, "G3": IN_PLACE, "G4": IN_PLACE}


def memory_rules(protection: Protection, spec: MemorySpec) -> MemoryRules:
    """The memory model's view of a technology on a kernel; a guest without private memory has no huge gmem pages."""
    has_huge = protection.has_private_memory and spec.huge_page > PAGE_BYTES
    return MemoryRules(
        content_to_shared=CONTENT[protection.content_to_shared],
        content_to_private=CONTENT[protection.content_to_private],
        keeps_guest_mapping=protection.keeps_guest_mapping,
        accept=ACCEPT[protection.accept],
        backing=EXCLUSIVE_PINS if spec.backing == "exclusive_pin" else BACKING[spec.generation],
        discards=spec.discard,
        defers=spec.pin_policy == "defer",
        folio_pages=spec.huge_page // PAGE_BYTES if has_huge else 1,
        leaf_pages=protection.leaf_bytes_max // PAGE_BYTES if has_huge else 1,
        leaf_is_sticky=protection.leaf_is_sticky,
        has_hvo=spec.hvo,
        whole_when_shared=has_huge and spec.split == "mixed",
    )


def scatter_io_pages(
    scenario: ScenarioSpec, guests: Sequence[PlannedGuest], bases: Int64s, chance: tuple[int, ...]
) -> Int64s:
    """The tree's page of each I/O page of the host where they are scattered, else an empty array."""
    if scenario.memory.placement == "clustered":
        return np.zeros(0, np.int64)
    pages = []
    for guest, base in zip(guests, bases, strict=False):
        placed = guest.placed
        key = draw(1 << 62, *chance, placed.group.name, placed.index, "placement")
        pages.append(base + sampled(guest.layout.io_pages, guest.layout.end_page, key))
    return np.concatenate(pages)


def build_tree(
    scenario: ScenarioSpec, protection: Protection, guests: Sequence[PlannedGuest], bases: Int64s
) -> PageTree:
    """All guests' files, private at first where the technology has private memory (T-3), shared pages beside (M-10)."""
    entries = int(bases[-1]) // PAGES_PER_1G
    blocks = sum(guest.layout.huge_blocks for guest in guests)
    if scenario.memory.placement == "scattered":
        blocks += sum(min(guest.layout.io_pages, guest.layout.gib_entries * PAGES_PER_2M) for guest in guests)
    blocks += sum(2 + fault.length // (PAGES_PER_2M * PAGE_BYTES) for fault in scenario.faults)
    tree = empty_tree(entries, mid_nodes=entries, leaf_nodes=blocks)
    tree.top["word"] = PRIVATE if protection.has_private_memory else 0
    return tree


def boot(
    host: Host,
    protection: Protection,
    guests: Sequence[PlannedGuest],
    bases: Int64s,
    io_bases: Int64s,
) -> list[Counts]:
    """Touch what a guest has touched before the run, and share its pool; what sharing did, guest by guest."""
    effects = []
    for number, guest in enumerate(guests):
        layout, base, io_base = guest.layout, int(bases[number]), int(io_bases[number])
        memory_pages = guest.placed.group.memory // PAGE_BYTES
        gauges = host.state.guests[number]
        if host.spec.rules.folio_pages > 1 and not layout.boots:
            touch_all(host, base, memory_pages)
        touch_buffers(host, protection, layout, io_base)
        if not protection.has_private_memory:
            gauges["shared_pages"] = memory_pages
        else:
            fill_buffers(host, layout, io_base)
        gauges["leaves_at_boot"] = leaves_of(host, guest, base)
        done = np.zeros(EFFECT_COUNT, np.int64)
        if layout.needs.pool is not None and protection.has_private_memory and not layout.boots:
            done = share_pool(host, layout, io_base)
            gauges["shared_pages"] = layout.pool_bytes // PAGE_BYTES
            gauges["split"] = done[Effect.SPLIT]
            gauges["broken_leaves"] = done[Effect.LEAVES_BROKEN]
        if layout.resident_pages:
            share_resident(host, layout, io_base, gauges)
        effects.append(done)
    return effects


def post_at_boot(
    host: Host,
    streams: Sequence[PlannedStream],
    guests: Sequence[PlannedGuest],
    *,
    maps_ahead: bool,
) -> None:
    """Drivers filled their rings before the run: buffers are shared or mapped, and posted; not of guests that boot."""
    for number, stream in enumerate(streams):
        guest = guests[stream.guest]
        if guest.layout.boots or guest.placed.arrives_ns > 0:
            continue
        for _ in range(int(host.spec.streams[number]["posts"])):
            buffer = int(take_any(host, number))
            if not make_ready_to_post(host, number, buffer, guest.layout.needs, maps_ahead=maps_ahead):
                put_free_buffer(host, number, buffer)
                host.state.streams[number]["is_pool_full"] = 1
                break
            put_posted(host, number, buffer)


def make_ready_to_post(host: Host, number: int, buffer: int, needs: PathNeeds, *, maps_ahead: bool) -> bool:
    """Share or map a free buffer as its path does before posting it; False where there are no slots for it."""
    stream, state = host.spec.streams[number], host.state.buffers[buffer]
    size = int(stream["buffer_bytes"])
    if needs.slots is not None:
        first = int(stream["first_mapping"]) + (buffer - int(stream["first_buffer"])) * int(stream["mappings"])
        row = host.state.slots[first : first + int(stream["mappings"])]
        extra = int(stream["extra_mappings"])
        piece = stream["segment_bytes"]
        pieces = map_buffer(host.state.pools, stream["pool"], stream["home_area"], AT_PAGE, size, piece, extra, row)
        state["mapped_bytes"], state["mapped_pieces"] = size, pieces
        return bool(pieces)
    if needs.converts_buffers and state["shared_granules"] == 0:
        share_batch(host, number, buffer, maps_ahead=maps_ahead)
    return True


def share_batch(host: Host, number: int, buffer: int, *, maps_ahead: bool) -> None:
    """Share a buffer, and those that convert with it, before the run; `maps_ahead` maps them for the guest, too."""
    stream = host.spec.streams[number]
    first, end = batch_of(host, number, buffer)
    pages, granule = int(stream["pages"][Range.DEVICE]), int(stream["granule_pages"])
    granules = units(int(stream["buffer_bytes"]), granule * PAGE_BYTES) if end - first == 1 else pages // granule
    effects = np.zeros(EFFECT_COUNT, np.int64)
    for each in range(first, end):
        outcome, _ = convert_at(host, page_of(host, number, each), granules * granule, 0, effects)
        assert outcome == Outcome.OK
        if maps_ahead:
            apply_at(host, page_of(host, number, each), granules * granule, Operation.MAP_FOR_GUEST)
    set_shared(host, first, end, granules)
    host.state.buffers["is_closing"][first:end] = 0
    guest = host.state.guests[stream["guest"]]
    guest["left_shared_pages"] += effects[Effect.CONVERTED]
    guest["shared_pages"] += effects[Effect.CONVERTED]
    guest["split"] += effects[Effect.SPLIT]
    guest["exposed_pages"] += effects[Effect.EXPOSED]


def leaves_of(host: Host, guest: PlannedGuest, base: int) -> int:
    """Huge leaves, of the largest size that the technology maps the file by, in a guest's memory."""
    pages = min(host.spec.rules.folio_pages, host.spec.rules.leaf_pages)
    if pages == 1:
        return 0
    return int(count_leaves(host.state.tree, base // PAGES_PER_1G, guest.layout.gib_entries, pages))


def touch_all(host: Host, base: int, pages: int) -> None:
    """The guest has used all of its memory: whole huge pages, mapped by leaves as large as may be."""
    effects = np.zeros(EFFECT_COUNT, np.int64)
    outcome, _ = operate_at(in_tree(host), base, pages, Operation.ACCEPT, 0, effects)
    assert outcome == Outcome.OK


def touch_buffers(host: Host, protection: Protection, layout: GuestLayout, io_base: int) -> None:
    """Buffers were used before: by the guest alone where it has private memory, else by both sides."""
    touches = [Operation.GUEST_TOUCH_SHARED, Operation.HOST_TOUCH]
    if protection.has_private_memory:
        touches = [Operation.ACCEPT]
    for queue, buffers in zip(layout.queues, layout.buffers, strict=True):
        if queue.role not in (*MOVES_DATA, Role.CHURN):
            continue
        for operation in touches:
            apply_at(host, io_base + buffers.device_page, buffers.count * buffers.device_pages, operation)
            apply_at(host, io_base + buffers.own_page, buffers.count * buffers.own_pages, operation)


def fill_buffers(host: Host, layout: GuestLayout, io_base: int) -> None:
    """Pages that are converted are the guest's own: before the first conversion they hold its data."""
    for queue, buffers in zip(layout.queues, layout.buffers, strict=True):
        if (layout.needs.converts_buffers and queue.traits.moves_data) or queue.role == Role.CHURN:
            pages = buffers.count * buffers.device_pages
            apply_at(host, io_base + buffers.device_page, pages, Operation.GUEST_WRITE, tag=SECRET)


def share_pool(host: Host, layout: GuestLayout, io_base: int) -> Counts:
    """Make a guest's pool shared for good, as a file of its own (G1) or by converting it, and let both sides map it."""
    pages = layout.pool_bytes // PAGE_BYTES
    effects = np.zeros(EFFECT_COUNT, np.int64)
    if host.spec.rules.backing == FIXED:
        apply_at(host, io_base, pages, Operation.MAKE_SHARED)
    else:
        outcome, _ = convert_at(host, io_base, pages, 0, effects)
        assert outcome == Outcome.OK
    apply_at(host, io_base, pages, Operation.HOST_TOUCH)
    apply_at(host, io_base, pages, Operation.GUEST_TOUCH_SHARED)
    return effects


def share_resident(host: Host, layout: GuestLayout, io_base: int, gauges: np.void) -> None:
    """Share what stays shared beside pools, before the run; it keeps a page of 1 GiB around it split (H-7)."""
    effects = np.zeros(EFFECT_COUNT, np.int64)
    outcome, _ = convert_at(host, io_base + layout.resident_page, layout.resident_pages, 0, effects)
    assert outcome == Outcome.OK
    for operation in (Operation.HOST_TOUCH, Operation.GUEST_TOUCH_SHARED):
        apply_at(host, io_base + layout.resident_page, layout.resident_pages, operation)
    gauges["shared_pages"] += layout.resident_pages
    gauges["split"] += effects[Effect.SPLIT]
    gauges["broken_leaves"] += effects[Effect.LEAVES_BROKEN]


def apply_at(host: Host, start: int, count: int, operation: Operation, *, tag: int = 0) -> None:
    """Do at boot what must not be refused."""
    if not count:
        return
    outcome, _ = operate_at(host, start, count, operation, tag, np.zeros(EFFECT_COUNT, np.int64))
    assert outcome == Outcome.OK
