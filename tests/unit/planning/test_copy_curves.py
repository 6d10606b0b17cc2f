"""Copies by the ends that are in the cache: measured points, what is still there on another host, and no jump anywhere.

Cold: 7,175 ns for 64 KiB, 137,475 for 1 MiB, 257,000 for 2 MiB, then 11.6 GB/s = 90,394 ns a MiB. The chains were
measured on a machine with 32 MiB of last-level cache.
"""

from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.engine.booking import copy_alone_ns
from cluster_sim.io_paths.steps import Mover
from cluster_sim.planning.copy_curves import CopyCurve, CopyCurves, CpuCopies, bus_mb_per_s, hot_share
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.profile import load_profile
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import ClusterSpec
from tests.unit.hand_prices import COPY, LONG_LIVED, SWIOTLB
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, run, scenario, workload_sizes

MIB = 1 << 20
P010_2160P = 24_883_200
HOT_2M = 53_000
SIZES = [1 << power for power in range(6, 28)]
COLD_64K, SECOND_64K, THIRD_64K = 7_175, 4_610, 1_330


@cache
def curves_on(llc: str) -> CopyCurves:
    host = {"cpus": 8, "memory": "64GiB", "llc": llc}
    return CopyCurves(load_profile("pkvm"), ClusterSpec.model_validate({"hosts": 1, "host": host}))


def of_ends(
    curves: CopyCurves, *, hot: Fraction = Fraction(0), mean: int = RAW_1080P, under_way: int = 1
) -> list[CopyCurve]:
    """The curves of a guest's copies with no, one and both ends in the cache."""
    numbers = curves.of_stream(CpuCopies(hot, mean, under_way))
    return [curves.rows[numbers[ends * len(Mover) + Mover.GUEST]] for ends in range(3)]


