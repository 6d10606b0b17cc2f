"""A run's variants in strata, and their paired ratios to any baseline, each compared once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from cluster_sim.analysis.answers.contest import Contender, Contest, rivals
from cluster_sim.analysis.answers.spans import CRITERIA, Span
from cluster_sim.analysis.comparison import Ratio, Row, compare
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.reader import Results

Labels = Mapping[str, str]
JUDGED = tuple(criterion.figure for criterion in CRITERIA)


@dataclass(frozen=True)
class KeptResults(Results):
    """A run whose tables are read once, since it is compared with several baselines."""

    tables: dict[str, pa.Table] = field(default_factory=dict)

    def table(self, name: str) -> pa.Table:
        """A whole table in memory."""
        if name not in self.tables:
            self.tables[name] = super().table(name)
        return self.tables[name]


@dataclass
class Pairs:
    """The rows of a run, and of the same run against other baselines as they are asked for."""

    results: Results
    rows: Sequence[Row]
    baseline: Labels
    known: dict[tuple[tuple[str, str], ...], Sequence[Row]] = field(default_factory=dict)

    def against(self, baseline: Labels) -> Sequence[Row]:
        """Rows with their ratios to a baseline."""
        key = tuple(sorted(baseline.items()))
        if key == tuple(sorted(self.baseline.items())):
            return self.rows
        if key not in self.known:
            self.known[key] = compare(self.results, dict(baseline))
        return self.known[key]

    def span(self, row: Row, baseline: Labels, figure: str) -> Span | None:
        """One figure of a row over its counterpart's."""
        for each in self.against(baseline):
            if (each.variant, each.group) == (row.variant, row.group):
                return span_of(each.ratios.get(figure))
        return None


def span_of(ratio: Ratio | None) -> Span | None:
    """A ratio's mean and ends."""
    return None if ratio is None else Span(ratio.mean, ratio.low, ratio.high)


def baseline_of(manifest: Manifest, rows: Sequence[Row]) -> dict[str, str]:
    """The labels that the rows were compared with: the run's own, or those that all baseline rows share."""
    own = manifest.baseline
    marked = [row for row in rows if row.is_baseline]
    if all(row.axes.get(axis) == label for row in marked for axis, label in own.items()):
        return dict(own)
    varied = {axis for row in rows for axis in row.axes if len({each.axes.get(axis) for each in rows}) > 1}
    return {
        axis: label
        for axis, label in marked[0].axes.items()
        if axis in varied and all(row.axes.get(axis) == label for row in marked)
    }


def stratum_of(row: Row, axes: Labels) -> str:
    """A row's labels on the other axes, such as `protection pkvm`; empty where there are none."""
    return ", ".join(f"{axis} {label}" for axis, label in row.axes.items() if axis not in axes)


def path_of(row: Row, axes: Labels) -> str:
    """A row's labels on the compared axes."""
    return " ".join(label for axis, label in row.axes.items() if axis in axes) or row.variant


def strata(rows: Sequence[Row], axes: Labels) -> dict[tuple[str, str], list[Row]]:
    """Rows by stratum and group, in their order."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((stratum_of(row, axes), row.group), []).append(row)
    return found


def contest_of(pairs: Pairs, rows: Sequence[Row]) -> Contest:
    """The rows of one stratum and group, with their ratios to the baseline and to whoever may be best."""
    axes = pairs.baseline
    by_label = {path_of(row, axes): row for row in rows}
    first = [Contender(label, row.figures, {}, row.is_baseline) for label, row in by_label.items()]
    wanted = {
        label: {axis: name for axis, name in by_label[label].axes.items() if axis in axes} for label in rivals(first)
    }
    contenders = []
    for one in first:
        row = by_label[one.label]
        over = {
            rival: {figure: pairs.span(row, labels, figure) for figure in JUDGED}
            for rival, labels in wanted.items()
            if rival != one.label
        }
        contenders.append(Contender(one.label, one.figures, over, one.is_baseline))
    return Contest(contenders)
