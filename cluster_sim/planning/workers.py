"""Which worker of the host serves which stream: a thread for each queue, or threads that several queues share.

QEMU deals the queues of a device to its threads in turn, and each stays with its own (`iothread-vq-mapping`); so does
vhost with its workers (VHOST_ATTACH_VRING_WORKER). What the monitor does for a boot or a conversion is no queue's.
"""

from collections.abc import Iterator, Sequence

from cluster_sim.planning.planned_guest import PlannedGuest
from cluster_sim.planning.queues import Queue
from cluster_sim.scenario.spec import WorkersSpec

Unit = tuple[object, ...]


def workers_of(workers: WorkersSpec, guests: Sequence[PlannedGuest]) -> tuple[int, ...]:
    """The number of each stream's worker, in the order of the streams; workers are numbered as they come."""
    numbers: dict[Unit, int] = {}
    dealt: dict[Unit, int] = {}
    found = []
    for unit, threads in units_of(workers, guests):
        turn = dealt.get(unit, 0)
        dealt[unit] = turn + 1
        found.append(numbers.setdefault((*unit, turn % threads), len(numbers)))
    return tuple(found)


def units_of(workers: WorkersSpec, guests: Sequence[PlannedGuest]) -> Iterator[tuple[Unit, int]]:
    """What has workers of its own, for each stream, and how many of them."""
    for guest, planned in enumerate(guests):
        for number, queue in enumerate(planned.layout.queues):
            if shares_worker(workers, queue):
                yield unit_of(workers, guest, queue), workers.threads
            else:
                yield (guest, "queue", number), 1


def unit_of(workers: WorkersSpec, guest: int, queue: Queue) -> Unit:
    """What a queue's workers belong to: its device, its guest or the host."""
    match workers.per:
        case "device":
            return (guest, "device", queue.workload, queue.sender)
        case "guest":
            return (guest, "guest")
        case _:
            return ("host",)


def shares_worker(workers: WorkersSpec, queue: Queue) -> bool:
    """Whether a queue's worker may serve others, too."""
    return workers.per != "queue" and queue.traits.moves_data


def owner_of(guests: Sequence[PlannedGuest], streams: set[int]) -> str:
    """Whose worker serves these streams of a host: of one queue, of a device, of a guest, or of the host."""
    served = [
        (planned.placed, queue)
        for planned in guests
        for number, queue in enumerate(planned.layout.queues, planned.first_stream)
        if number in streams
    ]
    placed, first = served[0]
    guest = f"{placed.group.name} {placed.index}"
    if len(served) == 1:
        return f"{guest}, workload {first.workload}, queue {first.job}"
    if any(other is not placed for other, _ in served):
        return "the host"
    is_device = all(queue.workload == first.workload for _, queue in served)
    return f"{guest}, workload {first.workload}" if is_device else guest
