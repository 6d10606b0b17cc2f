"""Huge pages, leaves and what each technology makes of them, rule by rule, by hand."""

import random

import pytest

from cluster_sim.chance.samples import sampled
from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import FIRST_TAG, MemoryRules, Operation
from tests.oracles.invariants import PAGES_1G, PAGES_2M, TECHNOLOGIES, rules_of

GIB_16 = 16 * PAGES_1G
MIB_64 = 16_384


def file_of(pages: int = 2 * PAGES_2M, technology: str = "sev-snp", kernel: str = "G4-2MiB") -> GuestMemfd:
    """A file that its guest has accepted and touched throughout."""
    file = GuestMemfd(pages, rules_of(technology, kernel), init_shared=False)
    assert file.apply(Operation.ACCEPT, 0, pages).outcome == Outcome.OK
    return file


@pytest.mark.parametrize("pages", [1, PAGES_2M - 1, PAGES_2M + 1])
def test_h_1_a_file_is_whole_huge_pages(pages: int) -> None:
    with pytest.raises(ValueError, match="multiple of 512"):
        GuestMemfd(pages, rules_of("pkvm", "G4-2MiB"), init_shared=False)


def test_h_2_allocating_and_punching_go_by_whole_huge_pages() -> None:
    file = file_of()
    for operation in (Operation.ALLOCATE, Operation.PUNCH):
        assert file.apply(operation, 1, PAGES_2M).outcome == Outcome.EINVAL
        assert file.apply(operation, 0, PAGES_2M - 1).outcome == Outcome.EINVAL
    file.convert(7, 1, to_private=False)
    file.apply(Operation.PIN_SHORT, 7, 1)
    assert file.apply(Operation.PUNCH, 0, PAGES_2M).outcome == Outcome.EAGAIN
    file.apply(Operation.UNPIN_SHORT, 7, 1)
    answer = file.apply(Operation.PUNCH, 0, PAGES_2M)
    assert (answer.outcome, answer.effects[Effect.MERGED], answer.effects[Effect.FREED]) == (Outcome.OK, 1, PAGES_2M)


def test_h_3_a_fresh_huge_page_is_split_at_once_unless_all_private() -> None:
    file = GuestMemfd(2 * PAGES_2M, rules_of("pkvm", "G4-2MiB"), init_shared=False)
    assert Effect.SPLIT not in file.convert(3, 1, to_private=False).effects, "nothing there to split"
    answer = file.apply(Operation.HOST_TOUCH, 3, 1)
    assert (answer.effects[Effect.ALLOCATED], answer.effects[Effect.SPLIT]) == (PAGES_2M, 1)
    answer = file.apply(Operation.GUEST_TOUCH_PRIVATE, PAGES_2M, 1)
    assert answer.effects[Effect.ALLOCATED] == PAGES_2M
    assert Effect.SPLIT not in answer.effects
    assert answer.effects[Effect.GUEST_FAULTS] == PAGES_2M, "one leaf maps it whole"


def test_h_4_huge_pages_before_the_refused_one_stay_converted() -> None:
    file = file_of(3 * PAGES_2M)
    file.convert(0, 3 * PAGES_2M, to_private=False)
    file.apply(Operation.PIN_LONG, PAGES_2M + 5, 1)
    answer = file.convert(0, 3 * PAGES_2M, to_private=True)
    assert (answer.outcome, answer.stopped_at) == (Outcome.EAGAIN, PAGES_2M + 5)
    assert [file.page(n * PAGES_2M).is_private for n in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    ("start", "count", "split", "broken", "zapped"), [(7, 1, 1, 1, 0), (0, 512, 1, 0, 1), (500, 24, 2, 2, 0)]
)
def test_h_5_leaves_that_cross_the_range_are_broken_then_the_page_is_split(
    start: int, count: int, split: int, broken: int, zapped: int
) -> None:
    effects = file_of().convert(start, count, to_private=False).effects
    assert effects[Effect.SPLIT] == split
    assert effects.get(Effect.LEAVES_BROKEN, 0) == broken
    assert effects.get(Effect.LEAVES_ZAPPED, 0) == zapped


def test_h_6_the_hosts_entries_are_small() -> None:
    file = file_of()
    file.convert(0, PAGES_2M, to_private=False)
    assert file.apply(Operation.HOST_TOUCH, 3, 1).effects[Effect.HOST_FAULTS] == 1


def test_h_7_the_last_shared_page_merges_and_a_pin_keeps_all_of_it_split() -> None:
    file = file_of()
    file.convert(3, 2, to_private=False)
    file.apply(Operation.PIN_LONG, 4, 1)
    assert Effect.MERGED not in file.convert(3, 1, to_private=True).effects
    for _ in range(3):
        assert file.convert(4, 1, to_private=True).outcome == Outcome.EAGAIN
        assert file.split_folios == 1
    file.apply(Operation.UNPIN_LONG, 4, 1)
    assert file.convert(4, 1, to_private=True).effects[Effect.MERGED] == 1
    assert file.split_folios == 0


