"""One host as the compiled loop takes it: what never changes, what moves, what arrives; and the loop's own values."""

from typing import NamedTuple

import numpy as np

from cluster_sim.compiling.by_reference import by_reference
from cluster_sim.engine.host_spec import HostSpec
from cluster_sim.engine.host_state import HostState
from cluster_sim.integers import Int64s


@by_reference
class Host(NamedTuple):
    """One host."""

    spec: HostSpec
    state: HostState


@by_reference
class Arrivals(NamedTuple):
    """Submissions of one window, ordered by (time, stream, frame); `origin_ns` is when the data first set out."""

    at_ns: Int64s
    stream: Int64s
    frame: Int64s
    bytes: Int64s
    deadline_ns: Int64s
    direction: Int64s
    origin_ns: Int64s

    def rows(self, first: int, end: int) -> "Arrivals":
        """Arrivals [first, end)."""
        return Arrivals(*(column[first:end] for column in self))


def submissions(
    at_ns: Int64s,
    stream: Int64s,
    frame: Int64s,
    size_bytes: Int64s,
    deadline_ns: Int64s,
    direction: Int64s | None = None,
) -> Arrivals:
    """Data that sets out when it is submitted; from the device where no direction is given."""
    ways = np.zeros(len(at_ns), np.int64) if direction is None else direction
    return Arrivals(at_ns, stream, frame, size_bytes, deadline_ns, ways, at_ns)


NOBODY = -1
FAR_NS = 1 << 62
NOT_HANDED = -1
NOT_GROWING = -1

ALIVE = -1
FOREVER = -1

ON_PIN_RETRY = 0
ON_PIN_WAIT = 1
ON_PIN_DEFER = 2

IN_USE = 1
POSTED = 2

CONSTANT = 0
UNIFORM = 1
EXPONENTIAL = 2

WAIT = 0
DROP_NEWEST = 1
DROP_OLDEST = 2

FREE = 0
RUNNING = 1
WAITING = 2
TIMED = 3
SHARING = 4
DONE = 5
