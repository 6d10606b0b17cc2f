"""Which of some paths is shown to be best, from figures and paired ratios alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster_sim.analysis.answers.spans import CRITERIA, Criterion, Relation, Span, relation


@dataclass(frozen=True, slots=True)
class Contender:
    """One path's group in one stratum: label, figures, and ratios of itself to rivals, by label and figure."""

    label: str
    figures: Mapping[str, float]
    over: Mapping[str, Mapping[str, Span | None]] = field(default_factory=dict)
    is_baseline: bool = False

    @property
    def delivers(self) -> bool:
        """Whether anything arrived."""
        return self.figures.get("throughput", math.nan) > 0


@dataclass(frozen=True, slots=True)
class Contest:
    """The paths of one stratum and group, and how each two compare."""

    contenders: Sequence[Contender]

    def span(self, one: Contender, other: Contender, figure: str) -> Span | None:
        """`one` over `other`, from either side's ratios."""
        found = one.over.get(other.label, {}).get(figure)
        if found is None:
            turned = other.over.get(one.label, {}).get(figure)
            found = None if turned is None else turned.inverse()
        return found

    def relation(self, one: Contender, other: Contender, criterion: Criterion) -> Relation:
        """What is shown of `one` beside `other`."""
        return relation(self.span(one, other, criterion.figure), criterion)

    def beats(self, one: Contender, other: Contender) -> bool:
        """Better in something, worse in nothing; whoever delivers beats who does not."""
        if one.delivers != other.delivers:
            return one.delivers
        relations = {self.relation(one, other, criterion) for criterion in CRITERIA}
        return "better" in relations and "worse" not in relations

    @property
    def running(self) -> list[Contender]:
        """Those that deliver."""
        return [each for each in self.contenders if each.delivers]

    @property
    def front(self) -> list[Contender]:
        """Those whom nobody is shown to beat."""
        return [one for one in self.running if not any(self.beats(other, one) for other in self.running)]

    @property
    def has_intervals(self) -> bool:
        """Whether any ratio has an interval."""
        spans = (span for one in self.contenders for each in one.over.values() for span in each.values())
        return any(span is not None and span.has_interval for span in spans)

    @property
    def ahead(self) -> Contender | None:
        """Who beats each of the others, by intervals where there are any."""
        if len(self.contenders) < 2:
            return None
        for one in self.running:
            if all(self.beats(one, other) for other in self.contenders if other is not one):
                return one
        return None

    @property
    def second(self) -> Contender | None:
        """Of those behind `ahead`, who is beaten by none of the rest; the lowest median where that leaves several."""
        rest = [each for each in self.running if each is not self.ahead]
        unbeaten = [one for one in rest if not any(self.beats(other, one) for other in rest)]
        return min(unbeaten, key=median, default=None)

    def leads(self, one: Contender) -> list[Criterion]:
        """The criteria in which a member of the front is better than another of it and worse than none."""
        others = [each for each in self.front if each is not one]
        found = []
        for criterion in CRITERIA:
            relations = {self.relation(one, other, criterion) for other in others}
            if "better" in relations and "worse" not in relations:
                found.append(criterion)
        return found


def median(contender: Contender) -> float:
    """Its median latency, endless where it has none."""
    found = contender.figures.get("p50", math.nan)
    return math.inf if math.isnan(found) else found


def rivals(contenders: Sequence[Contender]) -> list[str]:
    """Labels that may turn out best, by their figures alone: ratios to them decide."""
    running = [each for each in contenders if each.delivers]
    chosen = [each.label for each in running if each.is_baseline]
    for criterion in CRITERIA:
        told = [each for each in running if not math.isnan(each.figures.get(criterion.figure, math.nan))]
        sign = -1 if criterion.more_is_better else 1
        if told:
            lead = min(told, key=lambda each: (sign * each.figures[criterion.figure], median(each)))
            chosen.append(lead.label)
    return list(dict.fromkeys(chosen))
