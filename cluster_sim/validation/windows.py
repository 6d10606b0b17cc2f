"""Windows about published values, by one rule that knows what was published and not what is simulated.

A window is symmetric in ratio: from the published value divided by a factor to the value times that factor. No source
of the shipped targets tells a spread, so the factor is a choice, made once for all of them:

- a time, a rate or a CPU time: a quarter (`AMOUNT`), for the source's machine is not the one that the costs are of;
- a comparison (`x`, or `%` more or less, where the ratio is that of the two sides: -25 % is 0.75): the square root of
  the published ratio, so that "no effect" lies as far outside as the effect is large; at most a quarter, and at least
  3 % (`REPEATS`), within which benchmarks of this kind repeat.
"""

import math
from typing import Final

AMOUNT: Final = 1.25
REPEATS: Final = 1.03

Window = tuple[float, float]


def window_of(published: float, unit: str) -> Window | None:
    """The window about a published value, in its unit; None where it has no ratio, being 0 or less."""
    ratio = as_ratio(published, unit)
    if ratio <= 0:
        return None
    factor = AMOUNT
    if unit in ("x", "%"):
        effect = math.sqrt(max(ratio, 1 / ratio))
        factor = min(max(effect, REPEATS), AMOUNT)
    return in_unit(ratio / factor, unit), in_unit(ratio * factor, unit)


def as_ratio(value: float, unit: str) -> float:
    """What a window is symmetric in: of a change in per cent the ratio of its two sides, else the value."""
    return 1 + value / 100 if unit == "%" else value


def in_unit(ratio: float, unit: str) -> float:
    """The value of a ratio in its figure's unit."""
    return 100 * (ratio - 1) if unit == "%" else ratio


def over_published(value: float, published: float, unit: str) -> float | None:
    """A simulated value over the published one, in what windows are symmetric in; None where there is no ratio."""
    ratio = as_ratio(published, unit)
    return as_ratio(value, unit) / ratio if ratio > 0 else None
