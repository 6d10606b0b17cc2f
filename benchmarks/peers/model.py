"""The reference model: frames take one of a guest's slots, then the host's copy engine, then a consumer's time.

A guest's frames wait for its slots and all guests' frames for the engine, each first come, first served. What comes and
how long it takes is read from `reference.yaml`, a frame's time on the engine as `network.latency`; arrivals are those
of the package's own video streams.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cluster_sim.engine.state import Arrivals
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.results.storage import storage_of
from cluster_sim.runtime.guests import Guests
from cluster_sim.runtime.hosts import arrivals_of
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import VideoWorkload

DEFINITION = Path(__file__).with_name("reference.yaml")
EVENTS_A_FRAME = 3
"""A frame comes, the engine is done with it, the consumer is."""

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Model:
    """Arrivals of each host in their order, and what each guest and frame takes."""

    scenario: ScenarioSpec
    arrivals: tuple[Arrivals, ...]
    guests: int
    slots: int
    service_ns: int
    consume_ns: int

    @property
    def end_ns(self) -> int:
        """When all frames are done that can be: a second after the last came."""
        return self.scenario.duration + 10**9

    def hosts(self, count: int) -> "Model":
        """The model of the first hosts alone."""
        return Model(self.scenario, self.arrivals[:count], self.guests, self.slots, self.service_ns, self.consume_ns)


@dataclass(frozen=True, slots=True)
class Timed:
    """What a peer did: frames, the sum of their latencies, and the seconds of each repeat."""

    frames: int
    latency_ns_sum: int
    seconds: tuple[float, ...]


def reference() -> Model:
    """The model of the definition."""
    scenario = load_checked(DEFINITION).variants[0].scenario
    workload = scenario.guests[0].workloads[0]
    assert isinstance(workload, VideoWorkload)
    arrivals = []
    for host in range(scenario.cluster.hosts):
        guests = Guests()
        guests.begin(RunOrder("reference", 0, 1, scenario, DEFINITION.parent, storage_of("."), (host,)))
        arrivals.append(arrivals_of(guests.submit(0)))
    return Model(
        scenario,
        tuple(arrivals),
        guests=scenario.guests[0].count_per_host or 0,
        slots=workload.buffers,
        service_ns=scenario.cluster.network.latency,
        consume_ns=workload.consume,
    )
