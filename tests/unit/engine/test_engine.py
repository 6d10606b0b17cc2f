"""The event loop: order, servers, sharing, buffers, the pool when full, the end of a run."""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.heap import ENTRY, pop, push
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.shared_resources import (
    HOST_LOCK,
    MEMORY_BANDWIDTH,
    first_due,
    idle_shares,
    join,
    leave,
    room_for_jobs,
)
from cluster_sim.engine.state import NOBODY, POSTED
from cluster_sim.memory.swiotlb import SLOT_BYTES
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import NO_ARRIVALS, HostEngine
from tests.unit.hand_prices import CONVERT_4K, COPY, INJECT, INTERRUPT, SWIOTLB, WORKER, pool
from tests.unit.lone_host import FAR_NS, RAW_1080P, arrivals, engine_of, run, scenario

PRODUCER: dict[str, JsonValue] = {"kind": "shared_pool", "copy": "producer"}


def by_frame(done: Records) -> Records:
    ordered: Records = done[np.lexsort((done["frame"], done["stream"]))]
    return ordered


def test_simultaneous_events_go_by_the_sequence_in_which_they_were_made() -> None:
    heap = np.zeros(8, ENTRY)
    for size, (key, sequence, item) in enumerate([(5, 1, 10), (3, 2, 11), (5, 3, 12), (3, 4, 13), (5, 0, 14)]):
        push(heap, size, key, sequence, item)
    assert [pop(heap, size) for size in range(5, 0, -1)] == [11, 13, 14, 10, 12]


def test_at_one_instant_copies_end_before_timers_and_timers_before_arrivals() -> None:
    """Stream 1's copy ends, and so does stream 0's serving of the ring, just when stream 2's frame arrives."""
    spec = scenario("pkvm", PRODUCER, guest={"count_per_host": 3})
    copy_ends_ns = WORKER + COPY
    engine = engine_of(spec, journal_entries=100)
    second_ns = copy_ends_ns - WORKER
    run(engine, arrivals([(0, 1, 0), (second_ns, 0, 0), (copy_ends_ns, 2, 0)]), FAR_NS)
    entries = engine.gauges().journal()
    at_instant = [
        (int(entry["transfer"]), Category(int(entry["category"])).name)
        for entry in entries
        if entry["started_ns"] + entry["spent_ns"] == copy_ends_ns
    ]
    assert [category for _, category in at_instant] == ["HOST_COPY", "NOTIFY"]
    begun = [int(entry["transfer"]) for entry in entries if entry["started_ns"] == copy_ends_ns]
    assert len(begun) == 3


def test_a_worker_serves_first_come_first_served() -> None:
    engine = engine_of(scenario("pkvm", PRODUCER))
    done = by_frame(run(engine, arrivals([(0, 0, 0), (1, 0, 1), (2, 0, 2)]), FAR_NS))
    served = 2_000 + COPY + INJECT
    assert done["ledger"][:, Category.QUEUE_WAIT].tolist() == [0, 2_400 + served - 1, 2_400 + 2 * served - 2]
    assert (np.diff(done["ended_ns"]) == served).all(), "a worker that runs already is not woken again"


def test_a_guest_has_as_many_vcpus_as_it_has() -> None:
    spec = scenario("pkvm", {"kind": "shared_pool", "copy": "none"}, consume="1ms", guest={"vcpus": 1})
    done = by_frame(run(engine_of(spec), arrivals([(0, 0, 0), (0, 0, 1)]), FAR_NS))
    first_ns = WORKER + INTERRUPT["pkvm"] + 1_000_000
    assert done["ended_ns"].tolist() == [first_ns, first_ns + 1_000_000], "no interrupt while one is handled"


def shares_of(capacity: int) -> tuple[Records, Records]:
    return idle_shares(capacity), room_for_jobs(8)


def test_jobs_that_fit_run_at_full_speed() -> None:
    shares, jobs = shares_of(300)
    for item, demand in enumerate((100, 200)):
        join(shares, jobs, MEMORY_BANDWIDTH, 0, 1_000, demand, item, item)
    assert shares["next_ns"][MEMORY_BANDWIDTH] == 1_000


def test_equal_jobs_share_a_saturated_resource_equally() -> None:
    shares, jobs = shares_of(100)
    for item in range(4):
        join(shares, jobs, MEMORY_BANDWIDTH, 0, 1_000, 100, item, item)
    assert shares["next_ns"][MEMORY_BANDWIDTH] == 4_000


