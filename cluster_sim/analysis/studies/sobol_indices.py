"""Sobol indices: how much of an outcome's variance each input causes, by itself and with all others.

Points are those of Saltelli (2010) over a scrambled Sobol sequence; scipy computes the indices, a bootstrap over the
base samples their 95 % intervals. Same seed, same points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc, sobol_indices

from cluster_sim.analysis.paired import CONFIDENCE

RESAMPLES: Final = 500

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """Where to evaluate: rows of shares in 0..1, an input a column.

    `a` and `b` are independent base samples; `mixed[i]` is `a` with column i of `b`.
    """

    a: Floats
    b: Floats
    mixed: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """An index with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Indices:
    """Of one input: the share of the variance that it causes by itself, and with all that it interacts with."""

    first: Index
    total: Index


def generator(seed: int) -> np.random.Generator:  # noqa: TID251 - a study's own draws, not the model's: fixed by its seed
    """Chance of a study: the same for the same seed."""
    return np.random.default_rng(seed)  # noqa: TID251 - as above


def design_of(inputs: int, samples: int, seed: int) -> Design:
    """Base samples and their mixtures; `samples` is a power of 2, which a Sobol sequence needs to be balanced."""
    assert inputs > 0
    assert samples > 0
    assert samples & (samples - 1) == 0
    rows = qmc.Sobol(2 * inputs, rng=generator(seed)).random(samples)
    a, b = rows[:, :inputs], rows[:, inputs:]
    mixed = []
    for column in range(inputs):
        both = a.copy()
        both[:, column] = b[:, column]
        mixed.append(both)
    return Design(a, b, tuple(mixed))


def indices_of(f_a: Floats, f_b: Floats, f_mixed: Sequence[Floats], seed: int) -> list[Indices]:
    """First-order and total indices of each input, from an outcome at the points of a design.

    An outcome that never varies has indices of 0. Estimates are not clipped: noise may bring them below 0 or above 1.
    """
    mixed = np.array(f_mixed)
    first, total = estimate(f_a, f_b, mixed)
    chance = generator(seed)
    resampled = []
    for _ in range(RESAMPLES):
        rows = chance.integers(0, len(f_a), len(f_a))
        resampled.append(estimate(f_a[rows], f_b[rows], mixed[:, rows]))
    ends = np.quantile(np.array(resampled), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return [
        Indices(
            Index(float(first[i]), float(ends[0, 0, i]), float(ends[1, 0, i])),
            Index(float(total[i]), float(ends[0, 1, i]), float(ends[1, 1, i])),
        )
        for i in range(len(mixed))
    ]


def estimate(f_a: Floats, f_b: Floats, mixed: Floats) -> tuple[Floats, Floats]:
    """The indices by scipy, which wants each outcome as a row; its squeezing of a single input is undone."""
    if np.ptp(np.concatenate([f_a, f_b])) == 0:
        return np.zeros(len(mixed)), np.zeros(len(mixed))
    # scipy takes outcomes beside each other; a second, equal one keeps it from dropping the axis of a single input
    twice = {"f_A": np.stack([f_a, f_a]), "f_B": np.stack([f_b, f_b]), "f_AB": np.stack([mixed, mixed], axis=1)}
    found = sobol_indices(func=twice, n=len(f_a))  # type: ignore[arg-type] # a mapping is allowed, its stubs forget
    shape = (2, len(mixed))
    return np.reshape(found.first_order, shape)[0], np.reshape(found.total_order, shape)[0]
