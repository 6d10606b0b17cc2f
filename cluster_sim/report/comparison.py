"""The comparison as terminal tables: figures per path and group, then ratios to the baseline."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.figures import COMPARED, FIGURES, Figure
from cluster_sim.analysis.paired import FEWEST_TO_RESAMPLE, Difference, Method, Ratio
from cluster_sim.analysis.precision import replications_for
from cluster_sim.analysis.price_intervals.price_text import price_text
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.analysis.silence import is_silent, why_nothing
from cluster_sim.analysis.strata import title_of
from cluster_sim.report.folded_table import FoldedTable, literal_text
from cluster_sim.results.histogram import RELATIVE_ERROR

WIDE = 0.1
"""Relative half-width from which an interval is written by its ends."""
GROUP = "group"
NOT_SHOWN = "≈ "
DETERMINISTIC = "deterministic"
PRICES = "  over all costs"
UNITS = {figure.name: figure.unit for figure in FIGURES}
DETAILS = ("ratio", "difference", "unit", "effect")
HUGE_EFFECT = 1000
"""Effects beyond are told apart by nothing but rounding."""


def comparison(
    rows: Sequence[Row],
    baseline: Mapping[str, str],
    by: Sequence[str] | None = None,
    *,
    asked: Collection[str] = (),
    interval: Method = "t",
    details: bool = False,
    precision: float | None = None,
) -> Group:
    """All tables of a comparison, one a stratum; `by` names the axes that make strata (or `group`).

    `asked` are figures that are shown because the definition judges by them.
    `details` gives each ratio a line of its own, with difference, effect size, and, where a `precision` is wished,
    the replications that it needs.
    """
    chosen = strata_axes(rows, baseline, by)
    tables: list[RenderableType] = []
    wanted = [each for each in FIGURES if not each.where_asked or each.name in asked]
    shown = [each for each in wanted if not each.where_any or any(has(row, each) for row in rows)]
    for title, stratum in strata(rows, chosen):
        tables.append(figures_table(title, stratum, chosen, shown))
        compared = [row for row in stratum if row.ratios and not row.is_baseline]
        if compared:
            tables.append(Text())
            tables.append(ratios_table(compared, chosen, baseline))
        if compared and details:
            tables.append(Text())
            tables.append(details_table(compared, chosen, precision))
        tables += [literal_text(line) for line in lost_lines(stratum, chosen)]
        tables.append(Text())
    tables.append(literal_text(footnote(rows, baseline, interval), "dim"))
    return Group(*tables)


def has(row: Row, figure: Figure) -> bool:
    """Whether a row has a figure."""
    return not math.isnan(row.figures[figure.name])


def strata_axes(rows: Sequence[Row], baseline: Mapping[str, str], by: Sequence[str] | None = None) -> list[str]:
    """The axes whose labels make strata: those asked for, or those outside the baseline. Refuses what is no axis."""
    axes = list(dict.fromkeys(axis for row in rows for axis in row.axes))
    if by is None:
        return [axis for axis in axes if axis not in baseline] if baseline else []
    wrong = [name for name in by if name not in (*axes, GROUP)]
    if wrong:
        found = ", ".join(map(repr, wrong))
        raise ComparisonError("--by", found=found, allowed=" | ".join([*axes, GROUP]))
    return list(dict.fromkeys(by))


def strata(rows: Sequence[Row], by: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
    """Rows that have the same labels on the axes `by`, with a title from those."""
    by_title: dict[str, list[Row]] = {}
    for row in rows:
        labels = {**row.axes, GROUP: row.group}
        by_title.setdefault(title_of(labels, by), []).append(row)
    yield from by_title.items()


def names_of(row: Row, by: Sequence[str]) -> tuple[Text, ...]:
    """What a row is called by in a table of its stratum: its group, unless that is in the title, and other labels."""
    labels = " ".join(label for axis, label in row.axes.items() if axis not in by) or row.variant
    named = literal_text(labels + (" *" if row.is_baseline else ""))
    return (named,) if GROUP in by else (literal_text(row.group), named)


def name_headers(by: Sequence[str]) -> tuple[str, ...]:
    """Headers of those columns."""
    return ("path",) if GROUP in by else (GROUP, "path")


def number(value: float) -> str:
    """Three digits that matter, thousands apart, a dash for what is undefined; latency of what is not sustained."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "unbounded"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def lost_lines(rows: Sequence[Row], by: Sequence[str]) -> Iterator[str]:
    """A line for each row that delivers nothing, or does not sustain what it is offered, with the reason."""
    for row in by_group(rows):
        named = " ".join(name.plain for name in names_of(row, by))
        if is_silent(row.figures):
            yield f" {named} delivers nothing: {why_nothing(row.figures)}."
        elif row.overload is not None:
            yield f" {named} {row.overload.sentence}."


def by_group(rows: Sequence[Row]) -> list[Row]:
    """Rows of one group after the other."""
    groups = list(dict.fromkeys(row.group for row in rows))
    return sorted(rows, key=lambda row: groups.index(row.group))


def figures_table(title: str, rows: Sequence[Row], by: Sequence[str], figures: Sequence[Figure]) -> FoldedTable:
    """One row a path and group."""
    table = FoldedTable(name_headers(by), [f"{figure.name}\n{figure.unit}" for figure in figures], title)
    for row in by_group(rows):
        table.add_row(names_of(row, by), [number(row.figures[figure.name]) for figure in figures])
    return table


