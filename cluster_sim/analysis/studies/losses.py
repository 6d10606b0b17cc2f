"""Where along a varied field a design stops delivering, or sustaining what it is offered, and why: no crossing."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cluster_sim.analysis.figures import LATENCIES
from cluster_sim.analysis.overloads.finding import LOST
from cluster_sim.analysis.silence import count_of, is_silent, why_nothing
from cluster_sim.analysis.studies.crossing_search import Span
from cluster_sim.analysis.studies.study_figures import LOST_WORK, MEAN, Figures

WITHOUT_BOUND: Final = frozenset({MEAN, *LATENCIES})
"""Figures that are without bound where more is offered than is sustained."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a design does not do at a value, and why."""

    says: Literal["delivers nothing", "does not sustain what it is offered"]
    why: str


Losses = Mapping[int, tuple[Loss | None, Loss | None]]
"""By step, of the first design and of the second."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A design, by its number, that loses all or too much on one side of a value.

    `low` and `high` are the steps between which it stops; None where it is so up to that end of the range.
    """

    design: int
    loss: Loss
    side: Literal["above", "below", "throughout"]
    low: int | None
    high: int | None

    def at(self, span: Span) -> float:
        """The middle of the steps between which it stops."""
        assert self.low is not None
        assert self.high is not None
        return span.value((span.position(self.low) + span.position(self.high)) / 2)


def loss_of(replications: Sequence[Figures]) -> Loss | None:
    """What a design's group loses at one value, over its replications; None where it sustains what it is offered."""
    known = [figures for figures in replications if figures]
    if not known:
        return None
    if all(is_silent(figures) for figures in known):
        return Loss("delivers nothing", why_nothing(known[0]))
    lost = sum(count_of(figures, LOST_WORK) for figures in known) / len(known)
    if lost > 100 * LOST:
        return Loss("does not sustain what it is offered", f"{lost:.2g} % is dropped or left behind")
    return None


def counted(figures: Figures, figure: str, loss: Loss | None) -> float:
    """A figure, if it counts: latencies do not where the design loses too much."""
    return math.nan if loss is not None and figure in WITHOUT_BOUND else figures.get(figure, math.nan)


def stops_of(losses: Losses) -> list[Stop]:
    """Each value at which a design stops, or that it does so throughout."""
    found = []
    steps = sorted(losses)
    for design in (0, 1):
        of_step = {step: losses[step][design] for step in steps}
        kinds = {None if loss is None else loss.says for loss in of_step.values()}
        first = of_step[steps[0]] if steps else None
        if len(kinds) == 1 and first is not None:
            found.append(Stop(design, first, "throughout", None, None))
        for low, high in itertools.pairwise(steps):
            below, above = of_step[low], of_step[high]
            if (below and below.says) == (above and above.says):
                continue
            if above is not None and (below is None or above.says == "delivers nothing"):
                found.append(Stop(design, above, "above", low, high))
            elif below is not None:
                found.append(Stop(design, below, "below", low, high))
    return found


def between_stops(losses: Losses, span: Span) -> list[int]:
    """Values to try next, so that it is known as narrowly as crossings are where a design stops."""
    ends = [(stop.low, stop.high) for stop in stops_of(losses)]
    return [
        span.between(0.5, low, high)
        for low, high in ends
        if low is not None and high is not None and not span.is_narrow(low, high)
    ]


def is_at_stop(at: float, losses: Losses) -> bool:
    """Whether one design loses too much on just one side of a value: no crossing of figures lies there."""
    below = max((step for step in losses if step < at), default=None)
    above = min((step for step in losses if step > at), default=None)
    if below is None or above is None:
        return False
    return any((losses[below][design] is None) != (losses[above][design] is None) for design in (0, 1))
