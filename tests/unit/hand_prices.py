"""What steps cost on Zen 4, worked out by hand from platform/costs.toml, assumptions.toml and the profiles' formulas.

F is a raw 1080p NV12 frame: 3,110,400 bytes, 760 pages, 12 pieces of 256 KiB, 2 granules of 2 MiB, 1 of 1 GiB.
"""

from tests.unit.lone_host import RAW_1080P, Values

MIB = 1 << 20
PAGES = 760
PIECES = 12

TECHNOLOGIES = ("none", "pkvm", "sev-snp", "tdx", "cca")
PROTECTED = TECHNOLOGIES[1:]
LOSING_CONTENT = ("sev-snp", "tdx", "cca")
GRANULES = ("4KiB", "2MiB", "1GiB")
CALLS = ("page", "ranged", "batched")
COPIERS = ("cpu", "engine", "engine, interrupt", "device")

# One copy of F, cold: 257,000 ns at the last measured point of 2 MiB, then 11.6 GB/s = 90,394 ns a MiB.
COPY = 257_000 + (RAW_1080P - 2_097_152) * 90_394 // MIB
# The engine moves 30 GB/s = 34,953 ns a MiB, AES-GCM 3.5 GB/s = 299,593 ns a MiB, beyond the first byte.
ENGINE_COPY = (RAW_1080P - 1) * 34_953 // MIB
CIPHER_PASS = (RAW_1080P - 1) * 299_593 // MIB
CIPHER_REQUEST = 200
RECORDS = 190
"""TLS records of 16 KiB."""
CIPHER = CIPHER_PASS + RECORDS * CIPHER_REQUEST
ENGINE_SUBMIT = 750
ENGINE_INTERRUPT = 2_000
"""The wake-up of the worker included."""

HOST_FAULT = 1_570
POPULATE = 830
HOST_UNMAP = 190
FAULTS = PAGES * HOST_FAULT
UNMAP = PAGES * HOST_UNMAP
IOMMU_MAP, IOMMU_UNMAP = 600, 130
"""Of a page of a range."""
IOMMU_MAP_CALL, IOMMU_UNMAP_CALL = 2_070 - 600, 1_850 - 130
EXCLUSIVE_FLIP = 60

WAKE_WORKER = 2_400
WORKER = WAKE_WORKER + 2_000
MAP_PIECE, UNMAP_PIECE = 115, 116
LOCK_HANDOVER = 530

KICK = {"none": 1_255, "pkvm": 2_600, "sev-snp": 3_553, "tdx": 4_300, "cca": 6_000}
INJECT = 480
"""What the worker does for an interrupt: 0.28 us for the eventfd, 0.2 for the kick of the vCPU."""
# That, the interrupt and the wake of a halted vCPU, which is 3.3 us without protection. none 1.255 + 3.3 us;
# pKVM 2.1 + 3.3 + (2.6 - 2.1); SNP 1.255 + 3.3 + 18 - (3.553 - 1.255) - 2.1;
# TDX 0.7 + 3.3 + 24.6 - (4.3 - 0.75) - 3.5; CCA 2.1 + 3.3 + (6 - 2.1)
INTERRUPT = {
    "none": INJECT + 4_555,
    "pkvm": INJECT + 5_900,
    "sev-snp": INJECT + 18_157,
    "tdx": INJECT + 21_550,
    "cca": INJECT + 9_300,
}
INTERRUPT_EXITS = {"none": 1, "pkvm": 1, "sev-snp": 1, "tdx": 0, "cca": 1}
"""TDX's interrupts are posted."""

