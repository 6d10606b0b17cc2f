"""What guests of one host wait for: its CPUs, EL2's lock, copy engines, IOMMU, storage, network card, bus and cache.

Each resource has a case in which users wait by a hand-made sum, and one in which there is enough of it for all.
"""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.planning.placement import NOWHERE, place_guests
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import HostSpec, ScenarioSpec
from tests.unit.hand_prices import CONVERT_4K, COPY, DIRECT, INJECT, PAGES, UNMAP, WORKER, pool
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, run, scenario

MIB = 1 << 20
KICK_NS = 1_255
"""A doorbell of an unprotected guest."""
MS = 1_000_000
BUS: Values = {"memory_bandwidth": "73.2GB/s"}


def on_host(spec: ScenarioSpec, **host: JsonValue) -> ScenarioSpec:
    """The same guests on a host of other parts."""
    plain = spec.cluster.host.model_dump(mode="json", by_alias=True) | host
    plain["storage"] = {"jitter": 0} | plain["storage"]
    cluster = spec.cluster.model_copy(update={"host": HostSpec.model_validate(plain)})
    return spec.model_copy(update={"cluster": cluster})


def in_order(done: Records) -> Records:
    ordered: Records = done[np.lexsort((done["frame"], done["stream"]))]
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"] - ordered["submitted_ns"]).all()
    return ordered


def at_once(spec: ScenarioSpec, guests: int, size_bytes: int = RAW_1080P, direction: int = 0) -> Records:
    """A transfer of each guest, all at the start, in the order of the guests."""
    done = run(engine_of(spec), arrivals([(0, guest, 0) for guest in range(guests)], size_bytes, direction))
    assert len(done) == guests
    return in_order(done)


def booked(done: Records, category: Category) -> list[int]:
    found: list[int] = done["ledger"][:, category].tolist()
    return found


@pytest.mark.parametrize(
    ("cpus", "waits", "ends"),
    [
        (1, [2_480, 2_480 + 5_900 + MS], [2_400 + 2 * 2_480 + 5_900 + MS, 2_400 + 2 * 2_480 + 2 * (5_900 + MS)]),
        (2, [0, 0], [2_400 + 2_480 + 5_900 + MS] * 2),
    ],
)
def test_two_guests_take_turns_on_the_one_cpu_that_both_are_placed_on(
    cpus: int, waits: list[int], ends: list[int]
) -> None:
    """Both workers serve and interrupt for 2.48 us each, then one vCPU after the other works for 1 ms."""
    guest: Values = {"count_per_host": 2, "vcpus": 1}
    spec = on_host(scenario("pkvm", pool("none"), guest=guest, consume="1ms"), cpus=cpus, vcpus_per_cpu=2)
    done = at_once(spec, 2)
    assert booked(done, Category.QUEUE_WAIT) == waits
    assert done["ended_ns"].tolist() == ends


@pytest.mark.parametrize("guests", [1, 2, 4])
def test_conversions_of_all_guests_share_el2s_lock(guests: int) -> None:
    """Each page's stage-2 entry changes under it: 2 us to share, 3 us to unshare; n guests take n times as long."""
    done = at_once(scenario("pkvm", CONVERT_4K, guest={"count_per_host": guests}), guests)
    under_lock_ns = PAGES * (2_000 + 3_000)
    assert booked(done, Category.LOCK_WAIT) == [(guests - 1) * under_lock_ns] * guests
    assert booked(done, Category.PAGE_TABLE) == [under_lock_ns + UNMAP] * guests
    assert booked(done, Category.HYPERCALL) == [2 * PAGES * 500] * guests


@pytest.mark.parametrize(("lock", "waits"), [("host", 760 * (850 + 400)), ("none", 0), ("auto", 0)])
def test_a_definition_may_ask_what_one_lock_for_all_conversions_would_do(lock: str, waits: int) -> None:
    """Two SNP guests, a page's PVALIDATE, RMP and write-back 850 ns to share and its RMP 400 ns to unshare under it."""
    done = at_once(on_host(scenario("sev-snp", CONVERT_4K, guest={"count_per_host": 2}), conversion_lock=lock), 2)
    assert booked(done, Category.LOCK_WAIT) == [waits] * 2


