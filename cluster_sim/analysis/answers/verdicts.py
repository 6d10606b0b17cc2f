"""The sentence on the paths of one stratum and group: who is best, in what, by how much, and who is not."""

import math

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import CRITERIA, Criterion
from cluster_sim.analysis.answers.phrases import amount, listed, times
from cluster_sim.analysis.silence import why_nothing

NOTABLE_PERCENT = 0.1
"""Share of frames dropped or late from which a sentence tells it."""

BACKLOG_PERCENT = 10
"""Share of frames unfinished from which a sentence tells it: more than what happens to be in flight at the end."""

NAMES = {"throughput": "throughput", "p50": "median latency", "p99": "99th percentile"}


def verdict_of(candidates: CandidateSet) -> tuple[str, tuple[str, ...], str | None]:
    """The sentence, what else is to be said, and the label of the path that is shown to be best, if one is."""
    if not candidates.members:
        return "Nothing was run here.", (), None
    if not candidates.delivering:
        labels = listed([each.label for each in candidates.members])
        return f"Nothing is delivered by {labels}: there is nothing to compare.", (), None
    if len(candidates.members) == 1:
        return f"Only {candidates.members[0].label} was run here: there is nothing to compare it with.", (), None
    sentence, best = heading(candidates)
    told = (*against_second(candidates), *against_baseline(candidates), troubles(candidates))
    details = tuple(text for text in told if text)
    if not candidates.has_intervals and len(candidates.delivering) > 1:
        return f"One replication, so no interval and nothing is shown; by its figures: {sentence}", details, None
    return sentence, details, best


def heading(candidates: CandidateSet) -> tuple[str, str | None]:
    """Who is best; or between whom nothing is shown; or who leads in what."""
    best, unbeaten = candidates.best, candidates.unbeaten
    if best is not None:
        if len(candidates.delivering) == 1:
            return f"{best.label} is best: it alone delivers anything.", best.label
        return f"{best.label} is best{lead_of(candidates, best)}.", best.label
    labels = [each.label for each in unbeaten]
    leads = {each.label: candidates.leads(each) for each in unbeaten}
    if not any(leads.values()):
        if len(unbeaten) == len(candidates.delivering):
            return f"No difference shown between {listed(labels)}.", None
        if len(unbeaten) == 1:
            (first,) = unbeaten
            others = [each for each in candidates.delivering if each is not first]
            near = [each.label for each in others if not candidates.beats(first, each)]
            return f"{first.label} is ahead, with no difference shown to {listed(near)}.", None
        return f"No difference shown between {listed(labels)}, which are ahead of the others.", None
    clauses = [
        f"{label} leads in {listed([name_of(each) for each in found])}" for label, found in leads.items() if found
    ]
    return f"None is best in everything: {'; '.join(clauses)}.", None


def lead_of(candidates: CandidateSet, best: Candidate) -> str:
    """What sets the best apart from the baseline and from the second: a figure each."""
    base = next((each for each in candidates.delivering if each.is_baseline and each is not best), None)
    second = candidates.second
    told = []
    if base is not None and base is not second and (ratios := better_in(candidates, best, base)):
        told.append(f"{ratios[0]} of {base.label}")
    if second is not None and (ratios := better_in(candidates, best, second)):
        told.append(f"{ratios[0]} of {second.label}, the second")
    return f": {', '.join(told)}" if told else ""


def better_in(candidates: CandidateSet, one: Candidate, other: Candidate) -> list[str]:
    """The ratios of all figures in which one path is better than another, the median latency before all others."""
    ratios = []
    for criterion in sorted(CRITERIA, key=lambda each: each.figure != "p50"):
        ratio = candidates.ratio(one, other, criterion.figure)
        if ratio is not None and candidates.relation(one, other, criterion) == "better":
            ratios.append(f"{times(ratio)} times the {name_of(criterion)}")
    return ratios


def against_second(candidates: CandidateSet) -> list[str]:
    """In what else the best is better than the second, beyond the figure that the verdict names."""
    best, second = candidates.best, candidates.second
    if best is None or second is None:
        return []
    others = better_in(candidates, best, second)[1:]
    return [f"{best.label} also has {listed(others)} of {second.label}."] if others else []


def against_baseline(candidates: CandidateSet) -> list[str]:
    """How each path but the best compares with the baseline; those that do so in the same way share a clause."""
    base = candidates.baseline
    if base is None:
        return []
    if not base.delivers or base.overload is not None:
        return [f"There is no ratio to {base.label}, the baseline."]
    if candidates.best is not None and len(candidates.members) == 2:
        return []
    by_contrast: dict[str, list[str]] = {}
    for one in candidates.delivering:
        if one is base or one is candidates.best or one.overload is not None:
            continue
        ratio = main_ratio(candidates, one, base)
        by_contrast.setdefault(contrast_of(candidates, one, base), []).append(
            f"{one.label} ({ratio})" if ratio else one.label
        )
    if candidates.best is None and set(by_contrast) == {"no difference shown"}:
        return []
    clauses = [f"{contrast}: {listed(labels)}" for contrast, labels in sorted(by_contrast.items(), key=praise)]
    return [f"Against {base.label}, {'; '.join(clauses)}."] if clauses else []


def praise(clause: tuple[str, list[str]]) -> int:
    """Better before mixed, nothing shown, worse."""
    contrast = clause[0]
    return 3 if contrast.startswith("worse") else 2 if contrast.startswith("no") else int("worse" in contrast)


def main_ratio(candidates: CandidateSet, one: Candidate, base: Candidate) -> str:
    """The first figure in which two paths are shown to differ, the median latency before all others."""
    for criterion in sorted(CRITERIA, key=lambda each: each.figure != "p50"):
        ratio = candidates.ratio(one, base, criterion.figure)
        if ratio is not None and candidates.relation(one, base, criterion) in ("better", "worse"):
            return f"{name_of(criterion)} times {times(ratio, within=True)}"
    return ""


def contrast_of(candidates: CandidateSet, one: Candidate, base: Candidate) -> str:
    """In what a path is better and worse than the baseline."""
    clauses = []
    for wanted in ("better", "worse"):
        found = [each for each in CRITERIA if candidates.relation(one, base, each) == wanted]
        if found:
            where = "everything" if len(found) == len(CRITERIA) else listed([name_of(each) for each in found])
            clauses.append(f"{wanted} in {where}")
    return " but ".join(clauses) or "no difference shown"


def name_of(criterion: Criterion) -> str:
    """A criterion in words."""
    return NAMES.get(criterion.figure, criterion.figure)


def troubles(candidates: CandidateSet) -> str:
    """Paths that drop or are late, as sentences of their own."""
    clauses = []
    for one in candidates.members:
        dropped, late, unfinished = (one.figures.get(name, math.nan) for name in ("dropped", "late", "unfinished"))
        if not one.delivers:
            clauses.append(f"{one.label} delivers nothing: {why_nothing(one.figures)}")
            continue
        if one.overload is not None:
            clauses.append(f"{one.label} {one.overload.sentence}")
            continue
        told = []
        if dropped >= NOTABLE_PERCENT:
            told.append(f"drops {amount(dropped)} %")
        if unfinished >= BACKLOG_PERCENT:
            told.append(f"leaves {amount(unfinished)} % unfinished")
        if late >= NOTABLE_PERCENT:
            told.append(f"is late with {amount(late)} % of what it delivers")
        if told:
            clauses.append(f"{one.label} {' and '.join(told)}")
    return f"{'; '.join(clauses)}." if clauses else ""
