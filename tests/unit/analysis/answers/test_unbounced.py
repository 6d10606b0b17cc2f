"""What found no slots is told first, and what no size of a pool cures is told as that."""

from cluster_sim.analysis.answers.unbounced import refused, too_large, unmapped
from cluster_sim.analysis.summaries.sums import Sums


def test_a_mapping_that_is_too_large_is_told_with_its_share() -> None:
    sums = Sums(rows=2, totals={"submitted": 60, "dropped_mapping_too_large": 60, "unmapped_buffers": 8})
    sentence = too_large(sums)
    assert sentence is not None
    assert sentence.startswith("100 % of frames were dropped")
    assert sentence.endswith("no size of the pool cures it")
    assert unmapped(sums) is None, "the reason is told once"


def test_buffers_without_slots_are_told_a_guest() -> None:
    dead = Sums(rows=2, totals={"submitted": 60, "unmapped_buffers": 20})
    short = Sums(rows=2, totals={"submitted": 60, "delivered": 60, "unmapped_buffers": 18})
    assert unmapped(dead) == (
        "10 buffers a guest found no slots at the start, and the device did not start: it can not do with fewer"
    )
    assert unmapped(short) == (
        "9 buffers a guest found no slots at the start, so that rings are shorter or devices did not start"
    )


def test_a_pool_that_refuses_is_told_with_its_size_its_peak_and_what_became_of_it() -> None:
    pool = {"pool_bytes": 2 * (64 << 20), "slots_hiwater": 2 * 16_384, "slots_refused": 18, "submitted": 36}
    none = Sums(rows=2, totals={**pool, "dropped_swiotlb_full": 36})
    some = Sums(rows=2, totals={**pool, "dropped_swiotlb_full": 9, "delivered": 27})
    again = Sums(rows=2, totals={**pool, "delivered": 36})
    told = "the bounce pool of 64 MiB, used up to 32 MiB, refused 9 mappings a guest"
    assert refused(none) == f"{told}, so that 100 % of frames were dropped and none was delivered"
    assert refused(some) == f"{told}, so that 25 % of frames were dropped"
    assert refused(again) == f"{told}, which were tried again until there were slots"
    assert refused(Sums(rows=1, totals={"delivered": 9})) is None


def test_what_a_pool_grew_by_is_part_of_its_size() -> None:
    grown = {"pool_bytes": 4 << 20, "grown_bytes": 60 << 20, "slots_refused": 1, "submitted": 1, "delivered": 1}
    assert "the bounce pool of 64 MiB" in str(refused(Sums(rows=1, totals=grown)))
