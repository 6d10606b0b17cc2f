"""What Ray costs and gives: one actor against two, start-up and snapshots, memory of all processes.

`python -m benchmarks.cluster` prints it; `--hosts 200` is the size whose memory is watched.
"""

import argparse
import os
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from cluster_sim import load
from cluster_sim.experiments.driver import Means, run_experiment
from cluster_sim.runtime.compile_ahead import compile_once
from cluster_sim.runtime.pace import SNAPSHOT_LEAST_S, SNAPSHOT_SHARE
from cluster_sim.runtime.run_progress import ProgressReport

SPEED = (
    "protection=sev-snp",
    "io_path=convert-2m",
    "record=summary",
    "cluster.hosts=16",
    "replications=1",
    "duration=1200s",
    "window=10s",
)
"""Long enough for more than 20 s of engine time."""
MEMORY = ("io_path=swiotlb", "duration=3s", "window=1s")

OFTEN = 10
"""Windows from snapshot to snapshot, where that is tried."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A run: seconds in all, until the first window had ended, and after that; the most memory of all processes."""

    whole_s: float
    start_s: float
    work_s: float
    memory_bytes: int
    frames: int


class MemoryWatch(threading.Thread):
    """The most proportional memory (PSS) that this process and all below it had at a time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_bytes = 0
        self.is_over = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self.is_over.wait(0.5):
            self.most_bytes = max(self.most_bytes, memory_of_all())


def memory_of_all() -> int:
    """Proportional memory of this process and all below it, bytes."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    mine, total = {os.getpid()}, 0
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    for pid in mine:
        try:
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        total += int(found[1]) << 10 if found else 0
    return total


def timed(workload: str, sets: tuple[str, ...], means: Means) -> Timed:
    """Run once."""
    instants: list[float] = []

    def note(progress: ProgressReport) -> None:
        del progress
        instants.append(time.perf_counter())

    watch = MemoryWatch()
    watch.start()
    began = time.perf_counter()
    with TemporaryDirectory() as folder:
        finished = run_experiment(load(workload, sets), folder, means=means, on_progress=note)
    ended = time.perf_counter()
    watch.is_over.set()
    watch.join()
    return Timed(ended - began, instants[0] - began, instants[-1] - instants[0], watch.most_bytes, finished.frames)


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    compile_once()
    load_1m = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, load {load_1m:.1f}")
    pairs = [
        (timed("swiotlb_vs_zero_copy", SPEED, Means("ray", 1)), timed("swiotlb_vs_zero_copy", SPEED, Means("ray", 2)))
        for _ in range(chosen.repeat)
    ]
    for actors, found in enumerate(zip(*pairs, strict=True), 1):
        work, start = median(each.work_s for each in found), median(each.start_s for each in found)
        print(f"{actors} actor(s): {found[0].frames:,} frames, start {start:.1f} s, work {work:.1f} s (medians)")
    ratios = sorted(one.work_s / two.work_s for one, two in pairs)
    print(
        f"1 -> 2 actors: {median(ratios):.2f} times as fast (start-up apart; median of {chosen.repeat} pairs, each of "
        f"two runs in turn, {ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    usual = median(two.work_s for _, two in pairs)
    often = timed("swiotlb_vs_zero_copy", SPEED, Means("ray", 2, snapshot_every=OFTEN))
    share = often.work_s / usual - 1
    print(
        f"a snapshot every {OFTEN} of 80 windows: work {often.work_s:.1f} s, {100 * share:.1f} % more; by itself a run "
        f"takes one in {SNAPSHOT_LEAST_S:.0f} s at most, for no more than {100 * SNAPSHOT_SHARE:.0f} % of its time"
    )
    large = timed("thousand_hosts", (*MEMORY, f"cluster.hosts={chosen.hosts}"), Means("ray", 2))
    print(
        f"{chosen.hosts} hosts x 64 guests: {large.memory_bytes / 2**30:.2f} GiB in all processes, "
        f"{large.frames / large.work_s:,.0f} frames/s"
    )


if __name__ == "__main__":
    main()
