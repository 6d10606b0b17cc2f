"""What studies found as terminal tables."""

import math
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_sim.analysis.studies.crossover import CrossoverStudy, Curve, ahead
from cluster_sim.analysis.studies.figures import Sample
from cluster_sim.analysis.studies.searching import Crossing
from cluster_sim.report.comparison import brief


def crossover_report(study: CrossoverStudy) -> Group:
    """The crossings in sentences, then the ratios that were seen."""
    parts: list[Text | Table] = [Text(headline(study), "bold")]
    for curve in study.curves:
        parts += [Text("\n".join(sentences(study, curve)))]
    parts += [Text(""), ratios_table(study)]
    if study.replications < 2:
        parts.append(
            Text("One replication: there is no interval, only the values between which the sign turns.", "dim")
        )
    return Group(*parts)


def headline(study: CrossoverStudy) -> str:
    """What was varied between what, over which range."""
    first, second = study.between
    low, high = study.varied.shown(study.span.low), study.varied.shown(study.span.high)
    return f"{study.figure} of {first} over {second}, {study.varied.name} from {low} to {high}"


def sentences(study: CrossoverStudy, curve: Curve) -> Iterator[str]:
    """What one stratum and group shows: a sentence a crossing, or why there is none."""
    where = ", ".join(part for part in (curve.stratum, curve.group) if part)
    if len(curve.crossings) > 1:
        yield f"{where}: {len(curve.crossings)} crossings."
    for crossing in curve.crossings:
        yield f"{where}: {crossing_sentence(study, crossing)}"
    if not curve.crossings:
        yield f"{where}: {no_crossing_sentence(study, list(curve.samples.values()))}"


def crossing_sentence(study: CrossoverStudy, crossing: Crossing) -> str:
    """Where it is, in which interval, who is ahead on either side."""
    before, after = ahead(study, crossing.before), ahead(study, crossing.after)
    shown = study.varied.shown
    low = "the range's low end" if crossing.low is None else shown(crossing.low)
    high = "the range's high end" if crossing.high is None else shown(crossing.high)
    sure = "" if crossing.is_shown else ", and no difference is shown on one side of it"
    return f"cross at {shown(crossing.at)} [{low} to {high}]: below it {before} is ahead, above it {after}{sure}."


def no_crossing_sentence(study: CrossoverStudy, samples: list[Sample]) -> str:
    """Who is ahead throughout, or that nobody is."""
    signs = {sample.shown for sample in samples}
    means = {round(sample.mean, 12) for sample in samples}
    constant = " The ratio does not depend on it." if len(means) == 1 and not math.isnan(next(iter(means))) else ""
    if all(math.isnan(sample.mean) for sample in samples):
        return f"no crossing: {study.figure} is known of neither."
    if signs <= {0}:
        return f"no crossing: no difference shown anywhere in the range.{constant}"
    if len(signs) == 1:
        return f"no crossing: {ahead(study, next(iter(signs)))} is ahead in all of the range.{constant}"
    sign = next(iter(signs - {0}))
    return f"no crossing: {ahead(study, sign)} is ahead wherever a difference is shown.{constant}"


def ratios_table(study: CrossoverStudy) -> Table:
    """One row a value, a column a stratum and group."""
    table = Table(title="ratio, with 95 % interval", title_justify="left", box=None, padding=(0, 1))
    table.add_column(Text(study.varied.name), justify="right")
    for curve in study.curves:
        table.add_column(
            Text("\n".join(part for part in (*curve.stratum.split(", "), curve.group) if part)), justify="right"
        )
    steps = sorted({step for curve in study.curves for step in curve.samples})
    for step in steps:
        cells = [sample_text(curve.samples.get(step)) for curve in study.curves]
        table.add_row(Text(study.varied.shown(step)), *(Text(cell) for cell in cells))
    return table


def sample_text(sample: Sample | None) -> str:
    """A ratio with its interval; who delivers nothing is infinitely worse."""
    if sample is None:
        return ""
    if math.isnan(sample.mean):
        return "–"
    if math.isinf(sample.mean):
        return "∞" if sample.mean > 0 else "0"
    half = (sample.high - sample.low) / 2
    mean = brief(math.exp(sample.mean))
    return mean if half == 0 else f"{mean} ±{100 * math.expm1(half):.1f}%"