def ratios_table(rows: Sequence[Row], by: Sequence[str], baseline: Mapping[str, str]) -> FoldedTable:
    """Candidate over baseline, with the interval over replications; a difference where there is no ratio.

    Below each stands the interval over the costs' ranges, where there is one.
    """
    labels = " ".join(baseline.values())
    table = FoldedTable(
        name_headers(by), COMPARED, f"  as a ratio to {labels}, with 95 % interval over replications", "none"
    )
    for row in by_group(rows):
        names = names_of(row, by)
        table.add_row(names, [ratio_or_difference(row, name) for name in COMPARED])
        if row.prices:
            below = (*(Text() for _ in names[1:]), literal_text(PRICES))
            table.add_row(below, [price_text(row.prices.get(name)) for name in COMPARED])
    return table


def details_table(rows: Sequence[Row], by: Sequence[str], precision: float | None) -> FoldedTable:
    """One row a path, group and figure: ratio, difference, effect size, replications for the wished precision."""
    last = [] if precision is None else [f"for ±{100 * precision:g}%"]
    table = FoldedTable([*name_headers(by), "figure"], [*DETAILS, *last], "  in detail", "none")
    for row in by_group(rows):
        for name in COMPARED:
            ratio, difference = row.ratios.get(name), row.differences.get(name)
            effect = ratio.effect if ratio is not None else difference.effect if difference is not None else math.nan
            needs = None if ratio is None or precision is None else replications_for(ratio, precision)
            cells = [ratio_text(ratio), difference_text(difference), UNITS[name], effect_text(effect)]
            table.add_row(
                [*names_of(row, by), name], [*cells, *(["–" if needs is None else str(needs)] if last else [])]
            )
    return table


def ratio_or_difference(row: Row, name: str) -> str:
    """The ratio of a figure, or its difference with its unit where a side is 0."""
    ratio, difference = row.ratios.get(name), row.differences.get(name)
    if ratio is None and difference is not None:
        return f"{difference_text(difference)} {UNITS[name]}" if difference.mean or difference.high else "both 0"
    return ratio_text(ratio)


def ratio_text(ratio: Ratio | None) -> str:
    """Such as `0.336 ±2%`, or `0.34 [0.21, 0.55]` when wide; without interval where replications are too few.

    What shows no difference begins with `≈`; what is the same in all replications is called deterministic.
    """
    if ratio is None:
        return "–"
    if math.isnan(ratio.low):
        return brief(ratio.mean)
    if ratio.is_deterministic and not ratio.resolution:  # what is read from a histogram is as wide as its step
        return f"{brief(ratio.mean)} {DETERMINISTIC}"
    mark = "" if ratio.shows_difference else NOT_SHOWN
    if ratio.half_width < WIDE:
        return f"{mark}{brief(ratio.mean)} ±{100 * ratio.half_width:.1f}%"
    return f"{mark}{brief(ratio.mean)} [{brief(ratio.low)}, {brief(ratio.high)}]"


def difference_text(difference: Difference | None) -> str:
    """Such as `+3.1 [2.9, 3.3]`, marked like ratios."""
    if difference is None:
        return "–"
    mean = ("+" if difference.mean > 0 else "") + number(difference.mean)
    if math.isnan(difference.low):
        return mean
    mark = "" if difference.shows_difference else NOT_SHOWN
    return f"{mark}{mean} [{number(difference.low)}, {number(difference.high)}]"


def effect_text(effect: float) -> str:
    """An effect size, in units of the spread between replications."""
    return f"{'' if effect > 0 else '-'}>{HUGE_EFFECT}" if abs(effect) > HUGE_EFFECT else number(effect)


def brief(value: float) -> str:
    """Three digits that matter, without an exponent where people do not expect one."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def footnote(rows: Sequence[Row], baseline: Mapping[str, str], method: Method) -> str:
    """How to read the tables, and how their intervals were made."""
    told = [f"latency quantiles are from histograms, right within {100 * RELATIVE_ERROR:.1f} %"]
    counts = sorted({row.replications for row in rows})
    if baseline:
        told.insert(0, "* baseline")
        told += [interval_note(counts, method)] if max(counts, default=0) > 1 else ["one replication: no intervals"]
        told += ["≈ no difference shown: the interval holds 1 (or 0)"] if max(counts, default=0) > 1 else []
        if any(has_difference_only(row) for row in rows):
            told.append("where a figure is 0 on a side: the difference, with t")
    return "; ".join(told)


def interval_note(counts: Sequence[int], method: Method) -> str:
    """Which interval, over how many pairs."""
    number_of = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    student = "Student's t over the logarithms of the pairs' ratios"
    resampled = f"bootstrap BCa where there are {FEWEST_TO_RESAMPLE} pairs or more, else {student}"
    return f"95 % intervals from {number_of} pairs of replications: {student if method == 't' else resampled}"


def has_difference_only(row: Row) -> bool:
    """Whether some shown figure has a difference and no ratio."""
    return any(row.ratios.get(name) is None and name in row.differences for name in COMPARED)
