"""Digests against whole tables: what is read in batches comes to the same as what is read at once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cluster_sim import load, open_results, run
from cluster_sim.analysis.summaries import scanning
from cluster_sim.analysis.summaries.digest import Digest, digest
from cluster_sim.analysis.summaries.guests import BUCKETS, Sums, distribution, ledger_of
from cluster_sim.analysis.summaries.series import empty, thinned
from cluster_sim.results import histogram
from cluster_sim.results.ledger import Category
from cluster_sim.results.reader import Results
from cluster_sim.results.run_directory import RunDirectoryError

SETS = ("duration=400ms", "window=100ms", "replications=2", "protection=pkvm", "cluster.hosts=1")
FEW = ("guests.raw.count_per_host=2", "guests.coded.count_per_host=1")
KEY = ("pkvm.convert-2m", "raw")
VARIED = ("pkvm.convert-4k", "coded")
"""Frames of many sizes, so that some are slower than others."""


def made(folder: Path, *sets: str) -> Results:
    return open_results(run(load("swiotlb_vs_zero_copy", [*SETS, *FEW, *sets]), folder, executor="inline").directory)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return made(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def found(results: Results) -> Digest:
    return digest(results)


def rows_of(results: Results, table: str, key: tuple[str, str] = KEY) -> pa.Table:
    whole = results.table(table)
    mask = pc.and_(
        pc.equal(whole["variant"].cast(pa.string()), key[0]), pc.equal(whole["guest_group"].cast("string"), key[1])
    )
    return whole.filter(mask)


def test_sums_are_those_of_the_whole_table(results: Results, found: Digest) -> None:
    guests = rows_of(results, "guests")
    sums = found.guests[KEY]
    assert sums.lines == guests.num_rows == 4
    assert sums.replications == {0, 1}
    for column in ("delivered", "guest_cpu_ns", "latency_ns_sum", "conversions"):
        assert sums.of(column) == sum(guests[column].to_pylist()) > 0
    assert sums.buckets.sum() == sums.of("delivered")


def test_batches_of_one_row_come_to_the_same(results: Results, found: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "BATCH_ROWS", 1)
    again = digest(results)
    assert {key: sums.totals for key, sums in again.guests.items()} == {
        key: sums.totals for key, sums in found.guests.items()
    }
    assert again.slowest == found.slowest
    assert again.hosts == found.hosts
    for key, each in found.series.items():
        assert all((again.series[key].means[name] == values).all() for name, values in each.means.items())


def test_the_ledger_sums_to_the_mean_latency(found: Digest) -> None:
    sums = found.guests[KEY]
    mean_ns = sums.of("latency_ns_sum") / sums.of("delivered")
    assert sum(ledger_of(sums).values()) == pytest.approx(mean_ns, rel=1e-12)


def test_the_slowest_are_those_from_the_99th_percentile_on(results: Results, found: Digest) -> None:
    delivered = rows_of(results, "transfers", VARIED).filter(pc.field("outcome") == "delivered")
    latencies = delivered["latency_ns"].to_numpy()
    bucket = histogram.bucket_of(np.sort(latencies)[[-(-99 * len(latencies) // 100) - 1]])
    slow = latencies >= histogram.first_of(bucket)[0]
    assert 0 < slow.sum() < len(latencies)
    for category in (Category.FAULT, Category.QUEUE_WAIT):
        mine = delivered[f"{category.label}_ns"].to_numpy()[slow]
        assert found.slowest[VARIED][category] == pytest.approx(mine.mean())


def test_a_series_is_the_mean_over_guests_and_replications(results: Results, found: Digest) -> None:
    windows = rows_of(results, "windows")
    second = windows.filter(pc.field("window") == 1)
    series = found.series[KEY]
    assert list(series.ends_ns) == [100_000_000, 200_000_000, 300_000_000, 400_000_000]
    assert series.means["shared_bytes"][1] == pytest.approx(np.mean(second["shared_bytes"].to_pylist()))
    assert series.means["delivered"][1] == pytest.approx(np.mean(second["delivered"].to_pylist()))


def test_a_host_is_busy_for_its_share_of_cpus_and_time(results: Results, found: Digest) -> None:
    hosts = results.table("hosts").filter(pc.field("variant") == KEY[0])
    busy_ns = np.mean(hosts["vcpu_busy_ns"].to_pylist())
    assert found.hosts[KEY[0]]["vCPUs"] == pytest.approx(100 * busy_ns / (400_000_000 * 64))
    lock_ns = np.mean(hosts["lock_busy_ns"].to_pylist())
    assert found.hosts[KEY[0]]["conversion lock"] == pytest.approx(100 * lock_ns / 400_000_000)


def test_a_distribution_of_hand_counted_latencies() -> None:
    sums = Sums(buckets=np.zeros(BUCKETS, np.int64))
    sums.buckets[[10, 20, 100]] = (1, 2, 1)
    assert distribution(sums) == [(10.0, 0.0), (10.0, 0.25), (20.0, 0.75), (100.0, 1.0)]
    assert distribution(Sums()) == []
    assert sums.latency_ns(0.5) == 20


def test_windows_are_joined_where_a_chart_could_not_show_them() -> None:
    gathered = empty()
    gathered.grow(480)
    gathered.rows[:] = 2
    gathered.ends_ns[:] = np.arange(480)
    gathered.totals["delivered"][:] = 2 * np.arange(480)
    series = thinned(gathered)
    assert len(series.ends_ns) == 240
    assert (series.ends_ns[0], series.means["delivered"][0]) == (1, 0.5)


def test_a_run_that_kept_sums_only_has_neither_series_nor_slowest(tmp_path: Path) -> None:
    found = digest(made(tmp_path, "record=summary", "io_path=swiotlb"))
    assert found.series == {}
    assert found.slowest == {}
    assert found.guests


def test_a_damaged_table_is_told_with_its_place(tmp_path: Path) -> None:
    results = made(tmp_path, "record=summary", "io_path=swiotlb")
    part = next((results.directory / "hosts").rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(RunDirectoryError, match="hosts: found what cannot be read"):
        digest(results)
