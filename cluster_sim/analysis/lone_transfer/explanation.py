"""One transfer alone on an idle host, step by step: what it waited for, what it did, what each step cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cluster_sim.analysis.lone_transfer.step_prices import ExplainedStep, StepContext, explain_step, taken_together
from cluster_sim.engine.host_state import JOURNAL
from cluster_sim.engine.state import submissions
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths.steps import Direction
from cluster_sim.planning.guest_layout import sizes_of_queue
from cluster_sim.planning.host_plan import HostPlan, plan_host
from cluster_sim.planning.inputs import workload_sizes
from cluster_sim.planning.queues import WorkloadSizes
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.endings import DROP_LABELS, ENDING_LABELS
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.queue_traits import Role
from cluster_sim.scenario.spec import ScenarioSpec

STEPS_MOST = 128
"""The most steps of one part of a transfer that take time, mappings aside."""
AT_ONCE = (Role.IMAGE, Role.KERNEL, Role.POOL)
"""Roles whose one transfer is all of their memory."""


@dataclass(frozen=True, slots=True)
class ExplainedTransfer:
    """One transfer: its steps sum to its latency; `between` is what is done to buffers behind it, outside of that."""

    group: str
    workload: int
    role: str
    direction: str
    frame_bytes: int
    latency_ns: int
    outcome: str
    steps: tuple[ExplainedStep, ...]
    between: tuple[ExplainedStep, ...]
    exits: int
    conversions: int
    copied_bytes: Mapping[str, int]
    profile: Profile


def explain(scenario: ScenarioSpec, folder: Path) -> list[ExplainedTransfer]:
    """One frame of each stream of each guest group: a raw frame, or one as large as the trace's mean.

    The frame is alone on its host: pins of others and injected faults are left out.
    """
    scenario = scenario.model_copy(update={"memory": scenario.memory.model_copy(update={"pins": None}), "faults": ()})
    sizes = workload_sizes(scenario, folder)
    profile = profile_of(scenario)
    plan = plan_host(scenario, profile, sizes, is_alone=True)
    first: dict[tuple[str, int, Role, Direction], int] = {}
    for number, stream in enumerate(plan.streams):
        guest = plan.guests[stream.guest]
        group = guest.placed.group
        if not guest.layout.buffers[number - guest.first_stream].count:
            continue
        for direction in stream.programs:
            first.setdefault((group.name, stream.queue.workload, stream.queue.role, direction), number)
    return [
        explain_stream(scenario, profile, sizes, number, direction) for (_, _, _, direction), number in first.items()
    ]


def with_journal(plan: HostPlan, number: int, size: int) -> HostPlan:
    """The host with a journal that holds all steps of one transfer of a stream."""
    stream = plan.spec.streams[number]
    part_bytes = int(stream["part_bytes"]) or size
    parts = int(stream["round_trips"]) - -size // part_bytes
    entries = parts * (STEPS_MOST + 2 * int(stream["mappings"]))
    return replace(plan, state=plan.state._replace(journal=np.zeros(entries, JOURNAL)))


def explain_stream(
    scenario: ScenarioSpec, profile: Profile, sizes: WorkloadSizes, number: int, direction: Direction
) -> ExplainedTransfer:
    """Run one transfer of one stream, with all other guests of its host idle."""
    plan = plan_host(scenario, profile, sizes, is_alone=True)
    stream = plan.streams[number]
    guest = plan.guests[stream.guest]
    ranges = guest.layout.buffers[number - guest.first_stream]
    mean = sizes_of_queue(stream.queue, guest.placed.group, sizes).mean
    size = ranges.device_pages * PAGE_BYTES if stream.queue.role in AT_ONCE else mean
    engine = HostEngine(with_journal(plan, number, size))
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
    entries = engine.gauges().journal()
    program, entry = stream.programs[direction], stream.entries[direction]
    steps, in_latency = program.all_steps, len(program.steps) + len(program.if_full)
    context = StepContext(profile, scenario, stream, guest.placed.group, plan.spec, plan.curves, number)
    told: dict[tuple[int, int], list[ExplainedStep]] = {}
    for row in entries:
        if 0 <= (number := int(row["step"]) - entry) < len(steps):
            told.setdefault((number, int(row["category"])), []).append(explain_step(steps[number], row, context))
    explained = tuple(taken_together(taken) for (number, _), taken in told.items() if number < in_latency)
    latency_ns = int(done["ended_ns"][0] - done["submitted_ns"][0])
    assert sum(step.spent_ns for step in explained) == latency_ns
    copied = done["copied_bytes"][0]
    return ExplainedTransfer(
        group=guest.placed.group.name,
        workload=stream.queue.workload,
        role=stream.queue.role.value,
        direction=direction.name.lower(),
        frame_bytes=size,
        latency_ns=latency_ns,
        outcome=(ENDING_LABELS[int(done["outcome"][0])] + " " + DROP_LABELS[int(done["reason"][0])]).strip(),
        steps=explained,
        between=tuple(taken_together(taken) for (number, _), taken in told.items() if number >= in_latency),
        exits=int(done["exits"][0]),
        conversions=int(done["conversions"][0]),
        copied_bytes={who: int(amount) for who, amount in zip(("guest", "host", "engine"), copied, strict=True)},
        profile=profile,
    )
