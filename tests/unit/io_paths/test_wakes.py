"""A thread that sleeps on another vCPU than the one that is interrupted, guests that poll before they halt.

Packets of 1,500 bytes come through a pool of which nothing is copied, and their thread works 10 us on each.
"""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import INJECT, INTERRUPT, INTERRUPT_EXITS, KICK, TECHNOLOGIES, WORKER, pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

PACKET_BYTES = 1_500
WORK_NS = 10_000
FAR_NS = 1_000_000
NO_ARRIVALS = submissions(*(np.zeros(0, np.int64) for _ in range(5)))


def receiver(protection: str, wakes: str, **group: object) -> HostEngine:
    packets: Values = {"kind": "network", "size": "1500B", "rate_pps": 1, "consume": "10us", "cpus": "one"}
    guest: Values = {"vcpus": 2, "workloads": [packets | {"wakes": wakes}], **group}  # type: ignore[dict-item]
    return engine_of(scenario(protection, pool("none"), guest=guest))


def packets_at(engine: HostEngine, *instants_ns: int) -> Records:
    """Packets at these instants, in the order of their numbers."""
    done = run(engine, arrivals([(at, 0, n) for n, at in enumerate(instants_ns)], PACKET_BYTES))
    ordered: Records = done[np.argsort(done["frame"])]
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"] - ordered["submitted_ns"]).all()
    return ordered


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_thread_that_sleeps_elsewhere_pays_an_ipi_and_a_second_wake_up(protection: str) -> None:
    here = packets_at(receiver(protection, "same_vcpu"), FAR_NS)[0]
    there = packets_at(receiver(protection, "other_vcpu"), FAR_NS)[0]
    alone_ns = WORKER + INTERRUPT[protection] + WORK_NS
    assert here["ended_ns"] - here["submitted_ns"] == alone_ns
    told_ns = KICK[protection] + INTERRUPT[protection] - INJECT
    assert there["ended_ns"] - there["submitted_ns"] == alone_ns + told_ns
    assert there["exits"] - here["exits"] == 1 + INTERRUPT_EXITS[protection]
    assert there["ledger"][Category.NOTIFY] - here["ledger"][Category.NOTIFY] == told_ns


def test_a_thread_that_works_when_the_next_packet_comes_is_not_told() -> None:
    """The second packet is interrupted for while the thread works on the first; it waits for the thread alone."""
    first, second = packets_at(receiver("none", "other_vcpu"), FAR_NS, FAR_NS + 15_000)
    assert first["exits"] == 3
    assert second["exits"] == 1
    assert second["ended_ns"] == first["ended_ns"] + WORK_NS


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_guest_that_spins_finds_the_work_by_itself(protection: str) -> None:
    here, there = (
        packets_at(receiver(protection, f"{which}_vcpu", idle="poll"), FAR_NS) for which in ("same", "other")
    )
    assert here["ended_ns"].tolist() == there["ended_ns"].tolist()


@pytest.mark.parametrize(("apart_ns", "polls"), [(39_000, True), (60_000, False)])
def test_a_guest_that_polls_before_it_halts_is_not_woken_meanwhile(apart_ns: int, *, polls: bool) -> None:
    """It polls 50 us; the second packet comes so long after the first has ended, and its worker takes 4.4 us more."""
    engine = receiver("sev-snp", "other_vcpu", guest_halt_poll="50us")
    ended_ns = int(packets_at(receiver("sev-snp", "other_vcpu"), FAR_NS)[0]["ended_ns"])
    first, second = packets_at(engine, FAR_NS, ended_ns + apart_ns)
    assert first["ended_ns"] == ended_ns
    interrupt_ns = 5_320
    told_ns = INJECT + interrupt_ns if polls else 2 * INTERRUPT["sev-snp"] - INJECT + KICK["sev-snp"]
    assert second["ledger"][Category.NOTIFY] == WORKER + told_ns
    assert second["exits"] == (1 if polls else 3)
    polled_ns = engine.gauges().polled_ns().tolist()
    idle_ns = apart_ns + WORKER + INJECT
    in_second = 2 * idle_ns + interrupt_ns if polls else 2 * 50_000
    assert polled_ns == [2 * 50_000 + in_second]


def test_a_server_whose_threads_sleep_elsewhere_pays_once_an_answer() -> None:
    def first_answer_ns(wakes: str) -> int:
        server: Values = {"kind": "request_response", "work": "constant", "serve": "10us", "wakes": wakes}
        spec = scenario("tdx", pool("none"), guest={"vcpus": 2, "workloads": [server]})
        done = run(engine_of(spec), NO_ARRIVALS, FAR_NS)
        assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
        return int(done["handed_ns"][0] - done["submitted_ns"][0])

    assert first_answer_ns("other_vcpu") - first_answer_ns("same_vcpu") == KICK["tdx"] + INTERRUPT["tdx"] - INJECT


def test_packets_by_bits_a_second_overflow_a_ring_and_are_counted() -> None:
    """1.2 Gb/s of 1,500 bytes are 100,000 packets a second, ten times what a thread does that works 100 us on each."""
    flood: Values = {
        "kind": "network",
        "size": "1500B",
        "rate": "1.2Gb/s",
        "consume": "100us",
        "cpus": "one",
        "ring": 8,
    }
    engine = engine_of(scenario("none", pool("none"), guest={"vcpus": 2, "workloads": [flood]}))
    instants = range(0, 10_000_000, 10_000)
    done = np.concatenate([run(engine, arrivals([(at, 0, n) for n, at in enumerate(instants)], 1_500), 10_000_000)])
    rest = engine.finish()
    dropped = done[done["outcome"] == Ending.DROPPED]
    assert set(dropped["reason"].tolist()) == {DropReason.NO_BUFFER}
    assert len(done) + len(rest) == len(instants)
    assert 85 <= int((done["outcome"] == Ending.DELIVERED).sum()) <= 100
