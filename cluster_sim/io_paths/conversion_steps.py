"""Stretches of steps that convert a buffer: the attempt, its price by technology, the guest's faults afterwards."""

from typing import Literal

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.steps import (
    WHOLE,
    Charge,
    Count,
    Op,
    Range,
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
from cluster_sim.platform.protection import Protection
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.memory_spec import MemorySpec

HUGE_NAMES = {2 << 20: "2m", 1 << 30: "1g"}
UnmappedBy = Literal["conversion", "host"]


def carries_content(protection: Protection, spec: MemorySpec) -> bool:
    """Whether what was written on one side of a conversion is there after it: one page, and kept (T-6)."""
    return protection.keeps_content and spec.generation != "G0"


def loses_guest_mapping(context: PathContext) -> bool:
    """Whether a page that converts leaves the guest's stage-2, and must be faulted in again."""
    keeps = context.protection.keeps_guest_mapping and context.memory.generation != "G0"
    return context.protection.has_private_memory and not keeps


def guest_touch(context: PathContext, *, private: bool) -> tuple[Step, ...]:
    """The guest touches each page; those that its stage-2 lost fault, under mmu_lock; then it accepts private ones."""
    if not loses_guest_mapping(context):
        return ()
    operation = Operation.ACCEPT if private else Operation.GUEST_TOUCH_SHARED
    kind = "private" if private else "shared"
    touched = Range.CONVERTED if private else Range.DEVICE
    if is_mapped_ahead(context):
        accept = accept_pages(context) if private else ()
        return (memory("the guest touches the buffer's pages", operation, touched), *accept) if accept else ()
    faults = (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock for reading", runner=Runner.GUEST),
        memory("the guest touches the buffer's pages", operation, touched),
        zeroing(
            spend(
                "guest page faults",
                Category.FAULT,
                Runner.GUEST,
                Charge(f"guest_fault_{kind}_page", Count.GUEST_FAULTS),
                Charge("allocate_page", Count.ALLOCATED),
                exits=Count.GUEST_FAULTS,
            )
        ),
        *guest_faults_by_leaf(context, kind),
        release(Resource.MMU_LOCK),
    )
    return (*faults, *accept_pages(context)) if private else faults


def is_mapped_ahead(context: PathContext) -> bool:
    """Whether a page that converted never faults: the VMM mapped it, as all are converted at once."""
    return context.guest_faults == "prefault" and context.memory.pin_policy != "defer"


def accept_pages(context: PathContext) -> tuple[Step, ...]:
    """The guest accepts what it touched for the first time as private, where the technology asks it."""
    if not context.protection.accepts_pages:
        return ()
    accept = spend(
        "accept the pages",
        Category.ACCEPT_ZERO,
        Runner.GUEST,
        Charge("accept_page", Count.ACCEPTED),
        Charge("accept_leaf_2m", Count.ACCEPTED_2M),
    )
    return (writing(accept) if context.protection.accept == "zeroes" else accept, *break_by_accept(context))


def break_by_accept(context: PathContext) -> tuple[Step, ...]:
    """Leaves that an accept of another size breaks; 4 KiB folios have none."""
    if context.memory.huge_page == PAGE_BYTES:
        return ()
    text = "break leaves that are accepted page by page"
    return (spend(text, Category.SPLIT_MERGE, Runner.GUEST, Charge("break_leaf", Count.LEAVES_BROKEN)),)


def guest_faults_by_leaf(context: PathContext, kind: str) -> tuple[Step, ...]:
    """Faults that map 2 MiB each; 4 KiB folios have none."""
    if context.memory.huge_page == PAGE_BYTES:
        return ()
    return (
        spend(
            "guest page faults of 2 MiB",
            Category.FAULT,
            Runner.GUEST,
            Charge(f"guest_fault_{kind}_leaf_2m", Count.GUEST_FAULTS_2M),
            exits=Count.GUEST_FAULTS_2M,
        ),
    )


def map_ahead(context: PathContext, *, private: bool) -> tuple[Step, ...]:
    """The VMM maps what converted for the guest before it returns (KVM_PRE_FAULT_MEMORY), where it does so."""
    if context.guest_faults != "prefault" or not loses_guest_mapping(context):
        return ()
    kind = "private" if private else "shared"
    return (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock for reading", runner=Runner.GUEST),
        memory("the VMM maps the range for the guest", Operation.MAP_FOR_GUEST, Range.CONVERTED),
        zeroing(
            spend(
                "map ahead for the guest",
                Category.FAULT,
                Runner.GUEST,
                Charge(f"map_ahead_{kind}_page", Count.GUEST_FAULTS),
                Charge(f"map_ahead_{kind}_leaf_2m", Count.GUEST_FAULTS_2M),
                Charge("allocate_page", Count.ALLOCATED),
            )
        ),
        release(Resource.MMU_LOCK),
    )


def attempt(protection: Protection, *, to_private: bool) -> tuple[Step, ...]:
    """Take the guest's mmu_lock and convert; while pins refuse it, let go, wait as the pin policy says, do it again.

    A conversion that succeeds goes on behind these steps; once all pins are gone it does (invariant 12).
    """
    verb = "unshare" if to_private else "share"
    return (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock", runner=Runner.GUEST, amount=WHOLE),
        Step(Op.CONVERT, f"{verb} the buffer", argument=int(to_private)),
        release(Resource.MMU_LOCK, amount=WHOLE),
        Step(
            Op.AGAIN,
            "pins refuse the conversion",
            category=Category.PIN_WAIT,
            charges=(
                Charge(f"{verb}_call"),
                *((Charge("vmm_exit"),) if protection.vmm_exits != "none" else ()),
                Charge("host_unmap_page", Count.HOST_UNMAPPED),
                Charge("host_unmap_leaf_2m", Count.HOST_UNMAPPED_2M),
            ),
            exits=Count.ONCE,
        ),
        Step(Op.GO_BACK, "try again", argument=ATTEMPT_STEPS - 1),
    )


ATTEMPT_STEPS = 5


def restructure(spec: MemorySpec) -> tuple[Step, ...]:
    """What a conversion did beyond attributes: the other backing's pages freed, huge pages split or merged."""
    if spec.backing == "exclusive_pin":
        flip = Charge("exclusive_flip", Count.CONVERTED)
        return (spend("flip the exclusive pins", Category.PAGE_TABLE, Runner.GUEST, flip),)
    if spec.generation == "G0" and spec.discard:
        discard = Charge("discard_page", Count.FREED)
        return (spend("free the other backing's pages", Category.PAGE_TABLE, Runner.GUEST, discard),)
    if spec.huge_page == PAGE_BYTES:
        return ()
    name = HUGE_NAMES[spec.huge_page]
    return (
        spend(
            "split and merge huge pages",
            Category.SPLIT_MERGE,
            Runner.GUEST,
            Charge(f"split_{name}_folio", Count.SPLIT),
            Charge(f"merge_{name}_folio", Count.MERGED),
            Charge("vmemmap_page", Count.VMEMMAP_PAGES),
            Charge("break_leaf", Count.LEAVES_BROKEN),
        ),
    )


def convert(
    context: PathContext, *, to_private: bool, is_ranged: bool, unmapped_by: UnmappedBy = "conversion"
) -> tuple[Step, ...]:
    """Convert the buffer, under the guest's mmu_lock: calls, exits (E-2), tables, flushes; then faults and accepts.

    `is_ranged`: a call covers more than one page, whose tables change and whose translations go together, where the
    technology has such a call. Long, because the order of all steps is the rule, and stands here once.
    """
    protection, spec = context.protection, context.memory
    verb = "unshare" if to_private else "share"
    ranged = "_ranged" if is_ranged and protection.has_range_calls else ""
    flush = Charge(f"flush{ranged}_call", Count.CALLS)
    tables = (Charge(f"{verb}_page{ranged}", Count.CONVERTED), Charge(f"{verb}_leaf_2m", Count.CONVERTED_2M))
    steps = (
        *attempt(protection, to_private=to_private),
        spend(
            f"calls to {verb}",
            Category.HYPERCALL,
            Runner.GUEST,
            Charge(f"{verb}_call", Count.CALLS),
            exits=Count.CALLS,
        ),
        spend(
            "exits to the VMM",
            Category.EXIT,
            Runner.GUEST,
            Charge("vmm_exit", Count.CHUNKS),
            exits=Count.CHUNKS,
        ),
        *(drop_host_mappings(context, Runner.GUEST, unmapped_by) if to_private else ()),
        *restructure(spec),
        Step(
            Op.SPEND_LOCKED if protection.has_host_lock else Op.SPEND,
            "change ownership and stage-2 of each page",
            category=Category.PAGE_TABLE,
            runner=Runner.GUEST,
            charges=tables,
        ),
        *flush_stale(context, flush, to_private=to_private),
        *shoot_down(context, to_private=to_private),
        release(Resource.MMU_LOCK, amount=WHOLE),
        *remap_for_devices(context, to_private=to_private),
        *map_ahead(context, private=to_private),
    )
    if to_private and (protection.accepts_pages or spec.generation == "G0"):
        return steps + guest_touch(context, private=True)
    return steps


def remap_for_devices(context: PathContext, *, to_private: bool) -> tuple[Step, ...]:
    """The VMM has VFIO map what became shared page by page, or unmap what became private by one call.

    So hw/vfio/listener.c in QEMU does, and as it keeps to VFIO's contract no pin of its own refuses a conversion.
    """
    if not context.maps_shared:
        return ()
    if not to_private:
        return (
            spend(
                "pin and map each page for the assigned devices",
                Category.PAGE_TABLE,
                Runner.GUEST,
                Charge("iommu_map_call", Count.CONVERTED),
                Charge("iommu_map_page", Count.CONVERTED),
                Charge("iommu_map_leaf_2m", Count.CONVERTED_2M),
            ),
        )
    return (
        acquire(Resource.IOMMU, "wait for the IOMMU's invalidation queue", runner=Runner.GUEST),
        spend(
            "unmap from the assigned devices and invalidate",
            Category.PAGE_TABLE,
            Runner.GUEST,
            Charge("iommu_unmap_call"),
            Charge("iommu_unmap_page", Count.CONVERTED),
            Charge("iommu_unmap_leaf_2m", Count.CONVERTED_2M),
        ),
        release(Resource.IOMMU),
    )


def flush_stale(context: PathContext, by_host: Charge, *, to_private: bool) -> tuple[Step, ...]:
    """The hypervisor drops stale translations, and the guest those of its own tables, where these changed."""
    by_guest: tuple[Charge, ...] = (Charge("guest_flush"), Charge("guest_flush_vcpu", Count.OTHER_VCPUS))
    if to_private and not context.protection.flushes_to_private:
        by_guest = ()
    return (spend("flush stale translations", Category.TLB, Runner.GUEST, by_host, *by_guest),)


def shoot_down(context: PathContext, *, to_private: bool) -> tuple[Step, ...]:
    """Other vCPUs of the guest that run are interrupted: once by the guest, and by the host as the technology asks."""
    if not context.is_shot_down:
        return ()
    is_by_page = context.protection.shootdowns == "one a page" and not to_private
    by_host = Count.CONVERTED if is_by_page else Count.CHUNKS
    by_guest = () if to_private and not context.protection.flushes_to_private else (Count.ONCE,)
    text = "other vCPUs are interrupted to drop translations"
    return tuple(Step(Op.SHOOT_DOWN, text, argument=count) for count in (*by_guest, by_host))


def drop_host_mappings(context: PathContext, runner: Runner, unmapped_by: UnmappedBy) -> tuple[Step, ...]:
    """The host unmaps what it had mapped; where only the hypervisor is asked to unshare, an exit tells the host."""
    unmap = spend(
        "the host unmaps the pages",
        Category.PAGE_TABLE,
        runner,
        Charge("host_unmap_page", Count.HOST_UNMAPPED),
        Charge("host_unmap_leaf_2m", Count.HOST_UNMAPPED_2M),
    )
    is_told = context.protection.unshare_exits_to_unmap and context.memory.backing == "guest_memfd"
    if unmapped_by == "host" or not is_told:
        return (unmap,)
    told = spend(
        "exits for the host to unmap",
        Category.EXIT,
        runner,
        Charge("unmap_exit", Count.CALLS),
        exits=Count.CALLS,
    )
    return (told, unmap)


def unmap_from_host(context: PathContext, by: UnmappedBy) -> tuple[Step, ...]:
    """The host's worker drops its own mappings when it is done, where the path says so; else the unshare does."""
    if by == "conversion":
        return ()
    unmap = memory("the host unmaps the buffer", Operation.UNMAP_ALL)
    return (unmap, *drop_host_mappings(context, Runner.HOST, by))
