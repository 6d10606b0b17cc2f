"""Reaching the guest's own pages as they are: an unprotected guest has nothing to hide."""

from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import PathNeeds
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    expect_data,
    guest_wrote,
    handled,
    held_by_others,
    interrupt,
    leave_guest,
    pass_on,
    reach_once,
    reclaim_sent,
    ring_host,
    use_storage,
    work,
    worker,
    wrote,
)
from cluster_sim.io_paths.steps import Program, Range
from cluster_sim.scenario.path_spec import Copier, DirectPath


def needs() -> PathNeeds:
    """The guest's own buffers, as they are."""
    return PathNeeds(has_device_buffers=True, has_own_buffers=False)


def program(path: DirectPath, context: PathContext) -> Program:
    """The host reaches the guest's own buffer."""
    return unprotected(path.copier, context)


def unprotected(copier: Copier, context: PathContext) -> Program:
    """A guest that nobody protects, whatever its path would do for one that somebody does."""
    if context.is_from_device:
        fill = (*use_storage(context, copier), *reach_once(context, copier), wrote())
        return Program(
            (
                *begin(context),
                *enter_guest(context),
                *ring_host(context),
                *worker(context, *fill, *held_by_others(context)),
                *interrupt(context),
                handled(),
                expect_data(Range.DEVICE),
                work(context),
                *leave_guest(context),
                *end(),
            )
        )
    reads = (*reach_once(context, copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            work(context),
            guest_wrote(Range.DEVICE),
            *ring_host(context),
            *worker(context, *reads, *held_by_others(context), *use_storage(context, copier)),
            *pass_on(context),
            *reclaim_sent(context),
            *end(),
        )
    )
