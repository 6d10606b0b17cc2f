"""A run's answer in words: a verdict a stratum and group, the hypotheses, the doubts, and what to beware of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from cluster_sim.analysis.answers.answer import Answer, Verdict
from cluster_sim.analysis.answers.assumptions import assumptions_of
from cluster_sim.analysis.answers.candidates import NO_PRICES, Candidate, CandidateSet, rivals
from cluster_sim.analysis.answers.clustering_claim import clustering
from cluster_sim.analysis.answers.conversion_claim import conversion
from cluster_sim.analysis.answers.criteria import MEDIAN, criteria_of
from cluster_sim.analysis.answers.doubts import StatedOrder, doubts_of
from cluster_sim.analysis.answers.needless_conversions import needless
from cluster_sim.analysis.answers.overload import Overload, overloads_of
from cluster_sim.analysis.answers.phrases import Ends
from cluster_sim.analysis.answers.pool_claim import pool
from cluster_sim.analysis.answers.presumptions import presumptions_of
from cluster_sim.analysis.answers.unbounced import unbounced
from cluster_sim.analysis.answers.verdicts import verdict_of
from cluster_sim.analysis.answers.wider_doubts import wider_doubts
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.first_sentence.case import Case
from cluster_sim.analysis.first_sentence.summary import summary
from cluster_sim.analysis.first_sentence.where import GROUP
from cluster_sim.analysis.overloads.offers import WORK
from cluster_sim.analysis.paired import FEWEST
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import PATH_AXIS, Labels, path_of
from cluster_sim.scenario.spec import ScenarioSpec


class PriceRanges(Protocol):
    """How far ratios of a run go over the costs' ranges."""

    def ratio(self, variant: str, rival_variant: str, group: str, figure: str) -> Ends | None:
        """The range of one variant's figure over a rival's; None where it is not known."""
        ...


def answer(reading: RunReading, prices: PriceRanges | None = None) -> Answer:
    """All that a report says in words of a run; `prices` is how far ratios go over the costs' ranges, if known."""
    manifest = reading.manifest
    cases = cases_of(reading, reading.prices if prices is None else prices)
    verdicts, orders = verdicts_of(reading, cases)
    doubts, remarks, overturning = doubts_of(manifest, orders)
    return Answer(
        question=" ".join(manifest.question.split()),
        summary=summary(cases),
        verdicts=tuple(replace(each, rests_on=overturning.get((each.stratum, each.group), ())) for each in verdicts),
        hypotheses=(*conversion(reading), *pool(reading), *clustering(reading)),
        doubts=doubts,
        remarks=(*warnings_of(reading), *unbounced(reading), *remarks),
        assumed=assumptions_of(reading),
        wider_doubts=()
        if reading.prices is None
        else wider_doubts(reading, reading.prices, of_best(reading, verdicts, orders)),
    )


def of_best(reading: RunReading, verdicts: Sequence[Verdict], orders: Sequence[StatedOrder]) -> list[StatedOrder]:
    """The orders that put the best path of each stratum and group before others, or else the fastest before others."""
    found = []
    for verdict in verdicts:
        mine = [order for order in orders if order.stratum_group == (verdict.stratum, verdict.group)]
        if verdict.best is not None:
            found += [order for order in mine if reading.variants[order.variant].path == verdict.best]
        elif faster := [order for order in mine if order.ratio < 1]:
            found.append(min(faster, key=lambda order: order.ratio))
    return found


def cases_of(reading: RunReading, prices: PriceRanges | None = None) -> list[Case]:
    """The paths of each stratum and group, with what they are judged by; none for a run without a baseline."""
    if not reading.baseline:
        return []
    scenarios = scenarios_of(reading)
    overloads = overloads_of(reading)
    cases = []
    for (stratum, group), rows in reading.rows_by_stratum.items():
        axes = reading.variants[rows[0].variant].stratum_axes
        candidates = candidates_of(reading, rows, scenarios, overloads, prices)
        cases.append(Case({**axes, GROUP: group}, stratum, group, candidates))
    return cases


