"""What an actor is told to run: one run of one scenario, for some of its hosts."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cluster_sim.planning.inputs import workload_sizes
from cluster_sim.planning.placement import Placement, place_guests
from cluster_sim.planning.run_guests import RunGuests
from cluster_sim.results.parts import PartLocation
from cluster_sim.results.run_directory import SNAPSHOTS, UNFINISHED
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.snapshots import SnapshotFolder
from cluster_sim.runtime.sources import package_digest
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import LadderVideo
from cluster_sim.scenario.workload_traits import traits_of


@dataclass(frozen=True, slots=True, eq=False)
class RunOrder:
    """One run: scenario, chance, where its traces are and where its parts go.

    `folder` is that of the workload file; `hosts` are those that this actor is asked for. `token` tells apart two that
    write the same part at a time, such as an actor that was given up and still lives.
    """

    variant: str
    replication: int
    seed: int
    scenario: ScenarioSpec
    folder: Path
    storage: Storage
    hosts: tuple[int, ...]
    token: str = ""

    @property
    def windows(self) -> int:
        """Windows of the run, the last maybe shorter."""
        return -(-self.scenario.duration // self.scenario.window)

    @property
    def looks_back(self) -> bool:
        """Whether some guest's software decides by what came back before."""
        return any(
            isinstance(traits_of(workload).trace, LadderVideo)
            for group in self.scenario.guests
            for workload in group.workloads
        )

    def window_ends_ns(self, window: int) -> int:
        """Instant at which a window ends."""
        return min((window + 1) * self.scenario.window, self.scenario.duration)

    def part_location(self, table: str) -> PartLocation:
        """Where its parts of a table go."""
        return PartLocation(table, self.variant, self.replication, self.token)

    @property
    def unfinished(self) -> Storage:
        """Where parts lie until the run has ended everywhere."""
        return self.storage.below(UNFINISHED)

    @property
    def snapshots(self) -> SnapshotFolder:
        """Where snapshots of these hosts and their guests lie, apart for whatever they depend on."""
        what = [package_digest(), self.scenario.plain(), self.seed, self.replication, self.hosts]
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
        return SnapshotFolder(self.storage, f"{SNAPSHOTS}/{self.variant}/{self.replication}/{digest}")

    def placement(self) -> Placement:
        """Who is where."""
        return place_guests(self.scenario, (self.seed, self.replication))

    def guests(self) -> RunGuests:
        """The guests of each host, with their queues."""
        return guests_of(self)


@lru_cache(maxsize=1)
def guests_of(order: RunOrder) -> RunGuests:
    """The guests of an order, placed and laid out once a process: hosts and software in the same one share them."""
    return RunGuests(order.scenario, workload_sizes(order.scenario, order.folder), order.placement())
