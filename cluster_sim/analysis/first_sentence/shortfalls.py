"""Paths that deliver nothing, that do not sustain what they are offered, and whose order the costs' ranges turn."""

from collections.abc import Sequence

from cluster_sim.analysis.answers.candidates import Candidate
from cluster_sim.analysis.answers.criteria import Criterion
from cluster_sim.analysis.answers.phrases import amount
from cluster_sim.analysis.first_sentence.case import Case, by_place, few, labels_where
from cluster_sim.analysis.overloads.overload import rounded

DIGITS = 2
"""That matter in a rate that is sustained, where it is one end of a range."""


def silent_told(cases: Sequence[Case]) -> str:
    """Paths that deliver nothing, and where."""
    found = by_place(cases, labels_where(cases, lambda _, one: not one.delivers))
    return "; ".join(
        f"{few(who)} {'delivers' if len(who) == 1 else 'deliver'} nothing{at}" for at, who in found.items()
    )


def strained_told(cases: Sequence[Case]) -> str:
    """Paths that do not sustain what they are offered, where, and what they sustain."""
    strained = labels_where(cases, lambda _, one: one.delivers and one.overload is not None)
    if not strained:
        return ""
    members = [one for case in cases for one in case.candidates.members if one.delivers]
    overloads = [one.overload for one in members if one.overload is not None]
    rates = dict.fromkeys(f"{amount(each.offered)} {each.unit}" for each in overloads)
    rate = next(iter(rates)) if len(rates) == 1 else "what they are offered"
    found = by_place(cases, strained)
    at = next(iter(found)) if len(found) == 1 else " in some cases"
    who = [label for labels in found.values() for label in labels]
    sustained = sorted(rounded(each.sustained, DIGITS) for each in overloads)
    ends = dict.fromkeys(amount(each) for each in (sustained[0], sustained[-1]) if each)
    told = f", but only {'' if sustained[0] else 'up to '}{' to '.join(ends)}" if len(rates) == 1 and ends else ""
    return f"{few(who)} {'does' if len(who) == 1 else 'do'} not sustain {rate}{at}{told}"


def turning_told(cases: Sequence[Case], criterion: Criterion | None) -> str:
    """Paths whose order to the baseline turns within the ranges of the costs."""
    if criterion is None:
        return ""

    def turns(case: Case, one: Candidate) -> bool:
        base = case.candidates.baseline
        if base is None or one is base or case.candidates.relation(one, base, criterion) not in ("better", "worse"):
            return False
        found = case.candidates.prices.between(one, base, criterion.figure)
        return found is not None and found.low < 1 < found.high

    turning = by_place(cases, labels_where(cases, turns))
    if not turning:
        return ""
    base = next(case.candidates.baseline for case in cases if case.candidates.baseline is not None)
    clauses = [f"{few(who)}{at}" for at, who in turning.items()]
    return f"within the costs' ranges the order to {base.label} turns for {few(clauses)}"