def test_unequal_jobs_slow_down_alike_and_speed_up_when_one_leaves() -> None:
    shares, jobs = shares_of(100)
    for item, (alone_ns, demand) in enumerate(((1_000, 100), (2_000, 50), (4_000, 50))):
        join(shares, jobs, MEMORY_BANDWIDTH, 0, alone_ns, demand, item, item)
    ends = []
    for demand in (100, 50, 50):
        at_ns = int(shares["next_ns"][MEMORY_BANDWIDTH])
        ends.append((at_ns, first_due(jobs, MEMORY_BANDWIDTH)))
        leave(shares, jobs, MEMORY_BANDWIDTH, at_ns, demand)
    # all at half speed until 2,000; then demands fit: 1,000 more, then the last 2,000
    assert ends == [(2_000, 0), (3_000, 1), (5_000, 2)]
    assert shares["saturated_ns"][MEMORY_BANDWIDTH] == 2_000


def test_a_job_that_joins_late_slows_the_others_from_then_on() -> None:
    shares, jobs = shares_of(100)
    join(shares, jobs, HOST_LOCK, 0, 1_000, 1_000_000, 0, 0)
    join(shares, jobs, HOST_LOCK, 600, 1_000, 1_000_000, 1, 1)
    assert shares["next_ns"][HOST_LOCK] == 600 + 2 * 400


def test_copies_that_ask_for_more_than_the_bus_carries_take_longer_by_just_that() -> None:
    """Eight hosts' copies of 2 bus bytes a byte: 8 × 2 × 9.03 GB/s against 73.2 GB/s."""
    spec = scenario("pkvm", PRODUCER, guest={"count_per_host": 8}, host={"memory_bandwidth": "73.2GB/s"})
    done = run(engine_of(spec), arrivals([(0, stream, 0) for stream in range(8)]), FAR_NS)
    demand = RAW_1080P * 2_000 // COPY
    slowed_ns = COPY * 8 * demand / 73_200
    assert demand * 8 > 73_200
    waits = done["ledger"][:, Category.BANDWIDTH_WAIT]
    assert (abs(waits - (slowed_ns - COPY)) <= 1).all()
    assert (done["ledger"][:, Category.HOST_COPY] == COPY).all()


def test_a_stream_without_a_free_buffer_drops_or_waits_as_told() -> None:
    frames = [(number, 0, number) for number in range(3)]
    dropping = engine_of(scenario("pkvm", PRODUCER, buffers=2, when_full="drop_newest"))
    done = by_frame(run(dropping, arrivals(frames), FAR_NS))
    assert done["outcome"].tolist() == [Ending.DELIVERED, Ending.DELIVERED, Ending.DROPPED]
    assert done["reason"].tolist() == [0, 0, DropReason.NO_BUFFER]
    assert done["ended_ns"][2] == done["submitted_ns"][2]
    waiting = engine_of(scenario("pkvm", PRODUCER, buffers=2, when_full="wait"))
    done = by_frame(run(waiting, arrivals(frames), FAR_NS))
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert done["ledger"][2, Category.QUEUE_WAIT] > 0


def test_a_full_bounce_pool_drops_the_frame_and_gives_all_back() -> None:
    engine = engine_of(scenario("pkvm", {"kind": "swiotlb", "mapping": "per_transfer", "pool": "4MiB"}, buffers=4))
    done = by_frame(run(engine, arrivals([(0, 0, 0), (1, 0, 1)]), FAR_NS))
    assert done["outcome"].tolist() == [Ending.DELIVERED, Ending.DROPPED]
    assert done["reason"].tolist() == [0, DropReason.SWIOTLB_FULL]
    at_rest(engine)


