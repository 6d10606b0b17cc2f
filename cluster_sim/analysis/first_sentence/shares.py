"""What is said of figures that are 0 where all is well: whose are not, how large, and where."""

import math
from collections.abc import Sequence
from typing import Final

from cluster_sim.analysis.answers.candidates import Candidate
from cluster_sim.analysis.answers.criteria import Criterion
from cluster_sim.analysis.answers.phrases import measured
from cluster_sim.analysis.first_sentence.case import Case, by_place, differs, few, labels_where
from cluster_sim.analysis.first_sentence.spread import spread

MOST_CLAUSES: Final = 3
"""Clauses that tell a path's values place by place; of more, each path's largest is told."""


def is_nothing(cases: Sequence[Case], criterion: Criterion) -> bool:
    """Whether a share is nothing, or there is none, wherever it was asked for."""
    return not any(counts(one, criterion) for case in cases for one in case.candidates.members)


def counts(one: Candidate, criterion: Criterion) -> bool:
    """Whether a path has enough of a share to speak of."""
    return one.value(criterion) > criterion.nothing_to


def share_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """Whose share is not nothing, how large, and where; whose is nothing throughout."""
    labels_by_path = labels_where(cases, lambda _, one: counts(one, criterion))
    if not any(differs(case.candidates, criterion) for case in cases):
        return f"{criterion.name}: {same_told(cases, criterion)}"
    clauses: dict[tuple[str, str], list[str]] = {}
    for at, who in by_place(cases, labels_by_path).items():
        for label in who:
            found = values_of(cases, criterion, label)
            clauses.setdefault((spread(found, criterion.figure, "transfer"), at), []).append(label)
    told = [f"{amount} by {few(who)}{at}" for (amount, at), who in clauses.items()]
    if len(told) > MOST_CLAUSES:
        told = most_told(cases, criterion, list(labels_by_path))
    free = [label for label in all_labels(cases) if label not in labels_by_path and has_any(cases, label, criterion)]
    told += [f"nothing by {few(free)}"] if free else []
    return f"{criterion.name}: {', '.join(told)}"


def most_told(cases: Sequence[Case], criterion: Criterion, labels: Sequence[str]) -> list[str]:
    """The most that each of several paths has anywhere, the largest first; of many, those with less are counted."""
    most = {label: max(value for _, value in values_of(cases, criterion, label)) for label in labels}
    named = sorted(most, key=lambda label: -most[label])
    by_value: dict[str, list[str]] = {}
    for label in named:
        by_value.setdefault(measured(most[label], criterion.figure), []).append(label)
    told = [f"{value} by {few(who)}" for value, who in by_value.items()]
    told[0] = f"up to {told[0]}"
    rest = sum(len(who) for who in [*by_value.values()][MOST_CLAUSES:])
    return [*told[:MOST_CLAUSES], *([f"less by {rest} more"] if rest else [])]


def same_told(cases: Sequence[Case], criterion: Criterion) -> str:
    """How large a share is that no path is shown to have more of than another, and where there is any."""
    values = values_of(cases, criterion)
    those = [case for case in cases if any(counts(one, criterion) for one in case.candidates.members)]
    label = those[0].candidates.members[0].label
    at = next(iter(by_place(cases, {label: [case.labels for case in those]})))
    is_equal = all(len({one.value(criterion) for one in case.candidates.members}) == 1 for case in those)
    how = " on every path" if is_equal else ", with no difference shown between paths"
    return f"{spread(values, criterion.figure, 'transfer')}{at}{how}"


def values_of(cases: Sequence[Case], criterion: Criterion, label: str = "") -> list[tuple[dict[str, str], float]]:
    """A share of one path, or of all, by case, where it is more than nothing."""
    return [
        (dict(case.labels), one.value(criterion))
        for case in cases
        for one in case.candidates.members
        if counts(one, criterion) and label in ("", one.label)
    ]


def all_labels(cases: Sequence[Case]) -> list[str]:
    """All paths, in their order."""
    return list(dict.fromkeys(one.label for case in cases for one in case.candidates.members))


def has_any(cases: Sequence[Case], label: str, criterion: Criterion) -> bool:
    """Whether a path has a value of a share at all."""
    members = (one for case in cases for one in case.candidates.members if one.label == label)
    return any(not math.isnan(one.value(criterion)) for one in members)
