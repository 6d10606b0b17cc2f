"""How time and memory of a run grow with hosts, and with guests a host: fitted exponents.

    python -m benchmarks.scaling [--repeat 3] [--json FILE]

Each point is a run inline in a process of its own, which has run a smaller one before: what is counted is the CPU time
of the run and how far its memory rose above what it was before. An exponent is the slope of log(y) over log(x).
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.figures import Figures
from cluster_sim import load
from cluster_sim.experiments.driver import Means, run_experiment
from cluster_sim.runtime.compile_ahead import compile_once

WORKLOAD = "thousand_hosts"
SMALLEST_BYTES = 1 << 20
"""Less than this is not seen beside what the allocator kept from the run before."""
PATH = ("io_path=swiotlb",)


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows, its sizes, and what else is set at each; the first size, mostly fixed costs, is not fitted."""

    name: str
    sizes: tuple[int, ...]
    sets: Callable[[int], tuple[str, ...]]
    allowed: Callable[[Sequence[int]], float]
    """The largest exponent of time, over these sizes."""


def linear(sizes: Sequence[int]) -> float:
    """Linear, and room for noise."""
    del sizes
    return 1.05


def log_linear(sizes: Sequence[int]) -> float:
    """The slope that n·log n has over these sizes, and the same room."""
    grown = [(size, size * np.log2(size)) for size in sizes if size > 1]
    return exponent([x for x, _ in grown], [y for _, y in grown]) + 0.05


AXES = (
    Axis(
        "hosts",
        (1, 10, 30, 100, 300, 1000),
        lambda hosts: (f"cluster.hosts={hosts}", "duration=1s", "window=1s"),
        linear,
    ),
    Axis(
        "guests a host",
        (1, 4, 16, 64, 256),
        lambda guests: (
            "cluster.hosts=4",
            "cluster.host.cpus=512",
            "cluster.host.memory=1TiB",
            f"guests.stream.count_per_host={guests}",
            "duration=10s",
            "window=1s",
        ),
        log_linear,
    ),
)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the least squares line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def one_point(sets: Sequence[str]) -> None:
    """Print CPU seconds and risen memory, bytes, of one run after a smaller one."""
    with TemporaryDirectory() as folder:
        small = (*PATH, "cluster.hosts=1", "duration=1s")
        run_experiment(load(WORKLOAD, small), folder, means=Means("inline"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        experiment = load(WORKLOAD, (*PATH, *sets))
        began = time.process_time()
        run_experiment(experiment, folder, means=Means("inline"))
        seconds = time.process_time() - began
        print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10)


def measured(sets: Sequence[str]) -> tuple[float, int]:
    """One point, in a process of its own."""
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.scaling", "--point", *sets], check=True, capture_output=True, text=True
    )
    seconds, risen = told.stdout.split()
    return float(seconds), int(risen)


def main() -> None:
    """Print a line a point, and the exponents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--point", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.point:
        one_point(chosen.point)
        return
    compile_once()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; medians of {chosen.repeat}")
    figures = Figures()
    for axis in AXES:
        seconds, risen = [], []
        for size in axis.sizes:
            points = [measured(axis.sets(size)) for _ in range(chosen.repeat)]
            seconds.append(median(each for each, _ in points))
            risen.append(median(each for _, each in points))
            print(f"{size:5} {axis.name:14} {seconds[-1]:8.2f} s {risen[-1] / 2**20:8.1f} MiB")
        sizes = axis.sizes[1:]
        seen = [(size, grown) for size, grown in zip(sizes, risen[1:], strict=True) if grown >= SMALLEST_BYTES]
        of_time, of_memory = exponent(sizes, seconds[1:]), exponent(*zip(*seen, strict=True))
        allowed = axis.allowed(sizes)
        print(f"{axis.name}: time grows with exponent {of_time:.2f}, memory {of_memory:.2f}, allowed {allowed:.2f}")
        figures.add(f"{axis.name}, time", "exponent", [of_time])
        figures.add(f"{axis.name}, memory", "exponent", [of_memory])
        for size, spent in zip(axis.sizes, seconds, strict=True):
            figures.add(f"{size} {axis.name}", "s", [spent])
    figures.write(chosen.json)


if __name__ == "__main__":
    main()
