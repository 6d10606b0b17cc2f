"""What drivers do when the bounce pool is full: requeue, drop, refill later, fail to queue; and pools that grow."""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import Arrivals, submissions
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.runtime.host_tables import HostTables
from tests.unit.hand_prices import LOCK_HANDOVER, MAP_PIECE, UNMAP_PIECE
from tests.unit.lone_host import Values, engine_of, run, scenario

KIB, MIB, MS = 1 << 10, 1 << 20, 1_000_000
SMALL_POOL: Values = {"kind": "swiotlb", "mapping": "per_transfer", "pool": "1MiB", "areas": 1}
"""Four slot sets."""
QUARTERS: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 512, "height": 256, "format": "yuv422", "fps": 1},
    "deadline": "1s",
}
"""Frames of 256 KiB, a slot set each."""
PROBE_NS, SERVE_RING = 2, 2_000


def guest_of(path: Values, *workloads: Values, protection: str = "pkvm") -> HostEngine:
    """One guest of 32 vCPUs; the network card takes 256 KiB in within 6 us."""
    guest: Values = {"vcpus": 32, "workloads": list(workloads)}
    return engine_of(scenario(protection, path, guest=guest, host={"nic": {"rate": "400Gb/s"}}))


def transfers(rows: list[tuple[int, int, int, int]], direction: int = 0) -> Arrivals:
    """Transfers as (instant, stream, number, bytes)."""
    at_ns, stream, frame, size = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return submissions(at_ns, stream, frame, size, at_ns + 10**9, np.full(len(rows), direction))


def frames(*, height: int, buffers: int) -> Values:
    """A stream of frames of so many KiB."""
    source: Values = {"kind": "raw", "width": 512, "height": height, "format": "yuv422", "fps": 1}
    return {"kind": "video", "source": source, "deadline": "1s", "buffers": buffers, "consume": "10ms"}


def in_order(done: Records) -> Records:
    ordered: Records = done[np.lexsort((done["frame"], done["stream"]))]
    return ordered


def dropped_for(done: Records, reason: DropReason) -> list[int]:
    rows = done[(done["outcome"] == Ending.DROPPED) & (done["reason"] == reason)]
    found: list[int] = rows["frame"].tolist()
    return found


def refused(engine: HostEngine) -> int:
    """Mappings that found no slots, pool by pool added up."""
    return int(engine.gauges().pools().slots_refused.sum())


def test_a_request_without_slots_is_mapped_when_one_of_its_queue_completes() -> None:
    """Data of 256 KiB takes a set, three more mappings a slot each. By next fit the first request's lie in the second
    set, and the second request's in the last: the third finds no set whole. All map at once, under the one area's lock.
    """
    block: Values = {"kind": "block", "bs": "256KiB", "iodepth": 3, "rate_iops": 1}
    engine = guest_of(SMALL_POOL, block)
    done = in_order(run(engine, transfers([(0, 0, n, 256 * KIB) for n in range(3)])))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert refused(engine) == 1
    probes_ns = done["ledger"][:, Category.SLOTS] - 4 * (MAP_PIECE + UNMAP_PIECE)
    assert probes_ns[0] == 0, "the first request finds each place at once"
    assert (probes_ns % PROBE_NS == 0).all()
    searched_ns, in_vain_ns = probes_ns[1], probes_ns[2] - probes_ns[1]
    assert in_vain_ns > searched_ns > 0, "asked again, it searches as far as the second did"
    first_ns = 4 * MAP_PIECE
    second_ns = LOCK_HANDOVER + MAP_PIECE + searched_ns
    unmapped_ns = done["ended_ns"][0] - 4 * UNMAP_PIECE
    assert done["ledger"][2, Category.QUEUE_WAIT] == unmapped_ns - (first_ns + second_ns + in_vain_ns)
    lock_ns = first_ns + second_ns + 4 * UNMAP_PIECE + LOCK_HANDOVER
    assert done["ledger"][2, Category.LOCK_WAIT] == lock_ns, "then it waits for the first one's unmapping"


def test_who_comes_after_a_refused_request_stands_behind_it() -> None:
    """4 KiB would find slots at once; it lets the refused request ask again, in vain, and waits for it."""
    block: Values = {"kind": "block", "bs": "256KiB", "iodepth": 4, "rate_iops": 1}
    engine = guest_of(SMALL_POOL, block)
    rows = [(0, 0, n, 256 * KIB) for n in range(3)] + [(20_000, 0, 3, 4 * KIB)]
    done = in_order(run(engine, transfers(rows)))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert refused(engine) == 2
    unmapped_ns = done["ended_ns"][0] - 4 * UNMAP_PIECE
    assert done["ledger"][2, Category.QUEUE_WAIT] < unmapped_ns < done["ended_ns"][3]
    assert done["ledger"][3, Category.QUEUE_WAIT] > unmapped_ns - 20_000


