"""What studies found as terminal tables."""

import math
from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_sim.analysis.log_ratios import Sample
from cluster_sim.analysis.paired import FEWEST
from cluster_sim.analysis.studies.cost_ranking import CostResult, Ranking
from cluster_sim.analysis.studies.crossing_search import Crossing
from cluster_sim.analysis.studies.crossover import CrossoverStudy, ahead, stop_sentence
from cluster_sim.analysis.studies.crossover_rounds import Curve
from cluster_sim.analysis.studies.priced_crossing import TOLD, PricedCrossing
from cluster_sim.analysis.studies.sensitivity import SensitivityStudy
from cluster_sim.analysis.studies.sobol_indices import Index
from cluster_sim.report.comparison import brief

COSTS_SHOWN = 12
WIDE = 120
"""Columns of a terminal from which tables show all they have."""
VALUE_WIDTH, CURVE_WIDTH = 30, 22
"""Columns that a value and a stratum take in the table of ratios."""


def crossover_report(study: CrossoverStudy, width: int = WIDE) -> Group:
    """The crossings in sentences, then the ratios that were seen, in tables that fit a width."""
    blocks: list[Text | Table] = [Text(headline(study), "bold")]
    for curve in study.curves:
        blocks += [Text("\n".join(sentences(study, curve)))]
    at_a_time = max((width - VALUE_WIDTH) // CURVE_WIDTH, 1)
    if study.prices:
        blocks += [Text(""), prices_table(study)]
    for first in range(0, len(study.curves), at_a_time):
        blocks += [Text(""), ratios_table(study, study.curves[first : first + at_a_time])]
    if study.replications < FEWEST:
        few = "One replication" if study.replications == 1 else "Two replications"
        blocks.append(Text(f"{few}: there is no interval, only the values between which the sign turns.", "dim"))
    if study.prices:
        told = (
            "Samples have one replication. Nobody knows how costs are spread: shares of samples are no probabilities."
        )
        blocks.append(Text(told, "dim"))
    return Group(*blocks)


def stratum_and_group(found: Curve | Ranking) -> str:
    """Where something was found; a study of one stratum names the group alone."""
    return ", ".join(filter(None, (found.stratum, found.group)))


def headline(study: CrossoverStudy) -> str:
    """What was varied between what, over which range, at which prices."""
    first, second = study.between
    low, high = study.varied.shown(study.span.low), study.varied.shown(study.span.high)
    besides = f", and at {study.prices} samples of all costs within their ranges" if study.prices else ""
    varied = f"{study.varied.name} from {low} to {high}"
    return f"{study.figure} of {first} over {second}, {varied}, at the table's prices{besides}"


def sentences(study: CrossoverStudy, curve: Curve) -> Iterator[str]:
    """What one stratum and group shows: a sentence a crossing, or why there is none."""
    where = stratum_and_group(curve)
    if len(curve.crossings) > 1:
        yield f"{where}: {len(curve.crossings)} crossings."
    for crossing in curve.crossings:
        yield f"{where}: {crossing_sentence(study, crossing)}"
    for stop in curve.stops:
        yield f"{where}: {stop_sentence(study, stop)}."
    if not curve.crossings:
        yield f"{where}: {no_crossing_sentence(study, list(curve.samples.values()))}"
    for priced in curve.prices:
        yield f"  {prices_sentence(study, priced)}"


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


def prices_sentence(study: CrossoverStudy, priced: PricedCrossing) -> str:
    """Between which values a crossing lies over the costs' ranges, and who is ahead where there is none."""
    is_known = priced.crossing is not None
    none = "".join(f"; none in {told}" for told in none_told(study, priced))
    if not priced.crossed:
        said = f"{'' if is_known else 'too '}there is no crossing{none}"
    elif priced.is_mostly_beyond:
        crossed = [step for step in priced.at if math.isfinite(step)]
        ends = f"between {study.varied.shown(min(crossed))} and {study.varied.shown(max(crossed))}"
        rest = f"{priced.crossed} {'crosses' if priced.crossed == 1 else 'cross'} {ends}"
        said = f"{'it' if is_known else 'a crossing'} mostly lies beyond the range{none}; {rest}"
    else:
        low, high = (value_told(study, priced.quantile(share)) for share in (TOLD[0], TOLD[-1]))
        said = f"{'it lies' if is_known else 'they cross'} between {low} and {high}, 5 to 95 %{none}"
    return f"Over the costs' ranges ({len(priced.at)} samples) {said}."


def none_told(study: CrossoverStudy, priced: PricedCrossing) -> Iterator[str]:
    """In how many samples there is no crossing, by who is ahead throughout."""
    rest = len(priced.at) - priced.crossed
    for sign in (priced.before, -priced.before):
        count = priced.ahead_throughout(sign)
        rest -= count
        if count:
            yield f"{count}, where {ahead(study, sign)} is ahead throughout"
    if rest:
        yield f"{rest}, where no design is ahead throughout"


def value_told(study: CrossoverStudy, step: float) -> str:
    """A step of the varied field, or that it is beyond the range."""
    if math.isfinite(step):
        return study.varied.shown(step)
    return "–" if math.isnan(step) else "beyond the high end" if step > 0 else "below the low end"


def prices_table(study: CrossoverStudy) -> Table:
    """One row a crossing: at the table's prices, and below which value which share of the samples crosses."""
    title = f"crossings over the costs' ranges, {study.prices} samples"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for name in ("stratum", "group"):
        table.add_column(name)
    shares = [f"{100 * share:.0f} %" for share in TOLD]
    for name in ("at the table's", *shares, "cross"):
        table.add_column(Text(name), justify="right")
    for curve in study.curves:
        for priced in curve.prices:
            nominal = "none" if priced.crossing is None else study.varied.shown(priced.crossing.at)
            cells = [value_told(study, priced.quantile(share)) if priced.crossed else "–" for share in TOLD]
            row = (curve.stratum, curve.group, nominal, *cells, f"{priced.crossed} of {len(priced.at)}")
            table.add_row(*map(Text, row))
    return table


def ratios_table(study: CrossoverStudy, curves: Sequence[Curve]) -> Table:
    """One row a value, a column a stratum and group."""
    table = Table(title="ratio, with 95 % interval", title_justify="left", box=None, padding=(0, 1))
    table.add_column(Text(study.varied.name), justify="right")
    for curve in curves:
        names = filter(None, (*curve.stratum.split(", "), curve.group))
        table.add_column(Text("\n".join(names)), justify="right", min_width=CURVE_WIDTH - 2)
    for step in sorted({step for curve in curves for step in curve.samples}):
        cells = [sample_text(curve.samples.get(step)) for curve in curves]
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


def sensitivity_report(study: SensitivityStudy, width: int = WIDE) -> Group:
    """Who is ahead how often and what decides it, then the costs of each ranking, in tables that fit a width."""
    blocks: list[Text | Table] = [
        Text(f"{study.figure}, with costs anywhere in their ranges: {2 * study.samples} samples", "bold")
    ]
    blocks += [Text("\n".join(ranking_sentences(ranking))) for ranking in study.rankings]
    blocks += [Text(""), shares_table(study)]
    blocks += [costs_table(ranking, is_wide=width >= WIDE) for ranking in study.rankings if ranking.costs]
    if study.simplified:
        blocks.append(
            Text(f"Simplified: {'; '.join(study.simplified)} (--as-defined keeps them). One replication.", "dim")
        )
    return Group(*blocks)


def ranking_sentences(ranking: Ranking) -> Iterator[str]:
    """What one stratum and group shows, decisive estimates first."""
    where = stratum_and_group(ranking)
    if ranking.pair is None:
        yield f"{where}: fewer than two designs deliver, nothing to rank."
        yield from (f"  {silence}." for silence in ranking.silent)
        return
    first, second = ranking.pair
    yield (
        f"{where}: {first} is ahead of {second} in {percent(ranking.pair_share)} of the samples, "
        f"at a ratio of {brief(ranking.ratio)} with the profile's values."
    )
    if ranking.lost_samples:
        yield f"  In {ranking.lost_samples} samples one of them has no {ranking.figure}: no indices."
        yield from (f"  {silence}." for silence in ranking.silent)
    if not ranking.decisive:
        yield "  No cost within its range decides that."
    for cost in ranking.decisive:
        yield f"  {decisive_sentence(cost)}"


def decisive_sentence(cost: CostResult) -> str:
    """A cost that decides, its confidence, and how."""
    how = []
    if cost.turns:
        how.append(f"alone it turns the order, ratio {brief(cost.ratio_low)} to {brief(cost.ratio_high)}")
    if cost.indices is not None:
        how.append(f"total index {cost.indices.total.value:.2f}")
    return f"decided by {cost.factor.name} ({cost.factor.confidence}): {', '.join(how)}"


def percent(share: float) -> str:
    """A share in a hundred; only what is always so is 100 %."""
    return "–" if math.isnan(share) else f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def shares_table(study: SensitivityStudy) -> Table:
    """In what share of the samples each design is ahead of all others."""
    table = Table(title="ahead of all others, share of samples", title_justify="left", box=None, padding=(0, 1))
    labels = list(dict.fromkeys(label for ranking in study.rankings for label in ranking.shares))
    for name in ("stratum", "group"):
        table.add_column(name)
    for label in (*labels, "tied"):
        table.add_column(Text(label), justify="right")
    for ranking in study.rankings:
        shares = [percent(ranking.shares.get(label, math.nan)) for label in labels]
        table.add_row(Text(ranking.stratum), Text(ranking.group), *shares, percent(ranking.tied))
    return table


def costs_table(ranking: Ranking, *, is_wide: bool) -> Table:
    """Each cost that moves one of the pair: the ratio at its ends, its total index; if wide, range and first order."""
    assert ranking.pair is not None
    first, second = ranking.pair
    where = stratum_and_group(ranking)
    title = Text(f"\n{where}: {first} over {second}", "bold")
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("cost", overflow="fold")
    columns = ("known as", *(("range",) if is_wide else ()), "ratio, low to high", "total index")
    for name in (*columns, *(("first order",) if is_wide else ()), ""):
        table.add_column(name, no_wrap=True)
    for cost in ranking.costs[:COSTS_SHOWN]:
        indices = cost.indices
        mark = "turns it" if cost.turns else "decides" if cost.decides else ""
        cells = [cost.factor.name, cost.factor.confidence, *([range_text(cost)] if is_wide else [])]
        cells += [f"{brief(cost.ratio_low)} to {brief(cost.ratio_high)}"]
        cells += ["–" if indices is None else index_text(indices.total)]
        cells += ["–" if indices is None else index_text(indices.first)] if is_wide else []
        table.add_row(*(Text(cell) for cell in (*cells, mark)))
    if len(ranking.costs) > COSTS_SHOWN:
        table.add_row(Text(f"and {len(ranking.costs) - COSTS_SHOWN} that weigh less"))
    return table


def range_text(cost: CostResult) -> str:
    """The range of a cost in its unit; that of a curve as factors of its values."""
    costs = cost.factor.costs
    if len(costs) == 1:
        return f"{costs[0].low:.4g}..{costs[0].high:.4g} {costs[0].unit}"
    low = min(each.low / each.value for each in costs if each.value)
    high = max(each.high / each.value for each in costs if each.value)
    return f"{low:.2f}..{high:.2f} times {len(costs)} points"


def index_text(index: Index) -> str:
    """An index with its interval."""
    return f"{index.value:.2f} [{index.low:.2f}, {index.high:.2f}]"
