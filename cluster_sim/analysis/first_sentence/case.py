"""One stratum and group of a run among all of them, and what is asked of several."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import Criterion
from cluster_sim.analysis.answers.phrases import listed
from cluster_sim.analysis.first_sentence.where import where
from cluster_sim.analysis.strata import Labels

MOST_NAMED: Final = 4
"""Paths that a clause names."""


@dataclass(frozen=True, slots=True)
class Case:
    """The paths of one stratum and group, and where that is: its labels by axis, the group among them."""

    labels: Labels
    stratum: str
    group: str
    candidates: CandidateSet


def differs(candidates: CandidateSet, criterion: Criterion) -> bool:
    """Whether two paths are shown to differ in a figure; in a share, those that deliver nothing count too."""
    members = candidates.members if criterion.is_share else candidates.delivering
    return any(candidates.relation(one, other, criterion) == "better" for one in members for other in members)


def labels_where(cases: Sequence[Case], holds: Callable[[Case, Candidate], bool]) -> dict[str, list[Labels]]:
    """By path, where something holds of it."""
    found: dict[str, list[Labels]] = {}
    for case in cases:
        for one in case.candidates.members:
            if holds(case, one):
                found.setdefault(one.label, []).append(case.labels)
    return found


def cases_with(cases: Sequence[Case], label: str) -> list[Labels]:
    """Where a path was run at all."""
    return [case.labels for case in cases if any(one.label == label for one in case.candidates.members)]


def by_place(cases: Sequence[Case], labels_by_path: dict[str, list[Labels]]) -> dict[str, list[str]]:
    """Paths by where something holds of them, of all the cases that they were run in; with a space before it."""
    found: dict[str, list[str]] = {}
    for label, labels in labels_by_path.items():
        mine = cases_with(cases, label)
        at = "" if len(labels) == len(mine) < len(cases) else where(labels, mine)
        found.setdefault(spaced(at), []).append(label)
    return found


def few(labels: Iterable[str]) -> str:
    """A list of which the first few are named."""
    names = list(labels)
    more = [f"{len(names) - MOST_NAMED + 1} more"] if len(names) > MOST_NAMED else []
    return listed([*names[: MOST_NAMED - 1], *more] if more else names)


def spaced(text: str) -> str:
    """With a space before it, if there is anything."""
    return f" {text}" if text else ""
