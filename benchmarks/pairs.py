"""Two checkouts against each other, in turns within one run: what a noisy machine does to one it does to both.

    python -m benchmarks.pairs OTHER [--only engine scaling] [--pairs 5] [--repeat 1]

OTHER is the folder of another checkout, whose own benchmarks run there with this Python. Each pair runs both, now one
first and now the other; a figure's ratio is the median over pairs of this checkout's median over the other's.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import geometric_mean, median
from tempfile import TemporaryDirectory

from benchmarks.__main__ import BETTER_IS_LESS

HERE = Path(__file__).parents[1]
COMPARED = ("engine", "scaling")

Figures = dict[str, tuple[str, float]]
"""Unit and median of each figure."""


def measured(checkout: Path, benchmark: str, repeat: int) -> Figures:
    """Run a benchmark in a checkout."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--repeat", str(repeat), "--json", str(file)]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        subprocess.run(command, check=True, cwd=checkout, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        told = json.loads(file.read_text("utf-8"))["figures"]
    return {name: (str(each["unit"]), float(median(each["values"]))) for name, each in told.items()}


def ratios(other: Path, benchmark: str, pairs: int, repeat: int) -> dict[str, list[float]]:
    """Figures of this checkout over the other's, a pair a number; more is better, whatever the unit."""
    found: dict[str, list[float]] = {}
    for pair in range(pairs):
        order = (HERE, other) if pair % 2 else (other, HERE)
        of = {checkout: measured(checkout, benchmark, repeat) for checkout in order}
        for name, (unit, now) in of[HERE].items():
            then = of[other].get(name, (unit, 0.0))[1]
            if now and then:
                found.setdefault(name, []).append(then / now if unit in BETTER_IS_LESS else now / then)
    return found


def main() -> None:
    """Print a line a figure, and their geometric mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--only", nargs="+", choices=COMPARED, default=COMPARED)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    print(
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {chosen.pairs} pairs; above 1 this checkout is better"
    )
    for benchmark in chosen.only:
        found = ratios(chosen.other.resolve(), benchmark, chosen.pairs, chosen.repeat)
        for name, values in found.items():
            print(f"{benchmark}: {name:40} {median(values):6.3f}  ({min(values):.3f} to {max(values):.3f})")
        print(f"{benchmark}: geometric mean {geometric_mean(median(values) for values in found.values()):.3f}")


if __name__ == "__main__":
    main()
