"""The page: one HTML file that holds its charts' library, data, style and script, and asks no network.

Everything of a run is hostile: jinja2 escapes it in markup, data for the script is JSON that cannot end its element,
and a content security policy lets no script run but the two whose SHA-256 it names, and no request be made.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cluster_sim.analysis.answers.answer import Answer, Doubt
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.chart_list import PANELS_MAX, charts_of
from cluster_sim.report.charts import GROUP, PATH, STRATUM, Chart, chart_label, spec
from cluster_sim.report.colours import colours, dashes
from cluster_sim.report.page_run import definition_tables, facts, how, profile_sections, source_table
from cluster_sim.report.page_tables import Indices, chart_table, indices, memory_tables, ratio_table, workload_table
from cluster_sim.results.manifest import Manifest

TEMPLATES = Path(__file__).parent / "templates"
VEGALITE = "6.4"
DIGITS = 6
DOUBTS_SHOWN = 3
"""Doubts on the first screen; the others are one key away."""
SECTIONS = {
    "answer": "The answer",
    "hypotheses": "Hypotheses",
    "ratios": "Ratios to the baseline",
    "charts": "Figures",
    "memory": "Guest memory",
    "run": "How it was run",
}


@dataclass(frozen=True)
class Report:
    """What is told of a run: what was read of it, its answer in words, its charts."""

    reading: RunReading
    answer: Answer

    @cached_property
    def charts(self) -> Sequence[Chart]:
        """Every chart, in the order of the page."""
        return charts_of(self.reading)


@cache
def vega() -> str:
    """The scripts that draw: Vega, Vega-Lite and their embedding, in one."""
    scripts: str = vl_convert.javascript_bundle(vl_version=VEGALITE)  # type: ignore[call-arg] # the stub knows no default
    assert "</script" not in scripts.lower()
    assert "<!--" not in scripts
    return scripts


def page(report: Report) -> str:
    """The whole page."""
    library, script = vega(), (TEMPLATES / "page.js").read_text("utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    known = indices(report.reading)
    return environment.get_template("page.html.j2").render(
        page=contents(report, known),
        policy=policy([library, script]),
        style=Markup((TEMPLATES / "page.css").read_text("utf-8")),  # noqa: S704 - a file of the package
        library=Markup(library),  # noqa: S704 - the drawing library, from its package
        script=Markup(script),  # noqa: S704 - a file of the package
        data=Markup(safe_json(script_data(report, known))),  # noqa: S704 - cannot end its element
    )


def policy(scripts: Sequence[str]) -> str:
    """Nothing is loaded, and no script runs but these; styles are inline because Vega sets them on what it draws."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def safe_json(value: object) -> str:
    """JSON that neither ends the element that it stands in nor begins another."""
    plain = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def contents(report: Report, known: Indices) -> Mapping[str, object]:
    """All that the template fills in."""
    reading, answer = report.reading, report.answer
    manifest = reading.manifest
    ratios = ratio_table(reading, known)
    workloads = workload_table(reading, known)
    common, differing = definition_tables(manifest)
    is_there = {"hypotheses": bool(answer.hypotheses), "ratios": ratios is not None}
    paths = list(known.paths)
    dashed = (" ".join(str(each) for each in dash) for dash in dashes(paths))
    return {
        "experiment": manifest.experiment,
        "version": manifest.versions.get("cluster-sim", ""),
        "question": answer.question.strip() or manifest.experiment,
        "summary": answer.summary,
        "facts": facts(manifest),
        "remarks": [*answer.remarks, *status_remarks(manifest, answer)],
        "sections": [{"name": name, "title": title} for name, title in SECTIONS.items() if is_there.get(name, True)],
        "filters": filters(reading, known),
        "paths": [
            {"label": label, "colour": colour, "dash": dash}
            for label, colour, dash in zip(paths, colours(paths), dashed, strict=True)
        ],
        "assumed": answer.assumed,
        "has_groups": known.has_groups,
        "verdicts": verdict_blocks(answer, known),
        "overturning": [doubt_text(doubt) for doubt in answer.doubts if doubt.overturns],
        "wider_doubts": answer.wider_doubts,
        "shown_doubts": DOUBTS_SHOWN,
        "harmless": [doubt_text(doubt) for doubt in answer.doubts if not doubt.overturns],
        "hypotheses": hypothesis_blocks(answer, known),
        "ratios": ratios,
        "prices": "" if reading.prices is None else reading.prices.how,
        "charts": [chart_block(chart, known) for chart in report.charts],
        "workloads": workloads,
        "memory": memory_tables(reading, known),
        "how": how(manifest, reading.results.directory.name),
        "common": common,
        "differing": differing,
        "profiles": profile_sections(manifest),
        "sources": source_table(manifest),
    }


