"""One transfer alone on an idle host, step by step: what it waited for, what it cost, where each price is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster_sim.actors.order import facts_of
from cluster_sim.engine.booking import copy_alone_ns
from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.interpreter import ENGINE
from cluster_sim.engine.plan import CONSUME, Facts, plan_host
from cluster_sim.engine.state import Arrivals, Host
from cluster_sim.io_paths.steps import Charge, Op, Runner, Step
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.results.endings import DROP_LABELS, ENDING_LABELS
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec

JOURNAL_ENTRIES = 256
COPIER = {Category.GUEST_COPY: 0, Category.HOST_COPY: 1}


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
class Explained:
    """One transfer: its steps sum to its latency."""

    group: str
    workload: int
    frame_bytes: int
    latency_ns: int
    outcome: str
    steps: tuple[ExplainedStep, ...]
    exits: int
    conversions: int
    copied_bytes: Mapping[str, int]
    profile: Profile


def explain(scenario: ScenarioSpec, folder: Path) -> list[Explained]:
    """One frame of each stream of each guest group: a raw frame, or one as large as the trace's mean.

    The frame is alone on its host: pins of others and injected faults are left out.
    """
    scenario = scenario.model_copy(update={"memory": scenario.memory.model_copy(update={"pins": None}), "faults": ()})
    facts = facts_of(scenario, folder)
    profile = profile_of(scenario)
    return [
        explain_stream(scenario, profile, facts, group_index, workload)
        for group_index, group in enumerate(scenario.guests)
        for workload in range(len(group.workloads))
    ]


def explain_stream(
    scenario: ScenarioSpec, profile: Profile, facts: Facts, group_index: int, workload: int
) -> Explained:
    """Run one frame of one stream, with all other guests of its host idle."""
    plan = plan_host(scenario, profile, facts, journal_entries=JOURNAL_ENTRIES)
    group = scenario.guests[group_index]
    stream = next(
        number
        for number, planned in enumerate(plan.streams)
        if plan.guests[planned.guest].group is group and planned.workload == workload
    )
    size = facts[group.name, workload].mean
    engine = HostEngine(plan)
    one = Arrivals(
        at_ns=np.zeros(1, np.int64),
        stream=np.array([stream], np.int32),
        frame=np.zeros(1, np.int64),
        bytes=np.array([size]),
        deadline_ns=np.array([group.workloads[workload].deadline]),
    )
    done = engine.advance(one, 1 << 60)
    assert len(done) == 1
    entries = engine.state.journal[: int(engine.state.cursor["journal"][0])]
    program = plan.streams[stream].program
    entry = plan.streams[stream].entry
    steps = tuple(
        explain_step(program.steps[int(row["step"]) - entry], row, PricedIn(profile, group, engine.state, stream, size))
        for row in entries
    )
    latency_ns = int(done["ended_ns"][0] - done["submitted_ns"][0])
    assert sum(step.spent_ns for step in steps) == latency_ns
    copied = done["copied_bytes"][0]
    return Explained(
        group=group.name,
        workload=workload,
        frame_bytes=size,
        latency_ns=latency_ns,
        outcome=(ENDING_LABELS[int(done["outcome"][0])] + " " + DROP_LABELS[int(done["reason"][0])]).strip(),
        steps=steps,
        exits=int(done["exits"][0]),
        conversions=int(done["conversions"][0]),
        copied_bytes={who: int(amount) for who, amount in zip(("guest", "host", "engine"), copied, strict=True)},
        profile=profile,
    )


@dataclass(frozen=True, slots=True)
class PricedIn:
    """What a step's price depends on beside the step: profile, guest group, host, stream and frame size."""

    profile: Profile
    group: GuestGroupSpec
    state: Host
    stream: int
    frame_bytes: int


def explain_step(step: Step, row: np.void, context: PricedIn) -> ExplainedStep:
    """A journal entry with its prices."""
    category = Category(int(row["category"]))
    if category != step.category:
        terms: tuple[PricedTerm, ...] = (bus_term(row, context),)
    elif step.op == Op.COPY:
        terms = (copy_term(category, context),)
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


def bus_term(row: np.void, context: PricedIn) -> PricedTerm:
    """What a copy waits because it alone asks for more than the memory bus carries."""
    costs = (context.profile.bandwidth, context.profile.bus_bytes_per_byte)
    return PricedTerm("wait for the memory bus", int(row["spent_ns"]), 1, costs)


def charge_term(charge: Charge, row: np.void, context: PricedIn) -> PricedTerm:
    """A price times its count."""
    count = int(row["counts"][charge.count])
    if charge.price == CONSUME:
        return PricedTerm(CONSUME, int(row["spent_ns"]), count, ())
    vcpus = context.group.vcpus
    cost = context.profile.prices[charge.price].cost_at(vcpus)
    each_ns = context.profile.price_ns(charge.price, vcpus)
    return PricedTerm(charge.price, each_ns, count, () if cost is None else (cost,))


def copy_term(category: Category, context: PricedIn) -> PricedTerm:
    """A copy, between the measured points around its size, or by the last of them and the rate beyond."""
    number = int(context.state.streams["curves"][context.stream][COPIER.get(category, ENGINE)])
    curve = context.profile.curves[CURVES[number]]
    below = [cost for size, cost in curve.points if size <= context.frame_bytes]
    above = [cost for size, cost in curve.points if size > context.frame_bytes]
    alone_ns = copy_alone_ns(context.state.curves, number, context.frame_bytes)
    return PricedTerm(
        f"copy, {curve.name}, {context.frame_bytes} B", alone_ns, 1, (below[-1], *(above[:1] or (curve.beyond,)))
    )
