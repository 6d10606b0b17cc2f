"""What a host answers of itself at an instant: totals of its streams, gauges of guests and pools, busy times.

Nothing here changes the host; arrays are copies, or views that cannot be written to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from cluster_sim.engine.faults import pages_with
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.shared_resources import HOST_LOCK
from cluster_sim.engine.state import ALIVE, Host
from cluster_sim.engine.stream_sums import FIELD
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import Resource
from cluster_sim.memory.huge_pages import count_split_folios
from cluster_sim.memory.page_tree import PAGES_PER_1G
from cluster_sim.memory.pages import TWIN, TWO_BACKINGS
from cluster_sim.planning.boot_state import leaves_of
from cluster_sim.planning.planned_guest import PlannedGuest
from cluster_sim.planning.workers import owner_of


class StreamTotals(NamedTuple):
    """What each stream has added up to so far: its guest on the host, what it submitted, a row of sums (FIELDS)."""

    guest: Int64s
    submitted: Int64s
    sums: Int64s

    def of(self, field: str) -> Int64s:
        """One field of each stream."""
        return self.sums[:, FIELD[field]]


class PoolGauges(NamedTuple):
    """Each guest's bounce pool: slots used now and at most so far, searches that found none, slots looked at."""

    slots_used: Int64s
    slots_hiwater: Int64s
    slots_refused: Int64s
    slots_probed: Int64s


@dataclass(frozen=True, slots=True)
class BusyTimes:
    """What a host's servers and shared resources did, over the run so far, in ns; of buses, the mean of the nodes'."""

    vcpu_busy_ns: int
    worker_busy_ns: int
    busiest_worker_ns: int
    cpu_busy_ns: int
    engine_busy_ns: int
    iommu_busy_ns: int
    storage_busy_ns: int
    nic_out_busy_ns: int
    nic_in_busy_ns: int
    link_busy_ns: int
    psp_busy_ns: int
    bandwidth_busy_ns: int
    bandwidth_saturated_ns: int
    lock_busy_ns: int


