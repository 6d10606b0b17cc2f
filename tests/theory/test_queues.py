"""Open queues made of a workload definition's own parts wait as queueing theory says.

Runs begin empty. At M/M/1 this lowers means by 1 / ((1 - load)² × length in service times) (Abate and Whitt 1987): by
1 in 2,000 at load 0.9 over 200,000 service times, and by less at lower loads. No interval here is as narrow as that.
"""

from pathlib import Path

import numpy as np
import pytest
from pydantic import JsonValue

from tests.theory.formulas import wait_at_md1, wait_at_mg1, wait_at_mmc, waits_at_all
from tests.theory.replications import NS_PER_S, Replicated, Values, guest, interval, replicate

SERVICE_NS = 10_000
RING = 4096


def packets(rate_pps: float, work: str = "exponential", **more: JsonValue) -> Values:
    """Packets that come at random, each of them some work for a vCPU."""
    return {
        "kind": "network",
        "rate_pps": round(rate_pps),
        "spacing": "poisson",
        "size": "1B",
        "consume": f"{SERVICE_NS}ns",
        "work": work,
        "ring": RING,
        "when_full": "wait",
        **more,
    }


def rate_for(load: float, servers: int = 1) -> float:
    return load * servers * NS_PER_S / SERVICE_NS


def queue_of(folder: Path, *, servers: int, load: float, duration_ms: int, work: str = "exponential") -> Replicated:
    offered = packets(rate_for(load, servers), work)
    return replicate(folder, seed=4, duration_ms=duration_ms, guests=[guest(servers, offered)])


LOADS = [(0.5, 800, 0.03), (0.8, 1_500, 0.04), (0.9, 3_000, 0.05)]
"""Load, length of a run in ms, and how wide the interval may be."""


@pytest.mark.parametrize(("load", "duration_ms", "narrow"), LOADS)
def test_one_vcpu_with_exponential_work_is_mm1(tmp_path: Path, load: float, duration_ms: int, narrow: float) -> None:
    queue = queue_of(tmp_path, servers=1, load=load, duration_ms=duration_ms)
    wait_ns = queue.a_transfer("queue_wait_ns")
    present = queue.over_time("guests", "latency_ns_sum")
    busy = queue.over_time("hosts", "vcpu_busy_ns")
    assert max(wait_ns.relative_half_width, present.relative_half_width) < narrow
    assert busy.relative_half_width < 0.01
    assert wait_ns.holds(SERVICE_NS * load / (1 - load))
    assert present.holds(load / (1 - load))
    assert busy.holds(load)
    assert queue.a_transfer("work_ns").holds(SERVICE_NS)
    assert not wait_ns.holds(wait_at_md1(load, SERVICE_NS))


@pytest.mark.parametrize(("load", "duration_ms", "narrow"), LOADS)
def test_one_vcpu_with_constant_work_is_md1(tmp_path: Path, load: float, duration_ms: int, narrow: float) -> None:
    queue = queue_of(tmp_path, servers=1, load=load, duration_ms=duration_ms, work="constant")
    wait_ns = queue.a_transfer("queue_wait_ns")
    present = queue.over_time("guests", "latency_ns_sum")
    busy = queue.over_time("hosts", "vcpu_busy_ns")
    assert max(wait_ns.relative_half_width, present.relative_half_width) < narrow
    assert busy.relative_half_width < 0.01
    assert wait_ns.holds(wait_at_md1(load, SERVICE_NS))
    assert present.holds(load + load**2 / (2 * (1 - load)))
    assert busy.holds(load)
    assert not wait_ns.holds(wait_at_mmc(1, load, SERVICE_NS))


@pytest.mark.parametrize(
    ("servers", "load", "duration_ms", "narrow"),
    [(2, 0.5, 1_000, 0.04), (4, 0.8, 700, 0.06), (2, 0.9, 2_000, 0.05), (8, 0.8, 400, 0.06)],
)
def test_a_guest_of_several_vcpus_is_mmc(
    tmp_path: Path, servers: int, load: float, duration_ms: int, narrow: float
) -> None:
    queue = queue_of(tmp_path, servers=servers, load=load, duration_ms=duration_ms)
    wait_ns = queue.a_transfer("queue_wait_ns")
    present = queue.over_time("guests", "latency_ns_sum")
    busy = queue.over_time("hosts", "vcpu_busy_ns")
    assert max(wait_ns.relative_half_width, present.relative_half_width) < narrow
    assert busy.relative_half_width < 0.01
    expected_ns = wait_at_mmc(servers, load, SERVICE_NS)
    assert wait_ns.holds(expected_ns)
    assert present.holds(servers * load * (1 + expected_ns / SERVICE_NS))
    assert busy.holds(servers * load)
    pooled_ns = wait_at_mmc(1, load, SERVICE_NS / servers)
    assert not wait_ns.holds(pooled_ns), "several servers are not one that is so many times as fast"


