"""The comparison as terminal tables: figures per path and group, then ratios to the baseline."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_sim.analysis.comparison import COMPARED, FIGURES, Figure, Ratio, Row
from cluster_sim.results.histogram import RELATIVE_ERROR

WIDE = 0.1
"""Relative half-width from which an interval is written by its ends."""


def comparison(rows: Sequence[Row], baseline: dict[str, str]) -> Group:
    """All tables of a comparison."""
    parts: list[Table | Text] = []
    shown = [each for each in FIGURES if not each.where_any or any(has(row, each) for row in rows)]
    for title, part in strata(rows, baseline):
        parts.append(figures_table(title, part, baseline, shown))
        if any(row.ratios for row in part):
            parts.append(ratios_table(part, baseline))
    mark = "* baseline; " if baseline else ""
    parts.append(Text(f"{mark}latency quantiles are from histograms, right within {100 * RELATIVE_ERROR:.1f} %", "dim"))
    return Group(*parts)


def has(row: Row, figure: Figure) -> bool:
    """Whether a row has a figure."""
    return not math.isnan(row.figures[figure.name])


def strata(rows: Sequence[Row], baseline: dict[str, str]) -> Iterator[tuple[str, list[Row]]]:
    """Rows that differ in the baseline's axes only, with a title from the others; without a baseline all of them."""
    by_title: dict[str, list[Row]] = {}
    for row in rows:
        others = [f"{axis} {label}" for axis, label in row.axes.items() if baseline and axis not in baseline]
        by_title.setdefault(", ".join(others), []).append(row)
    yield from by_title.items()


def name_of(row: Row, baseline: dict[str, str]) -> str:
    """The row's own labels."""
    return " ".join(label for axis, label in row.axes.items() if axis in baseline) or row.variant


def number(value: float) -> str:
    """Three digits that matter, thousands apart, a dash for what is undefined."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def by_group(rows: Sequence[Row]) -> list[Row]:
    """Rows of one group after the other."""
    groups = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: groups.index(row.group))


def figures_table(title: str, rows: Sequence[Row], baseline: dict[str, str], figures: Sequence[Figure]) -> Table:
    """One row a path and group."""
    table = Table(title=title or None, title_justify="left", title_style="bold", padding=(0, 1), box=None)
    table.add_column("group\n")
    table.add_column("path\n")
    for figure in figures:
        table.add_column(f"{figure.name}\n{figure.unit}", justify="right", no_wrap=True)
    last = None
    for row in by_group(rows):
        if last not in (None, row.group):
            table.add_section()
        table.add_row(
            row.group if row.group != last else "",
            Text(name_of(row, baseline) + (" *" if row.is_baseline else "")),
            *(number(row.figures[figure.name]) for figure in figures),
        )
        last = row.group
    return table


def ratios_table(rows: Sequence[Row], baseline: dict[str, str]) -> Table:
    """Candidate over baseline, with the interval over replications."""
    labels = " ".join(baseline.values())
    table = Table(
        title=f"  as a ratio to {labels}, with 95 % interval over replications", title_justify="left", box=None
    )
    table.add_column("group")
    table.add_column("path")
    for name in COMPARED:
        table.add_column(name, justify="right", no_wrap=True)
    last = None
    for row in by_group(rows):
        if row.is_baseline or not row.ratios:
            continue
        table.add_row(
            row.group if row.group != last else "",
            name_of(row, baseline),
            *(ratio_text(row.ratios[name]) for name in COMPARED),
        )
        last = row.group
    return table


def ratio_text(ratio: Ratio | None) -> str:
    """Such as `0.336 ±2%`, or `0.34 [0.21, 0.55]` when wide; without interval when there was one replication."""
    if ratio is None:
        return "–"
    if math.isnan(ratio.low):
        return brief(ratio.mean)
    half = (ratio.high / ratio.low) ** 0.5 - 1
    if half < WIDE:
        return f"{brief(ratio.mean)} ±{100 * half:.1f}%"
    return f"{brief(ratio.mean)} [{brief(ratio.low)}, {brief(ratio.high)}]"


def brief(value: float) -> str:
    """Three digits that matter, without an exponent where people do not expect one."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
