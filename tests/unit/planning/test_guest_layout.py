"""Where a guest's I/O memory lies, page by page, by hand.

F is a raw 1080p NV12 frame: 3,110,400 bytes on 760 pages, so that its buffers begin at 2 MiB boundaries, 1,024 pages
apart. A frame of 640 × 360 has 345,600 bytes on 85 pages, and its buffers follow each other.
"""

import pytest

from cluster_sim.planning.guest_layout import GuestLayout
from tests.unit.hand_prices import CONVERT_2M, CONVERT_4K, DIRECT, LOSING_CONTENT, SWIOTLB, convert, pool
from tests.unit.lone_host import Values, engine_of, scenario

PAGE = 4096
MIB = 1 << 20
GIB = 1 << 30
PAGES_OF_F = 760
APART = 1_024
BUFFERS = 3
LARGE: Values = {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60}
SMALL: Values = {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60}
OWN = BUFFERS * PAGES_OF_F * PAGE
"""What three private buffers hold."""


def layout(protection: str, path: Values, guest: Values | None = None, source: Values | None = None) -> GuestLayout:
    spec = scenario(protection, path, guest=guest, buffers=BUFFERS, source=source or LARGE)
    return engine_of(spec).plan.guests[0].layout


@pytest.mark.parametrize(
    ("path", "apart", "padded_bytes"),
    [
        (CONVERT_4K, APART, PAGES_OF_F * PAGE),
        (CONVERT_2M, APART, 4 * MIB),
        (convert("1GiB"), 262_144, GIB),
    ],
    ids=["4KiB", "2MiB", "1GiB"],
)
def test_buffers_that_are_converted_are_padded_to_granules(path: Values, apart: int, padded_bytes: int) -> None:
    found = layout("pkvm", path)
    (buffers,) = found.buffers
    assert (buffers.count, buffers.device_page, buffers.device_pages) == (BUFFERS, 0, apart)
    assert buffers.own_pages == 0, "pKVM keeps the content: no private copy"
    assert found.io_pages == BUFFERS * apart
    assert (found.held_bytes, found.pool_bytes) == (BUFFERS * padded_bytes, 0)


@pytest.mark.parametrize("protection", LOSING_CONTENT)
def test_where_conversion_loses_content_private_buffers_follow_the_devices(protection: str) -> None:
    found = layout(protection, CONVERT_4K)
    (buffers,) = found.buffers
    assert (buffers.own_page, buffers.own_pages) == (BUFFERS * APART, APART)
    assert found.io_pages == 2 * BUFFERS * APART
    assert found.held_bytes == 2 * OWN


def test_small_buffers_follow_each_other_and_private_ones_begin_at_a_huge_page() -> None:
    found = layout("tdx", CONVERT_4K, source=SMALL)
    (buffers,) = found.buffers
    assert (buffers.device_pages, buffers.own_page, buffers.own_pages) == (85, 512, 85)
    assert found.io_pages == 512 + BUFFERS * 85
    assert found.held_bytes == 2 * BUFFERS * 85 * PAGE


