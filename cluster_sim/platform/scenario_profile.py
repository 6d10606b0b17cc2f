"""The profile of a scenario: its technology on its CPU, with the costs that the definition replaces."""

from functools import cache, lru_cache
from typing import Final

from cluster_sim.platform.profile import Profile, costs_of_prices, library, load_profile
from cluster_sim.platform.provenance import Cost, CostLibrary, ProvenanceError
from cluster_sim.scenario.spec import CostOverride, ScenarioSpec

KEPT: Final = 64
"""Profiles with replaced costs that are kept: a study gives all designs of a technology the same costs in turn."""


def profile_of(scenario: ScenarioSpec) -> Profile:
    """Load a scenario's profile; a replaced cost is `assumed` and of the definition, where nothing else is said."""
    overrides = {name: cost_of(name, override) for name, override in scenario.costs.items()}
    host = scenario.cluster.host
    crosses_nodes = host.nodes > 1 and host.numa != "pinned"
    if overrides:
        replaced = tuple(overrides.items())
        profile = changed_profile(
            scenario.protection, scenario.profile, host.machine, replaced, crosses_nodes=crosses_nodes
        )
    else:
        profile = shipped_profile(scenario.protection, scenario.profile, host.machine, crosses_nodes=crosses_nodes)
    if not host.channels:
        return profile
    return profile.with_channels(f"{host.channels} x {host.dimms}", host.transfers_per_us)


def cost_of(name: str, override: CostOverride) -> Cost:
    """What a definition puts in the place of a cost; ProvenanceError where its ends are not about its value."""
    low = override.value if override.low is None else override.low
    high = override.value if override.high is None else override.high
    if not low <= override.value <= high:
        found = f"{low:g} .. {override.value:g} .. {high:g}"
        raise ProvenanceError(f"costs.{name}", found, "low <= value <= high")
    return Cost(
        name=name,
        value=override.value,
        unit=override.unit,
        low=low,
        high=high,
        source=override.source,
        confidence=override.confidence,
        note=override.why,
        stands_in=override.stands_in,
    )


def overrides_of(costs: CostLibrary) -> dict[str, CostOverride]:
    """A table of costs as what a definition would say; those that the shipped library does not have have no price."""
    return {
        name: CostOverride(
            value=cost.value,
            unit=cost.unit,
            why=cost.note or costs.sources[cost.source].title,
            low=cost.low,
            high=cost.high,
            source=costs.sources[cost.source].title,
            confidence=cost.confidence,
            stands_in=cost.stands_in,
        )
        for name, cost in costs.items()
        if name in library() or name in costs_of_prices()
    }


@cache
def shipped_profile(technology: str, cpu: str, machine: str, *, crosses_nodes: bool) -> Profile:
    """A profile as shipped, derived once."""
    return load_profile(technology, cpu).on_machine(machine, crosses_nodes=crosses_nodes)


@lru_cache(maxsize=KEPT)
def changed_profile(
    technology: str, cpu: str, machine: str, replaced: tuple[tuple[str, Cost], ...], *, crosses_nodes: bool
) -> Profile:
    """A profile with costs replaced, derived once for scenarios that follow each other."""
    return load_profile(technology, cpu, dict(replaced)).on_machine(machine, crosses_nodes=crosses_nodes)