def at_rest(engine: HostEngine, lasting_slots: int = 0) -> None:
    """Nothing held, nobody waiting, all usable buffers free or posted, and all slots but those of what is posted.

    `lasting_slots` are held from the start to the end.
    """
    state, posted = engine.state, engine.state.buffers["is_busy"] == POSTED
    assert engine.in_flight == 0
    assert (state.servers["held"] == 0).all()
    assert (state.wait_queues["first"] == NOBODY).all()
    assert (state.streams["free_buffers"] + state.streams["posted_buffers"] == state.streams["usable_buffers"]).all()
    assert state.streams["posted_buffers"].sum() == posted.sum()
    slots = -(-state.buffers["mapped_bytes"][posted] // SLOT_BYTES)
    assert state.pools.pools["slots_used"].sum() == slots.sum() + lasting_slots
    assert (state.shares["jobs"] == 0).all()
    assert (state.shares["demand"] == 0).all()


@pytest.mark.parametrize("path", [SWIOTLB, CONVERT_4K, PRODUCER])
@pytest.mark.parametrize("end_ns", [1, 100, 5_000, 200_000, 1_000_000, 2_500_000])
def test_what_is_in_flight_at_the_end_is_booked_up_to_the_end(path: dict[str, JsonValue], end_ns: int) -> None:
    engine = engine_of(scenario("pkvm", path, guest={"count_per_host": 4}, buffers=1))
    frames = sorted((number, stream, number) for stream in range(4) for number in range(2))
    ended = run(engine, arrivals([frame for frame in frames if frame[0] < end_ns]), end_ns)
    unfinished = engine.finish()
    assert (unfinished["outcome"] == Ending.UNFINISHED).all()
    assert (unfinished["ended_ns"] == end_ns).all()
    assert (unfinished["ledger"].sum(axis=1) == end_ns - unfinished["submitted_ns"]).all()
    assert len(ended) + len(unfinished) == sum(frame[0] < end_ns for frame in frames)


@pytest.mark.parametrize("path", [SWIOTLB, CONVERT_4K, pool("consumer")])
def test_cutting_the_run_into_windows_changes_nothing(path: dict[str, JsonValue]) -> None:
    spec = scenario("tdx", path, guest={"count_per_host": 3}, buffers=2, when_full="drop_newest")
    frames = [(number * 4_000_000 + stream * 1_000, stream, number) for number in range(20) for stream in range(3)]
    end_ns = 100_000_000
    results = []
    for window_ns in (end_ns, 25_000_000, 7_777_777, 1_000_000):
        engine = engine_of(spec)
        done = []
        for start_ns in range(0, end_ns, window_ns):
            until_ns = min(start_ns + window_ns, end_ns)
            inside = [frame for frame in frames if start_ns <= frame[0] < until_ns]
            done.append(run(engine, arrivals(inside) if inside else NO_ARRIVALS, until_ns))
        results.append(by_frame(np.concatenate([*done, engine.finish()])))
    for other in results[1:]:
        for field in ("ended_ns", "outcome", "ledger", "cpu_ns", "exits", "conversions"):
            assert (other[field] == results[0][field]).all(), field


def test_guest_memory_changes_no_result_and_hardly_the_state() -> None:
    sizes = {}
    latencies = set()
    for memory in ("1GiB", "64GiB", "1TiB"):
        engine = engine_of(scenario("sev-snp", CONVERT_4K, guest={"memory": memory}))
        sizes[memory] = sum(array.nbytes for array in engine.state.tree)
        latencies.add(int(run(engine, arrivals([(0, 0, 0)]))["ended_ns"][0]))
    assert len(latencies) == 1
    assert sizes["1TiB"] - sizes["1GiB"] < 1023 * (32 + 512 * 32 + 8 * 2) + 4096


def test_a_conversion_holds_the_hosts_lock_against_all_guests_on_pkvm_only() -> None:
    for protection, waits in (("pkvm", True), ("tdx", False)):
        engine = engine_of(scenario(protection, CONVERT_4K, guest={"count_per_host": 2}))
        done = run(engine, arrivals([(0, 0, 0), (0, 1, 0)]), FAR_NS)
        assert (done["ledger"][:, Category.LOCK_WAIT] > 0).all() == waits


def test_exposure_is_pages_times_time() -> None:
    engine = engine_of(scenario("pkvm", CONVERT_4K))
    run(engine, arrivals([(0, 0, 0)]), 10_000_000)
    unshare_begins_ns = 760 * 2_500 + 2_600 + WORKER + 760 * 1_570 + COPY + INTERRUPT["pkvm"]
    before = engine.state.guests.copy()
    assert engine.gauges().guests()["shared_page_ns"][0] == 760 * unshare_begins_ns
    assert engine.state.guests.tobytes() == before.tobytes(), "a question changes nothing"
    assert engine.gauges().guests()["shared_pages"][0] == 0
    pooled = engine_of(scenario("pkvm", {"kind": "shared_pool", "copy": "none", "pool": "64MiB"}))
    run(pooled, NO_ARRIVALS, 1_000)
    assert pooled.gauges().guests()["shared_page_ns"][0] == 64 * 256 * 1_000


def test_a_doorbell_is_not_rung_while_the_worker_runs() -> None:
    engine = engine_of(scenario("pkvm", SWIOTLB))
    done = by_frame(run(engine, arrivals([(0, 0, 0), (100_000, 0, 1)]), FAR_NS))
    assert done["exits"].tolist() == [2, 0], "nor is the guest interrupted while it handles the first"
    assert done["ledger"][:, Category.EXIT].tolist() == [2_600, 0]


@pytest.mark.parametrize(("early_ns", "outcome"), [(0, Ending.DELIVERED), (1, Ending.DROPPED)])
def test_a_step_that_ends_goes_before_an_arrival_at_the_same_instant(early_ns: int, outcome: int) -> None:
    """One buffer: a frame that comes when the one before it ends finds it free; 1 ns earlier it does not."""
    spec = scenario("pkvm", pool("none"), buffers=1, when_full="drop_newest")
    delivered_ns = WORKER + INTERRUPT["pkvm"]
    done = by_frame(run(engine_of(spec), arrivals([(0, 0, 0), (delivered_ns - early_ns, 0, 1)]), FAR_NS))
    assert done["outcome"].tolist() == [Ending.DELIVERED, outcome]
