"""A calibration, and profiles of costs, for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.sampling import Measured, Refused
from cluster_sim.platform.profile import Profile, library
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
        of = f"{cost.stands_in} stands in; " if cost.stands_in else ""
        table.add_row(name, f"{cost.value:.4g}", ends, cost.unit, cost.confidence, of + source_of(cost, costs))
    return table


def prices_table(profile: Profile) -> Table:
    """All prices of a profile: what they are made of, how sure that is, and what it is really of."""
    table = Table(show_edge=False, pad_edge=False)
    for title in ("price", "ns", "low .. high", "known as"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("ns", "low .. high") else "left")
    for title in ("formula", "what stands in, or the note"):
        table.add_column(title, overflow="fold")
    for name, price in sorted(profile.prices.items()):
        if price.cost is None:
            table.add_row(name, NOTHING, "", "", "", Text(price.note))
            continue
        cost = price.cost
        own = profile.library[cost.inputs[0]] if len(cost.inputs) == 1 else cost
        ends = f"{cost.low:,.0f} .. {cost.high:,.0f}"
        told = Text(cost.stands_in or price.note)
        table.add_row(name, f"{cost.value:,.0f}", ends, cost.confidence, Text(own.formula or str(cost.formula)), told)
    return table


def differences_report(one: CostLibrary, other: CostLibrary) -> RenderableType:
    """Costs that differ between two libraries, or are in one of them alone, side by side; their sources by numbers."""
    names = [name for name in sorted({*one, *other}) if facts(name, one) != facts(name, other)]
    if not names:
        return Text("No cost differs.")
    table = Table(show_edge=False, pad_edge=False)
    for title in ("cost", "A", "B", "unit", "B / A", "A is known as", "B is known as", "sources"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("A", "B", "B / A") else "left")
    numbers: dict[str, int] = {}
    for name in names:
        known = one.get(name) or other[name]
        values = [in_unit(library[name], known.unit) if name in library else None for library in (one, other)]
        first, second = values
        cited = [
            NOTHING if (text := source_at(name, each)) is None else number_of(text, numbers) for each in (one, other)
        ]
        table.add_row(
            name,
            *(NOTHING if value is None else f"{value:.4g}" for value in values),
            known.unit,
            f"{second / first:.2f}" if first and second is not None else NOTHING,
            *(each[name].confidence if name in each else NOTHING for each in (one, other)),
            " ".join(cited),
        )
    return Group(table, Text(""), *(Text(f"[{number}] {text}") for text, number in numbers.items()))


def facts(name: str, costs: CostLibrary) -> tuple[object, ...] | None:
    """What of a cost counts as a difference: its amounts, how it is known, of what, and its source's title."""
    cost = costs.get(name)
    if cost is None:
        return None
    return cost.value, cost.low, cost.high, cost.unit, cost.confidence, cost.stands_in, source_of(cost, costs)


def source_at(name: str, costs: CostLibrary) -> str | None:
    """The source of a cost, none where the library has no such cost."""
    return source_of(costs[name], costs) if name in costs else None


def number_of(text: str, numbers: dict[str, int]) -> str:
    """The number of a source, a new one if it has none."""
    return f"[{numbers.setdefault(text, len(numbers) + 1)}]"


def source_of(cost: Cost, costs: CostLibrary) -> str:
    """The title of a cost's source."""
    source = costs.sources.get(cost.source)
    return cost.source if source is None else f"{source.title}, {source.year}"
