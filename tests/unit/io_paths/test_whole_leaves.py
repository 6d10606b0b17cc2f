"""Conversion by leaves of 2 MiB against page by page: generations, monitors, who faults; by hand, and a review's tiers.

F takes two granules of 2 MiB: 1024 pages, of which the host touches 760. At G3 all of them convert one by one. At G4
they are two folios, each of which converts as one leaf; while any of it is shared it lies in small pages for both
sides, unless `split: mixed` keeps it whole.
"""

from dataclasses import dataclass, replace
from itertools import product

import pytest

from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import (
    ACCEPT,
    COPY,
    FLUSH,
    HOST_FAULT,
    HOST_UNMAP,
    INTERRUPT,
    KICK,
    LAZY_PRIVATE,
    LAZY_SHARED,
    LOSING_CONTENT,
    MAP_AHEAD,
    MAP_AHEAD_PRIVATE,
    PAGES,
    POPULATE,
    PROTECTED,
    UNMAP_EXIT,
    WORKER,
)
from tests.unit.hand_strategies import WAYS, convert_path, frames, latencies
from tests.unit.lone_host import Values

FROM_DEVICE, TO_DEVICE = WAYS
PAGES_2M = 512
WHOLE: Values = {"generation": "G4", "huge_page": "2MiB"}
MIXED: Values = WHOLE | {"split": "mixed"}
FOLIO = 50_000
"""Splitting or merging one of 2 MiB."""

# pKVM: one block entry, 512 page states of 4 ns; the way back an entry of the host's besides. SNP: PVALIDATE, RMPUPDATE
# and 512 pages written back at 150 ns; an RMPUPDATE. TDX: 15.3 - 4.8 us of one removal, 512 pages of write-back (1.65),
# clearing (0.16) and the guest's own flush (0.15); 512 entries zapped. CCA with RMM 2.0: a range of 2 MiB.
SHARE_LEAF = {
    "pkvm": 500 + PAGES_2M * 4,
    "sev-snp": 500 + 600 + PAGES_2M * 150,
    "tdx": 10_500 + PAGES_2M * (1_650 + 800 + 150),
    "cca": 200_000,
}
UNSHARE_LEAF = {"pkvm": 1_000 + PAGES_2M * 4, "sev-snp": 600, "tdx": PAGES_2M * 20, "cca": 200_000}
# TDX adds a private leaf as it does a page, and flushes the other 511; its accept is 150 us. SNP's is a PVALIDATE and
# 512 pages evicted.
FLUSH_BACK = FLUSH | {"tdx": 0}
"""To private, TDX's guest drops nothing."""
LEAF_FLUSH = {"pkvm": 0, "sev-snp": 0, "tdx": 511 * 150, "cca": 0}
ACCEPT_LEAF = {"pkvm": 0, "sev-snp": 500 + PAGES_2M * 50, "tdx": 150_000, "cca": 0}
CALLS = {"pkvm": 2 * (500 + 2_000), "sev-snp": 3_553 + 11_447, "tdx": 4_300 + 2 * 15_700, "cca": 12_000}
"""Calls and exits to the VMM of one conversion of F; pKVM's two take one invalidation each."""
PAGE = {"pkvm": (150, 150), "sev-snp": (850, 400), "tdx": (15_450, 20), "cca": (6_370, 6_310)}
"""One page of a range to shared, and to private."""
UNMAP_2M = 8_600


@dataclass(frozen=True)
class Sum:
    """What a frame in a granule of 2 MiB is made of, ns; those of both ways together."""

    moved: int
    calls: int
    leaves: int
    host: int
    guest: int
    split: int = 0

    @property
    def ns(self) -> int:
        """All of it."""
        return self.moved + self.calls + self.leaves + self.host + self.guest + self.split


def moved(protection: str, direction: Direction) -> int:
    """Notices, the host's copy, and the guest's where content is lost."""
    copied_out = direction == FROM_DEVICE and protection in LOSING_CONTENT
    return KICK[protection] + WORKER + INTERRUPT[protection] + COPY * (1 + copied_out)


