"""Which of some paths is shown to be best, from figures and paired ratios alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cluster_sim.analysis.answers.criteria import CRITERIA, MEDIAN, Criterion, Relation, relation, share_relation
from cluster_sim.analysis.answers.phrases import Ends
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.paired import FEWEST, Ratio


@dataclass(frozen=True, slots=True)
class Candidate:
    """One path's group in one stratum: label, figures, and ratios of itself to rivals, by label and figure.

    `overload` is what it does not sustain, None where it does; `presumes` what one grants who takes it; `kind` its
    path's.
    """

    label: str
    figures: Mapping[str, float]
    over: Mapping[str, Mapping[str, Ratio | None]] = field(default_factory=dict)
    is_baseline: bool = False
    overload: Overload | None = None
    presumes: str = ""
    kind: str = ""

    def value(self, criterion: Criterion) -> float:
        """A figure of it; not a number where there is none, or where it says nothing because of overload."""
        if criterion.is_timing and self.overload is not None:
            return math.nan
        return self.figures.get(criterion.figure, math.nan)

    @property
    def delivers(self) -> bool:
        """Whether anything arrived."""
        return self.figures.get("throughput", math.nan) > 0

    @property
    def median(self) -> float:
        """Its median latency, endless where it has none or does not sustain what it is offered."""
        found = self.value(MEDIAN)
        return math.inf if math.isnan(found) else found


class Prices(Protocol):
    """How far ratios go over the costs' ranges."""

    def between(self, one: Candidate, other: Candidate, figure: str) -> Ends | None:
        """The range of a ratio of two paths, `one` over `other`; None where it is not known."""
        ...


class NoPrices:
    """Where costs were not moved."""

    def between(self, one: Candidate, other: Candidate, figure: str) -> Ends | None:  # noqa: ARG002
        """Nothing."""
        return None


NO_PRICES = NoPrices()


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """The paths of one stratum and group, how each two compare, and what they are judged by.

    `work` is what they move: a frame, a packet, a request.
    """

    members: Sequence[Candidate]
    criteria: Sequence[Criterion] = CRITERIA
    prices: Prices = NO_PRICES
    work: str = "frame"

    def ratio(self, one: Candidate, other: Candidate, figure: str) -> Ratio | None:
        """`one` over `other`, from either side's ratios."""
        found = one.over.get(other.label, {}).get(figure)
        if found is None:
            inverse = other.over.get(one.label, {}).get(figure)
            found = None if inverse is None else inverse.inverse()
        return found

    def relation(self, one: Candidate, other: Candidate, criterion: Criterion) -> Relation:
        """What is shown of `one` beside `other`."""
        mine, theirs = one.value(criterion), other.value(criterion)
        if math.isnan(mine) or math.isnan(theirs):
            return "no ratio"
        ratio = self.ratio(one, other, criterion.figure)
        if mine == theirs:
            return "equal"
        if criterion.is_share and (ratio is None or min(mine, theirs) <= criterion.nothing_to):
            return share_relation(mine, theirs, criterion)
        return relation(ratio, criterion)

    def beats(self, one: Candidate, other: Candidate) -> bool:
        """Better in something, worse in nothing; who delivers beats who does not, who sustains beats who does not."""
        if one.delivers != other.delivers:
            return one.delivers
        if (one.overload is None) != (other.overload is None):
            return one.overload is None
        relations = {self.relation(one, other, criterion) for criterion in self.criteria}
        return "better" in relations and "worse" not in relations

    @property
    def delivering(self) -> list[Candidate]:
        """Those that deliver."""
        return [each for each in self.members if each.delivers]

    @property
    def unbeaten(self) -> list[Candidate]:
        """Those that deliver and that nobody is shown to beat."""
        return [one for one in self.delivering if not any(self.beats(other, one) for other in self.delivering)]

    @property
    def baseline(self) -> Candidate | None:
        """What the others are compared with, if it was run here."""
        return next((each for each in self.members if each.is_baseline), None)

    @property
    def known_ratios(self) -> list[Ratio]:
        """All ratios that there are."""
        ratios = (ratio for one in self.members for each in one.over.values() for ratio in each.values())
        return [each for each in ratios if each is not None]

    @property
    def shows_anything(self) -> bool:
        """Whether something can be shown: some ratio has an interval, or there were two replications, equal or not."""
        ratios = self.known_ratios
        return not ratios or any(each.has_interval or 1 < each.replications < FEWEST for each in ratios)

    @property
    def best(self) -> Candidate | None:
        """Who beats each of the others, by intervals where there are any."""
        if len(self.members) < 2:
            return None
        for one in self.delivering:
            if all(self.beats(one, other) for other in self.members if other is not one):
                return one
        return None

    @property
    def second(self) -> Candidate | None:
        """Of those behind the best, who is beaten by none of the rest; the lowest median where that leaves several."""
        rest = [each for each in self.delivering if each is not self.best]
        unbeaten = [one for one in rest if not any(self.beats(other, one) for other in rest)]
        return min(unbeaten, key=lambda each: each.median, default=None)

    def leads(self, one: Candidate) -> list[Criterion]:
        """The criteria in which an unbeaten path is better than another such one and worse than none."""
        others = [each for each in self.unbeaten if each is not one]
        found = []
        for criterion in self.criteria:
            relations = {self.relation(one, other, criterion) for other in others}
            if "better" in relations and "worse" not in relations:
                found.append(criterion)
        return found


def rivals(candidates: Sequence[Candidate], criteria: Sequence[Criterion] = CRITERIA) -> list[str]:
    """Labels of those that may turn out best, by their figures alone: ratios to them decide."""
    delivering = [each for each in candidates if each.delivers]
    chosen = [each.label for each in delivering if each.is_baseline]
    for criterion in criteria:
        known = [each for each in delivering if not math.isnan(each.value(criterion))]
        sign = -1 if criterion.more_is_better else 1
        if known:
            first = min(known, key=lambda each: (sign * each.value(criterion), each.median))
            chosen.append(first.label)
    return list(dict.fromkeys(chosen))
