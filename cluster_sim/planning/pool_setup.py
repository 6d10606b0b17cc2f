"""What setting a pool up takes by itself: shared at boot, before the run, or grown within it."""

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
        return self._share_ns(guest.placed.group.vcpus, dynamic_pool_bytes(guest.layout.pool_bytes), Effects())

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