def test_a_deferred_conversion_merges_at_the_last_put() -> None:
    file = file_of(kernel="G4-2MiB-defer")
    file.convert(3, 2, to_private=False)
    file.apply(Operation.PIN_SHORT, 4, 1)
    file.convert(0, PAGES_2M, to_private=True)
    assert file.split_folios == 1
    assert (
        file.apply(Operation.UNPIN_SHORT, 4, 1).effects
        == {
            Effect.CONVERTED: 1,
            Effect.CONTENT_LOST: 0,
            Effect.MERGED: 1,
        }
        or file.split_folios == 0
    )
    assert file.split_folios == 0


@pytest.mark.parametrize(("kernel", "pages", "vmemmap"), [("G4-2MiB", PAGES_2M, 7), ("G4-1GiB", PAGES_1G, 4095)])
def test_an_optimised_huge_page_needs_its_struct_pages_back(kernel: str, pages: int, vmemmap: int) -> None:
    rules = rules_of("pkvm", kernel)._replace(has_hvo=True)
    file = GuestMemfd(pages, rules, init_shared=False)
    file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 1)
    assert file.convert(0, 1, to_private=False).effects[Effect.VMEMMAP_PAGES] == vmemmap


def test_k_1_sharing_keeps_content_and_the_guests_mapping() -> None:
    file = GuestMemfd(8, rules_of("pkvm", "G3"), init_shared=False)
    file.apply(Operation.GUEST_WRITE, 0, 8, tag=FIRST_TAG)
    for to_private in (False, True):
        assert file.convert(0, 8, to_private=to_private).effects == {Effect.CONVERTED: 8}
        assert (file.page(0).content, file.page(0).is_guest_mapped) == (FIRST_TAG, True)


def test_k_3_a_broken_block_stays_broken() -> None:
    file = file_of(technology="pkvm")
    assert file.leaves(PAGES_2M) == 2
    file.convert(3, 1, to_private=False)
    file.convert(3, 1, to_private=True)
    file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, PAGES_2M)
    assert (file.split_folios, file.leaves(PAGES_2M)) == (0, 1)


def test_n_1_content_is_lost_both_ways() -> None:
    rules = rules_of("sev-snp", "G3")
    assert (rules.content_to_shared, rules.content_to_private) == (2, 2)


@pytest.mark.parametrize("technology", ["sev-snp", "tdx"])
def test_n_2_a_page_must_be_accepted_before_it_is_used(technology: str) -> None:
    file = GuestMemfd(8, rules_of(technology, "G3"), init_shared=False)
    for operation in (Operation.GUEST_TOUCH_PRIVATE, Operation.GUEST_WRITE):
        assert file.apply(operation, 0, 8, tag=FIRST_TAG).outcome == Outcome.NOT_ACCEPTED
    assert file.apply(Operation.ACCEPT, 0, 8).effects[Effect.ACCEPTED] == 8
    assert file.apply(Operation.GUEST_WRITE, 0, 8, tag=FIRST_TAG).outcome == Outcome.OK
    file.convert(0, 8, to_private=False)
    file.convert(0, 8, to_private=True)
    assert file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 8).outcome == Outcome.NOT_ACCEPTED
    assert file.apply(Operation.ACCEPT, 0, 8).outcome == Outcome.OK
    file.apply(Operation.PUNCH, 0, 8)
    assert file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 8).outcome == Outcome.NOT_ACCEPTED


def test_n_3_a_smashed_leaf_returns_only_after_all_of_it_was_shared() -> None:
    file = file_of()
    file.convert(3, 1, to_private=False)
    file.convert(3, 1, to_private=True)
    file.apply(Operation.ACCEPT, 0, PAGES_2M)
    assert file.leaves(PAGES_2M) == 1
    file.convert(0, PAGES_2M, to_private=False)
    file.convert(0, PAGES_2M, to_private=True)
    file.apply(Operation.ACCEPT, 0, PAGES_2M)
    assert file.leaves(PAGES_2M) == 2


@pytest.mark.parametrize(("pages", "kernel", "leaves"), [(2 * PAGES_2M, "G4-2MiB", 2), (PAGES_1G, "G4-1GiB", 512)])
def test_n_3_sharing_all_of_it_page_by_page_counts_too(pages: int, kernel: str, leaves: int) -> None:
    file = file_of(pages, kernel=kernel)
    for page in range(PAGES_2M):
        file.convert(page, 1, to_private=False)
    file.convert(0, PAGES_2M, to_private=True)
    file.apply(Operation.ACCEPT, 0, pages)
    assert file.leaves(PAGES_2M) == leaves


