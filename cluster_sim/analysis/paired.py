"""Statistics of pairs: one pair a replication, candidate and baseline, both of which saw the same draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, stdtrit

CONFIDENCE = 0.95
FEWEST = 3
"""Different values from which an interval is told. Of two, their range holds the truth half of the time, and Student's
t reaches 12.7 standard errors each way, with a spread that one difference tells."""
FEWEST_TO_RESAMPLE = 8
"""Pairs from which a bootstrap says something; with fewer, intervals are Student's t."""
RESAMPLES = 2_000
RESAMPLING_SEED = 20_240_613
ROUNDING = 1e-12
"""What differs by less, relative to the figures, differs by how floats are rounded."""

Method = Literal["t", "bootstrap"]
Pairs = Sequence[tuple[float, float]]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate over baseline: geometric mean over replications with its 95 % interval; None where it is undefined.

    The interval is not-a-number where replications differ and are fewer than FEWEST. `spread` is the standard deviation
    of the logarithms of the pairs' ratios, `effect` their mean in units of it (Cohen's d_z with Hedges'
    correction). `resolution` is what the figure's own steps add to the interval, each way.
    """

    mean: float
    low: float
    high: float
    replications: int
    spread: float = math.nan
    effect: float = math.nan
    method: Method = "t"
    resolution: float = 0.0

    @property
    def has_interval(self) -> bool:
        """Whether there were replications enough for an interval."""
        return not math.isnan(self.low)

    @property
    def is_deterministic(self) -> bool:
        """Whether all replications, two or more, have the same ratio: chance plays no part in it that can be seen."""
        return self.replications > 1 and self.spread == 0

    @property
    def shows_difference(self) -> bool:
        """Whether the interval leaves 1 out; without an interval nothing is shown."""
        return self.low > 1 or self.high < 1

    @property
    def half_width(self) -> float:
        """Half the interval's width relative to the ratio, in the scale of ratios; not-a-number without interval."""
        return math.sqrt(self.high / self.low) - 1

    def inverse(self) -> "Ratio":
        """Baseline over candidate: the same comparison from the other side."""
        return replace(self, mean=1 / self.mean, low=1 / self.high, high=1 / self.low, effect=-self.effect)


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline, in the figure's unit: mean over replications with its 95 % interval.

    `effect` is the mean difference in units of the differences' standard deviation, with Hedges' correction.
    """

    mean: float
    low: float
    high: float
    replications: int
    effect: float = math.nan
    method: Method = "t"

    @property
    def shows_difference(self) -> bool:
        """Whether the interval leaves 0 out; without an interval nothing is shown."""
        return self.low > 0 or self.high < 0


def ratio(pairs: Pairs, method: Method = "t", resolution: float = 0.0) -> Ratio | None:
    """Geometric mean of paired quotients; over their logarithms an interval, from FEWEST pairs on, or of equal ones.

    Undefined where a figure is 0, negative or not a number in some pair.
    """
    if not pairs or not all(a > 0 and b > 0 and math.isfinite(a) and math.isfinite(b) for a, b in pairs):
        return None
    logs = settled(np.log([a for a, _ in pairs]) - np.log([b for _, b in pairs]), 1.0)
    mean, low, high, used = interval(logs, method)
    widened = math.log1p(resolution)
    return Ratio(
        mean=math.exp(mean),
        low=math.exp(low - widened),
        high=math.exp(high + widened),
        replications=len(logs),
        spread=float(logs.std(ddof=1)) if len(logs) > 1 else math.nan,
        effect=effect_size(logs),
        method=used,
        resolution=resolution,
    )


def difference(pairs: Pairs, method: Method = "t", resolution: float = 0.0) -> Difference | None:
    """Mean of paired differences with its interval, also where a figure is 0; `resolution` is relative to figures."""
    if not pairs or not all(math.isfinite(a) and math.isfinite(b) for a, b in pairs):
        return None
    both = np.array(pairs, np.float64)
    values = settled(both[:, 0] - both[:, 1], float(np.abs(both).max()))
    mean, low, high, used = interval(values, method)
    widened = resolution * float(np.abs(both).mean())
    return Difference(mean, low - widened, high + widened, len(values), effect_size(values), used)


def settled(values: Floats, scale: float) -> Floats:
    """Values without the rounding of floats: equal where they are as good as equal, 0 where as good as 0."""
    least = ROUNDING * scale
    if np.ptp(values) <= least:
        values = np.full(len(values), values.mean())
    return np.where(np.abs(values) <= least, 0.0, values)


def interval(values: Floats, method: Method = "t") -> tuple[float, float, float, Method]:
    """(mean, low, high, method used): 95 % by Student's t, or by a BCa bootstrap where there are pairs enough.

    Two values or more that are all equal have an interval without width; other values, fewer than FEWEST, have none.
    """
    count, mean = len(values), float(values.mean())
    if count > 1 and np.ptp(values) == 0:
        return mean, mean, mean, "t"
    if count < FEWEST:
        return mean, math.nan, math.nan, "t"
    if method == "bootstrap" and count >= FEWEST_TO_RESAMPLE:
        return (mean, *resampled(values), "bootstrap")
    half = t_factor(count) * float(values.std(ddof=1)) / math.sqrt(count)
    return mean, mean - half, mean + half, "t"


def resampled(values: Floats) -> tuple[float, float]:
    """Ends of the mean's interval by a bias-corrected and accelerated bootstrap (Efron 1987), the same each time."""
    from scipy.stats import bootstrap  # slow to import

    draws = np.random.default_rng(RESAMPLING_SEED)  # noqa: TID251 - a fixed seed of the analysis, not the model's
    found = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="BCa", rng=draws
    ).confidence_interval
    return float(found.low), float(found.high)


def t_factor(count: int) -> float:
    """How many standard errors of a mean of `count` values its 95 % interval reaches each way."""
    return float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))


def effect_size(values: Floats) -> float:
    """Cohen's d_z, the mean in units of the standard deviation, times Hedges' exact correction for few values.

    Not-a-number for fewer than three values; infinite where all are equal and not 0.
    """
    if len(values) < 3:
        return math.nan
    mean, spread, freedom = float(values.mean()), float(values.std(ddof=1)), len(values) - 1
    if np.ptp(values) == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    correction = math.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    return mean / spread * correction
