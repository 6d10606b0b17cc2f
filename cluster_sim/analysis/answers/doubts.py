"""Which costs could overturn a verdict: each that has a range, at both ends of it, for one lone transfer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster_sim.analysis.answers.answer import Doubt
from cluster_sim.analysis.answers.criteria import MATERIAL
from cluster_sim.analysis.answers.phrases import amount, listed
from cluster_sim.analysis.lone_transfer.repricing import LoneTransfers
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import CONFIDENCES, Cost, less_sure
from cluster_sim.results.manifest import Manifest
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.shipped import workloads_directory
from cluster_sim.traces.table import TraceError

MOST_VARIANTS = 80
"""Variants whose lone transfer is looked at; each takes about 50 ms."""
MOST_RUN_ANEW = 40
"""Transfers that are run anew at the end of a cost's range."""
MOST_HARMLESS = 5
"""Costs that are told although they overturn nothing: those that move most."""

StratumGroup = tuple[str, str]
"""A stratum and a group in it."""


@dataclass(frozen=True, slots=True)
class StatedOrder:
    """An order that a verdict states: the median of `label` over that of `rival` was `ratio`."""

    stratum: str
    group: str
    label: str
    variant: str
    rival: str
    rival_variant: str
    ratio: float

    @property
    def stratum_group(self) -> StratumGroup:
        """Where it was so."""
        return self.stratum, self.group

    @property
    def where(self) -> str:
        """The same in words."""
        return f"{self.stratum}, {self.group}" if self.stratum else self.group


@dataclass
class Findings:
    """What the range of one cost does to the orders of a run."""

    cost: Cost
    source: str
    turned: list[tuple[StatedOrder, float]] = field(default_factory=list)
    widest: float = 0.0
    move: tuple[StatedOrder, float, float] | None = None


def doubts_of(
    manifest: Manifest, orders: Sequence[StatedOrder]
) -> tuple[tuple[Doubt, ...], list[str], dict[StratumGroup, tuple[str, ...]]]:
    """The doubts, those that overturn first; what was not looked at; and the costs that overturn an order, by where."""
    examiner = Examiner(manifest)
    for order in orders:
        examiner.examine(order)
    ordered = sorted(examiner.findings.values(), key=rank)
    overturning = [each for each in ordered if each.turned]
    harmless = [each for each in ordered if not each.turned and each.widest >= MATERIAL][:MOST_HARMLESS]
    overturning_at: dict[StratumGroup, list[str]] = {}
    for each in overturning:
        for where in dict.fromkeys(order.stratum_group for order, _ in each.turned):
            overturning_at.setdefault(where, []).append(each.cost.name)
    doubts = tuple(doubt_of(each) for each in (*overturning, *harmless))
    return doubts, examiner.remarks(), {where: tuple(names) for where, names in overturning_at.items()}


def rank(found: Findings) -> tuple[bool, int, int, float, str]:
    """Overturning first, of these the less sure before the surer; then who turns or moves most."""
    sureness = -CONFIDENCES.index(found.cost.confidence) if found.turned else 0
    return not found.turned, sureness, -len(found.turned), -found.widest, found.cost.name