def by_hand(protection: str, direction: Direction, memory: Values, *, host: str, guest: str, rmm: int = 1) -> Sum:
    """A frame at G3, or by leaves at G4."""
    is_whole, is_mixed = bool(memory), "split" in memory
    has_leaves = is_whole and (protection != "cca" or rmm > 1)
    calls = 2 * (CALLS[protection] + UNMAP_EXIT[protection]) + FLUSH[protection] + FLUSH_BACK[protection]
    leaves = 2 * (SHARE_LEAF[protection] + UNSHARE_LEAF[protection] + ACCEPT_LEAF[protection])
    if not has_leaves:
        per_page = (1_000, 1_000) if rmm > 1 else PAGE[protection]
        leaves = 2 * PAGES_2M * (sum(per_page) + ACCEPT[protection])
    host_fault = {"lazy": HOST_FAULT, "populate": POPULATE}[host]
    touched = 2 * (host_fault + UNMAP_2M) if is_mixed else PAGES * (host_fault + HOST_UNMAP)
    shared, private = guest_parts(protection, guest, has_leaves=has_leaves)
    faults = {"prefault": 2 * PAGES_2M, "lazy": PAGES}[guest]
    if is_mixed and has_leaves:
        faults = 2
    return Sum(
        moved=moved(protection, direction),
        calls=calls,
        leaves=leaves,
        host=touched,
        guest=faults * shared + private,
        split=4 * FOLIO if is_whole and not is_mixed else 0,
    )


def guest_parts(protection: str, guest: str, *, has_leaves: bool) -> tuple[int, int]:
    """One fault or entry of the guest on shared memory, and all of them on what is private again."""
    if protection == "pkvm":
        return 0, 0
    ahead = guest == "prefault"
    each = (MAP_AHEAD_PRIVATE if ahead else LAZY_PRIVATE)[protection]
    private = 2 * (each + LEAF_FLUSH[protection]) if has_leaves else 2 * PAGES_2M * each
    return MAP_AHEAD if ahead else LAZY_SHARED[protection], private


def run_one(protection: str, direction: Direction, memory: Values, *, rmm: int = 1, **host: str) -> tuple[int, int]:
    """Latency of a second frame, and what of it is splitting and merging."""
    path = convert_path("2MiB", rmm=rmm)
    behaviour: Values = {f"{side}_faults": how for side, how in host.items()}
    _, done = frames(protection, path, direction, 2, host=behaviour, memory=memory)
    assert len(set(latencies(done))) == 1, "each frame finds what the one before it found"
    return latencies(done)[1], int(done["ledger"][1, Category.SPLIT_MERGE])


CASES = [(protection, rmm) for protection in PROTECTED for rmm in (1, 2) if protection == "cca" or rmm == 1]


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("memory", [{}, WHOLE, MIXED], ids=["G3", "G4", "G4-mixed"])
@pytest.mark.parametrize(("host", "guest"), list(product(("lazy", "populate"), ("lazy", "prefault"))))
@pytest.mark.parametrize(("protection", "rmm"), CASES)
def test_a_frame_of_two_granules_by_pages_and_by_leaves(
    protection: str, rmm: int, host: str, guest: str, memory: Values, direction: Direction
) -> None:
    expected = by_hand(protection, direction, memory, host=host, guest=guest, rmm=rmm)
    assert run_one(protection, direction, memory, rmm=rmm, host=host, guest=guest) == (expected.ns, expected.split)


