"""Doorbells, interrupts and wake-ups: charged when somebody sleeps, saved by work in hand, by polling and spinning."""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import HostSpec, ScenarioSpec
from tests.unit.hand_prices import pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

INTERRUPT_NS, WAKE_VCPU_NS = 2_100, 3_300 + 500
"""pKVM's: an exit for the interrupt; a halted vCPU's wake-up, half a microsecond longer by way of EL2."""
WAKE_WORKER_NS, SERVE_NS = 2_400, 2_000
SERVED_NS = WAKE_WORKER_NS + SERVE_NS
INJECT_NS = 480
"""The worker's part of an interrupt."""
PACKET_BYTES = 1500
FAR_NS = 1_000_000


def received(
    *,
    idle: str = "halt",
    consume: str = "0us",
    vcpus: int = 1,
    halt_poll: str = "0us",
    completion: str = "interrupt",
    worker_poll: str = "0us",
) -> ScenarioSpec:
    """A guest that receives packets from a pool, nothing copied."""
    packets: Values = {"kind": "network", "size": "1500B", "consume": consume, "rate_pps": 1, "completion": completion}
    spec = scenario("pkvm", pool("none"), guest={"vcpus": vcpus, "idle": idle, "workloads": [packets]})
    host = HostSpec.model_validate(
        spec.cluster.host.model_dump(mode="json") | {"halt_poll": halt_poll, "worker_poll": worker_poll}
    )
    return spec.model_copy(update={"cluster": spec.cluster.model_copy(update={"host": host})})


def notified(spec: ScenarioSpec, instants_ns: list[int]) -> tuple[list[int], list[int]]:
    """What each packet of a stream pays for notices, and its exits."""
    done = in_order(run(engine_of(spec), arrivals([(at, 0, n) for n, at in enumerate(instants_ns)], PACKET_BYTES)))
    return done["ledger"][:, Category.NOTIFY].tolist(), done["exits"].tolist()


def in_order(done: Records) -> Records:
    ordered: Records = done[np.argsort(done["frame"])]
    return ordered


def test_a_sleeping_guest_is_interrupted_and_woken_for_each_packet() -> None:
    paid_ns, exits = notified(received(), [FAR_NS, 2 * FAR_NS])
    assert paid_ns == [SERVED_NS + INJECT_NS + INTERRUPT_NS + WAKE_VCPU_NS] * 2
    assert exits == [1, 1]


def test_a_guest_that_spins_is_interrupted_and_never_woken() -> None:
    paid_ns, exits = notified(received(idle="poll"), [FAR_NS, 2 * FAR_NS])
    assert paid_ns == [SERVED_NS + INJECT_NS + INTERRUPT_NS] * 2
    assert exits == [1, 1]


def test_what_a_spinning_guest_spends_is_all_that_it_does_not_work() -> None:
    engine = engine_of(received(idle="poll", consume="10us", vcpus=2))
    run(engine, arrivals([(FAR_NS, 0, 0)], PACKET_BYTES), 2 * FAR_NS)
    assert engine.gauges().polled_ns().tolist() == [2 * 2 * FAR_NS - 10_000 - INTERRUPT_NS]


@pytest.mark.parametrize(("apart_ns", "is_woken"), [(40_000, False), (80_000, True)])
def test_a_host_that_polls_a_while_wakes_only_those_who_slept_longer(apart_ns: int, is_woken: bool) -> None:  # noqa: FBT001
    """The vCPU is idle from the end of one packet to the interrupt for the next; the host polls 50 us of that."""
    engine = engine_of(received(halt_poll="50us"))
    first_ns = FAR_NS + SERVED_NS + INJECT_NS + INTERRUPT_NS + WAKE_VCPU_NS
    done = in_order(run(engine, arrivals([(FAR_NS, 0, 0), (first_ns + apart_ns, 0, 1)], PACKET_BYTES)))
    woken_ns = WAKE_VCPU_NS if is_woken else 0
    assert done["ended_ns"][0] == first_ns
    assert done["ledger"][1, Category.NOTIFY] == SERVED_NS + INJECT_NS + INTERRUPT_NS + woken_ns
    assert engine.gauges().polled_ns().tolist() == [50_000 + min(apart_ns + SERVED_NS + INJECT_NS, 50_000)]


