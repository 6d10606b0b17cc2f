"""Bouncing through swiotlb: a mapping a transfer, or mappings that stay and are synced."""

from cluster_sim.io_paths.buffer_life import begin_posted, end_and_refill, post, stop
from cluster_sim.io_paths.drivers import Mapping
from cluster_sim.io_paths.host_side import host_copy, use_storage
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import ALL_BUFFERS, BufferLife, PathNeeds, PoolNeeds, SlotNeeds
from cluster_sim.io_paths.step_sequences import (
    begin,
    complete_request,
    end,
    enter_guest,
    expect_data,
    give_buffer,
    guest_copy,
    guest_wrote,
    handled,
    interrupt,
    interrupt_for_credit,
    kick_request,
    leave_guest,
    own_work,
    pass_on,
    reclaim_sent,
    ring_host,
    worker,
)
from cluster_sim.io_paths.steps import (
    Charge,
    Count,
    End,
    Op,
    Program,
    Range,
    Resource,
    Runner,
    Step,
    acquire,
    release,
    spend,
)
from cluster_sim.memory.swiotlb import coco_pool_bytes, default_areas
from cluster_sim.platform.protection import Protection
from cluster_sim.results.endings import DropReason
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.path_spec import SwiotlbPath
from cluster_sim.scenario.spec import GuestGroupSpec

DEFAULT_POOL_BYTES = 64 << 20


def needs(path: SwiotlbPath, guest: GuestGroupSpec, protection: Protection) -> PathNeeds:
    """Private buffers, and a pool of bounce slots that the device reaches in their place."""
    pool_bytes = size_pool(path, guest, protection)
    areas = path.areas
    if areas == "auto":
        areas = 1 if protection.has_restricted_pool or path.restricted else default_areas(guest.vcpus, pool_bytes)
    slots = SlotNeeds(
        min_align_mask=path.min_align_mask,
        alloc_align_mask=path.alloc_align_mask,
        grow_bytes=path.grow if path.dynamic else 0,
        transient_bytes=transient_bytes(guest.memory) if path.dynamic else 0,
        is_per_device=path.restricted,
    )
    return PathNeeds(
        has_device_buffers=False,
        has_own_buffers=True,
        pool=PoolNeeds(
            pool_bytes=pool_bytes,
            areas=areas,
            slots=slots,
            lies_low=not (path.any or path.restricted or protection.has_restricted_pool),
        ),
        life=BufferLife(posted=ALL_BUFFERS),
    )


def size_pool(path: SwiotlbPath, guest: GuestGroupSpec, protection: Protection) -> int:
    """Bytes of a guest's pool: as given, else as the technology sizes it."""
    if path.pool != "auto":
        return path.pool
    return coco_pool_bytes(guest.memory) if protection.sizes_pool_by_memory else DEFAULT_POOL_BYTES


def transient_bytes(memory_bytes: int) -> int:
    """The atomic pool that a growing swiotlb takes transient slots from: 128 KiB a GiB, to 4 MiB (dma/pool.c)."""
    return min(max(128 << 10, memory_bytes >> 30 << 17), 4 << 20)


def program(path: SwiotlbPath, context: PathContext) -> Program:
    """Bounce a transfer through a mapping of its own, or through one that stays."""
    match mapping_of(path, context):
        case "for life":
            return sync(path, context)
        case "posted":
            return map_posted(path, context)
        case "per transfer":
            return map_and_unmap(path, context)


def mapping_of(path: SwiotlbPath, context: PathContext) -> Mapping:
    """When a buffer is mapped: as the definition says, else as the driver does; a request posts nothing."""
    if path.mapping == "long_lived":
        return "for life"
    if path.posted and context.can_post:
        return "posted"
    found: Mapping = context.driver.mapping if path.mapping == "auto" else "per transfer"
    return "per transfer" if found == "posted" and not context.can_post else found


