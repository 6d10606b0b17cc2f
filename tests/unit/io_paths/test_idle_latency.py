"""A frame from the host to a guest, alone on an idle host: the sum of its steps, by hand, for each path and technology.

Every case has its own sum over the prices of hand_prices.py; what the sums have in common is the worker and interrupt.
"""

import pytest

from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import (
    CALLS,
    CIPHER,
    CONVERT_2M,
    CONVERT_4K,
    CONVERTED,
    COPIERS,
    COPY,
    DIRECT,
    ENGINE_COPY,
    ENGINE_INTERRUPT,
    ENGINE_SUBMIT,
    EXCLUSIVE_FLIP,
    FAULTS,
    GRANULES,
    HOST_FAULT,
    INTERRUPT,
    KICK,
    LONG_LIVED,
    MAP_PIECE,
    MOVED,
    PAGES,
    PIECES,
    PROTECTED,
    REACHED_ONCE,
    SWIOTLB,
    TDX_FLUSH,
    TECHNOLOGIES,
    TOUCH_SHARED,
    UNMAP,
    UNMAP_PIECE,
    WORKER,
    completion,
    convert,
    copied_by,
    pool,
    share_frame,
    unshare_frame,
)
from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

# pKVM keeps content; the others touch the shared pages through a stage-2 that lost them, and copy out.
COPY_OUT = {t: 0 if t == "pkvm" else PAGES * TOUCH_SHARED[t] + COPY for t in PROTECTED}
BOUNCED = PIECES * MAP_PIECE + COPY, COPY + PIECES * UNMAP_PIECE


def ends(protection: str) -> int:
    return WORKER + INTERRUPT[protection]