ENGINE = (RAW_1080P - 1) * 34_953 // MIB
"""A frame's copy by the engine, at 30 GB/s."""
SUBMIT_NS = 750


@pytest.mark.parametrize(
    ("engine", "guests", "waits", "spun_ns"),
    [
        ({"engines": 1}, 1, [0], 0),
        ({"engines": 1}, 3, [0, ENGINE, 2 * ENGINE], 2 * ENGINE),
        ({"engines": 1, "depth": 1}, 3, [0, SUBMIT_NS + ENGINE, 2 * (SUBMIT_NS + ENGINE)], 2 * (SUBMIT_NS + ENGINE)),
    ],
    ids=["alone", "one-engine", "depth-1"],
)
def test_guests_wait_for_the_copy_engine_with_a_cpu_in_hand(
    engine: JsonValue, guests: int, waits: list[int], spun_ns: int
) -> None:
    """In a deep queue all submit at once; one of depth 1 is full until the copy before has ended."""
    path = {**pool("producer"), "copier": "engine"}
    done = at_once(on_host(scenario("pkvm", path, guest={"count_per_host": guests}), engine=engine), guests)
    assert booked(done, Category.QUEUE_WAIT) == waits
    assert booked(done, Category.ENGINE_COPY) == [SUBMIT_NS + ENGINE] * guests
    assert booked(done, Category.BANDWIDTH_WAIT) == [0] * guests
    assert done["cpu_ns"][-1, 1] == WORKER + SUBMIT_NS + ENGINE + spun_ns + INJECT


def test_a_second_engine_is_waited_for_by_nobody_but_the_bus_is_short() -> None:
    """Two engines ask for 120 GB/s of a bus of 73.2."""
    path = {**pool("producer"), "copier": "engine"}
    spec = on_host(scenario("pkvm", path, guest={"count_per_host": 2}), engine={"engines": 2}, **BUS)
    done = at_once(spec, 2)
    assert booked(done, Category.QUEUE_WAIT) == [0, 0]
    asked = 2 * RAW_1080P * 2_000 / ENGINE
    assert booked(done, Category.BANDWIDTH_WAIT) == pytest.approx([ENGINE * (asked / 73_200 - 1)] * 2, rel=0.001)


def test_a_worker_whose_engine_interrupts_serves_the_ring_meanwhile() -> None:
    """With two frames of one queue, the second is submitted while the engine copies the first."""
    path = {**pool("producer"), "copier": "engine"}
    for completion, wait_ns in (("poll", WORKER + SUBMIT_NS + ENGINE + INJECT), ("interrupt", WORKER + SUBMIT_NS)):
        spec = on_host(scenario("pkvm", path), engine={"completion": completion})
        done = in_order(run(engine_of(spec, journal_entries=100), arrivals([(0, 0, 0), (0, 0, 1)])))
        engine_wait_ns = 0 if completion == "poll" else ENGINE - 2_000 - SUBMIT_NS
        assert done["ledger"][1, Category.QUEUE_WAIT] == wait_ns + engine_wait_ns


@pytest.mark.parametrize("guests", [1, 2, 3])
def test_guests_invalidate_one_after_the_other_in_the_iommu(guests: int) -> None:
    """DMA into 760 pages: mapped at 1.47 + 0.6 us each by all at once, unmapped at 1.72 + 0.13 us each in turn."""
    map_ns, unmap_ns = 1_470 + PAGES * 600, 1_720 + PAGES * 130
    done = at_once(scenario("none", {**DIRECT, "copier": "device"}, guest={"count_per_host": guests}), guests)
    assert booked(done, Category.LOCK_WAIT) == [guest * unmap_ns for guest in range(guests)]
    assert booked(done, Category.PAGE_TABLE) == [map_ns + unmap_ns] * guests
    worker_ns = [WORKER + map_ns + (guest + 1) * unmap_ns + INJECT for guest in range(guests)]
    assert done["cpu_ns"][:, 1].tolist() == worker_ns, "the worker spins"


def test_what_stays_mapped_in_the_iommu_waits_for_nobody() -> None:
    done = at_once(scenario("none", {**pool("producer"), "copier": "device"}, guest={"count_per_host": 3}), 3)
    assert booked(done, Category.LOCK_WAIT) == booked(done, Category.PAGE_TABLE) == [0, 0, 0]


