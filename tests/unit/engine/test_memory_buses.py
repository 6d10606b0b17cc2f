"""A memory bus for each NUMA node, by hand: whose copies share one, what distance adds, what else passes it."""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.io_paths.steps import Count, Op
from cluster_sim.planning.copy_curves import bus_mb_per_s
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.engine.test_shared_resources import CPU_MB_PER_S, PRODUCER, THOUSANDTH, copied_ns
from tests.unit.hand_prices import ACCEPT, CONVERT_4K, COPY, PAGES, SWIOTLB
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, in_turn, one_frame, run, scenario

REMOTE_COPY = 385_500 + (RAW_1080P - 2_097_152) * 135_591 // 1_048_576
"""Each point and the slope of COPY, half as much again."""
SLOW_BUS: Values = {"memory_bandwidth": "1GB/s"}
ON_TWO_NODES: Values = {"cpus": 8, "memory": "64GiB", "nodes": 2, "sockets": 2}
"""Each node takes two guests of two vCPUs."""


def four_guests(host: Values) -> tuple[HostEngine, Records]:
    """Guests that copy a frame each at once; a bus carries what one core moves."""
    bus: Values = {"memory_bandwidth": f"{round(CPU_MB_PER_S)}MB/s"}
    spec = scenario("pkvm", PRODUCER, guest={"count_per_host": 4}, host=host | bus)
    engine = engine_of(spec)
    return engine, run(engine, arrivals([(0, stream, 0) for stream in range(4)]))


def test_guests_that_are_pinned_to_two_nodes_have_the_bandwidth_of_two_hosts() -> None:
    engine, done = four_guests(ON_TWO_NODES)
    assert engine.spec.streams["bus"].tolist() == [0, 0, 2, 2], "the host's lock stands between the buses"
    assert copied_ns(done) == pytest.approx(np.full(4, 2 * COPY), rel=THOUSANDTH)
    assert engine.gauges().busy_times().bandwidth_saturated_ns == pytest.approx(2 * COPY, rel=THOUSANDTH)
    _, on_one = four_guests({"cpus": 8, "memory": "64GiB"})
    assert copied_ns(on_one) == pytest.approx(np.full(4, 4 * COPY), rel=THOUSANDTH)


def test_memory_that_is_spread_over_two_nodes_is_one_bus_of_both_and_half_remote() -> None:
    """Each copy alone takes 1.25 times as long and asks for 0.8 of a core's rate: 3.2 against a bus of 2."""
    engine, done = four_guests(ON_TWO_NODES | {"numa": "spread"})
    assert engine.spec.streams["bus"].tolist() == [0, 0, 0, 0]
    assert copied_ns(done) == pytest.approx(np.full(4, 1.25 * COPY * 3.2 / 2), rel=THOUSANDTH)
    assert done["ledger"][:, Category.HOST_COPY] == pytest.approx(np.full(4, 1.25 * COPY), rel=THOUSANDTH)


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
def test_a_worker_on_another_node_copies_for_as_much_longer_and_nothing_else_does(
    protection: str, direction: int
) -> None:
    """The guest's own copy stays what it is; so the lone frame takes longer by the host's copy alone, to the ns."""
    pinned, remote = (
        one_frame(scenario(protection, SWIOTLB, host=ON_TWO_NODES | {"numa": numa}), RAW_1080P, direction)
        for numa in ("pinned", "remote")
    )
    assert pinned["ledger"][Category.HOST_COPY] > 0
    longer_ns = remote["ledger"] - pinned["ledger"]
    slower = one_frame(scenario("none", PRODUCER, host=ON_TWO_NODES | {"numa": "remote"}), RAW_1080P)
    assert slower["ledger"][Category.HOST_COPY] == REMOTE_COPY
    assert (np.delete(longer_ns, Category.HOST_COPY) == 0).all()
    assert remote["ledger"][Category.HOST_COPY] == pytest.approx(1.5 * pinned["ledger"][Category.HOST_COPY], abs=2)
    assert longer_ns.sum() == remote["ended_ns"] - pinned["ended_ns"]


@pytest.mark.parametrize(
    ("host", "mb_per_s"),
    [
        ({}, 357_000),
        ({"machine": "milan"}, 170_000),
        ({"machine": "milan", "sockets": 2, "nodes": 2}, 170_000),
        ({"machine": "milan", "sockets": 2, "nodes": 8}, 42_500),
        ({"machine": "milan", "sockets": 2, "nodes": 8, "numa": "spread"}, 340_000),
        ({"machine": "grace"}, 415_000),
        ({"channels": 12}, 351_360),
        ({"channels": 12, "sockets": 2, "nodes": 2}, 351_360),
        ({"channels": 12, "sockets": 2, "nodes": 8, "numa": "spread"}, 702_720),
        ({"channels": 8, "dimms": "DDR4-3200", "nodes": 4}, 39_040),
        ({"nodes": 2, "memory_bandwidth": "100GB/s"}, 100_000),
        ({"nodes": 2, "memory_bandwidth": "100GB/s", "numa": "spread"}, 200_000),
    ],
)
def test_a_bus_carries_a_nodes_part_of_its_machine_or_that_of_all_nodes(host: Values, mb_per_s: int) -> None:
    """A channel of DDR5-4800 has 4.8 x 6.1 GB/s for copies, one of DDR4-3200 3.2 x 6.1."""
    spec = scenario("pkvm", SWIOTLB, host=host)
    assert bus_mb_per_s(profile_of(spec), spec.cluster.host) == mb_per_s


