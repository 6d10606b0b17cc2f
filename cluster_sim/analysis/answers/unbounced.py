"""What a reader must know first of a run's bounce pools: frames that no pool takes, buffers that stayed unmapped."""

from collections.abc import Callable, Iterator

from cluster_sim.analysis.answers.phrases import listed
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries.sums import Sums

MOST_NAMED = 3
"""Variants of a sentence that are named."""

Tell = Callable[[Sums], str | None]


def unbounced(reading: RunReading) -> list[str]:
    """A sentence a group for each such thing, with the variants where it is so."""
    return [sentence for tell in (too_large, unmapped, without_slots) for sentence in told(reading, tell)]


def told(reading: RunReading, tell: Tell) -> Iterator[str]:
    """Sentences of one kind; those of a group that say the same are one, with their variants."""
    found: dict[tuple[str, str], list[str]] = {}
    for (variant, group), sums in reading.guest_sums.items():
        if sentence := tell(sums):
            found.setdefault((group, sentence), []).append(variant)
    for (group, sentence), variants in found.items():
        more = [f"{len(variants) - MOST_NAMED} more"] if len(variants) > MOST_NAMED else []
        named = listed([*variants[:MOST_NAMED], *more])
        yield f"{group}: {sentence}." if len(variants) == len(reading.variants) else f"{group}: {sentence} ({named})."


def too_large(sums: Sums) -> str | None:
    """Frames that their device takes as one mapping, larger than any pool gives."""
    count = sums.of("dropped_mapping_too_large")
    if not count:
        return None
    share = percent(count, sums.of("submitted"))
    return (
        f"{share} of frames were dropped, because their device takes a buffer as one mapping and swiotlb gives none "
        "above 256 KiB: no size of the pool cures it"
    )


def unmapped(sums: Sums) -> str | None:
    """Buffers that found no slots at the start, of a device that takes pieces."""
    count = sums.of("unmapped_buffers")
    if not count or sums.of("dropped_mapping_too_large"):
        return None
    told_of = f"{count / sums.rows:,.0f} buffers a guest found no slots at the start"
    if sums.of("delivered"):
        return f"{told_of}, so that rings are shorter or devices did not start"
    return f"{told_of}, and the device did not start: it can not do with fewer"


def without_slots(sums: Sums) -> str | None:
    """Transfers of which none found slots."""
    if sums.of("delivered") or sums.of("unmapped_buffers") or not sums.of("dropped_swiotlb_full"):
        return None
    return "no frame found slots, and none was delivered"


def percent(part: int, of: int) -> str:
    """A share of a sum."""
    return f"{100 * part / of:.3g} %"