def verdicts_of(reading: RunReading, cases: Sequence[Case]) -> tuple[list[Verdict], list[StatedOrder]]:
    """A verdict a stratum and group, and the orders of two paths that each of them states."""
    verdicts, orders = list[Verdict](), list[StatedOrder]()
    for case in cases:
        rows = reading.rows_by_stratum[case.stratum, case.group]
        labels = short_labels(rows, reading.baseline)
        variants = {label: row.variant for label, row in zip(labels, rows, strict=True)}
        told = verdict_of(case.candidates)
        besides = needless(rows, reading.baseline, reading.guest_sums)
        details = (*told.details, besides) if besides else told.details
        best = None if told.best is None else reading.variants[variants[told.best]].path
        verdicts.append(Verdict(case.stratum, case.group, told.sentence, best, details))
        for one, other in stated(case.candidates):
            ratio = case.candidates.ratio(one, other, MEDIAN.figure)
            if ratio is not None:
                mine, theirs = variants[one.label], variants[other.label]
                orders.append(StatedOrder(case.stratum, case.group, one.label, mine, other.label, theirs, ratio.mean))
    return verdicts, orders


def scenarios_of(reading: RunReading) -> dict[str, ScenarioSpec]:
    """The scenarios of a run's variants, without those of another version."""
    found = {}
    for variant, record in reading.manifest.variants.items():
        with suppress(ValueError):
            found[variant] = ScenarioSpec.model_validate(record.scenario)
    return found


def candidates_of(
    reading: RunReading,
    rows: Sequence[Row],
    scenarios: Mapping[str, ScenarioSpec],
    overloads: Mapping[tuple[str, str], Overload],
    prices: PriceRanges | None,
) -> CandidateSet:
    """The rows of one stratum and group, with their ratios to the baseline and to whoever may be best."""
    axes, criteria = reading.baseline, criteria_of(reading.manifest.judge)
    by_label = dict(zip(short_labels(rows, axes), rows, strict=True))
    without_ratios = [
        Candidate(
            label,
            row.figures,
            {},
            row.is_baseline,
            overloads.get((row.variant, row.group)),
            presumptions_of(scenarios[row.variant], row.group, row.figures) if row.variant in scenarios else "",
            kind_of(scenarios.get(row.variant), row.group),
        )
        for label, row in by_label.items()
    ]
    labels_of_rivals = {
        label: {axis: name for axis, name in by_label[label].axes.items() if axis in axes}
        for label in rivals(without_ratios, criteria)
    }
    members = []
    for one in without_ratios:
        over = {
            rival: {
                criterion.figure: reading.by_baseline.ratio(by_label[one.label], labels, criterion.figure)
                for criterion in (*criteria, MEDIAN)
            }
            for rival, labels in labels_of_rivals.items()
            if rival != one.label
        }
        members.append(replace(one, over=over))
    ranges = NO_PRICES if prices is None else RangesOfRows(prices, by_label)
    return CandidateSet(members, criteria, ranges, work_of(scenarios.get(rows[0].variant), rows[0].group))


def short_labels(rows: Sequence[Row], axes: Labels) -> list[str]:
    """What the paths of a stratum are called: without labels that the baseline has too, where that leaves them apart.

    The path's own axis, or the first, always stands.
    """
    first = PATH_AXIS if PATH_AXIS in axes else next(iter(axes), "")
    short = [
        " ".join(label for axis, label in row.axes.items() if axis in axes and (axis == first or label != axes[axis]))
        for row in rows
    ]
    is_apart = all(short) and len(set(short)) == len(short)
    return short if is_apart else [path_of(row.variant, row.axes, axes) for row in rows]


def kind_of(scenario: ScenarioSpec | None, group: str) -> str:
    """The kind of a group's path; empty where the scenario is not known."""
    groups = () if scenario is None else scenario.guests
    return next((scenario.path_of(each).kind for each in groups if scenario and each.name == group), "")


def work_of(scenario: ScenarioSpec | None, group: str) -> str:
    """What a group's guests move; `transfer` where it is of several kinds, or the scenario is not known."""
    groups = () if scenario is None else scenario.guests
    kinds = {WORK[workload.kind] for each in groups if each.name == group for workload in each.workloads}
    kinds = kinds - {WORK["boot"]} or kinds
    return kinds.pop() if len(kinds) == 1 else "transfer"


@dataclass(frozen=True, slots=True)
class RangesOfRows:
    """The costs' ranges of the ratios of one stratum's paths, by their labels."""

    prices: PriceRanges
    rows: Mapping[str, Row]

    def between(self, one: Candidate, other: Candidate, figure: str) -> Ends | None:
        """See Prices."""
        mine, theirs = self.rows[one.label], self.rows[other.label]
        return self.prices.ratio(mine.variant, theirs.variant, mine.group, figure)


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
    if 1 < manifest.replications < FEWEST:
        found.append("Two replications: only what is equal in both has an interval, and nothing else is shown.")
    missing = [label for label in manifest.variants if label not in {row.variant for row in rows}]
    if missing:
        found.append(f"{len(missing)} of {len(manifest.variants)} variants have no finished run.")
    return found
