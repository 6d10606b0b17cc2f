"""Reaching the guest's own pages as they are: an unprotected guest has nothing to hide."""

from cluster_sim.io_paths.path_context import Errand
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
    ring_host,
    told_it_is_gone,
    use_storage,
    work,
    worker,
    wrote,
)
from cluster_sim.io_paths.steps import Program, Range
from cluster_sim.scenario.path_spec import Copier


def direct(copier: Copier, errand: Errand) -> Program:
    """An unprotected guest: the host reaches the guest's own buffer."""
    if errand.is_from_device:
        fill = (*use_storage(errand, copier), *reach_once(errand, copier), wrote())
        return Program(
            (
                *begin(errand),
                *enter_guest(errand),
                *ring_host(errand),
                *worker(errand, *fill, *held_by_others(errand)),
                *interrupt(errand),
                handled(),
                expect_data(Range.DEVICE),
                work(errand),
                *leave_guest(errand),
                *end(),
            )
        )
    reads = (*reach_once(errand, copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(errand),
            *enter_guest(errand),
            work(errand),
            guest_wrote(Range.DEVICE),
            *ring_host(errand),
            *worker(errand, *reads, *held_by_others(errand), *use_storage(errand, copier)),
            *pass_on(errand),
            *told_it_is_gone(errand),
            *end(),
        )
    )
