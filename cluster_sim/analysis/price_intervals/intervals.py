"""Price intervals of a run's ratios: the run's own ratio, moved as far as figures at samples of the costs move it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.figures import FIGURES
from cluster_sim.analysis.log_ratios import is_lost, log_ratio
from cluster_sim.analysis.paired import ratio
from cluster_sim.analysis.price_intervals.interval import PriceInterval, around
from cluster_sim.analysis.run_figures import RunFigures

RESOLUTIONS = {figure.name: figure.resolution for figure in FIGURES}


@dataclass(frozen=True, slots=True)
class SampledFigure:
    """One figure of a variant's group: at the table's prices, and at each sample of the costs."""

    at_table: float
    at_samples: Sequence[float]


FigureAt = Callable[[str, str, str], SampledFigure | None]
"""The figure of (variant, group, figure); None where it is not known."""


@dataclass(frozen=True)
class PriceIntervals:
    """Price intervals of any two variants of a run; `how` says in a sentence what was run or repriced for them."""

    figures: RunFigures
    sampled: FigureAt
    samples: int
    is_quick: bool
    how: str

    def ratio(self, variant: str, rival_variant: str, group: str, figure: str) -> PriceInterval | None:
        """The interval of candidate over rival; None where the run has no such ratio, or none is known of samples."""
        here = self.run_ratio(variant, rival_variant, group, figure)
        mine, theirs = (self.sampled(each, group, figure) for each in (variant, rival_variant))
        if here is None or mine is None or theirs is None:
            return None
        now = log_ratio(mine.at_table, theirs.at_table, figure)
        if not math.isfinite(now):
            return None
        pairs = list(zip(mine.at_samples, theirs.at_samples, strict=True))
        moves = [log_ratio(one, other, figure) - now for one, other in pairs]
        known = [move for move in moves if not math.isnan(move)]
        if not known:
            return None
        low, high = around(here, known, RESOLUTIONS.get(figure, 0.0))
        lost, rival_lost = (sum(is_lost(pair[side], figure) for pair in pairs) for side in (0, 1))
        return PriceInterval(low, high, len(pairs), self.is_quick, lost, rival_lost)

    def run_ratio(self, variant: str, rival_variant: str, group: str, figure: str) -> float | None:
        """The ratio that the run shows: the geometric mean over its replications."""
        mine, theirs = (self.figures.by_replication(each, group) for each in (variant, rival_variant))
        found = ratio([(mine[each][figure], theirs[each][figure]) for each in mine if each in theirs])
        return None if found is None else found.mean
