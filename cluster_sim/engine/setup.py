"""What setting a pool up takes by itself: shared at boot, before the run, or grown within it."""

import numpy as np

from cluster_sim.engine.planned import PlannedGuest
from cluster_sim.engine.tables import call_bytes, chunk_bytes, setup_unit, step_prices
from cluster_sim.io_paths.converting import convert
from cluster_sim.io_paths.errand import VIDEO, Errand
from cluster_sim.io_paths.steps import Count, Direction, Op
from cluster_sim.memory.effects import EFFECT_COUNT, Counts, Effect
from cluster_sim.memory.pages import PAGE_BYTES
from cluster_sim.memory.swiotlb import dynamic_pool_bytes
from cluster_sim.platform.profile import Profile
from cluster_sim.scenario.path_spec import SharedPoolPath, SwiotlbPath
from cluster_sim.scenario.spec import ScenarioSpec


def setup_ns(guest: PlannedGuest, scenario: ScenarioSpec, profile: Profile, effects: Counts) -> int:
    """What sharing the pool before the run takes, alone; a guest that boots within the run does it there."""
    has_pool = isinstance(scenario.path_of(guest.place.group), SwiotlbPath | SharedPoolPath)
    if not has_pool or guest.layout.boots:
        return 0
    return share_ns(guest, scenario, profile, guest.layout.pool_bytes, effects)


def grow_ns(guest: PlannedGuest, scenario: ScenarioSpec, profile: Profile) -> int:
    """What sharing one dynamic pool takes, alone."""
    added_bytes = dynamic_pool_bytes(guest.layout.pool_bytes) if guest.layout.grow_bytes else 0
    return share_ns(guest, scenario, profile, added_bytes, np.zeros(EFFECT_COUNT, np.int64))


def share_ns(guest: PlannedGuest, scenario: ScenarioSpec, profile: Profile, size_bytes: int, effects: Counts) -> int:
    """What sharing so much takes, alone: the conversion's charges over its counts, and faults."""
    protection, memory, group = profile.protection, scenario.memory, guest.place.group
    if not protection.has_private_memory:
        return 0
    pages = size_bytes // PAGE_BYTES
    faults = ["host_fault_page", *(() if protection.keeps_guest_mapping else ("guest_fault_shared_page",))]
    total = pages * sum(profile.price_ns(name, group.vcpus) for name in faults)
    if memory.generation in ("G1", "G2"):
        return total  # the pool is a file of its own, shared from the start
    unit = setup_unit(memory, size_bytes)
    granules = -(-size_bytes // unit)
    call = call_bytes(protection, memory, "batched", unit)
    chunk = chunk_bytes(protection, memory, call)
    counts = {
        Count.ONCE: 1,
        Count.GRANULES: granules,
        Count.CALLS: -(-size_bytes // call),
        Count.CHUNKS: -(-size_bytes // chunk) if chunk else 0,
        Count.OTHER_VCPUS: group.vcpus - 1,
        Count.CONVERTED: pages,
        Count.SPLIT: int(effects[Effect.SPLIT]),
        Count.LEAVES_BROKEN: int(effects[Effect.LEAVES_BROKEN]),
        Count.VMEMMAP_PAGES: int(effects[Effect.VMEMMAP_PAGES]),
    }
    errand = Errand(Direction.TO_DEVICE, VIDEO, protection, memory)
    for step in convert(errand, to_private=False, is_ranged=unit > PAGE_BYTES):
        if step.op == Op.AGAIN:
            continue
        prices = step_prices(step, profile, group.vcpus, {})
        total += sum(prices[count] * amount for count, amount in counts.items())
    return total
