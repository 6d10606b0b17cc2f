"""The charts of a report: what each shows, of which rows, with the table that says the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt

from cluster_sim.report.colours import FAMILIES, FAMILY_COLOURS, SHADES, colour_scale, dash_scale, shape_scale

Value = str | float | None
Record = Mapping[str, Value]
Drawing = alt.Chart | alt.LayerChart

WIDTH, HEIGHT, STEP = 180, 170, 19
LABEL_LIMIT = 120
PANELS_IN_A_ROW = 5
STRATUM, PATH, GROUP = "stratum", "path", "group"
WORD_JOINER = "\u2060"
PROPERTIES = frozenset(
    [
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    ]
)
"""What every object of the script's language has: Vega keeps groups by their labels in plain objects."""
AN_AXIS_A_LINE = "split(datum.label, ', ')"
"""What a panel is called, in Vega's words: strata name one axis after the other."""
STRATUM_RANK, PATH_RANK = "stratum_rank", "path_rank"
"""Orders are numbers in the rows: a list of labels would end up inside an expression, which some labels break."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of the table under a chart."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: drawn for each guest group, a panel a stratum.

    `rows` have stratum, path, group and what `draw` encodes; `table` has stratum, path, group and `columns`.
    `legend` names and colours what is not told by the paths' own one, which `shows_paths` asks for. With `own_heights`
    panels have vertical scales of their own. A chart without rows says why in `absent`.
    """

    name: str
    title: str
    says: str
    rows: Sequence[Record] = ()
    draw: Callable[[alt.NamedData, Sequence[str]], Drawing] | None = None
    columns: Sequence[TableColumn] = ()
    table: Sequence[Record] = ()
    legend: Mapping[str, str | float] = field(default_factory=dict)
    shows_paths: bool = False
    own_heights: bool = False
    absent: str = ""

    @property
    def groups(self) -> list[str]:
        """Guest groups that it has rows of; one empty name where it is of hosts."""
        return list(dict.fromkeys(str(row[GROUP]) for row in self.rows))


def chart_label(label: str) -> str:
    """A label as charts hold it: behind an unseen character where every object has a property of that name."""
    return f"{WORD_JOINER}{label}" if label in PROPERTIES else label


def spec(chart: Chart, paths: Sequence[str], strata: Sequence[str]) -> dict[str, object]:
    """Vega-Lite of a chart over data of the chart's name: facets by stratum where there are several."""
    assert chart.draw is not None
    data = alt.NamedData(chart.name)
    picture = chart.draw(data, [chart_label(path) for path in paths])
    if len(strata) < 2:
        whole: alt.TopLevelMixin = picture
    else:
        header = alt.Header(title=None, labelLimit=WIDTH + 40, labelFontWeight="bold", labelExpr=AN_AXIS_A_LINE)
        facet = alt.Facet(f"{STRATUM}:N", sort=alt.EncodingSortField(STRATUM_RANK, op="min"), header=header)
        faceted = picture.facet(facet=facet, columns=min(len(strata), PANELS_IN_A_ROW))
        whole = faceted.resolve_scale(y="independent") if chart.own_heights else faceted
    plain: dict[str, object] = whole.to_dict()
    return plain


def legend_of(count: int) -> alt.Legend:
    """Below the panels, in as many columns as fit."""
    return alt.Legend(orient="bottom", columns=min(count, PANELS_IN_A_ROW + 1), labelLimit=LABEL_LIMIT, title=None)


def tips(*encodings: alt.Tooltip) -> list[alt.Tooltip]:
    """What is shown under the mouse."""
    return [alt.Tooltip(f"{PATH}:N"), alt.Tooltip(f"{STRATUM}:N"), *encodings]


def y_paths() -> alt.Y:
    """Paths down the side, in the run's order."""
    axis = alt.Axis(labelLimit=LABEL_LIMIT, title=None, domain=False, ticks=False, labelPadding=6)
    return alt.Y(f"{PATH}:N", sort=alt.EncodingSortField(PATH_RANK, op="min"), axis=axis)


def few_ticks(title: str, *, grid: bool = True) -> alt.Axis:
    """An axis that stays legible in a small panel."""
    return alt.Axis(title=title, grid=grid, tickCount=4, labelOverlap=True, format=",~r", titleLimit=WIDTH + 80)


def bars(unit: str) -> Callable[[alt.NamedData, Sequence[str]], Drawing]:
    """One bar a path, its value written at its end, where an unseen point keeps room for it."""

    def draw(data: alt.NamedData, paths: Sequence[str]) -> Drawing:
        base = alt.Chart(data).encode(y=y_paths())
        value = alt.Tooltip("value:Q", title=unit, format=",.4~g")
        bar = base.mark_bar(height={"band": 0.72}).encode(
            x=alt.X("value:Q", axis=few_ticks(unit), scale=alt.Scale(zero=True)),
            color=alt.Color(f"{PATH}:N", scale=colour_scale(paths), legend=None),
            tooltip=tips(value),
        )
        text = base.mark_text(align="left", dx=4, fontSize=10).encode(x="value:Q", text="label:N")
        room = base.mark_point(opacity=0).encode(x="reach:Q")
        return alt.LayerChart(layer=[bar, text, room]).properties(width=WIDTH, height=alt.Step(STEP))

    return draw


