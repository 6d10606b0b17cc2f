"""H2: the shared pool wins for steady streams, bounded by the copies that it cannot remove."""

from collections.abc import Mapping, Sequence

from cluster_sim.analysis.answers.answer import Hypothesis, Standing
from cluster_sim.analysis.answers.ledgers import COPIES, Ledger, ledgers
from cluster_sim.analysis.answers.path_rows import (
    PathRow,
    group_of,
    has_intervals,
    of_kind,
    once,
    outcome,
    paths_by_stratum,
    varies_path,
)
from cluster_sim.analysis.answers.phrases import amount, apart, duration, listed
from cluster_sim.analysis.comparison import RowsByBaseline
from cluster_sim.analysis.price_intervals.intervals import PriceIntervals
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.results.manifest import Manifest

NAME = "H2"
CLAIM = "The shared pool wins for steady streams, bounded by the copies that it cannot remove."
STEADY = ("raw", "trace")
"""Kinds of sources that send frame after frame, whatever became of the last one."""


def pool(reading: RunReading) -> list[Hypothesis]:
    """H2 in each stratum, or once, undecided, where the run cannot tell."""
    manifest = reading.manifest
    if not varies_path(manifest):
        return [undecided("", "this run does not vary io_path")]
    if not has_intervals(manifest):
        return [undecided("", "this run has one replication, so no difference is shown")]
    booked = ledgers(reading.guest_sums)
    by_name: dict[str, list[list[PathRow]]] = {}
    for (stratum, _), rows in paths_by_stratum(reading).items():
        if all(is_steady(manifest, each) for each in rows):
            by_name.setdefault(stratum, []).append(rows)
    if not by_name:
        return [undecided("", "no group of this run streams video at a steady rate along the axis io_path")]
    found = [
        in_stratum(reading.by_baseline, stratum, groups, booked, reading.prices) for stratum, groups in by_name.items()
    ]
    return once(found)


def undecided(stratum: str, why: str, evidence: Sequence[str] = ()) -> Hypothesis:
    """H2 where nothing can be said."""
    return Hypothesis(NAME, CLAIM, stratum, "undecided", f"Undecided: {why}.", tuple(evidence))


def is_steady(manifest: Manifest, path: PathRow) -> bool:
    """Whether a group only streams video whose source does not look back."""
    group = group_of(manifest.variants[path.row.variant].scenario, path.row.group)
    works = group.get("workloads") if group is not None else None
    if not isinstance(works, list):
        return False
    sources = [work.get("source") if isinstance(work, dict) else None for work in works]
    return bool(sources) and all(isinstance(each, dict) and each.get("kind") in STEADY for each in sources)


def in_stratum(
    compared: RowsByBaseline,
    stratum: str,
    groups: Sequence[Sequence[PathRow]],
    booked: Mapping[Key, Ledger],
    prices: PriceIntervals | None = None,
) -> Hypothesis:
    """H2 over all groups of a stratum: confirmed where a pool beats all others in each."""
    standings: list[Standing] = []
    evidence: list[str] = []
    won: list[str] = []
    bounds: list[tuple[float, str]] = []
    for rows in groups:
        pools, others = of_kind(rows, "shared_pool"), of_kind(rows, "swiotlb", "convert")
        if not pools or not others:
            continue
        found = {each.label: [outcome(compared, each, other) for other in others] for each in pools}
        winners = [each for each in pools if all(how == "better" for how in found[each.label])]
        if winners:
            standings.append("confirmed")
            won.append(medians_beside(compared, winners[0], others, prices))
        elif all("worse" in hows for hows in found.values()):
            standings.append("refuted")
        else:
            standings.append("undecided")
        evidence += [medians_beside(compared, each, others, prices) for each in pools]
        found_bounds = [line for each in pools for line in bound(each, booked)]
        bounds += [line for line in found_bounds if line[0]]
        evidence += [line for _, line in found_bounds]
    largest = max(bounds, default=(0.0, ""))[1]
    if not standings:
        return undecided(stratum, "this run does not have both a shared pool and another path here")
    if "refuted" in standings:
        return Hypothesis(NAME, CLAIM, stratum, "refuted", "Refuted: the pool loses to another path.", tuple(evidence))
    if all(each == "confirmed" for each in standings):
        sentence = f"Confirmed by {won[0]} {largest}".strip()
        return Hypothesis(NAME, CLAIM, stratum, "confirmed", sentence, tuple(evidence))
    return undecided(stratum, "no difference shown between the pool and another path", evidence)


def medians_beside(
    compared: RowsByBaseline, mine: PathRow, others: Sequence[PathRow], prices: PriceIntervals | None
) -> str:
    """A pool's median latency beside the others', with both intervals where they are known."""
    ratios = []
    for other in others:
        ratio = compared.ratio(mine.row, other.path, "p50")
        if ratio is not None and other.delivers:
            pair = (mine.row.variant, other.row.variant, mine.row.group)
            known = None if prices is None else prices.ratio(*pair, "p50")
            ratios.append(f"{apart(ratio, known)} than {other.label}'s")
    silent = [other.label for other in others if not other.delivers]
    told = [f"median latency {listed(ratios)}"] if ratios else []
    told += (
        [f"delivers where {listed(silent)} {'does' if len(silent) == 1 else 'do'} not"]
        if silent and mine.delivers
        else []
    )
    return f"{mine.row.group}, {mine.label}: {'; '.join(told) or 'nothing is delivered'}."


def bound(mine: PathRow, booked: Mapping[Key, Ledger]) -> list[tuple[float, str]]:
    """How much of a pool's latency its copies are: the share, and the same in words."""
    ledger = booked.get((mine.row.variant, mine.row.group))
    if ledger is None or not ledger.latency_ns:
        return []
    copies_ns = ledger.spent_ns(*COPIES)
    share = copies_ns / ledger.latency_ns
    who, whole = f"{mine.row.group}, {mine.label}", duration(ledger.latency_ns)
    if not copies_ns:
        return [(0.0, f"{who}: mean latency {whole}, none of it copies.")]
    spent = duration(copies_ns)
    return [(share, f"{who}: of {whole} mean latency, {amount(100 * share)} % are copies ({spent}).")]
