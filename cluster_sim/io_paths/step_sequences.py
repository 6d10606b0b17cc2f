"""Stretches of steps that paths share: CPUs, doorbell, the host's side, interrupt, beginning and end."""

from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.steps import (
    WHOLE,
    Charge,
    Count,
    Mover,
    Op,
    Range,
    Resource,
    Runner,
    Step,
    acquire,
    memory,
    move,
    pass_through,
    release,
    spend,
)
from cluster_sim.memory.pages import Operation
from cluster_sim.results.ledger import Category

WORK = "work"
"""Price of the guest's own work, 1 ns a ns; the transfer's count says how much it is."""
NETWORK_LATENCY = "network_latency"
"""Price of the way to another host, which the definition gives."""


def begin(context: PathContext, *, posted: bool = False) -> tuple[Step, ...]:
    """Wait for the guest to have booted and for the packet to be in, and take a buffer: a posted one, or any."""
    steps: tuple[Step, ...] = ()
    if context.is_closed:
        steps += (Step(Op.THINK, "the next request is thought of"),)
    if context.waits_for_boot:
        steps += (
            acquire(Resource.BOOT, "wait for the guest to boot", amount=WHOLE),
            release(Resource.BOOT, amount=WHOLE),
        )
    if context.comes_from_network:
        steps += (pass_through("the network card takes it in", Resource.NIC_IN, Mover.NIC),)
    text = "take a posted buffer" if posted else "take a free buffer"
    return (*steps, Step(Op.TAKE_BUFFER, text, category=Category.QUEUE_WAIT, argument=int(posted)))


def enter_guest(context: PathContext) -> tuple[Step, ...]:
    """Get a vCPU, behind the queue's own work where that is one thread, and a CPU for it where CPUs may be short."""
    steps: tuple[Step, ...] = (acquire(Resource.THREAD, "wait for the queue's thread"),) if context.is_threaded else ()
    steps += (acquire(Resource.VCPU, "wait for a vCPU"),)
    if context.is_shot_down:
        steps += (Step(Op.WATCH, "from here on, conversions of others interrupt it"),)
    if context.shares_cpus and not context.spins_when_idle:
        steps += (acquire(Resource.CPU, "wait for a CPU of the host"),)
    return steps


def leave_guest(context: PathContext) -> tuple[Step, ...]:
    """Let the vCPU and its CPU go."""
    has_cpu = context.shares_cpus and not context.spins_when_idle
    steps: tuple[Step, ...] = (release(Resource.CPU),) if has_cpu else ()
    if context.is_shot_down:
        steps = (shot_down(), *steps)
    thread: tuple[Step, ...] = (release(Resource.THREAD),) if context.is_threaded else ()
    return (*steps, release(Resource.VCPU), *thread)


def shot_down() -> Step:
    """Conversions of others interrupted the vCPU so often while the transfer had it."""
    return Step(
        Op.SPEND_SHOT_DOWN,
        "interrupted by conversions on other vCPUs",
        category=Category.TLB,
        runner=Runner.GUEST,
        charges=(Charge("shot_down", Count.SHOT_DOWN),),
        exits=Count.SHOT_DOWN,
    )


def end() -> tuple[Step, ...]:
    """Give the buffer back, be delivered."""
    return (give_buffer(), Step(Op.DELIVER, "delivered"))


def give_buffer() -> Step:
    """The buffer is free."""
    return Step(Op.GIVE_BUFFER, "give the buffer back")


def work(context: PathContext) -> Step:
    """The guest's own work: consuming what came, or making what goes."""
    text = "the consumer works on it" if context.is_from_device else "the producer makes it"
    return spend(text, Category.WORK, Runner.GUEST, Charge(WORK, Count.WORK))


def own_work(context: PathContext, memory_range: Range, *, crypto: bool) -> tuple[Step, ...]:
    """The guest's own work on private data: consuming it, deciphered before, or making it, enciphered after."""
    if context.is_from_device:
        return (*(cipher("decipher it", memory_range) if crypto else ()), work(context))
    return (work(context), guest_wrote(memory_range), *(cipher("encipher it", memory_range) if crypto else ()))


def cipher(text: str, memory_range: Range) -> tuple[Step, ...]:
    """A pass of the guest's cipher over data in place, or into pages of its own (dm-crypt: crypt_alloc_buffer)."""
    ends = (memory_range,)
    return (move(text, Mover.CRYPTO, Category.CRYPTO, Runner.GUEST, ends=ends), cipher_requests())


def cipher_requests() -> Step:
    """What the cipher takes for each sector or record beside its bytes."""
    text = "set up the cipher for each sector or record"
    return spend(text, Category.CRYPTO, Runner.GUEST, Charge("cipher_request", Count.CIPHER_UNITS))


def ring_host(context: PathContext) -> tuple[Step, ...]:
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
        *leave_guest(context),
    )


def worker(context: PathContext, *inside: Step) -> tuple[Step, ...]:
    """Wake the worker unless it runs already, serve the ring, do `inside`."""
    return (
        *wake_worker(context),
        spend("serve the ring", Category.NOTIFY, Runner.HOST, Charge("serve_ring")),
        *inside,
        *leave_worker(context),
    )


