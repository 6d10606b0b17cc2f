"""Interrupt moderation: completions wait until so many have gathered or so long has passed; then all are told of."""

from cluster_sim.compiling.decorators import compiled
from cluster_sim.engine.heap import push
from cluster_sim.engine.state import NOBODY, Host
from cluster_sim.engine.waiting import resume_first, wait


@compiled
def queue_of(host: Host, stream_number: int) -> int:
    """The wait queue of a stream's completions that are held back."""
    return len(host.state.servers) + 2 * len(host.spec.streams) + stream_number


@compiled
def hold_back(host: Host, transfer: int, now_ns: int) -> bool:
    """Whether a completion waits for others; not where the guest handles the queue, or when enough are there."""
    row = host.state.transfers[transfer]
    stream, moving = host.spec.streams[row.stream], host.state.streams[row.stream]
    if moving.handling > 0:
        return False
    moving.held_back += 1
    if moving.held_back >= stream.coalesce_frames:
        tell_all(host, row.stream, now_ns)
        return False
    if moving.held_back == 1:
        moving.told_ns = now_ns + stream.coalesce_ns
        set_alarm(host, row.stream)
    wait(host, transfer, now_ns, queue_of(host, row.stream))
    return True


@compiled
def set_alarm(host: Host, stream_number: int) -> None:
    """See to it that the stream is looked at when its completions are due; one alarm a stream is enough."""
    moving, cursor = host.state.streams[stream_number], host.state.cursor[0]
    if moving.has_alarm:
        return
    moving.has_alarm = 1
    cursor.sequence += 1
    item = -1 - len(host.state.guests) - len(host.spec.streams) - stream_number
    push(host.state.holds, cursor.holds, moving.told_ns, cursor.sequence, item)
    cursor.holds += 1


@compiled
def end_alarm(host: Host, stream_number: int, now_ns: int) -> None:
    """The alarm of a stream: what is due is told of; what has gathered since then has an instant of its own."""
    moving = host.state.streams[stream_number]
    moving.has_alarm = 0
    if moving.held_back == 0:
        return
    if moving.told_ns > now_ns:
        set_alarm(host, stream_number)
    else:
        tell_all(host, stream_number, now_ns)


@compiled
def tell_all(host: Host, stream_number: int, now_ns: int) -> None:
    """All completions that were held back go on, the first of them to interrupt."""
    host.state.streams[stream_number].held_back = 0
    while resume_first(host, queue_of(host, stream_number), now_ns) != NOBODY:
        pass