def test_a_guest_at_work_is_interrupted_and_not_woken() -> None:
    """The first packet's work holds one of two vCPUs for 1 ms; the second comes meanwhile."""
    paid_ns, exits = notified(received(consume="1ms", vcpus=2), [FAR_NS, FAR_NS + 500_000])
    assert paid_ns == [SERVED_NS + INJECT_NS + INTERRUPT_NS + WAKE_VCPU_NS, SERVED_NS + INJECT_NS + INTERRUPT_NS]
    assert exits == [1, 1]


def test_a_completion_that_the_handler_finds_by_itself_needs_no_interrupt() -> None:
    """Event idx: the second packet is served while the guest is still being woken for the first.

    The worker is not woken for it either, since it had to wait for it.
    """
    paid_ns, exits = notified(received(), [FAR_NS, FAR_NS])
    assert paid_ns == [SERVED_NS + INJECT_NS + INTERRUPT_NS + WAKE_VCPU_NS, SERVE_NS]
    assert exits == [1, 0]


def test_a_doorbell_wakes_the_worker_and_is_not_rung_while_that_runs() -> None:
    """Two packets to send at once: 2.6 us for the first doorbell; the second finds the worker at work."""
    packets: Values = {"kind": "network", "direction": "to_device", "size": "1500B", "rate_pps": 1}
    spec = scenario("pkvm", pool("none"), guest={"vcpus": 1, "workloads": [packets]})
    done = in_order(run(engine_of(spec), arrivals([(FAR_NS, 0, 0), (FAR_NS + 3_000, 0, 1)], PACKET_BYTES, 1)))
    assert done["ledger"][:, Category.EXIT].tolist() == [2_600, 0]
    assert done["exits"].tolist() == [1, 0]


def test_who_polls_for_completions_is_neither_interrupted_nor_woken_and_pays_by_spinning() -> None:
    engine = engine_of(received(completion="poll", consume="10us"))
    done = in_order(run(engine, arrivals([(FAR_NS, 0, 0), (2 * FAR_NS, 0, 1)], PACKET_BYTES)))
    assert done["ledger"][:, Category.NOTIFY].tolist() == [SERVED_NS] * 2
    assert done["exits"].tolist() == [0, 0]
    assert engine.gauges().polled_ns().tolist() == [2 * FAR_NS + SERVED_NS - 10_000]


@pytest.mark.parametrize(("apart_ns", "is_asleep"), [(40_000, False), (60_000, True)])
def test_a_worker_that_polls_a_while_needs_neither_doorbell_nor_wake_up(apart_ns: int, is_asleep: bool) -> None:  # noqa: FBT001
    """It polls 50 us from the end of what it served; the doorbell is 2.6 us, and the next packet comes behind it."""
    packets: Values = {"kind": "network", "direction": "to_device", "size": "1500B", "rate_pps": 1}
    spec = scenario("pkvm", pool("none"), guest={"vcpus": 1, "workloads": [packets]}, host={"worker_poll": "50us"})
    engine = engine_of(spec)
    asleep_ns = 2_600 + WAKE_WORKER_NS
    first_ns = FAR_NS + asleep_ns + SERVE_NS
    done = in_order(run(engine, arrivals([(FAR_NS, 0, 0), (first_ns + apart_ns, 0, 1)], PACKET_BYTES, 1)))
    assert done["ledger"][:, Category.EXIT].tolist() == [2_600, 2_600 if is_asleep else 0]
    assert done["ledger"][:, Category.NOTIFY].tolist() == [SERVED_NS, SERVED_NS if is_asleep else SERVE_NS]
    assert engine.gauges().polled_ns().tolist() == [50_000 + min(apart_ns, 50_000)]


@pytest.mark.parametrize(("cpus", "is_one_thread"), [("one", True), ("all", False)])
def test_the_work_of_a_queue_that_is_one_thread_waits_for_itself(cpus: str, is_one_thread: bool) -> None:  # noqa: FBT001
    """Two packets to make at once on a guest of two vCPUs, 10 us each."""
    packets: Values = {"kind": "network", "direction": "to_device", "size": "1500B", "rate_pps": 1, "produce": "10us"}
    spec = scenario("pkvm", pool("none"), guest={"vcpus": 2, "workloads": [{**packets, "cpus": cpus}]})
    done = in_order(run(engine_of(spec), arrivals([(FAR_NS, 0, 0), (FAR_NS, 0, 1)], PACKET_BYTES, 1)))
    waited = done["ledger"][1, Category.QUEUE_WAIT] - SERVE_NS * (not is_one_thread)
    assert (waited >= 10_000) == is_one_thread
