"""Running one transfer's steps, until it must wait or spend time in which something else may happen."""

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.buffer_life import is_shared, open_batch, refill, rest, restore_later, stays_shared
from cluster_sim.engine.dispatch import end_throttle, map_in_turn, requeue, throttle, unmap_in_turn
from cluster_sim.engine.guest_end import abandon, end_guest
from cluster_sim.engine.guest_memory import convert_buffer, hold_buffer, use_memory
from cluster_sim.engine.last_level_cache import NO_END, drop_lines, use_end
from cluster_sim.engine.moderation import hold_back
from cluster_sim.engine.state import ALIVE, NOBODY, Host
from cluster_sim.engine.timed_steps import STOPPED, await_pins, receive, spend, spend_writing, start_copy
from cluster_sim.engine.transfers import begin_parts, end_part, finish, forget, go_on_asking, new_transfer, turn
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
from cluster_sim.io_paths.steps import Count, Op, Resource
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.results.endings import DropReason, Ending


@compiled
def find_guest(host: Host, transfer: int, now_ns: int) -> None:
    """Decide whether the guest that is interrupted sleeps, and book what polled for it meanwhile."""
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.state.guests[stream.guest]
    step = host.spec.steps[row.step]
    is_polled = step.argument != 0
    row.counts[Count.IDLE_WAKES] = 0
    vcpus = host.state.servers[stream.servers[step.resource]]
    if vcpus.held > 0 or host.spec.guests[stream.guest].spins:
        return
    idle_ns = now_ns - vcpus.changed_ns
    if is_polled:
        guest.polled_ns += idle_ns
    if row.counts[Count.INTERRUPTS] == 0:
        return
    polls_ns = host.spec.guests[stream.guest].halt_poll_ns + host.spec.policy.halt_poll_ns
    guest.polled_ns += min(idle_ns, polls_ns)
    if idle_ns >= polls_ns:
        row.counts[Count.IDLE_WAKES] = 1


@compiled
def wake_thread(host: Host, transfer: int, now_ns: int) -> None:
    """Decide whether a thread sleeps on another vCPU, which must be told, and whether that has halted.

    A vCPU that polls, always or before it halts, looks for work by itself.
    """
    row = host.state.transfers[transfer]
    stream = host.spec.streams[row.stream]
    guest = host.spec.guests[stream.guest]
    server, vcpus = stream.servers[Resource.THREAD], stream.servers[host.spec.steps[row.step].resource]
    thread = host.state.servers[server]
    idle_ns = now_ns - thread.changed_ns
    row.counts[Count.INTERRUPTS] = 0
    row.counts[Count.IDLE_WAKES] = 0
    if thread.held == host.spec.servers[server].capacity or guest.spins:
        return
    host.state.guests[stream.guest].polled_ns += min(idle_ns, guest.halt_poll_ns)
    if idle_ns < guest.halt_poll_ns:
        return
    row.counts[Count.INTERRUPTS] = 1
    if host.state.servers[vcpus].held == host.spec.servers[vcpus].capacity:
        return
    host_polls_ns = host.spec.policy.halt_poll_ns
    host.state.guests[stream.guest].polled_ns += min(idle_ns - guest.halt_poll_ns, host_polls_ns)
    if idle_ns >= guest.halt_poll_ns + host_polls_ns:
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
def convert_step(host: Host, transfer: int, to_private: int, now_ns: int) -> bool:
    """Convert, and go on behind the attempt or with what follows a refusal; False where that was the guest's end."""
    row = host.state.transfers[transfer]
    if convert_buffer(host, transfer, to_private, now_ns):
        row.step += ATTEMPT_STEPS - 2
    elif host.state.guests[host.spec.streams[row.stream].guest].died_ns != ALIVE:
        abandon(host, transfer, now_ns)
        return False
    return True


