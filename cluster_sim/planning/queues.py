"""The queues of a guest: one or more for each of its workloads, and one for each stream that another guest sends it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from cluster_sim.io_paths.path_context import BLOCK, NETWORK_IN, NETWORK_OUT, VIDEO, Behind, Driver, PathContext
from cluster_sim.io_paths.steps import Direction
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    BootWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    ReceiverSpec,
    VideoWorkload,
    Workload,
)

FROM_DEVICE = Direction.FROM_DEVICE
TO_DEVICE = Direction.TO_DEVICE


class Role(Enum):
    """What a queue is for."""

    REQUESTS = "requests"
    RECEIVED = "received"
    CHURN = "churn"
    IMAGE = "image"
    POOL = "pool"
    ACCEPT = "accept"


MOVES_DATA = (Role.REQUESTS, Role.RECEIVED)


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """What the engine must know of a stream's transfers beforehand, in bytes."""

    largest: int
    mean: int


Facts = Mapping[tuple[str, int], FrameFacts]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a stream to another guest: group, guest of the group, workload; so many hosts back."""

    group: str
    index: int
    workload: int
    hosts_back: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of a guest: `workload` is its number in the group that declares it, `job` which of several alike."""

    workload: int
    job: int
    role: Role
    spec: Workload
    sender: Sender | None = None

    @property
    def name(self) -> tuple[int | str, ...]:
        """What names it in draws."""
        return (self.workload, self.job, self.role.value)


def queues_of(scenario: ScenarioSpec, group: GuestGroupSpec, index: int) -> list[Queue]:
    """All queues of guest `index` of a group: its boot first, what others send it last."""
    found = []
    numbered = sorted(enumerate(group.workloads), key=lambda pair: not isinstance(pair[1], BootWorkload))
    for number, spec in numbered:
        match spec:
            case BootWorkload():
                found += [Queue(number, 0, role, spec) for role in (Role.IMAGE, Role.POOL, Role.ACCEPT)]
            case ChurnWorkload():
                found.append(Queue(number, 0, Role.CHURN, spec))
            case BlockWorkload():
                found += [Queue(number, job, Role.REQUESTS, spec) for job in range(spec.numjobs)]
            case NetworkWorkload():
                found += [Queue(number, job, Role.REQUESTS, spec) for job in range(spec.queues)]
            case VideoWorkload():
                found.append(Queue(number, 0, Role.REQUESTS, spec))
    return [*found, *received_by(scenario, group, index)]


def received_by(scenario: ScenarioSpec, group: GuestGroupSpec, index: int) -> Iterator[Queue]:
    """What other guests send to this one, in the order of groups, guests and workloads."""
    for sending in scenario.guests:
        for number, spec in enumerate(sending.workloads):
            if not isinstance(spec, VideoWorkload) or spec.to is None or spec.to.guest != group.name:
                continue
            assert sending.count_per_host is not None
            assert group.count_per_host is not None
            for sender in range(index, sending.count_per_host, group.count_per_host):
                yield Queue(number, 0, Role.RECEIVED, spec, Sender(sending.name, sender, number, spec.to.hosts_on))


def boots(group: GuestGroupSpec) -> bool:
    """Whether guests of a group start within the run, and not before it."""
    return any(isinstance(workload, BootWorkload) for workload in group.workloads)


def holds_up(queue: Queue) -> bool:
    """Whether all else of the guest waits for what this queue does."""
    is_eager = isinstance(queue.spec, BootWorkload) and queue.spec.accept == "eager"
    return queue.role in (Role.IMAGE, Role.POOL) or (queue.role == Role.ACCEPT and is_eager)


def directions(queue: Queue) -> tuple[Direction, ...]:
    """Which ways a queue's transfers may go."""
    if queue.role == Role.RECEIVED:
        return (FROM_DEVICE,)
    match queue.spec:
        case VideoWorkload(direction="from_device") | NetworkWorkload(direction="from_device"):
            return (FROM_DEVICE,)
        case VideoWorkload() | NetworkWorkload():
            return (TO_DEVICE,)
        case BlockWorkload(read_iolog=None, rw="read" | "randread"):
            return (FROM_DEVICE,)
        case BlockWorkload(read_iolog=None, rw="write" | "randwrite"):
            return (TO_DEVICE,)
        case BlockWorkload():
            return (FROM_DEVICE, TO_DEVICE)
        case _:
            return (FROM_DEVICE,)


def driver_of(queue: Queue, direction: Direction) -> Driver:
    """The guest's driver of a queue."""
    match queue.spec:
        case BlockWorkload():
            return BLOCK
        case NetworkWorkload():
            return NETWORK_IN if direction == FROM_DEVICE else NETWORK_OUT
        case _:
            return VIDEO


def behind(queue: Queue) -> Behind:
    """What lies behind the host's side of a queue."""
    match queue.spec:
        case BlockWorkload():
            return "storage"
        case NetworkWorkload(direction="to_device"):
            return "network"
        case VideoWorkload(to=to) if to is not None and queue.role == Role.REQUESTS:
            return "another host" if to.hosts_on else "another guest"
        case _:
            return "nothing"


