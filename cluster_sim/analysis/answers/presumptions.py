"""What one grants who takes a path: who may change memory meanwhile, who writes where, what stays open and held."""

from collections.abc import Mapping

from cluster_sim.analysis.answers.phrases import measured
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.path_spec import IoPath, SharedPoolPath
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of


def presumptions_of(scenario: ScenarioSpec, group: str, figures: Mapping[str, float]) -> tuple[str, ...]:
    """Clauses on one group's path, in the run whose figures these are; none without protection."""
    if not PROTECTIONS[scenario.protection].has_private_memory:
        return ()
    guests = next((each for each in scenario.guests if each.name == group), None)
    if guests is None:
        return ()
    path = scenario.path_of(guests)
    found = []
    if works_on_shared(scenario, guests):
        found.append("the guest reads each field once, from memory that the host can change meanwhile (double fetch)")
    if writes_in_place(path) and receives(guests):
        found.append("its producer writes into that memory in place")
    exposed, held = figures.get("exposure", 0.0), figures.get("held", 0.0)
    if found and exposed > 0:
        found.append(
            f"{measured(held, 'held')} per guest are held and {measured(exposed, 'exposure')} are open to the host"
        )
    return tuple(found)


def receives(guests: GuestGroupSpec) -> bool:
    """Whether data comes to a group."""
    return any(
        queue.moves_data and queue.from_device for workload in guests.workloads for queue in traits_of(workload).queues
    )


def works_on_shared(scenario: ScenarioSpec, guests: GuestGroupSpec) -> bool:
    """Whether a protected guest works on what the host brings it in a page that is shared meanwhile."""
    is_protected = PROTECTIONS[scenario.protection].has_private_memory
    return is_protected and scenario.path_of(guests).consumes_shared and receives(guests)


def writes_in_place(path: IoPath) -> bool:
    """Whether who makes the data must put it into the pool itself."""
    return isinstance(path, SharedPoolPath) and path.copied_by in ("none", "consumer")
