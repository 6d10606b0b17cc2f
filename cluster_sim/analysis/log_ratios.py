"""The logarithm of two designs' ratio: of one replication, and over all of them with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster_sim.analysis.figures import MORE_IS_BETTER
from cluster_sim.analysis.paired import FEWEST, t_factor


def log_ratio(mine: float, theirs: float, figure: str) -> float:
    """Logarithm of mine over theirs.

    A side that has no such figure, as when it delivers nothing, is infinitely worse than one that has; with neither it
    is not a number.
    """
    lost = math.inf if figure not in MORE_IS_BETTER else -math.inf
    mine_is_lost, theirs_is_lost = (is_lost(value, figure) for value in (mine, theirs))
    if mine_is_lost and theirs_is_lost:
        return math.nan
    if mine_is_lost or theirs_is_lost:
        return lost if mine_is_lost else -lost
    if mine == theirs:
        return 0.0
    if mine == 0 or theirs == 0:
        return -math.inf if mine == 0 else math.inf
    return math.log(mine / theirs)


def is_lost(value: float, figure: str) -> bool:
    """Whether there is no figure: nothing was delivered."""
    return math.isnan(value) or (figure in MORE_IS_BETTER and value == 0)


@dataclass(frozen=True, slots=True)
class Sample:
    """The logarithm of a ratio at one value: mean over replications, and the ends of its 95 % interval.

    With fewer than FEWEST replications there is no interval: both ends are the mean.
    """

    mean: float
    low: float
    high: float
    replications: int

    @property
    def sign(self) -> int:
        """Which side is ahead: -1 mine is less, 1 it is more, 0 they are equal or unknown."""
        return 0 if math.isnan(self.mean) else (self.mean > 0) - (self.mean < 0)

    @property
    def shown(self) -> int:
        """The sign, where the whole interval has it; else 0."""
        return int(self.low > 0) - int(self.high < 0)


def sample_of(logs: Sequence[float]) -> Sample:
    """Paired logarithms, one a replication: a t interval, as those of comparisons are.

    Where a side is lost in all replications it is lost; in some only, nothing is shown.
    """
    values = np.array(logs, float)
    if np.isnan(values).any():
        return Sample(math.nan, -math.inf, math.inf, len(logs))
    if np.isinf(values).any():
        if (values == values[0]).all():
            return Sample(float(values[0]), float(values[0]), float(values[0]), len(logs))
        return Sample(math.nan, -math.inf, math.inf, len(logs))
    mean = float(values.mean())
    if len(values) < FEWEST:
        return Sample(mean, mean, mean, len(values))
    half = float(t_factor(len(values)) * values.std(ddof=1) / math.sqrt(len(values)))
    return Sample(mean, mean - half, mean + half, len(values))
