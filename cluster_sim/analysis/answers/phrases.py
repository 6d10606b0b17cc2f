"""Numbers and lists in sentences: few digits, no exponents, intervals as two ends."""

import math
from collections.abc import Sequence

from cluster_sim.analysis.paired import Ratio

NARROW = 0.005
"""Relative half-width below which an interval is not worth two numbers."""


def amount(value: float) -> str:
    """Three digits that matter, thousands apart; `none` for what is undefined."""
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "unbounded"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(ratio: Ratio, *, within: bool = False) -> str:
    """A ratio with its interval, such as `2.49 (2.31 to 2.69)`, or with commas where it is `within` brackets.

    Ends that say no more than the mean are left out.
    """
    if not ratio.has_interval or max(ratio.high / ratio.mean, ratio.mean / max(ratio.low, 1e-300)) - 1 < NARROW:
        return amount(ratio.mean)
    ends = f"{amount(ratio.low)} to {amount(ratio.high)}"
    return f"{amount(ratio.mean)}, {ends}" if within else f"{amount(ratio.mean)} ({ends})"


def duration(nanoseconds: float) -> str:
    """A duration in the unit that suits it."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if abs(nanoseconds) >= factor:
            return f"{amount(nanoseconds / factor)} {unit}"
    return f"{amount(nanoseconds)} ns"


def listed(texts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"
