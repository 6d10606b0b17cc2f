"""What sources say of conversion, and what prices make of it: each test has the source's figure and the price's.

Of each source the figure as it stands there; of each price its value and whether its range holds the figure. Prices are
those of a guest of two vCPUs.
"""

import pytest

from cluster_sim.platform.profile import DEFAULT_CPU, load_profile
from cluster_sim.platform.provenance import Cost, to_ns
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import CONVERT_2M, CONVERT_4K, PAGES, PROTECTED, SWIOTLB
from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

TECHNOLOGIES = ("none", *PROTECTED)
PROFILES = {technology: load_profile(technology, DEFAULT_CPU) for technology in TECHNOLOGIES}
LEAF_PAGES = 512


def cost_of(technology: str, price: str) -> Cost:
    cost = PROFILES[technology].prices[price].cost
    assert cost is not None
    return cost


def us(technology: str, price: str, vcpus: int = 2) -> float:
    return PROFILES[technology].price_ns(price, vcpus) / 1000


def holds(technology: str, price: str, figure_us: float) -> bool:
    """Whether a figure lies between a price's ends, to a hundredth of a us."""
    cost = cost_of(technology, price)
    factor = to_ns(cost) / cost.value / 1000
    return cost.low * factor - 0.01 <= figure_us <= cost.high * factor + 0.01


def booked_us(protection: str, path: Values, category: Category, memory: Values | None = None) -> float:
    """What a raw 1080p frame to the guest, alone on its host, books to a category."""
    row = one_frame(scenario(protection, path, memory=memory), RAW_1080P)
    return float(row["ledger"][category]) / 1000


def test_an_iommu_maps_2_mib_cheaper_a_page_than_4_kib() -> None:
    """S. P. Ranjan 2021, us: 4 KiB 2.067 and 1.854, 64 KiB 9.598 and 8.802, 2 MiB as 512 entries 305.864 and 67.291.

    HyperAlloc by VFIO: 2 MiB pinned and mapped 95 or 57, unmapped and flushed 33.
    """
    for technology in TECHNOLOGIES:
        assert us(technology, "iommu_map_page") == pytest.approx(305.864 / LEAF_PAGES, abs=0.005)
        assert us(technology, "iommu_unmap_page") == pytest.approx(67.291 / LEAF_PAGES, abs=0.005)
        assert us(technology, "iommu_map_leaf_2m") == 95
        assert us(technology, "iommu_unmap_leaf_2m") == 33
        assert us(technology, "iommu_map_call") + us(technology, "iommu_map_page") == pytest.approx(2.067, abs=0.005)
        assert us(technology, "iommu_unmap_call") + us(technology, "iommu_unmap_page") == pytest.approx(
            1.854, abs=0.005
        )
    assert us("none", "iommu_map_leaf_2m") < 305.864
    assert us("none", "iommu_unmap_leaf_2m") < 67.291
    assert holds("none", "iommu_map_page", 9.598 / 16)
    assert all(holds("none", "iommu_unmap_page", each) for each in (8.802 / 16, 5.385 / LEAF_PAGES))
    assert holds("none", "iommu_map_leaf_2m", 57)


def test_dma_looks_pages_up_and_does_not_fault_them_in_one_by_one() -> None:
    """Measured for guest_memfd: a fault 1.57 us, a page that one call populates 0.53 of that."""
    assert us("sev-snp", "host_fault_page") == 1.57
    assert us("sev-snp", "populate_page") == pytest.approx(0.53 * 1.57, abs=0.005)
    by_cpu = booked_us("pkvm", CONVERT_4K, Category.FAULT)
    by_device = booked_us("pkvm", CONVERT_4K | {"copier": "device"}, Category.FAULT)
    assert (by_cpu, by_device) == pytest.approx((PAGES * 1.57, PAGES * 0.83))


