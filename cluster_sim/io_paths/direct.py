"""Reaching the guest's own pages as they are: an unprotected guest has nothing to hide."""

from cluster_sim.io_paths.buffer_life import begin_posted, end_and_refill, post
from cluster_sim.io_paths.host_side import held_by_others, reach_once, use_storage, wrote
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import ALL_BUFFERS, BufferLife, PathNeeds
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    expect_data,
    handled,
    interrupt,
    leave_guest,
    own_work,
    pass_on,
    reclaim_sent,
    ring_host,
    worker,
)
from cluster_sim.io_paths.steps import Program, Range
from cluster_sim.scenario.path_spec import Copier, DirectPath


def needs(path: DirectPath) -> PathNeeds:
    """The guest's own buffers, as they are."""
    life = BufferLife(posted=ALL_BUFFERS if path.posted else 0)
    return PathNeeds(has_device_buffers=True, has_own_buffers=False, life=life)


def program(path: DirectPath, context: PathContext) -> Program:
    """The host reaches the guest's own buffer."""
    return unprotected(path.copier, context, posts=path.posted, crypto=path.crypto)


def unprotected(copier: Copier, context: PathContext, *, posts: bool, crypto: bool) -> Program:
    """A guest that nobody protects, whatever its path would do for one that somebody does."""
    if context.is_from_device:
        ring = ring_host(context)
        is_posted = posts and context.can_post
        fill = (*use_storage(context, copier), *reach_once(context, copier), wrote())
        main = (
            *(begin_posted(context) if is_posted else (*begin(context), *enter_guest(context), *ring)),
            *worker(context, *fill, *held_by_others(context)),
            *interrupt(context),
            handled(),
            expect_data(Range.DEVICE),
            *own_work(context, Range.DEVICE, crypto=crypto),
            *leave_guest(context),
            *(end_and_refill() if is_posted else end()),
        )
        return Program(main, post=post(context, rings=ring) if is_posted else ())
    reads = (*reach_once(context, copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            *own_work(context, Range.DEVICE, crypto=crypto),
            *ring_host(context),
            *worker(context, *reads, *held_by_others(context), *use_storage(context, copier)),
            *pass_on(context),
            *reclaim_sent(context),
            *end(),
        )
    )
