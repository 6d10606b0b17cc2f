"""Memory that a guest had is the host's again when it has been taken back, page by page or leaf by leaf."""

import pytest

from cluster_sim.planning.placement import NOWHERE, place_guests
from cluster_sim.planning.teardown import teardown_ns
from tests.unit.lone_host import Values, scenario
from tests.unit.planning.test_placement import CHANCE, group
from tests.unit.planning.test_placement import scenario as placed_scenario

PAGES_OF_4_GIB = 1 << 20
LEAVES_OF_4_GIB = 2_048
# None: unmapped and freed. pKVM: a call of 0.5 us, its page state, clearing, freed. SNP: 0.4 for the RMP, flush, freed.
# TDX: as published. CCA: 1.87 + 4.5, freed.
PAGE = {"none": 690, "pkvm": 1_604, "sev-snp": 850, "tdx": 4_800, "cca": 6_670}
LEAF = {"pkvm": 421_248, "sev-snp": 86_000, "tdx": 1_256_750}


@pytest.mark.parametrize("protection", PAGE)
def test_small_pages_are_taken_back_one_by_one(protection: str) -> None:
    spec = scenario(protection, {"kind": "swiotlb"})
    assert teardown_ns(spec, spec.guests[0]) == PAGES_OF_4_GIB * PAGE[protection]


@pytest.mark.parametrize("protection", LEAF)
def test_huge_pages_are_taken_back_by_leaves(protection: str) -> None:
    spec = scenario(protection, {"kind": "swiotlb"}, memory={"generation": "G4", "huge_page": "2MiB"})
    assert teardown_ns(spec, spec.guests[0]) == LEAVES_OF_4_GIB * LEAF[protection]


def test_a_guest_has_leaves_only_where_its_technology_and_its_monitor_do() -> None:
    huge: Values = {"generation": "G4", "huge_page": "2MiB"}
    one, two = (scenario("cca", {"kind": "convert", "granule": "2MiB", "rmm": rmm}, memory=huge) for rmm in (1, 2))
    assert teardown_ns(one, one.guests[0]) == PAGES_OF_4_GIB * PAGE["cca"]
    assert teardown_ns(two, two.guests[0]) == LEAVES_OF_4_GIB * 208_600
    plain = scenario("none", {"kind": "swiotlb"}, memory=huge)
    assert teardown_ns(plain, plain.guests[0]) == PAGES_OF_4_GIB * PAGE["none"]


GONE_NS = 3 * PAGES_OF_4_GIB * 4_800
"""A TDX guest of 12 GiB."""


@pytest.mark.parametrize(("late_ns", "is_placed"), [(0, True), (-1, False)])
def test_memory_is_free_for_others_when_all_of_it_was_taken_back(late_ns: int, is_placed: bool) -> None:  # noqa: FBT001
    """A host of 16 GiB: the second guest comes when, or just before, the first's 12 GiB are the host's again."""
    every_ns = 100_000_000 + GONE_NS + late_ns
    arrive: Values = {"every": f"{every_ns}ns", "stay": "100ms"}
    spec = placed_scenario(group(memory="12GiB", count=2, arrive=arrive), hosts=1, protection="tdx", duration="100s")
    first, second = place_guests(spec, CHANCE).placed
    assert first.teardown_ns == GONE_NS
    assert (second.host, second.refused_for) == ((0, "") if is_placed else (NOWHERE, "memory"))


def test_vcpus_are_free_at_once() -> None:
    """Guests of all four CPUs and 1 GiB follow each other without a gap, while memory of those before lies about."""
    arrive: Values = {"every": "10ms", "stay": "10ms"}
    spec = placed_scenario(
        group(vcpus=4, memory="1GiB", count=4, arrive=arrive), hosts=1, protection="tdx", duration="1s"
    )
    assert [guest.host for guest in place_guests(spec, CHANCE).placed] == [0, 0, 0, 0]


def test_who_stays_or_was_refused_has_nothing_to_take_back() -> None:
    spec = placed_scenario(group(memory="12GiB", count=2), hosts=1, protection="tdx")
    assert [guest.teardown_ns for guest in place_guests(spec, CHANCE).placed] == [0, 0]