@dataclass(frozen=True, slots=True)
class HostGauges:
    """A host's answers at `now_ns`; they hold until its loop goes on."""

    planned: tuple[PlannedGuest, ...]
    host: Host
    now_ns: int

    def totals(self) -> StreamTotals:
        """Sums of all streams."""
        spec, state = self.host
        arrays = (spec.streams["guest"], state.streams["submitted"], state.sums)
        return StreamTotals(*map(read_only, arrays))

    def pools(self) -> PoolGauges:
        """Bounce pools, added up guest by guest: its first has its number, those of its other devices follow all."""
        pools, streams = self.host.state.pools.pools, self.host.spec.streams
        owners = np.arange(len(pools))
        owners[streams["pool"]] = streams["guest"]
        sums = np.zeros((4, len(self.planned)), np.int64)
        for row, name in zip(sums, ("slots_used", "slots_hiwater", "failures", "probes"), strict=True):
            np.add.at(row, owners, pools[name])
        return PoolGauges(*map(read_only, sums))

    def guests(self) -> Records:
        """Gauges of all guests (dtype GUEST_STATE), with what pages shared and split have added up to until now."""
        guests: Records = self.host.state.guests.copy()
        guests["shared_page_ns"] += guests["shared_pages"] * (self.now_ns - guests["changed_ns"])
        guests["split_ns"] += guests["split"] * (self.now_ns - guests["changed_ns"])
        guests["changed_ns"] = self.now_ns
        return guests

    def journal(self) -> Records:
        """Steps of transfers in the order of their ends, as far as the plan has room for them."""
        state = self.host.state
        return read_only(state.journal[: int(state.cursor["journal"][0])])

    def polled_ns(self) -> Int64s:
        """CPU time spent polling for each guest: by its spinning vCPUs, or by the host before it lets them sleep."""
        spec, state = self.host
        streams, servers = spec.streams, state.servers
        polled: Int64s = state.guests["polled_ns"].copy()
        for number, guest in enumerate(self.planned):
            mine = np.flatnonzero(streams["guest"] == number)
            if not spec.guests["spins"][number] or len(mine) == 0:
                continue
            server = servers[streams["servers"][mine[0], Resource.VCPU]]
            died_ns = int(state.guests["died_ns"][number])
            end_ns = self.now_ns if died_ns == ALIVE else died_ns
            busy_ns = int(server["busy_ns"] + server["held"] * (self.now_ns - server["changed_ns"]))
            polled[number] = guest.placed.group.vcpus * (end_ns - guest.placed.arrives_ns) - busy_ns
        return polled

    def huge_leaves(self) -> Int64s:
        """Huge stage-2 leaves that map each guest now."""
        return self._of_guests(lambda guest, first, _: leaves_of(self.host, guest, first))

    def split_huge_pages(self) -> Int64s:
        """Huge pages of each guest that are split now."""
        spec, state = self.host
        if spec.rules.folio_pages == 1:
            return np.zeros(len(self.planned), np.int64)
        return self._of_guests(
            lambda _, first, count: count_split_folios(
                state.tree, first // PAGES_PER_1G, count // PAGES_PER_1G, spec.rules
            )
        )

    def double_pages(self) -> Int64s:
        """Pages of each guest that both backings hold now."""
        spec, state = self.host
        if spec.rules.backing != TWO_BACKINGS:
            return np.zeros(len(self.planned), np.int64)
        return self._of_guests(
            lambda guest, first, count: guest.pinned_twice_pages or pages_with(state.tree, first, count, TWIN)
        )

    def _of_guests(self, gauge: Callable[[PlannedGuest, int, int], int]) -> Int64s:
        """A gauge of each guest, from its first page and its pages."""
        found, first = [], 0
        for guest in self.planned:
            pages = guest.layout.gib_entries * PAGES_PER_1G
            found.append(gauge(guest, first, pages))
            first += pages
        return np.array(found, np.int64)

    def server_busy_ns(self) -> Int64s:
        """How long each server was held so far, each part of it counted."""
        servers = self.host.state.servers
        busy_ns: Int64s = servers["busy_ns"] + servers["held"] * (self.now_ns - servers["changed_ns"])
        return busy_ns

    def busiest_worker(self) -> str:
        """Whose worker was held longest so far; nobody's where there is none."""
        worker_of = self.host.spec.streams["servers"][:, Resource.WORKER]
        if len(worker_of) == 0:
            return ""
        busiest = worker_of[self.server_busy_ns()[worker_of].argmax()]
        return owner_of(self.planned, set(np.flatnonzero(worker_of == busiest).tolist()))

    def busy_times(self) -> BusyTimes:
        """Busy times so far."""
        spec, state = self.host
        shares, busy_ns = state.shares, self.server_busy_ns()
        of_stream = spec.streams["servers"]

        def busy(resource: Resource) -> int:
            return int(busy_ns[np.unique(of_stream[:, resource])].sum())

        def mean_of_buses(field: str) -> int:
            return int(np.delete(shares[field], HOST_LOCK).sum()) // (len(shares) - 1)

        return BusyTimes(
            vcpu_busy_ns=busy(Resource.VCPU),
            worker_busy_ns=busy(Resource.WORKER),
            busiest_worker_ns=int(busy_ns[of_stream[:, Resource.WORKER]].max(initial=0)),
            cpu_busy_ns=busy(Resource.CPU),
            engine_busy_ns=busy(Resource.ENGINE),
            iommu_busy_ns=busy(Resource.IOMMU),
            storage_busy_ns=busy(Resource.STORAGE),
            nic_out_busy_ns=busy(Resource.NIC_OUT),
            nic_in_busy_ns=busy(Resource.NIC_IN),
            link_busy_ns=busy(Resource.LINK),
            psp_busy_ns=busy(Resource.PSP),
            bandwidth_busy_ns=mean_of_buses("busy_ns"),
            bandwidth_saturated_ns=mean_of_buses("saturated_ns"),
            lock_busy_ns=int(shares["busy_ns"][HOST_LOCK]),
        )


Kind = TypeVar("Kind", bound=np.generic)


def read_only(array: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """A view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
