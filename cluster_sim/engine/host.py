"""One simulated host: takes a window's submissions, runs its event loop, gives what ended."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cluster_sim.engine.boot import leaves_of
from cluster_sim.engine.faults import POISON, FaultRecord, PlannedFault, inject, later_death, pages_with
from cluster_sim.engine.layout import PlannedGuest, frame_facts
from cluster_sim.engine.loop import free_done, run_until, settle
from cluster_sim.engine.plan import HostPlan, plan_host
from cluster_sim.engine.sharing import HOST_LOCK, MEMORY_BANDWIDTH
from cluster_sim.engine.state import ALIVE, Arrivals, Int64s, Records, with_more_rows
from cluster_sim.io_paths.steps import Resource
from cluster_sim.memory.huge_pages import count_split_folios
from cluster_sim.memory.page_tree import PAGES_PER_1G
from cluster_sim.memory.pages import TWIN, TWO_BACKINGS
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
        self.faults: list[FaultRecord] = []
        self.faults_to_come = list(plan.faults)
        self.known_deaths: set[int] = set()

    def advance(self, arrivals: Arrivals, until_ns: int) -> Records:
        """Run all events before `until_ns`; the transfers (dtype TRANSFER) that ended, in the order of their ends."""
        at_ns = arrivals.at_ns
        assert until_ns >= self.now_ns
        assert len(at_ns) == 0 or self.now_ns <= at_ns[0] <= at_ns[-1] < until_ns
        missing = len(at_ns) - int(self.state.cursor["free"][0])
        if missing > 0:
            self.state = with_more_rows(self.state, missing)
        while self.faults_to_come and self.faults_to_come[0].spec.at < until_ns:
            fault = self.faults_to_come.pop(0)
            arrivals = self._run(arrivals, fault.spec.at)
            self._inject(fault)
        self._run(arrivals, until_ns)
        return self._read_done()

    def _run(self, arrivals: Arrivals, until_ns: int) -> Arrivals:
        """Run all events before `until_ns`; the arrivals that come later."""
        first = int(np.searchsorted(arrivals.at_ns, until_ns))
        run_until(self.state, arrivals.part(0, first), until_ns)
        self.now_ns = until_ns
        self._note_deaths()
        return arrivals.part(first, len(arrivals.at_ns))

    def _inject(self, fault: PlannedFault) -> None:
        self.faults.append(inject(self.state, self.plan.protection, fault, self.now_ns))
        died = self.state.guests["died_ns"] == self.now_ns
        self.known_deaths |= set(np.flatnonzero(died).tolist())

    def _note_deaths(self) -> None:
        """Keep a record of each guest that died of its own next use of what a fault had left."""
        for guest in np.flatnonzero(self.state.guests["died_ns"] != ALIVE).tolist():
            if guest not in self.known_deaths:
                self.known_deaths.add(guest)
                is_poisoned = any(fault.guest == guest and fault.outcome == POISON for fault in self.faults)
                self.faults.append(later_death(self.state, guest, is_machine_check=is_poisoned))

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
        guests["split_ns"] += guests["split"] * (self.now_ns - guests["changed_ns"])
        guests["changed_ns"] = self.now_ns
        return guests

    def huge_leaves(self) -> Int64s:
        """Huge stage-2 leaves that map each guest now."""
        return self._of_guests(lambda guest, first, _: leaves_of(self.state, guest, first))

    def split_huge_pages(self) -> Int64s:
        """Huge pages of each guest that are split now."""
        folio_pages = self.state.rules.folio_pages
        if folio_pages == 1:
            return np.zeros(len(self.plan.guests), np.int64)
        return self._of_guests(
            lambda _, first, count: count_split_folios(
                self.state.tree, first // PAGES_PER_1G, count // PAGES_PER_1G, folio_pages
            )
        )

    def double_pages(self) -> Int64s:
        """Pages of each guest that both backings hold now."""
        return self._of_guests(
            lambda _, first, count: (
                pages_with(self.state.tree, first, count, TWIN) if self.state.rules.backing == TWO_BACKINGS else 0
            )
        )

    def _of_guests(self, figure: Callable[[PlannedGuest, int, int], int]) -> Int64s:
        """A figure of each guest, from its first page and its pages."""
        found, first = [], 0
        for guest in self.plan.guests:
            pages = guest.layout.gib_entries * PAGES_PER_1G
            found.append(figure(guest, first, pages))
            first += pages
        return np.array(found, np.int64)

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