def map_posted(path: SwiotlbPath, context: PathContext) -> Program:
    """Buffers are mapped whole and posted before anything comes: of 2 guest copies, 1 is in the latency."""
    ring = ring_host(context)
    into_slots = guest_copy(
        "map copies the buffer to the bounce slots, although the device will overwrite them",
        writes=End.DEVICE,
        copied=Range.WHOLE_BUFFER,
    )
    mapping = (*map_slots(), into_slots)
    ready = post(context, *mapping, rings=ring)
    main = (
        *begin_posted(context),
        *worker(context, *use_storage(context, path.copier), *host_copy(context, path.copier), staged()),
        *interrupt(context),
        guest_copy("unmap copies the bounce slots to the buffer", writes=End.OWN, copied=Range.WHOLE_BUFFER),
        guest_wrote(Range.OWN),
        *unmap_slots(),
        handled(),
        expect_data(Range.OWN),
        *own_work(context, Range.OWN, crypto=path.crypto),
        *leave_guest(context),
        *end_and_refill(),
    )
    in_vain = (*undo_search(context), give_buffer(), stop())
    return Program(main, post=ready, post_if_full=in_vain)


def map_and_unmap(path: SwiotlbPath, context: PathContext) -> Program:
    """Map and unmap each transfer: 2 guest copies from the device, 1 to it."""
    if context.is_from_device:
        into_slots = guest_copy(
            "map copies the buffer to the bounce slots, although the device will overwrite them", writes=End.DEVICE
        )
        on_host = worker(context, *use_storage(context, path.copier), *host_copy(context, path.copier), staged())
        steps = (
            *begin(context),
            *throttled(path, context),
            *enter_guest(context),
            *map_slots(),
            into_slots,
            *ring_host(context),
            *on_host,
            *interrupt(context),
            guest_copy("unmap copies the bounce slots to the buffer", writes=End.OWN),
            guest_wrote(Range.OWN),
            *unmap_slots(),
            *unthrottled(path, context),
            handled(),
            expect_data(Range.OWN),
            *own_work(context, Range.OWN, crypto=path.crypto),
            *leave_guest(context),
        )
    else:
        steps = (
            *begin(context),
            *throttled(path, context),
            *enter_guest(context),
            *own_work(context, Range.OWN, crypto=path.crypto),
            *map_slots(),
            guest_copy("map copies the buffer to the bounce slots", writes=End.DEVICE),
            staged(),
            *ring_host(context),
            *worker(context, check_staged(), *host_copy(context, path.copier), *use_storage(context, path.copier)),
            *pass_on(context),
            *reclaim_sent(context, *unmap_slots(), *unthrottled(path, context)),
        )
    whole = (*steps, *end())
    return Program(whole, when_pool_full(context, whole))


def sync(path: SwiotlbPath, context: PathContext) -> Program:
    """Buffers stay mapped for life; each transfer is synced: 1 guest copy, and 1 of memory that is mapped anew."""
    if context.is_from_device:
        text = "mapping as much memory anew copies it to its bounce slots"
        anew = (guest_copy(text, writes=End.DEVICE, copied=Range.WHOLE_BUFFER),)
        steps = (
            *begin(context),
            *kick_request(context),
            *worker(context, *use_storage(context, path.copier), *host_copy(context, path.copier), staged()),
            *interrupt(context),
            guest_copy("sync_for_cpu copies the bounce slots to the buffer", writes=End.OWN),
            guest_wrote(Range.OWN),
            *(anew if context.driver.maps_anew and path.mapping == "auto" else ()),
            handled(),
            expect_data(Range.OWN),
            *own_work(context, Range.OWN, crypto=path.crypto),
            *leave_guest(context),
        )
    else:
        steps = (
            *begin(context),
            *enter_guest(context),
            *interrupt_for_credit(context),
            *own_work(context, Range.OWN, crypto=path.crypto),
            guest_copy("sync_for_device copies the buffer to the bounce slots", writes=End.DEVICE),
            staged(),
            *ring_host(context),
            *worker(context, check_staged(), *host_copy(context, path.copier), *use_storage(context, path.copier)),
            *pass_on(context),
            *complete_request(context),
        )
    return Program((*steps, *end()))


def staged() -> Step:
    """The bounce slots now hold this transfer's data."""
    return Step(Op.STAGE, "the bounce slots hold the data")


