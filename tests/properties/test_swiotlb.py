"""The compiled bounce-pool allocator and its slow twin take the same slots; the pool's invariants hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.memory.swiotlb import (
    MAPPING_BYTES_MAX,
    SLOT_BYTES,
    SLOTS_PER_SET,
    TRANSIENT,
    PoolSize,
    coco_pool_bytes,
    default_areas,
    dynamic_pool_bytes,
    empty_swiotlb,
    map_buffer,
    mapping_bytes_max,
    pieces_of,
    unmap_buffer,
)
from cluster_sim.memory.swiotlb_pool import SwiotlbPool
from tests.oracles.swiotlb_twin import Mapping, SwiotlbTwin

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

sizes = st.one_of(
    st.sampled_from([1, 2047, 2048, 2049, 4095, 4096, 4097, MAPPING_BYTES_MAX - 1, MAPPING_BYTES_MAX]),
    st.integers(1, 300 * KIB),
)
addresses = st.one_of(st.just(0), st.integers(0, 1 << 20))
steps = st.one_of(
    st.tuples(st.just("map"), sizes, st.integers(0, 7), addresses),
    st.tuples(st.just("unmap"), st.integers(0, 99), st.just(0), st.just(0)),
    st.tuples(st.just("grow"), st.just(0), st.just(0), st.just(0)),
)
masks = st.sampled_from([0, 511, 2047, 4095, 8191, 64 * KIB - 1])


@settings(max_examples=300)
@given(
    areas=st.sampled_from([1, 2, 4, 8]),
    min_align_mask=masks,
    alloc_align_mask=masks,
    transient_bytes=st.sampled_from([0, 64 * KIB, MIB]),
    history=st.lists(steps, max_size=60),
)
def test_the_compiled_allocator_and_its_twin_take_the_same_slots(
    areas: int,
    min_align_mask: int,
    alloc_align_mask: int,
    transient_bytes: int,
    history: list[tuple[str, int, int, int]],
) -> None:
    pool = SwiotlbPool(
        2 * MIB,
        areas,
        min_align_mask=min_align_mask,
        alloc_align_mask=alloc_align_mask,
        grow_bytes=4 * MIB,
        transient_bytes=transient_bytes,
    )
    twin = SwiotlbTwin(
        2 * MIB,
        areas,
        min_align_mask=min_align_mask,
        alloc_align_mask=alloc_align_mask,
        transient_bytes=transient_bytes,
    )
    live: list[tuple[Mapping, int, int, int]] = []
    hiwater = 0
    for verb, amount, cpu, address in history:
        if verb == "map":
            slot, expected = pool.map_single(amount, cpu=cpu, address=address), twin.map_single(amount, cpu, address)
            if expected is None:
                assert slot is None
            else:
                assert slot == (TRANSIENT if expected.slot is None else expected.slot)
                live.append((expected, slot, amount, address))
        elif verb == "unmap" and live:
            mapping, taken, mapped, at = live.pop(amount % len(live))
            pool.unmap_single(taken, mapped, address=at)
            twin.unmap(mapping)
        elif verb == "grow" and pool.grow():
            twin.add(2 * MIB, areas)
        hiwater = max(hiwater, pool.slots_used)
        used = [mapping for mapping, *_ in live]
        assert pool.slots_used == sum(mapping.slots for mapping in used)
        assert pool.slots_hiwater == hiwater
        assert pool.state.free_runs[: len(twin.is_taken)].tolist() == twin.free_runs()
        in_areas = [slot for mapping in used if mapping.slot is not None for slot in slots_of(mapping)]
        assert len(in_areas) == len(set(in_areas)), "no slot belongs to two mappings"
        assert int(pool.state.areas["used"].sum()) == len(in_areas)


def slots_of(mapping: Mapping) -> range:
    """The slots of a mapping, which lie in one set."""
    assert mapping.slot is not None
    taken = range(mapping.slot, mapping.slot + mapping.slots)
    assert taken[0] // SLOTS_PER_SET == taken[-1] // SLOTS_PER_SET
    return taken


@pytest.mark.parametrize(
    ("frame_bytes", "pool_mib", "frames"),
    [
        (3_110_400, 64, 21),
        (12_441_600, 64, 5),
        (24_883_200, 64, 2),
        (49_766_400, 64, 1),
        (3_110_400, 256, 85),
        (12_441_600, 256, 21),
        (24_883_200, 256, 10),
        (49_766_400, 256, 5),
        (3_110_400, 1024, 341),
    ],
)
def test_as_many_frames_fit_as_slot_sets_allow(frame_bytes: int, pool_mib: int, frames: int) -> None:
    pools = empty_swiotlb([PoolSize(pool_mib * MIB, 8)])
    pieces = -(-frame_bytes // MAPPING_BYTES_MAX)
    held = []
    places = np.zeros(pieces, np.int64)
    while map_buffer(pools, 0, 0, 0, frame_bytes, 256 * KIB, 0, places):
        held.append(places.copy())
    assert len(held) == frames
    used = int(pools.pools["slots_used"][0])
    assert used == frames * -(-frame_bytes // 2048), "a mapping that failed half-way gave all back"
    for one in held:
        unmap_buffer(pools, 0, 0, frame_bytes, 256 * KIB, 0, one)
    assert pools.pools["slots_used"][0] == 0
    assert (pools.free_runs == 128 - np.arange(len(pools.free_runs)) % 128).all()


@pytest.mark.parametrize(
    ("mapping_bytes", "a_set"),
    [(2 * KIB, 128), (128 * KIB, 2), (130 * KIB, 1), (86 * KIB, 2), (85 * KIB, 2), (84 * KIB, 3), (100, 128)],
)
def test_a_pool_of_equal_mappings_fails_at_the_occupancy_that_sets_leave(mapping_bytes: int, a_set: int) -> None:
    pool = SwiotlbPool(4 * MIB, 4)
    slots = -(-mapping_bytes // SLOT_BYTES)
    fitted = 0
    while pool.map_single(mapping_bytes) is not None:
        fitted += 1
        assert pool.slots_used <= 4 * MIB // SLOT_BYTES
    assert fitted == 16 * a_set
    assert pool.slots_used == 16 * a_set * slots, f"{a_set * slots} of the 128 slots of each set"


def test_a_pool_half_free_in_single_slots_holds_nothing_larger_than_a_slot() -> None:
    pool = SwiotlbPool(MIB)
    taken = [pool.map_single(2 * KIB) for _ in range(512)]
    for slot in taken[::2]:
        assert slot is not None
        pool.unmap_single(slot, 2 * KIB)
    assert pool.slots_used == 256
    assert pool.map_single(2 * KIB + 1) is None
    assert all(pool.map_single(2 * KIB) is not None for _ in range(256))
    assert pool.map_single(1) is None
    assert pool.slots_used == 512


def test_a_mapping_of_more_than_256_kib_never_fits() -> None:
    pool = SwiotlbPool(64 * MIB)
    assert pool.map_single(MAPPING_BYTES_MAX + 1) is None
    assert pool.map_single(MAPPING_BYTES_MAX) is not None


def test_mappings_of_a_page_or_more_begin_on_pages() -> None:
    pool = SwiotlbPool(MIB)
    assert pool.map_single(100) == 0
    assert pool.map_single(4095) == 1
    assert pool.map_single(100) == 3
    assert pool.map_single(4096) == 4
    assert pool.map_single(2048) == 6
    assert pool.map_single(4096) == 8


def test_nvme_keeps_the_bits_below_its_page_and_loses_a_page_of_the_largest_mapping() -> None:
    """min_align_mask 4095 (drivers/nvme/host/pci.c): 258,048 B at most, as swiotlb_max_mapping_size says."""
    assert mapping_bytes_max(4095) == 258_048
    assert pieces_of(258_048, mapping_bytes_max(4095)) == 1
    assert pieces_of(258_049, mapping_bytes_max(4095)) == 2
    pool = SwiotlbPool(MIB, min_align_mask=4095)
    assert pool.map_single(100, address=2048) == 1, "the second slot of a page, as the buffer is"
    assert pool.map_single(100, address=0) == 2
    assert pool.map_single(4096, address=0xE00) == 3, "the buffer begins 0x600 into the second slot of its page"
    assert pool.slots_used == 1 + 1 + 3, "0x600 before it and 4096 bytes are three slots"
    for address in range(0, 4096, 512):
        each = SwiotlbPool(256 * KIB, min_align_mask=4095)
        assert each.map_single(258_048, address=address) is not None, "what is allowed always fits an empty set"


def test_an_untrusted_device_gets_whole_granules() -> None:
    pool = SwiotlbPool(MIB, alloc_align_mask=64 * KIB - 1)
    assert [pool.map_single(100) for _ in range(2)] == [0, 32]
    assert pool.slots_used == 64


def test_a_request_of_four_mappings_takes_five_slots() -> None:
    """A 4 KiB virtio-blk read: two slots of data, header, status, descriptor table."""
    pools = empty_swiotlb([PoolSize(MIB, 1)])
    places = np.zeros(4, np.int64)
    assert map_buffer(pools, 0, 0, 0, 4096, 256 * KIB, 3, places) == 4
    assert pools.pools["slots_used"][0] == 5
    unmap_buffer(pools, 0, 0, 4096, 256 * KIB, 3, places)
    assert pools.pools["slots_used"][0] == 0
    assert map_buffer(pools, 0, 0, 0, 128 * KIB, 256 * KIB, 3, places) == 4
    assert pools.pools["slots_used"][0] == 67


def test_a_request_whose_last_mapping_finds_no_slot_gives_all_back() -> None:
    pools = empty_swiotlb([PoolSize(256 * KIB, 1)])
    assert map_buffer(pools, 0, 0, 0, 250 * KIB, 256 * KIB, 2, np.zeros(3, np.int64)) == 3
    assert map_buffer(pools, 0, 0, 0, 2 * KIB, 256 * KIB, 1, np.zeros(2, np.int64)) == 0
    assert pools.pools["slots_used"][0] == 127
    assert pools.pools["failures"][0] == 1


def test_a_dynamic_pool_takes_transient_slots_until_it_has_grown() -> None:
    pool = SwiotlbPool(MIB, grow_bytes=2 * MIB, transient_bytes=256 * KIB)
    first = [pool.map_single(256 * KIB) for _ in range(4)]
    assert not pool.wants_growth
    assert pool.map_single(256 * KIB) == TRANSIENT
    assert pool.wants_growth
    assert pool.slots_used == 640, "transient slots count (io_tlb_used)"
    assert pool.map_single(2 * KIB) is None, "memory for transient pools is used up"
    assert pool.grow() == 512
    assert not pool.wants_growth
    assert pool.map_single(256 * KIB) == 512
    pool.unmap_single(TRANSIENT, 256 * KIB)
    assert first[0] is not None
    pool.unmap_single(first[0], 256 * KIB)
    assert pool.slots_used == 512
    assert pool.map_single(256 * KIB) == 0, "the first pool is searched first"
    assert pool.grow() == 512
    assert pool.grow() == 0, "it may grow no more"


@pytest.mark.parametrize(
    ("pool_bytes", "adds"), [(64 * MIB, 4 * MIB), (4 * MIB, 4 * MIB), (2 * MIB, 2 * MIB), (3 * MIB, 2 * MIB)]
)
def test_a_dynamic_pool_adds_one_contiguous_block(pool_bytes: int, adds: int) -> None:
    assert dynamic_pool_bytes(pool_bytes) == adds


@pytest.mark.parametrize(
    ("guest_bytes", "pool_bytes"),
    [
        (GIB, 64 * MIB),
        (2 * GIB, 128 * MIB),
        (4 * GIB, 256 * MIB),
        (8 * GIB, 512 * MIB),
        (16 * GIB, GIB),
        (18 * GIB, GIB),
        (1024 * GIB, GIB),
    ],
)
def test_a_coco_guest_sizes_its_pool_from_its_memory(guest_bytes: int, pool_bytes: int) -> None:
    assert coco_pool_bytes(guest_bytes) == pool_bytes


@pytest.mark.parametrize(
    ("vcpus", "pool_bytes", "areas"),
    [(1, 64 * MIB, 1), (2, 64 * MIB, 2), (3, 64 * MIB, 4), (64, 64 * MIB, 64), (64, MIB, 4), (8, 3 * 256 * 1024, 1)],
)
def test_areas_follow_the_vcpus_up_to_a_power_of_two(vcpus: int, pool_bytes: int, areas: int) -> None:
    assert default_areas(vcpus, pool_bytes) == areas
