"""A server that answers clients: one client on an idle host by hand, path by technology; several by their bounds.

A request and its answer have 1,500 bytes each, on a card of 25 Gb/s; the network takes 10 us each way.
"""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.integers import NS_PER_S
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import (
    CONVERT_4K,
    DIRECT,
    HOST_FAULT,
    HOST_UNMAP,
    INTERRUPT,
    KICK,
    LOCK_HANDOVER,
    LONG_LIVED,
    LOSING_CONTENT,
    MAP_PIECE,
    PROTECTED,
    SWIOTLB,
    TECHNOLOGIES,
    TOUCH_SHARED,
    UNMAP_EXIT,
    UNMAP_PIECE,
    WORKER,
    pool,
    share,
    unshare,
)
from tests.unit.lone_host import Values, engine_of, run, scenario

COPY = 356
"""A cold copy of a packet."""
SENT = 1_500 * 335_544 // (1 << 20)
WAYS = SENT + 2 * 10_000 + SENT
"""Sent by the client, there and back, sent by the card; the card takes in while the client sends."""
SERVE = 30_000
NO_ARRIVALS = submissions(*(np.zeros(0, np.int64) for _ in range(5)))


def server(**more: object) -> Values:
    fixed: Values = {"kind": "request_response", "request": "1500B", "response": "1500B", "work": "constant"}
    return {**fixed, "serve": "30us", **more}  # type: ignore[dict-item]


def answered(protection: str, path: Values, until_ns: int, *, vcpus: int = 2, **more: object) -> Records:
    """What ended up to an instant, in the order of its ends."""
    spec = scenario(protection, path, guest={"vcpus": vcpus, "workloads": [server(**more)]})
    return run(engine_of(spec), NO_ARRIVALS, until_ns)


def check(protection: str, path: Values, latency_ns: int, think_ns: int = 0, handed_ns: int = 0) -> None:
    """The first three requests of one client: each takes as long, and follows when the one before is answered.

    `handed_ns`: what the area's lock takes on its way to the answer's queue, and then to the next request's.
    """
    latencies_ns = [latency_ns + handed_ns, latency_ns + 2 * handed_ns, latency_ns + 2 * handed_ns]
    submitted_ns = [0, latencies_ns[0] + think_ns, sum(latencies_ns[:2]) + 2 * think_ns]
    until_ns = submitted_ns[2] + latencies_ns[2] + 1
    done = answered(protection, path, until_ns, think=f"{think_ns}ns", thinking="constant")
    assert (done["ended_ns"] - done["submitted_ns"]).tolist() == latencies_ns
    assert done["submitted_ns"].tolist() == submitted_ns
    assert (done["ended_ns"] == done["handed_ns"]).all()
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert (done["is_intact"] == 1).all()
    assert done["ledger"][:, Category.WORK].tolist() == [SERVE] * 3
    assert done["ledger"][:, Category.NETWORK].tolist() == [WAYS] * 3


def rings(protection: str) -> int:
    return KICK[protection] + WORKER


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_an_answer_through_swiotlb_is_a_packet_in_and_a_packet_out(protection: str) -> None:
    asked = MAP_PIECE + UNMAP_PIECE + rings(protection) + INTERRUPT[protection] + 3 * COPY
    handed_ns = LOCK_HANDOVER if protection == "pkvm" else 0  # its pool has one area
    check(protection, SWIOTLB, WAYS + SERVE + asked + MAP_PIECE + rings(protection) + 2 * COPY, handed_ns=handed_ns)


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_an_answer_where_mappings_stay(protection: str) -> None:
    asked = WORKER + INTERRUPT[protection] + 2 * COPY
    check(protection, LONG_LIVED, WAYS + SERVE + asked + rings(protection) + 2 * COPY)


@pytest.mark.parametrize(("copied", "copies"), [("none", 0), ("producer", 1), ("consumer", 1), ("both", 2)])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_an_answer_through_a_shared_pool(protection: str, copied: str, copies: int) -> None:
    asked = WORKER + INTERRUPT[protection] + copies * COPY
    check(protection, pool(copied), WAYS + SERVE + asked + rings(protection) + copies * COPY)


