"""The profile of a scenario: its technology on its CPU, with the costs that the definition replaces."""

from functools import cache

from cluster_sim.platform.profile import Profile, load_profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.scenario.spec import ScenarioSpec


def profile_of(scenario: ScenarioSpec) -> Profile:
    """Load a scenario's profile; a replaced cost is `assumed` and its source is the definition."""
    overrides = {
        name: Cost(
            name=name,
            value=override.value,
            unit=override.unit,
            low=override.value,
            high=override.value,
            source="definition",
            confidence="assumed",
            note=override.why,
            formula=None,
        )
        for name, override in scenario.costs.items()
    }
    if not overrides:
        return shipped_profile(scenario.protection, scenario.profile)
    return load_profile(scenario.protection, scenario.profile, overrides)


@cache
def shipped_profile(technology: str, cpu: str) -> Profile:
    """A profile as shipped, derived once."""
    return load_profile(technology, cpu)
