"""One simulated host: takes a window's submissions, runs its event loop, gives what ended."""

from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.layout import frame_facts
from cluster_sim.engine.loop import free_done, run_until, settle
from cluster_sim.engine.plan import HostPlan, plan_host
from cluster_sim.engine.sharing import HOST_LOCK, MEMORY_BANDWIDTH
from cluster_sim.engine.state import Arrivals, Records, with_more_rows
from cluster_sim.io_paths.steps import Resource
from cluster_sim.platform.profile import load_profile
from cluster_sim.scenario.spec import ScenarioSpec

SMALLEST_VIDEO = {
    "kind": "video",
    "source": {"kind": "raw", "width": 16, "height": 16, "format": "nv12", "fps": 1},
    "deadline": "1s",
}
SMALLEST_SCENARIO = {
    "duration": "1s",
    "cluster": {"hosts": 1, "host": {"cpus": 1, "memory": "1GiB"}},
    "guests": [{"name": "one", "count_per_host": 1, "vcpus": 1, "memory": "64MiB", "workloads": [SMALLEST_VIDEO]}],
    "protection": "none",
    "io_path": {"kind": "direct"},
}
NO_ARRIVALS = Arrivals(
    np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
)


@dataclass(frozen=True, slots=True)
class HostGauges:
    """What a host's servers and shared resources did, over the run so far, in ns."""

    vcpu_busy_ns: int
    worker_busy_ns: int
    engine_busy_ns: int
    bandwidth_busy_ns: int
    bandwidth_saturated_ns: int
    lock_busy_ns: int


class HostEngine:
    """A host's event loop and its state; advances a window at a time."""

    def __init__(self, plan: HostPlan) -> None:
        self.plan = plan
        self.state = plan.state
        self.now_ns = 0

    def advance(self, arrivals: Arrivals, until_ns: int) -> Records:
        """Run all events before `until_ns`; the transfers (dtype TRANSFER) that ended, in the order of their ends."""
        at_ns = arrivals.at_ns
        assert until_ns >= self.now_ns
        assert len(at_ns) == 0 or self.now_ns <= at_ns[0] <= at_ns[-1] < until_ns
        missing = len(at_ns) - int(self.state.cursor["free"][0])
        if missing > 0:
            self.state = with_more_rows(self.state, missing)
        run_until(self.state, arrivals, until_ns)
        self.now_ns = until_ns
        return self._read_done()

    def finish(self) -> Records:
        """End the run at the present instant: what is in flight comes out as unfinished."""
        settle(self.state, self.now_ns)
        return self._read_done()

    @property
    def in_flight(self) -> int:
        """Transfers that have not ended."""
        return len(self.state.transfers) - int(self.state.cursor["free"][0])

    def guests(self) -> Records:
        """Gauges of all guests (dtype GUEST), brought up to the present instant."""
        guests = self.state.guests
        guests["shared_page_ns"] += guests["shared_pages"] * (self.now_ns - guests["changed_ns"])
        guests["changed_ns"] = self.now_ns
        return guests

    def gauges(self) -> HostGauges:
        """Busy times so far."""
        servers, shares = self.state.servers, self.state.shares
        busy_ns = servers["busy_ns"] + servers["held"] * (self.now_ns - servers["changed_ns"])
        of_stream = self.state.streams["servers"]

        def busy(resource: Resource) -> int:
            return int(busy_ns[np.unique(of_stream[:, resource])].sum())

        return HostGauges(
            vcpu_busy_ns=busy(Resource.VCPU),
            worker_busy_ns=busy(Resource.WORKER),
            engine_busy_ns=busy(Resource.ENGINE),
            bandwidth_busy_ns=int(shares["busy_ns"][MEMORY_BANDWIDTH]),
            bandwidth_saturated_ns=int(shares["saturated_ns"][MEMORY_BANDWIDTH]),
            lock_busy_ns=int(shares["busy_ns"][HOST_LOCK]),
        )

    def _read_done(self) -> Records:
        count = int(self.state.cursor["done"][0])
        done: Records = self.state.transfers[self.state.lists.done[:count]]
        latency_ns = done["ended_ns"] - done["submitted_ns"]
        assert (done["ledger"].sum(axis=1) == latency_ns).all(), "a latency is not its ledger's sum"
        free_done(self.state)
        return done


def compile_all() -> None:
    """Compile the loop by running no events."""
    scenario = ScenarioSpec.model_validate(SMALLEST_SCENARIO)
    facts = {("one", 0): frame_facts(scenario.guests[0].workloads[0])}
    engine = HostEngine(plan_host(scenario, load_profile(scenario.protection), facts))
    engine.advance(NO_ARRIVALS, 0)
    engine.finish()
