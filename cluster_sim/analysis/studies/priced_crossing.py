"""A crossing over the ranges of the costs: where it lies at each joint sample of them, and what that comes to."""

import math
from dataclasses import dataclass
from typing import Final

from cluster_sim.analysis.studies.crossing_search import Crossing

TOLD: Final = (0.05, 0.5, 0.95)
"""Shares of the samples that are told: the span between the outer ones, and the middle."""


@dataclass(frozen=True, slots=True)
class PricedCrossing:
    """A crossing over the costs' ranges: its step at each sample.

    Where a sample has none, it is infinite if the design that is `before` is ahead throughout, less than that if the
    other is, and not a number if neither is. `crossing` is that at the table's prices, None where only samples cross.
    """

    crossing: Crossing | None
    before: int
    at: tuple[float, ...]

    @property
    def crossed(self) -> int:
        """Samples that cross."""
        return sum(math.isfinite(step) for step in self.at)

    def ahead_throughout(self, sign: int) -> int:
        """Samples that do not cross, in which the design of a sign is ahead."""
        return self.at.count(math.inf if sign == self.before else -math.inf)

    def quantile(self, share: float) -> float:
        """The step below which that share of the samples crosses; infinite where it lies beyond the range."""
        known = sorted(step for step in self.at if not math.isnan(step))
        return known[max(math.ceil(share * len(known)) - 1, 0)] if known else math.nan

    @property
    def is_mostly_beyond(self) -> bool:
        """Whether most samples cross nowhere in the range."""
        return 2 * self.crossed < len(self.at)