@pytest.mark.parametrize("protection", PROTECTED)
def test_an_answer_in_converted_pages(protection: str) -> None:
    """Its client thinks for a while, or its next request would meet the conversion behind the answer."""
    shared = share(protection, pages=1, calls=1, vmm_exits=1, is_ranged=False)
    private = HOST_UNMAP + UNMAP_EXIT[protection] + unshare(protection, pages=1, calls=1, vmm_exits=1, is_ranged=False)
    host = rings(protection) + HOST_FAULT + COPY
    copied_out = TOUCH_SHARED[protection] + COPY if protection in LOSING_CONTENT else 0
    asked = shared + host + INTERRUPT[protection] + copied_out + private
    sent = shared + TOUCH_SHARED[protection] + host
    check(protection, CONVERT_4K, WAYS + SERVE + asked + sent, think_ns=1_000_000)


def test_an_answer_of_a_guest_that_nobody_protects() -> None:
    asked = rings("none") + COPY + INTERRUPT["none"]
    check("none", DIRECT, WAYS + SERVE + asked + rings("none") + COPY)


def counts_of(engine: HostEngine, until_ns: int) -> tuple[int, dict[int, int]]:
    """Requests submitted, and how many ended each way, when all that has begun is ended at an instant."""
    done = np.concatenate([run(engine, NO_ARRIVALS, until_ns), engine.finish()])
    submitted = int(engine.gauges().totals().submitted.sum())
    endings, counts = np.unique(done["outcome"], return_counts=True)
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    return submitted, dict(zip(endings.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("queues", [1, 3])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_server_answers_as_fast_as_its_threads_work(threads: int, queues: int) -> None:
    """16 clients, 1 ms of work each: as many answers a millisecond as threads, within the first and the last."""
    more = {"serve": "1ms", "clients": 16, "threads": threads, "queues": queues}
    done = answered("sev-snp", SWIOTLB, 100_000_000, vcpus=8, **more)
    assert 98 * threads <= len(done) <= 100 * threads


def test_queue_pairs_share_clients_evenly() -> None:
    """Five clients, who think for longer than the run lasts, on two pairs: each asks once."""
    asked = server(clients=5, queues=2, think="1s", thinking="constant")
    spec = scenario("none", pool("none"), guest={"workloads": [asked]})
    done = run(engine_of(spec), NO_ARRIVALS, NS_PER_S // 2)
    streams, answers = np.unique(done["stream"], return_counts=True)
    assert len(streams) == 2
    assert answers.tolist() == [3, 2]


def test_clients_that_think_ask_as_often_as_thinking_and_answers_let() -> None:
    """One client thinks 200 us; an answer takes as long as by the hand sum above."""
    answer_ns = WAYS + SERVE + WORKER + INTERRUPT["none"] + rings("none")
    done = answered("none", pool("none"), NS_PER_S // 10, think="200us", thinking="constant")
    assert np.diff(done["submitted_ns"]).tolist() == [200_000 + answer_ns] * (len(done) - 1)
    drawn = answered("none", pool("none"), NS_PER_S, think="200us")
    assert len(set(np.diff(drawn["submitted_ns"]).tolist())) > len(drawn) // 2
    assert len(drawn) == pytest.approx(NS_PER_S / (200_000 + answer_ns), rel=0.05)


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_each_request_is_answered_dropped_or_unfinished(protection: str) -> None:
    """A pool of one slot set has room for one request and one answer of 96 KiB, or two; who is dropped asks again."""
    many = server(request="96KiB", response="96KiB", clients=64, queues=4, timeout="1ms", serve="0us", threads=4)
    path: Values = {"kind": "swiotlb", "mapping": "per_transfer", "pool": "256KiB", "areas": 1}
    spec = scenario(protection, path, guest={"vcpus": 4, "workloads": [many]})
    engine = engine_of(spec)
    submitted, ended = counts_of(engine, 20_000_000)
    assert set(ended) == {Ending.DELIVERED, Ending.DROPPED, Ending.UNFINISHED}
    assert submitted == sum(ended.values())
    assert ended[Ending.DROPPED] > 64


def test_a_client_whose_request_finds_the_ring_full_asks_again_after_its_timeout() -> None:
    done = answered("none", pool("none"), 4_000_000, clients=3, ring=1, serve="10us", timeout="2ms")
    dropped = done[done["outcome"] == Ending.DROPPED]
    assert set(dropped["reason"].tolist()) == {DropReason.NO_BUFFER}
    first = int(dropped["ended_ns"][0])
    assert first + 2_000_000 in done["submitted_ns"].tolist()
