"""Running one transfer's steps, until it must wait or spend time in which something else may happen."""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.bounce import map_slots, unmap_slots
from cluster_sim.engine.buffer_life import is_shared, open_batch, refill, rest, restore_later, stays_shared
from cluster_sim.engine.guest_end import abandon, end_guest
from cluster_sim.engine.guest_memory import convert_buffer, hold_buffer, use_memory
from cluster_sim.engine.last_level_cache import NO_END, drop_lines, use_end
from cluster_sim.engine.state import ALIVE, NOBODY, Host
from cluster_sim.engine.timed_steps import STOPPED, await_pins, receive, spend, start_copy
from cluster_sim.engine.transfers import finish, forget, new_transfer
from cluster_sim.engine.wait_queues import make_ready
from cluster_sim.engine.waiting import (
    acquire,
    amount_of,
    ask_again,
    give_buffer,
    hand_on_others,
    note_held,
    post_buffer,
    refill_later,
    release,
    take_buffer,
)
from cluster_sim.io_paths.conversion_steps import ATTEMPT_STEPS
from cluster_sim.io_paths.steps import Count, Op
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.results.endings import DropReason, Ending


@compiled
def signal(host: Host, transfer: int, now_ns: int) -> None:
    """Decide whether the guest must be interrupted for a completion, and whether it sleeps (event idx, polling)."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.state.guests[stream.guest]
    step = host.spec.steps[row.step]
    is_polled = step.argument != 0
    moving = host.state.streams[row.stream]
    row.counts[Count.INTERRUPTS] = 1 if moving.handling == 0 and not is_polled else 0
    row.counts[Count.IDLE_WAKES] = 0
    moving.handling += 1
    vcpus = host.state.servers[stream.servers[step.resource]]
    if vcpus.held > 0 or host.spec.guests[stream.guest].spins:
        return
    idle_ns = now_ns - vcpus.changed_ns
    if is_polled:
        guest.polled_ns += idle_ns
    if row.counts[Count.INTERRUPTS] == 0:
        return
    guest.polled_ns += min(idle_ns, host.spec.policy.halt_poll_ns)
    if idle_ns >= host.spec.policy.halt_poll_ns:
        row.counts[Count.IDLE_WAKES] = 1


@compiled
def send(host: Host, transfer: int, now_ns: int) -> None:
    """Pass the data on: to a stream of this host now, to another host as a message."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if stream.next_stream != NOBODY:
        host.state.streams[stream.next_stream].submitted += 1
        follower = new_transfer(
            host, stream.next_stream, row.frame, row.bytes, 0, now_ns, row.deadline_ns, row.origin_ns
        )
        make_ready(host, follower)
        return
    cursor = host.state.cursor[0]
    message = host.state.messages[cursor.messages]
    cursor.messages += 1
    message.stream = row.stream
    message.frame = row.frame
    message.bytes = row.bytes
    message.at_ns = now_ns + stream.latency_ns
    message.deadline_ns = row.deadline_ns
    message.origin_ns = row.origin_ns


@compiled
def step_if_full(host: Host, transfer: int, now_ns: int) -> int:
    """Where a transfer, or what posts a buffer, goes on when there are no slots for it.

    Who waits for a posted buffer is then told, as who comes is: nothing else may ever be posted.
    """
    row = host.state.transfers[transfer]
    stream, moving = host.spec.streams[row.stream], host.state.streams[row.stream]
    if not row.is_background:
        return int(stream.if_full[row.direction])
    moving.posting -= 1
    moving.is_pool_full = 1
    ask_again(host, row.stream, now_ns)
    return int(stream.post_if_full[row.direction])


