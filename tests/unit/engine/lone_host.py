"""One host of a small scenario, and frames put into it by hand."""

from collections.abc import Sequence

import numpy as np
from pydantic import JsonValue

from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.layout import frame_facts
from cluster_sim.engine.plan import plan_host
from cluster_sim.engine.state import Arrivals
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.scenario.spec import ScenarioSpec

RAW_1080P = 3_110_400
FAR_NS = 1 << 50

Values = dict[str, JsonValue]


def scenario(
    protection: str, io_path: Values, *, guest: Values | None = None, profile: str = "auto", **workload: JsonValue
) -> ScenarioSpec:
    """One host, guests of two vCPUs with one raw 1080p60 NV12 stream each; no cache to speak of."""
    source: Values = {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60}
    stream: Values = {"kind": "video", "source": source, "deadline": "16ms", **workload}
    group: Values = {"name": "raw", "count_per_host": 1, "vcpus": 2, "memory": "4GiB", "workloads": [stream]}
    return ScenarioSpec.model_validate(
        {
            "duration": "10s",
            "cluster": {"hosts": 1, "host": {"cpus": 4096, "memory": "64TiB", "llc": 0}},
            "guests": [group | (guest or {})],
            "protection": protection,
            "io_path": io_path,
            "profile": profile,
        }
    )


def engine_of(spec: ScenarioSpec, *, journal_entries: int = 0) -> HostEngine:
    """The host, at rest."""
    facts = {
        (group.name, number): frame_facts(workload)
        for group in spec.guests
        for number, workload in enumerate(group.workloads)
    }
    return HostEngine(plan_host(spec, profile_of(spec), facts, journal_entries=journal_entries))


def arrivals(frames: Sequence[tuple[int, int, int]], frame_bytes: int = RAW_1080P) -> Arrivals:
    """Frames as (instant, stream, number), in order."""
    at_ns, stream, frame = (np.array(column, np.int64) for column in zip(*frames, strict=True))
    return Arrivals(at_ns, stream.astype(np.int32), frame, np.full(len(frames), frame_bytes), at_ns + 16_000_000)


def one_frame(spec: ScenarioSpec, frame_bytes: int) -> np.void:
    """A frame alone on the host, carried to its end."""
    done = engine_of(spec).advance(arrivals([(0, 0, 0)], frame_bytes), FAR_NS)
    assert len(done) == 1
    row: np.void = done[0]
    return row
