"""What a scenario reads: traces of frames, logs of requests, and what sizes these have."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

from cluster_sim.engine.host_spec import REQUEST, Records
from cluster_sim.planning.queues import FrameFacts, is_closed, plain_facts, queues_of
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    LadderVideo,
    TracedVideo,
    VideoWorkload,
    Workload,
    path_in,
)
from cluster_sim.traces.frames import FrameTrace, read_frames
from cluster_sim.traces.requests import RequestTrace, read_requests
from cluster_sim.workloads.video import TraceArrays, scaled


@cache
def trace_of(path: Path) -> FrameTrace:
    """A trace of frames, read once a process."""
    return read_frames(path)


@cache
def log_of(path: Path) -> RequestTrace:
    """A trace of requests, read once a process."""
    return read_requests(path)


@cache
def trace_arrays(path: Path) -> TraceArrays:
    """A trace of frames as workloads need it."""
    trace = trace_of(path)
    return TraceArrays(
        offsets_ns=trace.dts_ns - trace.dts_ns[0],
        sizes_bytes=trace.size_bytes,
        key_frames=np.flatnonzero(trace.is_key) if trace.is_key.any() else np.zeros(1, np.int64),
        period_ns=round(trace.frame_period_ns),
    )


def frames_of(source: TracedVideo, folder: Path) -> TraceArrays:
    """The frames that a traced workload asks for."""
    return scaled_arrays(path_in(folder, source.trace), source.scale)


@cache
def scaled_arrays(path: Path, scale: Fraction) -> TraceArrays:
    """A trace whose frames are larger or smaller; streams of the same share it."""
    return scaled(trace_arrays(path), scale)


def facts_of(scenario: ScenarioSpec, folder: Path) -> Mapping[tuple[str, int], FrameFacts]:
    """Transfer sizes of every (group, workload)."""
    return {
        (group.name, number): facts_of_workload(workload, folder)
        for group in scenario.guests
        for number, workload in enumerate(group.workloads)
    }


def files_of(scenario: ScenarioSpec, folder: Path) -> list[Path]:
    """The traces that a scenario reads."""
    names: list[str] = []
    for workload in (workload for group in scenario.guests for workload in group.workloads):
        match workload:
            case VideoWorkload(source=TracedVideo() as traced):
                names.append(traced.trace)
            case VideoWorkload(source=LadderVideo() as ladder):
                names += ladder.rungs
            case BlockWorkload(read_iolog=str() as log):
                names.append(log)
            case _:
                pass
    return [path_in(folder, name) for name in dict.fromkeys(names)]


def facts_of_workload(workload: Workload, folder: Path) -> FrameFacts:
    """Transfer sizes of a workload, from its definition or its traces; an adaptive one's mean is the highest rung's."""
    plain = plain_facts(workload)
    if plain is not None:
        return plain
    match workload:
        case VideoWorkload(source=TracedVideo() as traced):
            sizes = frames_of(traced, folder).sizes_bytes
        case VideoWorkload(source=LadderVideo() as ladder):
            rungs = [trace_arrays(path_in(folder, rung)).sizes_bytes for rung in ladder.rungs]
            return FrameFacts(max(int(sizes.max()) for sizes in rungs), int(rungs[-1].mean()))
        case BlockWorkload(read_iolog=str() as log):
            sizes = log_of(path_in(folder, log)).size_bytes
        case _:
            raise AssertionError(workload)
    return FrameFacts(int(sizes.max()), int(sizes.mean()))


def logs_of(scenario: ScenarioSpec, folder: Path) -> Mapping[tuple[str, int], Records]:
    """Requests (dtype REQUEST) of every (group, workload) that replays a log as fast as it may."""
    found = {}
    for group in scenario.guests:
        for queue in queues_of(scenario, group, 0):
            if isinstance(queue.spec, BlockWorkload) and queue.spec.read_iolog is not None and is_closed(queue):
                log = log_of(path_in(folder, queue.spec.read_iolog))
                rows = np.zeros(log.request_count, REQUEST)
                rows["bytes"] = log.size_bytes
                rows["direction"] = log.is_write
                found[group.name, queue.workload] = rows
    return found
