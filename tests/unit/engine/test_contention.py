"""What transfers of one guest wait for: vCPUs, workers, area locks, mmu_lock; and what flushes cost by vCPUs.

Each resource has a case in which two users wait by a hand-made sum, and one in which they are apart and do not.
"""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.hand_prices import (
    ACCEPT,
    CONVERT_2M,
    CONVERT_4K,
    COPY,
    FAULTS,
    FLUSH,
    INJECT,
    KICK,
    LAZY,
    LAZY_PRIVATE,
    LAZY_SHARED,
    LOCK_HANDOVER,
    PAGES,
    PIECES,
    SWIOTLB,
    WORKER,
    pool,
    share_frame,
    unshare_frame,
)
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, one_frame, run, scenario

MS = 1_000_000
INTERRUPT_NS = 2_100
"""An interrupt on pKVM of a guest that does not sleep."""
TOLD = WORKER + INJECT
"""The worker's part of a frame that it need not copy."""
WAKE_NS = 3_800
VIDEO: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}


def streams_of_one_guest(
    protection: str,
    path: Values,
    streams: int,
    vcpus: int,
    idle: str = "halt",
    host: Values | None = None,
    **stream: JsonValue,
) -> ScenarioSpec:
    """A guest of several streams."""
    workloads: list[JsonValue] = [{**VIDEO, **stream} for _ in range(streams)]
    return scenario(protection, path, guest={"vcpus": vcpus, "idle": idle, "workloads": workloads}, host=host)


def one_frame_each(spec: ScenarioSpec, streams: int) -> Records:
    """A frame at once on each stream of the host, in the order of the streams."""
    done = run(engine_of(spec), arrivals([(0, stream, 0) for stream in range(streams)]))
    ordered: Records = done[np.argsort(done["stream"])]
    assert len(ordered) == streams
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"]).all()
    return ordered


def booked(done: Records, category: Category) -> list[int]:
    found: list[int] = done["ledger"][:, category].tolist()
    return found


def test_two_streams_wait_for_their_guests_only_vcpu_and_not_for_anothers() -> None:
    """The first is interrupted and works for 1 ms; the second is handed over meanwhile and must wait all that."""
    path = pool("none")
    together = one_frame_each(streams_of_one_guest("pkvm", path, 2, vcpus=1, consume="1ms"), 2)
    held_ns = INTERRUPT_NS + WAKE_NS + MS
    assert booked(together, Category.QUEUE_WAIT) == [0, held_ns]
    assert together["ended_ns"].tolist() == [TOLD + held_ns, TOLD + held_ns + INTERRUPT_NS + MS]
    two_vcpus = one_frame_each(streams_of_one_guest("pkvm", path, 2, vcpus=2, consume="1ms"), 2)
    assert booked(two_vcpus, Category.QUEUE_WAIT) == [0, 0]
    two_guests = one_frame_each(scenario("pkvm", path, guest={"count_per_host": 2, "vcpus": 1}, consume="1ms"), 2)
    assert booked(two_guests, Category.QUEUE_WAIT) == [0, 0]
    assert two_guests["ended_ns"].tolist() == [TOLD + held_ns] * 2


def test_a_third_stream_waits_for_the_first_of_two_vcpus_that_is_free() -> None:
    spec = streams_of_one_guest("pkvm", pool("none"), 3, vcpus=2, consume="1ms")
    done = one_frame_each(spec, 3)
    assert booked(done, Category.QUEUE_WAIT) == [0, 0, INTERRUPT_NS + MS], "the second vCPU was awake already"


def test_two_frames_wait_for_their_queues_worker_and_two_queues_do_not() -> None:
    spec = streams_of_one_guest("pkvm", pool("producer"), 2, vcpus=2)
    one_queue = run(engine_of(spec), arrivals([(0, 0, 0), (0, 0, 1)]))
    assert booked(one_queue[np.argsort(one_queue["frame"])], Category.QUEUE_WAIT) == [0, WORKER + COPY + INJECT]
    assert booked(one_frame_each(spec, 2), Category.QUEUE_WAIT) == [0, 0]


MAP_NS = PIECES * 115
"""The first finds nobody waiting: its mappings are one stretch."""
PROBES_NS = 9 * 2
"""Behind a frame's 11 whole slot sets and 111 slots, the search looks at 9 more positions: 111, 112, 114 … 126."""
TURNS_NS = (PIECES - 1) * (2 * LOCK_HANDOVER + 115)
"""Two that wait for each other map by turns: each further mapping waits for one of the other's, and for the lock's way
there and back.
"""
SECOND_NS = MAP_NS + LOCK_HANDOVER + PROBES_NS + TURNS_NS
THIRD_NS = MAP_NS + 2 * LOCK_HANDOVER + 115 + PROBES_NS + TURNS_NS
BACK_NS = LOCK_HANDOVER
"""What unmapping pays: another stream had the lock meanwhile."""
BEHIND_NS = BACK_NS + PIECES * 116 - 115
"""What unmapping pays behind another who came a turn before, H + 115, and has it for H and all of his mappings."""


