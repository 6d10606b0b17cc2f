"""Stretches of steps that paths share: CPUs, doorbell, the host's side, interrupt, beginning and end.

Long, for all that paths are put together from stands in one place.
"""

from dataclasses import replace

from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.steps import (
    WHOLE,
    Charge,
    Count,
    End,
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
CLIENT_WAY = "client_way"
"""Price of the way from a client or to it, which the definition gives."""


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
    if context.far_end == "client" and context.is_from_device:
        steps += (
            move("the client sends it", Mover.NIC, Category.NETWORK, Runner.NOBODY),
            spend("the way from the client", Category.NETWORK, Runner.NOBODY, Charge(CLIENT_WAY)),
        )
    if context.comes_from_network:
        steps += (pass_through("the network card takes it in", Resource.NIC_IN, Mover.NIC),)
    text = "take a posted buffer" if posted else "take a free buffer"
    steps += (Step(Op.TAKE_BUFFER, text, category=Category.QUEUE_WAIT, argument=int(posted)),)
    if context.far_end == "client" and not context.is_from_device and context.wakes_other_vcpu:
        steps += (acquire(Resource.VCPU, "wait for a vCPU"), *call_thread(), release(Resource.VCPU))
    return steps


def enter_guest(context: PathContext) -> tuple[Step, ...]:
    """Get a vCPU, behind the queue's own work where that is one thread, and a CPU for it where CPUs may be short."""
    steps: tuple[Step, ...] = (get_thread(),) if context.enters_as_thread else ()
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
    thread: tuple[Step, ...] = (release(Resource.THREAD),) if context.enters_as_thread else ()
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


def work(context: PathContext) -> tuple[Step, ...]:
    """The guest's own work: consuming what came, or making what goes; where a thread sleeps elsewhere, by it."""
    text = "the consumer works on it" if context.is_from_device else "the producer makes it"
    own = spend(text, Category.WORK, Runner.GUEST, Charge(WORK, Count.WORK))
    if not context.wakes_other_vcpu:
        return (own,)
    if not context.is_from_device:
        return (*thread_wakes(context), own)
    moves = (*call_thread(), *leave_guest(context), get_thread(), *enter_guest(context))
    return (*moves, *thread_wakes(context), own, release(Resource.THREAD))


def get_thread() -> Step:
    """Get the thread that the queue's own work runs in."""
    return acquire(Resource.THREAD, "wait for the queue's thread")


def call_thread() -> tuple[Step, ...]:
    """Tell the vCPU of a thread that sleeps, by an IPI, which is an exit; one that polls finds the work by itself."""
    told = spend(
        "an IPI to the thread's vCPU",
        Category.NOTIFY,
        Runner.GUEST,
        Charge("wake_thread_ipi", Count.INTERRUPTS),
        exits=Count.INTERRUPTS,
    )
    return (Step(Op.WAKE_THREAD, "does the thread sleep, and has its vCPU halted?", resource=Resource.VCPU), told)


def thread_wakes(context: PathContext) -> tuple[Step, ...]:
    """The thread's vCPU takes the IPI, and is woken where it had halted."""
    return (
        spend(
            "the IPI interrupts the thread's vCPU",
            Category.NOTIFY,
            Runner.GUEST,
            Charge("interrupt", Count.INTERRUPTS),
            exits=Count.INTERRUPTS if context.protection.interrupt_exits else None,
        ),
        spend("wake the thread's vCPU", Category.NOTIFY, Runner.GUEST, Charge("wake_vcpu", Count.IDLE_WAKES)),
    )


def own_work(context: PathContext, memory_range: Range, *, crypto: bool) -> tuple[Step, ...]:
    """The guest's own work on private data: consuming it, deciphered before, or making it, enciphered after."""
    if context.is_from_device:
        return (*(cipher("decipher it", memory_range) if crypto else ()), *work(context))
    return (*work(context), guest_wrote(memory_range), *(cipher("encipher it", memory_range) if crypto else ()))


def cipher(text: str, memory_range: Range) -> tuple[Step, ...]:
    """A pass of the guest's cipher over data in place, or into pages of its own (dm-crypt: crypt_alloc_buffer)."""
    end = End(memory_range)
    return (move(text, Mover.CRYPTO, Category.CRYPTO, Runner.GUEST, reads=end, writes=end), cipher_requests())


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
            argument=int(context.shares_worker),
        ),
        *leave_guest(context),
    )


