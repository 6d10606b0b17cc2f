"""Seconds of the price intervals of the main job: whole runs at joint samples of all costs, and quick ones.

    python -m benchmarks.prices [--samples 28] [--run DIRECTORY] [--executor ray]

The run that they are of has compiled the engine before. Points that an earlier call kept beside it are removed first.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from cluster_sim import load, run
from cluster_sim.analysis.price_intervals.price_study import FOLDER, SAMPLES, whole_intervals
from cluster_sim.analysis.price_intervals.quick import quick_intervals
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.results.reader import open_results

LIMIT_S = 60


def main() -> None:
    """Print one line for whole runs and one for quick intervals."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--run", type=Path, help="a finished run; by default the main job is run")
    parser.add_argument("--executor", choices=["ray", "inline"], default="ray")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = options.run or run(load("swiotlb_vs_zero_copy"), folder).directory
        reading = RunReading(open_results(directory))
        assert reading.guest_sums
        print(f"{len(reading.variants)} variants, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        shutil.rmtree(directory / FOLDER, ignore_errors=True)
        began = time.perf_counter()
        whole_intervals(reading, options.samples, executor=options.executor)
        print(f"whole runs {time.perf_counter() - began:6.1f} s (limit {LIMIT_S}) at {options.samples} samples")
        began = time.perf_counter()
        quick = quick_intervals(reading, options.samples)
        rows = [row for row in reading.rows if row.compared_with and not row.is_baseline]
        found = [quick.ratio(row.variant, str(row.compared_with), row.group, "p50") for row in rows]
        known = sum(each is not None for each in found)
        print(f"quick      {time.perf_counter() - began:6.1f} s for the medians of all {known} pairs")


if __name__ == "__main__":
    main()
