"""What a definition offers at a rate, whatever becomes of it: video, packets, requests at a rate, ranges."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cluster_sim.scenario.queue_traits import QueueTraits, Role
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    VideoWorkload,
    Workload,
)
from cluster_sim.scenario.workload_traits import traits_of

WORK: Final[Mapping[str, str]] = {
    "video": "frame",
    "network": "packet",
    "block": "request",
    "file": "request",
    "request_response": "request",
    "churn": "range",
    "boot": "boot",
}
"""What a workload's transfers are called, by its kind."""
AT_A_RATE: Final = ("video", "network", "block", "churn")
"""Kinds of workloads that may offer work at a rate."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Work of a guest that comes at a rate: `stated` is that of one of its `queues`, None where a trace tells it.

    `in_flight` is how many transfers are worked on at once, all queues together; `is_threaded`, whether a queue's own
    work is one thread.
    """

    stated: float | None
    unit: str
    queues: int
    in_flight: int
    is_threaded: bool


def offers_of(scenario: ScenarioSpec, group: str) -> dict[tuple[str, str], Offer]:
    """By (part, workload), as the table `workloads` names them; closed loops and boots offer nothing at a rate.

    Of guests that boot within the run nothing is: what they lose, their boots may take.
    """
    found: dict[tuple[str, str], Offer] = {}
    for each in scenario.guests:
        if each.name != group or any(traits_of(workload).boots for workload in each.workloads):
            continue
        for number, workload in enumerate(each.workloads):
            if workload.kind not in AT_A_RATE:
                continue
            for queue in traits_of(workload).queues:
                if not queue.is_closed:
                    part = "churn" if queue.role is Role.CHURN else "requests"
                    found[part, str(number)] = offer_of(workload, queue, each.vcpus)
    return found


def offer_of(workload: Workload, queue: QueueTraits, vcpus: int) -> Offer:
    """One kind of queue of a workload.

    Of all that has arrived, as many are worked on at once as the guest has vCPUs, and as many again on the host's side,
    which a churn has not.
    """
    at_once = min(queue.buffers, 2 * vcpus) if queue.ranges is None else min(queue.ranges.count or 1, vcpus)
    return Offer(
        stated=stated_rate(workload),
        unit=f"{WORK[workload.kind]}s/s",
        queues=queue.queues,
        in_flight=queue.queues * at_once,
        is_threaded=queue.is_threaded,
    )


def stated_rate(workload: Workload) -> float | None:
    """What one queue of a workload is offered each second, as its definition says; None where a trace tells it."""
    match workload:
        case VideoWorkload(source=RawVideo() as raw):
            return float(raw.fps)
        case BlockWorkload(read_iolog=None, rate_iops=int() as rate):
            return float(rate)
        case NetworkWorkload() if workload.transfers_per_s is not None:
            return float(workload.transfers_per_s * workload.packets)
        case ChurnWorkload():
            return float(workload.rate)
        case _:
            return None
