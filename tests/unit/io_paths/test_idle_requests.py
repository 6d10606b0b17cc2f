"""Block requests and network packets alone on an idle host: the sum of their steps, by hand, path by technology.

A block request is asked for by a doorbell and answered by an interrupt on every path. Storage takes 80 us and then
2 GB/s = 524,288 ns a MiB; while it serves, the worker is free, and is woken again.
"""

import numpy as np
import pytest

from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import (
    CONVERT_4K,
    DIRECT,
    HOST_FAULT,
    HOST_UNMAP,
    INTERRUPT,
    INTERRUPT_EXITS,
    IOMMU_MAP,
    IOMMU_MAP_CALL,
    IOMMU_UNMAP,
    IOMMU_UNMAP_CALL,
    KICK,
    LONG_LIVED,
    LOSING_CONTENT,
    MAP_PIECE,
    MIB,
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
from tests.unit.lone_host import Values, engine_of, one_frame, scenario

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
STORAGE: Values = {"storage": {"latency": "80us", "rate": "2GB/s"}}
KIB_4, KIB_128, PACKET = 4_096, 128 << 10, 1_500
COPY = {KIB_4: 610, KIB_128: 13_637, PACKET: 356}
"""Measured points of a cold copy."""
SERVED = {size: 80_000 + size * 524_288 // MIB + WAKE_WORKER for size in (KIB_4, KIB_128)}
SENT = PACKET * 335_544 // MIB
"""A network card of 25 Gb/s: 335,544 ns a MiB."""
MAPPINGS = 1 + 3
"""Of a block request: the data, the header, the status, the table of descriptors."""


def block(protection: str, path: Values, size: int, direction: Direction) -> np.void:
    work: Values = {"kind": "block", "rw": "randread" if direction == FROM_DEVICE else "randwrite", "bs": f"{size}B"}
    return one_frame(scenario(protection, path, host=STORAGE, guest={"workloads": [work]}), size, direction)


def packet(protection: str, path: Values, direction: Direction) -> np.void:
    work: Values = {"kind": "network", "direction": direction.name.lower(), "size": f"{PACKET}B"}
    return one_frame(scenario(protection, path, guest={"workloads": [work]}), PACKET, direction)


def check(row: np.void, latency_ns: int) -> None:
    assert row["ended_ns"] - row["submitted_ns"] == latency_ns
    assert row["ledger"].sum() == latency_ns
    assert row["is_intact"] == 1


def rings(protection: str) -> int:
    return KICK[protection] + WORKER


def share_pages(protection: str, size: int) -> int:
    """One request's pages fit in one call: 64 entries of SNP hold 32, and pKVM has a call a page."""
    pages = -(-size // KIB_4)
    calls = pages if protection == "pkvm" else 1
    return share(protection, pages=pages, calls=calls, vmm_exits=1, is_ranged=False)


def unshare_pages(protection: str, size: int) -> int:
    pages = -(-size // KIB_4)
    calls = pages if protection == "pkvm" else 1
    unmapped = pages * HOST_UNMAP + calls * UNMAP_EXIT[protection]
    return unmapped + unshare(protection, pages=pages, calls=calls, vmm_exits=1, is_ranged=False)


def faults(size: int) -> int:
    return -(-size // KIB_4) * HOST_FAULT


def touch(protection: str, size: int) -> int:
    return -(-size // KIB_4) * TOUCH_SHARED[protection]


@pytest.mark.parametrize("size", [KIB_4, KIB_128])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_block_request_through_swiotlb_maps_four_buffers(protection: str, size: int) -> None:
    around = MAPPINGS * (MAP_PIECE + UNMAP_PIECE) + rings(protection) + SERVED[size] + INTERRUPT[protection]
    check(block(protection, SWIOTLB, size, FROM_DEVICE), around + 3 * COPY[size])
    check(block(protection, SWIOTLB, size, TO_DEVICE), around + 2 * COPY[size])


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_the_disks_own_dma_leaves_the_hosts_copy_out(protection: str) -> None:
    by_device = SWIOTLB | {"copier": "device"}
    around = MAPPINGS * (MAP_PIECE + UNMAP_PIECE) + rings(protection) + SERVED[KIB_4] + INTERRUPT[protection]
    check(block(protection, by_device, KIB_4, FROM_DEVICE), around + 2 * COPY[KIB_4])
    check(block(protection, by_device, KIB_4, TO_DEVICE), around + COPY[KIB_4])


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_where_mappings_stay_a_block_request_still_rings_and_is_answered(protection: str) -> None:
    latency_ns = rings(protection) + SERVED[KIB_4] + INTERRUPT[protection] + 2 * COPY[KIB_4]
    for direction in (FROM_DEVICE, TO_DEVICE):
        row = block(protection, LONG_LIVED, KIB_4, direction)
        check(row, latency_ns)
        assert row["exits"] == 1 + INTERRUPT_EXITS[protection]


@pytest.mark.parametrize(("copied", "copies"), [("none", 0), ("producer", 1), ("consumer", 1), ("both", 2)])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_through_a_shared_pool_a_block_request_rings_and_is_answered(protection: str, copied: str, copies: int) -> None:
    latency_ns = rings(protection) + SERVED[KIB_4] + INTERRUPT[protection] + copies * COPY[KIB_4]
    for direction in (FROM_DEVICE, TO_DEVICE):
        row = block(protection, pool(copied), KIB_4, direction)
        check(row, latency_ns)
        assert row["exits"] == 1 + INTERRUPT_EXITS[protection]


@pytest.mark.parametrize("size", [KIB_4, KIB_128])
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_block_request_in_converted_pages(protection: str, size: int) -> None:
    both_ways = share_pages(protection, size) + unshare_pages(protection, size)
    host = rings(protection) + SERVED[size] + faults(size) + COPY[size] + INTERRUPT[protection]
    copied_out = touch(protection, size) + COPY[size] if protection in LOSING_CONTENT else 0
    check(block(protection, CONVERT_4K, size, FROM_DEVICE), both_ways + host + copied_out)
    check(block(protection, CONVERT_4K, size, TO_DEVICE), both_ways + host + touch(protection, size))


@pytest.mark.parametrize("path", [DIRECT, CONVERT_4K], ids=["direct", "convert"])
@pytest.mark.parametrize("direction", [FROM_DEVICE, TO_DEVICE])
def test_a_block_request_of_a_guest_that_nobody_protects(path: Values, direction: Direction) -> None:
    around = rings("none") + SERVED[KIB_128] + INTERRUPT["none"]
    check(block("none", path, KIB_128, direction), around + COPY[KIB_128])
    mapped = IOMMU_MAP_CALL + IOMMU_UNMAP_CALL + 32 * (IOMMU_MAP + IOMMU_UNMAP)
    check(block("none", path | {"copier": "device"}, KIB_128, direction), around + mapped)


@pytest.mark.parametrize("direction", [FROM_DEVICE, TO_DEVICE])
def test_a_disk_that_reaches_the_pages_itself_serves_between_mapping_and_unmapping(direction: Direction) -> None:
    work: Values = {"kind": "block", "rw": "randread" if direction == FROM_DEVICE else "randwrite"}
    spec = scenario("none", DIRECT | {"copier": "device"}, host=STORAGE, guest={"workloads": [work]})
    engine = engine_of(spec, journal_entries=64, is_alone=True)
    program = engine.streams[0].programs[direction].steps
    texts = [step.text for step in program]
    order = ["pin the buffer for DMA", "map in the IOMMU", "the storage serves the request"]
    order += ["unmap from the IOMMU and invalidate", "unpin the buffer"]
    places = [texts.index(text) for text in order]
    assert places == sorted(places)
    assert texts.count("the storage serves the request") == 1


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_packet_that_comes_in_through_swiotlb(protection: str) -> None:
    """Its last bit is in when it arrives, so that the network card takes no more time."""
    around = MAP_PIECE + UNMAP_PIECE + rings(protection) + INTERRUPT[protection]
    check(packet(protection, SWIOTLB, FROM_DEVICE), around + 3 * COPY[PACKET])
    check(packet(protection, LONG_LIVED, FROM_DEVICE), WORKER + INTERRUPT[protection] + 2 * COPY[PACKET])


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_packet_that_goes_out_through_swiotlb_is_cleaned_up_without_an_interrupt(protection: str) -> None:
    sent = rings(protection) + 2 * COPY[PACKET] + SENT
    check(packet(protection, SWIOTLB, TO_DEVICE), MAP_PIECE + sent + UNMAP_PIECE)
    check(packet(protection, LONG_LIVED, TO_DEVICE), sent)


@pytest.mark.parametrize(("copied", "copies"), [("none", 0), ("producer", 1), ("consumer", 1), ("both", 2)])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_packets_through_a_shared_pool(protection: str, copied: str, copies: int) -> None:
    moved = copies * COPY[PACKET]
    check(packet(protection, pool(copied), FROM_DEVICE), WORKER + INTERRUPT[protection] + moved)
    check(packet(protection, pool(copied), TO_DEVICE), rings(protection) + SENT + moved)


@pytest.mark.parametrize("protection", PROTECTED)
def test_packets_in_converted_pages(protection: str) -> None:
    both_ways = share_pages(protection, PACKET) + unshare_pages(protection, PACKET)
    host = rings(protection) + faults(PACKET) + COPY[PACKET]
    copied_out = touch(protection, PACKET) + COPY[PACKET] if protection in LOSING_CONTENT else 0
    coming = both_ways + host + INTERRUPT[protection] + copied_out
    check(packet(protection, CONVERT_4K, FROM_DEVICE), coming)
    check(packet(protection, CONVERT_4K, TO_DEVICE), both_ways + host + touch(protection, PACKET) + SENT)


def test_packets_of_a_guest_that_nobody_protects() -> None:
    check(packet("none", DIRECT, FROM_DEVICE), rings("none") + COPY[PACKET] + INTERRUPT["none"])
    check(packet("none", DIRECT, TO_DEVICE), rings("none") + COPY[PACKET] + SENT)


@pytest.mark.parametrize(("direction", "copies"), [(FROM_DEVICE, 2), (TO_DEVICE, 1)])
def test_each_nanosecond_of_a_block_request_is_in_its_category(direction: Direction, copies: int) -> None:
    ledger = block("sev-snp", SWIOTLB, KIB_4, direction)["ledger"]
    assert {category: int(ledger[category]) for category in Category if ledger[category]} == {
        Category.SLOTS: 4 * (115 + 116),
        Category.EXIT: 3_553,
        Category.HOST_COPY: 610,
        Category.GUEST_COPY: copies * 610,
        Category.STORAGE: 80_000 + 2_048,
        Category.NOTIFY: 2_400 + 2_000 + 2_400 + 480 + 18_157,
    }
