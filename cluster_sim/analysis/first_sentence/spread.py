"""A figure over several cases in few words: its one value, its range, or a range for each label that moves it."""

from collections.abc import Sequence
from typing import Final

from cluster_sim.analysis.answers.phrases import listed, measured
from cluster_sim.analysis.first_sentence.where import told_of
from cluster_sim.analysis.strata import Labels

APART: Final = 1.1
"""How far the values of one label are from those of the next, where a label moves a figure."""
WORTH: Final = 1.5
"""How far the largest value is from the smallest, where it is worth telling by label."""
MOST_RANGES: Final = 6

Values = Sequence[tuple[Labels, float]]


def spread(values: Values, figure: str, work: str) -> str:
    """Such as `355 µs`, `18 to 35 µs`, `32 with huge_page 2MiB and 512 with huge_page 1GiB`."""
    for axis in axes_that_vary(values):
        if ranges := ranges_by(values, axis):
            told = [f"{range_told(found, figure, work)} {told_of(axis, labels)}" for labels, found in ranges]
            return listed(told)
    return range_told([value for _, value in values], figure, work)


def axes_that_vary(values: Values) -> list[str]:
    """Axes with several labels, those first whose labels leave the least range within each."""
    if not values or min(value for _, value in values) <= 0:
        return []
    axes = [axis for axis in values[0][0] if len({labels[axis] for labels, _ in values}) > 1]
    return sorted(axes, key=lambda axis: widest(values, axis))


def widest(values: Values, axis: str) -> float:
    """The widest range, as a ratio, of the values that one label has."""
    return max(max(found) / min(found) for found in by_label(values, axis).values())


def by_label(values: Values, axis: str) -> dict[str, list[float]]:
    """The values of each label of an axis."""
    found: dict[str, list[float]] = {}
    for labels, value in values:
        found.setdefault(labels[axis], []).append(value)
    return found


def ranges_by(values: Values, axis: str) -> list[tuple[list[str], list[float]]]:
    """Labels whose values lie apart from those of the others, from the smallest on; nothing where none do."""
    every = [value for _, value in values]
    if max(every) < WORTH * min(every):
        return []
    ranges: list[tuple[list[str], list[float]]] = []
    for label, found in sorted(by_label(values, axis).items(), key=lambda each: min(each[1])):
        if ranges and min(found) < APART * max(ranges[-1][1]):
            ranges[-1][0].append(label)
            ranges[-1][1].extend(found)
        else:
            ranges.append(([label], found))
    return ranges if 1 < len(ranges) <= MOST_RANGES else []


def range_told(values: Sequence[float], figure: str, work: str) -> str:
    """The smallest and the largest value with their unit, which is told once."""
    low, high = (measured(value, figure, work) for value in (min(values), max(values)))
    if low == high:
        return low
    (number, _, unit), (_, _, other_unit) = low.partition(" "), high.partition(" ")
    return f"{number} to {high}" if unit == other_unit else f"{low} to {high}"
