"""Each sentence of the README that states a result, as an assertion with its margin."""

from pathlib import Path

import pytest

from cluster_sim import compare, load, open_results, run
from cluster_sim.analysis.comparison import Row
from docs import make_readme
from tests.main_job import MAIN_JOB

TECHNOLOGIES = ("pkvm", "sev-snp", "tdx", "cca")
LOSING_CONTENT = TECHNOLOGIES[1:]
GROUPS = ("raw", "coded")
SETS = ("record=summary",)
ALONE = ("duration=2s", "protection=none", "cluster.hosts=1")
AROUND_EACH = {
    (path, *others)
    for path, others in (
        ("convert-4k", ("g3", "lazy", "cpu")),
        ("convert-2m", ("g3", "lazy", "cpu")),
        ("convert-2m", ("g3", "lazy", "device")),
        ("convert-2m", ("g4", "lazy", "cpu")),
        ("convert-2m", ("g4", "lazy", "device")),
        ("convert-2m", ("g4", "populate", "cpu")),
    )
}
"""Paths that convert around each transfer: page by page, with whole leaves, populated, by the device's own DMA."""

Rows = dict[tuple[str, ...], Row]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that the README is about, without its rows of transfers."""
    return run(load("swiotlb_vs_zero_copy", SETS), tmp_path_factory.mktemp("run"), executor="inline").directory


@pytest.fixture(scope="module")
def rows(directory: Path) -> Rows:
    """By technology, path, memory, host faults, copier and group."""
    return {(*row.axes.values(), row.group): row for row in compare(open_results(directory))}


def test_the_answer_in_the_readme_is_that_of_the_run(directory: Path) -> None:
    text = make_readme.TARGET.read_text("utf-8")
    is_current = make_readme.written(text, make_readme.answer_of(directory)) == text
    assert is_current, f"README.md is stale: {make_readme.COMMAND}"


def bounced(rows: Rows, technology: str, copier: str, group: str, *, for_life: bool = False) -> Row:
    """The row of swiotlb, mapped for each transfer or for life."""
    return rows[technology, "swiotlb-life" if for_life else "swiotlb", "g3", "lazy", copier, group]


def ratio(row: Row, figure: str) -> float:
    """To per-transfer swiotlb, with the same producer."""
    found = row.ratios[figure]
    assert found is not None
    return found.mean


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_streaming_through_a_shared_pool_beats_swiotlb_on_every_technology(
    rows: Rows, technology: str, group: str
) -> None:
    for path, copier in (("pool-copy", "cpu"), ("pool-zero", "device")):
        row = rows[technology, path, "g3", "lazy", copier, group]
        assert ratio(row, "p50") < 0.9
        assert ratio(row, "guest CPU") < 0.9


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_a_pool_beats_long_lived_swiotlb_for_large_frames_and_is_no_worse_for_small_ones(
    rows: Rows, technology: str
) -> None:
    for path, copier, raw_most in (("pool-copy", "cpu", 0.65), ("pool-zero", "device", 0.08)):
        for group, most in (("raw", raw_most), ("coded", 1.01)):
            row = rows[technology, path, "g3", "lazy", copier, group]
            life = bounced(rows, technology, copier, group, for_life=True)
            assert row.figures["p50"] < most * life.figures["p50"]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_converting_around_each_transfer_is_slower_than_swiotlb_for_frames_large_and_small(
    rows: Rows, technology: str, group: str
) -> None:
    """Large frames page by page are more than some technologies sustain: there is no ratio, and no latency."""
    for around in AROUND_EACH:
        row = rows[technology, *around, group]
        assert row.overload is not None or ratio(row, "p50") > 1.5


def test_large_frames_page_by_page_are_more_than_the_lock_of_pkvm_lets_pass(rows: Rows) -> None:
    """760 pages shared and unshared take 3.8 ms of it: 8 guests of 33 frames a second."""
    overload = rows["pkvm", "convert-4k", "g3", "lazy", "cpu", "raw"].overload
    assert overload is not None
    assert overload.resource == "pKVM's host-wide lock"
    assert overload.sustained == pytest.approx(33, rel=0.05)


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_it_takes_more_of_the_guests_cpu_but_for_large_frames_on_pkvm(rows: Rows, technology: str) -> None:
    """There the guest keeps its mapping and its content: a range is one call, and no copy is made."""
    for path, *others in AROUND_EACH:
        assert ratio(rows[technology, path, *others, "coded"], "guest CPU") > 1.1
        if rows[technology, path, *others, "raw"].overload is not None:
            continue
        large = ratio(rows[technology, path, *others, "raw"], "guest CPU")
        assert large < 1.1 if (technology, path) == ("pkvm", "convert-2m") else large > 1.1


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_a_buffer_that_is_kept_for_a_second_beats_per_transfer_swiotlb_and_not_the_long_lived_one(
    rows: Rows, technology: str
) -> None:
    kept = rows[technology, "convert-kept", "g4", "lazy", "cpu", "raw"]
    assert ratio(kept, "p50") < 0.85
    life = bounced(rows, technology, "cpu", "raw", for_life=True)
    assert 1 <= kept.figures["p50"] / life.figures["p50"] < 1.05


@pytest.mark.parametrize("technology", LOSING_CONTENT)
def test_where_content_is_lost_conversion_makes_the_copies_of_long_lived_swiotlb(rows: Rows, technology: str) -> None:
    """One by the guest and one by the host, and the conversion besides: no price brings it ahead."""
    for path, *others in AROUND_EACH:
        if "cpu" in others:
            row = rows[technology, path, *others, "raw"]
            life = bounced(rows, technology, "cpu", "raw", for_life=True)
            assert row.figures["copies"] == pytest.approx(life.figures["copies"], rel=0.001)
            assert row.figures["copies"] == pytest.approx(2, rel=0.001)
            assert row.figures["conversions"] > 0 == life.figures["conversions"]


def test_converting_costs_an_unprotected_guest_nothing(tmp_path: Path) -> None:
    finished = run(load(MAIN_JOB, [*SETS, *ALONE]), tmp_path, executor="inline")
    found = {(row.axes["io_path"], row.group): row.figures for row in compare(open_results(finished.directory))}
    for group in GROUPS:
        assert found["convert-4k", group] == pytest.approx(found["direct", group], nan_ok=True)
