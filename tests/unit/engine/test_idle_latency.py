"""A frame alone on an idle host takes the sum of its steps, worked out here by hand for each path and technology.

F is a raw 1080p NV12 frame: 3,110,400 bytes, 760 pages, 12 pieces of 256 KiB, 2 granules of 2 MiB.
"""

import pytest
from pydantic import JsonValue

from cluster_sim.results.ledger import Category
from tests.unit.engine.lone_host import RAW_1080P, one_frame, scenario

PAGES = 760
PIECES = 12
GRANULES_2M = 2
PAGES_2M = 1024

# One copy of F, cold: 257,000 ns at the last measured point of 2 MiB, then 11.6 GB/s = 90,394 ns a MiB.
COPY = 257_000 + (RAW_1080P - 2_097_152) * 90_394 // 1_048_576
FAULTS = PAGES * 1_570
UNMAP = PAGES * 300
WORKER = 280 + 2_000

KICK = {"none": 1_255, "pkvm": 2_600, "sev-snp": 3_553, "tdx": 4_300, "cca": 6_000}
# none 2.26 us; pKVM 2.1 + 2.6; SNP 2.26 + 18 - (3.553 - 1.255) - 2.1; TDX 2.26 + 24.6 - (4.3 - 0.75) - 3.5;
# CCA 2.1 + 6
INTERRUPT = {"none": 2_260, "pkvm": 4_700, "sev-snp": 15_862, "tdx": 19_810, "cca": 8_100}

# TDX: an IPI to the other vCPU is 4.0 us times 4.3 / 0.75, after 1 us; SNP and pKVM have it in other prices.
TDX_FLUSH = 1_000 + 22_933

SHARE_4K = {
    "pkvm": PAGES * (500 + 2_000),
    "sev-snp": 12 * (3_553 + 11_447) + PAGES * (300 + 400),
    "tdx": 4_300 + 2 * 15_700 + PAGES * 15_300 + TDX_FLUSH + PAGES * 156,
    "cca": 12_000 + PAGES * (4_500 + 1_870) + 220,
}
UNSHARE_4K = {
    "pkvm": PAGES * (500 + 3_000) + UNMAP,
    "sev-snp": 12 * (3_553 + 11_447) + UNMAP + PAGES * (400 + 300 + 6_000),
    "tdx": 4_300 + 2 * 15_700 + UNMAP + PAGES * 300 + TDX_FLUSH + PAGES * 8_000,
    "cca": 12_000 + UNMAP + PAGES * (4_440 + 1_870) + 220,
}
SHARE_2M = {
    "pkvm": 2 * (500 + 2_000) + PAGES_2M * 300,
    "sev-snp": 3_553 + 11_447 + PAGES_2M * (300 + 400),
    "tdx": 4_300 + 2 * 15_700 + PAGES_2M * 15_300 + TDX_FLUSH + PAGES_2M * 156,
    "cca": 12_000 + PAGES_2M * (4_500 + 1_870) + 220,
}
UNSHARE_2M = {
    "pkvm": 2 * (500 + 2_000) + UNMAP + PAGES_2M * 300,
    "sev-snp": 3_553 + 11_447 + UNMAP + PAGES_2M * (400 + 300 + 6_000),
    "tdx": 4_300 + 2 * 15_700 + UNMAP + PAGES_2M * 300 + TDX_FLUSH + PAGES_2M * 8_000,
    "cca": 12_000 + UNMAP + PAGES_2M * (4_440 + 1_870) + 220,
}
# pKVM keeps content; the others touch the shared pages through a stage-2 that lost them, and copy out.
COPY_OUT = {
    "pkvm": 0,
    "sev-snp": PAGES * 6_000 + COPY,
    "tdx": PAGES * 6_747 + COPY,
    "cca": PAGES * 8_447 + COPY,
}

TECHNOLOGIES = ("none", "pkvm", "sev-snp", "tdx", "cca")
PROTECTED = TECHNOLOGIES[1:]

