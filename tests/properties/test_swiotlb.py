"""The compiled bounce-pool allocator and its slow twin take the same slots; the pool's invariants hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_sim.memory.swiotlb import (
    MAPPING_BYTES_MAX,
    SwiotlbPool,
    coco_pool_bytes,
    default_areas,
    empty_swiotlb,
    map_pieces,
    unmap_pieces,
)
from tests.oracles.swiotlb_twin import SLOTS_PER_SET, SwiotlbTwin

MIB = 1 << 20
GIB = 1 << 30

sizes = st.one_of(
    st.sampled_from([1, 2047, 2048, 2049, 4095, 4096, 4097, MAPPING_BYTES_MAX - 1, MAPPING_BYTES_MAX]),
    st.integers(1, 300 * 1024),
)
steps = st.one_of(
    st.tuples(st.just("map"), sizes, st.integers(0, 7)), st.tuples(st.just("unmap"), st.integers(0, 99), st.just(0))
)


@settings(max_examples=150)
@given(areas=st.sampled_from([1, 2, 4, 8]), history=st.lists(steps, max_size=60))
def test_the_compiled_allocator_and_its_twin_take_the_same_slots(
    areas: int, history: list[tuple[str, int, int]]
) -> None:
    pool, twin = SwiotlbPool(2 * MIB, areas), SwiotlbTwin(2 * MIB, areas)
    live: list[tuple[int, int]] = []
    for verb, amount, cpu in history:
        if verb == "map":
            slot = pool.map_single(amount, cpu=cpu)
            assert slot == twin.map_single(amount, cpu % areas)
            assert slot is None or amount <= MAPPING_BYTES_MAX
            if slot is not None:
                slots = -(-amount // 2048)
                assert slot // SLOTS_PER_SET == (slot + slots - 1) // SLOTS_PER_SET
                live.append((slot, amount))
        elif live:
            slot, mapped = live.pop(amount % len(live))
            pool.unmap_single(slot, mapped)
            twin.unmap_single(slot, mapped)
        assert pool.slots_used == sum(-(-mapped // 2048) for _, mapped in live)
        assert pool.slots_hiwater >= pool.slots_used
        assert pool.state.free_runs.tolist() == twin.free_runs()


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
    pools = empty_swiotlb([(pool_mib * MIB, 8)])
    pieces = -(-frame_bytes // MAPPING_BYTES_MAX)
    held = []
    slots = np.zeros(pieces, np.int64)
    while map_pieces(pools, 0, 0, frame_bytes, slots):
        held.append(slots.copy())
    assert len(held) == frames
    used = int(pools.pools["slots_used"][0])
    assert used == frames * -(-frame_bytes // 2048), "a mapping that failed half-way gave all back"
    for one in held:
        unmap_pieces(pools, 0, frame_bytes, one)
    assert pools.pools["slots_used"][0] == 0
    assert (pools.free_runs == 128 - np.arange(len(pools.free_runs)) % 128).all()


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
