"""The answer of a run as plain text of at most 72 columns in ASCII, to be posted to a mailing list and quoted there."""

import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence

from cluster_sim.analysis.answers.answer import Answer, Hypothesis, Verdict
from cluster_sim.analysis.answers.phrases import amount, times
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.price_intervals.price_text import price_text
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import Labels, path_of
from cluster_sim.report.safe_text import in_ascii
from cluster_sim.results.manifest import Manifest

WIDTH = 72
NAME = 12
"""Columns of a path's name in tables; a longer one stands on lines of its own."""
COLUMNS = (
    ("throughput", "frames/s", 8),
    ("p50", "p50 us", 7),
    ("p99", "p99 us", 7),
    ("dropped", "drop %", 6),
    ("unfinished", "left %", 6),
    ("guest CPU", "guest", 6),
    ("host CPU", "host", 6),
)
"""Figure, heading and width; CPU in us a frame, what was left unfinished when the run ended."""
RATIO = WIDTH - 2 - NAME - sum(width + 1 for _, _, width in COLUMNS) + 1
"""What is left for the ratio of median latencies to the baseline."""


def plain(reading: RunReading, answer: Answer) -> str:
    """All of it; no line is longer than 72 columns, and none begins in a way that mail mistakes."""
    manifest = reading.manifest
    lines = [
        *folded(manifest.experiment),
        *folded(answer.question),
        *(line for each in (answer.summary,) if each for line in ("", *folded(each))),
        *(line for remark in answer.remarks for line in ("", *folded(f"Beware: {remark}"))),
        *(line for each in answer.assumed for line in ("", *folded(f"Assumed: {each.sentence}"))),
        *verdicts(answer.verdicts),
        *hypotheses(answer.hypotheses),
        *doubts(answer),
        *figures(reading),
        *how(manifest),
    ]
    return "\n".join(lines) + "\n"


def folded(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """A paragraph; a word that is too long is broken, and `From` never begins a line."""
    indent = " " * len(first) if rest is None else rest
    lines = textwrap.wrap(
        in_ascii(text), WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    ) or [first.rstrip()]
    return [f" {line}"[:WIDTH] if line.startswith(("From ", ">", "-- ")) else line for line in lines]


def heading(text: str) -> list[str]:
    """A heading, underlined, with a line before and after."""
    return ["", text, "-" * len(text), ""]


def verdicts(found: Sequence[Verdict]) -> Iterator[str]:
    """A paragraph a verdict, under its stratum."""
    if not found:
        return
    yield from heading("Verdicts")
    for number, (stratum, those) in enumerate(itertools.groupby(found, key=lambda each: each.stratum)):
        if number:
            yield ""
        if stratum:
            yield from folded(f"{stratum}:")
        for verdict in those:
            yield from folded(f"{verdict.group}: {verdict.sentence}", "  * ")
            for detail in verdict.details:
                yield from folded(detail, "    ")
            if verdict.rests_on:
                yield from folded(f"rests on {', '.join(verdict.rests_on)}", "    ")


def hypotheses(found: Sequence[Hypothesis]) -> Iterator[str]:
    """Each claim, and where it stands in each stratum."""
    if not found:
        return
    yield from heading("Hypotheses")
    for number, (name, those) in enumerate(itertools.groupby(found, key=lambda each: each.name)):
        several = list(those)
        if number:
            yield ""
        yield from folded(f"{name}. {several[0].claim}", rest="    ")
        for each in several:
            yield from folded(f"{each.stratum}: {each.sentence}" if each.stratum else each.sentence, "  * ")


def doubts(answer: Answer) -> Iterator[str]:
    """Costs with range and source; those that overturn a verdict are marked."""
    if not answer.doubts and not answer.wider_doubts:
        return
    yield from heading("Costs in doubt")
    for wider in answer.wider_doubts:
        mark = "OVERTURNS: " if wider.overturns else ""
        yield from folded(f"{mark}{wider.subject}: {wider.sentence}", "  * ")
    if answer.doubts and not any(doubt.overturns for doubt in answer.doubts):
        yield from folded("No cost within its range turns the order of two paths for one lone transfer.")
    for each in answer.doubts:
        mark = "OVERTURNS: " if each.overturns else ""
        values = f"{amount(each.value)} {each.unit} ({amount(each.low)} to {amount(each.high)})"
        yield from folded(f"{mark}{each.cost} = {values}. {each.sentence} Source: {each.source}", "  * ")


def figures(reading: RunReading) -> Iterator[str]:
    """A table a stratum and group."""
    axes = reading.baseline
    if not reading.rows:
        return
    yield from heading("Figures")
    base = f"; the last column is p50 over that of {' '.join(axes.values())}, 95 %" if axes else ""
    overloaded = any(row.overload for row in reading.rows)
    told = " unbd: unbounded, where a path does not sustain what it is offered." if overloaded else ""
    yield from folded(f"CPU in us a frame{base}.{told}")
    if reading.prices is not None:
        yield from folded(f"Below it, where it lies over the costs' ranges. {reading.prices.how}")
    for (stratum, group), those in reading.rows_by_stratum.items():
        yield ""
        yield from folded(f"{stratum}, group {group}" if axes and stratum else f"group {group}")
        titles = [f"{title:>{width}}" for _, title, width in COLUMNS]
        yield f"  {'path':<{NAME}}{' '.join(titles)}{'ratio' if axes else '':>{RATIO}}".rstrip()
        for row in those:
            yield from line_of(row, axes)


def line_of(row: Row, axes: Labels) -> Iterator[str]:
    """A path's figures on one line, after its name."""
    name = in_ascii(path_of(row.variant, row.axes, axes) if axes else row.variant)
    if len(name) > NAME - 1:
        yield from folded(name, "  ")
        name = ""
    cells = [f"{short(row.figures.get(figure, math.nan), width):>{width}}" for figure, _, width in COLUMNS]
    ratio = row.ratios.get("p50")
    shown = "base" if row.is_baseline else "" if ratio is None else short(ratio.mean, RATIO - 1)
    yield f"  {name:<{NAME}}{' '.join(cells)}{shown:>{RATIO}}".rstrip()
    if ratio is not None and not row.is_baseline and (told := times(ratio)) != amount(ratio.mean):
        yield f"{told[told.index('(') :]:>{WIDTH}}"
    if (prices := row.prices.get("p50")) is not None:
        yield from (f"{line:>{WIDTH}}" for line in textwrap.wrap(f"costs: {price_text(prices)}", WIDTH - 2))


def short(value: float, width: int) -> str:
    """A figure within a width: with fewer digits, then with an exponent."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else "unbd"
    text = amount(value)
    if len(text) <= width:
        return text
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}e{int(exponent)}"


def how(manifest: Manifest) -> Iterator[str]:
    """What one needs to run it again and to see whether the same came out."""
    yield from heading("How it was run")
    versions = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    for line in (
        f"definition {manifest.definition}, {manifest.status}, {manifest.frames:,} frames",
        f"seed {manifest.seed}, {manifest.replications} replications of {len(manifest.variants)} variants",
        f"profiles {', '.join(manifest.profiles)}",
        f"versions {versions}",
        f"fingerprint {manifest.fingerprint or 'none yet'}",
    ):
        yield from folded(line, "  ", "    ")