def worker(context: PathContext, *inside: Step, tells: bool = True) -> tuple[Step, ...]:
    """Wake the worker unless it runs already, serve the ring, do `inside`; then tell the guest, where it `tells`."""
    return (
        *wake_worker(context),
        serve(context),
        *inside,
        *(tell_guest(context) if tells and is_told_by_worker(context) else ()),
        *leave_worker(context),
    )


def serve(context: PathContext) -> Step:
    """What a worker does for a request beside its data; a daemon parses it and asks the kernel for what it says."""
    if context.serves_files:
        return spend("the daemon serves the request", Category.NOTIFY, Runner.HOST, Charge("serve_file"))
    return spend("serve the ring", Category.NOTIFY, Runner.HOST, Charge("serve_ring"))


def is_told_by_worker(context: PathContext) -> bool:
    """Whether the guest is told when the host's side is done, not when a frame was sent on or completions gathered."""
    return (context.is_from_device or context.is_request) and not context.coalesces


def tell_guest(context: PathContext) -> tuple[Step, ...]:
    """Inject an interrupt, unless the guest handles the queue anyway or polls: eventfd, irqfd, the vCPU's kick."""
    return (
        Step(
            Op.SIGNAL,
            "inject an interrupt, unless the guest looks anyway",
            category=Category.NOTIFY,
            runner=Runner.HOST,
            charges=(Charge("inject_interrupt", Count.INTERRUPTS),),
            argument=int(context.polls_completions),
        ),
    )


def wake_worker(context: PathContext) -> tuple[Step, ...]:
    """Get the worker, which sleeps unless it runs already, and a CPU for it where CPUs may be short."""
    wake = spend("wake the worker", Category.NOTIFY, Runner.HOST, Charge("wake_worker", Count.WAKES))
    return get_worker(context, wake)


def get_worker(context: PathContext, *woken: Step) -> tuple[Step, ...]:
    """Get the worker by what wakes it, and a CPU for it where CPUs may be short."""
    cpu: tuple[Step, ...] = (acquire(Resource.CPU, "wait for a CPU of the host"),) if context.shares_cpus else ()
    return (*count_at_worker(context, 1), acquire(Resource.WORKER, "wait for the worker"), *woken, *cpu)


def leave_worker(context: PathContext) -> tuple[Step, ...]:
    """Let the worker and its CPU go."""
    steps: tuple[Step, ...] = (release(Resource.CPU),) if context.shares_cpus else ()
    return (*steps, release(Resource.WORKER), *count_at_worker(context, -1))


def count_at_worker(context: PathContext, change: int) -> tuple[Step, ...]:
    """Where a worker serves several queues, a doorbell is wanted by those of which it has nothing."""
    if not context.shares_worker:
        return ()
    return (Step(Op.COUNT_AT_WORKER, "the worker has one request of the queue more or less", argument=change),)


def guest_wrote(memory_range: Range = Range.DEVICE) -> Step:
    """The buffer now holds what the guest put there."""
    return memory("the buffer holds the data", Operation.GUEST_WRITE, memory_range, writes=End(memory_range))


def interrupt(context: PathContext, *, told: bool = True) -> tuple[Step, ...]:
    """The guest, which was `told` by the worker or is now, wakes if it sleeps and takes the interrupt on a vCPU."""
    telling = () if told and is_told_by_worker(context) else tell_guest(context)
    injected: tuple[Step, ...] = ()
    if context.coalesces:  # the first of those that were gathered interrupts, and comes first
        gathered = Step(Op.GATHER, "interrupts wait for more completions", category=Category.QUEUE_WAIT)
        told_of = Step(Op.SIGNAL, "which of them interrupts", argument=int(context.polls_completions))
        inject = Charge("inject_interrupt", Count.INTERRUPTS)
        telling, injected = (gathered, told_of), (spend("inject it", Category.NOTIFY, Runner.HOST, inject),)
    return (
        *telling,
        Step(
            Op.FIND_GUEST,
            "see whether the guest sleeps",
            resource=Resource.VCPU,
            argument=int(context.polls_completions),
        ),
        *enter_guest(context),
        *injected,
        spend(
            "interrupt the guest",
            Category.NOTIFY,
            Runner.GUEST,
            Charge("interrupt", Count.INTERRUPTS),
            exits=Count.INTERRUPTS if context.protection.interrupt_exits else None,
        ),
        spend("wake the idle guest", Category.NOTIFY, Runner.GUEST, Charge("wake_vcpu", Count.IDLE_WAKES)),
        *work_item(context),
    )


