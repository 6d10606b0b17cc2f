"""What README says of guest memory, as assertions with their margins."""

from pathlib import Path

import pytest

from cluster_sim import load, open_results, run
from cluster_sim.analysis.guest_memory import MemoryRow
from cluster_sim.analysis.run_reading import RunReading


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MemoryRow]:
    folder: Path = tmp_path_factory.mktemp("run")
    finished = run(load("huge_page_split", ["duration=100ms", "window=100ms"]), folder, executor="inline")
    return {row.variant: row for row in RunReading(open_results(finished.directory)).memory_rows}


@pytest.mark.parametrize("protection", ["pkvm", "sev-snp", "tdx"])
def test_a_cluster_breaks_32_huge_mappings_of_8192_and_scattering_about_7080(
    rows: dict[str, MemoryRow], protection: str
) -> None:
    clustered, scattered = (rows[f"{protection}.2MiB.{placement}"].figures for placement in ("clustered", "scattered"))
    assert clustered["leaves at boot"] == scattered["leaves at boot"] == 8192
    assert clustered["leaves at boot"] - clustered["leaves at end"] == clustered["split at end"] == 32
    assert scattered["split at end"] == pytest.approx(7083, abs=90)
    assert scattered["leaves at boot"] - scattered["leaves at end"] == scattered["split at end"]


@pytest.mark.parametrize("protection", ["pkvm", "sev-snp", "tdx", "cca"])
def test_of_16_gigantic_pages_a_cluster_splits_one_and_scattering_all(
    rows: dict[str, MemoryRow], protection: str
) -> None:
    assert rows[f"{protection}.1GiB.clustered"].figures["split at end"] == 1
    assert rows[f"{protection}.1GiB.scattered"].figures["split at end"] == 16