@dataclass
class Examiner:
    """Looks at one order after the other, and runs no transfer twice."""

    manifest: Manifest
    lone: dict[str, LoneTransfers | None] = field(default_factory=dict)
    profiles: dict[tuple[str, str, str, float], Profile | None] = field(default_factory=dict)
    findings: dict[str, Findings] = field(default_factory=dict)
    ran_anew: int = 0
    not_ran: int = 0
    left_out: int = 0
    by_waiting: int = 0
    examined: int = 0
    problem: str = ""

    def lone_of(self, variant: str) -> LoneTransfers | None:
        """A variant's lone transfers, if they can be had and there were not too many."""
        if variant in self.lone:
            return self.lone[variant]
        if len(self.lone) >= MOST_VARIANTS:
            return None
        self.lone[variant] = None
        folder = Path(getattr(self.manifest, "folder", "") or workloads_directory())
        try:
            scenario = ScenarioSpec.model_validate(self.manifest.variants[variant].scenario)
            transfers = LoneTransfers(scenario, folder, self.profiles)
            assert transfers.explained is not None
            self.lone[variant] = transfers
        except (TraceError, OSError) as error:
            self.problem = f"No cost was doubted where a trace is missing: {error}"
        except ValueError:
            self.problem = "No cost was doubted where this version does not know the scenario."
        return self.lone[variant]

    def examine(self, order: StatedOrder) -> None:
        """Whether a cost turns this order, at an end of its range."""
        self.examined += 1
        mine, theirs = self.lone_of(order.variant), self.lone_of(order.rival_variant)
        if mine is None or theirs is None:
            self.left_out += 1
            return
        now = quotient(mine.latency_ns(order.group), theirs.latency_ns(order.group))
        if abs(order.ratio - 1) < MATERIAL:
            return
        if now is None or (now < 1) != (order.ratio < 1):
            self.by_waiting += 1
            return
        costs = {**mine.costs(order.group), **theirs.costs(order.group)}
        for name, cost in costs.items():
            if mine.scenario.costs.get(name) == theirs.scenario.costs.get(name):
                self.try_ends(order, cost, (mine, theirs), now)

    def try_ends(self, order: StatedOrder, cost: Cost, sides: tuple[LoneTransfers, LoneTransfers], now: float) -> None:
        """Both ends of one cost; what turns by counting is run anew."""
        found = self.findings.get(cost.name)
        if found is None:
            sources = sides[0].explained[0].profile.library.sources
            source = sources.get(cost.source)
            found = self.findings[cost.name] = Findings(cost, cost.source if source is None else source.title)
        found.cost = less_sure(found.cost, cost)
        for value in (cost.low, cost.high):
            then = quotient(*(side.estimate_ns(order.group, cost, value) for side in sides))
            if then is None:
                continue
            must_run = any(side.must_run(order.group, cost) for side in sides)
            if must_run or (then < 1) != (now < 1):
                if self.ran_anew >= MOST_RUN_ANEW:
                    self.not_ran += 1
                    continue
                self.ran_anew += sum((cost.name, value) not in side.rerun for side in sides)
                then = quotient(*(side.exact_ns(order.group, cost, value) for side in sides))
                if then is None:
                    continue
            if (then < 1) != (now < 1):
                found.turned.append((order, value))
            if abs(math.log(then / now)) > found.widest:
                found.widest, found.move = abs(math.log(then / now)), (order, now, then)

    def remarks(self) -> list[str]:
        """What was not looked at."""
        found = [self.problem] if self.problem else []
        if self.left_out and not self.problem:
            found.append(f"Costs were doubted for the first {MOST_VARIANTS} variants only.")
        if self.not_ran:
            found.append(f"{self.not_ran} ends of costs were not tried: {MOST_RUN_ANEW} transfers were run anew.")
        if self.by_waiting:
            found.append(
                f"No cost was doubted for {self.by_waiting} of {self.examined} pairs of paths, where a lone transfer "
                "has another order: there waiting or losses decide."
            )
        return found


def quotient(mine_ns: int | None, theirs_ns: int | None) -> float | None:
    """One latency over another; None where one is missing or nothing."""
    return mine_ns / theirs_ns if mine_ns and theirs_ns else None


def doubt_of(found: Findings) -> Doubt:
    """A cost's range, and what becomes of the orders at its ends, in a sentence."""
    cost = found.cost
    return Doubt(
        cost=cost.name,
        value=cost.value,
        low=cost.low,
        high=cost.high,
        unit=cost.unit,
        source=found.source,
        overturns=bool(found.turned),
        sentence=turned_sentence(found) if found.turned else harmless_sentence(found),
    )


def turned_sentence(found: Findings) -> str:
    """Which orders turn at which end; orders of the same two paths are told once, with their strata and groups."""
    cost = found.cost
    by_order: dict[tuple[float, str, str], list[str]] = {}
    for order, value in found.turned:
        labels = (order.label, order.rival) if order.ratio > 1 else (order.rival, order.label)
        by_order.setdefault((value, *labels), []).append(order.where)
    clauses = []
    for (value, winner, loser), wheres in by_order.items():
        end = "low" if value == cost.low else "high"
        clauses.append(
            f"at its {end} end, {amount(value)} {cost.unit}, one lone transfer would be faster by {winner} than by "
            f"{loser} ({listed(wheres)})"
        )
    return f"{known_as(cost)}; {'; '.join(clauses)}."


def harmless_sentence(found: Findings) -> str:
    """How far the most moved order moves without turning."""
    assert found.move is not None
    order, now, then = found.move
    return (
        f"{known_as(found.cost)}; no order turns within its range: as one lone transfer moves, {order.label} "
        f"over {order.rival} goes from {amount(order.ratio)} to {amount(order.ratio * then / now)} at most "
        f"({order.where})."
    )


def known_as(cost: Cost) -> str:
    """How a cost is known, and what a stand-in is really of."""
    known = cost.confidence.capitalize()
    if not cost.stands_in:
        return known
    return f"{known} ({cost.stands_in}{'' if cost.confidence == 'stand-in' else ' stands in'})"
