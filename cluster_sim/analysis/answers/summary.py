"""One sentence over all strata and groups of a run: who leads where, what flips, and what fails."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import Criterion
from cluster_sim.analysis.answers.phrases import amount, distances, listed, measured
from cluster_sim.analysis.answers.where import where
from cluster_sim.analysis.strata import Labels

KINDS = {
    "shared_pool": "a shared pool",
    "swiotlb": "bouncing through swiotlb",
    "convert": "conversion",
    "direct": "direct access",
}
"""Kinds of paths in a sentence."""
MOST_NAMED = 4
"""Paths of one kind that the sentence names."""


@dataclass(frozen=True, slots=True)
class Case:
    """The paths of one stratum and group, and where that is: its labels by axis, the group among them."""

    labels: Labels
    stratum: str
    group: str
    candidates: CandidateSet


def summary(cases: Sequence[Case]) -> str:
    """What holds over all cases; empty where nothing can be compared."""
    compared = [case for case in cases if len(case.candidates.members) > 1]
    if not compared:
        return ""
    criteria = compared[0].candidates.criteria
    shares, first = shares_before(compared, criteria)
    told = [share_told(compared, each) for each in shares if not is_nothing(compared, each)]
    nothing = [each.name for each in shares if is_nothing(compared, each)]
    if nothing:
        told.append(f"nothing is {listed(nothing, 'or')} on any path")
    if first is not None:
        told += [leaders_told(compared, first), flips_told(compared, first)]
    told += [failing(compared), turning(compared, first)]
    sentence = "; ".join(filter(None, told))
    begins_with_path = any(sentence.startswith(f"{one.label} ") for case in compared for one in case.candidates.members)
    first_letter = sentence[:1] if begins_with_path else sentence[:1].upper()
    return f"{first_letter}{sentence[1:]}." if sentence else ""


def shares_before(cases: Sequence[Case], criteria: Sequence[Criterion]) -> tuple[list[Criterion], Criterion | None]:
    """The shares that are asked for, and the first other figure in which paths differ."""
    shares = [each for each in criteria if each.is_share]
    others = (each for each in criteria if not each.is_share)
    return shares, next((each for each in others if any(differs(case.candidates, each) for case in cases)), None)


def differs(candidates: CandidateSet, criterion: Criterion) -> bool:
    """Whether two paths are shown to differ in a figure."""
    members = candidates.delivering
    return any(candidates.relation(one, other, criterion) == "better" for one in members for other in members)


def is_nothing(cases: Sequence[Case], criterion: Criterion) -> bool:
    """Whether a share is 0, or there is none, wherever it was asked for."""
    values = [one.value(criterion) for case in cases for one in case.candidates.members]
    return not any(value > 0 for value in values)


def share_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """Whose share is not 0, how large, and where; whose is 0 throughout."""
    every = [case.labels for case in cases]
    largest: dict[str, float] = {}
    strata_of: dict[str, list[Labels]] = {}
    for case in cases:
        for one in case.candidates.members:
            value = one.value(criterion)
            if not math.isnan(value):
                largest[one.label] = max(largest.get(one.label, 0.0), value)
                if value > 0:
                    strata_of.setdefault(one.label, []).append(case.labels)
    by_where: dict[tuple[str, str], list[str]] = {}
    for label, labels in strata_of.items():
        most = measured(largest[label], criterion.figure)
        by_where.setdefault((where(labels, every), most), []).append(label)
    clauses = [
        f"{'up to ' if len(every) > 1 else ''}{most} by {few(who)}{spaced(at)}" for (at, most), who in by_where.items()
    ]
    free = [label for label, value in largest.items() if value == 0]
    clauses += [f"nothing by {few(free)}"] if free else []
    return f"{criterion.name}: {', '.join(clauses)}"


def leaders_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """Who has the best of a figure, where, and how far from the baseline."""
    every = [case.labels for case in cases]
    by_leader: dict[tuple[str, ...], list[Case]] = {}
    for case in cases:
        if found := leaders(case.candidates, criterion):
            by_leader.setdefault(tuple(each.label for each in found), []).append(case)
    best = "highest" if criterion.more_is_better else "lowest"
    if kind := kind_that_leads(cases, criterion):
        first = [
            next(each.label for each in leaders(case.candidates, criterion) if each.kind == kind) for case in cases
        ]
        at = spaced(where(every, every))
        return f"{KINDS[kind]} has the {best} {criterion.name}{at}{gap(cases, first, criterion)}"
    clauses = []
    for labels, those in by_leader.items():
        has = "has" if len(labels) == 1 else "have"
        at = spaced(where([case.labels for case in those], every))
        told = gap(those, [labels[0]] * len(those), criterion)
        clauses.append(f"{few(labels)} {has} the {best} {criterion.name}{at}{told}")
    return "; ".join(clauses)


def kind_that_leads(cases: Sequence[Case], criterion: Criterion) -> str:
    """The kind that leads in all of several cases, by one path here and another there; empty where none does."""
    of_cases = [[each.kind for each in leaders(case.candidates, criterion)] for case in cases]
    labels = {tuple(each.label for each in leaders(case.candidates, criterion)) for case in cases}
    if len(labels) < 2 or not all(of_cases):
        return ""
    return next((kind for kind in of_cases[0] if kind in KINDS and all(kind in kinds for kinds in of_cases)), "")


def leaders(candidates: CandidateSet, criterion: Criterion) -> list[Candidate]:
    """The paths with the best of a figure: the first, and who is not shown to be behind it."""
    known = [each for each in candidates.delivering if not math.isnan(each.value(criterion))]
    if not known or not differs(candidates, criterion):
        return []
    sign = -1 if criterion.more_is_better else 1
    first = min(known, key=lambda each: sign * each.value(criterion))
    near = ("equal", "not shown")
    return [each for each in known if each is first or candidates.relation(each, first, criterion) in near]


def gap(cases: Sequence[Case], labels: Sequence[str], criterion: Criterion) -> str:
    """How far each case's leader is from the baseline; nothing where it is the baseline."""
    found = []
    for case, label in zip(cases, labels, strict=True):
        base = case.candidates.baseline
        leader = next(each for each in case.candidates.members if each.label == label)
        ratio = None if base is None or base is leader else case.candidates.ratio(leader, base, criterion.figure)
        if ratio is not None and base is not None and not math.isnan(base.value(criterion)):
            found.append((ratio.mean, base.label))
    if not found:
        return ""
    return f", {distances(min(found)[0], max(found)[0])} than {found[0][1]}"


