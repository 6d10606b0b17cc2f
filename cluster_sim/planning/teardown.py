"""What giving back a guest's memory takes once it has left: page by page, or leaf by leaf.

Private memory is not the host's again before the technology has let it go: TDH.PHYMEM.PAGE.RECLAIM with a write-back
and clearing, an RMPUPDATE, a call of EL2, an undelegated granule. A guest is taken as having touched all of its memory.
"""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.planning.protection_of import HUGE_LEAF_BYTES, protection_of
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec


def teardown_ns(scenario: ScenarioSpec, group: GuestGroupSpec) -> int:
    """From a guest's leaving to the instant at which all of its memory is the host's again."""
    profile, protection = profile_of(scenario), protection_of(scenario)
    has_huge = protection.has_private_memory and scenario.memory.huge_page > PAGE_BYTES
    has_leaves = has_huge and protection.leaf_bytes_max > PAGE_BYTES
    name, unit = ("teardown_leaf_2m", HUGE_LEAF_BYTES) if has_leaves else ("teardown_page", PAGE_BYTES)
    return group.memory // unit * profile.price_ns(name, group.vcpus)
