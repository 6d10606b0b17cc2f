"""Stretches of steps that convert a buffer: the attempt, its price by technology, the guest's faults afterwards."""

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
)
from cluster_sim.memory.pages import Operation
from cluster_sim.platform.protection import Protection
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.memory_spec import MemorySpec

HUGE_NAMES = {2 << 20: "2m", 1 << 30: "1g"}


def carries_content(protection: Protection, spec: MemorySpec) -> bool:
    """Whether what was written on one side of a conversion is there after it: one page, and kept (T-6)."""
    return protection.keeps_content and spec.generation != "G0"


def guest_touch(context: PathContext, *, private: bool) -> tuple[Step, ...]:
    """The guest touches each page, and accepts private ones; those that its stage-2 lost fault, under mmu_lock."""
    protection = context.protection
    keeps_mapping = protection.keeps_guest_mapping and context.memory.generation != "G0"
    if not protection.has_private_memory or keeps_mapping:
        return ()
    operation = Operation.ACCEPT if private else Operation.GUEST_TOUCH_SHARED
    price = "guest_fault_private_page" if private else "guest_fault_shared_page"
    touched = Range.GRANULES if private else Range.DEVICE
    return (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock for reading", runner=Runner.GUEST),
        memory("the guest touches the buffer's pages", operation, touched),
        spend(
            "guest page faults",
            Category.FAULT,
            Runner.GUEST,
            Charge(price, Count.GUEST_FAULTS),
            Charge("allocate_page", Count.ALLOCATED),
            exits=Count.GUEST_FAULTS,
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


def convert(context: PathContext, *, to_private: bool, is_ranged: bool) -> tuple[Step, ...]:
    """Convert the buffer, under the guest's mmu_lock: calls, exits (E-2), tables, flushes, accepts.

    `is_ranged`: a call covers more than one page, whose tables change and whose translations go together.
    Long, because the order of all steps is the rule, and stands here once.
    """
    protection, spec = context.protection, context.memory
    verb = "unshare" if to_private else "share"
    ranged = "_ranged" if is_ranged else ""
    flush = Charge("flush_ranged_call", Count.CALLS) if is_ranged else Charge("flush_call", Count.CALLS)
    tables = Charge(f"{verb}_page{ranged}", Count.CONVERTED)
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
        spend(
            "the host unmaps the pages",
            Category.PAGE_TABLE,
            Runner.GUEST,
            Charge("host_unmap_page", Count.HOST_UNMAPPED),
        ),
        *restructure(spec),
        Step(
            Op.SPEND_LOCKED if protection.has_host_lock else Op.SPEND,
            "change ownership and stage-2 of each page",
            category=Category.PAGE_TABLE,
            runner=Runner.GUEST,
            charges=(tables,),
        ),
        spend(
            "flush stale translations",
            Category.TLB,
            Runner.GUEST,
            flush,
            Charge("guest_flush"),
            Charge("guest_flush_vcpu", Count.OTHER_VCPUS),
        ),
        spend(
            "clear and accept the pages",
            Category.ACCEPT_ZERO,
            Runner.GUEST,
            Charge("accept_page" if to_private else "clear_page", Count.CONVERTED),
        ),
        release(Resource.MMU_LOCK, amount=WHOLE),
    )
    if to_private and (protection.accepts_pages or spec.generation == "G0"):
        return steps + guest_touch(context, private=True)
    return steps


def unmap_from_host(by: str) -> tuple[Step, ...]:
    """The host's worker drops its own mappings when it is done, where the path says so; else the unshare does."""
    if by == "conversion":
        return ()
    return (
        memory("the host unmaps the buffer", Operation.UNMAP_ALL),
        spend(
            "the host unmaps the pages",
            Category.PAGE_TABLE,
            Runner.HOST,
            Charge("host_unmap_page", Count.HOST_UNMAPPED),
        ),
    )
