"""Planning a run's hosts: those that hold the same guests at the same times are planned once, and drawn for each."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cluster_sim.memory.page_tree import PageTree, copy_of
from cluster_sim.planning.host_plan import HostPlan, Logs, plan_host
from cluster_sim.planning.placement import PlacedGuest, Placement
from cluster_sim.planning.queues import Facts
from cluster_sim.planning.stream_keys import keys_of, rings
from cluster_sim.platform.profile import Profile
from cluster_sim.scenario.spec import ScenarioSpec

READ_ONLY = ("steps", "curves", "requests", "sizes", "placement")
"""Arrays that no host's loop writes to."""

Guests = tuple[tuple[str, int, int, int], ...]


@dataclass(slots=True)
class Planner:
    """Plans hosts of one run, one by one; only the last kind of host is kept."""

    scenario: ScenarioSpec
    profile: Profile
    facts: Facts
    placement: Placement
    logs: Logs
    guests: Guests | None = field(init=False, default=None)
    """Who is on a host that is as `kept` is."""
    kept: HostPlan | None = field(init=False, default=None)

    def plan(self, host: int) -> HostPlan:
        """One host, as plan_host makes it."""
        placed_guests = self.placement.on_host(host)
        if self.scenario.memory.placement == "scattered" or any(fault.host == host for fault in self.scenario.faults):
            return self._planned(host)
        guests = tuple(
            (placed.group.name, placed.index, placed.arrives_ns, placed.leaves_ns) for placed in placed_guests
        )
        if self.kept is None or guests != self.guests:
            self.guests, self.kept = guests, self._planned(host)
        return for_host(self.kept, placed_guests, (*self.placement.chance, host))

    def _planned(self, host: int) -> HostPlan:
        return plan_host(self.scenario, self.profile, self.facts, host=host, placement=self.placement, logs=self.logs)


def for_host(plan: HostPlan, placed_guests: list[PlacedGuest], chance: tuple[int, ...]) -> HostPlan:
    """The plan of a host that is as another but for its number: `places` are its own, `chance` is of the host."""
    guests = tuple(replace(guest, placed=placed) for guest, placed in zip(plan.guests, placed_guests, strict=True))
    state = copied(plan.state)
    state.streams["key"] = keys_of(plan.streams, guests, chance)
    return replace(plan, state=state._replace(ring=rings(state.streams, plan.streams, guests, chance)), guests=guests)


def copied(value: Any) -> Any:
    """Arrays anew, in a record of arrays each of them that a loop writes to."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, PageTree):
        return copy_of(value)
    if not hasattr(value, "_fields"):
        return value
    return value._replace(**{name: copied(getattr(value, name)) for name in value._fields if name not in READ_ONLY})
