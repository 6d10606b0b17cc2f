"""All benchmarks, one after the other, each in a process of its own; their figures in one file.

    python -m benchmarks [--json FILE] [--against benchmarks/baseline.json]

With `--against`, each figure's median is divided by the older one's, and how far the two spread is told beside it.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ALL = ("peers", "engine", "scaling", "shares")
BETTER_IS_LESS = {"s", "bytes", "exponent"}

Found = dict[str, dict[str, object]]


def run_all(names: tuple[str, ...]) -> tuple[str, Found]:
    """Run benchmarks; the machine, and all figures by `benchmark: name`."""
    machine, figures = "", Found()
    for name in names:
        print(f"== {name}", flush=True)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "figures.json"
            subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", file], check=True)  # noqa: S603
            told = json.loads(file.read_text("utf-8"))
        machine = machine or told["machine"]
        figures |= {f"{name}: {figure}": found for figure, found in told["figures"].items()}
    return machine, figures


def spread(values: list[float]) -> float:
    """Half of the range, as a share of the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / abs(middle) if middle else 0.0


def compare(figures: Found, older: Found) -> None:
    """Print each figure that both have: the new median over the old, and both spreads."""
    for name, found in figures.items():
        if name not in older:
            print(f"{name:48} new")
            continue
        now, then = (list(map(float, each["values"])) for each in (found, older[name]))  # type: ignore[call-overload]
        ratio = median(now) / median(then) if median(then) else float("nan")
        better = "" if found["unit"] not in BETTER_IS_LESS else " (less is better)"
        print(f"{name:48} {ratio:6.2f} x, spread {spread(now):4.0%} now, {spread(then):4.0%} then{better}")


def main() -> None:
    """Run, write, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL)
    chosen = parser.parse_args()
    machine, figures = run_all(tuple(chosen.only))
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n", "utf-8")
    if chosen.against:
        told = json.loads(chosen.against.read_text("utf-8"))
        print(f"== against {chosen.against} ({told['machine']})")
        compare(figures, told["figures"])


if __name__ == "__main__":
    main()
