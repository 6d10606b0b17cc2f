"""What a definition may say of a server in a guest: clients ask, it answers."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.units import Bytes, DurationNs, Percent


class CoalesceSpec(Spec):
    """Interrupt moderation of what is received, as `ethtool -C` has it; a queue that is handled waits for nothing."""

    usecs: DurationNs = 0
    """How long an interrupt waits at most after the first completion (rx-usecs)."""
    frames: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    """How many completions it waits for; 1 waits for none (rx-frames)."""


class RequestResponseWorkload(Spec):
    """A server that answers clients outside the cluster: echo, HTTP, a database. Each has one request at a time."""

    kind: Literal["request_response"]
    """Names this workload."""
    clients: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    """Clients, each with one request at a time; queue pairs share them evenly."""
    think: DurationNs = 0
    """How long a client thinks between an answer and its next request."""
    thinking: Literal["constant", "exponential"] = "exponential"
    """Whether `think` is the time of each, or the mean of an exponential distribution."""
    request: Bytes = 64
    """Size of a request."""
    response: Bytes = 1024
    """Size of an answer."""
    round_trip: DurationNs = 20_000
    """Network time to a client and back, beside what network cards take."""
    timeout: DurationNs = 200_000_000
    """How long after its request or its answer was dropped a client asks again (TCP_RTO_MIN)."""
    serve: DurationNs = 0
    """vCPU time that the server spends on an answer."""
    work: Literal["uniform", "constant", "exponential"] = "uniform"
    """How `serve` varies: evenly by `work_spread`, not at all, or exponentially around it as a mean."""
    work_spread: Percent = 10
    """Of `work: uniform`, by how many per cent at most a request's work lies above or below its mean."""
    threads: Annotated[int, Field(strict=True, ge=1, le=4096)] = 1
    """Threads of the server, for all queue pairs; each works on one answer at a time."""
    wakes: Literal["same_vcpu", "other_vcpu"] = "same_vcpu"
    """Whether a thread sleeps on the vCPU that takes the request's interrupt, or on another, which an IPI tells."""
    receive: DurationNs = 0
    """vCPU time that the guest's kernel spends on a request before a thread has it."""
    queues: Annotated[int, Field(strict=True, ge=1, le=256)] = 1
    """Queue pairs, each with a ring each way."""
    ring: Annotated[int, Field(strict=True, ge=1, le=4096)] = 256
    """Buffers of a ring; a request that finds none is dropped, an answer waits."""
    completion: Literal["interrupt", "poll"] = "interrupt"
    """How the guest learns that a request is there: by an interrupt, or because a vCPU of it looks all the while."""
    coalesce: CoalesceSpec = CoalesceSpec()
    """Interrupt moderation of requests."""
    deadline: DurationNs = 1_000_000_000
    """How long after it was asked for an answer is late."""
