"""Each sentence of the README that states a result, as an assertion with its margin."""

import pytest

from cluster_sim import compare, load, open_results, run
from cluster_sim.analysis.comparison import Row

TECHNOLOGIES = ("pkvm", "sev-snp", "tdx", "cca")
GROUPS = ("raw", "coded")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], Row]:
    sets = ["duration=2s", "replications=2", "record=summary"]
    finished = run(load("swiotlb_vs_zero_copy", sets), tmp_path_factory.mktemp("run"), executor="inline")
    compared = compare(open_results(finished.directory))
    return {(row.axes["protection"], row.axes["io_path"], row.group): row for row in compared}


def ratio(row: Row, figure: str) -> float:
    found = row.ratios[figure]
    assert found is not None
    return found.mean


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_streaming_through_a_shared_pool_beats_swiotlb_on_every_technology(
    rows: dict[tuple[str, str, str], Row], technology: str, group: str
) -> None:
    for path in ("pool-copy", "pool-zero"):
        row = rows[technology, path, group]
        assert ratio(row, "p50") < 0.9
        assert ratio(row, "guest CPU") < 0.9


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("path", ["convert-4k", "convert-2m"])
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_converting_around_each_transfer_loses_to_swiotlb_for_frames_large_and_small(
    rows: dict[tuple[str, str, str], Row], technology: str, path: str, group: str
) -> None:
    row = rows[technology, path, group]
    assert ratio(row, "p50") > 1.5
    assert ratio(row, "guest CPU") > 1.1


def test_converting_costs_an_unprotected_guest_nothing(rows: dict[tuple[str, str, str], Row]) -> None:
    for group in GROUPS:
        converting, directly = (rows["none", path, group].figures for path in ("convert-4k", "direct"))
        assert converting == pytest.approx(directly, nan_ok=True)