def check_staged() -> Step:
    """The host must find this transfer's data in the slots."""
    return Step(Op.CHECK_STAGED, "the host finds the data in the bounce slots")


def under_area_lock(does: Step, takes: Step) -> tuple[Step, ...]:
    """Do something to the slots under the area's lock, which each mapping takes by itself.

    From another CPU, the lines of lock and slot list must come over first, with the lock in hand.
    """
    turn = (
        acquire(Resource.AREA_LOCK, "take the area's lock", runner=Runner.GUEST),
        does,
        spend(
            "lock and slot list come over from another CPU",
            Category.LOCK_WAIT,
            Runner.GUEST,
            Charge("lock_handover", Count.HANDED),
        ),
        takes,
    )
    again = "let the area's lock go, and take it for the next mapping"
    return (*turn, Step(Op.END_TURN, again, resource=Resource.AREA_LOCK, argument=len(turn) + 1))


def map_slots() -> tuple[Step, ...]:
    """Take slots for the buffer."""
    return under_area_lock(
        Step(Op.MAP_SLOTS, "find slots, 256 KiB a mapping at most"),
        spend(
            "search slots",
            Category.SLOTS,
            Runner.GUEST,
            Charge("map_piece", Count.PIECES),
            Charge("probe", Count.PROBES),
        ),
    )


def unmap_slots() -> tuple[Step, ...]:
    """Give the slots back."""
    return under_area_lock(
        Step(Op.UNMAP_SLOTS, "give the slots back"),
        spend("release slots", Category.SLOTS, Runner.GUEST, Charge("unmap_piece", Count.PIECES)),
    )


def throttled(path: SwiotlbPath, context: PathContext) -> tuple[Step, ...]:
    """Wait, with a block device, while swiotlb is nearly full and another maps.

    Kelley, 20240822183718.1234-2-mhklinux@outlook.com: above 70 % of the pool mappings go one at a time, down to 65 %.
    """
    if not (path.throttle and context.driver.may_be_held_back):
        return ()
    text = "wait while swiotlb is nearly full and another maps"
    return (Step(Op.THROTTLE, text, resource=Resource.THROTTLE, category=Category.QUEUE_WAIT, argument=1),)


def unthrottled(path: SwiotlbPath, context: PathContext) -> tuple[Step, ...]:
    """Let the next one map that waits while swiotlb is nearly full."""
    if not (path.throttle and context.driver.may_be_held_back):
        return ()
    return (Step(Op.END_THROTTLE, "the next that swiotlb holds back may map", resource=Resource.THROTTLE),)


def undo_search(context: PathContext) -> tuple[Step, ...]:
    """Leave the search that found no slots."""
    return (
        spend("search slots in vain", Category.SLOTS, Runner.GUEST, Charge("probe", Count.PROBES)),
        release(Resource.AREA_LOCK),
        *leave_guest(context),
    )


def when_pool_full(context: PathContext, whole: tuple[Step, ...]) -> tuple[Step, ...]:
    """Undo what came before the search that failed; then the driver drops the transfer, or maps it again later."""
    undo = undo_search(context)
    drop = (
        Step(Op.GIVE_BUFFER, "give the buffer back"),
        Step(Op.DROP, "swiotlb buffer is full", argument=DropReason.SWIOTLB_FULL),
    )
    match context.driver.when_pool_full:
        case "drop":
            return (*undo, *drop)
        case "refill later":
            later = Step(Op.REFILL_LATER, "an empty ring is refilled later", charges=(Charge("refill_delay"),))
            return (*undo, later, *drop)
        case "requeue":
            stands_first = Step(
                Op.REQUEUE,
                "wait for a completion of the queue, or the delay of an idle one",
                category=Category.QUEUE_WAIT,
                charges=(Charge("requeue_delay"),),
            )
            again = (*undo, stands_first, *enter_guest(context))
            lock_at = next(number for number, step in enumerate(whole) if step.resource == Resource.AREA_LOCK)
            distance = len(whole) + len(again) - lock_at
            return (*again, Step(Op.GO_BACK, "map it again", argument=distance))
