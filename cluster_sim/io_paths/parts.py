"""Stretches of steps that several paths share: doorbell, the host's side, interrupt, conversion."""

from cluster_sim.io_paths.steps import (
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
from cluster_sim.scenario.spec import MemorySpec

PAGE_GRANULE_BYTES = 4096
HUGE_NAMES = {2 << 20: "2m", 1 << 30: "1g"}


def take_buffer() -> Step:
    """Wait for a free buffer of the stream, or drop the frame, as the workload says."""
    return Step(Op.TAKE_BUFFER, "take a free buffer", category=Category.QUEUE_WAIT)


def finish() -> tuple[Step, ...]:
    """Consume the frame on the vCPU, give the buffer back, be delivered."""
    return (
        spend("the consumer works on the frame", Category.CONSUME, Runner.GUEST, Charge("consume")),
        release(Resource.VCPU),
        Step(Op.GIVE_BUFFER, "give the buffer back"),
        Step(Op.DELIVER, "delivered"),
    )


def ring_host() -> tuple[Step, ...]:
    """Publish the descriptor, ring the doorbell unless the worker is busy (event idx), leave the vCPU."""
    return (
        Step(
            Op.KICK,
            "ring the doorbell: exit to the host, unless the worker runs already",
            resource=Resource.WORKER,
            category=Category.EXIT,
            runner=Runner.GUEST,
            charges=(Charge("kick"),),
            exits=Count.ONCE,
        ),
        release(Resource.VCPU),
    )


def host_copy(copier: str) -> tuple[Step, ...]:
    """Move the frame into memory that the copier reaches at any time, by the worker's CPU or by the copy engine."""
    if copier == "cpu":
        return (Step(Op.COPY, "the host copies the frame", category=Category.HOST_COPY, runner=Runner.HOST),)
    return (
        acquire(Resource.ENGINE, "wait for the copy engine", runner=Runner.HOST),
        spend("submit and complete", Category.ENGINE_COPY, Runner.HOST, Charge("engine_submit")),
        Step(Op.COPY, "the engine copies the frame", category=Category.ENGINE_COPY, runner=Runner.HOST),
        release(Resource.ENGINE),
    )


def host_fill(copier: str) -> tuple[Step, ...]:
    """Fill pages that stay shared: the host touches them and copies; an IOMMU has them mapped for good."""
    return (*fault_in(), *host_copy(copier), wrote())


def host_fill_once(copier: str) -> tuple[Step, ...]:
    """Fill pages that are the device's for this frame only: an engine needs them pinned and mapped, then not."""
    if copier == "cpu":
        return host_fill(copier)
    return (
        *fault_in(),
        memory("pin the buffer for DMA", Operation.PIN_SHORT),
        spend("map in the IOMMU", Category.PAGE_TABLE, Runner.HOST, Charge("iommu_map_page", Count.PAGES)),
        *host_copy(copier),
        wrote(),
        spend(
            "unmap from the IOMMU and invalidate",
            Category.PAGE_TABLE,
            Runner.HOST,
            Charge("iommu_unmap_page", Count.PAGES),
        ),
        memory("unpin the buffer", Operation.UNPIN_SHORT),
    )


def fault_in() -> tuple[Step, ...]:
    """The host touches each page; those that it has not mapped fault, one PTE a fault (P-9)."""
    return (
        memory("the host touches the buffer's pages", Operation.HOST_TOUCH),
        spend(
            "host page faults",
            Category.FAULT,
            Runner.HOST,
            Charge("host_fault_page", Count.HOST_FAULTS),
            Charge("allocate_page", Count.ALLOCATED),
        ),
    )


def wrote() -> Step:
    """The buffer now holds this frame."""
    return memory("the buffer holds the frame", Operation.HOST_WRITE)


def held_by_others(spec: MemorySpec) -> tuple[Step, ...]:
    """Some user on the host pins the buffer and gives it back later, whatever becomes of the transfer."""
    if spec.pins is None:
        return ()
    operation = Operation.PIN_SHORT if spec.pins.term == "short" else Operation.PIN_LONG
    return (Step(Op.HOLD, "a user on the host pins the buffer", argument=operation),)


def worker(*inside: Step) -> tuple[Step, ...]:
    """Wake the worker unless it runs already, serve the ring, do `inside`."""
    return (
        acquire(Resource.WORKER, "wait for the worker"),
        spend("wake the worker", Category.NOTIFY, Runner.HOST, Charge("wake_worker", Count.WAKES)),
        spend("serve the ring", Category.NOTIFY, Runner.HOST, Charge("serve_ring")),
        *inside,
        release(Resource.WORKER),
    )


def interrupt() -> tuple[Step, ...]:
    """Get a vCPU and take the interrupt, the wake-up of an idle guest included."""
    return (
        acquire(Resource.VCPU, "wait for a vCPU"),
        spend(
            "interrupt and wake the guest",
            Category.NOTIFY,
            Runner.GUEST,
            Charge("interrupt"),
            exits=Count.ONCE,
        ),
    )


def carries_content(protection: Protection, spec: MemorySpec) -> bool:
    """Whether what was written while shared is there after the page is private again: one page, and kept (T-6)."""
    return protection.keeps_content and spec.generation != "G0"


def guest_touch(protection: Protection, spec: MemorySpec, *, private: bool) -> tuple[Step, ...]:
    """The guest touches each page, and accepts private ones; those that its stage-2 lost fault."""
    keeps_mapping = protection.keeps_guest_mapping and spec.generation != "G0"
    if not protection.has_private_memory or keeps_mapping:
        return ()
    operation = Operation.ACCEPT if private else Operation.GUEST_TOUCH_SHARED
    price = "guest_fault_private_page" if private else "guest_fault_shared_page"
    touched = Range.GRANULES if private else Range.DEVICE
    return (
        memory("the guest touches the buffer's pages", operation, touched),
        spend(
            "guest page faults",
            Category.FAULT,
            Runner.GUEST,
            Charge(price, Count.GUEST_FAULTS),
            Charge("allocate_page", Count.ALLOCATED),
            exits=Count.GUEST_FAULTS,
        ),
    )


def attempt(protection: Protection, *, to_private: bool) -> tuple[Step, ...]:
    """Take the guest's mmu_lock and convert; while pins refuse it, let go, wait as the pin policy says, do it again.

    A conversion that succeeds goes on behind these steps; once all pins are gone it does (invariant 12).
    """
    verb = "unshare" if to_private else "share"
    return (
        acquire(Resource.MMU_LOCK, "take the guest's mmu_lock", runner=Runner.GUEST),
        Step(Op.CONVERT, f"{verb} the buffer", argument=int(to_private)),
        release(Resource.MMU_LOCK),
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
    if spec.huge_page == PAGE_GRANULE_BYTES:
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


def convert(protection: Protection, spec: MemorySpec, *, to_private: bool, granule_bytes: int) -> tuple[Step, ...]:
    """Convert the buffer, under the guest's mmu_lock: calls, exits (E-2), tables, flushes, accepts."""
    verb = "unshare" if to_private else "share"
    ranged = "_ranged" if granule_bytes > PAGE_GRANULE_BYTES else ""
    flush = Charge("flush_ranged_call", Count.CALLS) if ranged else Charge("flush_call", Count.CALLS)
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
        release(Resource.MMU_LOCK),
    )
    if to_private and (protection.accepts_pages or spec.generation == "G0"):
        return steps + guest_touch(protection, spec, private=True)
    return steps


def guest_copy(text: str) -> Step:
    """A vCPU copies the frame."""
    return Step(Op.COPY, text, category=Category.GUEST_COPY, runner=Runner.GUEST)


def expect_frame(memory_range: Range) -> Step:
    """The consumer reads: what is in `memory_range` must be this frame."""
    return memory("the consumer finds the frame", Operation.EXPECT_CONTENT, memory_range)
