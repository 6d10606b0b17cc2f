"""Two checkouts against each other, turn by turn: what a noisy machine does to one it does to the other.

    python -m benchmarks.pairs OTHER [--turns 24]

OTHER is the folder of another checkout, which runs with this Python. Both wait in a process of their own and are asked
in turns for one short run of the loop, or of a shard that records; a figure is the median over turns of this checkout's
speed over the other's.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median

from benchmarks.engine import KINDS, SETS, WORKLOAD
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.scenario.spec import ScenarioSpec

HERE = Path(__file__).parents[1]
SHORT = ("duration=20s", "guests.raw.memory=4GiB", "guests.coded.memory=4GiB")
WINDOW = {"summary": "window=20s", "transfers": "window=5s"}
VARIANTS = ("pkvm.convert-4k", "pkvm.convert-2m", "sev-snp.swiotlb", "sev-snp.convert-4k", "sev-snp.pool-zero")


def serve() -> None:
    """Answer each line `kind variant` with the frames a second of one run."""
    asked: dict[str, tuple[Callable[[ScenarioSpec, int], list[float]], ScenarioSpec]] = {}
    for kind, (measure, sets) in KINDS.items():
        for variant in load_checked(WORKLOAD, (*SETS, *sets, *SHORT, WINDOW[kind])).variants:
            asked[f"{kind} {variant.label}"] = (measure, variant.scenario)
    for line in sys.stdin:
        measure, scenario = asked[line.strip()]
        sys.stdout.write(f"{measure(scenario, 1)[0]}\n")
        sys.stdout.flush()


class Checkout:
    """A checkout whose process waits to be asked."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.pairs", "--serve", str(folder)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def speed(self, question: str) -> float:
        """Frames a second of one run."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def ratio(mine: Checkout, other: Checkout, question: str, turns: int) -> float:
    """Median over turns of this checkout's speed over the other's; who is first changes with each turn."""
    for checkout in (mine, other):
        checkout.speed(question)
    found = []
    for turn in range(turns):
        speeds = {checkout: checkout.speed(question) for checkout in ((mine, other) if turn % 2 else (other, mine))}
        found.append(speeds[mine] / speeds[other])
    return median(found)


def main() -> None:
    """Print a line a figure, and the geometric mean of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--turns", type=int, default=24)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve()
        return
    print(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {chosen.turns} turns; above 1 this checkout is faster"
    )
    mine, other = Checkout(HERE), Checkout(chosen.other.resolve())
    for kind in KINDS:
        found = {variant: ratio(mine, other, f"{kind} {variant}", chosen.turns) for variant in VARIANTS}
        for variant, value in found.items():
            print(f"{kind}: {variant:24} {value:.3f}")
        print(f"{kind}: geometric mean {geometric_mean(found.values()):.3f}")


if __name__ == "__main__":
    main()
