"""The vocabulary of step programs: operations, resources, counts and charges.

A program is data. A step acts on a resource or on memory at one instant, or spends time that is booked to one
ledger category; the time is the sum of its charges, each a named price times a count. Long, for all words are here.
"""

from dataclasses import dataclass, replace
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
    SKIP = 26
    SKIP_IF_SHARED = 27
    SKIP_IF_IT_STAYS = 28
    RESTORE_LATER = 29
    POSTED = 30
    REFILL = 31
    STOP = 32
    REST = 33
    SHOOT_DOWN = 34
    WATCH = 35
    SPEND_SHOT_DOWN = 36
    OPENED = 37
    END_TURN = 38
    REQUEUE = 39
    THROTTLE = 40
    END_THROTTLE = 41
    DMA = 42
    SPEND_WRITING = 43
    COUNT_AT_WORKER = 44
    FIND_GUEST = 45
    TURN = 46
    ANSWERED = 47
    WAKE_THREAD = 48
    GATHER = 49
    BEGIN_PARTS = 50
    SKIP_WITHOUT_DATA = 51


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
    BOOT = 3
    """Held while the guest starts, stage by stage: whole, or a part by each vCPU that accepts memory."""
    THREAD = 4
    """What a queue's own work runs in, where that is one thread."""
    THROTTLE = 5
    """Held by the one transfer that may map while swiotlb is nearly full."""
    WORKER = 6
    """What serves a queue on the host, which may serve others, too."""
    ENGINE = 7
    ENGINE_QUEUE = 8
    CPU = 9
    IOMMU = 10
    """The invalidation queue."""
    STORAGE = 11
    NIC_OUT = 12
    NIC_IN = 13
    LINK = 14
    """From this host to one other."""
    PSP = 15
    """The security processor, which builds and measures images."""
    DRIVE = 15
    """What the drive's requests share: their bytes pass it one request after the other."""


OF_HOST = (
    Resource.WORKER,
    Resource.ENGINE,
    Resource.ENGINE_QUEUE,
    Resource.CPU,
    Resource.IOMMU,
    Resource.STORAGE,
    Resource.NIC_OUT,
    Resource.NIC_IN,
    Resource.LINK,
    Resource.PSP,
    Resource.DRIVE,
)
"""Resources of the host; the others are a guest's own."""
LOCKS = (Resource.AREA_LOCK, Resource.MMU_LOCK, Resource.IOMMU)
WHOLE = 0
"""Amount of an acquisition that takes all of a resource."""


class Mover(IntEnum):
    """What moves a transfer's bytes, each with a curve of its own; a CPU is faster the more of it is in the cache."""

    GUEST = 0
    HOST = 1
    ENGINE = 2
    CRYPTO = 3
    NIC = 4
    STORAGE = 5
    LINK = 6
    DRIVE = 7


BY_CPU = (Mover.GUEST, Mover.HOST, Mover.CRYPTO)


class Runner(IntEnum):
    """Whose CPU time a step takes, its waiting with a CPU in hand included."""

    NOBODY = 0
    GUEST = 1
    HOST = 2


class Range(IntEnum):
    """Which memory of the transfer's buffer a step works on."""

    DEVICE = 0
    """What the device reads or writes: the buffer itself, its place in a shared pool, or its bounce slots."""
    OWN = 1
    """The consumer's private copy, where there is one."""
    CONVERTED = 2
    """What the transfer converted last: whole granules, of one buffer or of several."""
    WHOLE_BUFFER = 3
    """All of the buffer, whatever the transfer's size."""


class End(IntEnum):
    """Memory that the copies of a buffer's transfers read and write again and again."""

    DEVICE = 0
    """What the device reads or writes."""
    OWN = 1
    """The consumer's private copy, where there is one."""
    HOST = 2
    """The host's own memory behind it, as many buffers as the stream has; none where DMA goes in or out there."""


FIRST_EFFECT = 17


