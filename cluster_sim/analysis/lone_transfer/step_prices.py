"""What each step of a transfer cost, as prices times counts, and which costs each price is made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cluster_sim.engine.host_spec import HostSpec
from cluster_sim.io_paths.steps import Charge, Mover, Op, Range, Runner, Step
from cluster_sim.planning.copy_curves import CopyCurves, FoundInCache
from cluster_sim.planning.planned_guest import PlannedStream
from cluster_sim.planning.stream_programs import definition_prices
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec


@dataclass(frozen=True, slots=True)
class PricedTerm:
    """One price of a step: name, ns a unit, units, and the costs behind it (none for a workload's own figure).

    `found` says what a CPU's copy of `copied_bytes` found in the cache; None for all else.
    """

    price: str
    each_ns: int
    count: int
    costs: tuple[Cost, ...]
    found: FoundInCache | None = None
    copied_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """A step that took time: once, or as often as the transfer came to it, the first time at `started_ns`."""

    text: str
    runner: str
    category: str
    started_ns: int
    spent_ns: int
    terms: tuple[PricedTerm, ...]


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step's price depends on beside the step: profile, definition, stream, guest group and host."""

    profile: Profile
    scenario: ScenarioSpec
    planned: PlannedStream
    group: GuestGroupSpec
    spec: HostSpec
    curves: CopyCurves
    stream: int


def explain_step(step: Step, row: np.void, context: StepContext) -> ExplainedStep:
    """A journal entry with its prices."""
    category = Category(int(row["category"]))
    if category != step.category:
        terms: tuple[PricedTerm, ...] = (bus_term(step, row, context),)
    elif step.op == Op.ACQUIRE:
        terms = (PricedTerm("wait for what is done ahead or behind", int(row["spent_ns"]), 1, ()),)
    elif step.op == Op.COPY:
        terms = (move_term(step, row, context),)
    elif step.op == Op.RECEIVE:
        name = f"{Mover(step.argument).name.lower()}, {int(row['bytes'])} B, beyond what sending took"
        terms = (PricedTerm(name, int(row["spent_ns"]), 1, ()),)
    else:
        terms = tuple(
            term for charge in step.charges if (term := charge_term(charge, row, context)).each_ns * term.count
        )
    assert sum(term.each_ns * term.count for term in terms) == row["spent_ns"]
    return ExplainedStep(
        text=step.text,
        runner=Runner(step.runner).name.lower(),
        category=category.label,
        started_ns=int(row["started_ns"]),
        spent_ns=int(row["spent_ns"]),
        terms=terms,
    )


def taken_together(steps: Sequence[ExplainedStep]) -> ExplainedStep:
    """One step that was taken several times, with what it took in all."""
    counts = Counter[PricedTerm]()
    for term in (term for step in steps for term in step.terms):
        counts[replace(term, count=0)] += term.count
    terms = tuple(replace(term, count=count) for term, count in counts.items())
    return replace(steps[0], spent_ns=sum(step.spent_ns for step in steps), terms=terms)


def bus_term(step: Step, row: np.void, context: StepContext) -> PricedTerm:
    """What a copy waits because it alone asks for more than the memory bus carries."""
    profile = context.profile
    is_profiles = context.scenario.cluster.host.memory_bandwidth == "auto"
    bus = profile.curves[context.curves.of_mover[Mover(step.argument)].name].bus if step.op == Op.COPY else None
    costs = (*[profile.bandwidth] * is_profiles, *([] if bus is None else [bus]))
    return PricedTerm("wait for the memory bus", int(row["spent_ns"]), 1, costs)


def charge_term(charge: Charge, row: np.void, context: StepContext) -> PricedTerm:
    """A price times its count; those that the definition itself gives have no costs behind them."""
    count = int(row["counts"][charge.count])
    own = definition_prices(context.scenario, context.planned.queue)
    if charge.price in own:
        return PricedTerm(charge.price, own[charge.price], count, ())
    vcpus = context.group.vcpus
    cost = context.profile.prices[charge.price].cost_at(vcpus)
    each_ns = context.profile.price_ns(charge.price, vcpus)
    return PricedTerm(charge.price, each_ns, count, () if cost is None else (cost,))


def move_term(step: Step, row: np.void, context: StepContext) -> PricedTerm:
    """A copy, by the measured points around its size, or the last of them and the rate beyond.

    What a network card or storage takes is the definition's own figure.
    """
    mover, size, curves = Mover(step.argument), int(row["bytes"]), context.curves
    if step.range == Range.WHOLE_BUFFER:
        size = int(context.spec.streams["buffer_bytes"][context.stream])
    read, written = row["found"][:2].tolist()
    found = FoundInCache(read, written, curves.remote.get(mover, Fraction(0)))
    costs = curves.costs_around(mover, size, found)
    if mover in (Mover.GUEST, Mover.HOST):
        return PricedTerm(f"copy, {found}, {size} B", curves.by_cpu_ns(size, found), 1, costs, found, size)
    curve = curves.of_mover[mover]
    moved = f"copy, {curve.name}" if curve.name else mover.name.lower()
    return PricedTerm(f"{moved}, {size} B", curve.at(size), 1, costs)
