"""Steps that take time: alone, on a shared resource, or until pins are gone."""

from cluster_sim.compiled import compiled
from cluster_sim.engine.booking import book, copy_alone_ns, price
from cluster_sim.engine.heap import push
from cluster_sim.engine.sharing import HOST_LOCK, MEMORY_BANDWIDTH, join
from cluster_sim.engine.state import ON_PIN_RETRY, SHARING, TIMED, WAITING, Host
from cluster_sim.io_paths.steps import Mover, Op
from cluster_sim.results.ledger import Category

KICK = int(Op.KICK)
SPEND_LOCKED = int(Op.SPEND_LOCKED)
LOCK_WAIT = int(Category.LOCK_WAIT)
PIN_WAIT = int(Category.PIN_WAIT)
BANDWIDTH_WAIT = int(Category.BANDWIDTH_WAIT)
CRYPTO = int(Mover.CRYPTO)
NIC = int(Mover.NIC)
NO_EXITS = -1
LOCK_DEMAND = 1_000_000


@compiled
def start_timer(host: Host, transfer: int, now_ns: int, span_ns: int) -> None:
    """Let a step end at a known time."""
    cursor, row = host.cursor[0], host.transfers[transfer]
    cursor.sequence += 1
    push(host.timers, cursor.timers, now_ns + span_ns, cursor.sequence, transfer)
    cursor.timers += 1
    row.started_ns = now_ns
    row.phase = TIMED


@compiled
def start_sharing(host: Host, transfer: int, now_ns: int, which: int, alone_ns: int, demand: int) -> None:
    """Let a step run on a shared resource."""
    cursor, row = host.cursor[0], host.transfers[transfer]
    cursor.sequence += 1
    row.demand = demand
    row.alone_ns = alone_ns
    row.started_ns = now_ns
    row.phase = SHARING
    row.start_clock = join(host.shares, host.jobs, which, now_ns, alone_ns, demand, cursor.sequence, transfer)


@compiled
def start_copy(host: Host, transfer: int, now_ns: int, mover: int) -> bool:
    """Start moving the transfer's bytes; False when it takes no time."""
    row = host.transfers[transfer]
    curve = host.streams[row.stream].curves[mover]
    if mover < CRYPTO:
        row.copied_bytes[mover] += row.bytes
    elif mover == CRYPTO:
        row.copied_bytes[0] += row.bytes
    alone_ns = copy_alone_ns(host.curves, curve, row.bytes)
    if alone_ns == 0:
        return False
    demand = row.bytes * host.curves[curve].bus_milli // alone_ns
    if demand == 0:
        start_timer(host, transfer, now_ns, alone_ns)
    else:
        start_sharing(host, transfer, now_ns, MEMORY_BANDWIDTH, alone_ns, demand)
    return True


@compiled
def receive(host: Host, transfer: int, now_ns: int) -> bool:
    """Take in what has been coming for as long as a network card sends it; False if the last bit is through now.

    It begins with the first bit, or when all that came before is through.
    """
    row = host.transfers[transfer]
    step, stream = host.steps[row.step], host.streams[row.stream]
    server = host.servers[stream.servers[step.resource]]
    alone_ns = copy_alone_ns(host.curves, stream.curves[step.argument], row.bytes)
    sent_ns = copy_alone_ns(host.curves, stream.curves[NIC], row.bytes)
    server.busy_ns += alone_ns
    server.free_ns = max(server.free_ns, now_ns - sent_ns) + alone_ns
    if server.free_ns <= now_ns:
        return False
    start_timer(host, transfer, now_ns, server.free_ns - now_ns)
    return True


@compiled
def spend(host: Host, transfer: int, now_ns: int, op: int) -> bool:
    """Start spending a step's time; False when it takes none."""
    row = host.transfers[transfer]
    step = host.steps[row.step]
    if op == KICK and host.servers[host.streams[row.stream].servers[step.resource]].held > 0:
        return False
    if step.exits != NO_EXITS:
        row.exits += row.counts[step.exits]
    span_ns = price(host, transfer, row.step)
    if span_ns == 0:
        return False
    if op == SPEND_LOCKED:
        start_sharing(host, transfer, now_ns, HOST_LOCK, span_ns, LOCK_DEMAND)
    else:
        start_timer(host, transfer, now_ns, span_ns)
    return True


@compiled
def await_pins(host: Host, transfer: int, now_ns: int) -> None:
    """A conversion was refused: try again after a while, or wait for the buffer's unpin."""
    row = host.transfers[transfer]
    row.exits += 1
    if host.policy.on_pin == ON_PIN_RETRY:
        span_ns = price(host, transfer, row.step) + host.policy.retry_after_ns
        start_timer(host, transfer, now_ns, span_ns)
        return
    row.started_ns = now_ns
    row.phase = WAITING
    host.pin_waiters[row.buffer] = transfer


@compiled
def end_pin_wait(host: Host, transfer: int, now_ns: int) -> None:
    """The pins are gone: book the wait, pay for the attempt that was refused, and try again."""
    row = host.transfers[transfer]
    book(host, transfer, PIN_WAIT, now_ns, now_ns - row.started_ns)
    start_timer(host, transfer, now_ns, price(host, transfer, row.step))
