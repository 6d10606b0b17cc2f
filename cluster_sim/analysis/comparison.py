"""Comparing variants, of one run or of several: figures by variant and guest group, ratios to a baseline in pairs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.analysis.comparability import RUN_AXIS, Joined, join
from cluster_sim.analysis.figures import COMPARED, FIGURES, NO_ROWS, Figure, GuestTable, figures_of
from cluster_sim.analysis.paired import CONFIDENCE, Difference, Method, Ratio, difference, ratio
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.results.reader import Results

__all__ = [
    "COMPARED",
    "CONFIDENCE",
    "FIGURES",
    "ComparisonError",
    "Difference",
    "Figure",
    "GuestTable",
    "Ratio",
    "Row",
    "check_baseline",
    "compare",
    "counterpart",
    "figures_of",
    "index_of",
    "usual_baseline",
]

NO_DIFFERENCES: Mapping[str, Difference] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One variant's guest group: its figures, and ratios and differences to its baseline, by name of figure.

    A ratio is None where a side is 0 or undefined in some replication; there the difference says what can be said.
    """

    variant: str
    axes: Mapping[str, str]
    group: str
    figures: Mapping[str, float]
    ratios: Mapping[str, Ratio | None]
    is_baseline: bool
    differences: Mapping[str, Difference] = field(default_factory=lambda: NO_DIFFERENCES)
    replications: int = 0


def compare(
    results: Results | Sequence[Results], baseline: Mapping[str, str] | None = None, *, interval: Method = "t"
) -> list[Row]:
    """Rows of all variants in the runs' order; `baseline` holds axis labels and replaces the definition's own.

    Several runs must be comparable (analysis/comparability.py); their names are the axis `run`.
    """
    runs = [results] if isinstance(results, Results) else list(results)
    joined = join(runs)
    chosen = usual_baseline(runs, joined) if baseline is None else dict(baseline)
    every_axes = {label: each.axes for label, each in joined.contenders.items()}
    check_baseline(chosen, every_axes)
    index = index_of(every_axes)
    figures = [RunFigures(run) for run in runs]
    may_cross = len(runs) > 1 and not joined.differences
    rows = []
    for label, mine in joined.contenders.items():
        base_label = counterpart(mine.axes, chosen, index, may_cross=may_cross)
        base = None if base_label is None else joined.contenders[base_label]
        of_run = figures[mine.run]
        for group in of_run.groups(mine.label):
            ratios: dict[str, Ratio | None] = {}
            differences: dict[str, Difference] = {}
            if base is not None:
                mine_by_replication = of_run.by_replication(mine.label, group)
                theirs = figures[base.run].by_replication(base.label, group)
                ratios, differences = compared(mine_by_replication, theirs, interval)
            rows.append(
                Row(
                    variant=label,
                    axes=mine.axes,
                    group=group,
                    figures=of_run.overall(mine.label, group),
                    ratios=ratios,
                    is_baseline=label == base_label,
                    differences=differences,
                    replications=len(of_run.replications[mine.label]),
                )
            )
    if not rows:
        places = ", ".join(str(run.directory) for run in runs)
        raise ComparisonError(f"{places}: found no finished run, allowed: a run with one or more")
    return rows


