"""Streaming through buffers that were shared once: no mapping, no conversion, 0 to 2 copies."""

from cluster_sim.io_paths.path_context import Errand
from cluster_sim.io_paths.step_sequences import (
    answered,
    asked,
    begin,
    credit_came,
    end,
    enter_guest,
    expect_data,
    fault_in,
    guest_copy,
    guest_wrote,
    handled,
    held_by_others,
    interrupt,
    leave_guest,
    pass_on,
    reach,
    ring_host,
    use_storage,
    work,
    worker,
    wrote,
)
from cluster_sim.io_paths.steps import Program, Range, Step
from cluster_sim.scenario.path_spec import Copier, SharedPoolPath


def shared_pool(path: SharedPoolPath, errand: Errand) -> Program:
    """Take a buffer of the pool (a credit), fill it, publish it, use it, give the credit back."""
    return filled_by_host(path, errand) if errand.is_from_device else filled_by_guest(path, errand)


def filled_by_host(path: SharedPoolPath, errand: Errand) -> Program:
    """Host to guest: the host produces, the guest consumes; what was not asked for comes without a doorbell."""
    fill: tuple[Step, ...] = (*use_storage(errand, "cpu"), wrote())
    if path.copied_by in ("producer", "both"):
        fill = (*use_storage(errand, path.copier), *reach(errand, path.copier), wrote())
    snapshot: tuple[Step, ...] = ()
    if path.copied_by in ("consumer", "both"):
        snapshot = (
            expect_data(Range.DEVICE),
            guest_copy("copy a private snapshot out of the pool", crypto=path.crypto),
            guest_wrote(Range.OWN),
        )
    return Program(
        (
            *begin(errand),
            *asked(errand),
            *worker(errand, *fill, *held_by_others(errand)),
            *interrupt(errand),
            *snapshot,
            handled(),
            expect_data(Range.OWN if snapshot else Range.DEVICE),
            work(errand),
            *leave_guest(errand),
            *end(),
        )
    )


def filled_by_guest(path: SharedPoolPath, errand: Errand) -> Program:
    """Guest to host: the guest produces, the host consumes; a credit by itself comes back without an interrupt."""
    made: tuple[Step, ...] = (guest_wrote(Range.DEVICE),)
    if path.copied_by in ("producer", "both"):
        made = (
            guest_wrote(Range.OWN),
            guest_copy("copy the data into the pool", crypto=path.crypto),
            guest_wrote(Range.DEVICE),
        )
    copier: Copier = "cpu"
    reads = (*fault_in(), expect_data(Range.DEVICE))
    if path.copied_by in ("consumer", "both"):
        copier = path.copier
        reads = (*reach(errand, copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(errand),
            *enter_guest(errand),
            *credit_came(errand),
            work(errand),
            *made,
            *ring_host(errand),
            *worker(errand, *reads, *held_by_others(errand), *use_storage(errand, copier)),
            *pass_on(errand),
            *answered(errand),
            *end(),
        )
    )
