"""Stretches of steps on the host's side: reaching the guest's pages, moving the data, what lies behind it."""

from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import get_worker, leave_worker, wake_worker
from cluster_sim.io_paths.steps import (
    Charge,
    Count,
    End,
    Mover,
    Op,
    Resource,
    Runner,
    Step,
    acquire,
    memory,
    move,
    release,
    spend,
    zeroing,
)
from cluster_sim.memory.pages import Operation
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.path_spec import Copier


def use_storage(context: PathContext, copier: Copier) -> tuple[Step, ...]:
    """The storage behind the host's side serves the request from or to the host's own memory.

    Where its own DMA moves the data, that is this service, in the place of the host's copy.
    """
    return () if copier == "device" else served_by_storage(context)


def served_by_storage(context: PathContext, *, end: End | None = None) -> tuple[Step, ...]:
    """The storage serves the request, to or from the host's own memory or `end`; the worker goes on with others.

    Requests are served side by side; where the drive has a bandwidth, their bytes pass it one after the other.
    """
    if context.far_end != "storage":
        return ()
    reads, writes = (None, end) if context.is_from_device else (end, None)
    shared = (
        acquire(Resource.DRIVE, "wait for the drive's bandwidth"),
        move("its bytes pass the drive", Mover.DRIVE, Category.STORAGE, Runner.NOBODY),
        release(Resource.DRIVE),
    )
    text = "the storage serves the request"
    served = (
        acquire(Resource.STORAGE, "wait for the storage"),
        move(text, Mover.STORAGE, Category.STORAGE, Runner.NOBODY, reads=reads, writes=writes),
        *(shared if context.shares_drive else ()),
        release(Resource.STORAGE),
    )
    if context.serves_files:
        return waited_for_by_daemon(context, served)
    return (*leave_worker(context), *served, *wake_worker(context))


def waited_for_by_daemon(context: PathContext, served: tuple[Step, ...]) -> tuple[Step, ...]:
    """A daemon's thread sleeps in its system call until the storage has served it; metadata is in memory."""
    sleep = (release(Resource.CPU),) if context.shares_cpus else ()
    woken = spend("wake the daemon's thread", Category.NOTIFY, Runner.HOST, Charge("wake_worker"))
    wake = (woken, acquire(Resource.CPU, "wait for a CPU of the host")) if context.shares_cpus else (woken,)
    steps = (*sleep, *served, *wake)
    return (Step(Op.SKIP_WITHOUT_DATA, "a round trip without data needs no storage", argument=len(steps)), *steps)


def host_copy(context: PathContext, copier: Copier) -> tuple[Step, ...]:
    """Move the data between the host's own memory and the guest's, which the copier reaches."""
    match copier:
        case "cpu":
            reads, writes = host_ends(context)
            text = "the host copies the data"
            return (move(text, Mover.HOST, Category.HOST_COPY, Runner.HOST, reads=reads, writes=writes),)
        case "device":
            return served_by_storage(context, end=End.DEVICE) or (passed_by_dma(),)
        case "engine":
            return engine_copy(context)


def host_ends(context: PathContext) -> tuple[End | None, End | None]:
    """What the host's copy reads and writes: the guest's memory and its own, which DMA leaves out of the cache.

    So is its page cache, of which no two requests of a stream read the same.
    """
    is_cold = context.comes_from_network or context.is_request
    if context.is_from_device:
        return None if is_cold else End.HOST, End.DEVICE
    return End.DEVICE, End.HOST if context.far_end in ("nothing", "another guest") else None


def engine_copy(context: PathContext) -> tuple[Step, ...]:
    """The host's copy engine moves the data; the worker spins until it has, or sleeps and is interrupted."""
    submit = (
        acquire(Resource.ENGINE_QUEUE, "wait for a place in the engine's queue", runner=Runner.HOST),
        spend(
            "submit and complete",
            Category.ENGINE_COPY,
            Runner.HOST,
            Charge("engine_submit", Count.SUBMISSIONS),
        ),
    )
    runner = Runner.NOBODY if context.engine_interrupts else Runner.HOST
    reads, writes = host_ends(context)
    text = "the engine copies the data"
    copy = (
        acquire(Resource.ENGINE, "wait for the copy engine", runner=runner),
        move(text, Mover.ENGINE, Category.ENGINE_COPY, runner, reads=reads, writes=writes),
        release(Resource.ENGINE),
        release(Resource.ENGINE_QUEUE),
    )
    if not context.engine_interrupts:
        return (*submit, *copy)
    return (
        *submit,
        *leave_worker(context),
        *copy,
        *get_worker(
            context,
            spend("the engine interrupts and wakes", Category.NOTIFY, Runner.HOST, Charge("engine_interrupt")),
        ),
    )


