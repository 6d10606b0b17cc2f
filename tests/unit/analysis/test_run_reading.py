"""What is read of a run once: sums against whole tables, and how often each table is read."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from typer.testing import CliRunner

from cluster_sim import load, open_results, run
from cluster_sim.analysis.answers.run_answer import answer
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries import batches
from cluster_sim.analysis.summaries.sums import ledger_of
from cluster_sim.cli import app
from cluster_sim.results import histogram
from cluster_sim.results.columns import TABLES
from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results
from cluster_sim.results.run_directory import RunDirectoryError
from tests.main_job import MAIN_JOB

SETS = ("duration=400ms", "window=100ms", "replications=2", "protection=pkvm", "cluster.hosts=1")
FEW = ("guests.raw.count_per_host=2", "guests.coded.count_per_host=1")
KEY = ("pkvm.convert-2m", "raw")
VARIED = ("pkvm.convert-4k", "coded")
"""Frames of many sizes, so that some are slower than others."""


def made(folder: Path, *sets: str) -> Results:
    return open_results(run(load(MAIN_JOB, [*SETS, *FEW, *sets]), folder, executor="inline").directory)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return made(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def found(results: Results) -> RunReading:
    return RunReading(results)


class CountedTable:
    """A table that counts how often it is read."""

    def __init__(self, table: ds.Dataset, name: str, reads: Counter[str]) -> None:
        self.table, self.name, self.reads = table, name, reads

    def to_table(self) -> pa.Table:
        self.reads[self.name] += 1
        return self.table.to_table()

    def scanner(self, **options: object) -> ds.Scanner:
        self.reads[self.name] += 1
        return self.table.scanner(**options)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each table was read since the test began."""
    counted, dataset = Counter[str](), Results.dataset
    monkeypatch.setattr(Results, "dataset", lambda self, name: CountedTable(dataset(self, name), name, counted))
    return counted


def rows_of(results: Results, table: str, key: tuple[str, str] = KEY) -> pa.Table:
    whole = results.table(table)
    mask = pc.and_(
        pc.equal(whole["variant"].cast(pa.string()), key[0]), pc.equal(whole["guest_group"].cast("string"), key[1])
    )
    return whole.filter(mask)


def test_a_report_reads_every_table_once(results: Results, reads: Counter[str], tmp_path: Path) -> None:
    """Even transfers, by far the longest, are streamed for one thing only: where the slowest spent their time."""
    done = CliRunner().invoke(app, ["report", str(results.directory), "--prices=0", f"--out={tmp_path}"])
    assert done.exit_code == 0, done.output
    assert reads == dict.fromkeys(TABLES, 1)


def test_a_comparison_reads_what_it_needs_once_a_run(results: Results, reads: Counter[str]) -> None:
    done = CliRunner().invoke(app, ["compare", str(results.directory)])
    assert done.exit_code == 0, done.output
    assert reads == dict.fromkeys(("guests", "placements", "conversions", "faults"), 1)


def test_what_is_worked_out_twice_is_read_once(results: Results, reads: Counter[str]) -> None:
    reading = RunReading(results)
    for baseline in ("swiotlb", "pool-zero", "swiotlb"):
        assert reading.by_baseline.against({"io_path": baseline})
    assert answer(reading) == answer(reading)
    assert reads == {"guests": 1, "placements": 1}


def test_sums_are_those_of_the_whole_table(results: Results, found: RunReading) -> None:
    guests = rows_of(results, "guests")
    sums = found.guest_sums[KEY]
    assert sums.rows == guests.num_rows == 4
    assert sums.replications == {0, 1}
    for column in ("delivered", "guest_cpu_ns", "latency_ns_sum", "conversions"):
        assert sums.of(column) == sum(guests[column].to_pylist()) > 0
    assert sums.buckets.sum() == sums.of("delivered")


def test_batches_of_one_row_come_to_the_same(
    results: Results, found: RunReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 1)
    again = RunReading(results)
    assert {key: sums.totals for key, sums in again.guest_sums.items()} == {
        key: sums.totals for key, sums in found.guest_sums.items()
    }
    assert again.slowest == found.slowest
    assert again.host_use == found.host_use
    for key, each in found.window_series.items():
        assert all((again.window_series[key].means[name] == values).all() for name, values in each.means.items())


def test_the_ledger_sums_to_the_mean_latency(found: RunReading) -> None:
    sums = found.guest_sums[KEY]
    mean_ns = sums.of("latency_ns_sum") / sums.of("delivered")
    assert sum(ledger_of(sums).values()) == pytest.approx(mean_ns, rel=1e-12)


def test_the_slowest_are_those_from_the_99th_percentile_on(results: Results, found: RunReading) -> None:
    delivered = rows_of(results, "transfers", VARIED).filter(pc.field("outcome") == "delivered")
    latencies = delivered["latency_ns"].to_numpy()
    bucket = histogram.bucket_of(np.sort(latencies)[[-(-99 * len(latencies) // 100) - 1]])
    slow = latencies >= histogram.first_of(bucket)[0]
    assert 0 < slow.sum() < len(latencies)
    for category in (Category.FAULT, Category.QUEUE_WAIT):
        mine = delivered[f"{category.label}_ns"].to_numpy()[slow]
        assert found.slowest[VARIED][category] == pytest.approx(mine.mean())


def test_a_series_is_the_mean_over_guests_and_replications(results: Results, found: RunReading) -> None:
    windows = rows_of(results, "windows")
    second = windows.filter(pc.field("window") == 1)
    series = found.window_series[KEY]
    assert list(series.ends_ns) == [100_000_000, 200_000_000, 300_000_000, 400_000_000]
    assert series.means["shared_bytes"][1] == pytest.approx(np.mean(second["shared_bytes"].to_pylist()))
    assert series.means["delivered"][1] == pytest.approx(np.mean(second["delivered"].to_pylist()))


def test_a_host_is_busy_for_its_share_of_cpus_and_time(results: Results, found: RunReading) -> None:
    hosts = results.table("hosts").filter(pc.field("variant") == KEY[0])
    busy_ns = np.mean(hosts["vcpu_busy_ns"].to_pylist())
    assert found.host_use[KEY[0]]["vCPUs"] == pytest.approx(100 * busy_ns / (400_000_000 * 64))
    lock_ns = np.mean(hosts["lock_busy_ns"].to_pylist())
    assert found.host_use[KEY[0]]["conversion lock"] == pytest.approx(100 * lock_ns / 400_000_000)


def test_a_run_that_kept_sums_only_has_neither_series_nor_slowest(tmp_path: Path) -> None:
    found = RunReading(made(tmp_path, "record=summary", "io_path=swiotlb"))
    assert found.window_series == {}
    assert found.slowest == {}
    assert found.guest_sums


def test_a_damaged_table_is_told_with_its_place(tmp_path: Path) -> None:
    results = made(tmp_path, "record=summary", "io_path=swiotlb")
    part = next((results.directory / "hosts").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(RunDirectoryError, match="hosts: found what cannot be read"):
        _ = RunReading(results).host_use
