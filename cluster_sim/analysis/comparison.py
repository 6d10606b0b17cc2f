"""Comparing variants, of one run or of several: figures by variant and guest group, ratios to a baseline in pairs.

A group that does not sustain what it is offered has no latency but that of its queues, which is without bound the
longer it runs; it has no ratio, and nothing has a ratio to it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from cluster_sim.analysis.baselines import check_baseline, counterpart, index_of, usual_baseline
from cluster_sim.analysis.comparability import join
from cluster_sim.analysis.figures import FIGURES, LATENCIES
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.paired import Difference, Method, Ratio, difference, ratio
from cluster_sim.analysis.price_intervals.interval import PriceInterval
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.analysis.run_figures import RunFigures
from cluster_sim.results.reader import Results

NO_DIFFERENCES: Mapping[str, Difference] = {}
NO_PRICES: Mapping[str, PriceInterval | None] = {}


class FinishedRun(Protocol):
    """What a comparison asks of a run; figures are asked for once the runs are known to be comparable."""

    @property
    def results(self) -> Results:
        """The run as it lies."""
        ...

    @property
    def figures(self) -> RunFigures:
        """Its figures."""
        ...

    @property
    def overloads(self) -> Mapping[tuple[str, str], Overload]:
        """What it does not sustain, by (variant, group)."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One variant's guest group: its figures, and ratios and differences to its baseline, by name of figure.

    A ratio is None where a side is 0 or undefined in some replication; there the difference says what can be said.
    With an `overload` latencies are infinite.
    `prices` are the ratios' intervals over the costs' ranges, where they were asked for; `compared_with` is the
    baseline's variant.
    """

    variant: str
    axes: Mapping[str, str]
    group: str
    figures: Mapping[str, float]
    ratios: Mapping[str, Ratio | None]
    is_baseline: bool
    differences: Mapping[str, Difference] = field(default_factory=lambda: NO_DIFFERENCES)
    replications: int = 0
    overload: Overload | None = None
    compared_with: str | None = None
    prices: Mapping[str, PriceInterval | None] = field(default_factory=lambda: NO_PRICES)


def compare(
    runs: Sequence[FinishedRun], baseline: Mapping[str, str] | None = None, *, interval: Method = "t"
) -> list[Row]:
    """Rows of all variants in the runs' order; `baseline` holds axis labels and replaces the definition's own.

    Several runs must be comparable (analysis/comparability.py); their names are the axis `run`.
    """
    results = [run.results for run in runs]
    joined = join(results)
    chosen = usual_baseline(results, joined) if baseline is None else dict(baseline)
    every_axes = {label: each.axes for label, each in joined.variants.items()}
    check_baseline(chosen, every_axes)
    index = index_of(every_axes)
    may_cross = len(runs) > 1 and not joined.differences
    rows = []
    for label, mine in joined.variants.items():
        base_label = counterpart(mine.axes, chosen, index, may_cross=may_cross)
        base = None if base_label is None else joined.variants[base_label]
        figures, overloads = runs[mine.run].figures, runs[mine.run].overloads
        for group in figures.groups(mine.label):
            ratios: dict[str, Ratio | None] = {}
            differences: dict[str, Difference] = {}
            overload, overall = overloads.get((mine.label, group)), figures.overall(mine.label, group)
            if base is not None and overload is None and (base.label, group) not in runs[base.run].overloads:
                theirs = runs[base.run].figures.by_replication(base.label, group)
                ratios, differences = compared(figures.by_replication(mine.label, group), theirs, interval)
            rows.append(
                Row(
                    variant=label,
                    axes=mine.axes,
                    group=group,
                    figures=without_bound(overall) if overload else overall,
                    ratios=ratios,
                    is_baseline=label == base_label,
                    differences=differences,
                    replications=len(figures.replications[mine.label]),
                    overload=overload,
                    compared_with=base_label,
                )
            )
    if not rows:
        directories = ", ".join(str(run.directory) for run in results)
        raise ComparisonError(directories, found="no finished run", allowed="a run with one or more")
    return rows


def without_bound(figures: Mapping[str, float]) -> dict[str, float]:
    """Figures of what is not sustained: the latencies that it has are infinite."""
    return {name: math.inf if name in LATENCIES and not math.isnan(value) else value for name, value in figures.items()}


def with_prices(rows: Sequence[Row], prices: PriceIntervals) -> list[Row]:
    """Rows with the price intervals of their ratios beside those over replications."""
    return [
        row
        if row.compared_with is None or row.is_baseline
        else replace(
            row,
            prices={name: prices.ratio(row.variant, row.compared_with, row.group, name) for name in row.ratios},
        )
        for row in rows
    ]


def compared(
    mine: Mapping[int, Mapping[str, float]], theirs: Mapping[int, Mapping[str, float]], method: Method
) -> tuple[dict[str, Ratio | None], dict[str, Difference]]:
    """Ratios and differences of all figures, a pair a replication: both sides saw the same draws."""
    common = [number for number in mine if number in theirs]
    ratios: dict[str, Ratio | None] = {}
    differences: dict[str, Difference] = {}
    for figure in FIGURES:
        pairs = [(mine[number][figure.name], theirs[number][figure.name]) for number in common]
        ratios[figure.name] = ratio(pairs, method, figure.resolution)
        found = difference(pairs, method, figure.resolution)
        if found is not None:
            differences[figure.name] = found
    return ratios, differences


@dataclass
class RowsByBaseline:
    """The rows of one run against any baseline, compared once each; `baseline` is the run's own."""

    baseline: Mapping[str, str]
    compare_with: Callable[[Mapping[str, str]], Sequence[Row]]
    known: dict[frozenset[tuple[str, str]], Sequence[Row]] = field(default_factory=dict)

    @property
    def rows(self) -> Sequence[Row]:
        """The rows against the run's own baseline."""
        return self.against(self.baseline)

    def against(self, baseline: Mapping[str, str]) -> Sequence[Row]:
        """Rows with their ratios to a baseline."""
        labels = frozenset(baseline.items())
        if labels not in self.known:
            self.known[labels] = self.compare_with(baseline)
        return self.known[labels]

    def ratio(self, row: Row, baseline: Mapping[str, str], figure: str) -> Ratio | None:
        """One figure of a row over its counterpart's."""
        for each in self.against(baseline):
            if (each.variant, each.group) == (row.variant, row.group):
                return each.ratios.get(figure)
        return None
