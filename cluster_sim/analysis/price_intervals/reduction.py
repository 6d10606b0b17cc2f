"""What is left out of a run where it is run anew at each sample of the costs: hosts that are alike, and time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.designs import wrong_with
from cluster_sim.analysis.studies.simplification import simpler_scenario
from cluster_sim.integers import NS_PER_S
from cluster_sim.scenario.spec import ScenarioSpec

LEAST_NS: Final = NS_PER_S
"""Of a shortened run: rings of ten buffers are full after a fifth of it, where they fill at all."""
LEAST_TRANSFERS: Final = 100
"""Of each group in a shortened run, so that its 99th percentile is one."""
STEP_NS: Final = NS_PER_S // 10


def reduced_scenarios(
    reading: RunReading, scenarios: Mapping[str, ScenarioSpec], folder: Path
) -> tuple[dict[str, ScenarioSpec], str]:
    """The scenarios as they are run at samples, and what was left out, in words; empty where nothing was."""
    found, told = dict[str, ScenarioSpec](), dict[str, None]()
    for variant, scenario in scenarios.items():
        cut, changes = simpler_scenario(scenario, enough_ns(reading, variant, scenario))
        if changes and not wrong_with(cut, folder):
            found[variant] = cut
            told |= dict.fromkeys(changes)
        else:
            found[variant] = scenario
    return found, "; ".join(told)


def enough_ns(reading: RunReading, variant: str, scenario: ScenarioSpec) -> int:
    """How long a variant is run: until each group has transfers enough; what is kept shared is seen over all its time.

    Each buffer that stays shared for several uses converts in its first: a shorter run would hold more of these.
    """
    if any(getattr(scenario.path_of(group), "keeps", False) for group in scenario.guests):
        return scenario.duration
    hosts = scenario.cluster.hosts if all(group.count is None for group in scenario.guests) else 1
    longest = LEAST_NS
    for (label, _), sums in reading.guest_sums.items():
        submitted = sums.of("submitted")
        if label == variant and submitted:
            replications = max(len(sums.replications), 1)
            longest = max(longest, LEAST_TRANSFERS * scenario.duration * replications * hosts // submitted)
    return -(-longest // STEP_NS) * STEP_NS