SWIOTLB: dict[str, JsonValue] = {"kind": "swiotlb"}
CONVERT_4K: dict[str, JsonValue] = {"kind": "convert", "granule": "4KiB"}
CONVERT_2M: dict[str, JsonValue] = {"kind": "convert", "granule": "2MiB"}
DIRECT: dict[str, JsonValue] = {"kind": "direct"}


def pool(copied_by: str) -> dict[str, JsonValue]:
    return {"kind": "shared_pool", "copy": copied_by}


def ends(protection: str) -> int:
    return WORKER + INTERRUPT[protection]


FILL = FAULTS + COPY
CASES: list[tuple[str, dict[str, JsonValue], int]] = [
    *((t, SWIOTLB, PIECES * 115 + COPY + KICK[t] + COPY + COPY + PIECES * 116 + ends(t)) for t in TECHNOLOGIES),
    *((t, CONVERT_4K, SHARE_4K[t] + KICK[t] + FILL + COPY_OUT[t] + UNSHARE_4K[t] + ends(t)) for t in PROTECTED),
    *((t, CONVERT_2M, SHARE_2M[t] + KICK[t] + FILL + COPY_OUT[t] + UNSHARE_2M[t] + ends(t)) for t in PROTECTED),
    *((t, pool("none"), ends(t)) for t in TECHNOLOGIES),
    *((t, pool("producer"), COPY + ends(t)) for t in TECHNOLOGIES),
    *((t, pool("consumer"), COPY + ends(t)) for t in TECHNOLOGIES),
    *((t, pool("both"), 2 * COPY + ends(t)) for t in TECHNOLOGIES),
    ("none", DIRECT, KICK["none"] + COPY + ends("none")),
    ("none", CONVERT_4K, KICK["none"] + COPY + ends("none")),
    ("none", CONVERT_2M, KICK["none"] + COPY + ends("none")),
]


@pytest.mark.parametrize(("protection", "path", "latency_ns"), CASES)
def test_a_raw_frame_alone_takes_the_sum_of_its_steps(
    protection: str, path: dict[str, JsonValue], latency_ns: int
) -> None:
    row = one_frame(scenario(protection, path), RAW_1080P)
    assert row["ended_ns"] - row["submitted_ns"] == latency_ns
    assert row["ledger"].sum() == latency_ns
    assert row["is_intact"] == 1


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_coded_frame_of_2048_bytes_pays_one_piece_and_one_measured_point(protection: str) -> None:
    row = one_frame(scenario(protection, SWIOTLB), 2048)
    assert row["ended_ns"] == 115 + 437 + KICK[protection] + 437 + 437 + 116 + ends(protection)