def context_of(
    queue: Queue,
    direction: Direction,
    group: GuestGroupSpec,
    scenario: ScenarioSpec,
    protection: Protection,
    *,
    shares_cpus: bool,
    is_alone: bool,
) -> PathContext:
    """What one direction of a queue asks of its path; a transfer that is alone neither loops nor waits for a boot."""
    return PathContext(
        direction=direction,
        driver=driver_of(queue, direction),
        protection=protection,
        memory=scenario.memory,
        behind=behind(queue),
        comes_from_network=comes_from_network(queue),
        is_closed=is_closed(queue) and not is_alone,
        waits_for_boot=boots(group) and not is_alone,
        engine_interrupts=scenario.cluster.host.engine.completion == "interrupt",
        shares_cpus=shares_cpus,
        keeps_cpus=group.idle == "poll",
        polls_completions=polls_completions(queue),
        is_threaded=is_threaded(queue),
    )


def hosts_on(queue: Queue) -> int:
    """How many hosts on a queue's transfers go; 0 for those that stay, or leave the cluster."""
    match queue:
        case Queue(role=Role.REQUESTS, spec=VideoWorkload(to=ReceiverSpec() as to)):
            return to.hosts_on
        case _:
            return 0


def comes_from_network(queue: Queue) -> bool:
    """Whether what a queue brings has come through the host's network card."""
    if isinstance(queue.spec, NetworkWorkload):
        return queue.spec.direction == "from_device"
    return queue.role == Role.RECEIVED and queue.sender is not None and queue.sender.hosts_back > 0


def is_closed(queue: Queue) -> bool:
    """Whether a queue's next request comes when one is done, and not at an instant of its own."""
    match queue.spec:
        case BlockWorkload(read_iolog=str()):
            return queue.spec.replay_no_stall
        case BlockWorkload():
            return queue.spec.rate_iops is None
        case NetworkWorkload():
            return queue.spec.rate_pps is None
        case _:
            return False


def sizes_of(spec: Workload) -> dict[int, int]:
    """Sizes that requests are drawn from, and how many in a hundred have each."""
    match spec:
        case BlockWorkload():
            return dict(spec.bssplit) or {spec.bs: 100}
        case NetworkWorkload():
            return dict(spec.sizes) or {spec.size: 100}
        case _:
            return {}


def plain_facts(spec: Workload) -> FrameFacts | None:
    """Facts of what a definition tells by itself; None where a trace does."""
    match spec:
        case VideoWorkload(source=RawVideo() as raw):
            return FrameFacts(raw.frame_bytes, raw.frame_bytes)
        case BlockWorkload(read_iolog=None) | NetworkWorkload():
            sizes = sizes_of(spec)
            return FrameFacts(max(sizes), sum(size * percent for size, percent in sizes.items()) // 100)
        case ChurnWorkload():
            return FrameFacts(spec.size, spec.size)
        case BootWorkload():
            return FrameFacts(spec.unit, spec.unit)
        case _:
            return None


def buffer_bytes(queue: Queue, facts: FrameFacts) -> int:
    """Size of one buffer of a queue that moves data."""
    if isinstance(queue.spec, VideoWorkload) and queue.spec.buffer != "auto":
        return queue.spec.buffer
    return facts.largest


def buffer_count(queue: Queue, memory_bytes: int) -> int:
    """Buffers of a queue: frames, requests in flight, ranges, parts of memory."""
    match queue.spec:
        case VideoWorkload():
            return queue.spec.buffers
        case BlockWorkload():
            return queue.spec.iodepth
        case NetworkWorkload():
            return queue.spec.ring
        case ChurnWorkload():
            return max(1, queue.spec.region // queue.spec.size)
        case BootWorkload():
            return 1 if queue.role != Role.ACCEPT else max(1, memory_bytes // queue.spec.unit)


def mean_work_ns(queue: Queue, direction: Direction) -> int:
    """The guest's own work on one transfer."""
    match queue.spec:
        case VideoWorkload() | BlockWorkload() | NetworkWorkload():
            return queue.spec.consume if direction == FROM_DEVICE else queue.spec.produce
        case _:
            return 0


def draws_work(queue: Queue) -> bool:
    """Whether that work is the mean of an exponential distribution."""
    return isinstance(queue.spec, BlockWorkload | NetworkWorkload) and queue.spec.work == "exponential"


def polls_completions(queue: Queue) -> bool:
    """Whether the guest looks for completions of a queue, and is not interrupted for them."""
    return isinstance(queue.spec, BlockWorkload | NetworkWorkload) and queue.spec.completion == "poll"


def is_threaded(queue: Queue) -> bool:
    """Whether a queue's own work is one thread."""
    return isinstance(queue.spec, BlockWorkload | NetworkWorkload) and queue.spec.cpus == "one"


def is_heard(queue: Queue) -> bool:
    """Whether a queue's software is told how its transfers end: it plays them, or decides by them what to ask for."""
    spec = queue.spec
    if not isinstance(spec, VideoWorkload) or spec.playout is None:
        return False
    return queue.role == Role.RECEIVED or spec.to is None
