"""The sentence on the paths of one stratum and group, and a line for each figure that they are judged by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cluster_sim.analysis.answers.candidates import Candidate, CandidateSet
from cluster_sim.analysis.answers.criteria import Criterion, nothing_told
from cluster_sim.analysis.answers.phrases import ONE_REPLICATION, apart, listed, measured
from cluster_sim.analysis.silence import why_nothing

NOTABLE_PERCENT = 0.1
"""Share of frames dropped or late from which a sentence tells it."""

BACKLOG_PERCENT = 10
"""Share of frames unfinished from which a sentence tells it: more than what happens to be in flight at the end."""

NO_COPY = 0.01
"""Bytes copied per byte delivered up to which a path counts as one that copies nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict in words: the sentence, lines to go with it, and the path that is shown to be best, if one is."""

    sentence: str
    details: tuple[str, ...] = ()
    best: str | None = None


def verdict_of(candidates: CandidateSet) -> Told:
    """What is to be said of the paths of one stratum and group."""
    sentence, best = sentence_of(candidates)
    return Told(sentence, tuple(filter(None, details_of(candidates))), None if best is None else best.label)


def sentence_of(candidates: CandidateSet) -> tuple[str, Candidate | None]:
    """The sentence alone, and the path that is shown to be best, if one is."""
    if not candidates.members:
        return "Nothing was run here.", None
    if not candidates.delivering:
        return f"Nothing is delivered by {labels_of(candidates.members)}: there is nothing to compare.", None
    if len(candidates.members) == 1:
        return f"Only {candidates.members[0].label} was run here: there is nothing to compare it with.", None
    sentence, best = heading(candidates)
    if len(candidates.delivering) > 1 and not candidates.shows_anything:
        return f"{ONE_REPLICATION}: {sentence}", None
    return sentence, best


def details_of(candidates: CandidateSet) -> list[str]:
    """A line for each figure that is judged by, then what goes with them; empty lines for what is not to be said."""
    if not candidates.delivering:
        return []
    lines = [line_of(candidates, each) for each in candidates.criteria]
    if len(candidates.members) == 1:
        return lines
    return [
        *lines,
        chance(candidates),
        copying(candidates),
        *presumptions(candidates),
        troubles(candidates),
    ]


def heading(candidates: CandidateSet) -> tuple[str, Candidate | None]:
    """Who is best, by how much; or who leads in what; or between whom nothing is shown."""
    best, baseline = candidates.best, candidates.baseline
    if best is not None:
        if len(candidates.delivering) == 1:
            return f"{best.label} is best: it alone delivers anything.", best
        beaten = baseline if baseline is not None and baseline is not best else candidates.second
        return f"{best.label} is best{lead_over(candidates, best, beaten)}.", best
    leads = leads_told(candidates)
    if leads:
        return f"{'; '.join(leads)}.", None
    return tied(candidates), None


def tied(candidates: CandidateSet) -> str:
    """Between whom nothing is shown, and that what was asked for is 0 for all of them if it is."""
    shares = [each for each in candidates.criteria if each.is_share]
    nothing = [each for each in shares if not any(one.value(each) > each.nothing_to for one in candidates.members)]
    told = capital(nothing_told(nothing))
    if nothing and len(nothing) == len(candidates.criteria):
        return f"{told}."
    first = f"{told}; no" if told else "No"
    unbeaten = candidates.unbeaten
    if len(unbeaten) == len(candidates.delivering):
        return f"{first} difference shown between {labels_of(unbeaten)}."
    if len(unbeaten) == 1:
        others = [each for each in candidates.delivering if each is not unbeaten[0]]
        near = [each for each in others if not candidates.beats(unbeaten[0], each)]
        return f"{unbeaten[0].label} is ahead, with no difference shown to {labels_of(near)}."
    return f"{first} difference shown between {labels_of(unbeaten)}, which are ahead of the others."


def lead_over(candidates: CandidateSet, best: Candidate, other: Candidate | None) -> str:
    """By how much the best is ahead of another path, in the first figure in which it is."""
    if other is None:
        return ""
    for criterion in candidates.criteria:
        if candidates.relation(best, other, criterion) == "better":
            return f": {compared(candidates, best, other, criterion)}"
    return f": {other.label} {other.overload.sentence}" if other.overload is not None else ""


def compared(candidates: CandidateSet, one: Candidate, other: Candidate, criterion: Criterion) -> str:
    """Such as `median latency 4.5 µs, 230 times lower than swiotlb (1.04 ms)`."""
    mine, theirs = (measured(each.value(criterion), criterion.figure, candidates.work) for each in (one, other))
    how = apart_of(candidates, one, other, criterion)
    than = f"{how} than {other.label} ({theirs})" if how else f"{other.label} has {theirs}"
    return f"{criterion.name} {mine}, {than}"


def apart_of(candidates: CandidateSet, one: Candidate, other: Candidate, criterion: Criterion) -> str:
    """How far two paths are apart, with both intervals; empty where there is no ratio."""
    ratio = candidates.ratio(one, other, criterion.figure)
    return "" if ratio is None else apart(ratio, candidates.prices.between(one, other, criterion.figure))


def leads_told(candidates: CandidateSet) -> list[str]:
    """A clause for the paths that lead in the same figures: the first of these with its values, the others named.

    They come in the order in which figures are judged.
    """
    by_figures: dict[tuple[Criterion, ...], list[Candidate]] = {}
    for each in candidates.unbeaten:
        if found := candidates.leads(each):
            by_figures.setdefault(tuple(found), []).append(each)
    clauses = []
    order = [*candidates.criteria]
    for (first, *others), those in sorted(by_figures.items(), key=lambda each: order.index(each[0][0])):
        lead = "leads" if len(those) == 1 else "lead"
        more = f"; also in {listed([each.name for each in others])}" if others else ""
        clauses.append(f"{labels_of(those)} {lead} in {lead_in(candidates, those[0], first)}{more}")
    return clauses


def lead_in(candidates: CandidateSet, one: Candidate, criterion: Criterion) -> str:
    """A figure in which a path leads, against the baseline or the next that it is better than."""
    rest = [each for each in candidates.delivering if candidates.relation(one, each, criterion) == "better"]
    base = candidates.baseline
    other = base if base in rest else min(rest, key=lambda each: each.median)
    assert other is not None
    return compared(candidates, one, other, criterion)


def line_of(candidates: CandidateSet, criterion: Criterion) -> str:
    """One figure of all paths, the best first, each beside the baseline; that it is the same for all if it is."""
    known = [each for each in candidates.members if not math.isnan(each.value(criterion))]
    title = criterion.name[:1].upper() + criterion.name[1:]
    if not known:
        return f"{title}: no path has any."
    values = {measured(each.value(criterion), criterion.figure, candidates.work) for each in known}
    if len(values) == 1 and len(known) > 1 and not any(each.overload for each in candidates.members):
        who = "every path" if len(known) == len(candidates.members) else labels_of(known)
        return f"{title}: {values.pop()} on {who}."
    sign = -1 if criterion.more_is_better else 1
    told: dict[tuple[str, str], list[str]] = {}
    for each in sorted(known, key=lambda each: sign * each.value(criterion)):
        beside = beside_baseline(candidates, each, criterion)
        value = measured(each.value(criterion), criterion.figure, candidates.work)
        told.setdefault((value, beside), []).append(each.label)
    clauses = [f"{listed(who)} {value}{beside}" for (value, beside), who in told.items()]
    if criterion.is_timing and (strained := [each for each in candidates.delivering if each.overload is not None]):
        clauses.append(f"{labels_of(strained)} unbounded")
    return f"{title}: {'; '.join(clauses)}."


def beside_baseline(candidates: CandidateSet, one: Candidate, criterion: Criterion) -> str:
    """How far a path is from the baseline in a figure, in brackets; nothing for a share, whose values say it."""
    base = candidates.baseline
    if base is None or one is base or criterion.is_share:
        return ""
    match candidates.relation(one, base, criterion):
        case "not shown":
            return " (no difference shown)"
        case "equal":
            return " (equal)"
        case "no ratio":
            return ""
        case _:
            return f" ({apart_of(candidates, one, base, criterion)})"


def chance(candidates: CandidateSet) -> str:
    """That nothing was drawn, where that is so."""
    ratios = candidates.known_ratios
    is_drawn = not ratios or not all(each.is_deterministic for each in ratios)
    return "" if is_drawn else "Deterministic: nothing here is left to chance."


def copying(candidates: CandidateSet) -> str:
    """The best of the paths that still copy, where the one that leads does not."""
    leader = candidates.best or next(iter(candidates.unbeaten), None)
    if leader is None or not leader.figures.get("copies", math.nan) < NO_COPY:
        return ""
    those = [each for each in candidates.delivering if each.figures.get("copies", math.nan) >= NO_COPY]
    if not those:
        return ""
    first = replace(candidates, members=those)
    found = first.best or min(first.unbeaten, key=lambda each: each.median)
    timing = next((each for each in candidates.criteria if not math.isnan(found.value(each))), None)
    value = f", {timing.name} {measured(found.value(timing), timing.figure)}" if timing is not None else ""
    return f"The best path that still copies is {found.label}{value}."


def presumptions(candidates: CandidateSet) -> list[str]:
    """What one grants who takes a path that leads: beside the baseline's."""
    leaders = [candidates.best] if candidates.best is not None else candidates.unbeaten
    return [f"{each.label} {each.presumes}." for each in leaders if each.presumes]


def labels_of(candidates: Sequence[Candidate]) -> str:
    """Their labels as a list."""
    return listed([each.label for each in candidates])


def capital(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def troubles(candidates: CandidateSet) -> str:
    """Paths that do not sustain what they are offered, that drop or are late, as sentences of their own."""
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
            told.append(f"drops {measured(dropped, 'dropped')}")
        if unfinished >= BACKLOG_PERCENT:
            told.append(f"leaves {measured(unfinished, 'unfinished')} unfinished")
        if late >= NOTABLE_PERCENT:
            told.append(f"is late with {measured(late, 'late')} of what it delivers")
        if told:
            clauses.append(f"{one.label} {listed(told)}")
    return f"{'; '.join(clauses)}." if clauses else ""
