"""The programs of a guest's start, a stage each: its image is built, its pool shared, its memory accepted."""

from cluster_sim.io_paths.conversion_steps import convert, guest_touch
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import (
    begin,
    end,
    enter_guest,
    fault_in,
    leave_guest,
)
from cluster_sim.io_paths.steps import (
    Charge,
    Count,
    Op,
    Program,
    Resource,
    Runner,
    Step,
    acquire,
    memory,
    release,
    spend,
)
from cluster_sim.memory.pages import Operation
from cluster_sim.results.ledger import Category


def first_touch(context: PathContext) -> Operation:
    """How the guest comes to have a page: it accepts a private one; without protection it just touches it."""
    return Operation.ACCEPT if context.protection.has_private_memory else Operation.GUEST_TOUCH_SHARED


def build_image(context: PathContext) -> Program:
    """The host puts the guest's image into private memory, page by page, before the guest runs."""
    return boot_stage(
        acquire(Resource.WORKER, "wait for the VMM"),
        memory("the image's pages are built", first_touch(context)),
        spend(
            "build and measure the image",
            Category.ACCEPT_ZERO,
            Runner.HOST,
            Charge("build_page", Count.PAGES),
            Charge("allocate_page", Count.ALLOCATED),
        ),
        release(Resource.WORKER),
    )


def set_up_pool(context: PathContext) -> Program:
    """The guest shares its pool, and both sides map it."""
    share = convert(context, to_private=False, is_ranged=True) if context.protection.has_private_memory else ()
    return boot_stage(
        *enter_guest(context),
        *share,
        *guest_touch(context, private=False),
        *leave_guest(context),
        acquire(Resource.WORKER, "wait for the VMM"),
        *fault_in(),
        release(Resource.WORKER),
    )


def accept(context: PathContext, *, is_eager: bool) -> Program:
    """The guest touches memory for the first time: a page is allocated, given to it and accepted."""
    steps = (
        *enter_guest(context),
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock for reading", runner=Runner.GUEST),
        memory("the guest touches the pages for the first time", first_touch(context)),
        Step(
            Op.SPEND_LOCKED if context.protection.has_host_lock else Op.SPEND,
            "give the pages to the guest",
            category=Category.ACCEPT_ZERO,
            runner=Runner.GUEST,
            charges=(Charge("first_touch_page", Count.GUEST_FAULTS),),
            exits=Count.GUEST_FAULTS,
        ),
        spend("allocate the pages", Category.FAULT, Runner.GUEST, Charge("allocate_page", Count.ALLOCATED)),
        release(Resource.MMU_LOCK),
        *leave_guest(context),
    )
    if is_eager:
        return boot_stage(*steps)
    return Program((*begin(context), *steps, *end()))


def boot_stage(*steps: Step) -> Program:
    """One stage of a guest's start: stages follow each other, and all else of the guest waits behind them."""
    return Program(
        (
            acquire(Resource.BOOT, "wait for the part before"),
            Step(Op.TAKE_BUFFER, "take a free buffer", category=Category.QUEUE_WAIT),
            *steps,
            release(Resource.BOOT),
            *end(),
        )
    )
