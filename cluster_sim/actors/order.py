"""What an actor is told to run: one run of one scenario, for some of its hosts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cluster_sim.engine.layout import FrameFacts, frame_facts
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec, TracedVideo
from cluster_sim.traces.frames import FrameTrace, read_frames
from cluster_sim.workloads.video import TraceArrays


@dataclass(frozen=True, slots=True)
class RunOrder:
    """One run: scenario, chance, where its traces are and where its parts go.

    `folder` is that of the workload file; `hosts` are those that this actor is asked for.
    """

    variant: str
    replication: int
    seed: int
    scenario: ScenarioSpec
    folder: Path
    run_directory: Path
    hosts: tuple[int, ...]

    @property
    def windows(self) -> int:
        """Windows of the run, the last maybe shorter."""
        return -(-self.scenario.duration // self.scenario.window)

    def window_ends_ns(self, window: int) -> int:
        """Instant at which a window ends."""
        return min((window + 1) * self.scenario.window, self.scenario.duration)

    def file_name(self, host: int) -> str:
        """Name of a host's part."""
        return f"host-{host:05d}"


@dataclass(frozen=True, slots=True)
class GuestPlace:
    """One guest of the cluster: where it is and which of its group."""

    host: int
    guest: int
    on_host: int
    group: GuestGroupSpec
    index: int


def guests_of(scenario: ScenarioSpec, host: int) -> list[GuestPlace]:
    """Guests of a host, in the order in which all rooms number them: groups as declared, then by index."""
    here = [(group, index) for group in scenario.guests for index in range(group.count_per_host)]
    return [
        GuestPlace(host, host * len(here) + number, number, group, index) for number, (group, index) in enumerate(here)
    ]


@cache
def trace_of(path: Path) -> FrameTrace:
    """A trace, read once a process."""
    return read_frames(path)


@cache
def trace_arrays(path: Path) -> TraceArrays:
    """A trace as workloads need it."""
    trace = trace_of(path)
    return TraceArrays(
        offsets_ns=trace.dts_ns - trace.dts_ns[0],
        sizes_bytes=trace.size_bytes,
        key_frames=np.flatnonzero(trace.is_key) if trace.is_key.any() else np.zeros(1, np.int64),
        period_ns=round(trace.frame_period_ns),
    )


def facts_of(scenario: ScenarioSpec, folder: Path) -> Mapping[tuple[str, int], FrameFacts]:
    """Frame sizes of every (group, workload)."""
    facts = {}
    for group in scenario.guests:
        for number, workload in enumerate(group.workloads):
            if isinstance(workload.source, TracedVideo):
                sizes = trace_arrays(workload.source.path_in(folder)).sizes_bytes
                facts[group.name, number] = FrameFacts(int(sizes.max()), int(sizes.mean()))
            else:
                facts[group.name, number] = frame_facts(workload)
    return facts