def flips_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """Which paths are ahead of the baseline in some cases and behind in others."""
    every = [case.labels for case in cases]
    ahead, behind = (standing(cases, criterion, wanted) for wanted in ("better", "worse"))
    flipping = [label for label in ahead if label in behind]
    base = next((case.candidates.baseline for case in cases if case.candidates.baseline is not None), None)
    if base is None or len(cases) < 2:
        return ""
    if not flipping:
        return f"no order to {base.label} flips" if ahead or behind else ""
    by_where: dict[tuple[str, str], list[str]] = {}
    for label in flipping:
        by_where.setdefault((where(ahead[label], every), where(behind[label], every)), []).append(label)
    clauses = [
        f"{few(who)} {'is' if len(who) == 1 else 'are'} ahead of {base.label} {better} and behind {worse}"
        for (better, worse), who in by_where.items()
    ]
    return f"{'; '.join(clauses)}; nothing else flips"


def standing(cases: Sequence[Case], criterion: Criterion, wanted: str) -> dict[str, list[Labels]]:
    """Where each path is better, or worse, than the baseline."""
    found: dict[str, list[Labels]] = {}
    for case in cases:
        base = case.candidates.baseline
        for one in case.candidates.delivering:
            if base is not None and one is not base and case.candidates.relation(one, base, criterion) == wanted:
                found.setdefault(one.label, []).append(case.labels)
    return found


def failing(cases: Sequence[Case]) -> str:
    """Paths that deliver nothing, and paths that do not sustain what they are offered."""
    silent = told_where(cases, lambda one: not one.delivers)
    clauses = [f"{few(who)} {'delivers' if len(who) == 1 else 'deliver'} nothing{at}" for at, who in silent]
    strained = told_where(cases, lambda one: one.delivers and one.overload is not None)
    if strained:
        overloads = [each.overload for case in cases for each in case.candidates.members if each.overload is not None]
        rates = dict.fromkeys(f"{amount(each.offered)} {each.unit}" for each in overloads)
        who = [label for _, labels in strained for label in labels]
        at = strained[0][0] if len(strained) == 1 else " in some cases"
        rate = next(iter(rates)) if len(rates) == 1 else "what they are offered"
        clauses.append(f"{few(who)} {'does' if len(who) == 1 else 'do'} not sustain {rate}{at}")
    return "; ".join(clauses)


def told_where(cases: Sequence[Case], holds: Callable[[Candidate], bool]) -> list[tuple[str, list[str]]]:
    """Paths of which something holds, by where it does."""
    every = [case.labels for case in cases]
    strata_of: dict[str, list[Labels]] = {}
    for case in cases:
        for one in case.candidates.members:
            if holds(one):
                strata_of.setdefault(one.label, []).append(case.labels)
    found: dict[str, list[str]] = {}
    for label, labels in strata_of.items():
        found.setdefault(spaced(where(labels, every)), []).append(label)
    return list(found.items())


def turning(cases: Sequence[Case], criterion: Criterion | None) -> str:
    """Paths whose order to the baseline turns within the ranges of the costs."""
    if criterion is None:
        return ""

    def turns(case: Case, one: Candidate) -> bool:
        base = case.candidates.baseline
        if base is None or one is base or case.candidates.relation(one, base, criterion) not in ("better", "worse"):
            return False
        found = case.candidates.prices.between(one, base, criterion.figure)
        return found is not None and found.low < 1 < found.high

    every = [case.labels for case in cases]
    strata_of: dict[str, list[Labels]] = {}
    for case in cases:
        for one in case.candidates.delivering:
            if turns(case, one):
                strata_of.setdefault(one.label, []).append(case.labels)
    if not strata_of:
        return ""
    clauses = [f"{label}{spaced(where(labels, every))}" for label, labels in strata_of.items()]
    base = next(case.candidates.baseline for case in cases if case.candidates.baseline is not None)
    return f"within the costs' ranges the order to {base.label} turns for {few(clauses)}"


def few(labels: Iterable[str]) -> str:
    """A list of which the first few are named."""
    names = list(labels)
    more = [f"{len(names) - MOST_NAMED + 1} more"] if len(names) > MOST_NAMED else []
    return listed([*names[: MOST_NAMED - 1], *more] if more else names)


def spaced(text: str) -> str:
    """With a space before it, if there is anything."""
    return f" {text}" if text else ""