FULL: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1024, "height": 512, "format": "yuv422", "fps": 1},
    "deadline": "1s",
}
"""Frames of 1 MiB: one holds all of the pool for 500 us."""


@pytest.mark.parametrize(("second_ns", "waits_ns"), [(None, 3 * MS), (2 * MS, 2 * MS - 50_000 + SERVE_RING)])
def test_a_queue_with_nothing_in_flight_runs_after_a_delay_or_when_a_request_comes(
    second_ns: int | None, waits_ns: int
) -> None:
    """A frame holds the pool when the request comes; nothing of the request's own queue will complete.

    Behind the storage the worker serves the other request's ring first.
    """
    block: Values = {"kind": "block", "bs": "4KiB", "iodepth": 4, "rate_iops": 1}
    engine = guest_of(SMALL_POOL, FULL, block)
    rows = [(0, 0, 0, MIB), (50_000, 1, 0, 4 * KIB)] + ([] if second_ns is None else [(second_ns, 1, 1, 4 * KIB)])
    done = in_order(run(engine, transfers(rows)))
    requests = done[done["stream"] == 1]
    assert (requests["outcome"] == Ending.DELIVERED).all()
    assert refused(engine) == 1
    assert requests["ledger"][0, Category.QUEUE_WAIT] == waits_ns
    assert done["ended_ns"][0] < 50_000 + MS


@pytest.mark.parametrize("throttle", [False, True])
def test_throttled_requests_map_one_at_a_time_above_the_mark(throttle: bool) -> None:  # noqa: FBT001
    """32 KiB takes 16 of 512 slots, the mark is 358: 23 map freely, the 24th has the turn.

    The others wait for each other's unmapping. Without a throttle 32 find slots, and two are refused.
    """
    engine, done = of_a_slow_drive("nvme", throttle=throttle)
    assert int(engine.gauges().pools().slots_hiwater[0]) == 16 * (24 if throttle else 32)
    assert (refused(engine) == 0) == throttle
    unmapped_ns = done["ended_ns"] - UNMAP_PIECE
    mapped_ns = done["submitted_ns"] + done["ledger"][:, Category.QUEUE_WAIT]
    assert (mapped_ns[24] > unmapped_ns[23]) == throttle


def test_throttled_virtio_blk_holds_19_slots_for_as_much() -> None:
    """Six requests fit a set of 128 slots: 19 map freely, the twentieth has the turn; without a throttle 24 fit."""
    free, engine = (of_a_slow_drive("virtio-blk", throttle=throttle)[0] for throttle in (False, True))
    hiwater = [int(each.gauges().pools().slots_hiwater[0]) for each in (free, engine)]
    assert hiwater == [19 * 24, 19 * 20]
    assert refused(free) > refused(engine) == 0


def of_a_slow_drive(driver: str, *, throttle: bool) -> tuple[HostEngine, Records]:
    """34 reads of 32 KiB, one each 20 us, of a drive that takes a millisecond."""
    block: Values = {"kind": "block", "driver": driver, "bs": "32KiB", "iodepth": 34, "rate_iops": 1}
    guest: Values = {"vcpus": 64, "workloads": [block]}
    slow: Values = {"storage": {"latency": "1ms"}}
    engine = engine_of(scenario("pkvm", SMALL_POOL | {"throttle": throttle}, guest=guest, host=slow))
    done = in_order(run(engine, transfers([(20_000 * n, 0, n, 32 * KIB) for n in range(34)])))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert engine.state.servers["held"].sum() == 0
    return engine, done


def test_disks_with_a_pool_each_hold_back_their_own_requests_alone() -> None:
    """As above, a pool each, of whose slots 48 are for rings and lists: 20 map freely, the 21st has its disk's turn.

    Of either disk five wait, and none for the other's turn.
    """
    block: Values = {"kind": "block", "driver": "nvme", "bs": "32KiB", "iodepth": 26, "rate_iops": 1}
    guest: Values = {"vcpus": 64, "workloads": [block, block]}
    slow: Values = {"storage": {"latency": "1ms", "parallel": 64}, "memory_bandwidth": 0}
    path = SMALL_POOL | {"throttle": True, "restricted": True}
    engine = engine_of(scenario("pkvm", path, guest=guest, host=slow))
    done = in_order(run(engine, transfers([(20_000 * n, disk, n, 32 * KIB) for n in range(26) for disk in (0, 1)])))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert int(engine.gauges().pools().slots_hiwater[0]) == 2 * (48 + 16 * 21)
    waited = done["ledger"][:, Category.QUEUE_WAIT] > 100_000
    assert [int(waited[done["stream"] == disk].sum()) for disk in (0, 1)] == [5, 5]
    first, second = (done["ended_ns"][done["stream"] == disk] for disk in (0, 1))
    assert abs(first - second).max() < 20_000, "neither stands behind the other"


