"""What a scenario reads: traces of frames, logs of requests, and what sizes these have."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

from cluster_sim.engine.host_spec import REQUEST, Records
from cluster_sim.planning.queues import WorkloadSizes
from cluster_sim.scenario.queue_traits import RequestLog, TransferSizes
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import LadderVideo, TracedVideo, Workload, path_in, trace_fields
from cluster_sim.scenario.workload_traits import traits_of
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


def workload_sizes(scenario: ScenarioSpec, folder: Path) -> WorkloadSizes:
    """Transfer sizes of every (group, workload)."""
    return {
        (group.name, number): sizes_of_workload(workload, folder)
        for group in scenario.guests
        for number, workload in enumerate(group.workloads)
    }


def files_of(scenario: ScenarioSpec, folder: Path) -> list[Path]:
    """The traces that a scenario reads, each once."""
    workloads = (workload for group in scenario.guests for workload in group.workloads)
    names = [trace for workload in workloads for _, trace in trace_fields(workload)]
    return [path_in(folder, name) for name in dict.fromkeys(names)]


def sizes_of_workload(workload: Workload, folder: Path) -> TransferSizes:
    """Transfer sizes of a workload, from its definition or its traces; an adaptive one's mean is the highest rung's."""
    traits = traits_of(workload)
    if traits.transfer_sizes is not None:
        return traits.transfer_sizes
    match traits.trace:
        case TracedVideo() as traced:
            found = frames_of(traced, folder).sizes_bytes
        case LadderVideo() as ladder:
            rungs = [trace_arrays(path_in(folder, name)).sizes_bytes for name in ladder.rungs]
            return TransferSizes(max(int(rung.max()) for rung in rungs), int(rungs[-1].mean()))
        case RequestLog() as log:
            found = log_of(path_in(folder, log.path)).size_bytes
        case _:
            raise AssertionError(workload)
    return TransferSizes(int(found.max()), int(found.mean()))


def logs_of(scenario: ScenarioSpec, folder: Path) -> Mapping[tuple[str, int], Records]:
    """Requests (dtype REQUEST) of every (group, workload) that replays a log as fast as it may."""
    found = {}
    for group in scenario.guests:
        for number, workload in enumerate(group.workloads):
            traits = traits_of(workload)
            if isinstance(traits.trace, RequestLog) and any(queue.is_closed for queue in traits.queues):
                log = log_of(path_in(folder, traits.trace.path))
                rows = np.zeros(log.request_count, REQUEST)
                rows["bytes"] = log.size_bytes
                rows["direction"] = log.is_write
                found[group.name, number] = rows
    return found
