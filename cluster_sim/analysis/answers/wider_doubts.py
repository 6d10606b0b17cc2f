"""What could overturn a verdict beside single costs: all costs together, and what is assumed of monitor and machine.

Assumptions are tried one at a time by the other values that definitions may have, each for a lone transfer, and each
together with all costs at their joint samples.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from cluster_sim.analysis.answers.answer import WiderDoubt
from cluster_sim.analysis.answers.criteria import MATERIAL, MEDIAN
from cluster_sim.analysis.answers.doubts import StatedOrder, quotient
from cluster_sim.analysis.answers.phrases import amount, listed
from cluster_sim.analysis.lone_transfer.repricing import LoneTransfers
from cluster_sim.analysis.price_intervals.interval import around
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.price_intervals.quick import lone_transfers, repriced
from cluster_sim.analysis.price_intervals.sampled_costs import SampledCosts, sampled_costs
from cluster_sim.analysis.price_intervals.whole_runs import known_scenarios
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.studies.designs import wrong_with
from cluster_sim.platform.vmm import VMMS
from cluster_sim.scenario.axes import put
from cluster_sim.scenario.problems import locate
from cluster_sim.scenario.spec import ScenarioSpec

ASSUMPTIONS: Final[Mapping[str, tuple[JsonValue, ...]]] = {
    "cluster.host.vmm": tuple(VMMS),
    "memory.generation": ("G0", "G1", "G2", "G3", "G4"),
    "memory.huge_page": ("4KiB", "2MiB"),
    "io_path.posted": (False, True),
    "cluster.host.llc": ("16MiB", "32MiB", "256MiB"),
    "cluster.host.machine": ("genoa", "milan", "rome", "sapphire_rapids", "grace"),
}
"""What a definition could assume otherwise: monitor, guest_memfd, posted buffers, cache, bandwidth class."""
MOST_TRIED: Final = 250
"""Scenarios with another assumption that are looked at, about 0.1 s each."""


def wider_doubts(reading: RunReading, prices: PriceIntervals, orders: Sequence[StatedOrder]) -> tuple[WiderDoubt, ...]:
    """Doubts in the orders that put the best path first; those that overturn one come first."""
    judged = [order for order in orders if abs(order.ratio - 1) >= MATERIAL]
    trial = Trial(reading, prices.samples)
    found: list[WiderDoubt] = []
    trial.examine(judged)
    for order in judged:
        found += joint_doubt(order, prices, trial.moves.get(order, []))
    found += [turned_doubt(*turned, order_list) for turned, order_list in trial.turned.items()]
    if trial.tried and not trial.turned:
        names = listed(list(dict.fromkeys(name for name, _ in trial.tried)))
        found.append(WiderDoubt("assumptions", f"No other value of {names} turns an order.", overturns=False))
    if trial.left_out:
        told = f"{trial.left_out} further ones were not tried: {MOST_TRIED} were."
        found.append(WiderDoubt("assumptions", told, overturns=False))
    return tuple(sorted(found, key=lambda each: not each.overturns))


def joint_doubt(order: StatedOrder, prices: PriceIntervals, moves: Sequence[float]) -> Iterator[WiderDoubt]:
    """Where the ratio of an order lies within all ranges together, and with each assumption beside."""
    found = prices.ratio(order.variant, order.rival_variant, order.group, MEDIAN.figure)
    if found is None:
        return
    ends = f"{amount(found.low)} to {amount(found.high)}"
    low, high = found.low, found.high
    lost = f" ({found.losses})" if found.losses else ""
    more = ""
    if moves:
        least, most = around(order.ratio, [min(moves), max(moves)])
        low, high = min(low, least), max(high, most)
        more = f", and with another assumption beside, for lone transfers, {amount(low)} to {amount(high)}"
    sentence = (
        f"{order.label} over {order.rival}, {amount(order.ratio)} ({order.where}): within all ranges together {ends} "
        f"at {found.samples} samples{lost}{more}."
    )
    yield WiderDoubt("all costs together", sentence, overturns=low <= 1 <= high)


def turned_doubt(name: str, value: str, orders: Sequence[StatedOrder]) -> WiderDoubt:
    """Which orders turn with another assumption."""
    told = listed(
        [
            f"{then_first} than by {first} ({each.where})"
            for each in orders
            for first, then_first in [(each.rival, each.label) if each.ratio > 1 else (each.label, each.rival)]
        ]
    )
    return WiderDoubt(f"{name}: {value}", f"One lone transfer would be faster by {told}.", overturns=True)


@dataclass
class Trial:
    """Tries assumptions on one order after the other, and no scenario twice."""

    reading: RunReading
    samples: int
    scenarios: Mapping[str, ScenarioSpec] = field(init=False)
    costs: SampledCosts = field(init=False)
    known: dict[tuple[str, str, str], LoneTransfers | None] = field(default_factory=dict)
    tried: dict[tuple[str, str], None] = field(default_factory=dict)
    turned: dict[tuple[str, str], list[StatedOrder]] = field(default_factory=dict)
    moves: dict[StatedOrder, list[float]] = field(default_factory=dict)
    left_out: int = 0

    def __post_init__(self) -> None:
        """Know the scenarios and the samples of their costs."""
        self.scenarios = known_scenarios(self.reading)
        self.costs = sampled_costs(self.scenarios, self.samples, self.reading.manifest.seed)

    def examine(self, orders: Sequence[StatedOrder]) -> None:
        """Each assumption by one other value after the other, on every order: where not all can be, all are begun."""
        now = {order: ratio for order in orders if (ratio := self.lone_ratio(order)) is not None}
        others = {(order, name): self.others(order, name) for name in ASSUMPTIONS for order in now}
        for number in range(max(len(values) for values in ASSUMPTIONS.values())):
            for (order, name), values in others.items():
                if number < len(values):
                    self.attempt(order, name, values[number], now[order])

    def lone_ratio(self, order: StatedOrder) -> float | None:
        """The ratio of lone transfers; None where they are not known, or waiting decides the order."""
        pair = (order.variant, order.rival_variant)
        if not all(variant in self.scenarios for variant in pair):
            return None
        now = self.ratio(order, *(self.lone_of(variant, "", None) for variant in pair))
        return None if now is None or (now < 1) != (order.ratio < 1) else now

    def others(self, order: StatedOrder, name: str) -> list[JsonValue]:
        """Other values of what both sides of an order assume; none where nobody does, or that is what is compared."""
        here = [value_of(self.scenarios[variant], name) for variant in (order.variant, order.rival_variant)]
        shared = [each for each in here if each is not None]
        if not shared or any(each != shared[0] for each in shared):
            return []
        return [value for value in ASSUMPTIONS[name] if value != shared[0]]

    def attempt(self, order: StatedOrder, name: str, value: JsonValue, now: float) -> None:
        """One assumption otherwise, alone and together with the costs."""
        sides = [self.lone_of(variant, name, value) for variant in (order.variant, order.rival_variant)]
        then = self.ratio(order, *sides)
        if then is None:
            return
        self.tried[name, str(value)] = None
        if (then < 1) != (now < 1):
            self.turned.setdefault((name, str(value)), []).append(order)
        moves = self.moves.setdefault(order, [])
        moves.append(math.log(then / now))
        figures = [
            repriced(side, order.group, MEDIAN.figure, variant, self.costs)
            for side, variant in zip(sides, (order.variant, order.rival_variant), strict=True)
            if side is not None
        ]
        if len(figures) == len(sides) and figures[0] is not None and figures[1] is not None:
            pairs = zip(figures[0].at_samples, figures[1].at_samples, strict=True)
            moves += [math.log(one / other / now) for one, other in pairs if one > 0 and other > 0]

    def ratio(self, order: StatedOrder, mine: LoneTransfers | None, theirs: LoneTransfers | None) -> float | None:
        """The ratio of two sides' lone transfers."""
        if mine is None or theirs is None:
            return None
        return quotient(mine.latency_ns(order.group), theirs.latency_ns(order.group))

    def lone_of(self, variant: str, name: str, value: JsonValue) -> LoneTransfers | None:
        """A variant's lone transfers with an assumption otherwise; None where that cannot be run, or too many were."""
        key = (variant, name, str(value))
        if key not in self.known:
            if len(self.known) >= MOST_TRIED:
                self.left_out += 1
                return None
            self.known[key] = self.planned(variant, name, value)
        return self.known[key]

    def planned(self, variant: str, name: str, value: JsonValue) -> LoneTransfers | None:
        """The same, looked at for the first time."""
        folder = self.reading.manifest.traces_folder
        scenario = self.scenarios[variant]
        if name and value_of(scenario, name) is not None:
            data = scenario.plain()
            put(data, name, deepcopy(value))
            try:
                scenario = ScenarioSpec.model_validate(data)
            except ValueError:
                return None
            if wrong_with(scenario, folder):
                return None
        return lone_transfers(LoneTransfers(scenario, folder, {}))


def value_of(scenario: ScenarioSpec, name: str) -> JsonValue:
    """What a scenario says of an assumption; None where it has no such field, or says the very figure instead."""
    if name.endswith(".machine") and scenario.cluster.host.memory_bandwidth != "auto":
        return None
    _, here, rest = locate(scenario.plain(), name)
    return None if rest else here
