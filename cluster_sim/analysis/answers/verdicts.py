"""The sentence on the paths of one stratum and group: who is best, in what, by how much, and who is not."""

import math

from cluster_sim.analysis.answers.contest import Contender, Contest
from cluster_sim.analysis.answers.numbers import amount, listed, times
from cluster_sim.analysis.answers.spans import CRITERIA, Criterion

NOTABLE_PERCENT = 0.1
"""Share of frames dropped or late from which a sentence tells it."""

NAMES = {"throughput": "throughput", "p50": "median latency", "p99": "99th percentile"}


def verdict_of(contest: Contest) -> tuple[str, tuple[str, ...], str | None]:
    """The sentence, what else is to be said, and the label of the path that is shown to be best, if one is."""
    if not contest.contenders:
        return "Nothing was run here.", (), None
    if not contest.running:
        labels = listed([each.label for each in contest.contenders])
        return f"Nothing is delivered by {labels}: there is nothing to compare.", (), None
    if len(contest.contenders) == 1:
        return f"Only {contest.contenders[0].label} was run here: there is nothing to compare it with.", (), None
    sentence, best = heading(contest)
    told = (*against_second(contest), *against_baseline(contest), troubles(contest))
    details = tuple(text for text in told if text)
    if not contest.has_intervals and len(contest.running) > 1:
        return f"One replication, so no interval and nothing is shown; by its figures: {sentence}", details, None
    return sentence, details, best


def heading(contest: Contest) -> tuple[str, str | None]:
    """Who is best; or between whom nothing is shown; or who leads in what."""
    ahead, front = contest.ahead, contest.front
    if ahead is not None:
        if len(contest.running) == 1:
            return f"{ahead.label} is best: it alone delivers anything.", ahead.label
        return f"{ahead.label} is best{lead_of(contest, ahead)}.", ahead.label
    labels = [each.label for each in front]
    leads = {each.label: contest.leads(each) for each in front}
    if not any(leads.values()):
        if len(front) == len(contest.running):
            return f"No difference shown between {listed(labels)}.", None
        if len(front) == 1:
            near = [one.label for one in contest.running if one is not front[0] and not contest.beats(front[0], one)]
            return f"{front[0].label} is ahead, with no difference shown to {listed(near)}.", None
        return f"No difference shown between {listed(labels)}, which are ahead of the others.", None
    parts = [f"{label} leads in {listed([name_of(each) for each in found])}" for label, found in leads.items() if found]
    return f"None is best in everything: {'; '.join(parts)}.", None


def lead_of(contest: Contest, ahead: Contender) -> str:
    """What sets the best apart from the baseline and from the second: a figure each."""
    base = next((each for each in contest.running if each.is_baseline and each is not ahead), None)
    second = contest.second
    told = []
    if base is not None and base is not second and (ratios := better_in(contest, ahead, base)):
        told.append(f"{ratios[0]} of {base.label}")
    if second is not None and (ratios := better_in(contest, ahead, second)):
        told.append(f"{ratios[0]} of {second.label}, the second")
    return f": {', '.join(told)}" if told else ""


def better_in(contest: Contest, one: Contender, other: Contender) -> list[str]:
    """The ratios of all figures in which one path is better than another, the median latency before all others."""
    ratios = []
    for criterion in sorted(CRITERIA, key=lambda each: each.figure != "p50"):
        span = contest.span(one, other, criterion.figure)
        if span is not None and contest.relation(one, other, criterion) == "better":
            ratios.append(f"{times(span)} times the {name_of(criterion)}")
    return ratios


def against_second(contest: Contest) -> list[str]:
    """In what else the best is better than the second, beyond the figure that the verdict names."""
    ahead, second = contest.ahead, contest.second
    if ahead is None or second is None:
        return []
    others = better_in(contest, ahead, second)[1:]
    return [f"{ahead.label} also has {listed(others)} of {second.label}."] if others else []


def against_baseline(contest: Contest) -> list[str]:
    """How each path but the best compares with the baseline; those that do so alike share a clause."""
    base = next((each for each in contest.contenders if each.is_baseline), None)
    if base is None:
        return []
    if not base.delivers:
        return [f"There is no ratio to {base.label}, the baseline."]
    if contest.ahead is not None and len(contest.contenders) == 2:
        return []
    by_profile: dict[str, list[str]] = {}
    for one in contest.running:
        if one is base or one is contest.ahead:
            continue
        ratio = main_ratio(contest, one, base, within=True)
        by_profile.setdefault(profile_of(contest, one, base), []).append(
            f"{one.label} ({ratio})" if ratio else one.label
        )
    if contest.ahead is None and set(by_profile) == {"no difference shown"}:
        return []
    clauses = [f"{profile}: {listed(labels)}" for profile, labels in sorted(by_profile.items(), key=praise)]
    return [f"Against {base.label}, {'; '.join(clauses)}."] if clauses else []


def praise(profile: tuple[str, list[str]]) -> int:
    """Better before mixed, nothing shown, worse."""
    text = profile[0]
    return 3 if text.startswith("worse") else 2 if text.startswith("no") else int("worse" in text)


def main_ratio(contest: Contest, one: Contender, base: Contender, *, within: bool = False) -> str:
    """The first figure in which two paths are shown to differ, the median latency before all others."""
    for criterion in sorted(CRITERIA, key=lambda each: each.figure != "p50"):
        span = contest.span(one, base, criterion.figure)
        if span is not None and contest.relation(one, base, criterion) in ("better", "worse"):
            name = name_of(criterion)
            return f"{name} times {times(span, within=True)}" if within else f"{times(span)} times the {name}"
    return ""


def profile_of(contest: Contest, one: Contender, base: Contender) -> str:
    """In what a path is better and worse than the baseline."""
    parts = []
    for wanted in ("better", "worse"):
        found = [each for each in CRITERIA if contest.relation(one, base, each) == wanted]
        if found:
            where = "everything" if len(found) == len(CRITERIA) else listed([name_of(each) for each in found])
            parts.append(f"{wanted} in {where}")
    return " but ".join(parts) or "no difference shown"


def name_of(criterion: Criterion) -> str:
    """A criterion in words."""
    return NAMES.get(criterion.figure, criterion.figure)


def troubles(contest: Contest) -> str:
    """Paths that drop or are late, as sentences of their own."""
    parts = []
    for one in contest.contenders:
        dropped, late = (one.figures.get(name, math.nan) for name in ("dropped", "late"))
        if not one.delivers:
            parts.append(f"{one.label} delivers nothing" + (f" and drops {amount(dropped)} %" if dropped > 0 else ""))
            continue
        told = []
        if dropped >= NOTABLE_PERCENT:
            told.append(f"drops {amount(dropped)} %")
        if late >= NOTABLE_PERCENT:
            told.append(f"is late with {amount(late)} % of what it delivers")
        if told:
            parts.append(f"{one.label} {' and '.join(told)}")
    return f"{'; '.join(parts)}." if parts else ""
