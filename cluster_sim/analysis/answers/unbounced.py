"""What a reader must know first of a run's bounce pools: what they refused, how much of it, their peak and their size.

Frames that no pool takes and buffers that stayed unmapped are told as that.
"""

from collections.abc import Callable, Iterator

from cluster_sim.analysis.answers.phrases import amount, listed
from cluster_sim.analysis.figures import MIB, SLOT_BYTES
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries.sums import Sums

MOST_NAMED = 3
"""Variants of a sentence that are named."""

Tell = Callable[[Sums], str | None]


def unbounced(reading: RunReading) -> list[str]:
    """A sentence a group for each such thing, with the variants where it is so."""
    return [sentence for tell in (too_large, unmapped, refused) for sentence in told(reading, tell)]


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


def refused(sums: Sums) -> str | None:
    """Mappings that a pool had no slots for, what became of them, and how full the pool was at most."""
    count, dropped = sums.of("slots_refused"), sums.of("dropped_swiotlb_full")
    if sums.of("dropped_mapping_too_large", "unmapped_buffers") or not max(count, dropped):
        return None
    size, peak = (amount(each / sums.rows / MIB) for each in (pool_bytes(sums), SLOT_BYTES * sums.of("slots_hiwater")))
    told = f"the bounce pool of {size} MiB, used up to {peak} MiB, refused {amount(count / sums.rows)} mappings a guest"
    if not dropped:
        return f"{told}, which were tried again until there were slots"
    lost = f"{told}, so that {percent(dropped, sums.of('submitted'))} of frames were dropped"
    return lost if sums.of("delivered") else f"{lost} and none was delivered"


def pool_bytes(sums: Sums) -> int:
    """Bytes of all pools, what they grew by included."""
    return sums.of("pool_bytes", "grown_bytes")


def percent(part: int, of: int) -> str:
    """A share of a sum."""
    return f"{100 * part / of:.3g} %"
