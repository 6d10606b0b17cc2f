"""Copies that come at random share the memory bus as processor sharing says.

Processor sharing is insensitive: what a copy takes on average depends on the load and on its own size, not on the mix
of sizes. If `cores` copies at full speed fill the bus, as many are under way as at M/M/cores. Each block read is one
copy by a vCPU; sizes and the bus are such that a copy alone moves 4 B/ns, which is 8 B/ns on the bus.
"""

from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.theory.formulas import wait_at_mmc
from tests.theory.replications import NS_PER_S, Replicated, Values, guest, replicate

SMALL_NS, LARGE_NS = 4_096, 16_384
SIZES = {"small": ("16KiB", SMALL_NS), "large": ("64KiB", LARGE_NS)}
BUS_B_PER_NS = 8


def cost(value: float, unit: str) -> JsonValue:
    return {"value": value, "unit": unit, "why": "theory"}


def copies(folder: Path, *, cores: int, load: float, duration_ms: int) -> Replicated:
    """Two guests, whose copies are small and large; each brings half of the load."""
    groups: list[Values] = []
    for name, (size, alone_ns) in SIZES.items():
        rate = round(load / 2 * cores * NS_PER_S / alone_ns)
        reads: Values = {"kind": "block", "rate_iops": rate, "spacing": "poisson", "iodepth": 4096, "bs": size}
        groups.append(guest(1000, reads, name=name))
    costs: JsonValue = {
        "notify.thread_wake": cost(0, "ns"),
        "notify.halted_vcpu_wake": cost(0, "ns"),
        "notify.vhost_worker_per_io": cost(0, "ns"),
        "notify.eventfd_signal": cost(0, "ns"),
        "notify.kick_ipi": cost(0, "ns"),
        "exit.plain_amd.hypercall": cost(0, "ns"),
        "copy.zen4_cold_16384": cost(SMALL_NS, "ns"),
        "copy.zen4_cold_65536": cost(LARGE_NS, "ns"),
    }
    return replicate(
        folder,
        seed=9,
        duration_ms=duration_ms,
        guests=groups,
        host={"llc": 0, "memory_bandwidth": f"{cores * BUS_B_PER_NS}GB/s", "storage": {"parallel": 4096}},
        profile="zen4",
        costs=costs,
        io_path={"kind": "shared_pool", "copy": "consumer"},
    )


@pytest.mark.parametrize(
    ("cores", "load", "duration_ms"), [(1, 0.5, 500), (1, 0.8, 1_500), (2, 0.8, 1_000), (4, 0.8, 600)]
)
def test_copies_of_either_size_are_slowed_down_alike(tmp_path: Path, cores: int, load: float, duration_ms: int) -> None:
    bus = copies(tmp_path, cores=cores, load=load, duration_ms=duration_ms)
    stretch = 1 + wait_at_mmc(cores, load, 1.0)
    for name, (_, alone_ns) in SIZES.items():
        alone = bus.a_transfer("guest_copy_ns", group=name)
        slowed = bus.a_transfer("bandwidth_wait_ns", group=name)
        assert alone.mean == alone_ns
        assert slowed.relative_half_width < 0.06
        assert slowed.holds(alone_ns * (stretch - 1))
    assert bus.a_transfer("latency_ns_sum").mean == bus.a_transfer("guest_copy_ns", "bandwidth_wait_ns").mean
