"""How long guests take to boot, by hand: stage after stage, and guest after guest of one host.

Firmware and kernel take OVMF's 1.2 s (2.9 s under SNP, 2.0 s under TDX, none on pKVM and CCA) and 0.8 s; the memory map
of a GiB 2.1 ms with two vCPUs, and as much of memory as 16 MiB. A page is 4 KiB, a part 2 MiB. Each vCPU is created,
and under SNP measured; each but the first is started.
"""

from pathlib import Path

import pytest

from cluster_sim.results.ledger import Category
from cluster_sim.runtime.study_point import Point, guests_of
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

PAGE = 4096
MIB = 1 << 20
PAGES = 512
"""Of a part."""
MS = 1_000_000
ALLOCATE = 1_340
IMAGE = 256
"""Pages of an image of 1 MiB."""
MAP = 4 * 16 * 256
"""Pages of the memory map of 4 GiB."""
BUILD = {"none": 610, "pkvm": 3_610, "sev-snp": 610 + 400 + 1_000_000, "tdx": 1_000_000, "cca": 82_000}
FIRST_TOUCH = {
    "none": 1_255 + 2_350 + ALLOCATE,
    "pkvm": 2_600 + ALLOCATE + 3_000,
    "sev-snp": 6_000 + 400 + 300 + 50,
    "tdx": 8_000,
    "cca": 36_700,
}
SHARED_LOCKS = 300
"""What a page takes more where several vCPUs accept at a time."""
CREATE = {"none": 300_000, "pkvm": 300_000, "sev-snp": 300_000, "tdx": 400_000, "cca": 400_000}
MEASURE = {"none": 0, "pkvm": 0, "sev-snp": 400 + 1_000_000, "tdx": 0, "cca": 0}
BRING_UP = {"none": 1_050_000, "pkvm": 5_300_000, "sev-snp": 5_300_000, "tdx": 5_300_000, "cca": 5_300_000}
"""Linux starts those of no TDX, SNP or Arm guest in parallel."""
FIRMWARE = {"none": 1_200 * MS, "pkvm": 0, "sev-snp": 2_900 * MS, "tdx": 2_000 * MS, "cca": 0}
KERNEL = 800 * MS
MAP_OF_4_GIB = {1: 4 * 3_800_000, 2: 4 * 2_100_000, 4: 4 * 1_400_000, 8: 4 * 1_000_000, 16: 4 * 730_000}
"""By vCPUs."""
PARTS = 1_024
"""Of 2 GiB, which lie below 4 GiB."""
REST = (262_144 * 4 - 512) // 512 - PARTS - 32
"""Parts of 4 GiB that neither image, nor firmware, nor memory map has: the image keeps a whole one for itself."""


def boot_of(**fields: str | int) -> Values:
    return {"kind": "boot", "image": "1MiB", "touch": "1MB/s", **fields}


def booting(
    protection: str,
    boot: Values,
    *others: Values,
    guests: int = 1,
    pages: Values | None = None,
    **guest: str | int,
) -> ScenarioSpec:
    """Guests that boot, and whose path keeps no pool."""
    path: Values = {"kind": "direct"} if protection == "none" else {"kind": "convert", "granule": "4KiB"}
    shape: Values = {"memory": "4GiB", "vcpus": 2, "count_per_host": guests, "workloads": [boot, *others], **guest}
    spec = scenario(protection, path, guest=shape, memory=pages)
    return spec.model_copy(update={"duration": 100_000 * MS})


def booted_ns(spec: ScenarioSpec) -> list[int]:
    found: list[int] = guests_of(Point(spec, Path(), 1, 0))["booted_ns"].to_pylist()
    return found


def before_the_rest(protection: str, *, vcpus: int = 2) -> int:
    """What a boot takes but for firmware's and the guest's own acceptance."""
    image = IMAGE * (BUILD[protection] + ALLOCATE)
    kernel = KERNEL + MAP * FIRST_TOUCH[protection] + MAP_OF_4_GIB[vcpus]
    return image + FIRMWARE[protection] + kernel + of_vcpus(protection, vcpus)