def test_d_1_accepting_zeroes() -> None:
    file = file_of(technology="tdx")
    file.apply(Operation.GUEST_WRITE, 0, 8, tag=FIRST_TAG)
    assert file.apply(Operation.ACCEPT, 0, 8).effects == {}, "what is accepted stays"
    assert file.page(0).content == FIRST_TAG
    file.convert(0, 8, to_private=False)
    file.apply(Operation.HOST_WRITE, 0, 8, tag=FIRST_TAG)
    file.convert(0, 8, to_private=True)
    file.apply(Operation.ACCEPT, 0, 8)
    assert file.page(0).content == 0


def test_d_2_accepting_a_part_keeps_the_leaf_small_for_good() -> None:
    file = GuestMemfd(2 * PAGES_2M, rules_of("tdx", "G4-2MiB"), init_shared=False)
    file.apply(Operation.ACCEPT, 0, 1)
    file.apply(Operation.ACCEPT, 0, 2 * PAGES_2M)
    assert file.leaves(PAGES_2M) == 1


def test_d_3_a_demoted_leaf_is_not_promoted() -> None:
    file = file_of(technology="tdx")
    assert file.convert(3, 1, to_private=False).effects[Effect.LEAVES_BROKEN] == 1
    file.convert(3, 1, to_private=True)
    file.apply(Operation.ACCEPT, 0, PAGES_2M)
    assert file.leaves(PAGES_2M) == 1


def test_a_1_content_is_unknown_after_a_granule_changed_sides() -> None:
    rules = rules_of("cca", "G3")
    assert (rules.content_to_shared, rules.content_to_private) == (2, 2)


def test_a_2_stage_2_stays_at_small_granules() -> None:
    assert file_of(technology="cca").leaves(PAGES_2M) == 0


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_a_gigantic_page_with_one_shared_page_has_no_large_leaf_left(technology: str) -> None:
    file = file_of(PAGES_1G, technology, "G4-1GiB")
    small, large = file.leaves(PAGES_2M), file.leaves(PAGES_1G)
    assert (small, large) == {"cca": (0, 0), "software": (0, 1)}.get(technology, (512, 0))
    file.convert(77, 1, to_private=False)
    assert file.split_folios == 1
    assert file.leaves(PAGES_2M) == file.leaves(PAGES_1G) == 0, "no leaf is larger than its folio"


HUGE = MemoryRules(0, 0, keeps_guest_mapping=False, folio_pages=PAGES_2M, leaf_pages=PAGES_2M)
GIGANTIC = HUGE._replace(folio_pages=PAGES_1G, leaf_pages=PAGES_1G)


def touched(rules: MemoryRules) -> GuestMemfd:
    file = GuestMemfd(GIB_16, rules, init_shared=False)
    file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, GIB_16)
    return file


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_h3_scattered_pages_break_nearly_all_huge_leaves_and_a_cluster_only_its_own(seed: int) -> None:
    """16 GiB guest, 64 MiB shared: a block stays whole with probability (1 - 1/8192) ** 16384 (about e ** -2)."""
    blocks = GIB_16 // PAGES_2M
    untouched = (1 - 1 / blocks) ** MIB_64
    expected = blocks * (1 - untouched)
    spread = 3 * (blocks * untouched * (1 - untouched)) ** 0.5
    assert round(expected) == 7083
    chosen = {
        "by the model's own placement": sampled(MIB_64, GIB_16, seed).tolist(),
        "by another generator": random.Random(seed).sample(range(GIB_16), MIB_64),
    }
    for name, pages in chosen.items():
        file = touched(HUGE)
        broken = sum(file.convert(page, 1, to_private=False).effects.get(Effect.LEAVES_BROKEN, 0) for page in pages)
        assert len(set(pages)) == MIB_64
        assert abs(broken - expected) <= spread, name
        assert broken == blocks - file.leaves(PAGES_2M) == file.split_folios
    clustered = touched(HUGE)
    effects = clustered.convert(40 * PAGES_2M, MIB_64, to_private=False).effects
    assert effects[Effect.LEAVES_ZAPPED] == clustered.split_folios == blocks - clustered.leaves(PAGES_2M) == 32
    assert Effect.LEAVES_BROKEN not in effects, "32 whole ones"


def test_h3_of_gigantic_pages_all_are_broken_against_one() -> None:
    file = touched(GIGANTIC)
    assert file.leaves(PAGES_1G) == 16
    for page in sampled(MIB_64, GIB_16, 1).tolist():
        file.convert(page, 1, to_private=False)
    assert (file.leaves(PAGES_1G), file.split_folios) == (0, 16)
    file = touched(GIGANTIC)
    file.convert(40 * PAGES_2M, MIB_64, to_private=False)
    assert (file.leaves(PAGES_1G), file.split_folios) == (15, 1)


def test_where_leaves_are_not_sticky_they_come_back_at_the_next_fault() -> None:
    file = file_of(PAGES_1G, "software", "G4-1GiB")
    file.convert(77, 1, to_private=False)
    file.convert(77, 1, to_private=True)
    assert file.leaves(PAGES_1G) == 0
    file.apply(Operation.GUEST_TOUCH_PRIVATE, 5, 1)
    assert file.leaves(PAGES_1G) == 1
