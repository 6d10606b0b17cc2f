"""After how many uses of a converted buffer conversion overtakes swiotlb: hand sums at the first release's prices.

F, a raw 1080p frame, is 760 pages of 4 KiB; copies were all cold then, 344,349 ns each. Under a monitor that maps
nothing ahead all faults are lazy. Kept, a buffer costs one cycle of share, faults and unshare now and then; bouncing
costs two copies more and 12 slots for each frame, or, mapped for life, one copy more.
"""

import re
from pathlib import Path

import pytest

from cluster_sim.analysis.studies import Asked, crossover
from cluster_sim.cli.options import experiment_of

PAGE = Path("docs/conversion.md")
TOLD = {
    technology: rf"^\| {name} \| [\d.]+ \| ([\d.]+), ([\d.]+) \| [\d.]+ \| ([\d.]+), ([\d.]+) \|$"
    for technology, name in (("pkvm", "pKVM"), ("sev-snp", "SNP"), ("tdx", "TDX"))
}
PRICES = Path("tests/data/prices/first_release.toml")
COPY = 344.349
SLOTS = 12 * (0.115 + 0.116)
HOST = 760 * (1.57 + 0.3)
"""The host faults on each page, and unmaps it."""
CYCLES = {
    ("pkvm", "convert-4k"): 760 * (2.5 + 3.5) + HOST,
    ("pkvm", "convert-2m"): 2 * (2 * 2.5 + 1024 * 0.3) + HOST,
    # PVALIDATE and RMPUPDATE, a fault either side of 6, RMPUPDATE, PVALIDATE; 12 calls of 15 and a flush each way
    ("sev-snp", "convert-4k"): 760 * (0.7 + 6 + 0.4 + 6 + 0.3) + HOST + 2 * (12 * 15 + 6.72),
    # undelegating and delegating a granule, each an RMI of 1.87; a fault with the realm's exit, and a call each way
    ("cca", "convert-4k"): 760 * (4.5 + 4.44 + 2 * 1.87 + 8.447) + HOST + 2 * 12.22,
    # removed and cleared, faulted in, unmapped, added and accepted; a call of two exits and a flush each way
    ("tdx", "convert-4k"): 760 * (15.456 + 6.747 + 0.3 + 8) + HOST + 2 * (4.3 + 2 * 15.7 + 4.2),
}
"""Share, faults and unshare of F, us."""
WAITS = {"tdx": 908}
"""A TDX share and its faults take 18.5 ms, longer than the 16.7 from frame to frame.

The next frame shares another buffer meanwhile: it waits 1.816 ms for the guest's mmu_lock, every other cycle.
"""
REVIEWED = {
    ("pkvm", "convert-4k"): 8.6,
    ("pkvm", "convert-2m"): 3.0,
    ("sev-snp", "convert-4k"): 17,
    ("cca", "convert-4k"): 25,
    ("tdx", "convert-4k"): 35,
}
"""What a review of the first release found by pencil, without waiting."""


def crossing(folder: Path, between: str, *sets: str, profiles: tuple[Path, ...] = ()) -> float:
    """The uses from which on the second of two designs is ahead of the first, alone on its host; 1 if it always is."""
    experiment = experiment_of(
        Path("conversion_strategies"), ["guests.raw.count_per_host=1", *sets], profiles=[*profiles]
    )
    study = crossover(experiment, Asked("keep=1..256", between, replications=1), folder, executor="inline")
    (curve,) = study.curves
    if not curve.crossings:
        assert {sample.sign for sample in curve.samples.values()} == {1}
        return 1.0
    (found,) = curve.crossings
    assert (found.before, found.after) == (-1, 1)
    return found.at


@pytest.mark.parametrize(("technology", "design"), CYCLES)
def test_at_the_first_releases_prices_conversion_overtakes_after_as_many_uses_as_a_pencil_says(
    technology: str, design: str, tmp_path: Path
) -> None:
    sets = (f"protection={technology}", "memory=g3", "duration=30s", "cluster.host.vmm=minimal")
    per_transfer, for_life = (
        crossing(tmp_path, f"{bounced},{design}", *sets, profiles=(PRICES,)) for bounced in ("swiotlb", "swiotlb-life")
    )
    cycle = CYCLES[technology, design] + WAITS.get(technology, 0)
    assert per_transfer == pytest.approx(cycle / (2 * COPY + SLOTS), rel=0.03)
    assert for_life == pytest.approx(cycle / COPY, rel=0.03)
    assert per_transfer == pytest.approx(REVIEWED[technology, design], rel=0.08)
    assert for_life == pytest.approx(2 * per_transfer, rel=0.05)


@pytest.mark.parametrize("technology", ["pkvm", "sev-snp", "tdx"])
def test_whole_leaves_bring_conversion_ahead_sooner_and_long_lived_swiotlb_later(
    technology: str, tmp_path: Path
) -> None:
    """At today's prices: as docs/conversion.md has them, of longer runs."""
    found = {
        (bounced, memory): crossing(
            tmp_path, f"{bounced},convert-2m", f"protection={technology}", f"memory={memory}", "duration=10s"
        )
        for bounced in ("swiotlb", "swiotlb-life")
        for memory in ("g3", "g4", "whole")
    }
    told = re.search(TOLD[technology], PAGE.read_text("utf-8"), re.MULTILINE)
    assert told is not None
    kinds = (("swiotlb", "g3"), ("swiotlb", "g4"), ("swiotlb-life", "g3"), ("swiotlb-life", "g4"))
    assert [found[kind] for kind in kinds] == pytest.approx([float(each) for each in told.groups()], rel=0.1)
    for bounced in ("swiotlb", "swiotlb-life"):
        assert found[bounced, "whole"] < found[bounced, "g4"] < found[bounced, "g3"]
    for memory in ("g3", "g4"):
        assert found["swiotlb", memory] < found["swiotlb-life", memory]
