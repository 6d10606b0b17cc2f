"""What one grants who takes a path: who may change memory meanwhile, who writes where, what stays open and held."""

from collections.abc import Mapping

from cluster_sim.analysis.answers.phrases import listed, measured
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of


def presumptions_of(scenario: ScenarioSpec, group: str, figures: Mapping[str, float]) -> str:
    """What is to be said of one group's path after its name, in the run whose figures these are; empty for nothing."""
    guests = next((each for each in scenario.guests if each.name == group), None)
    if guests is None or not PROTECTIONS[scenario.protection].has_private_memory:
        return ""
    path = scenario.path_of(guests)
    found = []
    if works_on_shared(scenario, guests):
        found.append("that the guest reads each field once, for the host can change it meanwhile (double fetch)")
    if path.written_in_place and receives(guests):
        found.append("that the producer writes into the pool in place")
    if not found:
        return ""
    held, exposed = (measured(figures.get(name, 0.0), name) for name in ("held", "exposure"))
    return f"presumes {listed(found)}; per guest it holds {held} and leaves {exposed} open to the host"


def receives(guests: GuestGroupSpec) -> bool:
    """Whether data comes to a group."""
    return any(
        queue.moves_data and queue.from_device for workload in guests.workloads for queue in traits_of(workload).queues
    )


def works_on_shared(scenario: ScenarioSpec, guests: GuestGroupSpec) -> bool:
    """Whether a protected guest works on what the host brings it in a page that is shared meanwhile."""
    is_protected = PROTECTIONS[scenario.protection].has_private_memory
    return is_protected and scenario.path_of(guests).consumes_shared and receives(guests)
