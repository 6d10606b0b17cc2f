"""What sharing a pool takes, by hand: converting its granules of 2 MiB, then a fault of each side on each page."""

import pytest

from cluster_sim.planning.pool_setup import Effects, share_ns
from cluster_sim.platform.scenario_profile import profile_of
from tests.unit.hand_prices import (
    HOST_FAULT,
    LAZY_SHARED,
    PROTECTED,
    SWIOTLB,
    TECHNOLOGIES,
    TOUCH_SHARED,
    pool,
    share,
)
from tests.unit.lone_host import Values, engine_of, scenario

MIB = 1 << 20
VCPUS = 2
CALLS = {"pkvm": 2, "sev-snp": 1, "tdx": 1, "cca": 1}
"""For two granules: pKVM's calls take one each, SNP's 64, the others any range."""
VMM_EXITS = {"pkvm": 0, "sev-snp": 1, "tdx": 2, "cca": 0}
PAGES = 1_024
"""Of 4 MiB."""


def shared_by_hand(protection: str, pages: int, calls: int, vmm_exits: int, *, is_ranged: bool = True) -> int:
    converted = share(protection, pages=pages, calls=calls, vmm_exits=vmm_exits, is_ranged=is_ranged)
    return converted + pages * (HOST_FAULT + TOUCH_SHARED[protection])


def set_up(protection: str, size_bytes: int, memory: Values | None = None, effects: Effects | None = None) -> int:
    spec = scenario(protection, SWIOTLB, memory=memory)
    return share_ns(spec, profile_of(spec), VCPUS, size_bytes, effects or Effects())


@pytest.mark.parametrize("protection", PROTECTED)
def test_two_granules_are_shared_as_a_transfer_would_and_both_sides_fault_on_each_page(protection: str) -> None:
    by_hand = shared_by_hand(protection, PAGES, CALLS[protection], VMM_EXITS[protection])
    assert set_up(protection, 4 * MIB) == by_hand


def test_who_protects_nothing_sets_nothing_up() -> None:
    assert set_up("none", 4 * MIB) == 0


@pytest.mark.parametrize("generation", ["G1", "G2"])
def test_a_pool_that_is_a_file_of_its_own_is_only_faulted_in(generation: str) -> None:
    """Nothing converts, so that no hypercall asks the monitor to map anything ahead."""
    assert set_up("tdx", 4 * MIB, {"generation": generation}) == PAGES * (HOST_FAULT + LAZY_SHARED["tdx"])


def test_huge_pages_that_sharing_splits_are_paid_for() -> None:
    """Two folios of 2 MiB split, 50 us each, and two leaves broken by PSMASH, 2 us each."""
    whole: Values = {"generation": "G4", "huge_page": "2MiB"}
    split = set_up("sev-snp", 4 * MIB, whole, Effects(split=2, leaves_broken=2))
    assert split - set_up("sev-snp", 4 * MIB, whole) == 2 * 50_000 + 2 * 2_000


@pytest.mark.parametrize("protection", TECHNOLOGIES)
@pytest.mark.parametrize(
    "path", [{**SWIOTLB, "pool": "4MiB"}, {**pool("none"), "pool": "32MiB"}], ids=["swiotlb", "pool"]
)
def test_a_guests_pool_is_set_up_before_the_run_at_that_price(protection: str, path: Values) -> None:
    size_bytes = 4 * MIB if path["kind"] == "swiotlb" else 32 * MIB
    engine = engine_of(scenario(protection, path))
    assert [guest.setup_ns for guest in engine.guests] == [set_up(protection, size_bytes)]