@compiled
def between_step(host: Host, transfer: int, step_number: int, now_ns: int) -> None:
    """A step that takes no time: what stays shared, is posted or comes later, clients, parts, DMA, shootdowns."""
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
    elif op == Op.END_THROTTLE:
        end_throttle(host, transfer, now_ns)
    elif op == Op.DMA:
        drop_lines(host, row.buffer, step.writes)
    elif op == Op.COUNT_AT_WORKER:
        host.state.streams[row.stream].at_worker += step.argument
    elif op == Op.WAKE_THREAD:
        wake_thread(host, transfer, now_ns)
    elif op == Op.ANSWERED:
        if stream.asked_by != NOBODY:
            go_on_asking(host, transfer, stream.asked_by, now_ns)
    elif op == Op.BEGIN_PARTS:
        begin_parts(host, transfer)
    elif op == Op.SKIP_WITHOUT_DATA:
        if row.part < stream.round_trips:
            row.step += step.argument
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
    elif op == Op.END_TURN:
        release(host, stream.servers[step.resource], 1, now_ns)
        if row.turns_left > 0:
            row.step -= step.argument
    elif op == Op.FIND_GUEST:
        find_guest(host, transfer, now_ns)
    elif op == Op.HANDLED:
        host.state.streams[row.stream].handling -= 1
    elif op == Op.HOLD:
        hold_buffer(host, transfer, step.argument, now_ns)
    elif op == Op.UNMAP_SLOTS:
        unmap_in_turn(host, transfer, now_ns)
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
    """A transfer is delivered or dropped, becomes its answer or its next part, or work between transfers is done."""
    step = host.spec.steps[host.state.transfers[transfer].step]
    if step.op == Op.DELIVER:
        finish(host, transfer, now_ns, Ending.DELIVERED, 0)
    elif step.op == Op.DROP:
        row = host.state.transfers[transfer]
        whole_bytes_max = host.spec.streams[row.stream].whole_bytes_max
        is_too_large = step.argument == DropReason.SWIOTLB_FULL and 0 < whole_bytes_max < row.bytes
        finish(host, transfer, now_ns, Ending.DROPPED, DropReason.MAPPING_TOO_LARGE if is_too_large else step.argument)
    elif step.op == Op.POSTED:
        post_buffer(host, transfer, now_ns)
    elif step.op == Op.TURN and host.spec.streams[host.state.transfers[transfer].stream].part_bytes > 0:
        end_part(host, transfer, now_ns)
    elif step.op == Op.TURN:
        turn(host, transfer)
    else:
        assert step.op == Op.STOP
        forget(host, transfer)


@compiled
def goes_on(host: Host, transfer: int, now_ns: int, op: int) -> bool:
    """Whether a transfer need not rest, wait for swiotlb, or for other completions."""
    if op == Op.REST:
        return bool(rest(host, transfer, now_ns))
    if op == Op.GATHER:
        return not hold_back(host, transfer, now_ns)
    if op == Op.THROTTLE:
        return bool(throttle(host, transfer, now_ns))
    requeue(host, transfer, now_ns)
    return False


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
        if op == Op.SPEND or op == Op.KICK or op == Op.SIGNAL or op == Op.SPEND_LOCKED or op == Op.SPEND_SHOT_DOWN:
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
            if not convert_step(host, transfer, step.argument, now_ns):
                return
        elif op == Op.AGAIN:
            await_pins(host, transfer, now_ns)
            return
        elif op == Op.GO_BACK:
            row.step -= step.argument
            continue
        elif op == Op.MAP_SLOTS:
            if not map_in_turn(host, transfer, now_ns):
                row.step = step_if_full(host, transfer, now_ns)
                continue
        elif op == Op.TAKE_BUFFER:
            if not take_buffer(host, transfer, now_ns):
                return
        elif op == Op.RECEIVE or op == Op.SPEND_WRITING:
            now_ns = receive(host, transfer, now_ns) if op == Op.RECEIVE else spend_writing(host, transfer, now_ns)
            if now_ns == STOPPED:
                return
        elif op == Op.REST or op == Op.REQUEUE or op == Op.THROTTLE or op == Op.GATHER:
            if not goes_on(host, transfer, now_ns, op):
                return
        elif op == Op.DELIVER or op == Op.DROP or op == Op.POSTED or op == Op.STOP or op == Op.TURN:
            end_row(host, transfer, now_ns)
            return
        else:
            instant_step(host, transfer, row.step, now_ns)
        row.step += 1
