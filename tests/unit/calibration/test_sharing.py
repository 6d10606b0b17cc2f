"""The law of a shared bus, by rates made up by hand."""

import pytest

from cluster_sim.calibration.copies import thread_counts
from cluster_sim.calibration.sampling import RefusedError
from cluster_sim.calibration.sharing import fitted, relative_mean


def test_a_bus_that_four_threads_fill() -> None:
    law = fitted([1, 2, 4, 8], [10, 20, 30, 30])
    assert law.full == (4, 8)
    assert (law.alone, law.capacity) == pytest.approx((10, 30))
    assert law.error == pytest.approx(0)
    assert [law.rate(n) for n in (1, 2, 3, 4, 100)] == pytest.approx([10, 20, 30, 30, 30])


def test_a_bus_that_one_thread_fills() -> None:
    law = fitted([1, 2], [12, 12])
    assert law.full == (1, 2)
    assert (law.alone, law.capacity) == pytest.approx((12, 12))


def test_rates_that_are_a_little_off_the_law_fit_it() -> None:
    """Least squares of relative errors: of 28 and 32, (1/28 + 1/32) / (1/784 + 1/1024) = 29.73, 7 % below 32."""
    law = fitted([1, 2, 4, 8], [10, 19, 28, 32])
    assert law.capacity == pytest.approx(29.7345, abs=1e-4) == relative_mean([28, 32])
    assert law.error == pytest.approx((32 - 29.7345) / 32, abs=1e-5)


@pytest.mark.parametrize(
    ("threads", "rates"),
    [
        ([1], [10]),
        ([1, 2], [10, 20]),
        ([1, 2], [12, 16]),
        ([1, 2, 4], [10, 20, 40]),
        ([1, 2, 4], [10, 20, 30]),
        ([1, 2, 4, 8], [10, 20, 30, 15]),
    ],
    ids=["one CPU", "two are no proof", "slower, not full", "as many times", "full once", "less again"],
)
def test_a_bus_that_is_not_seen_to_be_full_is_refused_with_the_rates(threads: list[int], rates: list[float]) -> None:
    with pytest.raises(RefusedError, match=f"1: {rates[0]}"):
        fitted(threads, rates)


@pytest.mark.parametrize(("cpus", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (64, [1, 2, 4, 8, 16, 32, 64])])
def test_threads_by_powers_of_two_and_one_a_cpu(cpus: int, counts: list[int]) -> None:
    assert thread_counts(cpus) == counts


def test_no_more_threads_than_memory_is_taken_for() -> None:
    assert thread_counts(1000)[-1] == 64
