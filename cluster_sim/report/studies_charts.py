"""What studies found as charts: the line of ratios with its crossings, the costs that move a ranking."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import altair as alt

from cluster_sim.analysis.studies.cost_ranking import Ranking
from cluster_sim.analysis.studies.crossover import CrossoverStudy, stop_sentence
from cluster_sim.analysis.studies.crossover_rounds import Curve
from cluster_sim.analysis.studies.priced_crossing import TOLD
from cluster_sim.analysis.studies.sensitivity import SensitivityStudy
from cluster_sim.report.studies import stratum_and_group
from cluster_sim.results.atomic_file import replacing

WIDTH, HEIGHT = 420, 240
BARS = 12
Chart = alt.LayerChart | alt.FacetChart

LINE, CROSSING, PRICES, GREY = "#0072B2", "#D55E00", "#009E73", "#595959"
"""Okabe and Ito's blue, vermilion and green, which colour-blind readers tell apart."""


def crossover_charts(study: CrossoverStudy) -> list[tuple[str, Chart]]:
    """A chart a stratum and group, with a name for its file."""
    return [(f"crossover-{number + 1:02d}", crossover_chart(study, curve)) for number, curve in enumerate(study.curves)]


def crossover_chart(study: CrossoverStudy, curve: Curve) -> Chart:
    """The ratio along the varied field with its interval, its crossings with theirs, and where one delivers nothing."""
    field = study.varied
    ends = [field.amount(study.span.low), field.amount(study.span.high)]
    kind: Literal["log", "linear"] = "log" if study.span.is_log and ends[0] > 0 else "linear"
    unit = f" ({field.unit})" if field.unit else ""
    axis = alt.Axis(format="~s", labelOverlap=True)
    x = alt.X("value:Q").title(f"{field.name}{unit}").scale(alt.Scale(type=kind, domain=ends, nice=False)).axis(axis)
    first, second = study.between
    y = alt.Y("ratio:Q").title(f"{study.figure}: {first} / {second}").scale(type="log", nice=True)
    base = alt.Chart(alt.InlineData(values=rows_of(study, curve)))
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}])).mark_rule(color=GREY, strokeDash=[4, 3]).encode(y="ratio:Q")
    band = base.mark_area(color=LINE, opacity=0.2).encode(x=x, y=alt.Y("low:Q").scale(type="log"), y2="high:Q")
    line = base.mark_line(color=LINE, point=alt.OverlayMarkDef(color=LINE, filled=True)).encode(x=x, y=y)
    layers: list[alt.Chart] = [one, band, line]
    lost = lost_spans(study, curve)
    if lost:
        spans = alt.Chart(alt.InlineData(values=lost))
        layers.append(spans.mark_rect(color=GREY, opacity=0.15).encode(x=x, x2="to:Q"))
        layers.append(
            spans.mark_text(color=GREY, angle=270, align="center", fontSize=12).encode(x="middle:Q", text="text:N")
        )
    crossings = crossings_shown(study, curve)
    priced = prices_shown(study, curve)
    if priced:
        bands = alt.Chart(alt.InlineData(values=priced))
        layers.append(bands.mark_rect(color=PRICES, opacity=0.15).encode(x=alt.X("low:Q"), x2="high:Q"))
    if crossings:
        found = alt.Chart(alt.InlineData(values=crossings))
        layers.append(found.mark_rect(color=CROSSING, opacity=0.25).encode(x=alt.X("low:Q"), x2="high:Q"))
        layers.append(found.mark_rule(color=CROSSING, strokeWidth=2).encode(x="value:Q"))
    title = stratum_and_group(curve) or field.name
    told = [str(crossing["text"]) for crossing in crossings] or ["no crossing"]
    told += [stop_sentence(study, stop) for stop in curve.stops]
    told += [str(band["text"]) for band in priced]
    heading = alt.TitleParams(title, subtitle=told, subtitleColor=CROSSING if crossings else GREY, anchor="start")
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=heading, background="white")


def rows_of(study: CrossoverStudy, curve: Curve) -> list[dict[str, float]]:
    """Ratios that are numbers, with their intervals."""
    return [
        {
            "value": study.varied.amount(step),
            "ratio": math.exp(sample.mean),
            "low": math.exp(sample.low),
            "high": math.exp(sample.high),
        }
        for step, sample in curve.samples.items()
        if math.isfinite(sample.mean)
    ]


def crossings_shown(study: CrossoverStudy, curve: Curve) -> list[dict[str, str | float]]:
    """Crossings with the ends of their intervals, as far as the span goes."""
    field, span = study.varied, study.span
    return [
        {
            "value": field.amount(crossing.at),
            "low": field.amount(span.low if crossing.low is None else crossing.low),
            "high": field.amount(span.high if crossing.high is None else crossing.high),
            "text": f"cross at {field.shown(crossing.at)}",
        }
        for crossing in curve.crossings
    ]


