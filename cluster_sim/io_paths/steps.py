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
    THINK = 18
    SIGNAL = 19
    HANDLED = 20
    CHECK_STAGED = 21
    REFILL_LATER = 22
    RECEIVE = 23
    SEND = 24
    HAND_OVER = 25


class Direction(IntEnum):
    """Which way a transfer's data goes: DMA_FROM_DEVICE is from the host to the guest."""

    FROM_DEVICE = 0
    TO_DEVICE = 1


class Resource(IntEnum):
    """What a step acquires: first come, first served. Those of the host are shared by all its guests."""

    VCPU = 0
    AREA_LOCK = 1
    MMU_LOCK = 2
    """A reader-writer lock: faults read, conversions write."""
    WORKER = 3
    BOOT = 4
    """Held while the guest starts, stage by stage."""
    THREAD = 5
    """What a queue's own work runs in, where that is one thread."""
    ENGINE = 6
    ENGINE_QUEUE = 7
    CPU = 8
    IOMMU = 9
    """The invalidation queue."""
    STORAGE = 10
    NIC_OUT = 11
    NIC_IN = 12
    LINK = 13
    """From this host to one other."""


OF_HOST = (
    Resource.ENGINE,
    Resource.ENGINE_QUEUE,
    Resource.CPU,
    Resource.IOMMU,
    Resource.STORAGE,
    Resource.NIC_OUT,
    Resource.NIC_IN,
    Resource.LINK,
)
"""Resources of the host; the others are a guest's own."""
LOCKS = (Resource.AREA_LOCK, Resource.MMU_LOCK, Resource.IOMMU)
WHOLE = 0
"""Amount of an acquisition that takes all of a resource."""


class Mover(IntEnum):
    """What moves a transfer's bytes, each with a curve of its own."""

    GUEST = 0
    HOST = 1
    ENGINE = 2
    CRYPTO = 3
    NIC = 4
    STORAGE = 5
    LINK = 6


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


FIRST_EFFECT = 15


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
    """1 when the resource that was taken last was idle and asleep, 0 when the transfer had to wait, or it polled."""
    WAITED = 8
    """1 when the transfer had to wait for its buffer."""
    INTERRUPTS = 9
    """1 when the guest must be interrupted, 0 while it handles the queue's completions anyway."""
    IDLE_WAKES = 10
    """1 when the interrupt finds the guest asleep."""
    PROBES = 11
    """Positions that the search for slots looked at beyond the first of each piece."""
    SUBMISSIONS = 12
    """Times that the copy engine is told of descriptors."""
    WORK = 13
    """The guest's own work on the transfer, ns."""
    HANDED = 14
    """1 when the transfer had to wait for the resource it took last, 0 when that was free."""
    CONVERTED = FIRST_EFFECT + Effect.CONVERTED
    HOST_UNMAPPED = FIRST_EFFECT + Effect.HOST_UNMAPPED
    HOST_FAULTS = FIRST_EFFECT + Effect.HOST_FAULTS
    GUEST_FAULTS = FIRST_EFFECT + Effect.GUEST_FAULTS
    ALLOCATED = FIRST_EFFECT + Effect.ALLOCATED
    FREED = FIRST_EFFECT + Effect.FREED
    SPLIT = FIRST_EFFECT + Effect.SPLIT
    MERGED = FIRST_EFFECT + Effect.MERGED
    LEAVES_BROKEN = FIRST_EFFECT + Effect.LEAVES_BROKEN
    VMEMMAP_PAGES = FIRST_EFFECT + Effect.VMEMMAP_PAGES


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

    def __post_init__(self) -> None:
        """Effects that are priced must be those of an operation before."""
        has_effects = False
        for step in (*self.steps, *self.if_full):
            has_effects |= step.op in (Op.MEMORY, Op.CONVERT)
            counts = [charge.count for charge in step.charges] + ([] if step.exits is None else [step.exits])
            assert has_effects or all(count < FIRST_EFFECT for count in counts), step.text


def acquire(resource: Resource, text: str, *, runner: Runner = Runner.NOBODY, amount: int = 1) -> Step:
    """Wait for an amount of a resource and hold it; waiting for a lock spins on `runner`'s CPU."""
    category = Category.LOCK_WAIT if resource in LOCKS else Category.QUEUE_WAIT
    return Step(Op.ACQUIRE, text, resource=resource, category=category, runner=runner, argument=amount)


def release(resource: Resource, *, amount: int = 1) -> Step:
    """Let a held resource go to those who wait first."""
    text = f"let the {resource.name.lower().replace('_', ' ')} go"
    return Step(Op.RELEASE, text, resource=resource, argument=amount)


def spend(text: str, category: Category, runner: Runner, *charges: Charge, exits: Count | None = None) -> Step:
    """Spend time."""
    return Step(Op.SPEND, text, category=category, runner=runner, charges=charges, exits=exits)


def move(text: str, mover: Mover, category: Category, runner: Runner) -> Step:
    """Move the transfer's bytes, as fast as the mover's curve and what it shares let."""
    return Step(Op.COPY, text, category=category, runner=runner, argument=mover)


def pass_through(text: str, resource: Resource, mover: Mover) -> Step:
    """Go through a resource that serves while its transfer still comes in: what that takes longer, and who is ahead."""
    return Step(Op.RECEIVE, text, resource=resource, category=Category.NETWORK, argument=mover)


def memory(text: str, operation: int, memory_range: Range = Range.DEVICE) -> Step:
    """Apply an operation of the memory model; the steps that follow price its effects."""
    return Step(Op.MEMORY, text, argument=operation, range=memory_range)
