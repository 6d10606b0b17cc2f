"""One lone transfer of each group, and what it takes at other costs: one at an end of its range, or all moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cluster_sim.analysis.lone_transfer.explanation import ExplainedTransfer, explain
from cluster_sim.analysis.lone_transfer.step_prices import PricedTerm
from cluster_sim.planning.copy_curves import CopyCurves
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import Cost, ProvenanceError
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.spec import CostOverride, ScenarioSpec

DELIVERED = "delivered"


@dataclass
class LoneTransfers:
    """A variant's transfers, each alone on its host."""

    scenario: ScenarioSpec
    folder: Path
    profiles: dict[tuple[str, str, str, float], Profile | None]
    """Profiles with one cost replaced, which all variants of a technology share; None where no price can be made."""
    rerun: dict[tuple[str, float], list[ExplainedTransfer]] = field(default_factory=dict)

    @cached_property
    def explained(self) -> list[ExplainedTransfer]:
        """At the prices of the run."""
        return explain(self.scenario, self.folder)

    def of(self, group: str) -> list[ExplainedTransfer]:
        """The transfers of one group."""
        return [each for each in self.explained if each.group == group]

    def terms(self, group: str) -> list[PricedTerm]:
        """All prices of one group's transfers, with their counts."""
        return [term for each in self.of(group) for step in each.steps for term in step.terms]

    def latency_ns(self, group: str) -> int | None:
        """One transfer of each stream of a group, one after the other; None where one does not arrive."""
        return total_ns(self.of(group))

    def costs(self, group: str) -> dict[str, Cost]:
        """The costs behind a group's transfers that have a range."""
        names = dict.fromkeys(name for term in self.terms(group) for cost in term.costs for name in cost.inputs)
        known = self.explained[0].profile.library.costs
        costs = {name: known[name] for name in names}
        return {name: cost for name, cost in costs.items() if cost.low < cost.high}

    def with_cost(self, cost: Cost, value: float) -> ScenarioSpec:
        """The scenario with one cost replaced."""
        replaced = CostOverride(value=value, unit=cost.unit, why="an end of its range")
        return self.scenario.model_copy(update={"costs": {**self.scenario.costs, cost.name: replaced}})

    def profile_at(self, cost: Cost, value: float) -> Profile | None:
        """The profile with one cost replaced; None where that makes a price less than nothing."""
        rest = repr(sorted((name, each.value, each.unit) for name, each in self.scenario.costs.items()))
        host = self.scenario.cluster.host
        known = f"{self.scenario.protection} {self.scenario.profile} {host.machine} {host.nodes} {host.numa}"
        key = (known, rest, cost.name, value)
        if key not in self.profiles:
            try:
                self.profiles[key] = profile_of(self.with_cost(cost, value))
            except ProvenanceError:
                self.profiles[key] = None
        return self.profiles[key]

    def estimate_ns(self, group: str, cost: Cost, value: float) -> int | None:
        """What a group's transfers would take, by the counts of their steps and the sizes of their copies."""
        profile = self.profile_at(cost, value)
        return None if profile is None else self.repriced_ns(group, profile, self.terms(group))

    def repriced_ns(self, group: str, profile: Profile, terms: Iterable[PricedTerm]) -> int:
        """What terms of a group's transfers take by the prices of another profile; waiting is left as it was."""
        vcpus = next(each.vcpus for each in self.scenario.guests if each.name == group)
        curves = CopyCurves(profile, self.scenario.cluster)

        def each_ns(term: PricedTerm) -> int:
            if term.found is not None:
                return curves.by_cpu_ns(term.copied_bytes, term.found)
            return profile.price_ns(term.price, vcpus) if term.costs and term.price in profile.prices else term.each_ns

        return sum(term.count * each_ns(term) for term in terms)

    def must_run(self, group: str, cost: Cost) -> bool:
        """Whether counts do not tell what a cost does: where others than CPUs copy, or a copy waits for the bus."""
        prices, terms = self.explained[0].profile.prices, self.terms(group)
        uncounted = [term for term in terms if term.costs and term.found is None and term.price not in prices]
        copies = [term for term in terms if uncounted and term.found is not None]
        return any(cost.name in behind.inputs for term in (*uncounted, *copies) for behind in term.costs)

    def exact_ns(self, group: str, cost: Cost, value: float) -> int | None:
        """What a group's transfers take, run anew."""
        key = (cost.name, value)
        if self.profile_at(cost, value) is None:
            return None
        if key not in self.rerun:
            self.rerun[key] = explain(self.with_cost(cost, value), self.folder)
        return total_ns([each for each in self.rerun[key] if each.group == group])


def total_ns(explained: Sequence[ExplainedTransfer]) -> int | None:
    """The sum of some transfers; None where there are none, or one does not arrive."""
    if not explained or any(each.outcome != DELIVERED for each in explained):
        return None
    return sum(each.latency_ns for each in explained)