def test_tdx_clears_a_removed_page_once() -> None:
    """A. Hunter 2025: 72 s for 18 GiB of dynamic removal, 15.3 us a page; only some parts clear, in that."""
    measured_us = 72e6 / (18 * 2**18)
    assert measured_us == pytest.approx(15.3, abs=0.05)
    assert us("tdx", "share_page") == pytest.approx(15.3 + 0.15), "the guest's flush is all that comes on top"
    assert not any("clear" in name for profile in PROFILES.values() for name in profile.prices)
    assert PROFILES["tdx"].library["tdx.clear_on_reclaim_4k"].low == 0, "parts without the erratum do not clear"


def test_tdx_interrupts_a_running_vcpu_without_an_exit() -> None:
    """The TDX module requires APICv, which posts interrupts; an exit to the host and back takes 4.3 us."""
    cost = cost_of("tdx", "interrupt")
    assert cost.inputs == ("notify.posted_interrupt",)
    assert us("tdx", "interrupt") == 0.7 < us("tdx", "kick") == 4.3


@pytest.mark.parametrize(("vcpus", "flush_us"), [(1, 0.1), (2, 4.0 + 0.2), (64, 4.0 + 63 * 0.2)])
def test_interrupts_to_all_vcpus_go_out_together(vcpus: int, flush_us: float) -> None:
    """By membarrier in a VM: 4.0 us to one other CPU; a shootdown's further targets 0.2 us each, by a web page."""
    each = us("tdx", "guest_flush_vcpu", vcpus)
    assert us("tdx", "guest_flush", vcpus) + (vcpus - 1) * each == pytest.approx(flush_us)


@pytest.mark.parametrize("host_cycles", [5_528, 9_277])
def test_an_interrupt_of_snp_has_the_switch_of_an_automatic_exit(host_cycles: int) -> None:
    """Bifrost's log: 5,528 cycles in the host, of a busy vCPU, to 9,277; and 8,100 for the switch; 2.45 GHz."""
    in_all_us = (host_cycles + 8_100) / 2450
    assert 5.56 < in_all_us < 7.1
    assert holds("sev-snp", "interrupt", in_all_us)
    assert us("sev-snp", "interrupt") == pytest.approx((5_528 + 7_500) / 2450, abs=0.005), (
        "7,500 in its figure's script"
    )


def test_snp_flushes_what_becomes_shared_and_its_guest_interrupts_all_vcpus() -> None:
    """By clflushopt 0.15 us a page of clean lines; one vCPU's own flush 0.1 us, others by an interrupt, an exit."""
    assert us("sev-snp", "share_page") == pytest.approx(0.3 + 0.4 + 0.15)
    assert us("sev-snp", "share_leaf_2m") == pytest.approx(0.5 + 0.6 + LEAF_PAGES * 0.15)
    assert us("sev-snp", "guest_flush", 1) == 0.1
    assert us("sev-snp", "guest_flush", 2) == pytest.approx(4.0 + 3.553 - 1.255)
    assert us("sev-snp", "guest_flush_vcpu", 64) == pytest.approx(0.2 + 3.553 / 16, abs=0.001)


def test_a_guest_of_tdx_flushes_a_page_before_it_becomes_shared() -> None:
    """arch/x86/coco/tdx/tdx.c, tdx_cache_flush_required: CLFLUSH always; 0.15 us a page of clean lines."""
    for vcpus, removed_us in ((2, 15.3), (32, 18.4), (64, 52.8)):
        assert us("tdx", "share_page", vcpus) - removed_us == pytest.approx(0.15)
    assert holds("tdx", "share_page", 15.3 + 0.36), "dirty lines"


@pytest.mark.parametrize(
    ("path", "exits"), [(CONVERT_4K, PAGES), (CONVERT_4K | {"calls": "ranged"}, 1), (CONVERT_2M, 2), (SWIOTLB, 0)]
)
def test_an_unshare_of_pkvm_exits_so_that_the_host_unmaps(path: Values, exits: int) -> None:
    """A call of 4 KiB each: 760 x 2.6 us = 2.0 ms of exits a frame; by ranges a few us. The doorbell exits, too."""
    assert booked_us("pkvm", path, Category.EXIT) == pytest.approx((exits + 1) * 2.6)