class Count(IntEnum):
    """What a price is multiplied with. Those of effects are of the transfer's last memory operation.

    Pages of whole leaves of 2 MiB are counted as leaves (…_2M), and in no count of pages.
    """

    ONCE = 0
    PIECES = 1
    """Mappings that are made or undone under one taking of the area's lock."""
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
    """1 when the transfer had to wait for the resource it took last, or another stream took the area's lock before."""
    SHOT_DOWN = 15
    """How often conversions of others interrupted the vCPU while the transfer had it."""
    CIPHER_UNITS = 16
    """Requests of the guest's cipher: sectors of dm-crypt, or TLS records."""
    CONVERTED = FIRST_EFFECT + Effect.CONVERTED
    CONVERTED_2M = FIRST_EFFECT + Effect.CONVERTED_2M
    HOST_UNMAPPED = FIRST_EFFECT + Effect.HOST_UNMAPPED
    HOST_UNMAPPED_2M = FIRST_EFFECT + Effect.HOST_UNMAPPED_2M
    HOST_FAULTS = FIRST_EFFECT + Effect.HOST_FAULTS
    HOST_FAULTS_2M = FIRST_EFFECT + Effect.HOST_FAULTS_2M
    GUEST_FAULTS = FIRST_EFFECT + Effect.GUEST_FAULTS
    GUEST_FAULTS_2M = FIRST_EFFECT + Effect.GUEST_FAULTS_2M
    ACCEPTED = FIRST_EFFECT + Effect.ACCEPTED
    ACCEPTED_2M = FIRST_EFFECT + Effect.ACCEPTED_2M
    PINNED = FIRST_EFFECT + Effect.PINNED
    PINNED_2M = FIRST_EFFECT + Effect.PINNED_2M
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

    `exits` is what the step's exits are counted by. A wait for a resource with a `runner` spins on that CPU. What is
    read or written byte by byte is `reads` and `writes`; of a copy, None is memory that is never in the cache.
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
    reads: End | None = None
    writes: End | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """The steps of a transfer, and those around it.

    `if_full` undoes it when the bounce pool is full. `post` makes a free buffer ready before a transfer asks for one,
    `post_if_full` undoes that; `restore` is what is left to do with a buffer after its transfer was delivered; `reap`
    makes private what has been shared and unused for long.
    """

    steps: tuple[Step, ...]
    if_full: tuple[Step, ...] = ()
    post: tuple[Step, ...] = ()
    post_if_full: tuple[Step, ...] = ()
    restore: tuple[Step, ...] = ()
    reap: tuple[Step, ...] = ()

    @property
    def sections(self) -> tuple[tuple[Step, ...], ...]:
        """All sections, in the order in which a table holds them."""
        return (self.steps, self.if_full, self.post, self.post_if_full, self.restore, self.reap)

    @property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps of all sections."""
        return tuple(step for section in self.sections for step in section)

    def __post_init__(self) -> None:
        """Effects that are priced must be those of an operation before."""
        has_effects = False
        for step in self.all_steps:
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


def writing(step: Step, only: Count = Count.ONCE) -> Step:
    """The same, which writes pages and leaves of 2 MiB once: that passes the memory bus.

    They are all that it is priced by, or `only` the pages that one count tells.
    """
    return replace(step, op=Op.SPEND_WRITING, argument=only)


def zeroing(step: Step) -> Step:
    """The same, which zeroes the pages that it allocates."""
    return writing(step, only=Count.ALLOCATED)


def move(
    text: str,
    mover: Mover,
    category: Category,
    runner: Runner,
    *,
    reads: End | None = None,
    writes: End | None = None,
    moved: Range = Range.DEVICE,
) -> Step:
    """Move the transfer's bytes, or all of its buffer, as fast as the mover, the cache and what it shares let."""
    return Step(
        Op.COPY, text, category=category, runner=runner, argument=mover, range=moved, reads=reads, writes=writes
    )


def pass_through(text: str, resource: Resource, mover: Mover) -> Step:
    """Go through a resource that serves while its transfer still comes in: what that takes longer, and who is ahead."""
    return Step(Op.RECEIVE, text, resource=resource, category=Category.NETWORK, argument=mover)


def memory(
    text: str,
    operation: int,
    memory_range: Range = Range.DEVICE,
    *,
    reads: End | None = None,
    writes: End | None = None,
) -> Step:
    """Apply an operation of the memory model; the steps that follow price its effects."""
    return Step(Op.MEMORY, text, argument=operation, range=memory_range, reads=reads, writes=writes)
