"""Ratios and their intervals against pencil and paper; refusing what the run does not have."""

import math

import pytest

from cluster_sim.analysis.comparison import ComparisonError, check_baseline, counterpart, ratio

VARIANTS = {
    "pkvm.swiotlb": {"protection": "pkvm", "io_path": "swiotlb"},
    "pkvm.pool": {"protection": "pkvm", "io_path": "pool"},
    "none.pool": {"protection": "none", "io_path": "pool"},
}


def test_a_ratio_is_the_geometric_mean_of_pairs_with_a_t_interval_of_their_logarithms() -> None:
    found = ratio([(2.0, 1.0), (8.0, 1.0), (4.0, 1.0)])
    assert found is not None
    half = 4.302652729911275 * math.log(2) / math.sqrt(3)
    assert found.mean == pytest.approx(4)
    assert (found.low, found.high) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)))
    assert found.replications == 3


def test_equal_pairs_have_an_interval_without_width() -> None:
    found = ratio([(3.0, 6.0), (1.0, 2.0)])
    assert found is not None
    assert found.low == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5)


def test_one_pair_has_a_ratio_but_no_interval() -> None:
    found = ratio([(3.0, 6.0)])
    assert found is not None
    assert found.mean == pytest.approx(0.5)
    assert math.isnan(found.low)


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, 0.0)], [(math.nan, 1.0)]])
def test_a_ratio_of_nothing_is_undefined(pairs: list[tuple[float, float]]) -> None:
    assert ratio(pairs) is None


def test_the_counterpart_differs_in_the_baselines_axes_only() -> None:
    assert counterpart(VARIANTS["pkvm.pool"], {"io_path": "swiotlb"}, VARIANTS) == "pkvm.swiotlb"
    assert counterpart(VARIANTS["none.pool"], {"io_path": "swiotlb"}, VARIANTS) is None
    assert counterpart(VARIANTS["none.pool"], {}, VARIANTS) is None


@pytest.mark.parametrize("baseline", [{"path": "swiotlb"}, {"io_path": "bounce"}])
def test_a_baseline_that_the_run_does_not_have_is_refused(baseline: dict[str, str]) -> None:
    with pytest.raises(ComparisonError, match="allowed"):
        check_baseline(baseline, VARIANTS)
