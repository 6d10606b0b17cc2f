"""Interrupts that wait for more completions, and what is merged on either way.

Under pKVM, through a pool of which nothing is copied: the worker is woken in 2.4 us and takes 2 us a packet, so that
packets which come at once are there for the guest at 4.4, 6.4 and 8.4 us.
"""

import numpy as np
import pytest
from pydantic import TypeAdapter

from cluster_sim.engine.host_spec import Records
from cluster_sim.results.endings import Ending
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.workload_spec import NetworkWorkload, Workload
from cluster_sim.scenario.workload_traits import traits_of
from tests.unit.hand_prices import INTERRUPT, WORKER, pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

FAST: Values = {"nic": {"rate": "400Gb/s"}}
"""A card that takes in 64 KiB in 1.3 us."""
SERVE_NS, WORK_NS = 2_000, 10_000
WORKLOADS: TypeAdapter[Workload] = TypeAdapter(Workload)


def received(instants_ns: list[int], size: int = 1_500, until_ns: int = 1 << 50, **more: object) -> Records:
    """What becomes of packets that come at these instants, in the order of their numbers."""
    packets: Values = {"kind": "network", "size": f"{size}B", "rate_pps": 1, "consume": "10us", **more}  # type: ignore[dict-item]
    engine = engine_of(scenario("pkvm", pool("none"), host=FAST, guest={"vcpus": 1, "workloads": [packets]}))
    ended = run(engine, arrivals([(at, 0, n) for n, at in enumerate(instants_ns)], size), until_ns)
    done = np.concatenate([ended, engine.finish()])
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    ordered: Records = done[np.argsort(done["frame"])]
    return ordered


def test_an_interrupt_waits_for_so_many_completions() -> None:
    done = received([0, 0, 0], coalesce={"frames": 3, "usecs": "50us"})
    assert done["exits"].tolist() == [0, 0, 1], "the third, which finds the others waiting, interrupts"
    assert done["ended_ns"].min() == WORKER + 2 * SERVE_NS + INTERRUPT["pkvm"] + WORK_NS


def test_an_interrupt_waits_no_longer_than_it_may() -> None:
    """The first is there at 4.4 us and waits 50 us; the second is told of together with it."""
    done = received([0, 0], coalesce={"frames": 3, "usecs": "50us"})
    assert done["exits"].tolist() == [1, 0]
    first_ns = WORKER + 50_000 + INTERRUPT["pkvm"] + WORK_NS
    assert done["ended_ns"].tolist() == [first_ns, first_ns + WORK_NS]
    assert done["ledger"][0, Category.QUEUE_WAIT] == 50_000


def test_each_batch_has_an_instant_of_its_own() -> None:
    """The alarm of three that were enough comes while the next batch gathers, which waits its own 50 us."""
    late_ns = 40_000
    done = received([0, 0, 0, late_ns], coalesce={"frames": 3, "usecs": "50us"})
    assert done["exits"].tolist() == [0, 0, 1, 1]
    assert done["ended_ns"][3] == late_ns + WORKER + 50_000 + INTERRUPT["pkvm"] + WORK_NS


def test_a_completion_of_a_queue_that_is_handled_waits_for_no_other() -> None:
    """Two are enough; the third is there while the vCPU works on the first and the second waits for it."""
    done = received([0, 0, 6_000], coalesce={"frames": 2, "usecs": "50us"})
    assert done["exits"].tolist() == [0, 1, 0]
    assert done["ended_ns"].max() == WORKER + SERVE_NS + INTERRUPT["pkvm"] + 3 * WORK_NS


def test_what_is_held_back_when_the_run_ends_is_unfinished_to_the_nanosecond() -> None:
    done = received([0, 0], until_ns=20_000, coalesce={"frames": 3, "usecs": "50us"})
    assert done["outcome"].tolist() == [Ending.UNFINISHED] * 2
    assert done["ended_ns"].tolist() == [20_000] * 2


@pytest.mark.parametrize(("size", "worked"), [(1_500, [1, 0, 0]), (30_000, [1, 0, 1]), (65_536, [1, 1, 1])])
def test_what_is_handled_in_one_go_is_worked_on_as_one_up_to_64_kib(size: int, worked: list[int]) -> None:
    done = received([0, 0, 0], size, gro=True)
    assert done["ledger"][:, Category.WORK].tolist() == [WORK_NS * each for each in worked]
    apart = received([0, 0, 0], size)
    assert apart["ledger"][:, Category.WORK].tolist() == [WORK_NS] * 3


def test_a_segment_is_one_transfer_of_whole_packets() -> None:
    """45 packets of 1,448 bytes are the most that 64 KiB hold."""
    sent: Values = {"kind": "network", "direction": "to_device", "size": "1448B", "gso": "64KiB"}
    found = WORKLOADS.validate_python(sent | {"rate_pps": 45_000})
    assert isinstance(found, NetworkWorkload)
    assert (found.packets, found.transfers_per_s) == (45, 1_000)
    assert dict(traits_of(found).queues[0].sizes) == {45 * 1_448: 100}
    by_bits = WORKLOADS.validate_python(sent | {"rate": "1Gb/s"})
    assert isinstance(by_bits, NetworkWorkload)
    assert by_bits.transfers_per_s == 125_000_000 // (45 * 1_448)
