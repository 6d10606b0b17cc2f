"""All charts of a run, in the order of the page; as Altair objects with their data for notebooks."""

from collections.abc import Mapping, Sequence

import altair as alt

from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.chart_rows import host_chart, memory_charts, played_charts, work_charts
from cluster_sim.report.chart_times import latency_chart, ledger_charts, series_charts
from cluster_sim.report.charts import GROUP, PATH, PATH_RANK, STRATUM, STRATUM_RANK, Chart, chart_label, spec
from cluster_sim.results.reader import Results

PANELS_MAX = 24
"""Strata that one picture has panels for; the page's filters choose others."""


def charts_of(reading: RunReading) -> list[Chart]:
    """Every chart, those that have nothing to show included: they say why."""
    return [
        latency_chart(reading),
        *ledger_charts(reading),
        *work_charts(reading),
        *played_charts(reading),
        *series_charts(reading),
        *memory_charts(reading),
        host_chart(reading),
    ]


def whole_specs(chart: Chart, paths: Sequence[str], strata: Sequence[str]) -> dict[str, dict[str, object]]:
    """Vega-Lite of one chart with its rows, by guest group, for pictures and notebooks."""
    if not chart.rows:
        return {}
    shown = list(strata)[:PANELS_MAX]
    plain = spec(chart, paths, shown)
    specs = {}
    for group in chart.groups:
        rows = [
            {
                **row,
                STRATUM: chart_label(str(row[STRATUM])),
                STRATUM_RANK: shown.index(str(row[STRATUM])),
                PATH: chart_label(str(row[PATH])),
                PATH_RANK: list(paths).index(str(row[PATH])),
            }
            for row in chart.rows
            if row[GROUP] == group and row[STRATUM] in shown
        ]
        title = chart.title + (f": {group}" if group else "")
        specs[group] = {**plain, "title": title, "datasets": {chart.name: rows}}
    return specs


def charts(results: Results) -> dict[str, alt.TopLevelMixin]:
    """The charts of a run as Altair objects, by `name` or `name/group`; those without anything to show are left out."""
    reading = RunReading(results)
    found: dict[str, alt.TopLevelMixin] = {}
    for chart in charts_of(reading):
        for group, plain in whole_specs(chart, reading.paths, reading.strata).items():
            found[f"{chart.name}/{group}" if group else chart.name] = kind_of(plain).from_dict(plain, validate=False)
    return found


def kind_of(plain: Mapping[str, object]) -> type[alt.FacetChart | alt.LayerChart | alt.Chart]:
    """Altair's class for a specification; what it made of checked pieces is not checked again."""
    if "facet" in plain:
        return alt.FacetChart
    return alt.LayerChart if "layer" in plain else alt.Chart