@pytest.mark.parametrize(("parallel", "waits"), [(1, [0, 1, 2]), (2, [0, 0, 1]), (3, [0, 0, 0])])
def test_requests_beyond_what_the_storage_serves_at_a_time_wait(parallel: int, waits: list[int]) -> None:
    read: Values = {"kind": "block", "rw": "randread", "rate_iops": 1}
    spec = scenario("none", pool("none"), guest={"count_per_host": 3, "workloads": [read]})
    done = at_once(on_host(spec, storage={"parallel": parallel, "latency": "100us"}), 3, 4096)
    assert booked(done, Category.QUEUE_WAIT) == [100_000 * wait for wait in waits]
    assert booked(done, Category.STORAGE) == [100_000] * 3


@pytest.mark.parametrize(
    ("storage", "served"),
    [
        ({"rate": "1GB/s"}, [100_000 + 4_096, 100_000 + 4_096, 100_000 + 4_096]),
        ({"request_rate": "1GB/s"}, [104_096] * 3),
        ({"rate": "2GB/s", "request_rate": "1GB/s"}, [104_096] * 3),
        ({"rate": "1GB/s", "request_rate": "2GB/s"}, [104_096] * 3),
    ],
)
def test_requests_share_the_drives_bandwidth_and_each_has_a_bound_of_its_own(
    storage: Values, served: list[int]
) -> None:
    """Three requests of 4 KiB at once: 1 GB/s is 1,048,576 ns a MiB, 4,096 ns each; latency is side by side."""
    read: Values = {"kind": "block", "rw": "randread", "rate_iops": 1}
    spec = scenario("none", pool("none"), guest={"count_per_host": 3, "workloads": [read]})
    done = at_once(on_host(spec, storage={"latency": "100us", **storage}), 3, 4096)
    shared_ns = {"1GB/s": 4_096, "2GB/s": 2_048}.get(str(storage.get("rate")), 0)
    assert booked(done, Category.STORAGE) == served
    assert booked(done, Category.QUEUE_WAIT) == [shared_ns * turn for turn in range(3)]


PACKET_BYTES = 1_250
PACKET_NS = 10_000
"""A packet of 1250 bytes at 1 Gb/s."""


def networked(directions: list[str]) -> ScenarioSpec:
    """A guest for each direction, on a host whose network card carries 1 Gb/s."""
    spec = scenario("none", pool("none"))
    groups = []
    for number, direction in enumerate(directions):
        packets: Values = {"kind": "network", "direction": direction, "rate_pps": 1, "size": "1250B"}
        group: Values = {"name": f"g{number}", "count_per_host": 1, "vcpus": 1, "memory": "1GiB"}
        groups.append(spec.guests[0].model_validate({**group, "workloads": [packets]}))
    return on_host(spec.model_copy(update={"guests": tuple(groups)}), nic={"rate": "1Gb/s"})


def test_guests_that_send_wait_for_the_network_card() -> None:
    done = at_once(networked(["to_device"] * 3), 3, PACKET_BYTES, 1)
    assert booked(done, Category.QUEUE_WAIT) == [0, PACKET_NS, 2 * PACKET_NS]
    assert booked(done, Category.NETWORK) == [PACKET_NS] * 3
    assert (done["handed_ns"] == KICK_NS + WORKER + PACKET_NS * np.arange(1, 4)).all()


@pytest.mark.parametrize(("apart_ns", "waits"), [(0, [0, 1, 2]), (4_000, [0, 0.6, 1.2]), (PACKET_NS, [0, 0, 0])])
def test_packets_that_come_faster_than_the_card_takes_them_in_wait(apart_ns: int, waits: list[float]) -> None:
    """A packet alone is in when its last bit is; one that comes too early behind another waits for its turn."""
    spec = networked(["from_device"] * 3)
    done = in_order(run(engine_of(spec), arrivals([(MS + guest * apart_ns, guest, 0) for guest in range(3)], 1_250)))
    assert booked(done, Category.NETWORK) == [PACKET_NS * wait for wait in waits]
    assert booked(done, Category.QUEUE_WAIT) == [0, 0, 0]


