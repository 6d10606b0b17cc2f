"""Wrong accesses and failures that a definition puts into a run: what each comes to, and who dies of it.

What a page answers is the memory model's business, what a technology makes of a refusal its record's; this module
brings the two together and kills whom it must. No access ends without a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.guest_end import end_guest
from cluster_sim.engine.guest_memory import convert_at, in_tree, keep_gauges, operate_at
from cluster_sim.engine.state import Host
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.effects import EFFECT_COUNT, Counts, Effect
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.page_tree import PageTree, read_word
from cluster_sim.memory.pages import EXCLUSIVE_PINS, LOST, PRESENT, PRIVATE, Operation
from cluster_sim.platform.protection import REFUSED_BY_FILE, WORKS, Consequence, Protection
from cluster_sim.results.endings import DropReason
from cluster_sim.scenario.memory_spec import FaultSpec

LATER_USE = "later use"
DMA_MAP = "VFIO_MAP_DMA"
"""What the VMM does for an assigned device when a page becomes shared."""
POISON = "poison"
"""Outcome of a write that spoils a page silently; who uses the page next meets a machine check (D-4)."""
MACHINE_CHECK = "machine check"
NOWHERE = -1

HOST_ACCESSES = {
    "host_load": Operation.HOST_READ,
    "host_store": Operation.HOST_WRITE,
    "uaccess": Operation.HOST_READ,
    "proc_mem": Operation.HOST_READ,
    "pin": Operation.PIN_LONG,
}
SYSTEM_CALLS = {"uaccess": "EFAULT", "proc_mem": "EIO"}
"""What a system call gives back for a page that its access may not have (X-2, X-4)."""
GUEST_ACCESSES = {"guest_private": Operation.GUEST_TOUCH_PRIVATE, "guest_shared": Operation.GUEST_TOUCH_SHARED}
DECISIONS = {"host_to_shared": 0, "host_to_private": 1}


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault of one host: its guest there, the first page in the host's tree."""

    spec: FaultSpec
    guest: int
    first_page: int


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """What an access came to; the table `faults` explains each field."""

    guest: int
    at_ns: int
    access: str
    is_injected: bool
    offset_bytes: int
    pages: int
    private_pages: int
    outcome: str
    victim: str
    leaked_pages: int
    spoilt_pages: int
    orphaned_pages: int


@compiled
def pages_with(tree: PageTree, start: int, count: int, mask: int) -> int:
    """Pages of a range whose word has any bit of `mask`."""
    found = 0
    for page in range(start, start + count):
        if read_word(tree, page) & mask:
            found += 1
    return found


def inject(host: Host, protection: Protection, fault: PlannedFault, now_ns: int) -> FaultRecord:
    """Let a fault happen now, with all that follows at this instant."""
    spec = fault.spec
    pages = spec.length // PAGE_BYTES
    private = int(pages_with(host.state.tree, fault.first_page, pages, PRIVATE))
    present = int(pages_with(host.state.tree, fault.first_page, pages, PRESENT))
    effects = np.zeros(EFFECT_COUNT, np.int64)
    consequence = access(host, protection, fault, effects)
    spoilt = int(effects[Effect.CONTENT_LOST])
    if consequence.spoils:
        spoilt = present
    victim = consequence.dies
    if victim == "process" and spec.by == "vmm":
        victim = "guest"
    shared = int(effects[Effect.CONVERTED])
    gone_private = private - int(pages_with(host.state.tree, fault.first_page, pages, PRIVATE))
    keep_gauges(host, fault.guest, now_ns, shared if gone_private > 0 else -shared, effects)
    kill(host, fault.guest, victim, consequence, now_ns)
    return FaultRecord(
        guest=fault.guest,
        at_ns=now_ns,
        access=spec.access,
        is_injected=True,
        offset_bytes=spec.offset,
        pages=pages,
        private_pages=private,
        outcome=consequence.outcome,
        victim=victim,
        leaked_pages=int(effects[Effect.LEAKED]),
        spoilt_pages=spoilt,
        orphaned_pages=int(effects[Effect.ORPHANED]),
    )


def kill(host: Host, guest: int, victim: str, consequence: Consequence, now_ns: int) -> None:
    """Let the guest, or all guests of the host, die; a killed process that is not the VMM takes nobody along."""
    code = OUTCOME_CODES.get(consequence.outcome, NO_OUTCOME)
    if victim == "guest":
        end_guest(host, guest, code, DropReason.GUEST_DIED, now_ns)
    elif victim == "host":
        for number in range(len(host.state.guests)):
            end_guest(host, number, code, DropReason.GUEST_DIED, now_ns)


OUTCOME_CODES: Mapping[str, int] = {outcome.name: int(outcome) for outcome in Outcome}
NO_OUTCOME = -1
"""Died of a hardware event, which no operation answers: its record names it."""