@pytest.mark.parametrize(("unmapped", "waits"), [(2, True), (3, False)])
def test_throttling_goes_on_down_to_the_low_mark_while_one_has_the_turn(unmapped: int, waits: bool) -> None:  # noqa: FBT001
    """Of 20 requests of 19 slots, two that are done leave 342, three leave 323: the mark is 332 of 512."""
    block: Values = {"kind": "block", "bs": "32KiB", "iodepth": 26, "rate_iops": 1}
    guest: Values = {"vcpus": 32, "workloads": [block]}
    spec = scenario("pkvm", SMALL_POOL | {"throttle": True}, guest=guest, host={"storage": {"latency": "1ms"}})
    asked = [(20_000 * n, 0, n, 32 * KIB) for n in range(20)]
    ended_ns = in_order(run(engine_of(spec), transfers(asked)))["ended_ns"]
    late_ns = int(ended_ns[unmapped - 1]) + 5_000
    assert late_ns < ended_ns[unmapped] - 4 * UNMAP_PIECE
    done = in_order(run(engine_of(spec), transfers([*asked, (late_ns, 0, 20, 32 * KIB)])))
    mapped_ns = late_ns + done["ledger"][20, Category.QUEUE_WAIT]
    assert (mapped_ns > done["ended_ns"][19] - 4 * UNMAP_PIECE) == waits


def test_packets_to_send_are_dropped_when_the_pool_is_full_and_nothing_is_held_back() -> None:
    """64 KiB takes two pieces of 16 slots and two of one: by next fit four sets of 128 hold fourteen of these.

    They are still being copied when the last of twenty asks.
    """
    network: Values = {"kind": "network", "direction": "to_device", "size": "64KiB", "ring": 64, "rate_pps": 1}
    engine = guest_of(SMALL_POOL, network)
    done = in_order(run(engine, transfers([(0, 0, n, 64 * KIB) for n in range(20)], 1)))
    assert dropped_for(done, DropReason.SWIOTLB_FULL) == [14, 15, 16, 17, 18, 19]
    assert (done["outcome"][:14] == Ending.DELIVERED).all()
    assert (done["ended_ns"][14:] < 20 * (4 * MAP_PIECE + LOCK_HANDOVER + 1_000)).all(), "a drop waits for nothing"
    assert int(engine.gauges().pools().slots_refused[0]) == 6
    assert int(engine.gauges().pools().slots_hiwater[0]) == 14 * 34


def test_a_receive_ring_that_ran_empty_is_filled_again_after_half_a_second() -> None:
    """A frame holds the whole pool while the first packet comes; what comes before the refill finds no buffer."""
    network: Values = {"kind": "network", "size": "1500B", "ring": 4, "rate_pps": 1}
    rows = [
        (0, 0, 0, MIB),
        (50_000, 1, 0, 1500),
        (100 * MS, 1, 1, 1500),
        (499 * MS, 1, 2, 1500),
        (501 * MS, 1, 3, 1500),
    ]
    done = in_order(run(guest_of(SMALL_POOL, FULL, network), transfers(rows)))
    packets = done[done["stream"] == 1]
    assert dropped_for(packets, DropReason.SWIOTLB_FULL) == [0]
    assert dropped_for(packets, DropReason.RING_EMPTY) == [1, 2]
    assert packets["outcome"][3] == Ending.DELIVERED


def test_a_ring_in_which_something_is_left_is_not_empty() -> None:
    """Of five packets of 256 KiB at once the fifth finds no slots; its ring is not empty, and the next packet goes."""
    network: Values = {"kind": "network", "size": "256KiB", "ring": 8, "rate_pps": 1}
    rows = [(0, 0, n, 256 * KIB) for n in range(5)] + [(10 * MS, 0, 5, 256 * KIB)]
    done = in_order(run(guest_of(SMALL_POOL, network), transfers(rows)))
    assert dropped_for(done, DropReason.SWIOTLB_FULL) == [4]
    assert done["outcome"][5] == Ending.DELIVERED