# Of a guest with two vCPUs: SNP's interrupt in a VM with the dearer exit of its sender, 4 + 3.553 - 1.255 us, and for
# the one target 0.2 + 3.553 / 16; TDX 4 + 0.2.
FLUSH = {"pkvm": 0, "sev-snp": 6_298 + 422, "tdx": 4_000 + 200, "cca": 220}
# A guest's fault on a page that became shared: SNP 6 us; TDX 6 - 3.553 + 4.3; CCA 6 - 3.553 + 6. pKVM keeps it mapped.
LAZY_SHARED = {"pkvm": 0, "sev-snp": 6_000, "tdx": 6_747, "cca": 8_447}
# One on a page that became private: TDX's accept with its fault less the accept, 8 - 1 us. CCA's call creates it.
LAZY_PRIVATE = {"pkvm": 0, "sev-snp": 6_000, "tdx": 7_000, "cca": 0}
# QEMU maps what converted ahead, where a hypercall asks it: then a guest's touch of shared pages faults on CCA alone.
TOUCH_SHARED = {"pkvm": 0, "sev-snp": 0, "tdx": 0, "cca": 8_447}
MAP_AHEAD = 1_000
# TDX adds a private page without the exit: 8 - 1 - 4.3 us.
MAP_AHEAD_PRIVATE = {"pkvm": 0, "sev-snp": 1_000, "tdx": 2_700, "cca": 0}
ACCEPT = {"pkvm": 0, "sev-snp": 350, "tdx": 1_000, "cca": 0}
"""Of a page that became private: SNP's PVALIDATE and the eviction of its lines, 0.3 + 0.05 us."""
LAZY: Values = {"vmm": "minimal"}
"""The host's monitor maps nothing ahead."""
UNMAP_EXIT = {"pkvm": 2_600, "sev-snp": 0, "tdx": 0, "cca": 0}
"""pKVM's host is told of an unshare by an exit a call, so that it unmaps."""

CONVERTED = {"4KiB": PAGES, "2MiB": 2 * 512, "1GiB": 512 * 512}
"""Pages of F's granules."""

CALLS_OF_F = {
    "pkvm": {"4KiB": (760, 1, 760), "2MiB": (2, 1, 2), "1GiB": (1, 1, 1)},
    "sev-snp": {"4KiB": (760, 1, 12), "2MiB": (2, 1, 1), "1GiB": (8, 1, 8)},
    "tdx": {"4KiB": (760, 1, 1), "2MiB": (2, 1, 1), "1GiB": (1, 1, 1)},
    "cca": {"4KiB": (760, 1, 1), "2MiB": (2, 1, 1), "1GiB": (1, 1, 1)},
}
"""Calls by `CALLS`: SNP batches 64 entries, each a granule and 2 MiB at most, so that 1 GiB takes 512 / 64."""

VMM_EXITS_OF_F = {
    "pkvm": {"4KiB": (0, 0, 0), "2MiB": (0, 0, 0), "1GiB": (0, 0, 0)},
    "sev-snp": CALLS_OF_F["sev-snp"],
    "tdx": {"4KiB": (760, 2, 2), "2MiB": (2, 2, 2), "1GiB": (512, 512, 512)},
    "cca": {"4KiB": (0, 0, 0), "2MiB": (0, 0, 0), "1GiB": (0, 0, 0)},
}
"""Exits to the VMM: SNP's one a call, TDX's one for each 2 MiB of a call."""


def share(protection: str, *, pages: int, calls: int, vmm_exits: int, is_ranged: bool, maps_ahead: bool = True) -> int:
    """Making so many pages shared, their guest having two vCPUs, under QEMU or a monitor that maps nothing ahead."""
    flush, ahead = FLUSH[protection], MAP_AHEAD * maps_ahead
    match protection:
        case "pkvm":
            return calls * (500 + 2_000) + pages * 150 if is_ranged else calls * 500 + pages * 2_000
        case "sev-snp":
            return calls * 3_553 + vmm_exits * 11_447 + pages * (300 + 400 + 150 + ahead) + flush
        case "tdx":
            return calls * 4_300 + vmm_exits * 15_700 + pages * (15_300 + 150 + ahead) + flush
        case _:
            return calls * 12_000 + pages * (4_500 + 1_870) + flush