def access(host: Host, protection: Protection, fault: PlannedFault, effects: Counts) -> Consequence:
    """What an access comes to."""
    kind = fault.spec.access
    if kind in HOST_ACCESSES:
        return accessed_by_host(host, protection, fault, effects)
    if kind in GUEST_ACCESSES:
        return accessed_by_guest(host, protection, fault, effects)
    if kind in DECISIONS:
        return converted(host, fault, DECISIONS[kind], effects)
    if kind in ("kernel_load", "kernel_store"):
        return accessed_by_kernel(host, protection, fault, effects)
    operation = Operation.POISON if kind == "memory_failure" else Operation.PUNCH
    outcome = apply(host, fault, operation, effects)
    if outcome != Outcome.OK:
        return Consequence(outcome.name, "nobody")
    return Consequence("hwpoison" if operation == Operation.POISON else "works", "nobody", spoils=True)


def apply(host: Host, fault: PlannedFault, operation: Operation, effects: Counts, tag: int = 0) -> Outcome:
    """One operation of the memory model on the fault's range."""
    pages = fault.spec.length // PAGE_BYTES
    outcome, _ = operate_at(in_tree(host), fault.first_page, pages, operation, tag, effects)
    return Outcome(outcome)


def accessed_by_host(host: Host, protection: Protection, fault: PlannedFault, effects: Counts) -> Consequence:
    """A host process or a system call on its behalf: the file refuses, or the technology where no file does (§5)."""
    kind = fault.spec.access
    outcome = apply(host, fault, HOST_ACCESSES[kind], effects, tag=LOST)
    if outcome == Outcome.OK:
        return Consequence("works", "nobody", spoils=kind == "host_store")
    if kind in SYSTEM_CALLS:
        return Consequence(SYSTEM_CALLS[kind], "nobody")
    if kind == "pin":
        return Consequence(outcome.name, "nobody")
    return protection.user_without_file if host.spec.rules.backing == EXCLUSIVE_PINS else REFUSED_BY_FILE


def accessed_by_kernel(host: Host, protection: Protection, fault: PlannedFault, effects: Counts) -> Consequence:
    """The host kernel through its linear map, which no file stands before: the hardware answers."""
    is_load = fault.spec.access == "kernel_load"
    pages = fault.spec.length // PAGE_BYTES
    if not pages_with(host.state.tree, fault.first_page, pages, PRIVATE):
        if is_load:
            apply(host, fault, Operation.HOST_READ, effects)
            return WORKS
        apply(host, fault, Operation.HOST_WRITE, effects, tag=LOST)
        return Consequence("works", "nobody", spoils=True)
    consequence = protection.kernel_load if is_load else protection.kernel_store
    if consequence.spoils:
        apply(host, fault, Operation.POISON, effects)
    return consequence


def accessed_by_guest(host: Host, protection: Protection, fault: PlannedFault, effects: Counts) -> Consequence:
    """The guest, of the wrong type: KVM exits and the VMM converts (E-1), unless the technology ends the guest."""
    kind = fault.spec.access
    outcome = apply(host, fault, GUEST_ACCESSES[kind], effects)
    if outcome == Outcome.OK:
        return WORKS
    if outcome != Outcome.MEMORY_FAULT_EXIT:
        return Consequence(outcome.name, "guest")
    if kind == "guest_private" and protection.lone_private_touch_kills:
        return Consequence(outcome.name, "guest")
    done = converted(host, fault, int(kind == "guest_private"), effects)
    return Consequence(outcome.name, "nobody") if done.outcome == "works" else Consequence(outcome.name, "guest")


def converted(host: Host, fault: PlannedFault, to_private: int, effects: Counts) -> Consequence:
    """The VMM converts the range, whether or not the guest has asked for it."""
    pages = fault.spec.length // PAGE_BYTES
    outcome, _ = convert_at(in_tree(host), fault.first_page, pages, to_private, effects)
    return WORKS if outcome == Outcome.OK else Consequence(Outcome(outcome).name, "nobody")


def later_end(host: Host, guest: int, *, is_machine_check: bool) -> FaultRecord:
    """A guest met, in its own work, what a fault had left, or what the host could not map for its devices."""
    row = host.state.guests[guest]
    return FaultRecord(
        guest=guest,
        at_ns=int(row["died_ns"]),
        access=DMA_MAP if row["died_of"] == Outcome.ENOSPC else LATER_USE,
        is_injected=False,
        offset_bytes=NOWHERE,
        pages=0,
        private_pages=0,
        outcome=MACHINE_CHECK if is_machine_check else Outcome(int(row["died_of"])).name,
        victim="guest",
        leaked_pages=0,
        spoilt_pages=0,
        orphaned_pages=0,
    )
