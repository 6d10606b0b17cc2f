"""What a definition may say of files on a share of the host's: virtio-fs."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.units import Bytes, DurationNs, PageBytes, Percent


class FileWorkload(Spec):
    """Files on a share of the host's (virtio-fs), read and written in a closed loop, in fio's words.

    A request of the application is one transfer: round trips for metadata, then its data in parts.
    """

    kind: Literal["file"]
    """Names this workload."""
    rw: Literal["read", "write", "rw"] = "read"
    """Reads, writes or both."""
    rwmixread: Percent = 50
    """Of mixed requests, how many in a hundred are reads."""
    bs: Bytes = 4096
    """What an application reads or writes by one request."""
    bssplit: dict[Bytes, Percent] = Field(default={})
    """Sizes and how many requests in a hundred have each; replaces `bs`."""
    round_trips: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    """FUSE requests without data before it, one after the other: 3 for LOOKUP, OPEN and FLUSH of a file."""
    largest: PageBytes = 1 << 20
    """The largest FUSE request: 1MiB where daemon and ring take 256 pages, 128KiB of what is read ahead."""
    files: Literal["page_cache", "drive"] = "page_cache"
    """Where the host has the data: in its page cache, or on its storage, which the daemon's thread waits for."""
    iodepth: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    """Requests in flight, a job."""
    numjobs: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Jobs, each with a queue of its own, of one share."""
    thinktime: DurationNs = 0
    """How long after one is done the next comes."""
    deadline: DurationNs = 1_000_000_000
    """How long after it was asked for a request is late."""
    produce: DurationNs = 0
    """vCPU time that the guest spends on making what it writes by one request."""
    consume: DurationNs = 0
    """vCPU time that the guest spends on what it reads by one request."""
    cpus: Literal["all", "one"] = "all"
    """Whether a queue's own work may run on all vCPUs at a time, or is one thread, on one at a time."""
    work: Literal["uniform", "constant", "exponential"] = "uniform"
    """How `produce` and `consume` vary: evenly by `work_spread`, not at all, or exponentially around them as means."""
    work_spread: Percent = 10
    """Of `work: uniform`, by how many per cent at most a request's work lies above or below its mean."""