def unshare(
    protection: str, *, pages: int, calls: int, vmm_exits: int, is_ranged: bool, maps_ahead: bool = True
) -> int:
    """Making so many pages private again, once the host has unmapped them; their mapping and accepting included."""
    flush = FLUSH[protection]
    mapped = (MAP_AHEAD_PRIVATE if maps_ahead else LAZY_PRIVATE)[protection] + ACCEPT[protection]
    match protection:
        case "pkvm":
            return calls * (500 + 2_000) + pages * 150 if is_ranged else calls * 500 + pages * 3_000
        case "sev-snp":
            return calls * 3_553 + vmm_exits * 11_447 + pages * (400 + mapped) + flush
        case "tdx":
            return calls * 4_300 + vmm_exits * 15_700 + pages * (20 + mapped)  # the guest flushes nothing
        case _:
            return calls * 12_000 + pages * (4_440 + 1_870) + flush


def share_frame(protection: str, granule: str = "4KiB", calls: str = "batched", *, maps_ahead: bool = True) -> int:
    """Sharing F's granules."""
    way = CALLS.index(calls)
    return share(
        protection,
        pages=CONVERTED[granule],
        calls=CALLS_OF_F[protection][granule][way],
        vmm_exits=VMM_EXITS_OF_F[protection][granule][way],
        is_ranged=granule != "4KiB" or calls == "ranged",
        maps_ahead=maps_ahead,
    )


def unshare_frame(
    protection: str,
    granule: str = "4KiB",
    calls: str = "batched",
    unmapped_by: str = "conversion",
    *,
    maps_ahead: bool = True,
) -> int:
    """Unsharing F's granules; of their pages the host had mapped those that hold F."""
    way = CALLS.index(calls)
    told = UNMAP_EXIT[protection] * CALLS_OF_F[protection][granule][way] if unmapped_by == "conversion" else 0
    return (
        UNMAP
        + told
        + unshare(
            protection,
            pages=CONVERTED[granule],
            calls=CALLS_OF_F[protection][granule][way],
            vmm_exits=VMM_EXITS_OF_F[protection][granule][way],
            is_ranged=granule != "4KiB" or calls == "ranged",
            maps_ahead=maps_ahead,
        )
    )


MOVED = {
    "cpu": COPY,
    "engine": ENGINE_SUBMIT + ENGINE_COPY,
    "engine, interrupt": ENGINE_SUBMIT + ENGINE_COPY + ENGINE_INTERRUPT,
    "device": 0,
}
"""F between the host's memory and pages that stay shared: 2 descriptors of 2 MiB are one submission."""
REACHED_ONCE = {
    copier: ns if copier == "cpu" else ns + IOMMU_MAP_CALL + PAGES * IOMMU_MAP + IOMMU_UNMAP_CALL + PAGES * IOMMU_UNMAP
    for copier, ns in MOVED.items()
}
"""The same with pages that were not the device's before and are not after."""
FOUND = {copier: FAULTS if copier == "cpu" else PAGES * POPULATE for copier in COPIERS}
"""Pages that the host had not mapped: a CPU faults them in one by one, pinning for DMA looks them up."""


def copied_by(path: Values, copier: str) -> Values:
    """The path with one of `COPIERS`."""
    return path | {"copier": copier.split(",", maxsplit=1)[0]}


def completion(copier: str) -> Values:
    """The host that goes with one of `COPIERS`."""
    return {"engine": {"completion": "interrupt" if copier.endswith("interrupt") else "poll"}}


def convert(granule: str = "4KiB", calls: str = "batched", unmapped_by: str = "conversion") -> Values:
    return {"kind": "convert", "granule": granule, "calls": calls, "unmapped_by": unmapped_by}


def pool(copied: str, *, crypto: bool = False) -> Values:
    return {"kind": "shared_pool", "copy": copied, "crypto": crypto}


SWIOTLB: Values = {"kind": "swiotlb", "mapping": "per_transfer"}
LONG_LIVED: Values = {"kind": "swiotlb", "mapping": "long_lived"}
CONVERT_4K = convert("4KiB")
CONVERT_2M = convert("2MiB")
DIRECT: Values = {"kind": "direct"}
