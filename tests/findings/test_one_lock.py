"""One lock for all of swiotlb against a lock an area: what jobs and sizes make of it (docs/simulation.md §3.2)."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from cluster_sim.cli.options import experiment_of
from cluster_sim.experiments.driver import Means, run_experiment
from cluster_sim.results.reader import open_results

PAGE = Path("docs/simulation.md")
JOBS = (1, 2, 3, 4, 6, 8)
SIZES = ("4KiB", "16KiB", "64KiB")
DEFINITION = """
name: one_lock
question: What does one lock for all of swiotlb cost, by jobs and the size of a read?
duration: 20ms
record: summary
cluster: {hosts: 1, host: {cpus: 64, memory: 512GiB, llc: 0KiB, storage: {latency: 20us, parallel: 1024}}}
guests:
  - name: disk
    count_per_host: 1
    vcpus: 8
    memory: 32GiB
    workloads: [{kind: block, rw: read, iodepth: 64, cpus: one, consume: 2.55us, work: exponential}]
protection: none
axes:
  guests.disk.workloads.0.numjobs: [1, 2, 3, 4, 6, 8]
  io_path: {locked: {kind: swiotlb, areas: 1}, split: {kind: swiotlb, areas: 8}}
  guests.disk.workloads.0.bs: [4KiB, 16KiB, 64KiB]
"""
MAP_AND_UNMAP_US = 0.115 + 0.116
HANDOVER_US = 0.53


@pytest.fixture(scope="module")
def reads_per_ms(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str, str], float]:
    """Reads per ms by (jobs, kind of lock, size)."""
    folder = tmp_path_factory.mktemp("one_lock")
    file = folder / "one_lock.yaml"
    file.write_text(DEFINITION)
    run_experiment(experiment_of(file, []), folder, means=Means("inline", None, None))
    results = open_results(folder / "one_lock")
    found = {}
    for row in results.table("workloads").to_pylist():
        jobs, lock, size = row["variant"].split(".")
        found[int(jobs), lock, size] = row["delivered"] / 20
    return found


def test_one_lock_costs_more_with_each_job_and_less_with_size(reads_per_ms: dict[tuple[int, str, str], float]) -> None:
    """No job more takes half of what is left; at depth the lock alone is the bound: four mappings, there and back."""
    for size in SIZES:
        shares = [reads_per_ms[jobs, "locked", size] / reads_per_ms[jobs, "split", size] for jobs in JOBS]
        assert shares[0] == pytest.approx(1, abs=0.05)
        assert all(later <= earlier * 1.05 for earlier, later in pairwise(shares))
        assert all(later >= earlier * 0.45 for earlier, later in pairwise(shares))
    for jobs in JOBS[1:]:
        shares = [reads_per_ms[jobs, "locked", size] / reads_per_ms[jobs, "split", size] for size in SIZES]
        assert all(larger >= smaller * 0.98 for smaller, larger in pairwise(shares))
    bound = 1000 / (4 * (MAP_AND_UNMAP_US + 2 * HANDOVER_US))
    assert 0.93 * bound < reads_per_ms[8, "locked", "4KiB"] <= bound, (
        "less what is mapped and not yet unmapped at the end"
    )


def test_the_page_tells_what_was_run(reads_per_ms: dict[tuple[int, str, str], float]) -> None:
    rows = {
        match[1]: [int(cell) for cell in re.findall(r"\d+", match[2])]
        for match in re.finditer(r"^\| (\d+ KiB), %((?: \| \d+){6}) \|$", PAGE.read_text(), re.MULTILINE)
    }
    assert list(rows) == [size.replace("KiB", " KiB") for size in SIZES]
    for size, told in zip(SIZES, rows.values(), strict=True):
        shares = [100 * reads_per_ms[jobs, "locked", size] / reads_per_ms[jobs, "split", size] for jobs in JOBS]
        assert told == pytest.approx(shares, abs=1)
