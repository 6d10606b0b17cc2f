"""Streaming through buffers that were shared once: no mapping, no conversion, 0 to 2 copies."""

from cluster_sim.io_paths.host_side import fault_in, held_by_others, made_in_place, reach, use_storage, wrote
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import PathNeeds, PoolNeeds
from cluster_sim.io_paths.step_sequences import (
    begin,
    complete_request,
    end,
    enter_guest,
    expect_data,
    guest_copies,
    guest_wrote,
    handled,
    interrupt,
    interrupt_for_credit,
    kick_request,
    leave_guest,
    pass_on,
    ring_host,
    work,
    worker,
)
from cluster_sim.io_paths.steps import End, Program, Range, Step
from cluster_sim.scenario.path_spec import Copier, SharedPoolPath


def needs(path: SharedPoolPath) -> PathNeeds:
    """A pool that holds the buffers; private ones where a side copies."""
    return PathNeeds(
        has_device_buffers=True,
        has_own_buffers=path.copied_by != "none",
        pool=PoolNeeds(pool_bytes=None if path.pool == "auto" else path.pool),
    )


def program(path: SharedPoolPath, context: PathContext) -> Program:
    """Take a buffer of the pool (a credit), fill it, publish it, use it, give the credit back."""
    return filled_by_host(path, context) if context.is_from_device else filled_by_guest(path, context)


def filled_by_host(path: SharedPoolPath, context: PathContext) -> Program:
    """Host to guest: the host produces, the guest consumes; what was not asked for comes without a doorbell."""
    fill: tuple[Step, ...] = made_in_place(context)
    if path.copied_by in ("producer", "both") or context.serves_files:
        fill = (*use_storage(context, path.copier), *reach(context, path.copier), wrote())
    snapshot: tuple[Step, ...] = ()
    if path.copied_by in ("consumer", "both"):
        snapshot = (
            expect_data(Range.DEVICE),
            *guest_copies("copy a private snapshot out of the pool", writes=End.OWN, crypto=path.crypto),
            guest_wrote(Range.OWN),
        )
    return Program(
        (
            *begin(context),
            *kick_request(context),
            *worker(context, *fill, *held_by_others(context)),
            *interrupt(context),
            *snapshot,
            handled(),
            expect_data(Range.OWN if snapshot else Range.DEVICE),
            *work(context),
            *leave_guest(context),
            *end(),
        )
    )


def filled_by_guest(path: SharedPoolPath, context: PathContext) -> Program:
    """Guest to host: the guest produces, the host consumes; a credit by itself comes back without an interrupt."""
    made: tuple[Step, ...] = (guest_wrote(Range.DEVICE),)
    if path.copied_by in ("producer", "both"):
        made = (
            guest_wrote(Range.OWN),
            *guest_copies("copy the data into the pool", writes=End.DEVICE, crypto=path.crypto),
            guest_wrote(Range.DEVICE),
        )
    copier: Copier = "cpu"
    reads = (*fault_in(context), expect_data(Range.DEVICE))
    if path.copied_by in ("consumer", "both") or context.serves_files:
        copier = path.copier
        reads = (*reach(context, copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            *interrupt_for_credit(context),
            *work(context),
            *made,
            *ring_host(context),
            *worker(context, *reads, *held_by_others(context), *use_storage(context, copier)),
            *pass_on(context),
            *complete_request(context),
            *end(),
        )
    )
