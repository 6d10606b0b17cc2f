"""Frames a second of one host's events on one core, per path: ledger, memory model and sums on, recorded as summaries.

    python -m benchmarks.engine [--repeat 5] [--memory 4GiB]

The streams are those of the main job (raw 1080p60 NV12 and coded frames of the film) on one host of 16 guests.
A figure is the median over repeats; compiling, setting up and writing are not in it.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

from cluster_sim.actors.guests import Guests
from cluster_sim.actors.hosts import arrivals_of
from cluster_sim.actors.order import RunOrder, facts_of
from cluster_sim.engine.host import HostEngine
from cluster_sim.engine.plan import plan_host
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.results.storage import storage_of
from cluster_sim.scenario.load import load
from cluster_sim.scenario.spec import ScenarioSpec

WORKLOAD = Path(__file__).parent.parent / "workloads" / "swiotlb_vs_zero_copy.yaml"


def order_of(scenario: ScenarioSpec) -> RunOrder:
    """One host of a scenario, its guests' software at rest."""
    return RunOrder("benchmark", 0, 1, scenario, WORKLOAD.parent, storage_of("."), (0,))


def frames_per_s(scenario: ScenarioSpec, repeat: int) -> tuple[float, int]:
    """Median frames a second of the loop over one host's whole run, and the frames."""
    guests = Guests()
    guests.begin(order_of(scenario))
    arrivals = arrivals_of(guests.submit(0))
    facts = facts_of(scenario, WORKLOAD.parent)
    profile = profile_of(scenario)
    spans = []
    for _ in range(repeat + 1):
        engine = HostEngine(plan_host(scenario, profile, facts))
        began = time.perf_counter()
        for _done in engine.advance(arrivals, scenario.duration):
            engine.take_keys()
            engine.take_heard()
        spans.append(time.perf_counter() - began)
    return len(arrivals.at_ns) / statistics.median(spans[1:]), len(arrivals.at_ns)


def main() -> None:
    """Print one line a path and technology, and the averages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--memory", default="4GiB", help="guest memory")
    options = parser.parse_args()
    sets = [
        "record=summary",
        "window=60s",
        "duration=60s",
        *(f"guests.{name}.memory={options.memory}" for name in ("raw", "coded")),
    ]
    sets.append("cluster.host.memory=64TiB")
    experiment = load(WORKLOAD, sets)
    by_path: dict[str, list[float]] = {}
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {sets}")
    for variant in experiment.variants:
        speed, frames = frames_per_s(variant.scenario, options.repeat)
        by_path.setdefault(variant.axis_labels["io_path"], []).append(speed)
        print(f"{variant.label:22} {frames:8d} frames {speed / 1e3:9.0f} k frames/s")
    for path, speeds in by_path.items():
        print(f"{path:22} median {statistics.median(speeds) / 1e3:9.0f} k frames/s")
    means = [statistics.median(speeds) for speeds in by_path.values()]
    harmonic = len(means) / sum(1 / mean for mean in means)
    print(f"averaged over the paths: {np.mean(means) / 1e3:.0f} k frames/s (harmonic mean {harmonic / 1e3:.0f} k)")


if __name__ == "__main__":
    main()
