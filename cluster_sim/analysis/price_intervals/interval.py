"""The interval of a ratio over joint samples of all costs, its ends by order statistics."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

ENOUGH: Final = 80
"""Samples from which the central 95 % is told; with fewer the whole range is."""
LEFT_OUT: Final = 40
"""Of so many samples, one is left out at each end."""


@dataclass(frozen=True, slots=True)
class PriceInterval:
    """Where a ratio lies while all costs move within their ranges; it always holds the ratio of the run.

    `lost` and `rival_lost` are samples at which the candidate and the rival deliver nothing: there the ratio is
    infinitely bad for that side, and an end that falls on such a sample is no number. `is_quick`: lone transfers were
    repriced, and nothing was run.
    """

    low: float
    high: float
    samples: int
    is_quick: bool
    lost: int = 0
    rival_lost: int = 0

    @property
    def shows_difference(self) -> bool:
        """Whether all of it is on one side of 1."""
        return self.low > 1 or self.high < 1

    @property
    def losses(self) -> str:
        """At how many samples which side delivers nothing; empty where both always deliver."""
        told = [
            f"at {count} of {self.samples} samples {who} nothing"
            for count, who in ((self.lost, "it delivers"), (self.rival_lost, "what it is compared with delivers"))
            if count
        ]
        return " and ".join(told)

    def inverse(self) -> "PriceInterval":
        """The same ratio from the other side."""
        low, high = (math.inf if end == 0 else 1 / end for end in (self.high, self.low))
        return replace(self, low=low, high=high, lost=self.rival_lost, rival_lost=self.lost)


def central(values: Sequence[float]) -> tuple[float, float]:
    """The ends of the central 95 % of samples by order statistics; the whole range of few.

    A new draw lies between the smallest and the largest of N with a chance of (N - 1) / (N + 1): 39 in 41 for 40.
    """
    ordered = sorted(values)
    rank = (len(ordered) + 1) // LEFT_OUT if len(ordered) >= ENOUGH else 1
    return ordered[rank - 1], ordered[-rank]


def around(ratio: float, moves: Sequence[float], resolution: float = 0.0) -> tuple[float, float]:
    """The ends around a ratio whose logarithm moves so far at each sample; no narrower than the figure's own steps."""
    low, high = central(moves)
    widened = math.log1p(resolution)
    return ratio * exp(min(low, 0.0) - widened), ratio * exp(max(high, 0.0) + widened)


def exp(power: float) -> float:
    """The exponential function, without bound where it has none."""
    return math.inf if power == math.inf else math.exp(power)
