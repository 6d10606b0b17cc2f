"""A calibration, and profiles of costs, for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.sampling import Measured, Refused
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import UNITS, Cost, CostLibrary

NOTHING = "–"
LEGEND = (
    "far out: beyond 3 quartile ranges; disturbed: rounds in which a thread lost its CPU, left out, "
    "or kept (*) where few others are left"
)


def calibration_report(calibration: Calibration) -> RenderableType:
    """What was measured beside what ships, and what was refused."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("cost", no_wrap=True)
    for title in ("median", "10 % .. 90 %", "unit", "spread", "far out", "disturbed", "shipped", "ratio"):
        table.add_column(title, justify="left" if title == "unit" else "right", no_wrap=True)
    refused = [each for each in calibration.found if isinstance(each, Refused)]
    for each in calibration.measured:
        table.add_row(*row_of(each))
    before, after = calibration.before, calibration.after
    lines: list[RenderableType] = [
        Text(before.text),
        Text(f"before: {before.state}; after: {after.state}"),
        Text(LEGEND + "\n"),
        table,
    ]
    if before.is_busy:
        lines.append(
            Text(f"\nOthers used this machine (load {before.load_1m:.2f}): measure again when it is idle.", "yellow")
        )
    if refused:
        lines.append(Text(""))
        lines += [Text(f"{each.measure.cost}: refused: {each.reason}", "yellow") for each in refused]
    return Group(*lines)


def row_of(found: Measured) -> tuple[str, ...]:
    """One figure."""
    cost, unit = found.measure.cost, found.measure.unit
    shipped = library().get(cost)
    told, ratio = NOTHING, NOTHING
    if shipped is not None:
        value = in_unit(shipped, unit)
        told, ratio = f"{value:.4g}", f"{found.value / value:.2f}" if value else NOTHING
    return (
        cost,
        f"{found.value:.4g}",
        f"{found.low:.4g} .. {found.high:.4g}",
        unit,
        f"±{found.spread:.0%}",
        f"{found.outliers} of {found.rounds}",
        f"{found.disturbed}{'*' if found.is_busy else ''}",
        told,
        ratio,
    )


def in_unit(cost: Cost, unit: str) -> float:
    """A cost's value in another unit of its kind."""
    return cost.value * UNITS[cost.unit][0] / UNITS[unit][0]


def costs_table(costs: CostLibrary) -> Table:
    """All costs of a library with their provenance."""
    table = Table(show_edge=False, pad_edge=False)
    for title in ("cost", "value", "low .. high", "unit", "known as", "source"):
        table.add_column(
            title, no_wrap=title != "source", justify="right" if title in ("value", "low .. high") else "left"
        )
    for name, cost in sorted(costs.items()):
        ends = f"{cost.low:.4g} .. {cost.high:.4g}"
        table.add_row(name, f"{cost.value:.4g}", ends, cost.unit, cost.confidence, source_of(cost, costs))
    return table


def differences_table(one: CostLibrary, other: CostLibrary) -> Table:
    """Costs that differ between two libraries, or are in one of them alone, side by side."""
    table = Table(show_edge=False, pad_edge=False)
    for title in ("cost", "A", "B", "unit", "B / A", "A is known as", "B is known as", "A's source", "B's source"):
        table.add_column(
            title, no_wrap="source" not in title, justify="right" if title in ("A", "B", "B / A") else "left"
        )
    for name in sorted({*one, *other}):
        first, second = one.get(name), other.get(name)
        if first == second:
            continue
        known = first or second
        assert known is not None
        values = [None if cost is None else in_unit(cost, known.unit) for cost in (first, second)]
        ratio = values[1] / values[0] if values[0] and values[1] is not None else None
        table.add_row(
            name,
            *(NOTHING if value is None else f"{value:.4g}" for value in values),
            known.unit,
            NOTHING if ratio is None else f"{ratio:.2f}",
            *(NOTHING if cost is None else cost.confidence for cost in (first, second)),
            NOTHING if first is None else source_of(first, one),
            NOTHING if second is None else source_of(second, other),
        )
    return table


def add_column(table: Table, title: str, *, is_number: bool) -> None:
    """A column that folds only where sources stand."""
    table.add_column(title, no_wrap="source" not in title, justify="right" if is_number else "left")


def source_of(cost: Cost, costs: CostLibrary) -> str:
    """The title of a cost's source."""
    source = costs.sources.get(cost.source)
    return cost.source if source is None else f"{source.title}, {source.year}"