def test_what_is_sent_does_not_wait_for_what_is_received() -> None:
    engine = engine_of(networked(["from_device", "to_device"]))
    frames = arrivals([(MS, 0, 0), (MS, 1, 0)], PACKET_BYTES)
    done = in_order(run(engine, frames._replace(direction=np.array([0, 1]))))
    assert booked(done, Category.QUEUE_WAIT) == [0, 0]
    assert booked(done, Category.NETWORK) == [0, PACKET_NS]


GUESTS = 8
HOT = 186_000
"""A copy of a frame that finds both of its ends in the cache."""


def second_turn(spec: ScenarioSpec, guests: int) -> Records:
    """A transfer of each guest, all at once, after each has had one before."""
    frames = [(turn * 100 * MS, guest, turn) for turn in range(2) for guest in range(guests)]
    done = in_order(run(engine_of(spec), arrivals(frames)))
    assert len(done) == 2 * guests
    second: Records = done[done["frame"] == 1]
    return second


@pytest.mark.parametrize(("times", "copy_ns", "bus_milli"), [(4, HOT, 0), (0.4, COPY, 2_000)])
def test_streams_that_fit_the_cache_together_leave_the_bus_alone(times: float, copy_ns: int, bus_milli: int) -> None:
    """Each stream's one buffer is read and written: 2 F a stream, and all of them lie between two turns of one."""
    spec = on_host(scenario("pkvm", pool("producer"), guest={"count_per_host": GUESTS}, buffers=1), **BUS)
    done = second_turn(on_host(spec, llc=f"{round(times * GUESTS * 2 * RAW_1080P)}B"), GUESTS)
    asked = GUESTS * RAW_1080P * bus_milli / copy_ns
    assert booked(done, Category.HOST_COPY) == [copy_ns] * GUESTS
    waits = [max(copy_ns * (asked / 73_200 - 1), 0)] * GUESTS
    assert booked(done, Category.BANDWIDTH_WAIT) == pytest.approx(waits, rel=0.003)


def test_a_cache_that_is_large_enough_for_one_guest_is_not_for_eight() -> None:
    """2 F of 8 F, and 16 F."""
    for guests, copy_ns in ((1, HOT), (8, COPY)):
        spec = scenario("pkvm", pool("producer"), guest={"count_per_host": guests}, buffers=1)
        done = second_turn(on_host(spec, llc=f"{8 * RAW_1080P}B"), guests)
        assert booked(done, Category.HOST_COPY) == [copy_ns] * guests


@pytest.mark.parametrize(("huge_pool", "refused_for"), [("12GiB", ["", "", ""]), ("11GiB", ["", "", "huge_pages"])])
def test_guests_of_huge_pages_are_refused_when_the_hosts_pool_is_used_up(
    huge_pool: str, refused_for: list[str]
) -> None:
    """Three guests of 4 GiB, on a host that has memory for all."""
    spec = scenario("pkvm", CONVERT_4K, guest={"count_per_host": None, "count": 3})
    huge = spec.memory.model_validate({"generation": "G4", "huge_page": "2MiB"})
    spec = on_host(spec.model_copy(update={"memory": huge}), huge_pool=huge_pool)
    placed = place_guests(spec, (1, 0)).placed
    assert [place.refused_for for place in placed] == refused_for
    assert [place.host for place in placed] == [NOWHERE if why else 0 for why in refused_for]
    small = spec.model_copy(update={"memory": spec.memory.model_validate({})})
    assert all(place.host == 0 for place in place_guests(small, (1, 0)).placed), "4 KiB pages are not from the pool"


def test_the_storages_own_time_varies_around_its_mean_and_a_closed_loop_falls_out_of_step() -> None:
    """64 requests of 100 us, 10 % either way; without jitter all take the same."""
    for jitter, least, most in ((0, 100_000, 100_000), (10, 90_000, 110_000)):
        read: Values = {"kind": "block", "rw": "randread", "iodepth": 4}
        spec = scenario("none", pool("none"), guest={"workloads": [read]})
        engine = engine_of(on_host(spec, storage={"latency": "100us", "jitter": jitter}))
        done = run(engine, submissions(*(np.zeros(0, np.int64) for _ in range(5))), 2_000_000)
        stored = done["ledger"][:, Category.STORAGE]
        assert len(done) > 60
        assert least <= stored.min() <= stored.max() <= most
        assert len(set(stored.tolist())) == (1 if jitter == 0 else len(done))
