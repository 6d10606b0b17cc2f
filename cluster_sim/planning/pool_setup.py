"""What setting a pool up takes by itself: shared at boot, before the run, or grown within it."""

from dataclasses import replace
from typing import NamedTuple

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.conversion_steps import convert
from cluster_sim.io_paths.drivers import V4L2
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.steps import Count, Direction, Op
from cluster_sim.memory.effects import LEAF_PAGES, Counts, Effect
from cluster_sim.memory.swiotlb import dynamic_pool_bytes
from cluster_sim.planning.conversion_calls import call_bytes, chunk_bytes, setup_unit
from cluster_sim.planning.planned_guest import PlannedGuest
from cluster_sim.planning.protection_of import protection_of, vmm_faults
from cluster_sim.planning.step_table import step_prices
from cluster_sim.platform.profile import Profile
from cluster_sim.scenario.spec import ScenarioSpec

LEAF_BYTES = LEAF_PAGES * PAGE_BYTES


class Effects(NamedTuple):
    """What sharing a pool did to huge pages."""

    split: int = 0
    leaves_broken: int = 0
    vmemmap_pages: int = 0
    leaves: int = 0
    """Of 2 MiB, that were shared whole."""


class SetUp:
    """Prices what sharing takes, alone; once for all equal guests."""

    def __init__(self, scenario: ScenarioSpec, profile: Profile) -> None:
        self.scenario = scenario
        self.profile = profile
        self.found: dict[tuple[int, int, Effects], int] = {}

    def set_up(self, guest: PlannedGuest, done: Counts) -> PlannedGuest:
        """A guest with what was done for it before it runs."""
        pinned = guest.placed.group.memory // PAGE_BYTES if self.scenario.is_held_twice(guest.placed.group) else 0
        return replace(guest, setup_ns=self.pool_ns(guest, done) + self.devices_ns(guest), pinned_twice_pages=pinned)

    def devices_ns(self, guest: PlannedGuest) -> int:
        """Pinning and mapping memory for assigned devices: all of it by 2 MiB, or what is shared page by page."""
        group, layout = guest.placed.group, guest.layout
        if not group.assigned_devices:
            return 0
        if not self.scenario.maps_shared(group):
            return -(-group.memory // LEAF_BYTES) * self.profile.price_ns("iommu_map_leaf_2m", group.vcpus)
        pool_pages = 0 if layout.boots else layout.pool_bytes // PAGE_BYTES
        return (pool_pages + layout.resident_pages) * self.map_page_ns(group.vcpus)

    def map_page_ns(self, vcpus: int) -> int:
        """What VFIO takes to pin and map one page, by a call of its own (QEMU's hw/vfio/listener.c)."""
        return sum(self.profile.price_ns(name, vcpus) for name in ("iommu_map_call", "iommu_map_page"))

    def pool_ns(self, guest: PlannedGuest, done: Counts) -> int:
        """Sharing the pool before the run; a guest that boots within the run does it there."""
        if guest.layout.needs.pool is None or guest.layout.boots:
            return 0
        counted = (Effect.SPLIT, Effect.LEAVES_BROKEN, Effect.VMEMMAP_PAGES, Effect.CONVERTED_2M)
        effects = Effects(*(int(done[each]) for each in counted))
        return self._share_ns(guest.placed.group.vcpus, guest.layout.pool_bytes, effects)

    def grow_ns(self, guest: PlannedGuest) -> int:
        """Sharing one dynamic pool; 0 where none is ever added."""
        if not guest.layout.needs.grow_bytes:
            return 0
        vcpus, size_bytes = guest.placed.group.vcpus, dynamic_pool_bytes(guest.layout.pool_bytes)
        is_mapped = self.scenario.maps_shared(guest.placed.group)
        mapped_ns = size_bytes // PAGE_BYTES * self.map_page_ns(vcpus) if is_mapped else 0
        return self._share_ns(vcpus, size_bytes, Effects()) + mapped_ns

    def grow_shootdowns(self, guest: PlannedGuest) -> int:
        """How often sharing one dynamic pool interrupts the guest's vCPUs: by the guest, and by the host."""
        protection, memory = protection_of(self.scenario), self.scenario.memory
        if not guest.layout.needs.grow_bytes or protection.shootdowns == "none":
            return 0
        size_bytes = dynamic_pool_bytes(guest.layout.pool_bytes)
        if protection.shootdowns == "one a page":
            return 1 + size_bytes // PAGE_BYTES
        unit = setup_unit(memory, size_bytes)
        return 1 + -(-size_bytes // chunk_bytes(protection, memory, call_bytes(protection, memory, "batched", unit)))

    def _share_ns(self, vcpus: int, size_bytes: int, effects: Effects) -> int:
        key = (vcpus, size_bytes, effects)
        if key not in self.found:
            self.found[key] = share_ns(self.scenario, self.profile, *key)
        return self.found[key]


def share_ns(scenario: ScenarioSpec, profile: Profile, vcpus: int, size_bytes: int, effects: Effects) -> int:
    """What sharing so much takes, alone: the conversion's charges over its counts, and faults."""
    protection, memory = protection_of(scenario), scenario.memory
    host_faults, guest_faults = vmm_faults(scenario, protection)
    if not protection.has_private_memory:
        return 0
    pages = size_bytes // PAGE_BYTES
    faults = ["populate_page" if host_faults == "populate" else "host_fault_page"]
    converts = memory.generation not in ("G1", "G2")  # else the pool is a file of its own, shared from the start
    if not protection.keeps_guest_mapping:
        is_mapped_ahead = converts and guest_faults == "prefault"
        faults.append("map_ahead_shared_page" if is_mapped_ahead else "guest_fault_shared_page")
    total = pages * sum(profile.price_ns(name, vcpus) for name in faults)
    if not converts:
        return total
    unit = setup_unit(memory, size_bytes)
    granules = -(-size_bytes // unit)
    call = call_bytes(protection, memory, "batched", unit)
    chunk = chunk_bytes(protection, memory, call)
    counts = {
        Count.ONCE: 1,
        Count.GRANULES: granules,
        Count.CALLS: -(-size_bytes // call),
        Count.CHUNKS: -(-size_bytes // chunk) if chunk else 0,
        Count.OTHER_VCPUS: vcpus - 1,
        Count.CONVERTED: pages - LEAF_PAGES * effects.leaves,
        Count.CONVERTED_2M: effects.leaves,
        Count.SPLIT: effects.split,
        Count.LEAVES_BROKEN: effects.leaves_broken,
        Count.VMEMMAP_PAGES: effects.vmemmap_pages,
    }
    context = PathContext(Direction.TO_DEVICE, V4L2, protection, memory)
    for step in convert(context, to_private=False, is_ranged=unit > PAGE_BYTES):
        if step.op == Op.AGAIN:
            continue
        prices = step_prices(step, profile, vcpus, {})
        total += sum(prices[count] * amount for count, amount in counts.items())
    return total
