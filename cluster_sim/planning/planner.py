"""Planning a run's hosts: those that hold the same guests at the same times are planned once and share a definition."""

from dataclasses import dataclass, field, replace

import numpy as np

from cluster_sim.engine.host_spec import HostSpec
from cluster_sim.engine.host_state import HostState
from cluster_sim.memory.page_tree import PageTree, copy_of
from cluster_sim.planning.host_plan import HostPlan, Logs, plan_host
from cluster_sim.planning.placement import PlacedGuest
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.planning.stream_keys import keys_of, rings
from cluster_sim.platform.profile import Profile
from cluster_sim.scenario.spec import ScenarioSpec

Guests = tuple[tuple[str, int, int, int], ...]
"""Group, index, coming and leaving of each guest of a host."""


@dataclass(slots=True)
class Planner:
    """Plans hosts of one run, one by one; only the last kind of host is remembered."""

    scenario: ScenarioSpec
    profile: Profile
    run_guests: RunGuests
    logs: Logs
    last_guests: Guests | None = field(init=False, default=None)
    last_plan: HostPlan | None = field(init=False, default=None)

    def plan(self, host: int) -> HostPlan:
        """One host, as plan_host makes it."""
        placed_guests = self.run_guests.placement.on_host(host)
        is_only_one = self.scenario.cluster.hosts == 1  # so that no other host needs its state to copy
        if (
            is_only_one
            or self.scenario.memory.placement == "scattered"
            or any(fault.host == host for fault in self.scenario.faults)
        ):
            return self._planned(host)
        guests = tuple((each.group.name, each.index, each.arrives_ns, each.leaves_ns) for each in placed_guests)
        if self.last_plan is None or guests != self.last_guests:
            self.last_guests, self.last_plan = guests, self._planned(host)
        return for_host(self.last_plan, placed_guests, (*self.run_guests.placement.chance, host))

    def _planned(self, host: int) -> HostPlan:
        sizes, run_guests = self.run_guests.sizes, self.run_guests
        return plan_host(self.scenario, self.profile, sizes, host=host, run_guests=run_guests, logs=self.logs)


def for_host(plan: HostPlan, placed_guests: list[PlacedGuest], chance: tuple[int, ...]) -> HostPlan:
    """The plan of a host that differs from another in its number only, which `placed_guests` and `chance` are of.

    It shares the other's definition but for the keys of its draws; its state is its own.
    """
    guests = tuple(replace(guest, placed=placed) for guest, placed in zip(plan.guests, placed_guests, strict=True))
    spec: HostSpec = plan.spec._replace(draw_keys=keys_of(plan.streams, guests, chance))
    ring = rings(spec.streams, plan.streams, guests, chance)
    return replace(plan, spec=spec, state=copy_of_state(plan.state)._replace(ring=ring), guests=guests)


def copy_of_state(state: HostState) -> HostState:
    """The same state in arrays of its own."""
    return HostState._make(map(copied, state))


def copied(value: object) -> object:
    """Arrays anew, one by one or in a tuple of them."""
    match value:
        case PageTree():
            return copy_of(value)
        case tuple() if hasattr(value, "_make"):
            return value._make(map(copied, value))
        case np.ndarray():
            return value.copy()
        case _:
            return value
