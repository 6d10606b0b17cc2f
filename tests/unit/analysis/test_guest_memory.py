"""What a run says of guest memory and of faults: sums a variant, and nothing where nothing happened."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from cluster_sim import load, open_results, run
from cluster_sim.analysis.guest_memory import FaultRow
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.guest_memory import guest_memory
from tests.main_job import MAIN_JOB

SETS = ("duration=200ms", "window=100ms", "replications=2", "cluster.hosts=1")
FAULTS = (
    "faults=[{at: 50ms, access: uaccess, guest: raw, offset: 1GiB}, "
    "{at: 60ms, access: host_load, guest: raw, offset: 1GiB}]"
)


def reading(folder: Path, *sets: str) -> RunReading:
    finished = run(load(MAIN_JOB, [*SETS, *sets]), folder, executor="inline")
    return RunReading(open_results(finished.directory))


def told(found: RunReading) -> str:
    out = StringIO()
    Console(width=200, file=out).print(guest_memory(found))
    return out.getvalue()


def test_a_run_in_which_nothing_happened_to_memory_says_nothing(tmp_path: Path) -> None:
    found = reading(tmp_path, "protection=sev-snp", "io_path=swiotlb")
    assert found.fault_rows == []
    assert told(found).strip() == ""


def test_exposed_pages_are_those_of_the_buffers_that_were_used(tmp_path: Path) -> None:
    found = reading(tmp_path, "protection=pkvm", "io_path=convert-4k")
    (row,) = found.memory_rows
    conversions = found.results.table("conversions")
    assert row.figures["exposed"] == sum(conversions.column("exposed_pages").to_pylist()) / 2 > 0
    assert "exposed" in told(found)
    assert "refused" not in told(found), "a column of zeros is not shown"


def test_faults_of_a_kind_are_counted_together(tmp_path: Path) -> None:
    found = reading(tmp_path, "protection=tdx", "io_path=convert-4k", FAULTS)
    variant = next(iter(found.manifest.variants))
    assert found.fault_rows == [
        FaultRow(variant, "uaccess", True, "EFAULT", "nobody", 2, 0, 0),
        FaultRow(variant, "host_load", True, "SIGBUS", "guest", 2, 0, 0),
    ]
    text = told(found)
    assert "SIGBUS" in text
    assert "guest died" in text
    (row,) = found.memory_rows
    assert row.figures["dropped"] > 0
