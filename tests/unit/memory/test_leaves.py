"""Whole leaves of 2 MiB: when a conversion, a fault, an accept or a pin takes one, and when 512 pages one by one."""

import pytest

from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import Operation
from tests.oracles.invariants import PAGES_1G, PAGES_2M, rules_of

HARDWARE = ("pkvm", "sev-snp", "tdx")


def file_of(technology: str, kernel: str = "G4-2MiB", pages: int = 3 * PAGES_2M) -> GuestMemfd:
    """A file that its guest has accepted and mapped throughout."""
    file = GuestMemfd(pages, rules_of(technology, kernel), init_shared=False)
    assert file.apply(Operation.ACCEPT, 0, pages).outcome == Outcome.OK
    return file


def leaves(effects: dict[Effect, int]) -> dict[str, int]:
    """The counts by leaf that are not 0."""
    return {effect.name: count for effect, count in effects.items() if effect.name.endswith("_2M") and count}


@pytest.mark.parametrize("technology", HARDWARE)
@pytest.mark.parametrize(
    ("start", "count", "whole"), [(0, 512, 1), (0, 760, 1), (512, 1024, 2), (100, 1024, 1), (1, 511, 0), (100, 512, 0)]
)
def test_a_block_inside_the_range_converts_by_one_leaf_and_the_ends_by_pages(
    technology: str, start: int, count: int, whole: int
) -> None:
    effects = file_of(technology).convert(start, count, to_private=False).effects
    assert (effects[Effect.CONVERTED], effects.get(Effect.CONVERTED_2M, 0)) == (count, whole)


@pytest.mark.parametrize("technology", HARDWARE)
def test_a_whole_leaf_goes_back_as_one(technology: str) -> None:
    file = file_of(technology)
    for _ in range(3):
        for to_private in (False, True):
            effects = file.convert(0, PAGES_2M, to_private=to_private).effects
            assert effects[Effect.CONVERTED_2M] == 1
        file.apply(Operation.ACCEPT, 0, PAGES_2M)
    assert file.leaves(PAGES_2M) == 3


@pytest.mark.parametrize("technology", [*HARDWARE, "cca"])
def test_4_kib_folios_have_no_leaf(technology: str) -> None:
    file = file_of(technology, "G3")
    for to_private in (False, True):
        assert leaves(file.convert(0, PAGES_2M, to_private=to_private).effects) == {}


def test_a_technology_without_huge_leaves_converts_page_by_page() -> None:
    file = file_of("cca")
    for to_private in (False, True):
        assert leaves(file.convert(0, PAGES_2M, to_private=to_private).effects) == {}


@pytest.mark.parametrize("technology", HARDWARE)
def test_a_leaf_once_broken_converts_page_by_page_until_all_of_it_was_shared(technology: str) -> None:
    file = file_of(technology)
    file.convert(7, 1, to_private=False)
    file.convert(7, 1, to_private=True)
    file.apply(Operation.ACCEPT, 7, 1)
    shared = file.convert(0, PAGES_2M, to_private=False).effects
    assert Effect.CONVERTED_2M not in shared, "the hardware holds 512 entries"
    assert file.convert(0, PAGES_2M, to_private=True).effects[Effect.CONVERTED_2M] == 1, "healed"


def test_what_small_entries_map_converts_page_by_page_also_where_nothing_was_broken() -> None:
    """A folio nobody has used is split, mapped in part, and merged: it never had a leaf, and has entries now."""
    file = GuestMemfd(PAGES_2M, rules_of("sev-snp", "G4-2MiB"), init_shared=False)
    file.convert(7, 1, to_private=False)
    assert file.apply(Operation.MAP_FOR_GUEST, 0, 3).effects[Effect.GUEST_FAULTS] == 3
    file.convert(7, 1, to_private=True)
    assert leaves(file.convert(0, PAGES_2M, to_private=False).effects) == {}


@pytest.mark.parametrize("technology", ["sev-snp", "tdx"])
def test_an_accept_of_2_mib_needs_a_leaf_of_2_mib(technology: str) -> None:
    file = file_of(technology)
    file.convert(0, PAGES_2M, to_private=False)
    file.convert(0, PAGES_2M, to_private=True)
    effects = file.apply(Operation.ACCEPT, 0, PAGES_2M).effects
    assert leaves(effects) == {"ACCEPTED_2M": 1, "GUEST_FAULTS_2M": 1}
    file.convert(0, 1, to_private=False)
    file.convert(0, 1, to_private=True)
    effects = file.apply(Operation.ACCEPT, 0, PAGES_2M).effects
    assert effects[Effect.ACCEPTED] == 1, "only what was converted; its neighbours kept their state"
    assert leaves(effects) == {}, "the size does not match: one by one"


def test_what_the_host_maps_ahead_faults_no_more_and_is_still_to_be_accepted() -> None:
    file = file_of("sev-snp")
    file.convert(0, PAGES_2M, to_private=False)
    file.convert(0, PAGES_2M, to_private=True)
    assert leaves(file.apply(Operation.MAP_FOR_GUEST, 0, PAGES_2M).effects) == {"GUEST_FAULTS_2M": 1}
    assert file.apply(Operation.GUEST_WRITE, 0, 1).outcome == Outcome.NOT_ACCEPTED
    effects = file.apply(Operation.ACCEPT, 0, PAGES_2M).effects
    assert (effects[Effect.ACCEPTED], effects.get(Effect.GUEST_FAULTS, 0)) == (PAGES_2M, 0)
    assert leaves(effects) == {"ACCEPTED_2M": 1}


