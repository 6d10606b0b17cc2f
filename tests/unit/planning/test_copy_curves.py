"""Copies by what they find in the cache: measured points, what one end and both ends save, and no jump anywhere.

Cold: 7,175 ns for 64 KiB, 137,475 for 1 MiB, 257,000 for 2 MiB, then 11.6 GB/s = 90,394 ns a MiB. With one end in the
cache 4,610 for 64 KiB and 242,000 for F, with both 1,330 and 186,000; smaller and larger ones by the same parts.
"""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.engine.booking import copy_alone_ns
from cluster_sim.engine.last_level_cache import ALL
from cluster_sim.engine.timed_steps import BOTH_ENDS, ONE_END
from cluster_sim.io_paths.steps import Mover
from cluster_sim.planning.copy_curves import CopyCurves, FoundInCache, bus_mb_per_s
from cluster_sim.platform.profile import load_profile
from cluster_sim.scenario.spec import ClusterSpec
from tests.unit.hand_prices import COPY, SWIOTLB
from tests.unit.lone_host import RAW_1080P, scenario

MIB = 1 << 20
COLD_64K, ONE_END_64K, BOTH_64K = 7_175, 4_610, 1_330
COLD, READ, WRITTEN, BOTH = (FoundInCache(*found) for found in ((0, 0), (ALL, 0), (0, ALL), (ALL, ALL)))
SHARES = st.integers(0, ALL)
COLD_AROUND = ["copy.zen4_cold_65536", "copy.zen4_cold_131072"]


@cache
def curves() -> CopyCurves:
    cluster = {"hosts": 1, "host": {"cpus": 8, "memory": "64GiB", "nic": {"rate": "1GB/s"}}}
    return CopyCurves(load_profile("pkvm"), ClusterSpec.model_validate(cluster))


@pytest.mark.parametrize(
    ("found", "size", "ns"),
    [
        (COLD, 65_536, COLD_64K),
        (READ, 65_536, ONE_END_64K),
        (WRITTEN, 65_536, ONE_END_64K),
        (BOTH, 65_536, BOTH_64K),
        (COLD, 2 * MIB, 257_000),
        (READ, RAW_1080P, 242_000),
        (BOTH, RAW_1080P, 186_000),
        (BOTH, 16_384, round(2_244 * 1_330 / 7_175)),
        (BOTH, 2 * RAW_1080P, 186_000 + RAW_1080P * 48_826 // MIB),
        (COLD, RAW_1080P, COPY),
    ],
)
def test_a_copy_takes_what_was_measured_with_those_ends_in_the_cache(found: FoundInCache, size: int, ns: int) -> None:
    assert curves().by_cpu_ns(size, found) == ns


def test_half_of_one_end_saves_half_of_what_one_end_saves() -> None:
    half = curves().by_cpu_ns(65_536, FoundInCache(ALL // 2, 0))
    assert half == COLD_64K - (COLD_64K - ONE_END_64K) // 2


def test_half_of_both_ends_finds_a_quarter_of_the_lines_at_both_and_half_of_them_at_one() -> None:
    """7,175 - 2,565 / 2 - 5,845 / 4 = 4,431.25."""
    assert curves().by_cpu_ns(65_536, FoundInCache(ALL // 2, ALL // 2)) == 4_432


@given(st.integers(1, 1 << 27), SHARES, SHARES)
def test_what_is_found_never_slows_a_copy_and_never_makes_it_faster_than_within_the_cache(
    size: int, read: int, written: int
) -> None:
    ns = curves().by_cpu_ns(size, FoundInCache(read, written))
    assert curves().by_cpu_ns(size, BOTH) <= ns <= curves().by_cpu_ns(size, COLD)


@given(st.integers(1, 1 << 26), SHARES, SHARES)
def test_a_page_more_never_takes_less_and_never_jumps(size: int, read: int, written: int) -> None:
    found = FoundInCache(read, written)
    more = curves().by_cpu_ns(size + 4096, found) - curves().by_cpu_ns(size, found)
    assert -2 <= more <= 4096 * 0.6 + 2


@given(st.integers(1, 1 << 27), st.sampled_from([*Mover]))
def test_the_loop_reads_the_same_time_from_the_table(size: int, mover: Mover) -> None:
    assert copy_alone_ns(curves().table(), mover, size) == curves().of_mover[mover].at(size)
    assert copy_alone_ns(curves().table(), ONE_END, size) == curves().one_end.at(size)
    assert copy_alone_ns(curves().table(), BOTH_ENDS, size) == curves().both_ends.at(size)


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (COLD, COLD_AROUND),
        (BOTH, [*COLD_AROUND, "copy.zen4_chain_third_65536", "copy.zen4_chain_third_1048576"]),
        (READ, [*COLD_AROUND, "copy.zen4_chain_second_65536", "copy.zen4_chain_second_1048576"]),
    ],
)
def test_the_costs_behind_a_copy_are_those_of_all_that_it_lies_between(found: FoundInCache, names: list[str]) -> None:
    costs = curves().costs_around(Mover.GUEST, 65_537, found)
    assert [name for cost in costs for name in cost.inputs] == names


def test_what_a_definition_says_of_a_card_has_no_costs_behind_it() -> None:
    assert curves().costs_around(Mover.NIC, 1500, COLD) == ()


@pytest.mark.parametrize(
    ("written", "mb_per_s"), [("auto", 357_000), ("350GB/s", 350_000), ("1999999B/s", 1), ("0", 1 << 40)]
)
def test_a_host_has_the_bus_that_it_says_or_one_sockets(written: str, mb_per_s: int) -> None:
    spec = scenario("pkvm", SWIOTLB, host={"memory_bandwidth": written})
    assert bus_mb_per_s(load_profile("pkvm"), spec.cluster.host) == mb_per_s
