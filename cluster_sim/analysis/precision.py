"""How many replications a wished precision needs, from the spread seen so far; and running until it is there."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.figures import COMPARED
from cluster_sim.analysis.paired import FEWEST, Ratio, t_factor

FIRST = 8
"""Replications before which no spread is trusted: with fewer, a run stops because it was lucky too often."""
ROUNDS_MOST = 8


@dataclass(frozen=True, slots=True)
class Need:
    """The ratio that needs most replications for a precision, and how many in all; whose steps are too coarse.

    `replications` is None where no ratio has a spread to judge by; `coarse` names figures that cannot get there,
    because their own steps are wider than the precision. `judged` counts the other ratios, `within` those
    that are as precise as wished.
    """

    replications: int | None
    there: int
    row: Row | None
    figure: str
    coarse: tuple[str, ...]
    judged: int
    within: int


def replications_for(ratio: Ratio, precision: float) -> int | None:
    """Replications with which a ratio's relative half-width would be `precision`, if the spread stays as it is.

    None without a spread, or where the figure's own steps are as wide as the precision. At least as many as there must
    be for an interval: 2 where all are equal, else FEWEST.
    """
    room = math.log1p(precision) - math.log1p(ratio.resolution)
    if math.isnan(ratio.spread) or room <= 0:
        return None
    enough = 2
    while not is_enough(enough, ratio.spread, room):
        enough *= 2
    low = enough // 2
    while enough - low > 1:
        middle = (low + enough) // 2
        low, enough = (low, middle) if is_enough(middle, ratio.spread, room) else (middle, enough)
    return max(enough, 2)


def is_enough(count: int, spread: float, room: float) -> bool:
    """Whether the interval of `count` logarithms is at most `room` each way."""
    if spread == 0:
        return count >= 2
    return count >= FEWEST and t_factor(count) * spread / math.sqrt(count) <= room * (1 + 1e-9)


def need(rows: Sequence[Row], precision: float, figures: Sequence[str] = COMPARED) -> Need:
    """What all shown ratios together need."""
    most: int | None = None
    worst: tuple[Row | None, str] = (None, "")
    coarse, judged, within = dict[str, None](), 0, 0
    for row in rows:
        for name in figures:
            ratio = row.ratios.get(name)
            if row.is_baseline or ratio is None:
                continue
            if math.log1p(precision) <= math.log1p(ratio.resolution):
                coarse[name] = None
                continue
            judged += 1
            within += ratio.half_width <= precision
            wanted = replications_for(ratio, precision)
            if wanted is not None and (most is None or wanted > most):
                most, worst = wanted, (row, name)
    there = min((row.replications for row in rows if not row.is_baseline), default=0)
    return Need(most, there, *worst, tuple(coarse), judged, within)


def run_until(
    precision: float,
    most: int,
    rows: Callable[[], Sequence[Row]],
    run_to: Callable[[int, Need], None],
) -> Need:
    """Run more replications, by rounds, until all ratios are as precise as wished or there are `most` of them.

    `rows` compares what is there, `run_to` brings the runs to a number of replications. Each round judges by the
    spread of all that was run; the first brings them to FIRST, so that none stops by luck early on.
    """
    for _ in range(ROUNDS_MOST):
        found = need(rows(), precision)
        wanted = FIRST if found.replications is None else max(found.replications, FIRST)
        if not found.judged or wanted <= found.there or found.there >= most:
            return found
        run_to(min(wanted, most), found)
    return need(rows(), precision)
