"""The vocabulary of step programs: operations, resources, counts and charges.

A program is data. A step acts on a resource or on memory at one instant, or spends time that is booked to one
ledger category; the time is the sum of its charges, each a named price times a count.
"""

from dataclasses import dataclass
from enum import IntEnum

from cluster_sim.memory.effects import EFFECT_COUNT, Effect
from cluster_sim.results.ledger import Category


class Op(IntEnum):
    """What a step does."""

    TAKE_BUFFER = 0
    GIVE_BUFFER = 1
    ACQUIRE = 2
    RELEASE = 3
    SPEND = 4
    SPEND_LOCKED = 5
    KICK = 6
    COPY = 7
    MAP_SLOTS = 8
    UNMAP_SLOTS = 9
    CONVERT = 10
    MEMORY = 11
    DELIVER = 12
    DROP = 13
    STAGE = 14
    HOLD = 15
    AGAIN = 16
    GO_BACK = 17


class Resource(IntEnum):
    """What a step acquires: first come, first served."""

    VCPU = 0
    AREA_LOCK = 1
    MMU_LOCK = 2
    WORKER = 3
    ENGINE = 4


class Runner(IntEnum):
    """Whose CPU time a step takes, its waiting with a CPU in hand included."""

    NOBODY = 0
    GUEST = 1
    HOST = 2


class Range(IntEnum):
    """Which memory of the transfer's buffer a step works on."""

    DEVICE = 0
    """What the device reads or writes: the buffer itself, or its place in a shared pool."""
    OWN = 1
    """The consumer's private copy, where there is one."""
    GRANULES = 2
    """The whole granules that the device's buffer was converted in."""


class Count(IntEnum):
    """What a price is multiplied with. Those of effects are of the transfer's last memory operation."""

    ONCE = 0
    PIECES = 1
    PAGES = 2
    GRANULES = 3
    CALLS = 4
    CHUNKS = 5
    OTHER_VCPUS = 6
    WAKES = 7
    """1 when the resource was free at its last taking, 0 when the transfer had to wait for it."""
    CONVERTED = 8 + Effect.CONVERTED
    HOST_UNMAPPED = 8 + Effect.HOST_UNMAPPED
    HOST_FAULTS = 8 + Effect.HOST_FAULTS
    GUEST_FAULTS = 8 + Effect.GUEST_FAULTS
    ALLOCATED = 8 + Effect.ALLOCATED
    FREED = 8 + Effect.FREED
    SPLIT = 8 + Effect.SPLIT
    MERGED = 8 + Effect.MERGED
    LEAVES_BROKEN = 8 + Effect.LEAVES_BROKEN
    VMEMMAP_PAGES = 8 + Effect.VMEMMAP_PAGES


FIRST_EFFECT = 8
COUNT_COUNT = FIRST_EFFECT + EFFECT_COUNT


@dataclass(frozen=True, slots=True)
class Charge:
    """A named price of the profile times a count of the transfer."""

    price: str
    count: Count = Count.ONCE


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `text` says to a reader what happens, `argument` is the operation's own.

    `exits` is what the step's exits are counted by. A wait for a resource with a `runner` spins on that CPU.
    """

    op: Op
    text: str
    resource: Resource | None = None
    category: Category | None = None
    runner: Runner = Runner.NOBODY
    charges: tuple[Charge, ...] = ()
    argument: int = 0
    range: Range = Range.DEVICE
    exits: Count | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of a transfer, and those that undo it when the bounce pool is full."""

    steps: tuple[Step, ...]
    if_full: tuple[Step, ...] = ()


def acquire(resource: Resource, text: str, *, runner: Runner = Runner.NOBODY) -> Step:
    """Wait for a resource and hold it; waiting for a lock spins on `runner`'s CPU."""
    is_lock = resource in (Resource.AREA_LOCK, Resource.MMU_LOCK)
    category = Category.LOCK_WAIT if is_lock else Category.QUEUE_WAIT
    return Step(Op.ACQUIRE, text, resource=resource, category=category, runner=runner)


def release(resource: Resource) -> Step:
    """Let a held resource go to whoever waits first."""
    return Step(Op.RELEASE, f"let the {resource.name.lower().replace('_', ' ')} go", resource=resource)


def spend(text: str, category: Category, runner: Runner, *charges: Charge, exits: Count | None = None) -> Step:
    """Spend time."""
    return Step(Op.SPEND, text, category=category, runner=runner, charges=charges, exits=exits)


def memory(text: str, operation: int, memory_range: Range = Range.DEVICE) -> Step:
    """Apply an operation of the memory model; the steps that follow price its effects."""
    return Step(Op.MEMORY, text, argument=operation, range=memory_range)