def status_remarks(manifest: Manifest, answer: Answer) -> list[str]:
    """A warning about a run that did not end, unless the answer has one."""
    if manifest.status == "complete" or any(manifest.status in remark for remark in answer.remarks):
        return []
    return [f"This run is {manifest.status}: only what has ended is shown."]


def filters(reading: RunReading, known: Indices) -> list[Mapping[str, object]]:
    """What readers can leave out: labels of the strata's axes, paths, groups; only where there is a choice."""
    chosen: list[tuple[str, str, Sequence[str]]] = [
        (f"a{number}", axis, labels) for number, (axis, labels) in enumerate(reading.stratum_axes.items())
    ]
    chosen.append(("p", " ".join(reading.path_axes).replace("_", " ") or "path", list(known.paths)))
    chosen.append(("g", "group", list(known.groups)))
    return [
        {"name": name, "title": title, "labels": labels}
        for name, title, labels in chosen
        if len(labels) > 1 or name == "p"
    ]


def verdict_blocks(answer: Answer, known: Indices) -> list[Mapping[str, object]]:
    """Verdicts of one stratum together."""
    return [
        {
            "stratum": stratum or "All",
            "index": known.strata.get(stratum),
            "verdicts": [
                {
                    "group": verdict.group,
                    "index": known.groups.get(verdict.group),
                    "sentence": verdict.sentence,
                    "details": verdict.details,
                    "best_index": None if verdict.best is None else known.paths.get(verdict.best),
                    "rests_on": verdict.rests_on,
                }
                for verdict in verdicts
            ],
        }
        for stratum, verdicts in groupby(answer.verdicts, lambda verdict: verdict.stratum)
    ]


def doubt_text(doubt: Doubt) -> Mapping[str, str]:
    """A doubt for the page."""
    span = f"{doubt.value:,.6g} {doubt.unit} ({doubt.low:,.6g} to {doubt.high:,.6g})"
    return {"cost": doubt.cost, "range": span, "source": doubt.source, "sentence": doubt.sentence}


def hypothesis_blocks(answer: Answer, known: Indices) -> list[Mapping[str, object]]:
    """Standings of one hypothesis together."""
    blocks: list[Mapping[str, object]] = []
    for (name, claim), each in groupby(answer.hypotheses, lambda hypothesis: (hypothesis.name, hypothesis.claim)):
        standings = [
            {
                "index": known.strata.get(one.stratum),
                "stratum": one.stratum,
                "standing": one.standing,
                "sentence": one.sentence,
                "evidence": one.evidence,
            }
            for one in each
        ]
        blocks.append({"name": name, "claim": claim, "standings": standings})
    return blocks


def chart_block(chart: Chart, known: Indices) -> Mapping[str, object]:
    """A chart: its views, one a group, and its table."""
    views = [
        {
            "group": known.groups.get(group),
            "title": group if known.has_groups else "",
            "says": f"{chart.title}{f', group {group}' if group else ''}. {chart.says} The table below has numbers.",
        }
        for group in sorted(chart.groups, key=lambda group: known.groups.get(group, 0))
    ]
    legend = [
        {
            "label": label,
            "colour": look if isinstance(look, str) else "currentColor",
            "opacity": 1 if isinstance(look, str) else look,
        }
        for label, look in chart.legend.items()
    ]
    return {
        "name": chart.name,
        "title": chart.title,
        "says": chart.says,
        "absent": chart.absent,
        "shows_paths": chart.shows_paths,
        "legend": legend,
        "views": views,
        "table": chart_table(chart, known),
    }


def script_data(report: Report, known: Indices) -> Mapping[str, object]:
    """What the script draws from: labels once, rows by their numbers, one spec a chart for all of its groups."""
    axes = report.reading.stratum_axes
    strata = {each.stratum: each.stratum_axes for each in report.reading.variants.values()}
    shown = [chart for chart in report.charts if chart.rows]
    return {
        "panels_max": PANELS_MAX,
        "paths": [chart_label(path) for path in known.paths],
        "stratum_labels": [chart_label(stratum) for stratum in known.strata],
        "strata": [[axes[axis].index(label) for axis, label in strata[name].items()] for name in known.strata],
        "charts": {chart.name: chart_data(chart, known) for chart in shown},
    }


def chart_data(chart: Chart, known: Indices) -> Mapping[str, object]:
    """A chart's spec, and its rows without names."""
    fields = list(dict.fromkeys(name for row in chart.rows for name in row if name not in (STRATUM, PATH, GROUP)))
    rows = []
    for row in chart.rows:
        numbers = (known.strata[str(row[STRATUM])], known.paths[str(row[PATH])], known.groups.get(str(row[GROUP]), -1))
        rows.append([*numbers, *(rounded(row.get(name)) for name in fields)])
    plain = spec(chart, list(known.paths), list(known.strata))
    return {"spec": plain, "own_heights": chart.own_heights, "fields": fields, "rows": rows}


def rounded(value: str | float | None) -> str | float | None:
    """Digits that a chart can show; nothing for what is undefined."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