@compiled
def between_step(host: Host, transfer: int, step_number: int, now_ns: int) -> None:
    """A step that takes no time: about what stays shared, is posted or comes later, about DMA or shootdowns."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    step = host.spec.steps[step_number]
    op = step.op
    if op == Op.SKIP:
        row.step += step.argument
    elif op == Op.SKIP_IF_SHARED:
        if is_shared(host, transfer):
            row.step += step.argument
    elif op == Op.SKIP_IF_IT_STAYS:
        if stays_shared(host, transfer, now_ns):
            row.step += step.argument
    elif op == Op.RESTORE_LATER:
        restore_later(host, transfer, now_ns)
    elif op == Op.REFILL:
        refill(host, transfer, now_ns)
    elif op == Op.OPENED:
        open_batch(host, transfer)
        if stream.posts > 0:
            refill(host, transfer, now_ns)
        else:
            hand_on_others(host, row.stream, now_ns)
    elif op == Op.DMA:
        drop_lines(host, row.buffer, step.writes)
    elif op == Op.WATCH:
        row.seen_shootdowns = host.state.guests[stream.guest].shootdowns
    else:
        assert op == Op.SHOOT_DOWN
        shootdowns = row.counts[step.argument]
        if step.argument == Count.CONVERTED:
            shootdowns += row.counts[Count.CONVERTED_2M]
        host.state.guests[stream.guest].shootdowns += shootdowns
        row.seen_shootdowns += shootdowns


@inlined
def instant_step(host: Host, transfer: int, step_number: int, now_ns: int) -> None:
    """A step that takes no time and never stops a transfer."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    step = host.spec.steps[step_number]
    op = step.op
    if op == Op.RELEASE:
        note_held(host, transfer, step.resource, 0)
        server = stream.servers[step.resource]
        release(host, server, amount_of(host, server, step_number), now_ns)
    elif op == Op.SIGNAL:
        signal(host, transfer, now_ns)
    elif op == Op.HANDLED:
        host.state.streams[row.stream].handling -= 1
    elif op == Op.HOLD:
        hold_buffer(host, transfer, step.argument, now_ns)
    elif op == Op.UNMAP_SLOTS:
        unmap_slots(host, transfer)
    elif op == Op.GIVE_BUFFER:
        give_buffer(host, transfer, now_ns)
    elif op == Op.STAGE:
        row.staged = row.tag
    elif op == Op.CHECK_STAGED:
        if row.staged != row.tag:
            row.is_intact = 0
    elif op == Op.REFILL_LATER:
        refill_later(host, transfer, now_ns)
    elif op == Op.SEND:
        send(host, transfer, now_ns)
    elif op == Op.HAND_OVER:
        row.handed_ns = now_ns
    else:
        between_step(host, transfer, step_number, now_ns)


@compiled
def end_row(host: Host, transfer: int, now_ns: int) -> None:
    """A transfer is delivered or dropped, or work between transfers is done."""
    step = host.spec.steps[host.state.transfers[transfer].step]
    if step.op == Op.DELIVER:
        finish(host, transfer, now_ns, Ending.DELIVERED, 0)
    elif step.op == Op.DROP:
        finish(host, transfer, now_ns, Ending.DROPPED, step.argument)
    elif step.op == Op.POSTED:
        post_buffer(host, transfer, now_ns)
    else:
        assert step.op == Op.STOP
        forget(host, transfer)


@inlined
def run_steps(host: Host, transfer: int, now_ns: int) -> None:
    """Run a transfer's steps until it waits, spends time or ends. Long, for LLVM sees all operations as one loop."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    if host.state.cursor[0].ended_guests > 0 and host.state.guests[stream.guest].died_ns != ALIVE:
        abandon(host, transfer, now_ns)
        return
    while True:
        step = host.spec.steps[row.step]
        op = step.op
        if op == Op.SPEND or op == Op.KICK or op == Op.SPEND_LOCKED or op == Op.SPEND_SHOT_DOWN:
            now_ns = spend(host, transfer, now_ns, op)
            if now_ns == STOPPED:
                return
        elif op == Op.COPY:
            now_ns = start_copy(host, transfer, now_ns, step.argument)
            if now_ns == STOPPED:
                return
        elif op == Op.ACQUIRE:
            if not acquire(host, transfer, now_ns):
                return
        elif op == Op.MEMORY:
            refused = use_memory(host, transfer, row.step)
            if refused != Outcome.OK:
                end_guest(host, stream.guest, refused, DropReason.GUEST_DIED, now_ns)
                abandon(host, transfer, now_ns)
                return
            if step.reads != NO_END or step.writes != NO_END:
                use_end(host, transfer, step.reads, step.writes)
        elif op == Op.CONVERT:
            if convert_buffer(host, transfer, step.argument, now_ns):
                row.step += ATTEMPT_STEPS - 2
        elif op == Op.AGAIN:
            await_pins(host, transfer, now_ns)
            return
        elif op == Op.GO_BACK:
            row.step -= step.argument
            continue
        elif op == Op.MAP_SLOTS:
            if not map_slots(host, transfer, now_ns):
                row.step = step_if_full(host, transfer, now_ns)
                continue
        elif op == Op.TAKE_BUFFER:
            if not take_buffer(host, transfer, now_ns):
                return
        elif op == Op.RECEIVE:
            now_ns = receive(host, transfer, now_ns)
            if now_ns == STOPPED:
                return
        elif op == Op.REST:
            if not rest(host, transfer, now_ns):
                return
        elif op == Op.DELIVER or op == Op.DROP or op == Op.POSTED or op == Op.STOP:
            end_row(host, transfer, now_ns)
            return
        else:
            instant_step(host, transfer, row.step, now_ns)
        row.step += 1