def test_as_many_packets_wait_as_erlangs_formula_says_and_as_long(tmp_path: Path) -> None:
    servers, load = 4, 0.8
    offered = packets(rate_for(load, servers))
    queue = replicate(
        tmp_path, seed=4, duration_ms=250, guests=[guest(servers, offered)], record="transfers", window="10ms"
    )
    rows = queue.results.table("transfers")
    waited_ns = rows["queue_wait_ns"].to_numpy()
    counted = np.bincount(rows["replication"].to_numpy())
    mean_ns = SERVICE_NS / (servers * (1 - load))
    for least_ns in (0, mean_ns, 2 * mean_ns):
        longer = np.bincount(rows["replication"].to_numpy(), weights=waited_ns > least_ns)
        share = interval(longer / counted)
        assert share.relative_half_width < 0.1
        assert share.holds(waits_at_all(servers, load) * np.exp(-least_ns / mean_ns))


def test_the_streams_of_a_guest_queue_for_its_vcpu_together(tmp_path: Path) -> None:
    """Two independent Poisson streams at load 0.4 each are one at load 0.8; alone each would wait a sixth as long."""
    load = 0.8
    group = guest(1, packets(rate_for(load / 2), queues=2))
    queue = replicate(tmp_path, seed=4, duration_ms=1_500, guests=[group])
    wait_ns = queue.a_transfer("queue_wait_ns")
    assert wait_ns.relative_half_width < 0.04
    assert wait_ns.holds(wait_at_mmc(1, load, SERVICE_NS))


def test_guests_do_not_queue_for_each_others_vcpus(tmp_path: Path) -> None:
    load = 0.4
    group = guest(1, packets(rate_for(load)), count=2)
    queue = replicate(tmp_path, seed=4, duration_ms=1_000, guests=[group])
    wait_ns = queue.a_transfer("queue_wait_ns")
    assert wait_ns.relative_half_width < 0.03
    assert wait_ns.holds(wait_at_mmc(1, load, SERVICE_NS))


GUESTS = 4


def block(rate_iops: float, **more: JsonValue) -> Values:
    return {"kind": "block", "rate_iops": round(rate_iops), "spacing": "poisson", "iodepth": RING, **more}


DEVICES: dict[str, tuple[Values, Values, str, str]] = {
    "storage": (
        {"storage": {"parallel": 1, "latency": "10us", "jitter": 0}},
        block(rate_for(0.8) / GUESTS),
        "queue_wait_ns",
        "storage_busy_ns",
    ),
    "nic-out": (
        {"nic": {"rate": "1Gb/s"}},
        packets(rate_for(0.8) / GUESTS, "constant", consume="0s", size="1250B", direction="to_device"),
        "queue_wait_ns",
        "nic_out_busy_ns",
    ),
    "nic-in": (
        {"nic": {"rate": "1Gb/s"}},
        packets(rate_for(0.8) / GUESTS, "constant", consume="0s", size="1250B"),
        "network_ns",
        "nic_in_busy_ns",
    ),
}
"""Of each device that serves a request in 10 us: the host, what each guest asks, where waits and use are booked."""


@pytest.mark.parametrize("device", DEVICES)
def test_a_hosts_device_is_md1_to_all_its_guests(tmp_path: Path, device: str) -> None:
    host, workload, waits, uses = DEVICES[device]
    load = 0.8
    queue = replicate(tmp_path, seed=4, duration_ms=1_000, guests=[guest(64, workload, count=GUESTS)], host=host)
    wait_ns, busy = queue.a_transfer(waits), queue.over_time("hosts", uses)
    assert wait_ns.relative_half_width < 0.05
    assert busy.relative_half_width < 0.01
    assert wait_ns.holds(wait_at_md1(load, SERVICE_NS))
    assert busy.holds(load)


def test_requests_of_two_sizes_wait_as_pollaczek_and_khinchine_say(tmp_path: Path) -> None:
    """At 1000 MiB/s, 8 KiB take 7,812 ns and 64 KiB 62,500; one in four is large."""
    sizes: JsonValue = {"8KiB": 75, "64KiB": 25}
    small_ns, large_ns = 7_812, 62_500
    service_ns = 0.75 * small_ns + 0.25 * large_ns
    squared = 0.75 * small_ns**2 + 0.25 * large_ns**2
    rate = round(0.7 * NS_PER_S / service_ns)
    host: Values = {"storage": {"parallel": 1, "rate": "1000MiB/s"}}
    group = guest(64, block(rate, bssplit=sizes))
    queue = replicate(tmp_path, seed=4, duration_ms=6_000, guests=[group], host=host)
    wait_ns = queue.a_transfer("queue_wait_ns")
    load = rate * service_ns / NS_PER_S
    assert wait_ns.relative_half_width < 0.05
    assert wait_ns.holds(wait_at_mg1(load, service_ns, squared))
    assert not wait_ns.holds(wait_at_md1(load, service_ns))
    assert not wait_ns.holds(wait_at_mmc(1, load, service_ns))
