"""A frame from a guest to the host, alone on an idle host: the sum of its steps, by hand, for each path and technology.

What a guest sends is made by the guest: before it is shared where sharing keeps it, in the shared pages where not.
"""

import pytest

from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import (
    CALLS,
    CIPHER,
    CONVERT_2M,
    CONVERT_4K,
    COPIERS,
    COPY,
    DIRECT,
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

TO_DEVICE = Direction.TO_DEVICE


def begins(protection: str) -> int:
    return KICK[protection] + WORKER


def check(
    protection: str, path: Values, latency_ns: int, *, host: Values | None = None, memory: Values | None = None
) -> None:
    spec = scenario(protection, path, host=host, memory=memory, direction="to_device", buffers=1)
    row = one_frame(spec, RAW_1080P, TO_DEVICE)
    assert row["ended_ns"] - row["submitted_ns"] == latency_ns
    assert row["ledger"].sum() == latency_ns
    assert row["is_intact"] == 1


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_a_frame_is_copied_at_map_and_by_the_host_and_unmap_copies_nothing(
    protection: str, copier: str
) -> None:
    mapped = PIECES * MAP_PIECE + COPY
    latency_ns = mapped + begins(protection) + MOVED[copier] + INTERRUPT[protection] + PIECES * UNMAP_PIECE
    check(protection, copied_by(SWIOTLB, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_through_a_mapping_that_stays_it_is_copied_at_sync_and_by_the_host(
    protection: str, copier: str
) -> None:
    latency_ns = COPY + begins(protection) + MOVED[copier]
    check(protection, copied_by(LONG_LIVED, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("unmapped_by", ["conversion", "host"])
@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("granule", GRANULES)
@pytest.mark.parametrize("protection", PROTECTED)
def test_converted_it_pays_for_both_ways_and_the_guests_faults_but_no_copy_of_the_guest(
    protection: str, granule: str, calls: str, unmapped_by: str
) -> None:
    shared = share_frame(protection, granule, calls) + PAGES * TOUCH_SHARED[protection]
    read = begins(protection) + FAULTS + COPY
    latency_ns = shared + read + INTERRUPT[protection] + unshare_frame(protection, granule, calls, unmapped_by)
    check(protection, convert(granule, calls, unmapped_by), latency_ns)


@pytest.mark.parametrize("copier", COPIERS[1:])
@pytest.mark.parametrize("protection", PROTECTED)
def test_dma_from_converted_pages_maps_and_unmaps_each_in_the_iommu(protection: str, copier: str) -> None:
    shared = share_frame(protection) + PAGES * TOUCH_SHARED[protection]
    read = begins(protection) + FOUND[copier] + REACHED_ONCE[copier]
    latency_ns = shared + read + INTERRUPT[protection] + unshare_frame(protection)
    check(protection, copied_by(CONVERT_4K, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("path", [DIRECT, CONVERT_4K, CONVERT_2M], ids=["direct", "convert 4KiB", "convert 2MiB"])
def test_nobody_protects_the_guest_so_nothing_is_converted(path: Values, copier: str) -> None:
    latency_ns = begins("none") + REACHED_ONCE[copier] + INTERRUPT["none"]
    check("none", copied_by(path, copier), latency_ns, host=completion(copier))


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_in_a_shared_pool_only_the_copies_that_are_asked_for_are_made(protection: str) -> None:
    check(protection, pool("none"), begins(protection))
    check(protection, pool("producer"), COPY + begins(protection))
    check(protection, pool("producer", crypto=True), CIPHER + begins(protection))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_in_a_shared_pool_anyone_may_make_the_hosts_copy(protection: str, copier: str) -> None:
    host = completion(copier)
    check(protection, copied_by(pool("consumer"), copier), begins(protection) + MOVED[copier], host=host)
    check(protection, copied_by(pool("both"), copier), COPY + begins(protection) + MOVED[copier], host=host)
    ciphered = copied_by(pool("both", crypto=True), copier)
    check(protection, ciphered, CIPHER + begins(protection) + MOVED[copier], host=host)


@pytest.mark.parametrize("protection", PROTECTED)
def test_exclusive_pins_flip_each_page_twice_and_leave_the_hosts_mapping(protection: str) -> None:
    flips = 2 * PAGES * EXCLUSIVE_FLIP
    both_ways = share_frame(protection) + unshare_frame(protection, unmapped_by="host") - UNMAP + flips
    read = PAGES * TOUCH_SHARED[protection] + begins(protection) + FAULTS + COPY
    check(protection, CONVERT_4K, both_ways + read + INTERRUPT[protection], memory={"backing": "exclusive_pin"})


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
                Category.NOTIFY: WORKER + INJECT + 18_157,
            },
        ),
        (
            "pkvm",
            pool("both", crypto=True),
            {
                Category.EXIT: 2_600,
                Category.HOST_COPY: COPY,
                Category.CRYPTO: CIPHER,
                Category.NOTIFY: WORKER,
            },
        ),
        (
            "tdx",
            SWIOTLB,
            {
                Category.SLOTS: PIECES * (115 + 116),
                Category.EXIT: 4_300,
                Category.HOST_COPY: COPY,
                Category.GUEST_COPY: COPY,
                Category.NOTIFY: WORKER + INJECT + 21_550,
            },
        ),
    ],
)
def test_each_nanosecond_is_in_its_category(protection: str, path: Values, booked: dict[Category, int]) -> None:
    ledger = one_frame(scenario(protection, path, direction="to_device"), RAW_1080P, TO_DEVICE)["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == booked


@pytest.mark.parametrize(
    ("protection", "path", "exits"),
    [
        ("none", DIRECT, 2),
        ("pkvm", SWIOTLB, 2),
        ("pkvm", LONG_LIVED, 1),
        ("pkvm", pool("both"), 1),
        ("pkvm", CONVERT_4K, 2 * PAGES + PAGES + 2),
        ("sev-snp", convert("1GiB"), 2 * (8 + 8) + 2),
        ("tdx", convert(calls="page"), 2 * (760 + 760) + 1),
        ("cca", CONVERT_4K, 2 + PAGES + 2),
    ],
)
def test_exits_are_calls_vmm_exits_guest_faults_doorbell_and_interrupt(
    protection: str, path: Values, exits: int
) -> None:
    spec = scenario(protection, path, direction="to_device", buffers=1)
    assert one_frame(spec, RAW_1080P, TO_DEVICE)["exits"] == exits


@pytest.mark.parametrize("path", [SWIOTLB, LONG_LIVED, CONVERT_4K, pool("none"), pool("both")])
@pytest.mark.parametrize("protection", ["pkvm", "tdx"])
def test_the_producer_takes_its_own_time(protection: str, path: Values) -> None:
    without, with_producer = (
        one_frame(scenario(protection, path, direction="to_device", produce=produce), RAW_1080P, TO_DEVICE)
        for produce in (0, "2ms")
    )
    assert with_producer["ledger"][Category.WORK] == 2_000_000
    assert with_producer["ended_ns"] - without["ended_ns"] == 2_000_000


@pytest.mark.parametrize("path", [SWIOTLB, LONG_LIVED, CONVERT_4K, CONVERT_2M, pool("none"), pool("both")])
@pytest.mark.parametrize("protection", PROTECTED)
def test_with_all_costs_zero_a_frame_takes_no_time(protection: str, path: Values) -> None:
    row = one_frame(scenario(protection, path, profile="free", direction="to_device"), RAW_1080P, TO_DEVICE)
    assert (row["ended_ns"], row["is_intact"], row["ledger"].sum()) == (0, 1, 0)
