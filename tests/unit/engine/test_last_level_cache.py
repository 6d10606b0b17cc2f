"""What copies find in the last-level cache by what has passed it since: hand-made sums on small caches.

A raw frame of 64 KiB, on long-lived bounce buffers: the host copies from its own memory to the slots, the guest from
these to its own memory. That touches 3 x 64 KiB a buffer; the slots are touched twice.
"""

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.last_level_cache import (
    ALL,
    CACHES,
    EPOCHS,
    STEPS_A_CACHE,
    WAYS,
    begin_epoch,
    found_by_distance,
    touch,
)
from cluster_sim.engine.state import Host
from cluster_sim.io_paths.steps import End
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import COPY, LONG_LIVED, SWIOTLB, pool
from tests.unit.lone_host import RAW_1080P, Values, in_turn, scenario, workload_sizes

KIB, MIB = 1 << 10, 1 << 20
SIZE = 64 * KIB
COLD_NS, ONE_END_NS, BOTH_ENDS_NS = 7_175, 4_610, 1_330
APART_NS = 1_000_000


def frames_of(size: int) -> Values:
    """A source of raw frames of a size."""
    assert size % 768 == 0
    return {"kind": "raw", "width": 512, "height": size // 768, "format": "nv12", "fps": 60}


def copies_of(path: Values, frames: int, *, llc: str, buffers: int, size: int = SIZE, **host: int | str) -> Records:
    """Journal entries of the copies of so many frames, far apart."""
    source = frames_of(RAW if size % 768 else size)
    spec = scenario("pkvm", path, host={"llc": llc, **host}, buffers=buffers, buffer="1MiB", source=source)
    instants = [n * APART_NS for n in range(frames)]
    engine, _ = in_turn(spec, instants, frame_bytes=size, journal_entries=60 * frames)
    journal = engine.gauges().journal()
    copies: Records = journal[np.isin(journal["category"], [Category.GUEST_COPY, Category.HOST_COPY])]
    return copies


RAW = 786_432


def small_host(llc_bytes: int) -> Host:
    spec = scenario("pkvm", LONG_LIVED, host={"llc": f"{llc_bytes}B"}, buffers=4)
    plan = plan_host(spec, profile_of(spec), workload_sizes(spec))
    return Host(plan.spec, plan.state)


def test_all_lines_are_found_at_no_distance_half_of_them_at_a_cache_and_none_at_two() -> None:
    """With 16 ways, 16 others are expected at a cache's distance: P[fewer than 16 of Poisson(16)] = 0.4667."""
    table = found_by_distance().tolist()
    assert WAYS == 16
    assert table[0] == ALL
    assert table[STEPS_A_CACHE // 2] == round(0.9918 * ALL)
    assert table[STEPS_A_CACHE] == round(0.4667 * ALL)
    assert table[CACHES * STEPS_A_CACHE :] == [0, 0]
    assert table == sorted(table, reverse=True)


def test_what_a_transfer_has_just_copied_it_finds() -> None:
    """Two copies to the guest of a lone frame: the second reads what the first wrote."""
    copies = copies_of(LONG_LIVED, 1, llc="32MiB", buffers=1)
    assert copies["spent_ns"].tolist() == [COLD_NS, ONE_END_NS]


def test_without_a_cache_all_copies_are_cold() -> None:
    assert copies_of(LONG_LIVED, 3, llc="0", buffers=1)["spent_ns"].tolist() == [COLD_NS] * 6


def test_the_chain_of_a_1080p_frames_copies_is_what_a_review_measured_within_15_percent() -> None:
    """10 rotating buffers, 32 MiB of cache: 400 us to map, 275 for the host's copy, 165 to unmap; 850 in all."""
    source: Values = {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60}
    spec = scenario("pkvm", SWIOTLB, host={"llc": "32MiB"}, buffers=10, source=source)
    engine, _ = in_turn(spec, [0], frame_bytes=RAW_1080P, journal_entries=60)
    journal = engine.gauges().journal()
    found = journal["spent_ns"][np.isin(journal["category"], [Category.GUEST_COPY, Category.HOST_COPY])].tolist()
    assert found == [COPY, pytest.approx(242_000, rel=0.02), pytest.approx(186_000, rel=0.02)]
    for ns, measured_us in zip(found, (400, 275, 165), strict=True):
        assert ns == pytest.approx(measured_us * 1000, rel=0.16)
    assert sum(found) == pytest.approx(850_000, rel=0.15)


def test_buffers_that_come_round_within_the_cache_are_hot_from_their_second_turn_on() -> None:
    copies = copies_of(LONG_LIVED, 6, llc="32MiB", buffers=3)["spent_ns"].tolist()
    assert copies == [COLD_NS, ONE_END_NS] * 3 + [BOTH_ENDS_NS, BOTH_ENDS_NS] * 3


def test_buffers_that_come_round_outside_of_it_are_cold_each_time() -> None:
    """40 buffers of 192 KiB are 7.5 MiB: 7.5 times the cache."""
    copies = copies_of(LONG_LIVED, 80, llc="1MiB", buffers=40)["spent_ns"].tolist()
    assert copies[-2:] == [COLD_NS, pytest.approx(ONE_END_NS, rel=0.01)]


def test_one_buffer_more_never_changes_a_copy_by_more_than_its_part_of_the_cache() -> None:
    """A buffer is 192 KiB of 4 MiB, 3/64 of the cache, in which the share falls by 8 % at most where it is steepest.

    So two copies, from 2,536 ns to 11,785, change by no more than 16 % of the difference from two buffers more.
    """
    sums = [int(copies_of(LONG_LIVED, 4 * n, llc="4MiB", buffers=n)["spent_ns"][-2 * n :].sum()) // n for n in BUFFERS]
    steps = np.diff(sums)
    assert sums[0] == pytest.approx(2 * BOTH_ENDS_NS, rel=0.02)
    assert sums[-1] == pytest.approx(COLD_NS + ONE_END_NS, rel=0.02)
    assert (steps >= -100).all()
    assert steps.max() <= 0.16 * (sums[-1] - sums[0])


BUFFERS = range(8, 44, 2)


@pytest.mark.parametrize(("pool_bytes", "finds"), [("512KiB", ALL), ("64MiB", 0)])
def test_the_slots_of_a_small_pool_are_in_the_cache_when_the_search_comes_by_again(pool_bytes: str, finds: int) -> None:
    """One frame at a time walks 8 or 1,024 places; its two private buffers stay in the cache of 8 MiB."""
    copies = copies_of({**SWIOTLB, "pool": pool_bytes}, 40, llc="8MiB", buffers=2)
    maps = copies["found"][::3]
    assert maps[20:, 1].tolist() == [finds] * 20
    assert (maps[20:, 0] == ALL).all()


def test_what_another_stream_copies_pushes_out_what_was_there() -> None:
    """Buffers of 192 KiB in 1 MiB: alone they are hot; once others moved 16 MiB they are not."""
    host = small_host(MIB)
    assert [touch(host, 0, End.OWN, SIZE), touch(host, 0, End.OWN, SIZE)] == [0, ALL]
    for _ in range(64):
        touch(host, 0, -1, 256 * KIB)
        begin_epoch(host)
    assert touch(host, 0, End.OWN, SIZE) == 0


def test_a_larger_transfer_finds_no_more_than_the_last_one_touched() -> None:
    host = small_host(32 * MIB)
    touch(host, 1, End.OWN, SIZE)
    assert touch(host, 1, End.OWN, 4 * SIZE) == ALL // 4
    assert touch(host, 1, End.OWN, SIZE) == ALL


def test_bytes_are_counted_where_they_were_touched_last() -> None:
    """However often it is touched, a memory takes no more of the cache than its size."""
    host = small_host(32 * MIB)
    for turn in range(3 * EPOCHS):
        for buffer in range(4):
            touch(host, buffer, End.OWN, SIZE)
            touch(host, buffer, End.DEVICE, 2 * SIZE)
        if turn % 2:
            begin_epoch(host)
    assert host.state.cache["held_bytes"].sum() == 4 * 3 * SIZE


def test_what_was_touched_long_ago_is_found_as_long_as_little_has_come_since() -> None:
    """More epochs than are kept, of the same 64 KiB: nothing else came to the front."""
    host = small_host(32 * MIB)
    touch(host, 0, End.OWN, SIZE)
    for _ in range(3 * EPOCHS):
        touch(host, 1, End.OWN, SIZE)
        begin_epoch(host)
    assert touch(host, 0, End.OWN, SIZE) == ALL


def test_hot_copies_leave_the_bus_alone_and_others_move_what_they_miss_and_what_they_make_dirty() -> None:
    """Cold, then from warm slots to cold memory; from the second turn on, all is there and dirty already."""
    copies = copies_of(LONG_LIVED, 2, llc="32MiB", buffers=1)
    bus = 2 * ALL - copies["found"][:, 0] - copies["found"][:, 2]
    assert bus.tolist() == [2 * ALL, ALL, 0, 0]


def test_memory_that_was_only_read_is_written_back_once_it_was_written() -> None:
    """Mapping reads the private buffer and unmapping writes it: found, but clean."""
    copies = copies_of(SWIOTLB, 1, llc="32MiB", buffers=1)
    assert copies["found"].tolist() == [[0, 0, 0], [0, ALL, ALL], [ALL, ALL, 0]]
    bus = 2 * ALL - copies["found"][:, 0] - copies["found"][:, 2]
    assert bus.tolist() == [2 * ALL, ALL, ALL]


def test_a_bus_that_is_short_slows_cold_copies_and_no_hot_ones() -> None:
    """64 KiB cold ask for 131,072 B in 7,175 ns = 18.3 GB/s of 9."""
    path = pool("producer")
    source = frames_of(786_432)
    spec = scenario("pkvm", path, host={"llc": "32MiB", "memory_bandwidth": "9GB/s"}, buffers=1, source=source)
    _, done = in_turn(spec, [0, APART_NS], frame_bytes=SIZE)
    waits = done["ledger"][:, Category.BANDWIDTH_WAIT].tolist()
    assert waits == [pytest.approx(131_072 / 9 - COLD_NS, rel=0.01), 0]
