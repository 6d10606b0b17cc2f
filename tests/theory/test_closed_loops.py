"""Closed loops, in which so many requests go round between a guest that thinks and vCPUs that work."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.theory.formulas import repair_shop
from tests.theory.replications import NS_PER_S, Values, guest, replicate

SERVICE_NS = 10_000


def requests(depth: int, think_ns: int, work: str = "exponential", **more: JsonValue) -> Values:
    """A disk's requests, `depth` at a time; each is worked on by a vCPU, and the next is asked for some time later."""
    return {
        "kind": "block",
        "bs": "1B",
        "iodepth": depth,
        "thinktime": f"{think_ns}ns",
        "consume": f"{SERVICE_NS}ns",
        "work": work,
        **more,
    }


@pytest.mark.parametrize(
    ("depth", "vcpus", "think_ns"), [(4, 1, 50_000), (12, 1, 100_000), (32, 4, 50_000), (8, 2, 30_000)]
)
def test_a_queue_depth_with_exponential_work_is_a_repair_shop(
    tmp_path: Path, depth: int, vcpus: int, think_ns: int
) -> None:
    """How long it thinks may have any distribution, so a fixed think time will do.

    A request passes the vCPUs twice, to ring the doorbell in no time and to be worked on. Where the storage takes no
    time between, that changes the order of work and not its amount.
    """
    loop = replicate(tmp_path, seed=7, duration_ms=500, guests=[guest(vcpus, requests(depth, think_ns))])
    rate, at_vcpus_ns = repair_shop(depth, vcpus, SERVICE_NS, think_ns)
    done = loop.over_time("guests", "delivered")
    response_ns = loop.a_transfer("queue_wait_ns", "work_ns")
    busy = loop.over_time("hosts", "vcpu_busy_ns")
    assert max(each.relative_half_width for each in (done, response_ns, busy)) < 0.02
    assert done.holds(rate)
    assert response_ns.holds(at_vcpus_ns)
    assert busy.holds(rate * SERVICE_NS)
    unhindered = min(depth / (think_ns + SERVICE_NS), vcpus / SERVICE_NS)
    assert not done.holds(unhindered), "they do queue for each other"


def test_a_packet_ring_in_a_closed_loop_is_a_repair_shop_too(tmp_path: Path) -> None:
    ring, think_ns = 6, 30_000
    packets: Values = {
        "kind": "network",
        "size": "1B",
        "ring": ring,
        "thinktime": f"{think_ns}ns",
        "consume": f"{SERVICE_NS}ns",
        "work": "exponential",
    }
    loop = replicate(tmp_path, seed=7, duration_ms=500, guests=[guest(1, packets)])
    rate, at_vcpu_ns = repair_shop(ring, 1, SERVICE_NS, think_ns)
    done, response_ns = loop.over_time("guests", "delivered"), loop.a_transfer("queue_wait_ns", "work_ns")
    assert max(done.relative_half_width, response_ns.relative_half_width) < 0.02
    assert done.holds(rate)
    assert response_ns.holds(at_vcpu_ns)


@pytest.mark.parametrize(("depth", "wait_ns"), [(1, 0), (6, 0), (8, 20_000), (20, 140_000)])
def test_with_constant_work_a_loop_of_six_is_just_full(tmp_path: Path, depth: int, wait_ns: int) -> None:
    """50 us of thought and 10 of work: six requests keep a vCPU busy, each one more waits 10 us in every round.

    The first round is the exception: all requests come at once, and wait for each other.
    """
    loop = replicate(tmp_path, seed=7, duration_ms=50, guests=[guest(1, requests(depth, 50_000, "constant"))])
    delivered, waited_ns = (loop.sums("guests", column)[0] for column in ("delivered", "queue_wait_ns"))
    round_ns = 60_000 + wait_ns
    assert delivered == pytest.approx(depth * 50 * NS_PER_S / 1_000 / round_ns, rel=0.01)
    first_round_ns = 10_000 * depth * (depth - 1) / 2
    assert waited_ns == pytest.approx(first_round_ns + wait_ns * (delivered - depth))