@pytest.mark.parametrize(
    ("vmm", "guest"), [("qemu-10", "prefault"), ("cloud-hypervisor", "lazy"), ("crosvm", "lazy"), ("minimal", "lazy")]
)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_monitor_maps_ahead_where_a_conversion_asks_it_and_faults_on_the_host_are_its_own(
    protection: str, vmm: str, guest: str
) -> None:
    """Conversions of pKVM and CCA do not ask the monitor, so that it has nothing to map ahead after."""
    asked = guest if protection in ("sev-snp", "tdx") else "lazy"
    path = convert_path("2MiB")
    _, done = frames(protection, path, FROM_DEVICE, 1, host={"vmm": vmm})
    assert latencies(done) == [by_hand(protection, FROM_DEVICE, {}, host="lazy", guest=asked).ns]
    _, done = frames(protection, path, FROM_DEVICE, 1, host={"vmm": vmm, "host_faults": "populate"})
    assert latencies(done) == [by_hand(protection, FROM_DEVICE, {}, host="populate", guest=asked).ns]


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", ["4KiB", "2MiB"])
@pytest.mark.parametrize(("protection", "rmm"), CASES)
def test_huge_pages_are_never_dearer_but_by_splitting_merging_and_breaking_leaves(
    protection: str, rmm: int, granule: str, direction: Direction
) -> None:
    path = convert_path(granule, rmm=rmm)
    for vmm in ("qemu-10", "minimal"):
        small = latencies(frames(protection, path, direction, 2, host={"vmm": vmm})[1])
        for memory in (WHOLE, MIXED):
            _, done = frames(protection, path, direction, 2, host={"vmm": vmm}, memory=memory)
            booked = done["ledger"][:, Category.SPLIT_MERGE].tolist()
            apart = [ns - split - page for ns, split, page in zip(latencies(done), booked, small, strict=True)]
            assert max(apart) <= 0, (vmm, memory)


@pytest.mark.parametrize("protection", ["sev-snp", "tdx"])
def test_1_gib_is_512_leaves_of_2_mib(protection: str) -> None:
    """A granule of 1 GiB in a folio of 1 GiB, which is split and merged at 15 ms: no technology has a larger leaf.

    SNP takes 8 calls of 64 entries, TDX one of 512 exits; shared, its 262,144 pages are mapped ahead one by one.
    """
    memory: Values = {"generation": "G4", "huge_page": "1GiB", "resident": "0B"}
    _, done = frames(protection, convert_path("1GiB"), FROM_DEVICE, 1, buffers=1, memory=memory)
    calls = {"sev-snp": 8 * 15_000, "tdx": 4_300 + 512 * 15_700}[protection]
    each = SHARE_LEAF[protection] + UNSHARE_LEAF[protection] + ACCEPT_LEAF[protection]
    each += MAP_AHEAD_PRIVATE[protection] + LEAF_FLUSH[protection]
    host_ns = PAGES * (HOST_FAULT + HOST_UNMAP)
    flushes = FLUSH[protection] + FLUSH_BACK[protection]
    ns = moved(protection, FROM_DEVICE) + 2 * calls + flushes + 512 * each + 262_144 * MAP_AHEAD + host_ns
    assert latencies(done) == [ns + 2 * 15_000_000]


@pytest.mark.parametrize("protection", PROTECTED)
def test_a_page_of_1_gib_of_which_something_stays_shared_is_never_whole_and_converts_as_at_g3(protection: str) -> None:
    """Virtqueues lie in it, so that no frame splits or merges it, and none converts it by a leaf."""
    memory: Values = {"generation": "G4", "huge_page": "1GiB"}
    expected = by_hand(
        protection, FROM_DEVICE, {}, host="lazy", guest="prefault" if protection in ("sev-snp", "tdx") else "lazy"
    )
    _, done = frames(protection, convert_path("2MiB"), FROM_DEVICE, 2, memory=memory)
    assert latencies(done) == [expected.ns] * 2
    assert done["ledger"][:, Category.SPLIT_MERGE].tolist() == [0, 0]


