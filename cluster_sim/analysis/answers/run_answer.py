"""A run's answer in words: a verdict a stratum and group, the hypotheses, the doubts, and what to beware of."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cluster_sim.analysis.answers.answer import Answer, Verdict
from cluster_sim.analysis.answers.assumptions import assumptions_of
from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet, rivals
from cluster_sim.analysis.answers.clustering_claim import clustering
from cluster_sim.analysis.answers.conversion_claim import conversion
from cluster_sim.analysis.answers.criteria import CRITERIA, MEDIAN
from cluster_sim.analysis.answers.doubts import StatedOrder, doubts_of
from cluster_sim.analysis.answers.needless_conversions import needless
from cluster_sim.analysis.answers.pool_claim import pool
from cluster_sim.analysis.answers.unbounced import unbounced
from cluster_sim.analysis.answers.verdicts import verdict_of
from cluster_sim.analysis.answers.wider_doubts import wider_doubts
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import path_of


def answer(reading: RunReading) -> Answer:
    """All that a report says in words of a run."""
    manifest = reading.manifest
    verdicts, orders = verdicts_of(reading)
    doubts, remarks, overturning = doubts_of(manifest, orders)
    return Answer(
        question=" ".join(manifest.question.split()),
        verdicts=tuple(replace(each, rests_on=overturning.get((each.stratum, each.group), ())) for each in verdicts),
        hypotheses=(*conversion(reading), *pool(reading), *clustering(reading)),
        doubts=doubts,
        remarks=(*warnings_of(reading), *unbounced(reading), *remarks),
        assumed=assumptions_of(reading),
        wider_doubts=() if reading.prices is None else wider_doubts(reading, reading.prices, of_best(verdicts, orders)),
    )


def of_best(verdicts: Sequence[Verdict], orders: Sequence[StatedOrder]) -> list[StatedOrder]:
    """The orders that put the best path of each stratum and group before others."""
    best = {(each.stratum, each.group): each.best for each in verdicts}
    return [order for order in orders if order.label == best[order.stratum_group]]


def verdicts_of(reading: RunReading) -> tuple[list[Verdict], list[StatedOrder]]:
    """A verdict a stratum and group, and the orders of two paths that each of them states."""
    verdicts, orders = list[Verdict](), list[StatedOrder]()
    if not reading.baseline:
        return verdicts, orders
    for (stratum, group), rows in reading.rows_by_stratum.items():
        candidates = candidates_of(reading, rows)
        sentence, details, best = verdict_of(candidates)
        besides = needless(rows, reading.baseline, reading.guest_sums)
        verdicts.append(Verdict(stratum, group, sentence, best, (*details, besides) if besides else details))
        variants = {path_of(row.variant, row.axes, reading.baseline): row.variant for row in rows}
        for one, other in stated(candidates):
            ratio = candidates.ratio(one, other, MEDIAN.figure)
            if ratio is not None:
                mine, theirs = variants[one.label], variants[other.label]
                orders.append(StatedOrder(stratum, group, one.label, mine, other.label, theirs, ratio.mean))
    return verdicts, orders


def candidates_of(reading: RunReading, rows: Sequence[Row]) -> CandidateSet:
    """The rows of one stratum and group, with their ratios to the baseline and to whoever may be best."""
    axes = reading.baseline
    by_label = {path_of(row.variant, row.axes, axes): row for row in rows}
    without_ratios = [Candidate(label, row.figures, {}, row.is_baseline) for label, row in by_label.items()]
    labels_of_rivals = {
        label: {axis: name for axis, name in by_label[label].axes.items() if axis in axes}
        for label in rivals(without_ratios)
    }
    members = []
    for one in without_ratios:
        over = {
            rival: {
                criterion.figure: reading.by_baseline.ratio(by_label[one.label], labels, criterion.figure)
                for criterion in CRITERIA
            }
            for rival, labels in labels_of_rivals.items()
            if rival != one.label
        }
        members.append(replace(one, over=over))
    return CandidateSet(members)


def stated(candidates: CandidateSet) -> Iterator[tuple[Candidate, Candidate]]:
    """The pairs of paths whose order a verdict states: each with the baseline, and the best with the second."""
    base, best, second = candidates.baseline, candidates.best, candidates.second
    if base is not None and base.delivers:
        yield from ((one, base) for one in candidates.delivering if one is not base)
    if best is not None and second is not None and base not in (best, second):
        yield best, second


def warnings_of(reading: RunReading) -> list[str]:
    """What a reader must know before believing: an unfinished run, no baseline, no interval."""
    manifest, rows = reading.manifest, reading.rows
    found = []
    if manifest.status != "complete":
        found.append(f"This run is {manifest.status}: only finished variants are counted.")
    if not manifest.baseline and not any(row.is_baseline for row in rows):
        found.append("This run names no baseline, so its variants are not compared in pairs; --baseline names one.")
    if manifest.replications < 2:
        found.append("One replication: no ratio has an interval, and no difference is shown.")
    missing = [label for label in manifest.variants if label not in {row.variant for row in rows}]
    if missing:
        found.append(f"{len(missing)} of {len(manifest.variants)} variants have no finished run.")
    return found
