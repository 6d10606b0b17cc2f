"""What each step of a transfer cost, as prices times counts, and which costs each price is made of."""

from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.booking import copy_alone_ns
from cluster_sim.engine.host_spec import HostSpec
from cluster_sim.io_paths.steps import Charge, Mover, Op, Runner, Step
from cluster_sim.planning.planned_guest import PlannedStream
from cluster_sim.planning.stream_programs import definition_prices
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec


@dataclass(frozen=True, slots=True)
class PricedTerm:
    """One price of a step: name, ns a unit, units, and the costs behind it (none for a workload's own figure)."""

    price: str
    each_ns: int
    count: int
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """A step that took time."""

    text: str
    runner: str
    category: str
    started_ns: int
    spent_ns: int
    terms: tuple[PricedTerm, ...]


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step's price depends on beside the step: profile, definition, stream, guest group, host and size."""

    profile: Profile
    scenario: ScenarioSpec
    planned: PlannedStream
    group: GuestGroupSpec
    spec: HostSpec
    stream: int
    frame_bytes: int


def explain_step(step: Step, row: np.void, context: StepContext) -> ExplainedStep:
    """A journal entry with its prices."""
    category = Category(int(row["category"]))
    if category != step.category:
        terms: tuple[PricedTerm, ...] = (bus_term(row, context),)
    elif step.op == Op.COPY:
        terms = (move_term(Mover(step.argument), context),)
    elif step.op == Op.RECEIVE:
        name = f"{Mover(step.argument).name.lower()}, {context.frame_bytes} B, beyond what sending took"
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


def bus_term(row: np.void, context: StepContext) -> PricedTerm:
    """What a copy waits because it alone asks for more than the memory bus carries."""
    costs = (context.profile.bandwidth, context.profile.bus_bytes_per_byte)
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


def move_term(mover: Mover, context: StepContext) -> PricedTerm:
    """A copy, between the measured points around its size, or by the last of them and the rate beyond.

    What a network card or storage takes is the definition's own figure.
    """
    number = int(context.spec.streams["curves"][context.stream][mover])
    alone_ns = copy_alone_ns(context.spec.curves, number, context.frame_bytes)
    if mover in (Mover.NIC, Mover.STORAGE):
        return PricedTerm(f"{mover.name.lower()}, {context.frame_bytes} B", alone_ns, 1, ())
    curve = context.profile.curves[CURVES[number]]
    below = [cost for size, cost in curve.points if size <= context.frame_bytes]
    above = [cost for size, cost in curve.points if size > context.frame_bytes]
    return PricedTerm(
        f"copy, {curve.name}, {context.frame_bytes} B", alone_ns, 1, (below[-1], *(above[:1] or (curve.beyond,)))
    )