def prices_shown(study: CrossoverStudy, curve: Curve) -> list[dict[str, str | float]]:
    """Where 5 to 95 % of the samples of the costs cross, as far as the span goes."""
    field, span = study.varied, study.span
    found: list[dict[str, str | float]] = []
    for priced in curve.prices:
        ends = [priced.quantile(share) for share in (TOLD[0], TOLD[-1])]
        low, high = (field.amount(min(max(end, span.low), span.high)) for end in ends)
        if priced.crossed:
            text = f"green: over the costs' ranges, 5 to 95 %; {priced.crossed} of {len(priced.at)} samples cross"
            found.append({"low": low, "high": high, "text": text})
    return found


def lost_spans(study: CrossoverStudy, curve: Curve) -> list[dict[str, str | float]]:
    """Where one of the two delivers nothing, or does not sustain what it is offered, and who."""
    found: list[dict[str, str | float]] = []
    for design, label in enumerate(study.between):
        last = ""
        for step, losses in sorted(curve.losses.items()):
            loss, value = losses[design], study.varied.amount(step)
            text = "" if loss is None else f"{label} {loss.says}"
            if text and text == last:
                found[-1]["to"] = value
                found[-1]["middle"] = math.sqrt(float(found[-1]["value"]) * value) or value / 2
            elif text:
                found.append({"value": value, "to": value, "middle": value, "text": text})
            last = text
    return found


def tornado_charts(study: SensitivityStudy) -> list[tuple[str, Chart]]:
    """A chart a stratum and group that has costs, with a name for its file."""
    return [
        (f"tornado-{number + 1:02d}", tornado_chart(ranking))
        for number, ranking in enumerate(study.rankings)
        if bars_of(ranking)
    ]


def bars_of(ranking: Ranking) -> list[dict[str, str | float]]:
    """The costs that move the ratio most, each from its low end to its high end."""
    known = [cost for cost in ranking.costs if 0 < min(cost.ratio_low, cost.ratio_high) < math.inf]
    known = [cost for cost in known if max(cost.ratio_low, cost.ratio_high) < math.inf]
    known.sort(key=lambda cost: -abs(math.log(cost.ratio_high / cost.ratio_low)))
    return [
        {
            "cost": f"{cost.factor.name}, {cost.factor.confidence}",
            "end": end,
            "ratio": value,
            "nominal": ranking.ratio,
        }
        for cost in known[:BARS]
        for end, value in (("low end", cost.ratio_low), ("high end", cost.ratio_high))
    ]


def tornado_chart(ranking: Ranking) -> Chart:
    """How far each cost alone moves the pair's ratio from its value, to either end of its range."""
    assert ranking.pair is not None
    first, second = ranking.pair
    base = alt.Chart(alt.InlineData(values=bars_of(ranking)))
    order = list(dict.fromkeys(str(bar["cost"]) for bar in bars_of(ranking)))
    bars = base.mark_bar(height=13).encode(
        y=alt.Y("cost:N").sort(order).title(None).axis(alt.Axis(labelLimit=320)),
        x=alt.X("nominal:Q").title(f"{ranking.figure}: {first} / {second}").scale(alt.Scale(type="log", nice=False)),
        x2="ratio:Q",
        color=alt.Color("end:N")
        .title("the cost at its")
        .scale(alt.Scale(domain=["low end", "high end"], range=[LINE, CROSSING])),
    )
    marks = [alt.Chart(alt.InlineData(values=[{"ratio": ranking.ratio}])).mark_rule(color=GREY).encode(x="ratio:Q")]
    reached = [float(bar["ratio"]) for bar in bars_of(ranking)]
    if min(reached) <= 1 <= max(reached):
        even = alt.Chart(alt.InlineData(values=[{"ratio": 1}]))
        marks.append(even.mark_rule(color="black", strokeDash=[4, 3]).encode(x="ratio:Q"))
    title = stratum_and_group(ranking)
    return alt.layer(bars, *marks).properties(width=WIDTH, title=title, background="white")


def write_charts(charts: list[tuple[str, Chart]], directory: Path) -> Iterator[Path]:
    """Write each as SVG and PNG; their paths."""
    for name, chart in charts:
        for ending in ("svg", "png"):
            path = directory / f"{name}.{ending}"
            with replacing(path) as temporary:
                chart.save(temporary, format=ending, scale_factor=2 if ending == "png" else 1)
            yield path
