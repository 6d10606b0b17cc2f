"""Requests that swiotlb had no slots for, and requests that it holds back: who asks again, when and in which order.

A queue's refused requests stand before all that come after them (hctx->dispatch, block/blk-mq.c): the first asks again
when one of the queue's requests completes, or one comes; on a queue with nothing in flight after a delay.
"""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.booking import price
from cluster_sim.engine.bounce import map_slots, take_turn, unmap_slots
from cluster_sim.engine.heap import push
from cluster_sim.engine.state import NOBODY, WAITING, Host
from cluster_sim.engine.wait_queues import enqueue, enqueue_first
from cluster_sim.engine.waiting import acquire, release, resume_first


@inlined
def refused_of(host: Host, stream: int) -> int:
    """The wait queue of a stream's refused requests."""
    return len(host.state.servers) + len(host.spec.streams) + stream


@compiled
def map_in_turn(host: Host, transfer: int, now_ns: int) -> bool:
    """Map the transfer's buffer, or go on with it; False without slots, or when others must have theirs first."""
    row = host.state.transfers[transfer]
    if row.turns_left > 0:
        take_turn(host, transfer)
        return True
    if must_stand_behind(host, transfer) or not map_slots(host, transfer, now_ns):
        return False
    if host.state.streams[row.stream].retrying == transfer:
        end_retry(host, transfer, now_ns)
    return True


@compiled
def unmap_in_turn(host: Host, transfer: int, now_ns: int) -> None:
    """Unmap the transfer's buffer, or go on with it; who was refused slots asks again."""
    row = host.state.transfers[transfer]
    if row.turns_left > 0:
        take_turn(host, transfer)
        return
    unmap_slots(host, transfer)
    run_queue(host, row.stream, now_ns)


@inlined
def must_stand_behind(host: Host, transfer: int) -> bool:
    """Whether requests of its queue that were refused before have yet to be mapped."""
    row = host.state.transfers[transfer]
    retrying = host.state.streams[row.stream].retrying
    if retrying == transfer:
        return False
    return bool(retrying != NOBODY or host.state.wait_queues[refused_of(host, row.stream)].first != NOBODY)


@compiled
def requeue(host: Host, transfer: int, now_ns: int) -> None:
    """Wait among the refused: in front who asked again in vain, behind all others who came now.

    A request that comes runs the queue. With nothing in flight the queue runs after BLK_MQ_RESOURCE_DELAY.
    """
    row = host.state.transfers[transfer]
    moving = host.state.streams[row.stream]
    refused = refused_of(host, row.stream)
    is_first = host.state.wait_queues[refused].first == NOBODY and moving.retrying == NOBODY
    row.started_ns = now_ns
    row.phase = WAITING
    if moving.retrying == transfer:
        moving.retrying = NOBODY
        enqueue_first(host, refused, transfer)
    else:
        enqueue(host, refused, transfer)
        if not is_first:
            run_queue(host, row.stream, now_ns)
    if moving.mapped == 0 and moving.retrying == NOBODY and moving.runs_later == 0:
        run_later(host, transfer, now_ns)


@compiled
def run_queue(host: Host, stream: int, now_ns: int) -> None:
    """Let the first of the refused ask again, unless one does."""
    moving = host.state.streams[stream]
    if moving.retrying == NOBODY:
        moving.retrying = resume_first(host, refused_of(host, stream), now_ns)


@compiled
def end_retry(host: Host, transfer: int, now_ns: int) -> None:
    """Who asked again has slots now: the next of the refused asks."""
    stream = host.state.transfers[transfer].stream
    host.state.streams[stream].retrying = NOBODY
    run_queue(host, stream, now_ns)


@compiled
def run_later(host: Host, transfer: int, now_ns: int) -> None:
    """Let the transfer's queue run after the delay that its step says."""
    cursor, row = host.state.cursor[0], host.state.transfers[transfer]
    host.state.streams[row.stream].runs_later = 1
    cursor.sequence += 1
    item = -1 - len(host.spec.guests) - row.stream
    push(host.state.holds, cursor.holds, now_ns + price(host, transfer, row.step), cursor.sequence, item)
    cursor.holds += 1


@compiled
def end_delay(host: Host, stream: int, now_ns: int) -> None:
    """The delay is over: the queue runs."""
    host.state.streams[stream].runs_later = 0
    run_queue(host, stream, now_ns)


@compiled
def throttle(host: Host, transfer: int, now_ns: int) -> bool:
    """While swiotlb is nearly full, map one at a time; False when the transfer waits for its turn.

    From the high mark on, and down to the low one while another has or waits for the turn.
    """
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    server = stream.servers[host.spec.steps[row.step].resource]
    pool = host.state.pools.pools[stream.pool]
    is_busy = host.state.servers[server].held > 0
    if pool.slots_used > pool.high_slots or (is_busy and pool.slots_used > pool.low_slots):
        row.is_throttled = 1
        return bool(acquire(host, transfer, now_ns))
    return True


@compiled
def end_throttle(host: Host, transfer: int, now_ns: int) -> None:
    """Who mapped by turn has unmapped: the next may."""
    row = host.state.transfers[transfer]
    if row.is_throttled:
        row.is_throttled = 0
        release(host, host.spec.streams[row.stream].servers[host.spec.steps[row.step].resource], 1, now_ns)