def wake_worker(context: PathContext) -> tuple[Step, ...]:
    """Get the worker, which sleeps unless it runs already, and a CPU for it where CPUs may be short."""
    wake = spend("wake the worker", Category.NOTIFY, Runner.HOST, Charge("wake_worker", Count.WAKES))
    return get_worker(context, wake)


def get_worker(context: PathContext, *woken: Step) -> tuple[Step, ...]:
    """Get the worker by what wakes it, and a CPU for it where CPUs may be short."""
    cpu: tuple[Step, ...] = (acquire(Resource.CPU, "wait for a CPU of the host"),) if context.shares_cpus else ()
    return (acquire(Resource.WORKER, "wait for the worker"), *woken, *cpu)


def leave_worker(context: PathContext) -> tuple[Step, ...]:
    """Let the worker and its CPU go."""
    steps: tuple[Step, ...] = (release(Resource.CPU),) if context.shares_cpus else ()
    return (*steps, release(Resource.WORKER))


def guest_wrote(memory_range: Range = Range.DEVICE) -> Step:
    """The buffer now holds what the guest put there."""
    return memory("the buffer holds the data", Operation.GUEST_WRITE, memory_range, touches=(memory_range,))


def interrupt(context: PathContext) -> tuple[Step, ...]:
    """Interrupt the guest unless it handles the queue anyway or polls, wake it if it sleeps, get a vCPU."""
    return (
        Step(
            Op.SIGNAL,
            "decide whether the guest must be told",
            resource=Resource.VCPU,
            argument=int(context.polls_completions),
        ),
        *enter_guest(context),
        spend(
            "interrupt the guest",
            Category.NOTIFY,
            Runner.GUEST,
            Charge("interrupt", Count.INTERRUPTS),
            exits=Count.INTERRUPTS if context.protection.interrupt_exits else None,
        ),
        spend("wake the idle guest", Category.NOTIFY, Runner.GUEST, Charge("wake_vcpu", Count.IDLE_WAKES)),
    )


def kick_request(context: PathContext) -> tuple[Step, ...]:
    """A request reaches the host by a doorbell; a frame or a packet comes by itself."""
    return (*enter_guest(context), *ring_host(context)) if context.is_request else ()


def complete_request(context: PathContext) -> tuple[Step, ...]:
    """The guest is told that its request is done; of a frame or a packet, only its buffer comes back."""
    return (*interrupt(context), handled(), *leave_guest(context)) if context.is_request else ()


def reclaim_sent(context: PathContext, *inside: Step) -> tuple[Step, ...]:
    """Get the guest to clean up behind what it sent: by an interrupt, or whenever it sends again."""
    if context.driver.interrupts_when_sent:
        return (*interrupt(context), *inside, handled(), *leave_guest(context))
    return (*enter_guest(context), *inside, *leave_guest(context))


def handled() -> Step:
    """The guest's handler is done with this completion."""
    return Step(Op.HANDLED, "the handler is done")


def interrupt_for_credit(context: PathContext) -> tuple[Step, ...]:
    """A producer that had to wait for a buffer was told of it by an interrupt, unless it polls."""
    if context.polls_completions:
        return ()
    return (
        spend(
            "an interrupt tells of the free buffer",
            Category.NOTIFY,
            Runner.GUEST,
            Charge("interrupt", Count.WAITED),
            Charge("wake_vcpu", Count.WAITED),
            exits=Count.WAITED if context.protection.interrupt_exits else None,
        ),
    )


def pass_on(context: PathContext) -> tuple[Step, ...]:
    """What the host has read goes where it is meant to go; then whoever asked for it has it."""
    handed = Step(Op.HAND_OVER, "whom it is for has it")
    network = (
        acquire(Resource.NIC_OUT, "wait for the network card"),
        move("the network card sends it", Mover.NIC, Category.NETWORK, Runner.NOBODY),
        release(Resource.NIC_OUT),
    )
    match context.far_end:
        case "network":
            return (*network, handed)
        case "another host":
            away = Step(Op.SEND, "it is on its way to the other host")
            way = spend("the way to the other host", Category.NETWORK, Runner.NOBODY, Charge(NETWORK_LATENCY))
            link = pass_through("the link to the other host carries it", Resource.LINK, Mover.LINK)
            return (*network, link, away, way, handed)
        case "another guest":
            return (Step(Op.SEND, "the other guest's stream has it"), handed)
        case "nothing" | "storage":
            return (handed,)


def guest_copy(text: str, *, copied: Range = Range.DEVICE) -> Step:
    """A vCPU copies the data."""
    ends = (Range.DEVICE, Range.OWN)
    return move(text, Mover.GUEST, Category.GUEST_COPY, Runner.GUEST, ends=ends, moved=copied)


def guest_copies(text: str, *, crypto: bool) -> tuple[Step, ...]:
    """A vCPU copies the data, or encrypts or decrypts it on the way, which is the copy."""
    if not crypto:
        return (guest_copy(text),)
    ends = (Range.DEVICE, Range.OWN)
    passed = move(f"{text}, by a cipher", Mover.CRYPTO, Category.CRYPTO, Runner.GUEST, ends=ends)
    return (passed, cipher_requests())


def expect_data(memory_range: Range) -> Step:
    """Who reads must find this transfer's data in `memory_range`."""
    return memory("the reader finds the data", Operation.EXPECT_CONTENT, memory_range)
