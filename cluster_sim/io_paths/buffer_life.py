"""Stretches of steps around transfers: buffers that stay shared, are posted ahead, are restored later."""

from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.step_sequences import begin, enter_guest, give_buffer, leave_guest
from cluster_sim.io_paths.steps import WHOLE, Op, Resource, Step, acquire, release
from cluster_sim.results.ledger import Category


def unless_shared(*share: Step) -> tuple[Step, ...]:
    """Share the buffer, unless it still is shared."""
    return (Step(Op.SKIP_IF_SHARED, "is the buffer still shared?", argument=len(share)), *share)


def unless_it_stays(unshare: tuple[Step, ...], otherwise: tuple[Step, ...] = ()) -> tuple[Step, ...]:
    """Make the buffer private again, or leave it shared and do `otherwise`."""
    skip = (Step(Op.SKIP, "go on", argument=len(otherwise)),) if otherwise else ()
    unshared = (*unshare, *skip)
    text = "does the buffer stay shared?"
    return (Step(Op.SKIP_IF_IT_STAYS, text, argument=len(unshared)), *unshared, *otherwise)


def opened() -> Step:
    """All buffers that convert together have done so: others may take them again."""
    return Step(Op.OPENED, "the batch has converted")


def begin_posted(context: PathContext) -> tuple[Step, ...]:
    """The transfer finds a buffer that was posted before it came."""
    return begin(context, posted=True)


def end_and_refill() -> tuple[Step, ...]:
    """Give the buffer back, let it be posted again, be delivered."""
    return (give_buffer(), Step(Op.REFILL, "post the next free buffer"), Step(Op.DELIVER, "delivered"))


def deliver_then_restore() -> tuple[Step, ...]:
    """Be delivered; what is left to do with the buffer comes after that."""
    return (Step(Op.RESTORE_LATER, "the rest is done later"), Step(Op.DELIVER, "delivered"))


def post(context: PathContext, *inside: Step, rings: tuple[Step, ...]) -> tuple[Step, ...]:
    """Make a free buffer ready: `inside` on a vCPU; `rings` tells the host of it, and leaves the vCPU."""
    return (*wait_for_boot(context), *enter_guest(context), *inside, *rings, Step(Op.POSTED, "the buffer is posted"))


def restore(context: PathContext, *inside: Step, posts: bool) -> tuple[Step, ...]:
    """What is left to do with a buffer after the delivery: `inside` on a vCPU; then it is free."""
    refill = (Step(Op.REFILL, "post the next free buffer"),) if posts else ()
    return (*enter_guest(context), *inside, *leave_guest(context), give_buffer(), *refill, stop())


def reap(context: PathContext, unshare: tuple[Step, ...]) -> tuple[Step, ...]:
    """Make private what has lain shared and unused for long, buffer by buffer."""
    rest = Step(Op.REST, "wait until a shared buffer has lain unused for long", category=Category.QUEUE_WAIT)
    once = (*enter_guest(context), *unshare, *leave_guest(context), give_buffer())
    return (rest, *once, Step(Op.GO_BACK, "look for the next", argument=len(once) + 1))


def wait_for_boot(context: PathContext) -> tuple[Step, ...]:
    """Nothing is posted before the guest has booted."""
    if not context.waits_for_boot:
        return ()
    return (acquire(Resource.BOOT, "wait for the guest to boot", amount=WHOLE), release(Resource.BOOT, amount=WHOLE))


def stop() -> Step:
    """The work between transfers is done."""
    return Step(Op.STOP, "done")