def copies_of(path: Values, frame_bytes: int, *, mean: int = RAW_1080P, **host: int | str) -> list[int]:
    """What each copy of a lone frame to the guest takes, in their order; `mean` is that of its stream."""
    assert mean % 768 == 0, "lines of 512 pixels"
    source: Values = {"kind": "raw", "width": 512, "height": mean // 768, "format": "nv12", "fps": 60}
    spec = scenario("pkvm", path | {"pool": "1GiB"}, host={"llc": "32MiB", **host}, buffer="64MiB", source=source)
    engine = engine_of(spec, journal_entries=100, is_alone=True)
    run(engine, arrivals([(0, 0, 0)], frame_bytes))
    journal = engine.gauges().journal()
    is_copy = np.isin(journal["category"], [Category.GUEST_COPY, Category.HOST_COPY])
    found: list[int] = journal["spent_ns"][is_copy].tolist()
    return found


def test_the_chain_of_a_1080p_frames_copies_is_what_the_review_measured_within_15_percent() -> None:
    """10 rotating buffers, 32 MiB of cache: 400 us to map, 275 for the host's copy, 165 to unmap; 850 in all."""
    found = copies_of(SWIOTLB, RAW_1080P)
    assert found == [COPY, 242_000, 186_000]
    for ns, measured_us in zip(found, (400, 275, 165), strict=True):
        assert ns == pytest.approx(measured_us * 1000, rel=0.15)
    assert sum(found) == pytest.approx(850_000, rel=0.15)


def test_a_sync_reads_what_the_host_just_wrote() -> None:
    assert copies_of(LONG_LIVED, RAW_1080P) == [COPY, 242_000]


def test_without_a_cache_all_copies_are_cold() -> None:
    assert copies_of(SWIOTLB, RAW_1080P, llc=0) == [COPY] * 3


@pytest.mark.parametrize(
    ("size", "second_ns", "third_ns"),
    [
        (65_536, SECOND_64K, THIRD_64K),
        (MIB, 93_300, 46_200),
        (RAW_1080P, 242_000, 186_000),
        (P010_2160P, 2_170_000, 2_110_000),
    ],
)
def test_the_measured_points_are_on_the_curves_of_a_host_with_that_cache(
    size: int, second_ns: int, third_ns: int
) -> None:
    _, one, both = of_ends(curves_on(llc="32MiB"))
    assert one.at(size) == second_ns
    assert both.at(size) == third_ns


def test_a_small_warm_copy_takes_the_part_of_a_cold_one_that_64_kib_take() -> None:
    _, one, both = of_ends(curves_on(llc="32MiB"))
    assert one.at(4096) == round(610 * SECOND_64K / COLD_64K) == 392
    assert both.at(4096) == round(610 * THIRD_64K / COLD_64K) == 113


def test_beyond_the_last_measured_size_a_warm_copy_goes_on_as_a_cold_one() -> None:
    _, one, both = of_ends(curves_on(llc="32MiB"))
    mib_ns = 90_394
    assert one.at(P010_2160P + 10 * MIB) == 2_170_000 + 10 * mib_ns
    assert both.at(P010_2160P + 10 * MIB) == 2_110_000 + 10 * mib_ns


def test_with_twice_the_cache_a_frame_of_twice_the_size_takes_the_same_part_of_a_cold_copy() -> None:
    """2 F cold: 257,000 + (6,220,800 - 2,097,152) x 90,394 / 1,048,576 = 612,484 ns; of F the second takes 70.3 %."""
    cold, one, both = of_ends(curves_on(llc="64MiB"))
    twice_ns = 612_484
    assert int(cold.at(2 * RAW_1080P)) == twice_ns
    assert one.at(2 * RAW_1080P) == pytest.approx(twice_ns * 242_000 / COPY, abs=2)
    assert both.at(2 * RAW_1080P) == pytest.approx(twice_ns * 186_000 / COPY, abs=2)


def test_what_else_a_stream_has_under_way_counts_as_a_transfers_own_size() -> None:
    """Four at a time in 32 MiB are one at a time in 8."""
    four, one = (of_ends(curves_on(llc=llc), under_way=count) for llc, count in (("32MiB", 4), ("8MiB", 1)))
    assert [curve.points for curve in four] == [curve.points for curve in one]
    assert [curve.bus_milli for curve in four] == [curve.bus_milli for curve in one]


@pytest.mark.parametrize(("loop", "under_way"), [({"iodepth": 128}, 128), ({"rate_iops": 1000, "iodepth": 128}, 1)])
def test_a_closed_loop_has_all_of_its_buffers_under_way_and_other_transfers_are_alone(
    loop: Values, under_way: int
) -> None:
    """128 of 128 KiB want 32 MiB, source and target: nothing of them is hot."""
    reads: Values = {"kind": "block", "rw": "randread", "bs": "128KiB", **loop}
    spec = scenario("pkvm", SWIOTLB, guest={"workloads": [reads]}, host={"llc": "32MiB"})
    plan = plan_host(spec, profile_of(spec), workload_sizes(spec))
    numbers = plan.spec.streams["curves"][0]
    found = [plan.curves.rows[int(numbers[ends * len(Mover) + Mover.GUEST])].copies for ends in range(3)]
    assert found == [CpuCopies(Fraction(0), 131_072, under_way, ends) for ends in range(3)]


def test_a_larger_cache_never_makes_a_copy_slower() -> None:
    """But for a nanosecond of rounding."""
    by_cache = [of_ends(curves_on(llc=f"{llc}MiB")) for llc in (1, 8, 32, 128, 512)]
    for smaller, larger in pairwise(by_cache):
        for one, other in zip(smaller, larger, strict=True):
            assert all(other.at(size) <= one.at(size) + 1 for size in SIZES)


@pytest.mark.parametrize("llc", ["0B", "1B", "4KiB", "1MiB", "31MiB", "32MiB", "100MiB", "4GiB"])
@pytest.mark.parametrize("hot", [Fraction(0), Fraction(1, 3), Fraction(1)])
def test_time_rises_with_the_size_and_never_jumps(llc: str, hot: Fraction) -> None:
    """One byte more takes at least nothing more, and at most what a byte takes where the curve is steepest."""
    points = [point for curve in of_ends(curves_on(llc=llc), hot=hot) for point in curve.points]
    for curve in of_ends(curves_on(llc=llc), hot=hot):
        near = sorted({max(size + off, 0) for size, _ in [*points, (1 << 30, 0)] for off in (-1, 0, 1)})
        times = [curve.at(size) for size in near]
        assert times == sorted(times)
        for left, right, fewer, more in zip(near, near[1:], times, times[1:], strict=False):
            assert more - fewer <= (right - left) * 0.6 + 1


@given(st.integers(1, 1 << 27), st.integers(1, 1000), st.sampled_from([0, 1, 2]))
def test_the_loop_reads_the_same_time_from_the_table(size: int, llc_mib: int, ends: int) -> None:
    curves = curves_on(llc=f"{llc_mib}MiB")
    numbers = curves.of_stream(CpuCopies(Fraction(1, 2), RAW_1080P))
    number = numbers[ends * len(Mover) + Mover.HOST]
    assert copy_alone_ns(curves.table(), number, size) == int(curves.rows[number].at(size))


@pytest.mark.parametrize("path", [SWIOTLB, LONG_LIVED])
def test_a_frames_latency_rises_with_its_size_and_never_jumps(path: Values) -> None:
    """Across 64 KiB, 1 MiB and the sizes of frames, by a page at a time: 0.6 ns a byte at most, the slots besides."""
    for near in (65_536, MIB, RAW_1080P, P010_2160P):
        times = [sum(copies_of(path, size)) for size in (near - 4096, near, near + 4096)]
        assert 0 < times[1] - times[0] <= 3 * 4096 * 0.6
        assert 0 < times[2] - times[1] <= 3 * 4096 * 0.6


def test_a_stream_that_outgrows_the_cache_slows_down_by_degrees() -> None:
    """10 buffers of F fill half of 32 MiB at 838,860 B and all of it at 1,677,721: from hot to cold no step is wide."""
    sizes = range(786_432, 1_769_472, 49_152)
    times = [copies_of(LONG_LIVED, size, mean=size) for size in sizes]
    sums = [sum(each) for each in times]
    assert all(0 < more - fewer < 49_152 for fewer, more in pairwise(sums)), "1 ns a byte: half of it a warm copy's"
    assert times[0] == pytest.approx([sizes[0] * HOT_2M / (2 * MIB)] * 2, rel=0.05)
    assert times[-1] == pytest.approx([214_000, 147_300], rel=0.001)


@pytest.mark.parametrize(
    ("footprint", "cache", "share"),
    [(0, 100, 1), (50, 100, 1), (51, 100, Fraction(98, 100)), (75, 100, Fraction(1, 2)), (99, 100, Fraction(2, 100))],
)
def test_a_stream_is_hot_in_half_of_its_share_and_from_there_by_degrees(
    footprint: int, cache: int, share: Fraction | int
) -> None:
    assert hot_share(footprint, cache) == share


@pytest.mark.parametrize(("footprint", "cache"), [(100, 100), (101, 100), (0, 0), (1, 0)])
def test_a_stream_that_needs_all_of_its_share_or_has_none_is_not_hot(footprint: int, cache: int) -> None:
    assert hot_share(footprint, cache) == 0


def test_a_stream_that_is_half_hot_takes_the_mean_of_both() -> None:
    cold, one, both = of_ends(curves_on(llc="32MiB"), hot=Fraction(1, 2))
    assert cold.at(2 * MIB) == (257_000 + HOT_2M) / 2
    assert one.at(65_536) == (SECOND_64K + 1_268) / 2
    assert both.made_of == ("hot", "both_ends_warm")
    assert [curve.made_of for curve in of_ends(curves_on(llc="32MiB"), hot=Fraction(1))] == [("hot",)] * 3


@pytest.mark.parametrize("mean", [65_536, MIB, RAW_1080P, P010_2160P, 100 * MIB])
def test_bytes_that_hit_the_cache_do_not_pass_the_bus(mean: int) -> None:
    """2 bytes a copied byte, 1 where an end is found; as many lines are found as time is saved of what 64 KiB save."""
    cold, one, both = of_ends(curves_on(llc="32MiB"), mean=mean)
    assert cold.bus_milli == 2000
    for curve, best in ((one, SECOND_64K / COLD_64K), (both, THIRD_64K / COLD_64K)):
        found = (1 - curve.at(mean) / cold.at(mean)) / (1 - best)
        assert curve.bus_milli == pytest.approx(2000 - 1000 * found, abs=1)
        assert 1000 <= curve.bus_milli <= 2000


def test_of_a_large_frame_nearly_all_passes_the_bus_and_of_a_small_one_half() -> None:
    """Of what 64 KiB save, 35.7 % of the time, one end of F saves 29.7 %, and one of 2160p P010 2.3 %."""
    assert [curve.bus_milli for curve in of_ends(curves_on(llc="32MiB"), mean=65_536)] == [2000, 1000, 1000]
    assert of_ends(curves_on(llc="32MiB"), mean=P010_2160P)[1].bus_milli == 1935
    assert of_ends(curves_on(llc="32MiB"), mean=RAW_1080P)[1].bus_milli == 1169


def test_hot_copies_leave_the_bus_alone() -> None:
    assert [curve.bus_milli for curve in of_ends(curves_on(llc="32MiB"), hot=Fraction(1))] == [0, 0, 0]
    assert of_ends(curves_on(llc="32MiB"), hot=Fraction(1, 4))[0].bus_milli == 1500


def test_the_costs_behind_a_warm_copy_are_its_measured_points_and_those_of_the_cold_copy() -> None:
    curves = curves_on(llc="64MiB")
    _, one, _ = of_ends(curves)
    names = [cost.inputs[0] for cost in curves.costs_around(one, 2 * RAW_1080P)]
    assert names == [
        "copy.zen4_cold_2097152",
        "copy.zen4_stream",
        "copy.zen4_chain_second_3110400",
        "copy.zen4_chain_second_24883200",
    ]


@pytest.mark.parametrize(
    ("written", "mb_per_s"), [("auto", 357_000), ("350GB/s", 350_000), ("1999999B/s", 1), ("0", 1 << 40)]
)
def test_a_host_has_the_bus_that_it_says_or_one_sockets(written: str, mb_per_s: int) -> None:
    spec = scenario("pkvm", SWIOTLB, host={"memory_bandwidth": written})
    assert bus_mb_per_s(load_profile("pkvm"), spec.cluster.host) == mb_per_s
