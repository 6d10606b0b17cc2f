"""Sobol indices and t intervals against known truth."""

import math

import numpy as np
import pytest

from cluster_sim.analysis.studies.sobol_indices import Floats, Indices, design_of, indices_of

A, B = 7.0, 0.1


def ishigami(shares: Floats) -> Floats:
    """Ishigami and Homma (1990): sin x1 + a sin^2 x2 + b x3^4 sin x1, each x uniform in -pi..pi."""
    x1, x2, x3 = (2 * math.pi * shares - math.pi).T
    found: Floats = np.sin(x1) + A * np.sin(x2) ** 2 + B * x3**4 * np.sin(x1)
    return found


def indices(samples: int, seed: int = 1) -> list[Indices]:
    design = design_of(3, samples, seed)
    return indices_of(ishigami(design.a), ishigami(design.b), [ishigami(rows) for rows in design.mixed], seed)


def test_ishigamis_indices_are_those_of_the_literature() -> None:
    """First order 0.3139, 0.4424, 0; total 0.5576, 0.4424, 0.2437 (Saltelli et al. 2008, table 4.3: a = 7, b = 0.1)."""
    variance = A**2 / 8 + B * math.pi**4 / 5 + B**2 * math.pi**8 / 18 + 1 / 2
    first = [0.5 * (1 + B * math.pi**4 / 5) ** 2 / variance, A**2 / 8 / variance, 0.0]
    interacting = B**2 * math.pi**8 * 8 / 225 / variance
    assert first == pytest.approx([0.3139, 0.4424, 0.0], abs=1e-4)
    found = indices(1 << 14)
    assert [each.first.value for each in found] == pytest.approx(first, abs=0.01)
    total = [first[0] + interacting, first[1], interacting]
    assert total == pytest.approx([0.5576, 0.4424, 0.2437], abs=1e-4)
    assert [each.total.value for each in found] == pytest.approx(total, abs=0.01)


def test_the_intervals_of_indices_hold_the_truth_and_narrow_with_samples() -> None:
    few, many = indices(256), indices(4096)
    for narrow, wide, first, total in zip(many, few, (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437), strict=True):
        assert wide.first.low - 0.01 <= first <= wide.first.high + 0.01
        assert wide.total.low - 0.01 <= total <= wide.total.high + 0.01
        assert narrow.total.high - narrow.total.low < (wide.total.high - wide.total.low) / 2


def test_equal_seeds_give_equal_indices_and_others_others() -> None:
    assert indices(64) == indices(64)
    assert indices(64) != indices(64, seed=2)


def test_one_input_causes_all_and_a_constant_nothing() -> None:
    design = design_of(1, 64, 1)
    values = [rows[:, 0] ** 2 for rows in (design.a, design.b, *design.mixed)]
    found = indices_of(values[0], values[1], values[2:], 1)
    assert found[0].first.value == pytest.approx(1.0, abs=0.05)
    assert found[0].total.value == pytest.approx(1.0, abs=0.05)
    constant = np.ones(64)
    assert indices_of(constant, constant, [constant], 1)[0].total.value == 0


def test_mixtures_are_the_first_sample_with_a_column_of_the_second() -> None:
    design = design_of(3, 8, 1)
    assert len(design.mixed) == 3
    for column, rows in enumerate(design.mixed):
        assert (rows[:, column] == design.b[:, column]).all()
        others = [i for i in range(3) if i != column]
        assert (rows[:, others] == design.a[:, others]).all()
    assert ((design.a >= 0) & (design.a <= 1)).all()
