"""Points: single runs of single scenarios, many at a time, of which nothing but the table `guests` remains."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from cluster_sim.results.columns import schema
from cluster_sim.results.reader import partitioned
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.guests import Guests
from cluster_sim.runtime.hosts import Hosts
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.scenario.spec import ScenarioSpec

VARIANT = "point"
"""What the column `variant` holds."""
NOWHERE = Storage("/nonexistent")
"""Points write no parts; a try to would fail."""


@dataclass(frozen=True, slots=True)
class Point:
    """One run of one scenario; `folder` is where its traces are. Equal (seed, replication) means equal draws."""

    scenario: ScenarioSpec
    folder: Path
    seed: int
    replication: int


Found = TypeVar("Found")


class PointPool(Protocol):
    """Where points are evaluated."""

    def evaluate(
        self, points: Sequence[Point], digest: Callable[[Point, pa.Table], Found]
    ) -> Iterator[tuple[int, Found]]:
        """Each point's number in the sequence and what `digest` finds in its table `guests`, as they end.

        `digest` is a function of a module: it runs where the point does. RunFailedError if a point fails.
        """
        ...


def guests_of(point: Point) -> pa.Table:
    """Run a point in this process; its table `guests`, hosts and guests in the order of their numbers."""
    order = RunOrder(
        variant=VARIANT,
        replication=point.replication,
        seed=point.seed,
        scenario=point.scenario.model_copy(update={"record": "summary"}),
        folder=point.folder,
        storage=NOWHERE,
        hosts=tuple(range(point.scenario.cluster.hosts)),
    )
    hosts, guests = Hosts(), Guests()
    hosts.begin(order)
    guests.begin(order)
    for window in range(order.windows):
        guests.digest(hosts.step(window, guests.submit(window)))
    table = pa.Table.from_batches(hosts.guests(guests.finish()), schema("guests"))
    for name, value in (("variant", order.variant), ("replication", order.replication)):
        kind = partitioned(schema("guests")).field(name).type
        table = table.append_column(name, pa.array([value] * table.num_rows, kind))
    return table.unify_dictionaries()


def failure_of(error: Exception) -> RunFailedError:
    """A point that failed, in one line."""
    reason = (str(error).splitlines() or [""])[0]
    return RunFailedError(f"a point failed: {type(error).__name__}: {reason}")