def shaded_bars(unit: str, slices: Sequence[str]) -> Callable[[alt.NamedData, Sequence[str]], Drawing]:
    """Bars of a path's colour, their slices in shades."""

    def draw(data: alt.NamedData, paths: Sequence[str]) -> Drawing:
        base = alt.Chart(data).encode(y=y_paths())
        shade = alt.Scale(domain=list(slices), range=list(SHADES[: len(slices)]))
        value = alt.Tooltip("value:Q", title=unit, format=",.4~g")
        bar = base.mark_bar(height={"band": 0.72}).encode(
            x=alt.X("value:Q", axis=few_ticks(unit), stack="zero"),
            color=alt.Color(f"{PATH}:N", scale=colour_scale(paths), legend=None),
            opacity=alt.Opacity("part:O", sort=list(slices), scale=shade, legend=legend_of(len(slices))),
            order=alt.Order("rank:Q"),
            tooltip=tips(alt.Tooltip("part:N"), value),
        )
        return totalled(base, bar).properties(width=WIDTH, height=alt.Step(STEP))

    return draw


def totalled(base: alt.Chart, bar: alt.Chart) -> alt.LayerChart:
    """Bars with their sums behind them; rows but a bar's last one have no label and no end."""
    last = "isValid(datum.end)"
    text = base.transform_filter(last).mark_text(align="left", dx=4, fontSize=10)
    room = base.transform_filter(last).mark_point(opacity=0)
    return alt.LayerChart(layer=[bar, text.encode(x="end:Q", text="label:N"), room.encode(x="reach:Q")])


def ledger_bars(data: alt.NamedData, paths: Sequence[str]) -> Drawing:  # noqa: ARG001 - as all charts
    """Stacked bars of the ledger's families as shares of the latency, which is written behind them."""
    scale = alt.Scale(domain=list(FAMILIES), range=list(FAMILY_COLOURS))
    base = alt.Chart(data).encode(y=y_paths())
    bar = base.mark_bar(height={"band": 0.72}).encode(
        x=alt.X(
            "share:Q",
            axis=alt.Axis(title="% of the latency", values=[0, 25, 50, 75, 100]),
            stack="zero",
            scale=alt.Scale(domain=[0, 150]),
        ),
        color=alt.Color("family:N", scale=scale, legend=legend_of(4)),
        order=alt.Order("rank:Q"),
        tooltip=tips(
            alt.Tooltip("family:N"),
            alt.Tooltip("value:Q", title="us", format=",.4~g"),
            alt.Tooltip("share:Q", title="%", format=".3~g"),
        ),
    )
    return totalled(base, bar).properties(width=WIDTH, height=alt.Step(STEP))


def distributions(data: alt.NamedData, paths: Sequence[str]) -> Drawing:
    """Cumulative distributions of latency."""
    line = alt.Chart(data).mark_line(interpolate="step-after", strokeWidth=2, clip=True)
    encoded: alt.Chart = line.encode(
        x=alt.X(
            "latency_us:Q",
            scale=alt.Scale(type="log", nice=False),
            axis=few_ticks("latency, us, logarithmic", grid=False),
        ),
        y=alt.Y("share:Q", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(title="% at most so slow", tickCount=5)),
        color=alt.Color(f"{PATH}:N", scale=colour_scale(paths), legend=legend_of(len(paths))),
        strokeDash=alt.StrokeDash(f"{PATH}:N", scale=dash_scale(paths), legend=legend_of(len(paths))),
        tooltip=tips(
            alt.Tooltip("latency_us:Q", title="us", format=",.4~g"), alt.Tooltip("share:Q", title="%", format=".2~f")
        ),
    )
    return encoded.properties(width=WIDTH, height=HEIGHT)


def over_time(title: str) -> Callable[[alt.NamedData, Sequence[str]], Drawing]:
    """Lines over virtual time."""

    def draw(data: alt.NamedData, paths: Sequence[str]) -> Drawing:
        base = alt.Chart(data).encode(
            x=alt.X("at_s:Q", axis=alt.Axis(title="virtual time, s", tickCount=5), scale=alt.Scale(zero=True)),
            y=alt.Y("value:Q", axis=alt.Axis(title=title, tickCount=5, format=",~r"), scale=alt.Scale(zero=True)),
            color=alt.Color(f"{PATH}:N", scale=colour_scale(paths), legend=legend_of(len(paths))),
            tooltip=tips(alt.Tooltip("at_s:Q", title="s"), alt.Tooltip("value:Q", title=title, format=",.4~g")),
        )
        dash = alt.StrokeDash(f"{PATH}:N", scale=dash_scale(paths), legend=legend_of(len(paths)))
        shape = alt.Shape(f"{PATH}:N", scale=shape_scale(paths), legend=legend_of(len(paths)))
        lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
        points = base.mark_point(size=22, filled=True, opacity=1).encode(shape=shape)
        return alt.LayerChart(layer=[lines, points]).properties(width=WIDTH, height=HEIGHT)

    return draw


def dots(resources: Sequence[str]) -> Callable[[alt.NamedData, Sequence[str]], Drawing]:
    """One row a resource of a host, a point a path."""

    def draw(data: alt.NamedData, paths: Sequence[str]) -> Drawing:
        axis = alt.Axis(title=None, domain=False, ticks=False, grid=True, labelLimit=LABEL_LIMIT)
        point = alt.Chart(data).mark_point(size=60, filled=True, opacity=0.85)
        encoded: alt.Chart = point.encode(
            x=alt.X("value:Q", axis=few_ticks("%"), scale=alt.Scale(zero=True)),
            y=alt.Y("part:N", sort=list(resources), axis=axis),
            color=alt.Color(f"{PATH}:N", scale=colour_scale(paths), legend=legend_of(len(paths))),
            shape=alt.Shape(f"{PATH}:N", scale=shape_scale(paths), legend=legend_of(len(paths))),
            tooltip=tips(alt.Tooltip("part:N"), alt.Tooltip("value:Q", title="%", format=",.3~g")),
        )
        return encoded.properties(width=WIDTH, height=alt.Step(STEP + 3))

    return draw
