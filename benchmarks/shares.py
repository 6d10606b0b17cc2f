"""What a run of the main job spends its time on: one process inline, every room's own time; and what Ray's start takes.

    python -m benchmarks.shares [--repeat 3] [--json FILE]

Inline, a room's time is that of its calls without the calls of other rooms in them. Medians over repeats.
"""

import argparse
import functools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.figures import Figures
from cluster_sim import load
from cluster_sim.experiments.driver import Means, run_experiment
from cluster_sim.results.parts import PartWriter
from cluster_sim.runtime import host_engine as host_room
from cluster_sim.runtime.compile_ahead import compile_once
from cluster_sim.runtime.guests import Guests
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.runtime.host_sums import HostSums
from cluster_sim.runtime.host_tables import HostTables
from cluster_sim.runtime.hosts import Hosts
from cluster_sim.runtime.transfer_recorder import Recorder

WORKLOAD = "swiotlb_vs_zero_copy"
ROOMS: dict[str, tuple[tuple[object, str], ...]] = {
    "set-up": ((Hosts, "begin"), (Guests, "begin")),
    "guests' software": ((Guests, "submit"), (Guests, "digest"), (Guests, "finish")),
    "engine": ((host_room, "run_until"), (HostEngine, "finish")),
    "sums and tables": (
        (HostSums, "count"),
        (HostSums, "close_window"),
        (Recorder, "write"),
        (HostTables, "guests"),
        (HostTables, "workloads"),
        (HostTables, "hosts"),
        (HostTables, "windows"),
        (HostTables, "conversions"),
    ),
    "writing": ((PartWriter, "write"), (PartWriter, "close")),
    "exchange": ((Hosts, "step"), (Hosts, "finish")),
}


class Stopwatch:
    """Time of each room, that of rooms called from it left out."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self.inner_s: list[float] = [0.0]

    def timed(self, room: str, function: Callable[..., object]) -> Callable[..., object]:
        """A function whose time is that of a room."""

        @functools.wraps(function)
        def call(*args: object, **more: object) -> object:
            self.inner_s.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **more)
            finally:
                whole = time.perf_counter() - began
                self.spent_s[room] = self.spent_s.get(room, 0.0) + whole - self.inner_s.pop()
                self.inner_s[-1] += whole

        return call


@contextmanager
def watched(watch: Stopwatch) -> Iterator[None]:
    """Let a stopwatch time all rooms."""
    kept = [(owner, name, getattr(owner, name)) for calls in ROOMS.values() for owner, name in calls]
    try:
        for room, calls in ROOMS.items():
            for owner, name in calls:
                setattr(owner, name, watch.timed(room, getattr(owner, name)))
        yield
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)


def inline() -> dict[str, float]:
    """Seconds of each room in a run in this process, of what is in none, and of all."""
    watch = Stopwatch()
    with TemporaryDirectory() as folder, watched(watch):
        began = time.perf_counter()
        run_experiment(load(WORKLOAD), folder, means=Means("inline"))
        whole = time.perf_counter() - began
    return {**watch.spent_s, "the rest": whole - sum(watch.spent_s.values()), "all": whole}


def on_ray() -> dict[str, float]:
    """Seconds of a run on Ray, and of them what starting it and its actors took."""
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        finished = run_experiment(load(WORKLOAD), folder)
        return {"start": finished.ray_start_s, "all": time.perf_counter() - began}


def main() -> None:
    """Print a line a room."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    figures = Figures()
    began = time.perf_counter()
    compile_once()
    print(f"{os.cpu_count()} CPUs, load {figures.load_1m:.1f}; compiling took {time.perf_counter() - began:.1f} s")
    for where, run in (("inline", inline), ("on Ray", on_ray)):
        found = [run() for _ in range(chosen.repeat)]
        for room in found[0]:
            spans = [each[room] for each in found]
            share = median(spans) / median(each["all"] for each in found)
            print(f"{where}: {room:18} {median(spans):6.2f} s {share:5.0%}")
            figures.add(f"{where}, {room}", "s", spans)
    figures.write(chosen.json)


if __name__ == "__main__":
    main()
