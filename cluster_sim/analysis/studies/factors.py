"""The costs that a sensitivity study samples: which they are, where in their range a share lies, what scenarios get.

Sampled are the costs of which the profile's prices are formulas; a stand-in that could be another has one of its own,
with a range over all of them. The points of one measured curve
(`copy.zen4_cold_4096`, `…_16384`) are one factor: they were measured together and move together.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster_sim.platform.formulas import FormulaError, Interval, parse_formula
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import UNITS, Confidence, Cost, CostLibrary, least_sure, less_sure
from cluster_sim.scenario.spec import CostOverride, ScenarioSpec

POINT_OF_CURVE: Final = re.compile(r"(.+)_[0-9]+")
DIGITS: Final = 9
"""That matter in a sampled cost; the rest is noise of the arithmetic."""
HALVINGS: Final = 24
WHY: Final = "sampled by a study"

Values = Mapping[str, float]
"""Sampled costs by name, each in its own unit."""


@dataclass(frozen=True, slots=True)
class Factor:
    """Costs that move together; `name` is that of the one cost or what the points of a curve have in common."""

    name: str
    costs: tuple[Cost, ...]

    @property
    def confidence(self) -> Confidence:
        """The least sure of its costs'."""
        return least_sure(cost.confidence for cost in self.costs)

    def at(self, share: float) -> dict[str, float]:
        """Its costs at a share of their ranges: of their logarithms, where they are above 0."""
        return {cost.name: value_at(cost, share) for cost in self.costs}


def value_at(cost: Cost, share: float) -> float:
    """A cost at a share of its range, from low at 0 to high at 1."""
    if share in (0, 1):
        return cost.high if share else cost.low
    value = cost.low * (cost.high / cost.low) ** share if cost.low > 0 else share * cost.high
    return float(f"{value:.{DIGITS}g}")


def factors_of(profiles: Iterable[Profile]) -> list[Factor]:
    """What can vary: costs that the profiles' prices are derived from, and whose range is one."""
    found: dict[str, Cost] = {}
    for profile in profiles:
        for name in sorted({name for cost in profile.costs() for name in cost.inputs}):
            cost = profile.library[name]
            if cost.low < cost.high < math.inf:
                found[name] = less_sure(cost, found.get(name, cost))
    curves: dict[str, list[Cost]] = {}
    for name, cost in found.items():
        match = POINT_OF_CURVE.fullmatch(name)
        curves.setdefault(match[1] if match else name, []).append(cost)
    return [Factor(costs[0].name if len(costs) == 1 else name, tuple(costs)) for name, costs in sorted(curves.items())]


def with_costs(scenario: ScenarioSpec, profile: Profile, values: Values) -> ScenarioSpec:
    """A scenario of that profile with costs replaced by sampled ones, as far as all of its prices stay 0 or more."""
    mine = {name: value for name, value in values.items() if name in profile.library}
    held = held_together(mine, profile)
    costs = {
        name: CostOverride(value=value, unit=profile.library[name].unit, why=WHY)
        for name, value in sorted(held.items())
    }
    return scenario.model_copy(update={"costs": {**scenario.costs, **costs}})


def held_together(values: Values, profile: Profile) -> dict[str, float]:
    """Sampled costs that agree with each other.

    Some prices are differences, such as a call's time less the exit in it. Where samples make one negative, which
    nothing can take, that price's costs go back towards the profile's until it is 0: the end of what the ranges allow.
    """
    held = dict(values)
    for formula in differences_of(profile):
        parsed = parse_formula(formula)
        mine = [name for name in parsed.names if name in held]
        if not mine or amount(formula, held, profile.library) >= 0:
            continue
        least, most = 0.0, 1.0  # of the way from the profile's value to the sample's
        for _ in range(HALVINGS):
            middle = (least + most) / 2
            tried = {**held, **moved(mine, held, profile.library, middle)}
            least, most = (middle, most) if amount(formula, tried, profile.library) >= 0 else (least, middle)
        held |= moved(mine, held, profile.library, least)
    negative = [formula for formula in differences_of(profile) if amount(formula, held, profile.library) < 0]
    for formula in negative:  # two differences that share a cost and pull it apart: back to the profile's own
        held |= moved([name for name in parse_formula(formula).names if name in held], held, profile.library, 0.0)
    return held


def moved(names: Sequence[str], values: Values, library: CostLibrary, share: float) -> dict[str, float]:
    """Costs at a share of the way from the library's value to the sampled one."""
    return {name: library[name].value + share * (values[name] - library[name].value) for name in names}


def differences_of(profile: Profile) -> tuple[str, ...]:
    """Formulas of a profile that subtract: only those can come to less than 0."""
    formulas = {cost.formula for cost in profile.costs() if cost.formula is not None and " - " in cost.formula}
    return tuple(sorted(formulas))


def amount(formula: str, values: Values, library: CostLibrary) -> float:
    """What a formula comes to with some costs replaced; less than 0 where it comes to nothing at all."""

    def lookup(name: str) -> Interval:
        cost = library[name]
        factor, dimension = UNITS[cost.unit]
        value = values.get(name, cost.value) * factor
        return Interval(value, value, value, dimension)

    try:
        return parse_formula(formula).evaluate(lookup).value
    except FormulaError:
        return -math.inf
