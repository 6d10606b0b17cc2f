"""Who has the best of a figure, where, how much it is, and how far that is from the baseline or the next."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import Criterion
from cluster_sim.analysis.answers.phrases import distances, listed
from cluster_sim.analysis.first_sentence.case import Case, differs, few, spaced
from cluster_sim.analysis.first_sentence.spread import spread
from cluster_sim.analysis.first_sentence.where import where

KINDS: Final = {
    "shared_pool": "a shared pool",
    "swiotlb": "bouncing through swiotlb",
    "convert": "conversion",
    "direct": "direct access",
}
"""Kinds of paths in a sentence."""
MOST_CLAUSES: Final = 3
"""Different sets of leaders that are each told; of more, each path's number of cases is."""


def leaders_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """Who has the best of a figure, by one path throughout, by one kind of path, or place by place."""
    cases = [case for case in cases if any(not math.isnan(one.value(criterion)) for one in case.candidates.members)]
    leading = {number: found for number, case in enumerate(cases) if (found := leaders(case.candidates, criterion))}
    those = [cases[number] for number in leading]
    every = [case.labels for case in cases]
    best = f"the {'highest' if criterion.more_is_better else 'lowest'} {criterion.name}"
    at = spaced(where([case.labels for case in those], every))
    sets = {tuple(each.label for each in found) for found in leading.values()}
    clauses = []
    if len(sets) > 1 and (label := label_of_all(leading)):
        clauses.append(
            f"{label} has {best}, alone or with others,{at}{told_of(those, [label] * len(those), criterion)}"
        )
    elif len(sets) > 1 and (kind := kind_of_all(cases, leading)):
        firsts = [next(each.label for each in found if each.kind == kind) for found in leading.values()]
        clauses.append(f"{KINDS[kind]} has {best}{at}{told_of(those, firsts, criterion)}")
    elif len(sets) > MOST_CLAUSES:
        counts = Counter(each.label for found in leading.values() for each in found)
        told = [f"{label} has {best} in {number}" for label, number in counts.most_common(MOST_CLAUSES)]
        told = [told[0], *(each.replace(f" has {best}", "") for each in told[1:])]
        clauses.append(f"alone or with others, {listed(told)} of {len(cases)} cases")
    else:
        clauses += clauses_by_leader(cases, leading, criterion, best)
    if len(those) < len(cases):
        rest = [case.labels for number, case in enumerate(cases) if number not in leading]
        clauses.append(f"no difference in it is shown{spaced(where(rest, every))}")
    return "; ".join(clauses)


def leader_everywhere(cases: Sequence[Case], criterion: Criterion) -> str:
    """The path that has the best of a figure wherever any has; empty where none does."""
    leading = {number: found for number, case in enumerate(cases) if (found := leaders(case.candidates, criterion))}
    return label_of_all(leading) if leading else ""


def clauses_by_leader(
    cases: Sequence[Case], leading: Mapping[int, list[Candidate]], criterion: Criterion, best: str
) -> list[str]:
    """A clause for each set of leaders."""
    every = [case.labels for case in cases]
    by_leader: dict[tuple[str, ...], list[Case]] = {}
    for number, found in leading.items():
        by_leader.setdefault(tuple(each.label for each in found), []).append(cases[number])
    clauses = []
    for labels, those in by_leader.items():
        has = "has" if len(labels) == 1 else "have"
        at = spaced(where([case.labels for case in those], every))
        clauses.append(f"{few(labels)} {has} {best}{at}{told_of(those, [labels[0]] * len(those), criterion)}")
    return clauses


def label_of_all(leading: Mapping[int, list[Candidate]]) -> str:
    """The path that is among the leaders of all cases; empty where none is."""
    sets = [[each.label for each in found] for found in leading.values()]
    return next((label for label in sets[0] if all(label in each for each in sets)), "")


def kind_of_all(cases: Sequence[Case], leading: Mapping[int, list[Candidate]]) -> str:
    """The kind that leads in all cases, by one path here and another there; empty where none does, or is the only."""
    if len({each.kind for number in leading for each in cases[number].candidates.members}) < 2:
        return ""
    sets = [[each.kind for each in found] for found in leading.values()]
    return next((kind for kind in sets[0] if kind in KINDS and all(kind in each for each in sets)), "")


def leaders(candidates: CandidateSet, criterion: Criterion) -> list[Candidate]:
    """The paths with the best of a figure: the first, and who is not shown to be behind it; none where all may be."""
    known = [each for each in candidates.delivering if not math.isnan(each.value(criterion))]
    if not known or not differs(candidates, criterion):
        return []
    sign = -1 if criterion.more_is_better else 1
    first = min(known, key=lambda each: sign * each.value(criterion))
    near = ("equal", "not shown")
    return [each for each in known if each is first or candidates.relation(each, first, criterion) in near]


def told_of(cases: Sequence[Case], labels: Sequence[str], criterion: Criterion) -> str:
    """The values of each case's leader, and how far they are from the baseline."""
    pairs = [(case, member(case.candidates, label)) for case, label in zip(cases, labels, strict=True)]
    values = [(case.labels, one.value(criterion)) for case, one in pairs]
    work = cases[0].candidates.work if len({case.candidates.work for case in cases}) == 1 else "transfer"
    return f": {spread(values, criterion.figure, work)}{gap(pairs, criterion)}"


def member(candidates: CandidateSet, label: str) -> Candidate:
    """A path by its label."""
    return next(each for each in candidates.members if each.label == label)


def gap(pairs: Sequence[tuple[Case, Candidate]], criterion: Criterion) -> str:
    """How far each case's leader is from the baseline, or from the next where it is the baseline itself."""
    found: dict[str, list[float]] = {}
    for case, leader in pairs:
        other = compared_with(case.candidates, leader, criterion)
        ratio = None if other is None else case.candidates.ratio(leader, other, criterion.figure)
        if ratio is not None and other is not None:
            found.setdefault(other.label, []).append(ratio.mean)
    told = [f"{distances(min(ratios), max(ratios))} than {label}" for label, ratios in found.items()]
    return f", {listed(told)}" if 0 < len(told) <= MOST_CLAUSES else ""


def compared_with(candidates: CandidateSet, leader: Candidate, criterion: Criterion) -> Candidate | None:
    """The baseline; of a leader that is the baseline, the best of those that are shown to be behind."""
    base = candidates.baseline
    if base is not None and base is not leader:
        return None if math.isnan(base.value(criterion)) else base
    behind = [each for each in candidates.delivering if candidates.relation(leader, each, criterion) == "better"]
    sign = -1 if criterion.more_is_better else 1
    return min(behind, key=lambda each: sign * each.value(criterion), default=None)