def test_what_a_drive_moves_passes_the_bus_once() -> None:
    """Copies for nothing, and a drive of 20 GB/s whose 1 MiB the bus takes in at 5 GB/s: four times as long."""
    block: Values = {"kind": "block", "rw": "randread", "bs": "1MiB", "iodepth": 1, "rate_iops": 1}
    host: Values = {"storage": {"rate": "20GB/s"}, "memory_bandwidth": "5GB/s"}
    spec = scenario("none", {"kind": "direct"}, guest={"workloads": [block]}, host=host, profile="free")
    given = submissions(*(np.array([value], np.int64) for value in (0, 0, 0, 1 << 20, 10**9, 0)))
    (done,) = run(engine_of(spec), given)
    assert done["ended_ns"] - done["submitted_ns"] == pytest.approx((1 << 20) / 5, rel=THOUSANDTH)
    assert done["ledger"][Category.BANDWIDTH_WAIT] == pytest.approx((1 << 20) * (1 / 5 - 1 / 20), rel=THOUSANDTH)


def test_pages_that_an_accept_zeroes_pass_the_bus_once() -> None:
    """On TDX 760 pages of 4 KiB at 1 us each ask for 4.1 GB/s of a bus of 2 GB/s."""
    spec = scenario("tdx", CONVERT_4K, host={"memory_bandwidth": "2GB/s"})
    engine, done = in_turn(spec, [0], journal_entries=200)
    entries = engine.gauges().journal()
    writes = entries[engine.spec.steps["op"][entries["step"]] == Op.SPEND_WRITING]
    spent = {int(row["category"]): int(row["spent_ns"]) for row in writes}
    assert spent[Category.ACCEPT_ZERO] == PAGES * ACCEPT["tdx"]
    assert spent[Category.BANDWIDTH_WAIT] == pytest.approx(PAGES * 4096 / 2 - PAGES * ACCEPT["tdx"], rel=THOUSANDTH)
    assert done["ledger"][0, Category.BANDWIDTH_WAIT] > spent[Category.BANDWIDTH_WAIT], "and its copy waits, too"


@pytest.mark.parametrize(("protection", "build_ns"), [("none", 610), ("pkvm", 3_610), ("tdx", 1_000_000)])
def test_an_image_is_zeroed_and_then_written_over_the_bus(protection: str, build_ns: int) -> None:
    """Of 256 pages each is allocated within 1.34 us, and built; at 1 GB/s a page takes 4.096 us each time."""
    guest: Values = {"workloads": [{"kind": "boot", "image": "1MiB"}]}
    spec = scenario(protection, {"kind": "direct"}, guest=guest, host=SLOW_BUS)
    (done,) = run(engine_of(spec), arrivals([(0, 0, 0)], 256 * 4_096))
    assert done["ledger"][Category.ACCEPT_ZERO] == 256 * (1_340 + build_ns)
    waits_ns = 256 * (4_096 - 1_340 + max(4_096 - build_ns, 0))
    assert done["ledger"][Category.BANDWIDTH_WAIT] == pytest.approx(waits_ns, rel=THOUSANDTH)
    assert done["ledger"].sum() == done["ended_ns"] - done["submitted_ns"]


@pytest.mark.parametrize(
    ("protection", "fault_ns"),
    [("pkvm", [2_910, 4_340]), ("sev-snp", [2_340, 2_340]), ("tdx", [2_340, 4_040]), ("cca", [2_910, 1_340])],
)
def test_pages_that_a_fault_allocates_are_zeroed_over_the_bus(protection: str, fault_ns: list[int]) -> None:
    """With two backings (G0) 760 pages are allocated on the way to the host, and again on the way back.

    At 1 GB/s zeroing a page takes 4.096 us, more than most faults; with one backing (G3) faults do not use the bus.
    """
    waits_ns = {}
    for generation in ("G0", "G3"):
        memory: Values = {"generation": generation}
        engine, _ = in_turn(scenario(protection, CONVERT_4K, host=SLOW_BUS, memory=memory), [0], journal_entries=300)
        entries = engine.gauges().journal()
        steps = engine.spec.steps[entries["step"]]
        faults = entries[(steps["op"] == Op.SPEND_WRITING) & (steps["argument"] == Count.ALLOCATED)]
        assert (faults["category"] == Category.FAULT).any()
        waits_ns[generation] = faults[faults["category"] == Category.BANDWIDTH_WAIT]["spent_ns"].sum()
    assert waits_ns["G3"] == 0
    assert waits_ns["G0"] == pytest.approx(PAGES * sum(max(4_096 - each, 0) for each in fault_ns), rel=3 * THOUSANDTH)
