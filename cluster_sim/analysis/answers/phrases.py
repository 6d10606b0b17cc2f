"""Numbers and lists in sentences: few digits, no exponents, values with their units, ratios as people say them."""

import math
from collections.abc import Sequence
from typing import Protocol

from cluster_sim.analysis.figures import FIGURES
from cluster_sim.analysis.paired import Ratio

ONE_REPLICATION = "By one replication, which shows nothing where chance is"
NARROW = 0.005
"""Relative half-width below which an interval is not worth two numbers."""
FACTOR_FROM = 2
"""From this ratio on, either way, a distance is a factor; below it is per cent."""
UNITS = {figure.name: figure.unit for figure in FIGURES}
IN_WORDS = {
    "us/frame": "µs per frame",
    "1/s": "per second",
    "1/guest": "per guest",
    "B/B": "B per B",
    "leaves": "leaves per guest",
}
"""Units of figures as sentences have them, where that differs."""
TIMES = {"us": 1e3, "ms": 1e6}
"""Nanoseconds of the units in which figures have times."""


class Ends(Protocol):
    """An interval of ratios."""

    @property
    def low(self) -> float:
        """Its lower end."""
        ...

    @property
    def high(self) -> float:
        """Its upper end."""
        ...


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


def measured(value: float, figure: str, work: str = "frame") -> str:
    """A figure with its unit, such as `355 µs`, `59.9 frames/s`, `0 %`; frames or what else the `work` is."""
    unit = UNITS[figure]
    if unit in TIMES:
        return duration(value * TIMES[unit])
    return f"{amount(value)} {IN_WORDS.get(unit, unit).replace('frame', work)}"


def apart(ratio: Ratio, prices: Ends | None = None) -> str:
    """A ratio as a distance with its intervals, such as `55 % lower [54 to 56 %; over prices 48 to 61 %]`.

    The first is that over replications, which is left out where nothing was drawn or there was but one.
    """
    chance = "" if ratio.is_deterministic or not ratio.has_interval else ends_told(ratio, ratio.mean)
    told = [chance] if chance else []
    if prices is not None:
        told.append(f"over prices {ends_told(prices, ratio.mean) or 'the same'}")
    return f"{distance(ratio.mean)} [{'; '.join(told)}]" if told else distance(ratio.mean)


def distance(ratio: float) -> str:
    """`230 times lower`, `3.2 times higher`, `55 % lower`, `equal`."""
    is_factor = is_told_as_factor(ratio)
    number = number_of(ratio, is_factor=is_factor)
    if number == "0":
        return "equal"
    return f"{number} {'times' if is_factor else '%'} {'lower' if ratio < 1 else 'higher'}"


def distances(low: float, high: float) -> str:
    """The distances of several ratios, from the least to the most: `2.5 to 4 times lower`, `up to 3 % higher`."""
    least, most = sorted((low, high), key=lambda end: abs(math.log(end)))
    near, far = distance(least), distance(most)
    if near == far:
        return far
    if near == "equal":
        return f"up to {far}"
    if near.split()[1:] == far.split()[1:]:
        return f"{near.split()[0]} to {far}"
    return f"{near} to {far}"


def is_told_as_factor(ratio: float) -> bool:
    """Whether a distance is large enough to be a factor."""
    return ratio <= 1 / FACTOR_FROM or ratio >= FACTOR_FROM


def number_of(ratio: float, *, is_factor: bool) -> str:
    """The number of a distance, a factor or per cent."""
    if is_factor:
        return amount(max(ratio, 1 / ratio) if ratio > 0 else math.inf)
    return amount(round(100 * abs(ratio - 1), 1))


def ends_told(ends: Ends, mean: float) -> str:
    """Both ends of an interval, as factors or per cent as its mean is; empty where they say no more than that.

    An end on the other side of 1 has its own words.
    """
    is_factor = is_told_as_factor(mean)
    if ends.low <= 0 or math.isinf(ends.high):
        told = [distance(end) for end in (ends.low, ends.high) if 0 < end < math.inf]
        return f"{told[0]} or further: nothing is delivered at some" if told else "anything"
    if ends.low < 1 < ends.high:
        return f"{distance(ends.low)} to {distance(ends.high)}"
    numbers = [number_of(end, is_factor=is_factor) for end in (ends.low, ends.high)]
    if set(numbers) == {number_of(mean, is_factor=is_factor)}:
        return ""
    least, most = numbers if mean >= 1 else numbers[::-1]
    return f"{least} to {most}" if is_factor else f"{least} to {most} %"


def duration(nanoseconds: float) -> str:
    """A duration in the unit that suits it."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if abs(nanoseconds) >= factor:
            return f"{amount(nanoseconds / factor)} {unit}"
    return f"{amount(nanoseconds)} ns" if nanoseconds else "0"


def listed(texts: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; or with another word before the last."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {last} {texts[-1]}"