def test_a_frame_that_cannot_be_mapped_is_not_queued() -> None:
    """A frame of 1080p takes 12 mappings of 256 KiB, the pool has four sets: QBUF fails."""
    video: Values = {
        "kind": "video",
        "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
        "deadline": "16ms",
    }
    engine = guest_of(SMALL_POOL, video)
    done = run(engine, transfers([(0, 0, 0, 3_110_400)]))
    assert dropped_for(done, DropReason.SWIOTLB_FULL) == [0]
    assert int(engine.gauges().pools().slots_used[0]) == 0


def test_buffers_that_find_no_slots_to_stay_mapped_in_are_not_used() -> None:
    """Five buffers of 256 KiB in 1 MiB: four are mapped, the fifth is not, and a fifth frame waits for one of them."""
    engine = guest_of(SMALL_POOL | {"mapping": "long_lived"}, frames(height=256, buffers=5))
    assert int(engine.gauges().guests()["unmapped_buffers"][0]) == 1
    done = in_order(run(engine, transfers([(0, 0, n, 256 * KIB) for n in range(5)])))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert done["ledger"][0, Category.QUEUE_WAIT] == 0
    assert done["ledger"][4, Category.QUEUE_WAIT] == done["ended_ns"][0]


@pytest.mark.parametrize(("buffers", "height", "mapped"), [(3, 512, 0), (2, 512, 2), (4, 320, 0), (3, 256, 3)])
def test_videobuf2_starts_with_three_buffers_or_all_that_it_was_asked_for(
    buffers: int, height: int, mapped: int
) -> None:
    """1 MiB holds two buffers of 512 KiB, two of 320 KiB, a set and a quarter each, or four of 256 KiB."""
    engine = guest_of(SMALL_POOL | {"mapping": "auto"}, frames(height=height, buffers=buffers))
    assert int(engine.gauges().guests()["unmapped_buffers"][0]) == buffers - mapped
    assert int(engine.gauges().pools().slots_used[0]) == mapped * height // 2, "what is given up holds no slots"
    done = run(engine, transfers([(0, 0, 0, height * KIB)]))
    assert dropped_for(done, DropReason.SWIOTLB_FULL) == ([] if mapped else [0])


@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
@pytest.mark.parametrize("generation", ["G0", "G1", "G3"])
def test_what_a_pool_grew_by_is_held_and_exposed_from_then_on(protection: str, generation: str) -> None:
    """Six frames of 256 KiB ask more of 1 MiB than it has, so that 1 MiB is added before the second six come."""
    held, shared = {}, {}
    for dynamic in (False, True):
        path = SMALL_POOL | ({"dynamic": True, "grow": "1MiB"} if dynamic else {})
        spec = scenario(protection, path, memory={"generation": generation}, guest={"workloads": [QUARTERS]})
        engine = engine_of(spec)
        run(engine, transfers([(0, 0, n, 256 * KIB) for n in range(6)]))
        held[dynamic] = HostTables(0, engine).guests().column("held_bytes").to_pylist()[0]
        shared[dynamic] = int(engine.gauges().guests()["shared_pages"][0])
    assert held[True] - held[False] == MIB
    assert shared[True] - shared[False] == (0 if protection == "none" else MIB // 4096), (
        "all is open without protection"
    )


@pytest.mark.parametrize(("dynamic", "dropped"), [(False, [4, 5]), (True, [])])
def test_a_pool_that_may_grow_lends_transient_slots_until_it_has(dynamic: bool, dropped: list[int]) -> None:  # noqa: FBT001
    """Six frames of 256 KiB: four fill the pool, two take transient pools of the guest's 512 KiB for these."""
    path = SMALL_POOL | ({"dynamic": True, "grow": "2MiB"} if dynamic else {})
    engine = guest_of(path, QUARTERS, protection="sev-snp")
    shared_pages = int(engine.gauges().guests()["shared_pages"][0])
    rows = [(0, 0, n, 256 * KIB) for n in range(6)] + [(100 * MS, 0, n, 256 * KIB) for n in range(6, 12)]
    done = in_order(run(engine, transfers(rows)))
    assert dropped_for(done[:6], DropReason.SWIOTLB_FULL) == dropped
    assert dropped_for(done[6:], DropReason.SWIOTLB_FULL) == [each + 6 for each in dropped]
    grown_pages = MIB // 4096 if dynamic else 0
    assert int(engine.gauges().guests()["grown_pages"][0]) == grown_pages
    assert int(engine.gauges().guests()["shared_pages"][0]) == shared_pages + grown_pages
    assert int(engine.state.pools.pools["transient_used"][0]) == 0
