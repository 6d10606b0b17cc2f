"""How the other paths stand to the baseline in a figure: who is ahead here and behind there, and how far."""

from collections.abc import Sequence
from typing import Final

from cluster_sim.analysis.answers.candidates import Candidate
from cluster_sim.analysis.answers.criteria import Criterion, Relation
from cluster_sim.analysis.answers.phrases import distances, listed
from cluster_sim.analysis.first_sentence.case import Case, few, labels_where
from cluster_sim.analysis.first_sentence.leaders import leader_everywhere
from cluster_sim.analysis.first_sentence.where import where
from cluster_sim.analysis.strata import Labels

MOST_TOLD: Final = 4
"""Paths of which each is told how far it is from the baseline."""


def orders_told(cases: Sequence[Case], criterion: Criterion) -> list[str]:
    """Clauses on every path beside the baseline; none where there is no baseline."""
    base = next((case.candidates.baseline for case in cases if case.candidates.baseline is not None), None)
    if base is None:
        return []
    ahead, behind = (standing(cases, criterion, relation) for relation in ("better", "worse"))
    steady = [label for label in dict.fromkeys((*ahead, *behind)) if label not in ahead or label not in behind]
    leader = leader_everywhere(cases, criterion)
    told = [label for label in steady if label != leader]
    flips = flips_told(len(cases), base.label, ahead, behind)
    if len(told) <= MOST_TOLD:
        return [*flips, *distances_told(cases, criterion, base.label, told)]
    sides = (("ahead of", ahead), ("behind", behind))
    lists = [(side, [label for label in told if label in those]) for side, those in sides]
    return [*flips, *(f"{side} {base.label} wherever they differ from it: {listed(who)}" for side, who in lists if who)]


def flips_told(number: int, base: str, ahead: dict[str, list[Labels]], behind: dict[str, list[Labels]]) -> list[str]:
    """Which paths are ahead of the baseline in some of so many cases and behind in others."""
    flipping = [label for label in ahead if label in behind]
    if not flipping:
        return [f"no order to {base} flips"] if number > 1 and (ahead or behind) else []
    by_where: dict[tuple[str, str], list[str]] = {}
    for label in flipping:
        mine = [*ahead[label], *behind[label]]
        by_where.setdefault((where(ahead[label], mine), where(behind[label], mine)), []).append(label)
    clauses = [
        f"{few(who)} {'is' if len(who) == 1 else 'are'} ahead of {base} {better} and behind {worse}"
        for (better, worse), who in by_where.items()
    ]
    return [*clauses, "nothing else flips"]


def distances_told(cases: Sequence[Case], criterion: Criterion, base: str, labels: Sequence[str]) -> list[str]:
    """How far each of some paths is from the baseline, from the least to the most."""
    told = []
    for label in labels:
        found = ratios_to_baseline(cases, criterion, label)
        told.append(f"{label} is {distances(min(found), max(found))}")
    return [f"beside {base}, {listed(told)}"] if told else []


def ratios_to_baseline(cases: Sequence[Case], criterion: Criterion, label: str) -> list[float]:
    """The ratios of a path to the baseline, wherever there is one."""
    found = []
    for case in cases:
        base = case.candidates.baseline
        one = next((each for each in case.candidates.delivering if each.label == label), None)
        if base is None or one is None or case.candidates.relation(one, base, criterion) == "no ratio":
            continue
        ratio = case.candidates.ratio(one, base, criterion.figure)
        if ratio is not None:
            found.append(ratio.mean)
    return found


def standing(cases: Sequence[Case], criterion: Criterion, wanted: Relation) -> dict[str, list[Labels]]:
    """Where each path is better, or worse, than the baseline."""

    def stands(case: Case, one: Candidate) -> bool:
        base = case.candidates.baseline
        is_other = base is not None and one is not base and one.delivers
        return is_other and base is not None and case.candidates.relation(one, base, criterion) == wanted

    return labels_where(cases, stands)
