"""Where the points of a study are evaluated: in this process, or on a Ray of its own."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

from cluster_sim.experiments.driver import Executor
from cluster_sim.runtime.compile_ahead import compile_once
from cluster_sim.runtime.study_point import Found, Point, PointPool, failure_of, guests_of


class InlinePool:
    """Evaluates in this process: the reference, which finds what Ray's pool."""

    def evaluate(
        self, points: Sequence[Point], digest: Callable[[Point, pa.Table], Found]
    ) -> Iterator[tuple[int, Found]]:
        """See PointPool."""
        for number, point in enumerate(points):
            try:
                found = digest(point, guests_of(point))
            except Exception as error:
                raise failure_of(error) from error
            yield number, found


@contextmanager
def pool_of(executor: Executor, actors: int | None = None) -> Iterator[PointPool]:
    """A pool here, or on a Ray of its own with one actor a CPU unless told otherwise."""
    if executor == "inline":
        yield InlinePool()
        return
    from cluster_sim.actors.ray_environment import prepare_environment

    prepare_environment(None)
    from cluster_sim.actors.point_pool import RayPool
    from cluster_sim.actors.ray_session import running_ray

    compile_once()
    wanted = actors or os.cpu_count() or 1
    with running_ray(None, max(wanted, os.cpu_count() or 1)):
        yield RayPool(wanted)
