"""The guests of each host of a run, with their queues and the numbers of their streams: what hosts and software share.

Both ask here, each in its own process, so that a stream's number means the same to both.
"""

from dataclasses import dataclass, field

from cluster_sim.planning.guest_layout import GuestLayout, lay_out
from cluster_sim.planning.placement import PlacedGuest, Placement
from cluster_sim.planning.planned_guest import PlannedGuest
from cluster_sim.planning.queues import WorkloadSizes, receivers
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.spec import ScenarioSpec


@dataclass(slots=True)
class RunGuests:
    """Guests of a run's hosts; those of a group are laid out once, unless others send to them: then once an index."""

    scenario: ScenarioSpec
    sizes: WorkloadSizes
    placement: Placement
    layouts: dict[tuple[str, int], GuestLayout] = field(init=False, default_factory=dict)
    receivers: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.receivers = receivers(self.scenario)

    def on_host(self, host: int) -> list[PlannedGuest]:
        """Guests that are ever on a host, their streams numbered through, guest by guest and queue by queue."""
        guests: list[PlannedGuest] = []
        first_stream = 0
        for placed in self.placement.on_host(host):
            guests.append(PlannedGuest(placed, self._layout(placed), first_stream))
            first_stream += len(guests[-1].layout.queues)
        return guests

    def _layout(self, placed: PlacedGuest) -> GuestLayout:
        kind = (placed.group.name, placed.index if placed.group.name in self.receivers else 0)
        if kind not in self.layouts:
            protection = PROTECTIONS[self.scenario.protection]
            self.layouts[kind] = lay_out(self.scenario, placed.group, placed.index, self.sizes, protection)
        return self.layouts[kind]