def reach(context: PathContext, copier: Copier) -> tuple[Step, ...]:
    """Move the data through pages that stay shared; an IOMMU has them mapped for good."""
    return (*fault_in(context), *host_copy(context, copier))


def reach_once(context: PathContext, copier: Copier) -> tuple[Step, ...]:
    """Move the data through pages that are the device's for this once: DMA needs them pinned and mapped, then not.

    Pinning by address puts them into the VMM's page tables, but without an exception a page.
    """
    if copier == "cpu":
        return reach(context, copier)
    return (
        *populate("the pages are looked up for pinning"),
        memory("pin the buffer for DMA", Operation.PIN_SHORT),
        spend(
            "map in the IOMMU",
            Category.PAGE_TABLE,
            Runner.HOST,
            Charge("iommu_map_call"),
            Charge("iommu_map_page", Count.PINNED),
            Charge("iommu_map_leaf_2m", Count.PINNED_2M),
        ),
        *host_copy(context, copier),
        acquire(Resource.IOMMU, "wait for the IOMMU's invalidation queue", runner=Runner.HOST),
        spend(
            "unmap from the IOMMU and invalidate",
            Category.PAGE_TABLE,
            Runner.HOST,
            Charge("iommu_unmap_call"),
            Charge("iommu_unmap_page", Count.PINNED),
            Charge("iommu_unmap_leaf_2m", Count.PINNED_2M),
        ),
        release(Resource.IOMMU),
        memory("unpin the buffer", Operation.UNPIN_SHORT),
    )


def fault_in(context: PathContext) -> tuple[Step, ...]:
    """The host touches each page; those that it has not mapped fault, one PTE a fault (P-9), or are populated first."""
    if context.host_faults == "populate":
        return populate("the host populates the buffer's pages")
    return map_in_host("the host touches the buffer's pages", "host page faults", "host_fault")


def populate(text: str) -> tuple[Step, ...]:
    """The host maps pages by one call, without an exception for each."""
    return map_in_host(text, "populate the host's page tables", "populate")


def map_in_host(text: str, spent: str, price: str) -> tuple[Step, ...]:
    """The pages come into the host's page tables, each entry at its price."""
    return (
        memory(text, Operation.HOST_TOUCH),
        zeroing(
            spend(
                spent,
                Category.FAULT,
                Runner.HOST,
                Charge(f"{price}_page", Count.HOST_FAULTS),
                Charge(f"{price}_leaf_2m", Count.HOST_FAULTS_2M),
                Charge("allocate_page", Count.ALLOCATED),
            )
        ),
    )


def wrote() -> Step:
    """The buffer now holds what the host put there."""
    return memory("the buffer holds the data", Operation.HOST_WRITE)


def made_in_place(context: PathContext) -> tuple[Step, ...]:
    """The host makes the data where it lies; what comes from a drive or a network card comes by DMA."""
    if context.far_end == "storage":
        return (*served_by_storage(context, end=End.DEVICE), wrote())
    if context.comes_from_network:
        return (passed_by_dma(), wrote())
    return (memory("the buffer holds the data", Operation.HOST_WRITE, writes=End.DEVICE),)


def passed_by_dma() -> Step:
    """A card's DMA leaves nothing of the buffer in the cache; its time is the card's."""
    return Step(Op.DMA, "a card's DMA passes the buffer", writes=End.DEVICE)


def held_by_others(context: PathContext) -> tuple[Step, ...]:
    """Some user on the host pins the buffer and gives it back later, whatever becomes of the transfer."""
    pins = context.memory.pins
    if pins is None:
        return ()
    operation = Operation.PIN_SHORT if pins.term == "short" else Operation.PIN_LONG
    return (Step(Op.HOLD, "a user on the host pins the buffer", argument=operation),)
