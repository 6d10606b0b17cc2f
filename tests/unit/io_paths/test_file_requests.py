"""Files on a share of the host's: a request alone by hand, path by technology; several by their bounds.

A request is two round trips without data (128 B each), then 132 KiB in parts of 128 KiB at most: 128 and 4. Each rings,
is served by the daemon, which copies, and interrupts. virtio-fs maps page by page, and beside the data 4 more for what
comes, 5 for what goes.
"""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.integers import NS_PER_S
from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.endings import Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import (
    CONVERT_4K,
    DIRECT,
    HOST_FAULT,
    HOST_UNMAP,
    INTERRUPT,
    INTERRUPT_EXITS,
    KICK,
    LONG_LIVED,
    LOSING_CONTENT,
    MAP_PIECE,
    PROTECTED,
    SWIOTLB,
    TECHNOLOGIES,
    TOUCH_SHARED,
    UNMAP_EXIT,
    UNMAP_PIECE,
    WAKE_WORKER,
    WORKER,
    pool,
    share,
    unshare,
)
from tests.unit.lone_host import Values, engine_of, one_frame, run, scenario

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
KIB = 1 << 10
WHOLE = 132 * KIB
PARTS = (128, 128, 128 * KIB, 4 * KIB)
"""Two answers to LOOKUP or the like, then the data."""
COPY = {128: 34 + (128 - 64) * (127 - 34) // (512 - 64), 4 * KIB: 610, 128 * KIB: 13_637}
"""Cold copies: between measured points, and at them."""
COPIED = sum(COPY[size] for size in PARTS)
PAGES = {128: 1, 4 * KIB: 1, 128 * KIB: 32}
MAPPINGS = {FROM_DEVICE: sum(PAGES[size] + 4 for size in PARTS), TO_DEVICE: sum(PAGES[size] + 5 for size in PARTS)}
PROBED = {FROM_DEVICE: 0, TO_DEVICE: 2}
"""2 x 6 slots, 32 pages of 2 and 5 slots: the last page finds an odd one, and one position on the next even, 2 ns."""
SERVE_RING, SERVE_FILE = 2_000, 10_800
"""What a worker does for a request of a disk, and a daemon for one of a file."""
STORAGE: Values = {"storage": {"latency": "80us", "rate": "2GB/s"}}
SERVED = 2 * (80_000 + WAKE_WORKER) + (4 * KIB + 128 * KIB) // 2
"""Of both parts with data: a request's latency and its bytes at 2 GB/s (524,288 ns a MiB)."""
NO_ARRIVALS = submissions(*(np.zeros(0, np.int64) for _ in range(5)))
WAYS = pytest.mark.parametrize("way", [FROM_DEVICE, TO_DEVICE])


def files(way: Direction, **more: JsonValue) -> Values:
    work: Values = {"kind": "file", "rw": "read" if way == FROM_DEVICE else "write", "work": "constant"}
    return {**work, "bs": "132KiB", "largest": "128KiB", "round_trips": 2, **more}


def alone(protection: str, path: Values, way: Direction, **more: JsonValue) -> np.void:
    """One request; the ledger sums to its latency, and it is as large as what was asked for."""
    row = one_frame(scenario(protection, path, host=STORAGE, guest={"workloads": [files(way, **more)]}), WHOLE, way)
    assert row["ledger"].sum() == row["ended_ns"] - row["submitted_ns"]
    assert (row["outcome"], row["is_intact"], row["bytes"]) == (Ending.DELIVERED, 1, WHOLE)
    return row


def latency_ns(row: np.void) -> int:
    return int(row["ended_ns"] - row["submitted_ns"])


def round_trips(protection: str) -> int:
    """Doorbell, daemon and interrupt of all four, and the guest's thread that each interrupt wakes."""
    return 4 * (KICK[protection] + WORKER - SERVE_RING + SERVE_FILE + INTERRUPT[protection] + WAKE_WORKER)


@WAYS
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_through_swiotlb_each_page_is_a_mapping_and_each_part_a_round_trip(protection: str, way: Direction) -> None:
    row = alone(protection, SWIOTLB, way)
    mapped = MAPPINGS[way] * (MAP_PIECE + UNMAP_PIECE)
    assert latency_ns(row) == round_trips(protection) + mapped + PROBED[way] + (3 if way == FROM_DEVICE else 2) * COPIED
    assert row["exits"] == 4 * (1 + INTERRUPT_EXITS[protection])
    assert row["copied_bytes"].tolist() == [(2 if way == FROM_DEVICE else 1) * sum(PARTS), sum(PARTS), 0]


@WAYS
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_where_mappings_stay_only_copies_and_round_trips_are_left(protection: str, way: Direction) -> None:
    assert latency_ns(alone(protection, LONG_LIVED, way)) == round_trips(protection) + 2 * COPIED


@WAYS
@pytest.mark.parametrize(("copied", "by_guest"), [("none", 0), ("producer", 0), ("consumer", 1), ("both", 1)])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_through_a_shared_pool_the_daemon_copies_whoever_else_does(
    protection: str, copied: str, by_guest: int, way: Direction
) -> None:
    """`producer` and `consumer` are the host when it reads files, and the guest when it writes them."""
    if way == TO_DEVICE and copied in ("producer", "consumer"):
        by_guest = 1 - by_guest
    assert latency_ns(alone(protection, pool(copied), way)) == round_trips(protection) + (1 + by_guest) * COPIED


@WAYS
@pytest.mark.parametrize("protection", PROTECTED)
def test_in_converted_pages_each_part_shares_its_own(protection: str, way: Direction) -> None:
    converted = 0
    for size in PARTS:
        pages = PAGES[size]
        calls = pages if protection == "pkvm" else 1
        converted += share(protection, pages=pages, calls=calls, vmm_exits=1, is_ranged=False)
        converted += pages * HOST_UNMAP + calls * UNMAP_EXIT[protection]
        converted += unshare(protection, pages=pages, calls=calls, vmm_exits=1, is_ranged=False)
    touched = sum(PAGES.values()) + PAGES[128]
    around = round_trips(protection) + converted + touched * HOST_FAULT + COPIED
    copied_out = COPIED if protection in LOSING_CONTENT else 0
    is_touched = way == TO_DEVICE or protection in LOSING_CONTENT
    row = alone(protection, CONVERT_4K, way)
    expected = around + touched * TOUCH_SHARED[protection] * is_touched + copied_out * (way == FROM_DEVICE)
    assert latency_ns(row) == expected
    assert row["converted_pages"] == 2 * touched


@WAYS
@pytest.mark.parametrize("path", [DIRECT, CONVERT_4K], ids=["direct", "convert"])
def test_a_guest_that_nobody_protects_has_the_daemons_copy_alone(path: Values, way: Direction) -> None:
    assert latency_ns(alone("none", path, way)) == round_trips("none") + COPIED


@WAYS
@pytest.mark.parametrize("path", [SWIOTLB, pool("none"), CONVERT_4K], ids=["swiotlb", "pool", "convert"])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_drive_serves_the_parts_with_data_alone(protection: str, path: Values, way: Direction) -> None:
    from_cache, from_drive = (alone(protection, path, way, files=where) for where in ("page_cache", "drive"))
    assert latency_ns(from_drive) - latency_ns(from_cache) == SERVED
    assert from_drive["ledger"][Category.STORAGE] == SERVED - 2 * WAKE_WORKER


@WAYS
def test_each_nanosecond_of_a_request_is_in_its_category(way: Direction) -> None:
    ledger = alone("sev-snp", SWIOTLB, way, files="drive")["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == {
        Category.SLOTS: MAPPINGS[way] * (115 + 116) + PROBED[way],
        Category.EXIT: 4 * 3_553,
        Category.HOST_COPY: COPIED,
        Category.GUEST_COPY: (2 if way == FROM_DEVICE else 1) * COPIED,
        Category.STORAGE: 2 * 80_000 + 67_584,
        Category.NOTIFY: 4 * (2_400 + 10_800 + 480 + 18_157 + 2_400) + 2 * 2_400,
    }


@WAYS
@pytest.mark.parametrize(
    ("bs", "largest", "trips", "parts"),
    [("4KiB", "1MiB", 0, 1), ("4KiB", "1MiB", 3, 4), ("128KiB", "128KiB", 0, 1), ("129KiB", "128KiB", 0, 2)],
)
def test_parts_are_round_trips_and_as_many_as_the_largest_request_makes_them(
    bs: str, largest: str, trips: int, parts: int, way: Direction
) -> None:
    work = files(way, bs=bs, largest=largest, round_trips=trips)
    row = one_frame(scenario("sev-snp", pool("none"), guest={"workloads": [work]}), int(bs[:-3]) * KIB, way)
    assert row["exits"] == parts * (1 + INTERRUPT_EXITS["sev-snp"])
    assert row["ledger"][Category.EXIT] == parts * KICK["sev-snp"]


@WAYS
def test_the_guests_own_work_is_done_once_a_request(way: Direction) -> None:
    own = {"consume": "50us"} if way == FROM_DEVICE else {"produce": "50us"}
    assert alone("tdx", SWIOTLB, way, **own)["ledger"][Category.WORK] == 50_000


def done_by(engine: HostEngine, until_ns: int) -> Records:
    """What ended up to an instant, and what had not ended then; each request once, each nanosecond booked."""
    ended = [run(engine, NO_ARRIVALS, until_ns), engine.finish()]
    done = np.concatenate(ended)
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert int(engine.gauges().totals().submitted.sum()) == len(done)
    return done


@pytest.mark.parametrize("path", [SWIOTLB, CONVERT_4K, pool("both")], ids=["swiotlb", "convert", "pool"])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_each_request_is_delivered_whole_or_unfinished(protection: str, path: Values) -> None:
    """Reads and writes of two sizes, eight at a time in two jobs."""
    sizes: Values = {"4KiB": 50, "300KiB": 50}
    work: Values = {"kind": "file", "rw": "rw", "bssplit": sizes, "largest": "128KiB", "round_trips": 1}
    spec = scenario(protection, path, guest={"vcpus": 4, "workloads": [{**work, "iodepth": 4, "numjobs": 2}]})
    done = done_by(engine_of(spec), NS_PER_S // 50)
    delivered = done[done["outcome"] == Ending.DELIVERED]
    assert set(done["outcome"].tolist()) == {Ending.DELIVERED, Ending.UNFINISHED}
    assert len(done) - len(delivered) == 8
    assert set(delivered["bytes"].tolist()) == {4 * KIB, 300 * KIB}
    assert set(delivered["direction"].tolist()) == {FROM_DEVICE, TO_DEVICE}
    assert (delivered["is_intact"] == 1).all()
    assert np.unique(done[["stream", "frame"]]).size == len(done)


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_part_that_finds_no_slots_waits_and_is_mapped_again(protection: str) -> None:
    """One part of 128 KiB takes 64 slots and 4 to 5 more of 128: two of four requests have theirs at a time at most."""
    path: Values = {"kind": "swiotlb", "pool": "256KiB", "areas": 1}
    work = files(FROM_DEVICE, rw="rw", iodepth=4)
    engine = engine_of(scenario(protection, path, guest={"vcpus": 4, "workloads": [work]}))
    done = done_by(engine, NS_PER_S // 50)
    assert set(done["outcome"].tolist()) == {Ending.DELIVERED, Ending.UNFINISHED}
    assert done["ledger"][:, Category.QUEUE_WAIT].max() > 0
    assert int(engine.gauges().pools().slots_hiwater[0]) <= 128


@pytest.mark.parametrize(("threads", "a_millisecond"), [(1, 1), (2, 2), (4, 4)])
def test_a_thread_of_the_daemon_waits_for_the_drive(threads: int, a_millisecond: int) -> None:
    """Four jobs, one daemon; a drive that takes 1 ms and could serve all of them at a time."""
    host: Values = {
        "workers": {"per": "device", "threads": threads},
        "storage": {"latency": "1ms", "parallel": 64},
    }
    work: Values = {"kind": "file", "bs": "4KiB", "files": "drive", "numjobs": 4}
    spec = scenario("tdx", SWIOTLB, host=host, guest={"vcpus": 8, "workloads": [work]})
    delivered = run(engine_of(spec), NO_ARRIVALS, NS_PER_S // 10)
    assert 0.85 * 100 * a_millisecond <= len(delivered) <= 100 * a_millisecond
    block: Values = {"kind": "block", "numjobs": 4}
    asynchronous = scenario("tdx", SWIOTLB, host=host, guest={"vcpus": 8, "workloads": [block]})
    assert len(run(engine_of(asynchronous), NO_ARRIVALS, NS_PER_S // 10)) > 0.85 * 400
