"""Converting the guest's own pages: shared before each transfer, private again after it."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.conversion_steps import carries_content, convert, guest_touch, unmap_from_host
from cluster_sim.io_paths.direct import direct
from cluster_sim.io_paths.path_context import Errand
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    expect_data,
    guest_copy,
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
from cluster_sim.io_paths.steps import Program, Range, Step
from cluster_sim.scenario.path_spec import ConvertPath


def convert_in_place(path: ConvertPath, errand: Errand) -> Program:
    """Share the buffer, let the host reach it, unshare it; under no protection there is nothing to convert."""
    if not errand.protection.has_private_memory:
        return direct(path.copier, errand)
    return filled_by_host(path, errand) if errand.is_from_device else filled_by_guest(path, errand)


def is_ranged(path: ConvertPath) -> bool:
    """Whether one call covers more than a page."""
    return path.granule > PAGE_BYTES or path.calls == "ranged"


def filled_by_host(path: ConvertPath, errand: Errand) -> Program:
    """Host to guest; where unsharing loses the data, it is copied out first."""
    copy_out: tuple[Step, ...] = ()
    found = Range.DEVICE
    if not carries_content(errand.protection, errand.memory):
        found = Range.OWN
        copy_out = (
            *guest_touch(errand, private=False),
            expect_data(Range.DEVICE),
            guest_copy("copy out, because unsharing destroys the data"),
            guest_wrote(Range.OWN),
        )
    fill = (*use_storage(errand, path.copier), *reach_once(errand, path.copier), wrote())
    return Program(
        (
            *begin(errand),
            *enter_guest(errand),
            *convert(errand, to_private=False, is_ranged=is_ranged(path)),
            *ring_host(errand),
            *worker(errand, *fill, *held_by_others(errand), *unmap_from_host(path.unmapped_by)),
            *interrupt(errand),
            *copy_out,
            *convert(errand, to_private=True, is_ranged=is_ranged(path)),
            handled(),
            expect_data(found),
            work(errand),
            *leave_guest(errand),
            *end(),
        )
    )


def filled_by_guest(path: ConvertPath, errand: Errand) -> Program:
    """Guest to host; where sharing loses the data, the guest shares first and makes the data in the shared pages."""
    share = convert(errand, to_private=False, is_ranged=is_ranged(path))
    if carries_content(errand.protection, errand.memory):
        made = (work(errand), guest_wrote(Range.DEVICE), *share)
    else:
        made = (*share, *guest_touch(errand, private=False), work(errand), guest_wrote(Range.DEVICE))
    reads = (*reach_once(errand, path.copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(errand),
            *enter_guest(errand),
            *made,
            *ring_host(errand),
            *worker(
                errand,
                *reads,
                *held_by_others(errand),
                *unmap_from_host(path.unmapped_by),
                *use_storage(errand, path.copier),
            ),
            *pass_on(errand),
            *told_it_is_gone(errand, *convert(errand, to_private=True, is_ranged=is_ranged(path))),
            *end(),
        )
    )
