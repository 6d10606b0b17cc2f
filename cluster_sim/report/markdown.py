"""The answer of a run as Markdown, for a pull request: verdicts, hypotheses, doubts, figures, how it was run."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from cluster_sim.analysis.answers.answer import Answer, Hypothesis, Verdict
from cluster_sim.analysis.answers.phrases import amount, times
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.figures import FIGURES
from cluster_sim.analysis.paired import Ratio
from cluster_sim.analysis.price_intervals.price_text import price_text
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import Labels, path_of
from cluster_sim.report.safe_text import as_code, in_markdown
from cluster_sim.results.manifest import Manifest

SHOWN = (
    "throughput",
    "p50",
    "p99",
    "late",
    "dropped",
    "unfinished",
    "guest CPU",
    "host CPU",
    "copies",
    "exposure",
    "held",
)
RATIOS = ("p50", "guest CPU")


def markdown(reading: RunReading, answer: Answer) -> str:
    """All of it; everything that comes from the run is escaped."""
    manifest = reading.manifest
    blocks = [
        f"# {in_markdown(manifest.experiment)}",
        in_markdown(answer.question),
        *(f"**{in_markdown(each)}**" for each in (answer.summary,) if each),
        *(f"> **Beware:** {in_markdown(remark)}" for remark in answer.remarks),
        *(f"> **Assumed:** {in_markdown(each.sentence)}" for each in answer.assumed),
        *verdicts(answer.verdicts),
        *hypotheses(answer.hypotheses),
        *doubts(answer),
        *figures(reading),
        *how(manifest),
    ]
    return "\n\n".join(blocks) + "\n"


def verdicts(found: Sequence[Verdict]) -> Iterator[str]:
    """A list a stratum, an entry a group."""
    if not found:
        return
    yield "## Verdicts"
    for stratum, those in itertools.groupby(found, key=lambda each: each.stratum):
        if stratum:
            yield f"**{in_markdown(stratum)}**"
        yield "\n".join(entry(verdict) for verdict in those)


def entry(verdict: Verdict) -> str:
    """One verdict, what else is to be said, and the costs that it rests on."""
    said = " ".join((f"**{in_markdown(verdict.sentence)}**", *map(in_markdown, verdict.details)))
    rests = f" Rests on {', '.join(as_code(cost) for cost in verdict.rests_on)}." if verdict.rests_on else ""
    return f"- {in_markdown(verdict.group)}: {said}{rests}"


def hypotheses(found: Sequence[Hypothesis]) -> Iterator[str]:
    """A table a hypothesis, its evidence folded away."""
    if not found:
        return
    yield "## Hypotheses"
    for name, those in itertools.groupby(found, key=lambda each: each.name):
        several = list(those)
        yield f"**{in_markdown(name)}.** {in_markdown(several[0].claim)}"
        head = ("where", "standing", "why")
        yield table(head, ([each.stratum or "this run", each.standing, each.sentence] for each in several), right=())
        evidence = [f"- {in_markdown(line)}" for each in several for line in labelled(each)]
        if evidence:
            listed = "\n".join(evidence)
            yield f"<details><summary>Evidence for {in_markdown(name)}</summary>\n\n{listed}\n\n</details>"


def labelled(hypothesis: Hypothesis) -> list[str]:
    """Evidence lines with their stratum."""
    before = f"{hypothesis.stratum}: " if hypothesis.stratum else ""
    return [f"{before}{line}" for line in hypothesis.evidence]


def doubts(answer: Answer) -> Iterator[str]:
    """Costs with their ranges, those that overturn a verdict in bold."""
    if not answer.doubts and not answer.wider_doubts:
        return
    yield "## Costs in doubt"
    if answer.wider_doubts:
        lines = [f"{in_markdown(each.subject)}: {in_markdown(each.sentence)}" for each in answer.wider_doubts]
        told = zip(lines, answer.wider_doubts, strict=True)
        yield "\n".join(f"- **{line}**" if each.overturns else f"- {line}" for line, each in told)
    if not answer.doubts:
        return
    if not any(doubt.overturns for doubt in answer.doubts):
        yield "No cost within its range turns the order of two paths for one lone transfer. Those that move most:"
    cells = (
        [
            as_code(each.cost).replace("|", "\\|"),
            f"{amount(each.value)} ({amount(each.low)} to {amount(each.high)}) {each.unit}",
            f"**{in_markdown(each.sentence)}**" if each.overturns else in_markdown(each.sentence),
            in_markdown(each.source),
        ]
        for each in answer.doubts
    )
    yield table(("cost", "value (range)", "what it does", "source"), cells, right=(), is_markdown=True)


def figures(reading: RunReading) -> Iterator[str]:
    """A table a stratum: figures, and ratios of median latency and guest CPU to the baseline."""
    axes = reading.baseline
    by_stratum: dict[str, list[Row]] = {}
    for (stratum, _), those in reading.rows_by_stratum.items():
        by_stratum.setdefault(stratum if axes else "", []).extend(those)
    units = {figure.name: figure.unit for figure in FIGURES}
    labels = " ".join(axes.values())
    head = ["group", "path", *(f"{name}, {units[name]}" for name in SHOWN)]
    head += [f"{name} over {labels}" for name in RATIOS] if axes else []
    if by_stratum:
        yield "## Figures"
    for stratum, those in by_stratum.items():
        if stratum:
            yield f"**{in_markdown(stratum)}**"
        yield table(head, (cells_of(row, axes) for row in those), right=range(2, len(head)))
    if any(row.ratios for row in reading.rows):
        yield "Ratios with their 95 % interval over replications, in pairs; one number where both ends round to it."
    if reading.prices is not None:
        yield f"After `costs`: where the ratio lies over the costs' ranges. {in_markdown(reading.prices.how)}"


def cells_of(row: Row, axes: Labels) -> list[str]:
    """A row's names, figures and ratios."""
    name = path_of(row.variant, row.axes, axes) if axes else row.variant
    numbers = [number(row.figures.get(figure, math.nan)) for figure in SHOWN]
    ratios = ["baseline" if row.is_baseline else both_intervals(row, figure) for figure in RATIOS] if axes else []
    return [row.group, name, *numbers, *ratios]


