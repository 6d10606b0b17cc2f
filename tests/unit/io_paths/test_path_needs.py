"""What each path needs of a guest, against the definition and the technology by hand."""

import pytest
from pydantic import TypeAdapter

from cluster_sim.io_paths.path_needs import ALL_BUFFERS, BufferLife, PathNeeds, PoolNeeds, SlotNeeds
from cluster_sim.io_paths.programs import needs
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import IoPath
from cluster_sim.scenario.spec import GuestGroupSpec
from tests.unit.lone_host import Values

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PATHS: TypeAdapter[IoPath] = TypeAdapter(IoPath)


def needs_of(
    path: Values, *, protection: str = "sev-snp", memory: str = "4GiB", generation: str = "G3", vcpus: int = 2
) -> PathNeeds:
    """What a path needs of a guest of so many vCPUs and so much memory."""
    guest = GuestGroupSpec.model_validate(
        {
            "name": "one",
            "count_per_host": 1,
            "vcpus": vcpus,
            "memory": memory,
            "workloads": [{"kind": "block"}],
        }
    )
    spec = MemorySpec.model_validate({"generation": generation})
    return needs(PATHS.validate_python(path), guest, PROTECTIONS[protection], spec)


def test_direct_needs_nothing_but_the_buffers_of_the_stream() -> None:
    found = needs_of({"kind": "direct"}, protection="none")
    assert found == PathNeeds(has_device_buffers=True, has_own_buffers=False, granule_bytes=4 * KIB, pool=None)
    assert (found.areas, found.grow_bytes, found.slots, found.has_buffers_in_pool) == (1, 0, None, False)


def test_bouncing_needs_private_buffers_and_a_pool_that_the_device_reaches_in_their_place() -> None:
    path: Values = {"kind": "swiotlb", "pool": "8MiB", "areas": 4, "min_align_mask": 4095, "alloc_align_mask": 2047}
    found = needs_of(path)
    slots = SlotNeeds(min_align_mask=4095, alloc_align_mask=2047)
    pool = PoolNeeds(pool_bytes=8 * MIB, areas=4, slots=slots, lies_low=True)
    life = BufferLife(posted=ALL_BUFFERS)
    assert found == PathNeeds(has_device_buffers=False, has_own_buffers=True, pool=pool, life=life)
    assert (found.areas, found.slots, found.has_buffers_in_pool) == (4, slots, False)


@pytest.mark.parametrize(
    ("protection", "memory", "pool_bytes"),
    [
        ("sev-snp", "1GiB", 64 * MIB),  # 6 % is 61.4 MiB: the least is 64 MiB
        ("sev-snp", "4GiB", 256 * MIB),  # 245.8 MiB, up to a power of two
        ("tdx", "32GiB", GIB),  # 6 % is 1.92 GiB: the most is 1 GiB
        ("pkvm", "4GiB", 64 * MIB),
        ("none", "32GiB", 64 * MIB),
    ],
)
def test_a_pool_of_no_given_size_is_sized_as_the_technology_does(protection: str, memory: str, pool_bytes: int) -> None:
    pool = needs_of({"kind": "swiotlb"}, protection=protection, memory=memory).pool
    assert pool is not None
    assert pool.pool_bytes == pool_bytes


@pytest.mark.parametrize(("protection", "areas"), [("sev-snp", 8), ("tdx", 8), ("pkvm", 1)])
def test_a_pool_has_an_area_a_vcpu_where_the_technology_does_not_restrict_it(protection: str, areas: int) -> None:
    assert needs_of({"kind": "swiotlb"}, protection=protection, vcpus=8).areas == areas


@pytest.mark.parametrize(
    ("memory", "transient_bytes"), [("1GiB", 128 * KIB), ("8GiB", MIB), ("32GiB", 4 * MIB), ("256GiB", 4 * MIB)]
)
def test_a_pool_that_grows_has_an_atomic_pool_of_128_kib_a_gib_to_4_mib(memory: str, transient_bytes: int) -> None:
    found = needs_of({"kind": "swiotlb", "dynamic": True, "grow": "16MiB"}, memory=memory)
    assert found.slots is not None
    assert (found.grow_bytes, found.slots.transient_bytes) == (16 * MIB, transient_bytes)


def test_a_pool_that_does_not_grow_has_neither_growth_nor_an_atomic_pool() -> None:
    assert needs_of({"kind": "swiotlb", "grow": "16MiB"}).slots == SlotNeeds()


def test_a_pool_may_be_a_devices_own_and_has_one_area_then() -> None:
    found = needs_of({"kind": "swiotlb", "restricted": True}, vcpus=8)
    assert (found.areas, found.slots) == (1, SlotNeeds(is_per_device=True))


@pytest.mark.parametrize(
    ("protection", "generation", "has_own_buffers"),
    [("pkvm", "G3", False), ("pkvm", "G0", True), ("sev-snp", "G3", True), ("tdx", "G3", True), ("none", "G3", False)],
)
def test_conversion_needs_private_buffers_only_where_it_loses_what_it_converts(
    protection: str, generation: str, *, has_own_buffers: bool
) -> None:
    path: Values = {"kind": "convert", "granule": "2MiB", "calls": "ranged"}
    found = needs_of(path, protection=protection, generation=generation)
    assert found == PathNeeds(
        has_device_buffers=True,
        has_own_buffers=has_own_buffers,
        granule_bytes=2 * MIB,
        converts_buffers=protection != "none",
        calls="ranged",
    )


@pytest.mark.parametrize(
    ("copies", "has_own_buffers"), [("none", False), ("producer", True), ("consumer", True), ("both", True)]
)
def test_a_shared_pool_holds_the_buffers_and_needs_private_ones_only_for_copies(
    copies: str, *, has_own_buffers: bool
) -> None:
    found = needs_of({"kind": "shared_pool", "copy": copies, "pool": "32MiB"})
    pool = PoolNeeds(pool_bytes=32 * MIB, areas=1, slots=None)
    assert found == PathNeeds(has_device_buffers=True, has_own_buffers=has_own_buffers, pool=pool)
    assert found.has_buffers_in_pool


def test_a_shared_pool_of_no_given_size_is_as_large_as_its_buffers() -> None:
    assert needs_of({"kind": "shared_pool", "copy": "none"}).pool == PoolNeeds(pool_bytes=None)
