"""How near the model comes to published results, for the terminal."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster_sim.validation.judging import Judged, JudgedTarget, Verdict
from cluster_sim.validation.windows import over_published

NOTHING = "–"
STYLES = {Verdict.INSIDE: "green", Verdict.FIT: "", Verdict.OUTSIDE: "red", Verdict.NOT_MODELLED: "yellow"}


def validation_report(judged: Sequence[JudgedTarget]) -> RenderableType:
    """A table of all figures, why those outside are, and what each target took, assumed and was used for."""
    samples = max((each.samples for each in judged), default=0)
    table = Table(show_edge=False, pad_edge=False)
    for title in (
        "target",
        "figure",
        "published",
        "inside is",
        "simulated",
        "/\npublished",
        f"over the\ncosts' ranges,\n{samples} samples",
        "unit",
        "verdict",
    ):
        may_wrap = title in ("figure", "verdict")
        table.add_column(
            title,
            no_wrap=not may_wrap,
            min_width=NARROWEST if may_wrap else None,
            justify="left" if title in LEFT else "right",
        )
    for each in judged:
        for number, figure in enumerate(each.figures):
            table.add_row(each.target.name if number == 0 else "", *cells(figure))
        table.add_section()
    return Group(
        table,
        *(Text(f"\n{line}") for line in (summary(judged), conversions(judged), RULE)),
        Text(""),
        *explanations(judged),
        *windows(judged),
        Text(""),
        *(Text(line) for each in judged for line in provenance(each)),
    )


RULE = (
    "Inside is published / f to published * f: f is 1.25 for an amount, of a comparison the root of the published "
    "ratio, from 1.03 to 1.25. '/ published' is in the same ratio (-25 % is 0.75), or the difference if there is none."
)
NARROWEST = 10
LEFT = ("target", "figure", "unit", "verdict")


def cells(judged: Judged) -> Iterator[RenderableType]:
    """One figure."""
    figure = judged.figure
    verdict = judged.verdict
    yield figure.name
    yield number_of(figure.published)
    yield " .. ".join(map(number_of, figure.window))
    yield number_of(judged.value)
    yield beside_published(judged)
    yield NOTHING if math.isnan(judged.low) else f"{number_of(judged.low)} .. {number_of(judged.high)}"
    yield figure.unit
    more = ", range reaches in" if verdict == Verdict.OUTSIDE and judged.reaches_in else ""
    yield Text(verdict.value + more, STYLES[verdict])


def beside_published(judged: Judged) -> str:
    """Simulated over published, in what windows are symmetric in; where that is no ratio, the difference, signed."""
    figure = judged.figure
    ratio = over_published(judged.value, figure.published, figure.unit)
    if ratio is not None:
        return NOTHING if math.isnan(ratio) else f"{ratio:.2f}"
    apart = judged.value - figure.published
    return NOTHING if math.isnan(apart) else f"{apart:+.3g}"


def number_of(value: float) -> str:
    """Three digits or more, as people write them."""
    if math.isnan(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def summary(judged: Sequence[JudgedTarget]) -> str:
    """How many figures have which verdict."""
    return f"{counted([figure for each in judged for figure in each.figures])}."


def conversions(judged: Sequence[JudgedTarget]) -> str:
    """How many of them price a conversion, and with which verdicts."""
    found = [figure for each in judged for figure in each.figures if figure.figure.is_conversion]
    if not found:
        return "None of them prices a conversion (memory made shared or private)."
    return f"Of these {len(found)} for the price of a conversion (memory made shared or private): {counted(found)}."


def counted(figures: Sequence[Judged]) -> str:
    """How many figures have which verdict."""
    verdicts = [figure.verdict for figure in figures]
    return ", ".join(f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict)


def explanations(judged: Sequence[JudgedTarget]) -> Iterator[Text]:
    """Why figures are missed, or not there."""
    for each in judged:
        for figure in each.figures:
            if figure.verdict in (Verdict.OUTSIDE, Verdict.NOT_MODELLED):
                why = figure.figure.why or "no explanation is known"
                yield Text(f"{each.target.name}, {figure.figure.name}: {figure.verdict.value}: {why}")


def windows(judged: Sequence[JudgedTarget]) -> Iterator[Text]:
    """Which windows are not by the rule, and why."""
    for each in judged:
        for figure in each.figures:
            if figure.figure.window_why:
                yield Text(f"{each.target.name}, {figure.figure.name}: window: {figure.figure.window_why}")


def provenance(judged: JudgedTarget) -> Iterator[str]:
    """Where a target is from and what its definition rests on."""
    spec, source = judged.target.spec, judged.target.source
    yield f"{judged.target.name}: {spec.title}"
    yield f"  source: {source.title}, {source.year}, {source.address}"
    yield f"  measured on: {spec.measured_on}"
    yield f"  taken: {spec.taken}"
    yield f"  assumed: {spec.assumed}"
    if spec.fitted:
        yield f"  fitted on it: {', '.join(spec.fitted)}"
    if judged.target.definition is not None:
        yield f"  definition: {judged.target.definition.name}"
