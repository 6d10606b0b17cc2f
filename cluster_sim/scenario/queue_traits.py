"""What queues of a guest are like, whatever kind of workload they are of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from cluster_sim.scenario.units import MIB
from cluster_sim.scenario.workload_spec import (
    Acceptors,
    DriverName,
    LadderVideo,
    ReceiverSpec,
    TracedVideo,
    WhenFull,
)

MEMORY_MAP_BYTES_PER_GIB = 16 * MIB
"""A struct page of 64 bytes describes a page of 4 KiB."""
DM_CRYPT_SECTOR_BYTES = 512
TLS_RECORD_BYTES = 16 << 10
METADATA_BYTES = 128
"""What a round trip without data carries: the answer to LOOKUP, a fuse_entry_out, is the largest of the usual ones."""
FarEnd = Literal["nothing", "storage", "page cache", "network", "client", "another host", "another guest"]
ASKED_FOR: tuple[FarEnd, ...] = ("storage", "page cache")
"""Where a guest asks the host for data, or to take it, and waits for the answer."""
Work = Literal["uniform", "constant", "exponential"]


class Role(Enum):
    """What a queue is for."""

    REQUESTS = "requests"
    RECEIVED = "received"
    ASKED = "asked"
    ANSWERED = "answered"
    CHURN = "churn"
    IMAGE = "image"
    FIRMWARE = "firmware"
    KERNEL = "kernel"
    POOL = "pool"
    ACCEPT = "accept"


MOVES_DATA = (Role.REQUESTS, Role.RECEIVED, Role.ASKED, Role.ANSWERED)
"""Roles whose transfers go along the guest's I/O path."""


@dataclass(frozen=True, slots=True)
class TransferSizes:
    """Sizes of a workload's transfers, in bytes."""

    largest: int
    mean: int


@dataclass(frozen=True, slots=True)
class RequestLog:
    """A log of requests that a workload replays, by its path."""

    path: str


Trace = TracedVideo | LadderVideo | RequestLog


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRanges:
    """Memory that a queue without payload works on: ranges of one size, side by side.

    `count`: None for as many as the guest's memory holds, or as `most_bytes` of it do: `auto` for what lies below 4 GiB
    of a guest that accepts pages. `align_bytes`: what the first one's address divides by.
    """

    range_bytes: int
    count: int | None
    align_bytes: int
    most_bytes: int | Literal["auto"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTraits:
    """What one kind of queue is like.

    `queues`: how many of this kind a guest has. `from_device`, `to_device`: which ways its transfers go.
    `far_end`: what lies behind the host's side, `hosts_on` how many hosts on that is. `comes_from_network`: what it
    brings has come through the host's network card. `reports_ends`: its software is told how transfers end.
    `is_contiguous`: its device takes a buffer as one mapping. `segment_bytes`: the largest that it takes, 0 for any.
    `cipher_bytes`: what a request of the guest's cipher covers.

    `buffers`: of one queue; `buffer_bytes` None for the largest transfer. `sizes`: those that requests are drawn from,
    and how many in a hundred have each; `reads_percent` how many in a hundred go from the device. `transfer_sizes`:
    where they are not the workload's.

    `is_closed`: the next request comes when one is done, `think_ns` later, and not at an instant of its own.
    `clients`: as many are under way in all queues together, None for as many as there are buffers; `draws_think`: the
    mean of a distribution; `way_ns`: the way from a client or to it; `timeout_ns`: after it a client asks again.
    `produce_ns`, `consume_ns`: the guest's own work on a transfer, which varies as `work` says, by `work_spread` per
    cent. `is_threaded`: that work is one thread; `threads`: or so many, for all queues of the workload.
    `wakes_other_vcpu`: it sleeps on another vCPU than the one that takes interrupts.
    `merge_bytes`: what is handled in one go is worked on as one, up to so much. `coalesce_ns`, `coalesce_frames`: how
    long an interrupt waits at most for how many completions.
    `polls_completions`: the guest looks for them and is not interrupted.

    `part_bytes`: its transfers are requests for files, which a daemon serves in parts of so many bytes at most; 0 for
    others. `round_trips`: parts before the data, without any.

    `ranges`: the memory of a queue that moves no data; None where it is the pool or the kernel's memory map.
    `unit_bytes`: what its conversions are counted in, None for the path's granule; `hold_ns` how long they last.
    `is_shuffled`: buffers come in random order. `holds_up_guest`: all else of the guest waits for it; `acceptors`: by
    how many of its vCPUs at a time.
    """

    role: Role
    deadline_ns: int
    queues: int = 1
    driver: DriverName = "v4l2"
    is_contiguous: bool = False
    segment_bytes: int = 0
    cipher_bytes: int = TLS_RECORD_BYTES
    from_device: bool = True
    to_device: bool = False
    far_end: FarEnd = "nothing"
    hosts_on: int = 0
    comes_from_network: bool = False
    reports_ends: bool = False
    when_full: WhenFull = "wait"
    buffers: int = 1
    buffer_bytes: int | None = None
    sizes: Mapping[int, int] = field(default_factory=dict)
    transfer_sizes: TransferSizes | None = None
    reads_percent: int = 0
    is_closed: bool = False
    think_ns: int = 0
    draws_think: bool = False
    clients: int | None = None
    way_ns: int = 0
    timeout_ns: int = 0
    produce_ns: int = 0
    consume_ns: int = 0
    work: Work = "constant"
    work_spread: int = 0
    is_threaded: bool = False
    threads: int | None = None
    wakes_other_vcpu: bool = False
    merge_bytes: int = 0
    coalesce_ns: int = 0
    coalesce_frames: int = 1
    polls_completions: bool = False
    part_bytes: int = 0
    round_trips: int = 0
    ranges: MemoryRanges | None = None
    unit_bytes: int | None = None
    hold_ns: int = 0
    is_shuffled: bool = False
    holds_up_guest: bool = False
    acceptors: Acceptors = 1

    @property
    def moves_data(self) -> bool:
        """Whether its transfers go along the guest's I/O path."""
        return self.role in MOVES_DATA

    @property
    def is_request(self) -> bool:
        """Whether the guest asks for each of its transfers, and waits for the answer."""
        return self.far_end in ASKED_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadTraits:
    """What one workload means for its guest, and for the guest that it sends to.

    `transfer_sizes`: None where a trace tells them. `boots`: the guest starts within the run, and this is its start.
    `to`: the other guest, which has a queue like `received` for it.
    """

    queues: tuple[QueueTraits, ...]
    transfer_sizes: TransferSizes | None
    trace: Trace | None = None
    boots: bool = False
    to: ReceiverSpec | None = None
    received: QueueTraits | None = None
