"""Points on Ray: actors that evaluate some points at a time, each kept busy with one lot in hand and one waiting."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast

import pyarrow as pa
import ray

from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.study_point import Found, Point, failure_of, guests_of

IN_HAND: Final = 2
"""Lots that an actor has at a time, so that it never waits for the driver."""
LOT: Final = 8
"""Points that travel together at most: neighbours share most of their scenarios, and so of their bytes."""
LOTS_AN_ACTOR: Final = 8
"""At least, where there are points enough: so that actors end at about the same time."""

Ended = tuple[list[object], str | None]
"""What is found in each point of a lot up to one that fails, and how that failed."""


class _PointActor:
    """Evaluates points, in a process of its own."""

    @ray.method
    def evaluate(self, points: Sequence[Point], digest: Callable[[Point, pa.Table], object]) -> Ended:
        """Evaluate a lot."""
        found: list[object] = []
        for point in points:
            try:
                found.append(digest(point, guests_of(point)))
            except Exception as error:  # noqa: BLE001 - whoever asked raises it, once what was found is kept
                return found, str(failure_of(error))
        return found, None


PointActor = ray.remote(num_cpus=0, max_restarts=0)(_PointActor)


class RayPool:
    """Actors that share the points; the order in which they end decides nothing."""

    def __init__(self, actors: int) -> None:
        self.actors = [PointActor.remote() for _ in range(actors)]

    def evaluate(
        self, points: Sequence[Point], digest: Callable[[Point, pa.Table], Found]
    ) -> Iterator[tuple[int, Found]]:
        """See PointPool."""
        size = min(max(len(points) // (LOTS_AN_ACTOR * len(self.actors)), 1), LOT)
        waiting = deque(range(0, len(points), size))
        free = deque(actor for _ in range(IN_HAND) for actor in self.actors)
        under_way: dict[
            ray.ObjectRef[tuple[list[object], str | None]], tuple[int, ray.actor.ActorProxy[_PointActor]]
        ] = {}
        while waiting or under_way:
            while waiting and free:
                first = waiting.popleft()
                actor = free.popleft()
                under_way[actor.evaluate.remote(points[first : first + size], digest)] = (first, actor)
            ended, _ = ray.wait(list(under_way), num_returns=1)
            for reference in ended:
                first, actor = under_way.pop(reference)
                free.append(actor)
                try:
                    found, failure = ray.get(reference)
                except Exception as error:
                    raise failure_of(error) from error
                yield from enumerate(cast("list[Found]", found), first)
                if failure is not None:
                    raise RunFailedError(failure)