def check(
    protection: str, path: Values, latency_ns: int, *, host: Values | None = None, memory: Values | None = None
) -> None:
    row = one_frame(scenario(protection, path, host=host, memory=memory, buffers=1), RAW_1080P)
    assert row["ended_ns"] - row["submitted_ns"] == latency_ns
    assert row["ledger"].sum() == latency_ns
    assert row["is_intact"] == 1


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_a_frame_is_copied_at_map_by_the_host_and_at_unmap(protection: str, copier: str) -> None:
    before, after = BOUNCED
    latency_ns = before + KICK[protection] + MOVED[copier] + after + ends(protection)
    check(protection, copied_by(SWIOTLB, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_through_a_mapping_that_stays_it_is_copied_by_the_host_and_at_sync(
    protection: str, copier: str
) -> None:
    check(protection, copied_by(LONG_LIVED, copier), MOVED[copier] + COPY + ends(protection), host=completion(copier))


@pytest.mark.parametrize("unmapped_by", ["conversion", "host"])
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("granule", GRANULES)
@pytest.mark.parametrize("protection", PROTECTED)
def test_converted_it_pays_for_both_ways_and_a_copy_where_content_is_lost(
    protection: str, granule: str, calls: str, unmapped_by: str
) -> None:
    both_ways = share_frame(protection, granule, calls) + unshare_frame(protection, granule, calls)
    latency_ns = both_ways + KICK[protection] + FAULTS + COPY + COPY_OUT[protection] + ends(protection)
    check(protection, convert(granule, calls, unmapped_by), latency_ns)


@pytest.mark.parametrize("copier", COPIERS[1:])
@pytest.mark.parametrize("protection", PROTECTED)
def test_dma_to_converted_pages_maps_and_unmaps_each_in_the_iommu(protection: str, copier: str) -> None:
    both_ways = share_frame(protection) + unshare_frame(protection)
    latency_ns = both_ways + KICK[protection] + FAULTS + REACHED_ONCE[copier] + COPY_OUT[protection] + ends(protection)
    check(protection, copied_by(CONVERT_4K, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("path", [DIRECT, CONVERT_4K, CONVERT_2M], ids=["direct", "convert 4KiB", "convert 2MiB"])
def test_nobody_protects_the_guest_so_nothing_is_converted(path: Values, copier: str) -> None:
    latency_ns = KICK["none"] + REACHED_ONCE[copier] + ends("none")
    check("none", copied_by(path, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_in_a_shared_pool_only_the_copies_that_are_asked_for_are_made(protection: str) -> None:
    check(protection, pool("none"), ends(protection))
    check(protection, pool("consumer"), COPY + ends(protection))
    check(protection, pool("consumer", crypto=True), CIPHER + ends(protection))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_in_a_shared_pool_anyone_may_make_the_hosts_copy(protection: str, copier: str) -> None:
    host = completion(copier)
    check(protection, copied_by(pool("producer"), copier), MOVED[copier] + ends(protection), host=host)
    check(protection, copied_by(pool("both"), copier), MOVED[copier] + COPY + ends(protection), host=host)
    deciphered = copied_by(pool("both", crypto=True), copier)
    check(protection, deciphered, MOVED[copier] + CIPHER + ends(protection), host=host)


@pytest.mark.parametrize("protection", PROTECTED)
def test_exclusive_pins_flip_each_page_twice_and_leave_the_hosts_mapping(protection: str) -> None:
    flips = 2 * PAGES * EXCLUSIVE_FLIP
    both_ways = share_frame(protection) + unshare_frame(protection) - UNMAP + flips
    latency_ns = both_ways + KICK[protection] + FAULTS + COPY + COPY_OUT[protection] + ends(protection)
    check(protection, CONVERT_4K, latency_ns, memory={"backing": "exclusive_pin"})


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_coded_frame_of_2048_bytes_pays_one_piece_and_one_measured_point(protection: str) -> None:
    row = one_frame(scenario(protection, SWIOTLB), 2048)
    assert row["ended_ns"] == 115 + 437 + KICK[protection] + 437 + 437 + 116 + ends(protection)


def test_between_measured_points_a_copy_goes_by_a_straight_line() -> None:
    row = one_frame(scenario("pkvm", pool("producer")), 3000)
    assert row["ledger"][Category.HOST_COPY] == 437 + (3000 - 2048) * (610 - 437) // (4096 - 2048)


CONVERTED_2M = CONVERTED["2MiB"]


@pytest.mark.parametrize(
    ("protection", "path", "booked"),
    [
        (
            "sev-snp",
            CONVERT_4K,
            {
                Category.HYPERCALL: 2 * 12 * 3_553,
                Category.EXIT: 2 * 12 * 11_447 + 3_553,
                Category.PAGE_TABLE: PAGES * (700 + 400 + 300),
                Category.FAULT: PAGES * (HOST_FAULT + 6_000 + 6_000),
                Category.ACCEPT_ZERO: PAGES * 300,
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: COPY,
                Category.NOTIFY: WORKER + 15_862,
            },
        ),
        (
            "tdx",
            CONVERT_2M,
            {
                Category.HYPERCALL: 2 * 4_300,
                Category.EXIT: 4 * 15_700 + 4_300,
                Category.PAGE_TABLE: CONVERTED_2M * (15_300 + 300) + UNMAP,
                Category.TLB: 2 * TDX_FLUSH,
                Category.FAULT: PAGES * (HOST_FAULT + 6_747),
                Category.ACCEPT_ZERO: CONVERTED_2M * (156 + 8_000),
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: COPY,
                Category.NOTIFY: WORKER + 19_810,
            },
        ),
        (
            "pkvm",
            SWIOTLB,
            {
                Category.SLOTS: PIECES * (115 + 116),
                Category.EXIT: 2_600,
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: 2 * COPY,
                Category.NOTIFY: WORKER + 4_700,
            },
        ),
        (
            "none",
            DIRECT | {"copier": "engine"},
            {
                Category.EXIT: 1_255,
                Category.PAGE_TABLE: PAGES * (2_070 + 1_850),
                Category.ENGINE_COPY: MOVED["engine"],
                Category.NOTIFY: WORKER + 2_260,
            },
        ),
    ],
)
def test_each_nanosecond_is_in_its_category(protection: str, path: Values, booked: dict[Category, int]) -> None:
    ledger = one_frame(scenario(protection, path), RAW_1080P)["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == booked


def test_a_worker_spins_for_an_engine_that_is_polled_and_sleeps_for_one_that_interrupts() -> None:
    polled = WORKER + FAULTS + REACHED_ONCE["engine"]
    for copier, host_ns in (
        ("engine", polled),
        ("engine, interrupt", polled - ENGINE_COPY + ENGINE_INTERRUPT),
    ):
        row = one_frame(scenario("pkvm", copied_by(CONVERT_4K, copier), host=completion(copier)), RAW_1080P)
        assert row["cpu_ns"][1] == host_ns
        assert row["ledger"][Category.ENGINE_COPY] == ENGINE_SUBMIT + ENGINE_COPY


def test_who_drops_the_hosts_mappings_spends_the_time() -> None:
    unshare, worker = (
        one_frame(scenario("pkvm", convert(unmapped_by=by)), RAW_1080P)["cpu_ns"].tolist()
        for by in ("conversion", "host")
    )
    assert worker == [unshare[0] - UNMAP, unshare[1] + UNMAP]


@pytest.mark.parametrize(
    ("protection", "path", "exits"),
    [
        ("none", DIRECT, 2),
        ("pkvm", SWIOTLB, 2),
        ("pkvm", LONG_LIVED, 1),
        ("pkvm", pool("producer"), 1),
        ("pkvm", CONVERT_4K, 2 * PAGES + 2),
        ("pkvm", convert(calls="ranged"), 2 + 2),
        ("sev-snp", CONVERT_4K, 2 * (12 + 12) + 2 * PAGES + 2),
        ("sev-snp", convert(calls="page"), 2 * (760 + 760) + 2 * PAGES + 2),
        ("tdx", CONVERT_4K, 2 * (1 + 2) + 2 * PAGES + 2),
        ("tdx", convert(calls="page"), 2 * (760 + 760) + 2 * PAGES + 2),
        ("cca", CONVERT_4K, 2 + PAGES + 2),
    ],
)
def test_exits_are_doorbell_interrupt_calls_vmm_exits_and_guest_faults(
    protection: str, path: Values, exits: int
) -> None:
    assert one_frame(scenario(protection, path), RAW_1080P)["exits"] == exits


def test_the_consumer_takes_its_own_time() -> None:
    without, with_consumer = (
        one_frame(scenario("pkvm", pool("none"), consume=consume), RAW_1080P) for consume in (0, "2ms")
    )
    assert with_consumer["ledger"][Category.WORK] == 2_000_000
    assert with_consumer["ended_ns"] - without["ended_ns"] == 2_000_000


def test_a_guest_of_64_vcpus_pays_more_for_removing_a_tdx_page() -> None:
    few, many = (
        one_frame(scenario("tdx", CONVERT_4K, guest={"vcpus": vcpus}), RAW_1080P)["ledger"] for vcpus in (4, 64)
    )
    assert many[Category.PAGE_TABLE] - few[Category.PAGE_TABLE] == PAGES * (52_800 - 15_300)
    assert many[Category.TLB] - few[Category.TLB] == 2 * 60 * 22_933


@pytest.mark.parametrize("path", [SWIOTLB, LONG_LIVED, CONVERT_4K, CONVERT_2M, pool("none"), pool("both")])
@pytest.mark.parametrize("protection", PROTECTED)
def test_with_all_costs_zero_a_frame_takes_no_time(protection: str, path: Values) -> None:
    row = one_frame(scenario(protection, path, profile="free"), RAW_1080P)
    assert (row["ended_ns"], row["is_intact"], row["ledger"].sum()) == (0, 1, 0)
