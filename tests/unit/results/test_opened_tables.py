"""A run in a notebook: data frames of its tables, and what it says of itself, whatever its names are."""

import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest

import cluster_sim
from cluster_sim import load, open_results, run
from cluster_sim.results.columns import TABLES
from cluster_sim.results.opened_table import MissingExtraError
from cluster_sim.results.reader import Results
from cluster_sim.results.run_directory import read_manifest, write_manifest
from cluster_sim.results.storage import storage_of
from tests.main_job import MAIN_JOB

SETS = [
    "duration=200ms",
    "replications=2",
    "cluster.hosts=1",
    "protection=pkvm",
    "io_path=swiotlb",
    "guests.raw.count_per_host=1",
    "guests.coded.count_per_host=1",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    finished = run(load(MAIN_JOB, SETS), tmp_path_factory.mktemp("run"), executor="inline")
    return open_results(finished.directory)


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_a_property_with_its_rows(results: Results, name: str) -> None:
    table = getattr(results, name)
    assert table.name == name
    assert table.rows == table.dataset.count_rows() == table.to_arrow().num_rows == table.to_polars().height
    assert list(table.to_pandas().columns) == table.to_polars().columns == [*_columns(name), "variant", "replication"]


def _columns(name: str) -> list[str]:
    return [column.name for column in TABLES[name]]


def test_data_frames_hold_what_the_table_holds(results: Results) -> None:
    arrow = results.transfers.to_arrow()
    raw = arrow.filter(pc.field("guest_group") == "raw")
    assert raw.num_rows == 2 * 12  # 200 ms of 60 frames a second, two replications
    total = pc.sum(arrow.column("latency_ns")).as_py()
    assert results.transfers.to_polars(["latency_ns"])["latency_ns"].sum() == total > 0
    assert results.transfers.to_pandas(["latency_ns"])["latency_ns"].sum() == total
    assert set(results.transfers.to_polars()["outcome"].unique()) <= {"delivered", "dropped", "unfinished"}


def test_columns_bring_their_units_along(results: Results) -> None:
    assert results.guests.to_arrow(["held_bytes"]).schema.field("held_bytes").metadata[b"unit"] == b"B"


def test_a_scanner_reads_some_columns_of_some_rows_in_batches(results: Results) -> None:
    second = (pc.field("replication") == 1) & (pc.field("guest_group") == "raw")
    scanner = results.transfers.scanner(["variant", "latency_ns"], second, batch_rows=3)
    batches = [batch for batch in scanner.to_batches() if batch.num_rows]
    assert sum(batch.num_rows for batch in batches) == 12
    assert max(batch.num_rows for batch in batches) <= 3
    assert batches[0].schema.names == ["variant", "latency_ns"]


def test_columns_that_a_table_does_not_have_are_named_with_those_it_has(results: Results) -> None:
    with pytest.raises(ValueError, match=r"columns of hosts: found 'cpu', 'ram', allowed: host_id, guests"):
        results.hosts.to_polars(["host_id", "cpu", "ram"])


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_library_that_is_missing_is_named_with_the_way_to_install_it(
    results: Results, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library} is not installed: pip install 'cluster-sim\[notebook\]'"):
        getattr(results.hosts, f"to_{library}")()
    assert results.hosts.to_arrow().num_rows == 2


def test_a_run_says_what_one_would_ask_first(results: Results) -> None:
    text = repr(results)
    for part in (
        "swiotlb_vs_zero_copy",
        "complete",
        "protection (1) × io_path (1)",
        f"transfers {results.transfers.rows}, guests 4",
    ):
        assert part in text
    assert str(results.directory) in text


def test_whatever_a_run_is_called_stays_text(results: Results, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e'\""
    manifest = read_manifest(results.storage)
    write_manifest(storage_of(tmp_path), manifest.model_copy(update={"question": hostile, "experiment": hostile}))
    found = Results(storage_of(tmp_path))
    assert "<script" not in found._repr_html_()
    assert "&lt;script&gt;" in found._repr_html_()
    for text in (repr(found), found._repr_html_()):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_table_tells_its_columns_with_unit_and_meaning(results: Results) -> None:
    html = results.guests._repr_html_()
    assert "&lt;table guests: 4 rows" in html
    assert "<td>page·ns</td>" in html


def test_a_folder_that_is_no_run_says_so_in_a_notebook(tmp_path: Path) -> None:
    assert "cannot be read" in repr(Results(storage_of(tmp_path)))


def test_the_exported_names_are_there_and_all_of_them_are_listed() -> None:
    assert list(cluster_sim.__all__) == sorted(cluster_sim.__all__)
    assert {"compare", "load", "open_results", "run"} <= set(cluster_sim.__all__)
    for name in cluster_sim.__all__:
        assert getattr(cluster_sim, name).__doc__
