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
    FLUSH,
    FOUND,
    GRANULES,
    HOST_FAULT,
    INJECT,
    INTERRUPT,
    KICK,
    LONG_LIVED,
    MAP_AHEAD,
    MAP_PIECE,
    MOVED,
    PAGES,
    PIECES,
    PROTECTED,
    REACHED_ONCE,
    SWIOTLB,
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
    both_ways = share_frame(protection, granule, calls) + unshare_frame(protection, granule, calls, unmapped_by)
    latency_ns = both_ways + KICK[protection] + FAULTS + COPY + COPY_OUT[protection] + ends(protection)
    check(protection, convert(granule, calls, unmapped_by), latency_ns)


@pytest.mark.parametrize("copier", COPIERS[1:])
@pytest.mark.parametrize("protection", PROTECTED)
def test_dma_to_converted_pages_maps_and_unmaps_each_in_the_iommu(protection: str, copier: str) -> None:
    both_ways = share_frame(protection) + unshare_frame(protection)
    latency_ns = (
        both_ways + KICK[protection] + FOUND[copier] + REACHED_ONCE[copier] + COPY_OUT[protection] + ends(protection)
    )
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
    both_ways = share_frame(protection) + unshare_frame(protection, unmapped_by="host") - UNMAP + flips
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
                Category.PAGE_TABLE: PAGES * (850 + 400) + UNMAP,
                Category.TLB: 2 * FLUSH["sev-snp"],
                Category.FAULT: PAGES * (HOST_FAULT + 2 * MAP_AHEAD),
                Category.ACCEPT_ZERO: PAGES * 350,
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: COPY,
                Category.NOTIFY: WORKER + INJECT + 18_157,
            },
        ),
        (
            "tdx",
            CONVERT_2M,
            {
                Category.HYPERCALL: 2 * 4_300,
                Category.EXIT: 4 * 15_700 + 4_300,
                Category.PAGE_TABLE: CONVERTED_2M * (15_450 + 20) + UNMAP,
                Category.TLB: FLUSH["tdx"],
                Category.FAULT: PAGES * HOST_FAULT + CONVERTED_2M * (MAP_AHEAD + 2_700),
                Category.ACCEPT_ZERO: CONVERTED_2M * 1_000,
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: COPY,
                Category.NOTIFY: WORKER + INJECT + 21_550,
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
                Category.NOTIFY: WORKER + INJECT + 5_900,
            },
        ),
        (
            "none",
            DIRECT | {"copier": "engine"},
            {
                Category.EXIT: 1_255,
                Category.PAGE_TABLE: 1_470 + 1_720 + PAGES * (600 + 130),
                Category.ENGINE_COPY: MOVED["engine"],
                Category.NOTIFY: WORKER + INJECT + 4_555,
            },
        ),
    ],
)
def test_each_nanosecond_is_in_its_category(protection: str, path: Values, booked: dict[Category, int]) -> None:
    ledger = one_frame(scenario(protection, path), RAW_1080P)["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == booked


def test_a_worker_spins_for_an_engine_that_is_polled_and_sleeps_for_one_that_interrupts() -> None:
    polled = WORKER + FOUND["engine"] + REACHED_ONCE["engine"] + INJECT
    for copier, host_ns in (
        ("engine", polled),
        ("engine, interrupt", polled - ENGINE_COPY + ENGINE_INTERRUPT),
    ):
        row = one_frame(scenario("pkvm", copied_by(CONVERT_4K, copier), host=completion(copier)), RAW_1080P)
        assert row["cpu_ns"][1] == host_ns
        assert row["ledger"][Category.ENGINE_COPY] == ENGINE_SUBMIT + ENGINE_COPY


def test_who_drops_the_hosts_mappings_spends_the_time() -> None:
    """An unshare, here a call a page, exits for each to a host that has not unmapped by itself: 2.6 us."""
    unshare, worker = (
        one_frame(scenario("pkvm", convert(unmapped_by=by)), RAW_1080P)["cpu_ns"].tolist()
        for by in ("conversion", "host")
    )
    assert worker == [unshare[0] - UNMAP - PAGES * 2_600, unshare[1] + UNMAP]


@pytest.mark.parametrize(
    ("protection", "path", "vmm", "exits"),
    [
        ("none", DIRECT, "qemu-10", 2),
        ("pkvm", SWIOTLB, "qemu-10", 2),
        ("pkvm", LONG_LIVED, "qemu-10", 1),
        ("pkvm", pool("producer"), "qemu-10", 1),
        ("pkvm", CONVERT_4K, "qemu-10", 2 * PAGES + PAGES + 2),
        ("pkvm", convert(unmapped_by="host"), "qemu-10", 2 * PAGES + 2),
        ("pkvm", convert(calls="ranged"), "qemu-10", 2 + 1 + 2),
        ("sev-snp", CONVERT_4K, "qemu-10", 2 * (12 + 12) + 2),
        ("sev-snp", CONVERT_4K, "minimal", 2 * (12 + 12) + 2 * PAGES + 2),
        ("sev-snp", convert(calls="page"), "qemu-10", 2 * (760 + 760) + 2),
        ("tdx", CONVERT_4K, "qemu-10", 2 * (1 + 2) + 1),
        ("tdx", CONVERT_4K, "minimal", 2 * (1 + 2) + 2 * PAGES + 1),
        ("tdx", convert(calls="page"), "qemu-10", 2 * (760 + 760) + 1),
        ("cca", CONVERT_4K, "qemu-10", 2 + PAGES + 2),
    ],
)
def test_exits_are_doorbell_interrupt_calls_vmm_exits_and_what_the_vmm_did_not_map_ahead(
    protection: str, path: Values, vmm: str, exits: int
) -> None:
    """Calls of pKVM's to unshare exit to a host that has the pages mapped, too; interrupts of TDX do not exit."""
    assert one_frame(scenario(protection, path, host={"vmm": vmm}), RAW_1080P)["exits"] == exits


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
    assert many[Category.TLB] - few[Category.TLB] == 60 * 200


@pytest.mark.parametrize("path", [SWIOTLB, LONG_LIVED, CONVERT_4K, CONVERT_2M, pool("none"), pool("both")])
@pytest.mark.parametrize("protection", PROTECTED)
def test_with_all_costs_zero_a_frame_takes_no_time(protection: str, path: Values) -> None:
    row = one_frame(scenario(protection, path, profile="free"), RAW_1080P)
    assert (row["ended_ns"], row["is_intact"], row["ledger"].sum()) == (0, 1, 0)
