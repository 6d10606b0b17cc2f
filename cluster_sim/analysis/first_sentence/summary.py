"""One sentence over all strata and groups of a run, in the order of what is judged: who leads where, what fails."""

from collections.abc import Sequence

from cluster_sim.analysis.answers.criteria import Criterion, nothing_told
from cluster_sim.analysis.answers.phrases import ONE_REPLICATION, listed
from cluster_sim.analysis.first_sentence.case import Case, differs
from cluster_sim.analysis.first_sentence.leaders import leaders_told
from cluster_sim.analysis.first_sentence.orders import orders_told
from cluster_sim.analysis.first_sentence.shares import is_nothing, share_told
from cluster_sim.analysis.first_sentence.shortfalls import silent_told, strained_told, turning_told


def summary(cases: Sequence[Case]) -> str:
    """What holds over all cases; empty where nothing can be compared."""
    compared = [case for case in cases if len(case.candidates.members) > 1]
    if not compared:
        return ""
    criteria = compared[0].candidates.criteria
    first = next((each for each in criteria if not each.is_share and is_shown(compared, each)), None)
    told = figures_told(compared, criteria, first)
    told += [silent_told(compared), strained_told(compared), turning_told(compared, first)]
    sentence = "; ".join(filter(None, told))
    begins_with_path = any(sentence.startswith(f"{one.label} ") for case in compared for one in case.candidates.members)
    first_letter = sentence[:1] if begins_with_path else sentence[:1].upper()
    if not sentence:
        return ""
    if not any(case.candidates.shows_anything for case in compared):
        return f"{ONE_REPLICATION}: {sentence}."
    return f"{first_letter}{sentence[1:]}."


def is_shown(cases: Sequence[Case], criterion: Criterion) -> bool:
    """Whether paths are shown to differ in a figure anywhere."""
    return any(differs(case.candidates, criterion) for case in cases)


def figures_told(cases: Sequence[Case], criteria: Sequence[Criterion], first: Criterion | None) -> list[str]:
    """Clauses in the order of what is judged; of figures that are no shares, up to the first in which paths differ."""
    nothing = [each for each in criteria if each.is_share and is_nothing(cases, each)]
    others = [each for each in criteria if not each.is_share]
    unvarying = others if first is None else others[: others.index(first)]
    told: list[str] = []
    for each in criteria:
        if each in nothing:
            told += [nothing_told(nothing)] if each is nothing[0] else []
        elif each.is_share:
            told.append(share_told(cases, each))
        elif each is first:
            told += [leaders_told(cases, each), *orders_told(cases, each)]
        elif unvarying and each is unvarying[0]:
            told.append(f"no difference is shown in {listed([one.name for one in unvarying], 'or')}")
    return told
