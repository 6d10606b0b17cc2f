"""What found no slots is told first, and what no size of a pool cures is told as that."""

from cluster_sim.analysis.answers.unbounced import too_large, unmapped, without_slots
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


def test_frames_of_which_none_found_slots_are_told() -> None:
    assert without_slots(Sums(rows=1, totals={"submitted": 9, "dropped_swiotlb_full": 9})) is not None
    assert without_slots(Sums(rows=1, totals={"delivered": 1, "dropped_swiotlb_full": 9})) is None
    assert without_slots(Sums(rows=1, totals={"delivered": 9})) is None
