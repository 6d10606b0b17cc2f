"""One host of a small scenario, and frames put into it by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import TRANSFER
from cluster_sim.engine.state import Arrivals, submissions
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.queues import WorkloadSizes
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of

RAW_1080P = 3_110_400
FAR_NS = 1 << 50

Values = dict[str, JsonValue]


def scenario(
    protection: str,
    io_path: Values,
    *,
    guest: Values | None = None,
    host: Values | None = None,
    memory: Values | None = None,
    profile: str = "auto",
    **workload: JsonValue,
) -> ScenarioSpec:
    """One host, guests of two vCPUs with one raw 1080p60 NV12 stream each; no cache to speak of, nothing varies."""
    source: Values = {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60}
    stream: Values = {"kind": "video", "source": source, "deadline": "16ms", **workload}
    group: dict[str, Any] = {"name": "raw", "count_per_host": 1, "vcpus": 2, "memory": "4GiB", "workloads": [stream]}
    group |= guest or {}
    group["workloads"] = [steady(each) for each in group["workloads"]]
    machine: dict[str, Any] = {"cpus": 4096, "memory": "64TiB", "llc": 0} | (host or {})
    machine["storage"] = {"jitter": 0} | machine.get("storage", {})
    return ScenarioSpec.model_validate(
        {
            "duration": "10s",
            "cluster": {"hosts": 1, "host": machine},
            "guests": [group],
            "protection": protection,
            "io_path": io_path,
            "memory": memory or {},
            "profile": profile,
        }
    )


def steady(workload: Any) -> Any:
    """A workload whose work takes its mean where nothing else is said."""
    return {"work": "constant"} | workload if workload["kind"] in ("block", "file", "network") else workload


def workload_sizes(spec: ScenarioSpec) -> WorkloadSizes:
    """What is known of each workload without traces."""
    found = {
        (group.name, number): traits_of(workload).transfer_sizes
        for group in spec.guests
        for number, workload in enumerate(group.workloads)
    }
    return {key: sizes for key, sizes in found.items() if sizes is not None}


def engine_of(spec: ScenarioSpec, *, journal_entries: int = 0, is_alone: bool = False) -> HostEngine:
    """The host, at rest."""
    plan = plan_host(spec, profile_of(spec), workload_sizes(spec), journal_entries=journal_entries, is_alone=is_alone)
    return HostEngine(plan)


def arrivals(
    frames: Sequence[tuple[int, int, int]], frame_bytes: int = RAW_1080P, direction: int | None = None
) -> Arrivals:
    """Frames as (instant, stream, number), in order; they go the way that their stream has."""
    at_ns, stream, frame = (np.array(column, np.int64) for column in zip(*frames, strict=True))
    ways = np.full(len(frames), direction or 0)
    return submissions(at_ns, stream, frame, np.full(len(frames), frame_bytes), at_ns + 16_000_000, ways)


def run(engine: HostEngine, frames: Arrivals, until_ns: int = FAR_NS) -> Records:
    """What ended, in the order of its ends."""
    return np.concatenate([np.zeros(0, TRANSFER), *engine.advance(frames, until_ns)])


def one_frame(spec: ScenarioSpec, frame_bytes: int, direction: int = 0) -> np.void:
    """A transfer alone on the host, carried to its end."""
    done = run(engine_of(spec, is_alone=True), arrivals([(0, 0, 0)], frame_bytes, direction))
    assert len(done) == 1
    row: np.void = done[0]
    return row


def in_turn(
    spec: ScenarioSpec,
    instants_ns: Sequence[int],
    *,
    direction: int = 0,
    frame_bytes: int = RAW_1080P,
    until_ns: int = FAR_NS,
    journal_entries: int = 0,
) -> tuple[HostEngine, Records]:
    """Frames of the host's first stream at these instants, as they ended, in the order of their numbers."""
    engine = engine_of(spec, journal_entries=journal_entries)
    done = run(engine, arrivals([(at, 0, n) for n, at in enumerate(instants_ns)], frame_bytes, direction), until_ns)
    ordered: Records = done[np.argsort(done["frame"])]
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"] - ordered["submitted_ns"]).all()
    return engine, ordered
