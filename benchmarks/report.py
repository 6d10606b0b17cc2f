"""Seconds and peak memory of `compare` and `report` over a run of ten million transfers.

    python -m benchmarks.report [--rows 10000000] [--run DIRECTORY] [--html-only]

The run is made of a real one (the main job, or `--run`): each part of `transfers` lies there as often as is needed,
under further names, as links to the same file. All rows are read; figures of other tables are those of the real run.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster_sim import load, run
from cluster_sim.results.reader import open_results

LIMIT_S, LIMIT_BYTES = 60, 2 << 30


def repeated(source: Path, target: Path, rows: int) -> int:
    """Copy a run with its transfers repeated, by links; the number of rows that are there then."""
    shutil.copytree(source, target, copy_function=os.link, ignore=shutil.ignore_patterns("report"))
    had = open_results(source).dataset("transfers").count_rows()
    times = -(-rows // had)
    for part in list((target / "transfers").rglob("*.parquet")):
        for number in range(1, times):
            os.link(part, part.with_name(f"{part.stem}-{number}.parquet"))
    return int(times * had)


def measured(arguments: list[str]) -> tuple[float, int]:
    """Seconds and the largest resident memory, bytes, of a command and its children."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cluster_sim", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def main() -> None:
    """Print one line a command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--run", type=Path, help="a real run with transfers; by default the main job is run")
    parser.add_argument("--html-only", action="store_true", help="no pictures")
    options = parser.parse_args()
    here = options.run.parent if options.run else None
    with tempfile.TemporaryDirectory(dir=here) as folder:
        source = options.run or run(load("swiotlb_vs_zero_copy"), folder).directory
        target = Path(folder) / "large"
        rows = repeated(source, target, options.rows)
        print(f"{rows:,} transfers, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
        kinds = ["--html-only"] if options.html_only else []
        for arguments in (["compare", str(target)], ["report", str(target), *kinds]):
            seconds, peak = measured(arguments)
            print(f"{arguments[0]:8} {seconds:6.1f} s (limit {LIMIT_S}) {peak / 2**20:7.0f} MiB (limit 2048)")
            assert peak < LIMIT_BYTES
        size = (target / "report" / "report.html").stat().st_size
        print(f"page     {size / 1e6:6.2f} MB (limit 8)")


if __name__ == "__main__":
    main()
