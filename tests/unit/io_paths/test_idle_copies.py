"""Copies per byte and granules converted per transfer: the formulas of the bounce, conversion, pool and engine designs.

A bounce copies twice from the device and once to it where it maps each transfer, once either way where it stays mapped.
Conversion in place copies nothing where content is kept, and out of the buffer from the device where it is lost; it
converts each granule there and back. A pool copies where producer or consumer ask for it. The host's copy is its CPU's,
the engine's, or not made where the device itself reaches the memory.
"""

import pytest

from cluster_sim.io_paths.steps import Direction
from tests.unit.hand_prices import (
    CONVERTED,
    COPIERS,
    DIRECT,
    GRANULES,
    LONG_LIVED,
    LOSING_CONTENT,
    PROTECTED,
    SWIOTLB,
    TECHNOLOGIES,
    completion,
    convert,
    copied_by,
    pool,
)
from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
GRANULES_OF_F = {"4KiB": 760, "2MiB": 2, "1GiB": 1}
HOST_COPY = {"cpu": (1, 0), "engine": (0, 1), "engine, interrupt": (0, 1), "device": (0, 0)}
"""Copies of the host's CPU and of the engine."""

BOUNCES: list[tuple[Values, Direction, int]] = [
    (SWIOTLB, FROM_DEVICE, 2),
    (SWIOTLB, TO_DEVICE, 1),
    (LONG_LIVED, FROM_DEVICE, 1),
    (LONG_LIVED, TO_DEVICE, 1),
]
POOLS: list[tuple[str, Direction, int, int]] = [
    ("none", FROM_DEVICE, 0, 0),
    ("none", TO_DEVICE, 0, 0),
    ("producer", FROM_DEVICE, 0, 1),
    ("producer", TO_DEVICE, 1, 0),
    ("consumer", FROM_DEVICE, 1, 0),
    ("consumer", TO_DEVICE, 0, 1),
    ("both", FROM_DEVICE, 1, 1),
    ("both", TO_DEVICE, 1, 1),
]
"""What is copied by, which way, copies of the guest and of the host."""


def check(
    protection: str,
    path: Values,
    direction: Direction,
    copier: str,
    copies: tuple[int, ...],
    converted: tuple[int, int],
) -> None:
    """Hold copies by guest, host and engine, and conversions and pages converted, against what is expected."""
    way = direction.name.lower()
    spec = scenario(protection, copied_by(path, copier), host=completion(copier), direction=way, buffers=1)
    row = one_frame(spec, RAW_1080P, direction)
    assert row["copied_bytes"].tolist() == [count * RAW_1080P for count in copies]
    assert (row["conversions"], row["converted_pages"]) == converted
    assert row["is_intact"] == 1


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize(("path", "direction", "guest"), BOUNCES)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_bounce_copies_at_map_and_unmap_or_at_sync_and_converts_nothing(
    protection: str, path: Values, direction: Direction, guest: int, copier: str
) -> None:
    check(protection, path, direction, copier, (guest, *HOST_COPY[copier]), (0, 0))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("granule", GRANULES)
@pytest.mark.parametrize("direction", [FROM_DEVICE, TO_DEVICE])
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_conversion_goes_there_and_back_and_copies_out_what_it_would_lose(
    protection: str, direction: Direction, granule: str, copier: str
) -> None:
    guest = int(protection in LOSING_CONTENT and direction == FROM_DEVICE)
    converted = 2 * GRANULES_OF_F[granule], 2 * CONVERTED[granule]
    check(protection, convert(granule), direction, copier, (guest, *HOST_COPY[copier]), converted)


@pytest.mark.parametrize("granule", GRANULES)
def test_two_backings_keep_no_content_so_that_pkvm_copies_out_too(granule: str) -> None:
    spec = scenario("pkvm", convert(granule), memory={"generation": "G0"}, buffers=1)
    assert one_frame(spec, RAW_1080P)["copied_bytes"].tolist() == [RAW_1080P, RAW_1080P, 0]


@pytest.mark.parametrize(("copied", "direction", "guest", "host"), POOLS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_pool_copies_where_producer_or_consumer_ask_for_it_and_a_cipher_is_a_copy(
    protection: str, copied: str, direction: Direction, guest: int, host: int
) -> None:
    for crypto in (False, True) if guest else (False,):
        path = pool(copied, crypto=crypto)
        check(protection, path, direction, "cpu", (guest, host, 0), (0, 0))
        for copier in COPIERS[1:] if host else ():
            check(protection, path, direction, copier, (guest, *HOST_COPY[copier]), (0, 0))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("direction", [FROM_DEVICE, TO_DEVICE])
def test_an_open_guests_buffer_is_reached_as_it_is(direction: Direction, copier: str) -> None:
    for path in (DIRECT, convert("4KiB"), convert("2MiB")):
        check("none", path, direction, copier, (0, *HOST_COPY[copier]), (0, 0))


@pytest.mark.parametrize(("path", "direction", "slot_copies"), [*BOUNCES])
def test_copies_of_a_byte_do_not_depend_on_how_many_there_are(
    path: Values, direction: Direction, slot_copies: int
) -> None:
    for size in (1, 2_047, 2_048, 262_144, 262_145, RAW_1080P):
        row = one_frame(scenario("tdx", path, direction=direction.name.lower()), size, direction)
        assert row["copied_bytes"].tolist() == [slot_copies * size, size, 0]


@pytest.mark.parametrize(("size", "granules"), [(4_096, 1), (4_097, 2), (2 << 20, 512), ((2 << 20) + 1, 513)])
@pytest.mark.parametrize("direction", [FROM_DEVICE, TO_DEVICE])
def test_a_frame_converts_whole_granules(size: int, granules: int, direction: Direction) -> None:
    row = one_frame(scenario("sev-snp", convert("4KiB"), direction=direction.name.lower()), size, direction)
    assert (row["conversions"], row["converted_pages"]) == (2 * granules, 2 * granules)
    row = one_frame(scenario("sev-snp", convert("2MiB"), direction=direction.name.lower()), size, direction)
    whole = 2 if size > 2 << 20 else 1
    assert (row["conversions"], row["converted_pages"]) == (2 * whole, 2 * whole * 512)
