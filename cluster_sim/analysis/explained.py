"""One transfer alone on an idle host, step by step: what it waited for, what it cost, where each price is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cluster_sim.engine.booking import copy_alone_ns
from cluster_sim.engine.host_spec import HostSpec
from cluster_sim.engine.state import submissions
from cluster_sim.io_paths.steps import Charge, Direction, Mover, Op, Runner, Step
from cluster_sim.planning.guest_layout import GuestLayout, facts_of_queue
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.inputs import facts_of
from cluster_sim.planning.planned_guest import PlannedStream
from cluster_sim.planning.queues import Facts
from cluster_sim.planning.stream_programs import definition_prices
from cluster_sim.platform.profile import CURVES, Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.endings import DROP_LABELS, ENDING_LABELS
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_traits import Role

JOURNAL_ENTRIES = 256


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
    part: str
    direction: str
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
    plan = plan_host(scenario, profile, facts, is_alone=True)
    first: dict[tuple[str, int, Role, Direction], int] = {}
    for number, stream in enumerate(plan.streams):
        group = plan.guests[stream.guest].placed.group
        for direction in stream.programs:
            first.setdefault((group.name, stream.queue.workload, stream.queue.role, direction), number)
    return [
        explain_stream(scenario, profile, facts, number, direction) for (_, _, _, direction), number in first.items()
    ]


def explain_stream(
    scenario: ScenarioSpec, profile: Profile, facts: Facts, number: int, direction: Direction
) -> Explained:
    """Run one transfer of one stream, with all other guests of its host idle."""
    plan = plan_host(scenario, profile, facts, journal_entries=JOURNAL_ENTRIES, is_alone=True)
    stream = plan.streams[number]
    guest = plan.guests[stream.guest]
    size = size_of(stream, guest.layout, facts_of_queue(stream.queue, guest.placed.group, facts).mean)
    engine = HostEngine(plan)
    one = submissions(
        at_ns=np.zeros(1, np.int64),
        stream=np.array([number], np.int64),
        frame=np.zeros(1, np.int64),
        size_bytes=np.array([size]),
        deadline_ns=np.array([stream.queue.spec.deadline]),
        direction=np.array([direction], np.int64),
    )
    done = np.concatenate(list(engine.advance(one, 1 << 60)))
    done = done[done["stream"] == number]
    assert len(done) == 1
    entries = engine.state.journal[: int(engine.state.cursor["journal"][0])]
    program, entry = stream.programs[direction], stream.entries[direction]
    steps = (*program.steps, *program.if_full)
    priced = PricedIn(profile, scenario, stream, guest.placed.group, engine.spec, number, size)
    explained = tuple(
        explain_step(steps[int(row["step"]) - entry], row, priced)
        for row in entries
        if entry <= int(row["step"]) < entry + len(steps)
    )
    latency_ns = int(done["ended_ns"][0] - done["submitted_ns"][0])
    assert sum(step.spent_ns for step in explained) == latency_ns
    copied = done["copied_bytes"][0]
    return Explained(
        group=guest.placed.group.name,
        workload=stream.queue.workload,
        part=stream.queue.role.value,
        direction=direction.name.lower(),
        frame_bytes=size,
        latency_ns=latency_ns,
        outcome=(ENDING_LABELS[int(done["outcome"][0])] + " " + DROP_LABELS[int(done["reason"][0])]).strip(),
        steps=explained,
        exits=int(done["exits"][0]),
        conversions=int(done["conversions"][0]),
        copied_bytes={who: int(amount) for who, amount in zip(("guest", "host", "engine"), copied, strict=True)},
        profile=profile,
    )


def size_of(stream: PlannedStream, layout: GuestLayout, mean: int) -> int:
    """Size of the transfer to explain: of a mean size, or of the whole image or pool."""
    if stream.queue.role == Role.POOL:
        return layout.pool_bytes
    ranges = stream.queue.traits.ranges
    return ranges.range_bytes if stream.queue.role == Role.IMAGE and ranges is not None else mean


@dataclass(frozen=True, slots=True)
class PricedIn:
    """What a step's price depends on beside the step: profile, definition, stream, guest group, host and size."""

    profile: Profile
    scenario: ScenarioSpec
    planned: PlannedStream
    group: GuestGroupSpec
    spec: HostSpec
    stream: int
    frame_bytes: int


def explain_step(step: Step, row: np.void, context: PricedIn) -> ExplainedStep:
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


def bus_term(row: np.void, context: PricedIn) -> PricedTerm:
    """What a copy waits because it alone asks for more than the memory bus carries."""
    costs = (context.profile.bandwidth, context.profile.bus_bytes_per_byte)
    return PricedTerm("wait for the memory bus", int(row["spent_ns"]), 1, costs)


def charge_term(charge: Charge, row: np.void, context: PricedIn) -> PricedTerm:
    """A price times its count; those that the definition itself gives have no costs behind them."""
    count = int(row["counts"][charge.count])
    own = definition_prices(context.scenario, context.planned.queue)
    if charge.price in own:
        return PricedTerm(charge.price, own[charge.price], count, ())
    vcpus = context.group.vcpus
    cost = context.profile.prices[charge.price].cost_at(vcpus)
    each_ns = context.profile.price_ns(charge.price, vcpus)
    return PricedTerm(charge.price, each_ns, count, () if cost is None else (cost,))


def move_term(mover: Mover, context: PricedIn) -> PricedTerm:
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
