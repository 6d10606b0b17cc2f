"""Running the points of a study: those that are not stored yet go to the pool, all are given back in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cluster_sim.analysis.studies.study_figures import figures_of_point
from cluster_sim.analysis.studies.study_store import ByGroup, StudyStore, key_of
from cluster_sim.runtime.study_point import Point, PointPool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is: points done of those it knows that it needs, and what they are for."""

    stage: str
    done: int
    total: int


class PointEvaluation(Protocol):
    """What gives points their figures."""

    def __call__(self, stage: str, points: Sequence[Point]) -> list[ByGroup]:
        """Figures of each point, by guest group."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Gives points their figures, running each at most once."""

    pool: PointPool
    store: StudyStore
    on_progress: Callable[[Progress], None]

    def __call__(self, stage: str, points: Sequence[Point]) -> list[ByGroup]:
        """See PointEvaluation."""
        keys = [key_of(point) for point in points]
        missing = {key: point for key, point in zip(keys, points, strict=True) if key not in self.store.points}
        names, orders = list(missing), list(missing.values())
        total = len(set(keys))
        done = total - len(missing)
        self.on_progress(Progress(stage, done, total))
        for number, figures in self.pool.evaluate(orders, figures_of_point):
            self.store.add(names[number], figures)
            done += 1
            self.on_progress(Progress(stage, done, total))
        return [self.store.points[key] for key in keys]
