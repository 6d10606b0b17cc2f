"""Frames a second of one host on one core, per path: ledger, memory model and sums on.

    python -m benchmarks.engine [--repeat 5] [--memory 4GiB] [--json FILE]

The streams are those of the main job (raw 1080p60 NV12 and coded frames of the film) on one host of 16 guests for 60 s.
`summary` is the loop alone over one host's whole run. `transfers` is a whole shard: guests' software, loop, and every
transfer written to Parquet, set-up apart. A figure of a technology and path is the median over repeats.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

from benchmarks.figures import Figures
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.planning.inputs import workload_sizes
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.storage import storage_of
from cluster_sim.runtime.guests import Guests
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.runtime.hosts import Hosts, arrivals_of
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.scenario.spec import ScenarioSpec

WORKLOAD = Path(__file__).with_name("paths.yaml")
SETS = ("cluster.hosts=1", "replications=1", "duration=60s", "cluster.host.memory=64TiB")


def order_of(scenario: ScenarioSpec, place: str = ".") -> RunOrder:
    """One host of a scenario, its guests' software at rest."""
    return RunOrder("benchmark", 0, 1, scenario, WORKLOAD.parent, storage_of(place), (0,))


def looped(scenario: ScenarioSpec, repeat: int) -> list[float]:
    """Frames a second of the loop over one host's whole run."""
    guests = Guests()
    guests.begin(order_of(scenario))
    arrivals = arrivals_of(guests.submit(0))
    sizes = workload_sizes(scenario, WORKLOAD.parent)
    profile = profile_of(scenario)
    found = []
    for _ in range(repeat + 1):
        engine = HostEngine(plan_host(scenario, profile, sizes))
        began = time.perf_counter()
        for _done in engine.advance(arrivals, scenario.duration):
            engine.take_keys()
            engine.take_heard()
        found.append(len(arrivals.at_ns) / (time.perf_counter() - began))
    return found[1:]


def recorded(scenario: ScenarioSpec, repeat: int) -> list[float]:
    """Frames a second of a shard of one host, all transfers in Parquet at the end."""
    found = []
    for _ in range(repeat + 1):
        with TemporaryDirectory() as folder:
            order = order_of(scenario, folder)
            guests, hosts = Guests(), Hosts()
            guests.begin(order)
            hosts.begin(order)
            began = time.perf_counter()
            for window in range(order.windows):
                guests.digest(hosts.step(window, guests.submit(window)))
            frames = hosts.frames
            hosts.finish(guests.finish())
            found.append(frames / (time.perf_counter() - began))
    return found[1:]


KINDS: dict[str, tuple[Callable[[ScenarioSpec, int], list[float]], tuple[str, ...]]] = {
    "summary": (looped, ("record=summary", "window=60s")),
    "transfers": (recorded, ("record=transfers", "window=10s")),
}


def main() -> None:
    """Print one line a path and technology, and the averages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--memory", default="4GiB", help="guest memory")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    memory = [f"guests.{name}.memory={options.memory}" for name in ("raw", "coded")]
    figures = Figures()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {figures.load_1m:.1f}")
    for kind, (measure, sets) in KINDS.items():
        by_path: dict[str, list[float]] = {}
        for variant in load_checked(WORKLOAD, (*SETS, *sets, *memory)).variants:
            speed = median(measure(variant.scenario, options.repeat))
            by_path.setdefault(variant.axis_labels["io_path"], []).append(speed)
            print(f"{kind}: {variant.label:22} {speed / 1e3:9.0f} k frames/s")
        means = [median(speeds) for speeds in by_path.values()]
        for path, mean in zip(by_path, means, strict=True):
            print(f"{kind}: {path:22} median {mean / 1e3:9.0f} k frames/s")
            figures.add(f"{kind}, {path}", "frames/s", by_path[path])
        harmonic = len(means) / sum(1 / mean for mean in means)
        print(
            f"{kind}, averaged over the paths: {fmean(means) / 1e3:.0f} k frames/s a core "
            f"(harmonic mean {harmonic / 1e3:.0f} k)"
        )
        figures.add(f"{kind}, averaged over the paths", "frames/s", [fmean(means)])
    figures.write(options.json)


if __name__ == "__main__":
    main()