class RunFigures:
    """All figures of one run, by variant, guest group and replication; reads `guests` and `placements` alone."""

    def __init__(self, run: Results) -> None:
        self.durations_s = {label: record.duration_ns / 1e9 for label, record in run.manifest.variants.items()}
        guests, placements = run.table("guests"), run.table("placements")
        self.guests = GuestTable(guests)
        self.refused = refused_guests(placements)
        self.replications = {label: set[int]() for label in self.durations_s}
        for table in (placements, guests):
            seen = table.group_by(["variant", "replication"]).aggregate([])
            for variant, number in zip(*(seen.column(name).to_pylist() for name in seen.column_names), strict=True):
                self.replications.setdefault(variant, set()).add(number)
        self.by_replication = cache(self._by_replication)

    def groups(self, variant: str) -> list[str]:
        """Guest groups of a variant: those that were placed, then those that never were."""
        refused = [group for label, group, _ in self.refused if label == variant]
        return list(dict.fromkeys([*self.guests.groups(variant), *refused]))

    def overall(self, variant: str, group: str) -> dict[str, float]:
        """Figures over all replications."""
        rows = np.concatenate([NO_ROWS, *self.guests.rows(variant, group).values()])
        numbers = self.replications[variant]
        figures = figures_of(self.guests, rows, len(numbers), self.durations_s[variant])
        refused = sum(self.refused.get((variant, group, number), 0) for number in numbers)
        return figures | {"refused": refused / len(numbers) if self.refused else math.nan}

    def _by_replication(self, variant: str, group: str) -> dict[int, dict[str, float]]:
        """Figures of each replication."""
        return {
            number: figures_of(self.guests, rows, 1, self.durations_s[variant])
            | {"refused": self.refused.get((variant, group, number), 0) if self.refused else math.nan}
            for number, rows in self.guests.rows(variant, group).items()
        }


def refused_guests(placements: pa.Table) -> dict[tuple[str, str, int], int]:
    """Guests that no host took, by (variant, group, replication)."""
    keys = ["variant", "guest_group", "replication"]
    refused = placements.filter(pc.equal(placements.column("outcome").cast(pa.string()), "refused"))
    counted = refused.group_by(keys).aggregate([([], "count_all")])
    columns = (counted.column(name).to_pylist() for name in (*keys, "count_all"))
    return {(variant, group, number): count for variant, group, number, count in zip(*columns, strict=True)}


def usual_baseline(runs: Sequence[Results], joined: Joined) -> dict[str, str]:
    """The definition's own baseline; the first run, where others ran the same variants."""
    if len(runs) > 1:
        others = [
            tuple(label for axis, label in each.axes.items() if axis != RUN_AXIS) for each in joined.contenders.values()
        ]
        if len(set(others)) < len(others):
            return {RUN_AXIS: joined.names[0]}
    return dict(runs[0].manifest.baseline)


def check_baseline(baseline: Mapping[str, str], variants: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse axes and labels that the run does not have."""
    labels: dict[str, list[str]] = {}
    for axes in variants.values():
        for axis, label in axes.items():
            if label not in labels.setdefault(axis, []):
                labels[axis].append(label)
    for axis, label in baseline.items():
        if axis not in labels:
            raise ComparisonError(f"baseline: found the axis {axis!r}, allowed: {' | '.join(labels) or 'none'}")
        if label not in labels[axis]:
            raise ComparisonError(f"baseline {axis}: found {label!r}, allowed: {' | '.join(labels[axis])}")


def index_of(variants: Mapping[str, Mapping[str, str]]) -> dict[frozenset[tuple[str, str]], list[str]]:
    """Variants by their axis labels, and by all of them but the run's."""
    index: dict[frozenset[tuple[str, str]], list[str]] = {}
    for label, axes in variants.items():
        index.setdefault(frozenset(axes.items()), []).append(label)
        if RUN_AXIS in axes:
            index.setdefault(without_run(axes), []).append(label)
    return index


def without_run(axes: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Axis labels but the run's."""
    return frozenset((axis, label) for axis, label in axes.items() if axis != RUN_AXIS)


def counterpart(
    axes: Mapping[str, str],
    baseline: Mapping[str, str],
    index: Mapping[frozenset[tuple[str, str]], Sequence[str]],
    *,
    may_cross: bool = False,
) -> str | None:
    """The variant that differs from `axes` in the baseline's axes only, if there is one.

    `may_cross`: where its own run has none, the only one among the other runs.
    """
    if not baseline:
        return None
    wanted = {**axes, **baseline}
    exact = index.get(frozenset(wanted.items()), ())
    if exact or not may_cross or RUN_AXIS in baseline:
        return exact[0] if exact else None
    elsewhere = index.get(without_run(wanted), ())
    return elsewhere[0] if len(elsewhere) == 1 else None


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
