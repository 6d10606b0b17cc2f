"""Converting the guest's own pages: shared before transfers, private again after each, or after several."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.buffer_life import (
    begin_posted,
    deliver_then_restore,
    end_and_refill,
    opened,
    post,
    reap,
    restore,
    unless_it_stays,
    unless_shared,
)
from cluster_sim.io_paths.conversion_steps import carries_content, convert, guest_touch, unmap_from_host
from cluster_sim.io_paths.direct import unprotected
from cluster_sim.io_paths.host_side import held_by_others, reach_once, use_storage, wrote
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import BufferLife, PathNeeds
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    expect_data,
    guest_copy,
    guest_wrote,
    handled,
    interrupt,
    leave_guest,
    own_work,
    pass_on,
    reclaim_sent,
    ring_host,
    worker,
)
from cluster_sim.io_paths.steps import End, Program, Range, Step
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import ConvertPath


def needs(path: ConvertPath, protection: Protection, memory: MemorySpec) -> PathNeeds:
    """Buffers of whole granules that are converted; where the data must be copied out of them, private ones besides."""
    is_converted = protection.has_private_memory
    return PathNeeds(
        has_device_buffers=True,
        has_own_buffers=is_converted and copies_out(path, protection, memory),
        granule_bytes=path.granule,
        converts_buffers=is_converted,
        calls=path.calls,
        life=life_of(path) if is_converted else BufferLife(posted=path.ahead),
    )


def life_of(path: ConvertPath) -> BufferLife:
    """What becomes of a buffer between transfers."""
    keep = path.keep
    if keep == "forever":
        return BufferLife(may_stay_shared=True, uses=0, batch=path.batch, posted=path.ahead)
    return BufferLife(
        may_stay_shared=path.keeps,
        uses=keep.uses,
        idle_ns=keep.idle,
        most_bytes=keep.most,
        batch=path.batch,
        posted=path.ahead,
    )


def posts(path: ConvertPath, context: PathContext) -> bool:
    """Whether buffers are made ready before a transfer comes; a request brings its own."""
    return path.ahead > 0 and not context.is_request


def stays_for_a_while(path: ConvertPath) -> bool:
    """Whether the page may still be shared when the guest works on what came in it."""
    return path.keeps or path.behind or path.batch > 1


def copies_out(path: ConvertPath, protection: Protection, memory: MemorySpec) -> bool:
    """Whether what comes may have to be copied to private memory: unsharing loses it, or comes later."""
    is_lost = not carries_content(protection, memory)
    return path.consume == "copy_out" and (is_lost or stays_for_a_while(path))


def program(path: ConvertPath, context: PathContext) -> Program:
    """Share the buffer, let the host reach it, unshare it; under no protection there is nothing to convert."""
    if not context.protection.has_private_memory:
        return unprotected(path.copier, context, posts=path.ahead > 0, crypto=path.crypto)
    return filled_by_host(path, context) if context.is_from_device else filled_by_guest(path, context)


def is_ranged(path: ConvertPath, context: PathContext) -> bool:
    """Whether one call covers more than a page."""
    takes_more = path.calls == "batched" and context.protection.call_granules_max != 1
    return path.granule > PAGE_BYTES or path.calls == "ranged" or takes_more


def share_buffer(path: ConvertPath, context: PathContext) -> tuple[Step, ...]:
    """Share the buffer, where it may have stayed shared only if it has not."""
    share = (*convert(context, to_private=False, is_ranged=is_ranged(path, context)), *done_together(path))
    return unless_shared(*share) if path.keeps or path.batch > 1 else share


def done_together(path: ConvertPath) -> tuple[Step, ...]:
    """What others wait for where buffers convert together."""
    return (opened(),) if path.batch > 1 else ()


def unshare_buffer(path: ConvertPath, context: PathContext) -> tuple[Step, ...]:
    """Make the buffer private again, unless it may stay shared."""
    unshare = make_private(path, context)
    return unless_it_stays(unshare) if path.keeps or path.batch > 1 else unshare


def make_private(path: ConvertPath, context: PathContext) -> tuple[Step, ...]:
    """Convert the buffer to private."""
    unshare = convert(context, to_private=True, is_ranged=is_ranged(path, context), unmapped_by=path.unmapped_by)
    return (*unshare, *done_together(path))


def around(path: ConvertPath, context: PathContext, main: tuple[Step, ...], *, rings: tuple[Step, ...]) -> Program:
    """The program whose transfers are `main`, with what comes ahead of them, behind them and between them."""
    refills = posts(path, context)
    ready = post(context, *share_buffer(path, context), rings=rings) if refills else ()
    later = restore(context, *unshare_buffer(path, context), posts=refills) if path.behind else ()
    idle = reap(context, make_private(path, context)) if life_of(path).idle_ns else ()
    return Program(main, post=ready, restore=later, reap=idle)


def ending(path: ConvertPath, context: PathContext) -> tuple[Step, ...]:
    """How a transfer ends: its buffer is free, or left to be restored; then it is delivered."""
    if path.behind:
        return deliver_then_restore()
    return end_and_refill() if posts(path, context) else end()


def filled_by_host(path: ConvertPath, context: PathContext) -> Program:
    """Host to guest: the guest works on what came in private memory, or, if it may, where it lies."""
    ring = ring_host(context)
    ahead = (*begin(context), *enter_guest(context), *share_buffer(path, context), *ring)
    fill = (*use_storage(context, path.copier), *reach_once(context, path.copier), wrote())
    main = (
        *(begin_posted(context) if posts(path, context) else ahead),
        *worker(context, *fill, *held_by_others(context), *unmap_from_host(context, path.unmapped_by)),
        *interrupt(context),
        *consume(path, context),
        *leave_guest(context),
        *ending(path, context),
    )
    return around(path, context, main, rings=ring)


def consume(path: ConvertPath, context: PathContext) -> tuple[Step, ...]:
    """The guest works on what came, and makes the page private before or after, unless that comes later."""
    unshare = () if path.behind else unshare_buffer(path, context)
    found = (*guest_touch(context, private=False), expect_data(Range.DEVICE))
    used = own_work(context, Range.DEVICE, crypto=path.crypto)
    used_copy = own_work(context, Range.OWN, crypto=path.crypto)
    if path.consume == "in_place":
        return (*found, handled(), *used, *unshare)
    copy = (guest_copy("copy out of the shared page", writes=End.OWN), guest_wrote(Range.OWN), expect_data(Range.OWN))
    if not carries_content(context.protection, context.memory):
        return (*found, *copy[:2], *unshare, handled(), copy[2], *used_copy)
    if path.behind:
        return (*found, *copy, handled(), *used_copy)
    in_its_page = (*make_private(path, context), expect_data(Range.DEVICE))
    if path.keeps or path.batch > 1:
        in_its_page = unless_it_stays(in_its_page, otherwise=(*found, *copy))
        return (*in_its_page, handled(), *used)
    return (*make_private(path, context), handled(), expect_data(Range.DEVICE), *used)


def filled_by_guest(path: ConvertPath, context: PathContext) -> Program:
    """Guest to host; where sharing loses the data, or came before, the guest makes the data in the shared pages."""
    used = own_work(context, Range.DEVICE, crypto=path.crypto)
    shared = (*guest_touch(context, private=False), *used)
    share = share_buffer(path, context)
    if posts(path, context):
        made = (*begin_posted(context), *enter_guest(context), *shared)
    elif carries_content(context.protection, context.memory):
        made = (*begin(context), *enter_guest(context), *used, *share)
    else:
        made = (*begin(context), *enter_guest(context), *share, *shared)
    reads = (*reach_once(context, path.copier), expect_data(Range.DEVICE))
    main = (
        *made,
        *ring_host(context),
        *worker(
            context,
            *reads,
            *held_by_others(context),
            *unmap_from_host(context, path.unmapped_by),
            *use_storage(context, path.copier),
        ),
        *pass_on(context),
        *reclaim_sent(context, *(() if path.behind else unshare_buffer(path, context))),
        *ending(path, context),
    )
    return around(path, context, main, rings=leave_guest(context))
