"""Where something holds, in few words: a choice of strata, among all of them, by the labels of their axes."""

from collections.abc import Sequence
from typing import Final

from cluster_sim.analysis.answers.phrases import listed
from cluster_sim.analysis.strata import Labels
from cluster_sim.platform.protection import PROTECTIONS

TECHNOLOGY: Final = "protection"
GROUP: Final = "group"
MOST_CLAUSES: Final = 2
"""Clauses of a place; one that needs more is told by its number of cases."""
NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def where(chosen: Sequence[Labels], every: Sequence[Labels]) -> str:
    """Such as `on all five technologies`, `on pKVM with memory g4`; empty where there is one case only."""
    if len(every) < 2:
        return ""
    if len(chosen) == len(every):
        return everywhere(every)
    clauses = clauses_of(list(chosen), list(every), list(every[0]))
    return listed(clauses) if len(clauses) <= MOST_CLAUSES else f"in {len(chosen)} of {len(every)} cases"


def everywhere(every: Sequence[Labels]) -> str:
    """All cases: by their technologies, if there are several."""
    names = list(dict.fromkeys(each[TECHNOLOGY] for each in every if TECHNOLOGY in each))
    protected = [name for name in names if name != "none"]
    if len(protected) < 2:
        return "everywhere"
    told = all_technologies(len(protected))
    return f"{told} and without protection" if len(protected) < len(names) else told


def all_technologies(number: int) -> str:
    """So many technologies, which are all."""
    word = NUMBERS[number] if number < len(NUMBERS) else str(number)
    return "on both technologies" if number == 2 else f"on all {word} technologies"


def clauses_of(chosen: list[Labels], every: list[Labels], axes: Sequence[str]) -> list[str]:
    """A clause for each block of cases: labels on the axes where a choice was made."""
    sets = {axis: list(dict.fromkeys(each[axis] for each in chosen)) for axis in axes}
    block = [each for each in every if all(each[axis] in labels for axis, labels in sets.items())]
    if len(block) == len(chosen):
        told = [
            told_of(axis, labels, [each[axis] for each in every])
            for axis, labels in sets.items()
            if len(labels) < len({each[axis] for each in every})
        ]
        return [" ".join(told)]
    axis = next(axis for axis in axes if len(sets[axis]) > 1)
    rest = [each for each in axes if each != axis]
    by_place: dict[tuple[str, ...], list[str]] = {}
    for label in sets[axis]:
        mine, others = ([each for each in cases if each[axis] == label] for cases in (chosen, every))
        inner = () if len(mine) == len(others) else tuple(clauses_of(mine, others, rest))
        by_place.setdefault(inner, []).append(label)
    names = [each[axis] for each in every]
    return [" ".join(filter(None, (told_of(axis, labels, names), listed(inner)))) for inner, labels in by_place.items()]


def told_of(axis: str, labels: Sequence[str], among: Sequence[str] = ()) -> str:
    """`on pKVM and SNP`, `for raw`, `with memory g4`; in few words where they are all that there are `among` others."""
    if axis == TECHNOLOGY and {*labels} == {*among} - {"none"} and len(labels) > 1:
        return all_technologies(len(labels))
    if axis == TECHNOLOGY:
        names = [PROTECTIONS[each].title if each in PROTECTIONS else each for each in labels if each != "none"]
        told = f"on {listed(names)}" if names else ""
        return " and ".join(filter(None, (told, "without protection" if "none" in labels else "")))
    if axis == GROUP:
        return f"for {listed(list(labels))}"
    return f"with {axis.rpartition('.')[2]} {listed(list(labels))}"
