"""The figures of one point, a guest group at a time, and the logarithm of two designs' ratio."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from scipy.special import stdtrit

from cluster_sim.analysis.figures import FIGURES, figures_of
from cluster_sim.analysis.guest_table import GuestTable
from cluster_sim.analysis.paired import CONFIDENCE
from cluster_sim.analysis.problems import StudyError
from cluster_sim.runtime.study_point import VARIANT

MEAN: Final = "mean"
"""Mean latency: from exact sums, while quantiles come from histograms with steps of 1/128."""

UNITS: Final[Mapping[str, str]] = {MEAN: "us"} | {
    figure.name: figure.unit for figure in FIGURES if figure.name != "refused"
}
"""Figures that a study can follow, and their units."""

MORE_IS_BETTER: Final = frozenset({"throughput", "goodput", "played"})

Figures = Mapping[str, float]


def check_figure(name: str) -> str:
    """A figure's name, if a study can follow it."""
    if name not in UNITS:
        raise StudyError(f"--figure: found {name!r}, allowed: {' | '.join(UNITS)}")
    return name


def figures_by_group(table: pa.Table, duration_s: float) -> dict[str, dict[str, float]]:
    """All figures of each guest group of one point."""
    guests = GuestTable(table)
    found = {}
    for group in guests.groups(VARIANT):
        rows = np.concatenate(list(guests.rows(VARIANT, group).values()))
        figures = figures_of(guests, rows, 1, duration_s)
        delivered = int(guests.columns["delivered"][rows].sum())
        latency_ns = int(guests.columns["latency_ns_sum"][rows].sum())
        figures[MEAN] = latency_ns / delivered / 1e3 if delivered else math.nan
        found[group] = {name: figures[name] for name in UNITS}
    return found


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

    With one replication there is no interval: both ends are the mean.
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
    if len(values) < 2:
        return Sample(mean, mean, mean, 1)
    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / math.sqrt(len(values)))
    return Sample(mean, mean - half, mean + half, len(values))