def test_mapping_ahead_takes_shared_pages_as_they_lie() -> None:
    file = file_of("sev-snp")
    file.convert(0, PAGES_2M, to_private=False)
    effects = file.apply(Operation.MAP_FOR_GUEST, 0, PAGES_2M).effects
    assert effects[Effect.GUEST_FAULTS] == PAGES_2M
    assert leaves(effects) == {}, "a shared page has split the folio"


def test_the_hosts_entries_are_small_where_a_shared_page_splits() -> None:
    file = file_of("sev-snp")
    file.convert(0, PAGES_2M, to_private=False)
    effects = file.apply(Operation.HOST_TOUCH, 0, 3).effects
    assert effects[Effect.HOST_FAULTS] == 3
    effects = file.convert(0, PAGES_2M, to_private=True).effects
    assert (effects[Effect.HOST_UNMAPPED], leaves(effects)) == (3, {"CONVERTED_2M": 1})


@pytest.mark.parametrize("technology", HARDWARE)
def test_a_folio_that_stays_whole_is_mapped_by_leaves_on_both_sides(technology: str) -> None:
    file = file_of(technology, "G4-2MiB-whole")
    shared = file.convert(0, PAGES_2M, to_private=False).effects
    assert Effect.SPLIT not in shared
    touched = file.apply(Operation.HOST_TOUCH, 5, 1, view=2).effects
    assert (touched[Effect.HOST_FAULTS], touched[Effect.HOST_FAULTS_2M]) == (PAGES_2M, 1)
    assert file.apply(Operation.HOST_WRITE, 0, PAGES_2M, view=2, tag=9).effects == {}
    faulted = file.apply(Operation.GUEST_TOUCH_SHARED, 5, 1).effects
    if technology != "pkvm":
        assert (faulted[Effect.GUEST_FAULTS], faulted[Effect.GUEST_FAULTS_2M]) == (PAGES_2M, 1)
    private = file.convert(0, PAGES_2M, to_private=True).effects
    assert Effect.MERGED not in private
    assert leaves(private) == {"HOST_UNMAPPED_2M": 1, "CONVERTED_2M": 1}


def test_a_folio_that_stays_whole_splits_when_a_part_of_it_turns_private() -> None:
    file = file_of("sev-snp", "G4-2MiB-whole")
    file.convert(0, PAGES_2M, to_private=False)
    file.apply(Operation.HOST_TOUCH, 0, 1)
    effects = file.convert(0, 8, to_private=True).effects
    assert (effects[Effect.SPLIT], effects[Effect.HOST_UNMAPPED], leaves(effects)) == (1, 8, {})
    effects = file.convert(0, 8, to_private=False).effects
    assert effects[Effect.MERGED] == 1


def test_unmapping_a_part_breaks_the_hosts_leaf() -> None:
    file = file_of("sev-snp", "G4-2MiB-whole")
    file.convert(0, PAGES_2M, to_private=False)
    file.apply(Operation.HOST_TOUCH, 0, 1)
    assert leaves(file.apply(Operation.UNMAP_HOST, 0, 8).effects) == {}
    effects = file.apply(Operation.UNMAP_ALL, 0, PAGES_2M).effects
    assert (effects[Effect.HOST_UNMAPPED], leaves(effects)) == (PAGES_2M - 8, {})
    file.apply(Operation.HOST_TOUCH, 0, 1)
    assert leaves(file.apply(Operation.UNMAP_ALL, 0, PAGES_2M).effects) == {"HOST_UNMAPPED_2M": 1}


@pytest.mark.parametrize(("kernel", "leaf"), [("G3", 0), ("G4-2MiB", 1), ("G4-1GiB", 1)])
def test_an_iommu_maps_what_lies_in_one_piece_by_a_leaf(kernel: str, leaf: int) -> None:
    file = file_of("sev-snp", kernel, PAGES_1G)
    file.convert(0, 2 * PAGES_2M, to_private=False)
    effects = file.apply(Operation.PIN_SHORT, 100, 924).effects
    assert (effects[Effect.PINNED], effects.get(Effect.PINNED_2M, 0)) == (924, leaf)


@pytest.mark.parametrize("technology", ["sev-snp", "tdx"])
def test_1_gib_is_512_leaves_of_2_mib(technology: str) -> None:
    file = file_of(technology, "G4-1GiB", PAGES_1G)
    for to_private in (False, True):
        assert file.convert(0, PAGES_1G, to_private=to_private).effects[Effect.CONVERTED_2M] == 512
    assert file.apply(Operation.ACCEPT, 0, PAGES_1G).effects[Effect.ACCEPTED_2M] == 512


def test_a_gib_that_some_page_keeps_split_converts_page_by_page() -> None:
    file = file_of("sev-snp", "G4-1GiB", PAGES_1G)
    file.convert(PAGES_1G - 1, 1, to_private=False)
    for to_private in (False, True):
        effects = file.convert(0, PAGES_2M, to_private=to_private).effects
        assert leaves(effects) == {}
        assert Effect.SPLIT not in effects
        assert Effect.MERGED not in effects
