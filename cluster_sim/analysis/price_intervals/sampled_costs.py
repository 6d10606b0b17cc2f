"""Joint samples of all costs that a run's profiles use: at one sample all variants have the same costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster_sim.analysis.studies.factors import factors_of, value_at, with_costs
from cluster_sim.analysis.studies.joint_samples import shares
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.spec import CostOverride, ScenarioSpec


@dataclass(frozen=True)
class SampledCosts:
    """Scenarios at samples of the costs. A cost that a definition replaces moves within the range that it gives it."""

    samples: int
    shares: Mapping[str, Sequence[float]]
    """Of each cost, where in its range it lies at each sample."""
    profiles: Mapping[str, Profile]

    known: dict[tuple[int, int], Mapping[str, CostOverride]] = field(default_factory=dict)
    """Of each profile and sample, what replaces its costs: worked out once for all variants of a technology."""

    def scenario(self, variant: str, scenario: ScenarioSpec, number: int) -> ScenarioSpec:
        """A scenario of a variant with the costs of one sample."""
        profile = self.profiles[variant]
        sample = (id(profile), number)
        if sample not in self.known:
            values = {name: value_at(cost, self.shares[name][number]) for name, cost in ranged_costs(profile).items()}
            self.known[sample] = with_costs(scenario, profile, values).costs
        return scenario.model_copy(update={"costs": self.known[sample]})


def sampled_costs(scenarios: Mapping[str, ScenarioSpec], samples: int, seed: int) -> SampledCosts:
    """Samples of the costs of all scenarios together: a Latin hypercube; the points of one curve move together."""
    profiles = {variant: profile_of(scenario) for variant, scenario in scenarios.items()}
    of_costs: dict[str, Sequence[float]] = {}
    for factor in factors_of(profiles.values()):
        drawn = shares(factor.name, samples, seed).tolist()
        of_costs |= {cost.name: drawn for cost in factor.costs}
    return SampledCosts(samples, of_costs, profiles)


def ranged_costs(profile: Profile) -> dict[str, Cost]:
    """The costs behind a profile's prices that have a range."""
    if profile.is_free:
        return {}
    names = sorted({name for cost in profile.costs() for name in cost.inputs})
    costs = {name: profile.library[name] for name in names}
    return {name: cost for name, cost in costs.items() if cost.low < cost.high < math.inf}