def test_between_measured_points_a_copy_goes_by_a_straight_line() -> None:
    row = one_frame(scenario("pkvm", pool("producer")), 3000)
    assert row["ledger"][Category.HOST_COPY] == 437 + (3000 - 2048) * (610 - 437) // (4096 - 2048)


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
                Category.FAULT: PAGES * (1_570 + 6_000 + 6_000),
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
                Category.PAGE_TABLE: PAGES_2M * (15_300 + 300) + UNMAP,
                Category.TLB: 2 * TDX_FLUSH,
                Category.FAULT: PAGES * (1_570 + 6_747),
                Category.ACCEPT_ZERO: PAGES_2M * (156 + 8_000),
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
    ],
)
def test_each_nanosecond_is_in_its_category(
    protection: str, path: dict[str, JsonValue], booked: dict[Category, int]
) -> None:
    ledger = one_frame(scenario(protection, path), RAW_1080P)["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == booked


@pytest.mark.parametrize(
    ("protection", "path", "guest", "host", "conversions", "pages"),
    [
        *((t, SWIOTLB, 2, 1, 0, 0) for t in TECHNOLOGIES),
        ("pkvm", CONVERT_4K, 0, 1, 2 * PAGES, 2 * PAGES),
        ("pkvm", CONVERT_2M, 0, 1, 4, 2 * PAGES_2M),
        *((t, CONVERT_4K, 1, 1, 2 * PAGES, 2 * PAGES) for t in ("sev-snp", "tdx", "cca")),
        *((t, CONVERT_2M, 1, 1, 4, 2 * PAGES_2M) for t in ("sev-snp", "tdx", "cca")),
        ("none", CONVERT_4K, 0, 1, 0, 0),
        ("none", DIRECT, 0, 1, 0, 0),
        ("tdx", pool("none"), 0, 0, 0, 0),
        ("tdx", pool("producer"), 0, 1, 0, 0),
        ("tdx", pool("consumer"), 1, 0, 0, 0),
        ("tdx", pool("both"), 1, 1, 0, 0),
    ],
)
def test_copies_and_conversions_are_those_of_the_formulas(
    protection: str, path: dict[str, JsonValue], guest: int, host: int, conversions: int, pages: int
) -> None:
    row = one_frame(scenario(protection, path), RAW_1080P)
    assert row["copied_bytes"].tolist() == [guest * RAW_1080P, host * RAW_1080P, 0]
    assert (row["conversions"], row["converted_pages"]) == (conversions, pages)


@pytest.mark.parametrize(
    ("protection", "path", "exits"),
    [
        ("none", DIRECT, 2),
        ("pkvm", SWIOTLB, 2),
        ("pkvm", pool("producer"), 1),
        ("pkvm", CONVERT_4K, 2 * PAGES + 2),
        ("sev-snp", CONVERT_4K, 2 * (12 + 12) + 2 * PAGES + 2),
        ("tdx", CONVERT_4K, 2 * (1 + 2) + 2 * PAGES + 2),
        ("cca", CONVERT_4K, 2 + PAGES + 2),
    ],
)
def test_exits_are_doorbell_interrupt_calls_vmm_exits_and_guest_faults(
    protection: str, path: dict[str, JsonValue], exits: int
) -> None:
    assert one_frame(scenario(protection, path), RAW_1080P)["exits"] == exits


def test_an_engine_copies_in_the_cpus_place() -> None:
    row = one_frame(scenario("pkvm", {"kind": "shared_pool", "copy": "producer", "copier": "engine"}), RAW_1080P)
    copy_ns = RAW_1080P * round(2**20 * 1e9 / 30e9) // 2**20
    assert row["ledger"][Category.ENGINE_COPY] == 750 + copy_ns
    assert row["copied_bytes"].tolist() == [0, 0, RAW_1080P]


def test_the_consumer_takes_its_own_time() -> None:
    without, with_consumer = (
        one_frame(scenario("pkvm", pool("none"), consume=consume), RAW_1080P) for consume in (0, "2ms")
    )
    assert with_consumer["ledger"][Category.CONSUME] == 2_000_000
    assert with_consumer["ended_ns"] - without["ended_ns"] == 2_000_000


def test_a_guest_of_64_vcpus_pays_more_for_removing_a_tdx_page() -> None:
    few, many = (
        one_frame(scenario("tdx", CONVERT_4K, guest={"vcpus": vcpus}), RAW_1080P)["ledger"] for vcpus in (4, 64)
    )
    assert many[Category.PAGE_TABLE] - few[Category.PAGE_TABLE] == PAGES * (52_800 - 15_300)
    assert many[Category.TLB] - few[Category.TLB] == 2 * 60 * 22_933


@pytest.mark.parametrize("path", [SWIOTLB, CONVERT_4K, CONVERT_2M, pool("none"), pool("both")])
@pytest.mark.parametrize("protection", PROTECTED)
def test_with_all_costs_zero_a_frame_takes_no_time(protection: str, path: dict[str, JsonValue]) -> None:
    row = one_frame(scenario(protection, path, profile="free"), RAW_1080P)
    assert (row["ended_ns"], row["is_intact"], row["ledger"].sum()) == (0, 1, 0)