@pytest.mark.parametrize(
    ("protection", "vcpus", "pool_bytes", "areas"),
    [
        ("tdx", 2, 256 * MIB, 2),
        ("sev-snp", 5, 256 * MIB, 8),
        ("pkvm", 8, 64 * MIB, 1),
        ("cca", 8, 64 * MIB, 8),
        ("none", 1, 64 * MIB, 1),
    ],
)
def test_a_bounce_pool_is_sized_as_the_technology_does_and_private_buffers_lie_behind_it(
    protection: str, vcpus: int, pool_bytes: int, areas: int
) -> None:
    """6 % of 4 GiB are 245 MiB, up to a power of two 256; a restricted pool has one area, others one a vCPU."""
    found = layout(protection, SWIOTLB, guest={"vcpus": vcpus})
    (buffers,) = found.buffers
    assert (found.pool_bytes, found.needs.areas) == (pool_bytes, areas)
    assert (buffers.device_pages, buffers.own_page, buffers.own_pages) == (0, pool_bytes // PAGE, APART)
    assert found.held_bytes == pool_bytes + OWN


@pytest.mark.parametrize(("memory", "pool_bytes"), [("512MiB", 64 * MIB), ("2GiB", 128 * MIB), ("32GiB", GIB)])
def test_six_percent_of_memory_have_a_floor_and_a_ceiling(memory: str, pool_bytes: int) -> None:
    """30 MiB are below 64; 122 MiB go up to 128; 1.9 GiB are beyond 1 GiB."""
    assert layout("tdx", SWIOTLB, guest={"memory": memory}).pool_bytes == pool_bytes


def test_a_pool_that_may_grow_has_room_to_before_the_private_buffers() -> None:
    found = layout("pkvm", {**SWIOTLB, "pool": "4MiB", "dynamic": True, "grow": "8MiB"})
    assert (found.pool_bytes, found.needs.grow_bytes) == (4 * MIB, 8 * MIB)
    assert found.buffers[0].own_page == 12 * MIB // PAGE


@pytest.mark.parametrize(("copied", "own_bytes"), [("none", 0), ("producer", OWN), ("consumer", OWN), ("both", OWN)])
def test_a_shared_pool_holds_its_buffers_and_private_ones_only_where_something_is_copied(
    copied: str, own_bytes: int
) -> None:
    found = layout("pkvm", pool(copied))
    assert found.pool_bytes == found.pool_buffers_bytes == BUFFERS * 4 * MIB
    assert found.buffers[0].own_pages == (APART if own_bytes else 0)
    assert found.held_bytes == found.pool_bytes + own_bytes


def test_an_unprotected_guest_has_its_buffers_and_nothing_else() -> None:
    found = layout("none", DIRECT)
    assert (found.io_pages, found.held_bytes, found.pool_bytes) == (BUFFERS * APART, OWN, 0)
    assert (found.end_page, found.gib_entries) == (4 * GIB // PAGE, 4)


def test_ranges_of_churn_lie_behind_the_buffers_and_are_held() -> None:
    """32 ranges of 16 pages, from the end of the private buffers on."""
    churn: Values = {"kind": "churn", "rate": 1000, "size": "64KiB", "region": "2MiB"}
    video: Values = {"kind": "video", "source": SMALL, "deadline": "16ms", "buffers": BUFFERS}
    found = layout("tdx", CONVERT_4K, guest={"workloads": [video, churn]})
    _, ranges = found.buffers
    assert (ranges.count, ranges.device_page, ranges.device_pages) == (32, 512 + BUFFERS * 85, 16)
    assert found.io_pages == 512 + BUFFERS * 85 + 32 * 16
    assert found.held_bytes == 2 * BUFFERS * 85 * PAGE + 2 * MIB


def test_what_a_boot_touches_lies_behind_all_that_moves_data() -> None:
    """The image of 8 MiB from a huge page on, then memory to accept in units of 2 MiB up to the guest's end."""
    boot: Values = {"kind": "boot", "image": "8MiB", "unit": "2MiB"}
    video: Values = {"kind": "video", "source": SMALL, "deadline": "16ms", "buffers": BUFFERS}
    found = layout("pkvm", {**SWIOTLB, "pool": "4MiB"}, guest={"memory": "1GiB", "workloads": [video, boot]})
    image, firmware, kernel, whole_pool, accepted, buffers = found.buffers
    behind = 1_024 + 512
    assert (buffers.own_page, buffers.own_pages) == (1_024, 85)
    assert found.io_pages == 1_024 + BUFFERS * 85
    assert (image.device_page, image.device_pages) == (behind, 2_048)
    assert (whole_pool.device_page, whole_pool.device_pages) == (0, 1_024)
    assert (accepted.device_page, accepted.device_pages) == (behind + 2_048, 512)
    assert accepted.count == 512 - (behind + 2_048) // 512
    assert firmware.count == 0, "pKVM's guests accept nothing"
    assert (kernel.device_page, kernel.device_pages) == (262_144 - 4_096, 4_096), "the last 16 MiB are the memory map"
    assert found.boots


@pytest.mark.parametrize(
    ("protection", "memory", "told", "parts"),
    [
        ("tdx", "2GiB", "auto", 1_022),  # all that the image of 4 MiB leaves
        ("tdx", "2815MiB", "auto", 1_405),  # the last MiB below 2.75 GiB is no whole part
        ("tdx", "2816MiB", "auto", 1_024),
        ("sev-snp", "64GiB", "auto", 1_024),
        ("sev-snp", "64GiB", "64MiB", 32),
        ("tdx", "4GiB", "0B", 0),
        ("pkvm", "64GiB", "auto", 0),
        ("cca", "64GiB", "auto", 0),
        ("none", "64GiB", "auto", 0),
        ("none", "64GiB", "64MiB", 32),
    ],
)
def test_firmware_accepts_what_lies_below_4_gib_of_a_q35(protection: str, memory: str, told: str, parts: int) -> None:
    boot: Values = {"kind": "boot", "firmware_accepts": told}
    path = DIRECT if protection == "none" else CONVERT_4K
    image, firmware, _, _, accepted = layout(protection, path, guest={"memory": memory, "workloads": [boot]}).buffers
    assert firmware.count == parts
    assert firmware.device_page == image.end_page
    assert accepted.device_page == firmware.end_page, "the rest follows"


def test_a_memory_map_that_finds_no_room_behind_the_buffers_is_placed_there_all_the_same() -> None:
    """Ten buffers of 2 MiB in a guest of 21 MiB, whose map of a block of 2 MiB begins at 20 MiB, and not at 19."""
    video: Values = {"kind": "video", "source": SMALL, "deadline": "16ms", "buffers": 10, "buffer": "2MiB"}
    found = layout("pkvm", CONVERT_4K, guest={"memory": "21MiB", "workloads": [video, {"kind": "boot"}]})
    kernel = found.buffers[2]
    assert (kernel.device_page, kernel.device_pages) == (20 * 256, 512)
    assert found.end_page >= 22 * 256
