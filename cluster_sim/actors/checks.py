"""Checks of a scenario that need its traces, its costs or its memory layout; the scenario's own rooms know none."""

from pathlib import Path

from cluster_sim.actors.order import facts_of, trace_of
from cluster_sim.engine.layout import buffer_bytes, lay_out
from cluster_sim.engine.plan import group_facts
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.platform.profile import cpus
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.provenance import ProvenanceError
from cluster_sim.scenario.contradictions import group_path
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.spec import ScenarioSpec, SharedPoolPath, SwiotlbPath, TracedVideo
from cluster_sim.scenario.units import format_bytes
from cluster_sim.traces.frames import TraceError


def checks(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """All of them; those of the layout only when traces and profile can be read."""
    found = [*check_traces(scenario, folder), *check_profile(scenario)]
    return found or check_layout(scenario, folder)


def check_traces(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Each trace can be read and has a rate; one that does not exist is the scenario's own business."""
    found = []
    for index, group in enumerate(scenario.guests):
        for number, workload in enumerate(group.workloads):
            source = workload.source
            if not isinstance(source, TracedVideo) or not source.path_in(folder).is_file():
                continue
            field = f"{group_path(scenario, index)}.workloads.{number}.source.trace"
            try:
                trace = trace_of(source.path_in(folder))
            except TraceError as error:
                found.append(Contradiction(field, str(error.found), str(error.allowed)))
                continue
            if round(trace.frame_period_ns) < 1:
                found.append(Contradiction(field, "a trace without a frame rate", "frames at two instants or more"))
    return found


def check_profile(scenario: ScenarioSpec) -> list[Contradiction]:
    """The profile exists, and so do the costs that the definition replaces, in units that fit."""
    if scenario.profile not in cpus():
        return [Contradiction("profile", repr(scenario.profile), " | ".join(cpus()))]
    try:
        profile_of(scenario)
    except ProvenanceError as error:
        return [refused_cost(problem) for problem in error.problems]
    return []


def refused_cost(problem: str) -> Contradiction:
    """A problem of the profile's as one of the definition's."""
    _, _, rest = problem.partition("found ")
    found, _, allowed = rest.partition(", allowed: ")
    return Contradiction("costs", found or problem, allowed or "costs by name, each in its own kind of unit")


def check_layout(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Frames fit their buffers, buffers and pool fit the guest, areas divide the pool."""
    if any(
        not s.path_in(folder).is_file()
        for g in scenario.guests
        for w in g.workloads
        if isinstance(s := w.source, TracedVideo)
    ):
        return []
    facts = facts_of(scenario, folder)
    found = []
    for index, group in enumerate(scenario.guests):
        path = group_path(scenario, index)
        frames = group_facts(group, facts)
        for number, (workload, fact) in enumerate(zip(group.workloads, frames, strict=True)):
            size = buffer_bytes(workload, fact)
            if fact.largest > size and isinstance(workload.source, TracedVideo):
                field = f"{path}.workloads.{number}.buffer"
                allowed = f"at least {format_bytes(fact.largest)}, the trace's largest frame"
                found.append(Contradiction(field, format_bytes(size), allowed, (f"{path}.workloads.{number}.source",)))
        layout = lay_out(scenario.io_path, group, frames, PROTECTIONS[scenario.protection], scenario.memory)
        if layout.held_bytes > group.memory:
            needed = f"at least the {format_bytes(layout.held_bytes)} of its pool and buffers"
            found.append(Contradiction(f"{path}.memory", format_bytes(group.memory), needed, ("io_path",)))
        if isinstance(scenario.io_path, SharedPoolPath) and layout.pool_buffers_bytes > layout.pool_bytes:
            needed = (
                f"at least {format_bytes(layout.pool_buffers_bytes)}: buffers of 2MiB or more begin at 2MiB boundaries"
            )
            found.append(Contradiction("io_path.pool", format_bytes(layout.pool_bytes), needed, (path,)))
        if isinstance(scenario.io_path, SwiotlbPath) and layout.pool_bytes % (layout.areas * MAPPING_BYTES_MAX):
            unit = format_bytes(layout.areas * MAPPING_BYTES_MAX)
            allowed = f"a multiple of {unit}: {layout.areas} areas of whole slot sets"
            found.append(Contradiction("io_path.pool", format_bytes(layout.pool_bytes), allowed, ("io_path.areas",)))
    return found