def both_intervals(row: Row, figure: str) -> str:
    """A ratio with its interval over replications, then that over the costs' ranges, where it was asked for."""
    prices = row.prices.get(figure)
    over_replications = ratio_text(row.ratios.get(figure))
    return over_replications if prices is None else f"{over_replications}; costs {price_text(prices)}"


def ratio_text(ratio: Ratio | None) -> str:
    """A ratio with its interval."""
    return "–" if ratio is None else times(ratio)


def number(value: float) -> str:
    """A figure, or a dash."""
    return "–" if math.isnan(value) else amount(value)


def how(manifest: Manifest) -> Iterator[str]:
    """What one needs to run it again and to see whether the same came out."""
    yield "## How it was run"
    versions = ", ".join(f"{in_markdown(name)} {in_markdown(number)}" for name, number in manifest.versions.items())
    lines = [
        f"definition {as_code(manifest.definition)}, {manifest.status}, {manifest.frames:,} frames",
        f"seed {manifest.seed}, {manifest.replications} replications of {len(manifest.variants)} variants",
        f"profiles {', '.join(as_code(name) for name in manifest.profiles)}",
        f"versions: {versions}",
        f"fingerprint {as_code(manifest.fingerprint or 'none yet')}",
    ]
    yield "\n".join(f"- {line}" for line in lines)


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int], is_markdown: bool = False
) -> str:
    """A Markdown table; cells are escaped, but for those that are Markdown already."""
    to_right = set(right)
    rule = ["--:" if column in to_right else "---" for column in range(len(head))]
    lines = [[in_markdown(cell) for cell in head], rule]
    lines += [list(cells) if is_markdown else [in_markdown(cell) for cell in cells] for cells in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