@pytest.mark.parametrize(
    ("protection", "areas", "streams", "waits", "slots"),
    [
        ("none", 1, 3, [BACK_NS, SECOND_NS + BACK_NS, THIRD_NS + BEHIND_NS], [0, PROBES_NS, PROBES_NS]),
        ("none", 4, 3, [0, 0, 0], [0, 0, 0]),
        ("none", 2, 3, [BACK_NS, 0, MAP_NS + LOCK_HANDOVER + BACK_NS], [0, 0, PROBES_NS]),
        ("none", "auto", 3, [0, 0, 0], [0, 0, 0]),
        ("pkvm", "auto", 3, [BACK_NS, SECOND_NS + BACK_NS, THIRD_NS + BEHIND_NS], [0, PROBES_NS, PROBES_NS]),
    ],
    ids=["one-area", "four-areas", "two-areas", "an-area-a-vcpu", "restricted-pool"],
)
def test_streams_spin_on_the_lock_of_an_area_that_they_share(
    protection: str, areas: JsonValue, streams: int, waits: list[int], slots: list[int]
) -> None:
    """Each mapping takes the lock, and its lines come from the CPU that had it; a restricted pool has one area."""
    path: Values = {**SWIOTLB, "areas": areas}
    done = one_frame_each(streams_of_one_guest(protection, path, streams, vcpus=4, idle="poll"), streams)
    assert booked(done, Category.LOCK_WAIT) == waits
    assert booked(done, Category.SLOTS) == [PIECES * (115 + 116) + more for more in slots]
    worked_ns = KICK[protection] + 2 * COPY + PIECES * (115 + 116) + {"none": 1_255, "pkvm": INTERRUPT_NS}[protection]
    spun = np.array(waits) + np.array(slots)
    assert (done["cpu_ns"][:, 0] == worked_ns + done["ledger"][:, Category.BANDWIDTH_WAIT] + spun).all()


def test_guests_do_not_share_their_bounce_pools_locks() -> None:
    done = one_frame_each(scenario("pkvm", SWIOTLB, guest={"count_per_host": 3}), 3)
    assert booked(done, Category.LOCK_WAIT) == [0, 0, 0]


SHOT_DOWN = (1 + PAGES) * (4_300 + 100)
"""What another vCPU of a TDX guest pays for the sharing of a frame: the guest's flush, and the host's for each page
interrupt it, each an exit and a flush.
"""
SHOT_BACK = 2 * (4_300 + 100)
"""And for its unsharing, in two exits of 2 MiB: the host drops shared entries, the guest none."""


def test_conversions_write_under_mmu_lock_and_faults_read() -> None:
    """Two streams of a TDX guest of two vCPUs, whose monitor maps nothing ahead. Times from the start; h: from a
    share's end to its interrupt's; X: what another's share costs who has a vCPU meanwhile, U its unshare, paid when he
    leaves it.

    The first shares until T, the second until 2T, and pays X for the first before it leaves. The first's faults find
    the second's share at work and wait from T + h to 2T. Both streams' faults then run together, from 2T to 2T + R
    and from 2T + X + h to E = 2T + X + h + R. The first copies out, and its unshare waits from 2T + R + C until E. It
    writes until E + W and faults private pages in until E + W + P; the second copies out meanwhile, then waits for
    that. The first accepts, and pays X for the second's share and U for its unshare; so does the second for the
    first's unshare.
    """
    share_ns, faults_ns = share_frame("tdx", maps_ahead=False), PAGES * LAZY_SHARED["tdx"]
    private_ns, accept_ns = PAGES * LAZY_PRIVATE["tdx"], PAGES * ACCEPT["tdx"]
    write_ns = unshare_frame("tdx", maps_ahead=False) - private_ns - accept_ns
    handed_ns = KICK["tdx"] + WORKER + FAULTS + COPY + INJECT + 700
    both_read_ns = handed_ns + SHOT_DOWN
    assert COPY < both_read_ns < min(share_ns, faults_ns)
    assert write_ns < COPY
    assert write_ns < accept_ns
    done = one_frame_each(streams_of_one_guest("tdx", CONVERT_4K, 2, vcpus=2, host=LAZY), 2)
    first_waits = (share_ns - handed_ns) + (both_read_ns - COPY)
    second_waits = share_ns + (write_ns + private_ns - COPY)
    assert booked(done, Category.LOCK_WAIT) == [first_waits, second_waits]
    assert booked(done, Category.QUEUE_WAIT) == [0, 0]
    assert booked(done, Category.FAULT) == [FAULTS + faults_ns + private_ns] * 2
    assert booked(done, Category.TLB) == [FLUSH["tdx"] + SHOT_DOWN + SHOT_BACK] * 2
    first_unshared = 2 * share_ns + both_read_ns + faults_ns + write_ns + private_ns
    assert done["ended_ns"].tolist() == [
        first_unshared + accept_ns + SHOT_DOWN + SHOT_BACK,
        first_unshared + write_ns + private_ns + accept_ns + SHOT_BACK,
    ]


def test_guests_have_an_mmu_lock_each() -> None:
    done = one_frame_each(scenario("tdx", CONVERT_4K, guest={"count_per_host": 2}), 2)
    assert booked(done, Category.LOCK_WAIT) == [0, 0]


@pytest.mark.parametrize("vcpus", [1, 2, 8, 64])
def test_a_flush_costs_an_interrupt_to_each_other_vcpu_on_tdx(vcpus: int) -> None:
    """A share flushes once: 0.1 us alone, else an interrupt of 4 us and 0.2 us a target."""
    row = one_frame(scenario("tdx", CONVERT_2M, guest={"vcpus": vcpus}), RAW_1080P)
    assert row["ledger"][Category.TLB] == (100 if vcpus == 1 else 4_000 + (vcpus - 1) * 200)


def test_a_broadcast_invalidation_costs_the_same_whatever_the_vcpus() -> None:
    flushes = {
        int(one_frame(scenario("cca", CONVERT_2M, guest={"vcpus": vcpus}), RAW_1080P)["ledger"][Category.TLB])
        for vcpus in (1, 8, 64)
    }
    assert flushes == {2 * 220}