def of_vcpus(protection: str, vcpus: int = 2) -> int:
    """What vCPUs add to a boot."""
    return vcpus * (CREATE[protection] + MEASURE[protection]) + (vcpus - 1) * BRING_UP[protection]


@pytest.mark.parametrize("protection", ["none", "pkvm", "cca"])
def test_where_guests_accept_nothing_a_lazy_boot_is_image_firmware_and_kernel(protection: str) -> None:
    assert booted_ns(booting(protection, boot_of())) == [before_the_rest(protection)]


def test_snps_firmware_accepts_below_4_gib_by_one_vcpu() -> None:
    accepted = PARTS * PAGES * FIRST_TOUCH["sev-snp"]
    assert booted_ns(booting("sev-snp", boot_of())) == [before_the_rest("sev-snp") + accepted]


@pytest.mark.parametrize(
    ("acceptors", "rounds", "rounds_of_rest"),
    [("auto", PARTS // 2, 496), (1, PARTS, 991), ("vcpus", PARTS // 2, 496)],
)
def test_tdxs_firmware_and_then_an_eager_kernel_accept_by_one_vcpu_or_by_both(
    acceptors: str | int, rounds: int, rounds_of_rest: int
) -> None:
    """The rest is 991 parts: of the last two taken together one is of the memory map, and there already."""
    assert REST == 991
    part = PAGES * (FIRST_TOUCH["tdx"] + (0 if acceptors == 1 else SHARED_LOCKS))
    lazy = before_the_rest("tdx") + rounds * part
    assert booted_ns(booting("tdx", boot_of(acceptors=acceptors))) == [lazy]
    assert booted_ns(booting("tdx", boot_of(acceptors=acceptors, accept="eager"))) == [lazy + rounds_of_rest * part]


@pytest.mark.parametrize(("vcpus", "rounds"), [(1, 32), (4, 8), (8, 4), (16, 2)])
def test_more_vcpus_accept_faster_and_build_the_memory_map_faster(vcpus: int, rounds: int) -> None:
    spec = booting("tdx", boot_of(firmware_accepts="64MiB"), vcpus=vcpus)
    page = FIRST_TOUCH["tdx"] + (SHARED_LOCKS if vcpus > 1 else 0)
    assert booted_ns(spec) == [before_the_rest("tdx", vcpus=vcpus) + rounds * PAGES * page]


def test_firmware_may_accept_nothing() -> None:
    assert booted_ns(booting("tdx", boot_of(firmware_accepts="0B"))) == [before_the_rest("tdx")]


def test_of_a_guest_below_2_75_gib_firmware_accepts_all_so_that_eager_and_lazy_are_alike() -> None:
    eager, lazy = (booted_ns(booting("tdx", boot_of(accept=accept), memory="1GiB")) for accept in ("eager", "lazy"))
    assert eager == lazy
    image = IMAGE * (BUILD["tdx"] + ALLOCATE)
    parts = 256 * PAGES * (FIRST_TOUCH["tdx"] + SHARED_LOCKS)  # of 511 behind the image, two at a time
    assert lazy == [image + parts + FIRMWARE["tdx"] + KERNEL + MAP_OF_4_GIB[2] // 4 + of_vcpus("tdx")]


def test_vcpus_that_accept_together_gain_nothing_behind_pkvms_one_lock() -> None:
    alone, together = (
        booted_ns(booting("pkvm", boot_of(firmware_accepts="64MiB", acceptors=acceptors)))[0]
        for acceptors in (1, "vcpus")
    )
    assert alone == before_the_rest("pkvm") + 32 * PAGES * FIRST_TOUCH["pkvm"]
    assert together == alone + 32 * PAGES * SHARED_LOCKS


def test_snp_guests_that_start_at_once_queue_for_the_security_processor() -> None:
    """SEVeriFast's concurrent-boot: 33 ms a further Firecracker guest; 33 pages take that, at 1,002.5 us each.

    One of them is the state of its vCPU.
    """
    first, second, third = booted_ns(booting("sev-snp", boot_of(image="128KiB"), guests=3, memory="64MiB", vcpus=1))
    assert third - second == second - first == 32 * (BUILD["sev-snp"] + ALLOCATE) + MEASURE["sev-snp"]
    assert round((second - first) / MS) == 33
    assert abs((second - first) / 33 / 1_002_500 - 1) < 0.001


@pytest.mark.parametrize("protection", ["none", "pkvm", "tdx", "cca"])
def test_other_images_are_measured_by_the_cpu_that_builds_them_and_start_together(protection: str) -> None:
    boot = boot_of(image="132KiB", firmware_accepts="0B")
    both = booted_ns(booting(protection, boot, guests=2, memory="64MiB"))
    if protection == "pkvm":  # two memory maps of one block pass EL2's lock
        alone = booted_ns(booting(protection, boot, memory="64MiB"))
        assert both == [alone[0] + PAGES * FIRST_TOUCH["pkvm"]] * 2
    else:
        assert both == booted_ns(booting(protection, boot, memory="64MiB")) * 2


def test_a_start_that_waits_for_the_security_processor_books_the_wait_and_takes_no_cpu() -> None:
    image, created = 33 * (BUILD["sev-snp"] + ALLOCATE) + 2 * MEASURE["sev-snp"], 2 * CREATE["sev-snp"]
    engine = engine_of(booting("sev-snp", boot_of(image="132KiB"), guests=2))
    first, second = run(engine, arrivals([(0, 0, 0), (0, 5, 0)], 33 * PAGE))
    assert (first["ended_ns"], second["ended_ns"]) == (created + image, created + 2 * image)
    assert second["ledger"][Category.QUEUE_WAIT] == image
    assert second["ledger"][Category.ACCEPT_ZERO] == image
    assert second["cpu_ns"].tolist() == [0, created + image]
    assert engine.gauges().busy_times().psp_busy_ns == 2 * image


def test_all_else_waits_until_the_last_of_those_who_accept_together_is_through() -> None:
    """Two vCPUs accept three parts in two rounds, the second with one vCPU idle; a frame that came first is behind."""
    video: Values = {
        "kind": "video",
        "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
        "deadline": "16ms",
    }
    engine = engine_of(booting("tdx", boot_of(), video))
    firmware, frame = 1, 5
    coming = arrivals([(0, firmware, 0), (0, firmware, 1), (0, firmware, 2), (1, frame, 0)], 2 * MIB)
    coming.bytes[3] = 345_600
    done = run(engine, coming)
    part = PAGES * (FIRST_TOUCH["tdx"] + SHARED_LOCKS)
    assert sorted(done["ended_ns"][done["stream"] == firmware].tolist()) == [part, part, 2 * part]
    (moved,) = done[done["stream"] == frame]
    assert moved["ledger"][Category.QUEUE_WAIT] == 2 * part - 1


def test_a_huge_page_is_given_and_accepted_as_one_leaf() -> None:
    """SNP, 4 GiB of 2 MiB: 6 us of fault, 227 of a huge page, 0.6 and 0.5 for the RMP, 512 times 0.05 of eviction."""
    leaf = 6_000 + 227_000 + 600 + 500 + 512 * 50
    spec = booting("sev-snp", boot_of(image="2MiB"), pages={"generation": "G4", "huge_page": "2MiB"})
    image = 512 * (BUILD["sev-snp"] + ALLOCATE)
    expected = image + (PARTS + 32) * leaf + FIRMWARE["sev-snp"] + KERNEL + MAP_OF_4_GIB[2]
    assert booted_ns(spec) == [expected + of_vcpus("sev-snp")]
