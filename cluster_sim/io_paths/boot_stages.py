"""The programs of a guest's start, a stage each.

Its image is built, firmware accepts memory, firmware and kernel do their own work, the pool is shared, and the rest of
memory is accepted.
"""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.conversion_steps import convert, guest_touch
from cluster_sim.io_paths.host_side import fault_in
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import begin, end, enter_guest, leave_guest
from cluster_sim.io_paths.steps import (
    WHOLE,
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
    writing,
    zeroing,
)
from cluster_sim.memory.pages import Operation
from cluster_sim.results.ledger import Category


def first_touch(context: PathContext) -> Operation:
    """How the guest comes to have a page: it accepts a private one; without protection it just touches it."""
    return Operation.ACCEPT if context.protection.has_private_memory else Operation.GUEST_TOUCH_SHARED


def build_image(context: PathContext) -> Program:
    """The host puts the guest's image into private memory, page by page, before the guest runs.

    Where the security processor measures it, one image is built after the other on a host.
    """
    has_server = context.protection.has_launch_server
    return boot_stage(
        acquire(Resource.WORKER, "wait for the VMM"),
        spend("create the vCPUs", Category.WORK, Runner.HOST, *of_each_vcpu("boot_create_vcpu")),
        *((acquire(Resource.PSP, "wait for the security processor"),) if has_server else ()),
        memory("the image's pages are built", first_touch(context)),
        zeroing(
            spend(
                "allocate the image's pages",
                Category.ACCEPT_ZERO,
                Runner.HOST,
                Charge("allocate_page", Count.ALLOCATED),
            )
        ),
        writing(
            spend(
                "build and measure the image",
                Category.ACCEPT_ZERO,
                Runner.HOST,
                Charge("build_page", Count.PAGES),
                *of_each_vcpu("boot_measure_vcpu"),
            ),
            only=Count.PAGES,
        ),
        *((release(Resource.PSP),) if has_server else ()),
        release(Resource.WORKER),
    )


def of_each_vcpu(price: str) -> tuple[Charge, ...]:
    """A price for each vCPU of the guest."""
    return (Charge(price), Charge(price, Count.OTHER_VCPUS))


def start_kernel(context: PathContext) -> Program:
    """Firmware and kernel do what does not depend on pages; the kernel builds its memory map and starts other vCPUs."""
    return boot_stage(
        *enter_guest(context),
        spend("the firmware's own work", Category.WORK, Runner.GUEST, Charge("boot_firmware")),
        *touch_first(context),
        spend(
            "the kernel's own work, its memory map, and the start of the other vCPUs",
            Category.WORK,
            Runner.GUEST,
            Charge("boot_kernel"),
            Charge("boot_memory_map_gib", Count.GRANULES),
            Charge("boot_bring_up_vcpu", Count.OTHER_VCPUS),
        ),
        *leave_guest(context),
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
        *fault_in(context),
        release(Resource.WORKER),
    )


def accept_first(context: PathContext, *, in_parallel: bool) -> Program:
    """A part of memory is accepted before the guest does anything else, one after the other or one on each vCPU."""
    touch = touch_first(context, in_parallel=in_parallel)
    return boot_stage(*enter_guest(context), *touch, *leave_guest(context), amount=1 if in_parallel else WHOLE)


def accept_lazily(context: PathContext) -> Program:
    """A part of memory is accepted as the guest touches it, once it has booted."""
    return Program((*begin(context), *enter_guest(context), *touch_first(context), *leave_guest(context), *end()))


def touch_first(context: PathContext, *, in_parallel: bool = False) -> tuple[Step, ...]:
    """The guest touches memory for the first time: a page is allocated, given to it and accepted, at one price.

    Where its vCPUs do so at a time, a fault also waits for what the faults of the others had last.
    """
    shared = (Charge("shared_fault_locks", Count.GUEST_FAULTS),) if in_parallel else ()
    return (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock for reading", runner=Runner.GUEST),
        memory("the guest touches the pages for the first time", first_touch(context)),
        Step(
            Op.SPEND_LOCKED if context.protection.has_host_lock else Op.SPEND_WRITING,
            "give the pages to the guest",
            category=Category.ACCEPT_ZERO,
            runner=Runner.GUEST,
            charges=(Charge("first_touch_page", Count.GUEST_FAULTS), *shared),
            exits=Count.GUEST_FAULTS,
        ),
        *first_touch_by_leaf(context),
        release(Resource.MMU_LOCK),
    )


def first_touch_by_leaf(context: PathContext) -> tuple[Step, ...]:
    """Leaves of 2 MiB that the guest comes to have at once; there are none among 4 KiB folios."""
    if context.memory.huge_page == PAGE_BYTES:
        return ()
    return (
        Step(
            Op.SPEND_LOCKED if context.protection.has_host_lock else Op.SPEND_WRITING,
            "give leaves of 2 MiB to the guest",
            category=Category.ACCEPT_ZERO,
            runner=Runner.GUEST,
            charges=(Charge("first_touch_leaf_2m", Count.GUEST_FAULTS_2M),),
            exits=Count.GUEST_FAULTS_2M,
        ),
    )


def boot_stage(*steps: Step, amount: int = WHOLE) -> Program:
    """One stage of a guest's start: stages follow each other, and all else of the guest waits behind them."""
    return Program(
        (
            acquire(Resource.BOOT, "wait for the part before", amount=amount),
            Step(Op.TAKE_BUFFER, "take a free buffer", category=Category.QUEUE_WAIT),
            *steps,
            release(Resource.BOOT, amount=amount),
            *end(),
        )
    )
