"""What is compared with what, over which replications, and refusing what the run does not have."""

import pytest

from cluster_sim import compare
from cluster_sim.analysis.baselines import check_baseline, counterpart, index_of
from cluster_sim.analysis.problems import ComparisonError
from tests.unit.analysis.synthetic_runs import FRAMES, GuestRow, synthetic

VARIANTS = {
    "pkvm.swiotlb": {"protection": "pkvm", "io_path": "swiotlb"},
    "pkvm.pool": {"protection": "pkvm", "io_path": "pool"},
    "none.pool": {"protection": "none", "io_path": "pool"},
}


def test_the_counterpart_differs_in_the_baselines_axes_only() -> None:
    index = index_of(VARIANTS)
    assert counterpart(VARIANTS["pkvm.pool"], {"io_path": "swiotlb"}, index) == "pkvm.swiotlb"
    assert counterpart(VARIANTS["none.pool"], {"io_path": "swiotlb"}, index) is None
    assert counterpart(VARIANTS["none.pool"], {}, index) is None


@pytest.mark.parametrize("baseline", [{"path": "swiotlb"}, {"io_path": "bounce"}])
def test_a_baseline_that_the_run_does_not_have_is_refused(baseline: dict[str, str]) -> None:
    with pytest.raises(ComparisonError, match="allowed"):
        check_baseline(baseline, VARIANTS)


def rows_of(*figures: tuple[str, int, int]) -> list[GuestRow]:
    """One guest each of (path, replication, host CPU time in ns a frame)."""
    return [
        GuestRow(path, number, {"delivered": FRAMES, "host_cpu_ns": FRAMES * each}) for path, number, each in figures
    ]


PATHS = {"base": {"io_path": "base"}, "mine": {"io_path": "mine"}}
BASELINE = {"io_path": "base"}


def test_pairs_are_of_one_replication_each_and_replications_of_one_side_have_none() -> None:
    figures = [("base", 0, 1000), ("base", 1, 4000), ("base", 2, 9000), ("mine", 1, 2000), ("mine", 0, 3000)]
    (mine,) = [row for row in compare(synthetic(PATHS, rows_of(*figures), baseline=BASELINE)) if not row.is_baseline]
    found = mine.ratios["host CPU"]
    assert found is not None
    assert found.mean == pytest.approx((3 * 0.5) ** 0.5)
    assert found.replications == mine.replications == 2
    assert mine.differences["host CPU"].mean == pytest.approx((2 - 2) / 2)


def test_figures_are_means_over_the_replications_that_are_there() -> None:
    """An interrupted run may have one of three: its throughput is not a third."""
    run = synthetic(PATHS, rows_of(("base", 0, 1), ("base", 1, 1), ("base", 2, 1), ("mine", 0, 1)), baseline=BASELINE)
    by_path = {row.variant: row.figures["throughput"] for row in compare(run)}
    assert by_path == {"base": FRAMES, "mine": FRAMES}


def test_where_a_side_is_0_there_is_a_difference_and_no_ratio() -> None:
    figures = [("base", 0, 5000), ("base", 1, 5000), ("mine", 0, 0), ("mine", 1, 0)]
    (mine,) = [row for row in compare(synthetic(PATHS, rows_of(*figures), baseline=BASELINE)) if not row.is_baseline]
    assert mine.ratios["host CPU"] is None
    assert mine.differences["host CPU"].mean == -5
    assert mine.differences["host CPU"].shows_difference
    assert "p50" not in mine.differences, "what was not measured has none"


def test_quantiles_a_bucket_apart_show_no_difference() -> None:
    """Buckets are 1/128 apart: a run may differ from its baseline by one for no reason."""
    rows = [
        GuestRow(path, number, {"delivered": 1, "latency_bucket": [bucket], "latency_count": [1]})
        for path, bucket in (("base", 1000), ("mine", 1001))
        for number in range(3)
    ]
    (mine,) = [row for row in compare(synthetic(PATHS, rows, baseline=BASELINE)) if not row.is_baseline]
    found = mine.ratios["p50"]
    assert found is not None
    assert found.mean > 1
    assert found.spread == 0
    assert not found.shows_difference
