"""Converting the guest's own pages: shared before each transfer, private again after it."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.conversion_steps import carries_content, convert, guest_touch, unmap_from_host
from cluster_sim.io_paths.direct import unprotected
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.path_needs import PathNeeds
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
    reclaim_sent,
    ring_host,
    use_storage,
    work,
    worker,
    wrote,
)
from cluster_sim.io_paths.steps import Program, Range, Step
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import ConvertPath


def needs(path: ConvertPath, protection: Protection, memory: MemorySpec) -> PathNeeds:
    """Buffers of whole granules that are converted; where that loses their content, private ones to copy to."""
    is_converted = protection.has_private_memory
    return PathNeeds(
        has_device_buffers=True,
        has_own_buffers=is_converted and not carries_content(protection, memory),
        granule_bytes=path.granule,
        converts_buffers=is_converted,
        calls=path.calls,
    )


def program(path: ConvertPath, context: PathContext) -> Program:
    """Share the buffer, let the host reach it, unshare it; under no protection there is nothing to convert."""
    if not context.protection.has_private_memory:
        return unprotected(path.copier, context)
    return filled_by_host(path, context) if context.is_from_device else filled_by_guest(path, context)


def is_ranged(path: ConvertPath) -> bool:
    """Whether one call covers more than a page."""
    return path.granule > PAGE_BYTES or path.calls == "ranged"


def filled_by_host(path: ConvertPath, context: PathContext) -> Program:
    """Host to guest; where unsharing loses the data, it is copied out first."""
    copy_out: tuple[Step, ...] = ()
    found = Range.DEVICE
    if not carries_content(context.protection, context.memory):
        found = Range.OWN
        copy_out = (
            *guest_touch(context, private=False),
            expect_data(Range.DEVICE),
            guest_copy("copy out, because unsharing destroys the data"),
            guest_wrote(Range.OWN),
        )
    fill = (*use_storage(context, path.copier), *reach_once(context, path.copier), wrote())
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            *convert(context, to_private=False, is_ranged=is_ranged(path)),
            *ring_host(context),
            *worker(context, *fill, *held_by_others(context), *unmap_from_host(path.unmapped_by)),
            *interrupt(context),
            *copy_out,
            *convert(context, to_private=True, is_ranged=is_ranged(path)),
            handled(),
            expect_data(found),
            work(context),
            *leave_guest(context),
            *end(),
        )
    )


def filled_by_guest(path: ConvertPath, context: PathContext) -> Program:
    """Guest to host; where sharing loses the data, the guest shares first and makes the data in the shared pages."""
    share = convert(context, to_private=False, is_ranged=is_ranged(path))
    if carries_content(context.protection, context.memory):
        made = (work(context), guest_wrote(Range.DEVICE), *share)
    else:
        made = (*share, *guest_touch(context, private=False), work(context), guest_wrote(Range.DEVICE))
    reads = (*reach_once(context, path.copier), expect_data(Range.DEVICE))
    return Program(
        (
            *begin(context),
            *enter_guest(context),
            *made,
            *ring_host(context),
            *worker(
                context,
                *reads,
                *held_by_others(context),
                *unmap_from_host(path.unmapped_by),
                *use_storage(context, path.copier),
            ),
            *pass_on(context),
            *reclaim_sent(context, *convert(context, to_private=True, is_ranged=is_ranged(path))),
            *end(),
        )
    )