def work_item(context: PathContext) -> tuple[Step, ...]:
    """An answer about a file is handled by a thread of the guest's kernel, which the interrupt's handler wakes."""
    if not context.serves_files:
        return ()
    wake = Charge("wake_worker", Count.INTERRUPTS)
    return (spend("wake the guest's thread that completes requests", Category.NOTIFY, Runner.GUEST, wake),)


def kick_request(context: PathContext) -> tuple[Step, ...]:
    """A request reaches the host by a doorbell; a frame or a packet comes by itself."""
    return (*enter_guest(context), *ring_host(context)) if context.is_request else ()


def complete_request(context: PathContext) -> tuple[Step, ...]:
    """The guest is told that its request is done; of a frame or a packet, only its buffer comes back."""
    return (*interrupt(context), handled(), *leave_guest(context)) if context.is_request else ()


def reclaim_sent(context: PathContext, *inside: Step) -> tuple[Step, ...]:
    """Get the guest to clean up behind what it sent: by an interrupt, or when it sends again, by whichever thread."""
    if context.driver.interrupts_when_sent:
        return (*interrupt(context), *inside, handled(), *leave_guest(context))
    if context.far_end == "client":
        context = replace(context, is_threaded=False)
    return (*enter_guest(context), *inside, *leave_guest(context))


def handled() -> Step:
    """The guest's handler is done with this completion."""
    return Step(Op.HANDLED, "the handler is done")


def interrupt_for_credit(context: PathContext) -> tuple[Step, ...]:
    """A producer that had to wait for a buffer was told of it by an interrupt, unless it polls."""
    if context.polls_completions:
        return ()
    return (
        spend("inject the interrupt", Category.NOTIFY, Runner.HOST, Charge("inject_interrupt", Count.WAITED)),
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
        case "client":
            way = spend("the way to the client", Category.NETWORK, Runner.NOBODY, Charge(CLIENT_WAY))
            return (*network, way, handed, Step(Op.ANSWERED, "the client goes on"))
        case "another host":
            away = Step(Op.SEND, "it is on its way to the other host")
            way = spend("the way to the other host", Category.NETWORK, Runner.NOBODY, Charge(NETWORK_LATENCY))
            link = pass_through("the link to the other host carries it", Resource.LINK, Mover.LINK)
            return (*network, link, away, way, handed)
        case "another guest":
            return (Step(Op.SEND, "the other guest's stream has it"), handed)
        case "nothing" | "storage" | "page cache":
            return (handed,)


def guest_copy(text: str, *, writes: End, copied: Range = Range.DEVICE) -> Step:
    """A vCPU copies the data."""
    reads = End.DEVICE if writes == End.OWN else End.OWN
    return move(text, Mover.GUEST, Category.GUEST_COPY, Runner.GUEST, reads=reads, writes=writes, moved=copied)


def guest_copies(text: str, *, writes: End, crypto: bool) -> tuple[Step, ...]:
    """A vCPU copies the data, or encrypts or decrypts it on the way, which is the copy."""
    if not crypto:
        return (guest_copy(text, writes=writes),)
    reads = End.DEVICE if writes == End.OWN else End.OWN
    text = f"{text}, by a cipher"
    return (move(text, Mover.CRYPTO, Category.CRYPTO, Runner.GUEST, reads=reads, writes=writes), cipher_requests())


def expect_data(memory_range: Range) -> Step:
    """Who reads must find this transfer's data in `memory_range`."""
    return memory("the reader finds the data", Operation.EXPECT_CONTENT, memory_range, reads=End(memory_range))