TIERS = {
    "pkvm": {"B": 1_997, "C": 1_222, "D": 382},
    "sev-snp": {"B": 7_102, "C": 2_527, "D": 939},
    "tdx": {"B": 9_643, "C": 4_500, "D": 2_914},
    "cca": {"B": 9_570, "C": 3_135, "D": 1_552},
}
"""A review's figures for F from the host, us. B: a leaf on the private side, lazy faults of 4 KiB on both. C: populated
and mapped ahead. D: a whole leaf on both sides.
"""
# The review's own prices, ns: notices; calls (TDX's counted once a leaf); leaves, those of the way back with fault and
# accept; a host's fault and zap of a page, 1.57 + 0.30 lazily, 0.67 + 0.18 populated, and of a leaf 0.67 + 8.6
# (pKVM's 3).
THEIRS = {
    "pkvm": Sum(moved=344_348 + 2_600 + 2_280 + 4_700, calls=0, leaves=2 * (4_500 + 6_500), host=0, guest=0),
    "sev-snp": Sum(
        moved=2 * 344_348 + 3_553 + 2_280 + 15_862, calls=2 * 15_000, leaves=2 * (83_000 + 7_000), host=0, guest=0
    ),
    "tdx": Sum(
        moved=2 * 344_348 + 4_300 + 2_280 + 19_810, calls=4 * 35_700, leaves=2 * (860_000 + 158_000), host=0, guest=0
    ),
    "cca": Sum(moved=2 * 344_348 + 6_000 + 2_280 + 8_100, calls=2 * 12_000, leaves=4 * 200_000, host=0, guest=0),
}
LEAF_OF_HOST = {"pkvm": 3_050, "sev-snp": 9_270, "tdx": 9_270, "cca": 11_500}
"""Theirs at D; CCA's with the guest's two entries."""


def theirs(protection: str, tier: str) -> int:
    """The review's sum of a tier."""
    lazy = {"B": LAZY_SHARED[protection], "C": 0 if protection == "pkvm" else 1_000, "D": 0}[tier]
    host = {"B": PAGES * 1_870, "C": PAGES * 850, "D": 2 * LEAF_OF_HOST[protection]}[tier]
    split = 0 if tier == "D" else 4 * FOLIO
    return replace(THEIRS[protection], host=host, guest=PAGES * lazy, split=split).ns


@pytest.mark.parametrize("tier", ["B", "C", "D"])
@pytest.mark.parametrize("protection", PROTECTED)
def test_the_tiers_of_a_review_are_these_sums_with_its_prices(protection: str, tier: str) -> None:
    """Theirs are understood to a thousandth, or 1 us of D. What differs from ours, term by term, is named here.

    - moved: a worker's wake is 2.4 us and a vCPU's 3.3 us and more, theirs 0.28 us and none or a request's whole tax.
    - calls: pKVM's calls, invalidations and exits to unmap are apart from its leaves; TDX's are counted once.
    - leaves: SNP's 78 us to share, since lines in the caches cost 150 ns a page and not 160; its accept evicts lines:
      26 us. TDX's 1,342 us, with clearing, the guest's flush and a write-back of 1.65 us a page; its 150 us are the
      accept alone, and 79 us more add the leaf. CCA's flush is apart.
    - host: a page populated is 0.83 us and zapped 0.19 us; a leaf's fault is one of 1.57 or 0.83 us.
    - guest: what is mapped ahead is all of both granules, 1,024 entries and not 760, and private leaves besides.
    """
    assert theirs(protection, tier) == pytest.approx(TIERS[protection][tier] * 1_000, rel=1e-3, abs=1_000)
    memory, rmm = MIXED if tier == "D" else WHOLE, 2 if protection == "cca" else 1
    host, guest = ("lazy", "lazy") if tier == "B" else ("populate", "prefault")
    ours = by_hand(protection, FROM_DEVICE, memory, host=host, guest=guest, rmm=rmm)
    assert run_one(protection, FROM_DEVICE, memory, rmm=rmm, host=host, guest=guest) == (ours.ns, ours.split)
    assert ours.ns / theirs(protection, tier) == pytest.approx(1, abs=0.4)