def test_pkvm_without_guest_memfd_answers_an_unshare_at_el2() -> None:
    """Upstream and Android: __pkvm_guest_unshare_host and pkvm_memunshare_call return without the host."""
    own_memory: Values = {"backing": "exclusive_pin"}
    assert booked_us("pkvm", CONVERT_4K, Category.EXIT, memory=own_memory) == pytest.approx(2.6)


def test_cca_goes_granule_by_granule_or_by_ranges_as_its_firmware_does() -> None:
    """OpenCCA, A55: a delegation 4.44 us, an RMI 1.87; RMM 2.0 has ranges in one call (v13), which nobody timed."""
    one_by_one = booked_us("cca", CONVERT_4K, Category.PAGE_TABLE)
    by_ranges = booked_us("cca", CONVERT_4K | {"rmm": 2}, Category.PAGE_TABLE)
    assert one_by_one == pytest.approx(PAGES * (4.5 + 1.87 + 4.44 + 1.87 + 0.19))
    assert by_ranges == pytest.approx(PAGES * (1.0 + 1.0 + 0.19))
    assert holds("cca", "share_page_ranged", 4.44), "as if each granule of a range took a delegation"


def test_waking_a_kernel_thread_is_more_than_writing_to_an_eventfd() -> None:
    """By perf bench sched pipe: 4.77 us an operation of two wakes, 8.43 on another; an eventfd's write 0.28."""
    for technology in TECHNOLOGIES:
        assert us(technology, "wake_worker") == pytest.approx(4.77 / 2, abs=0.02)
        assert holds(technology, "wake_worker", 8.43 / 2)
        assert not holds(technology, "wake_worker", 0.28)


def test_waking_a_halted_vcpu_has_one_source() -> None:
    """A. Arora 2024, arm64 guest: 13.48 us an operation of two wakes where the vCPU halts, 6.84 where it polls."""
    assert us("none", "wake_vcpu") == pytest.approx((13.48 - 6.84) / 2, abs=0.03)
    assert us("pkvm", "wake_vcpu") == pytest.approx(3.3 + 2.6 - 2.1), "and the further pass through EL2"
    assert us("cca", "wake_vcpu") == pytest.approx(3.3 + 6.0 - 2.1)


def test_a_lone_request_of_snp_costs_the_measured_tax_more_than_a_plain_one() -> None:
    """CVM_eval's fio logs, queue depth 1: 18 us in all; the bounce's CPU time 2.1, by the same logs at depth."""
    told = ("kick", "interrupt", "wake_vcpu")
    assert sum(us("sev-snp", name) - us("none", name) for name in told) + 2.1 == pytest.approx(18.0)


def test_a_huge_leaf_goes_at_a_price_of_its_own() -> None:
    """HyperAlloc, us: a present huge page given back 8.55, 512 small ones 978; on plain KVM, freeing included."""
    assert us("none", "host_unmap_leaf_2m") == pytest.approx(16.10 - 7.55, abs=0.06)
    assert us("none", "host_unmap_leaf_2m") < LEAF_PAGES * us("none", "host_unmap_page") < 978
    assert holds("none", "host_unmap_leaf_2m", us("none", "host_unmap_page")), "one entry, where nothing is freed"


@pytest.mark.parametrize("technology", PROTECTED)
def test_no_leaf_takes_longer_than_its_512_pages(technology: str) -> None:
    profile = PROFILES[technology]
    leaves = [name for name, price in profile.prices.items() if name.endswith("_leaf_2m") and price.cost is not None]
    assert leaves
    for name in leaves:
        for vcpus in (1, 2, 31, 32, 64, 248):
            pages_ns = LEAF_PAGES * profile.price_ns(name.replace("_leaf_2m", "_page"), vcpus)
            assert profile.price_ns(name, vcpus) <= pages_ns, (name, vcpus)
