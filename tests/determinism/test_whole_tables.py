"""Whole tables of a real run: the ledger sums, every transfer ends, counts are those of the formulas."""

import re
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.compute as pc
import pytest

from cluster_sim import load, open_results, run
from cluster_sim.results.columns import TABLES, ledger_columns, schema
from cluster_sim.results.reader import Results
from tests.main_job import MAIN_JOB


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    sets = ["duration=1s", "window=500ms", "replications=1", "cluster.hosts=2"]
    sets += ["guests.raw.count_per_host=3", "guests.coded.count_per_host=3"]
    finished = run(load(MAIN_JOB, sets), tmp_path_factory.mktemp("run"), executor="inline")
    return open_results(finished.directory)


def test_every_latency_is_the_sum_of_its_ledger(results: Results) -> None:
    transfers = results.table("transfers")
    booked = np.sum([transfers.column(column.name).to_numpy() for column in ledger_columns()], axis=0)
    latency = transfers.column("latency_ns").to_numpy()
    assert (booked == latency).all()
    assert (latency == transfers.column("ended_ns").to_numpy() - transfers.column("submitted_ns").to_numpy()).all()
    assert len(set(transfers.column("variant").to_pylist())) == 26


def test_every_transfer_ends_and_no_guest_loses_one(results: Results) -> None:
    guests = results.table("guests")
    parts = ("delivered", "dropped_no_buffer", "dropped_swiotlb_full", "unfinished")
    ended = np.sum([guests.column(part).to_numpy() for part in parts], axis=0)
    assert (ended == guests.column("submitted").to_numpy()).all()
    assert sum(guests.column("submitted").to_pylist()) == results.table("transfers").num_rows


def test_every_delivered_frame_arrives_intact(results: Results) -> None:
    assert pc.all(results.table("transfers").column("is_intact")).as_py()
    assert sum(results.table("guests").column("damaged").to_pylist()) == 0


@pytest.mark.parametrize(
    ("variant", "guest", "host", "conversions"),
    [
        ("pkvm.swiotlb", 2, 1, 0),
        ("tdx.swiotlb", 2, 1, 0),
        ("pkvm.convert-4k", 0, 1, 1520),
        ("pkvm.convert-2m", 0, 1, 4),
        ("sev-snp.convert-4k", 1, 1, 1520),
        ("tdx.convert-4k", 1, 1, 1520),
        ("cca.convert-2m", 1, 1, 4),
        ("none.convert-4k", 0, 1, 0),
        ("pkvm.pool-copy", 0, 1, 0),
        ("pkvm.pool-zero", 0, 0, 0),
        ("none.direct", 0, 1, 0),
    ],
)
def test_a_delivered_raw_frame_is_copied_and_converted_as_often_as_its_path_says(
    results: Results, variant: str, guest: int, host: int, conversions: int
) -> None:
    transfers = results.table("transfers")
    chosen = (
        (pc.field("variant") == variant) & (pc.field("guest_group") == "raw") & (pc.field("outcome") == "delivered")
    )
    frames = transfers.filter(chosen)
    assert frames.num_rows > 0
    size = frames.column("frame_bytes").to_numpy()
    assert (frames.column("guest_copied_bytes").to_numpy() == guest * size).all()
    assert (frames.column("host_copied_bytes").to_numpy() == host * size).all()
    assert (frames.column("conversions").to_numpy() == conversions).all()


def test_a_1080p60_stream_at_4_kib_converts_91200_granules_a_second(results: Results) -> None:
    guests = results.table("guests")
    raw = guests.filter((pc.field("variant") == "sev-snp.convert-4k") & (pc.field("guest_group") == "raw"))
    unfinished = raw.column("unfinished").to_numpy()
    converted = raw.column("conversions").to_numpy()
    assert (raw.column("submitted").to_numpy() == 60).all()
    assert (converted <= 91_200).all()
    assert (converted >= 91_200 - 1520 * unfinished).all()


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_declared_columns_with_unit_and_meaning(results: Results, table: str) -> None:
    written = results.dataset(table).schema
    for field in schema(table):
        found = written.field(field.name)
        assert found.type == field.type
        assert not found.nullable
        assert found.metadata[b"meaning"]
        assert b"unit" in found.metadata


def test_the_manifest_traces_a_result_to_its_definition_and_costs(results: Results) -> None:
    manifest = results.manifest
    assert manifest.status == "complete"
    assert set(manifest.profiles) == {f"{name}-zen4" for name in ("none", "pkvm", "sev-snp", "tdx", "cca")}
    prices = manifest.profiles["tdx-zen4"]["prices"]
    assert isinstance(prices, dict)
    for price in prices.values():
        assert isinstance(price, dict)
        assert "absent" in price or price["source"]
    assert all((results.directory / part.path).is_file() for part in manifest.parts)


def readme_line(results: Results, language: str) -> str:
    """The README's one line in a language, with this run in the place of its RUN."""
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    found = re.search(rf"```{language}\n([^\n]+)\n```", readme)
    assert found
    return found.group(1).replace("results/swiotlb_vs_zero_copy/RUN", str(results.directory))


def test_the_readmes_line_for_polars_reads_the_tables(results: Results) -> None:
    transfers = results.table("transfers").filter(pc.field("variant") == "pkvm.swiotlb")
    means = eval(readme_line(results, "python"), {"polars": pl})  # noqa: S307 - the README's own line
    assert means.filter(variant="pkvm.swiotlb")["latency_ns"].item() == pytest.approx(
        transfers.column("latency_ns").to_numpy().mean()
    )


def test_the_readmes_line_for_duckdb_reads_the_tables(results: Results) -> None:
    relation = duckdb.sql(readme_line(results, "sql"))
    assert relation is not None
    rows = relation.fetchall()
    assert {variant for variant, _ in rows} == set(results.manifest.variants)


def test_less_is_recorded_when_less_is_asked_for(tmp_path: Path) -> None:
    sets = ["duration=200ms", "window=100ms", "replications=1", "protection=pkvm", "io_path=swiotlb", "cluster.hosts=1"]
    kept = {}
    for record in ("transfers", "windows", "summary"):
        finished = run(load(MAIN_JOB, [*sets, f"record={record}"]), tmp_path, executor="inline", name=record)
        kept[record] = {part.table for part in open_results(finished.directory).manifest.parts}
    always = set(TABLES) - {"faults"}
    assert kept["transfers"] == always
    assert kept["windows"] == always - {"transfers"}
    assert kept["summary"] == always - {"transfers", "windows"}
