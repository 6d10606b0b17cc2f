"""Points on Ray: actors that evaluate one point after the other, each kept busy with one in hand and one waiting."""

from collections import deque
from collections.abc import Iterator, Sequence

import pyarrow as pa
import ray

from cluster_sim.runtime.study_point import Point, failure_of, guests_of

IN_HAND = 2
"""Points that an actor has at a time, so that it never waits for the driver."""


class _PointActor:
    """Evaluates points, in a process of its own."""

    @ray.method
    def evaluate(self, point: Point) -> pa.Table:
        """See guests_of."""
        return guests_of(point)


PointActor = ray.remote(num_cpus=0, max_restarts=0)(_PointActor)


class RayPool:
    """Actors that share the points; the order in which they end decides nothing."""

    def __init__(self, actors: int) -> None:
        self.actors = [PointActor.remote() for _ in range(actors)]

    def evaluate(self, points: Sequence[Point]) -> Iterator[tuple[int, pa.Table]]:
        """See PointPool."""
        waiting = deque(enumerate(points))
        free = deque(actor for _ in range(IN_HAND) for actor in self.actors)
        under_way: dict[ray.ObjectRef[pa.Table], tuple[int, ray.actor.ActorProxy[_PointActor]]] = {}
        while waiting or under_way:
            while waiting and free:
                number, point = waiting.popleft()
                actor = free.popleft()
                under_way[actor.evaluate.remote(point)] = (number, actor)
            ended, _ = ray.wait(list(under_way), num_returns=1)
            for reference in ended:
                number, actor = under_way.pop(reference)
                free.append(actor)
                try:
                    table = ray.get(reference)
                except Exception as error:
                    raise failure_of(error) from error
                yield number, table
