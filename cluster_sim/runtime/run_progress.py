"""What has ended of an experiment: a run's parts from all its shards, its note, how far it is, and the manifest."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cluster_sim.results.manifest import Manifest, Status
from cluster_sim.results.parts import Part, fingerprint
from cluster_sim.results.run_directory import FinishedRun, note_finished
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.hosts import HostsResult
from cluster_sim.runtime.packing import shards_of_hosts
from cluster_sim.runtime.placement_table import placements_part
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.scenario.axes import Run

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """How far an experiment is: the run that was last heard of, runs and windows that have ended, and frames."""

    run: Run
    done: int
    total: int
    frames: int
    windows: int
    windows_total: int
    losses: int = 0


@dataclass(slots=True)
class RunProgress:
    """Runs by number; each ends when all its shards have delivered."""

    storage: Storage
    manifest: Manifest
    runs: Sequence[Run]
    shards: int
    on_progress: Callable[[ProgressReport], None]
    finished: dict[tuple[str, int], FinishedRun]
    losses: int = 0
    windows: int = 0
    windows_total: int = 0
    began_s: float = field(default_factory=time.monotonic)
    ready_s: float = 0.0
    """Until the last shard's actors had come, from the beginning on."""
    results: dict[int, dict[int, HostsResult]] = field(default_factory=dict)
    frames_so_far: dict[tuple[int, int], int] = field(default_factory=dict)

    def split(self, shards: int) -> None:
        """Say how many shards there are."""
        self.shards = shards
        self.windows_total = sum(self.windows_of(run) * self.busy_shards(run) for run in self.missing())

    def actor_came(self) -> None:
        """The first actors of a shard have come."""
        self.ready_s = time.monotonic() - self.began_s

    def missing(self) -> list[int]:
        """Runs that have not ended, by number."""
        return [i for i, run in enumerate(self.runs) if (run.variant.label, run.replication) not in self.finished]

    def windows_of(self, run: int) -> int:
        """Windows of a run."""
        scenario = self.runs[run].variant.scenario
        return -(-scenario.duration // scenario.window)

    def busy_shards(self, run: int) -> int:
        """Shards that have hosts of a run."""
        return sum(bool(hosts) for hosts in shards_of_hosts(self.runs[run].variant.scenario, self.shards))

    def took(self, shard: int, run: int, windows: int, frames: int) -> None:
        """Windows of a shard have ended."""
        self.windows += windows
        self.frames_so_far[shard, run] = frames
        self.tell(run)

    def tell(self, run: int) -> None:
        """Say how far the experiment is."""
        self.on_progress(
            ProgressReport(
                run=self.runs[run],
                done=len(self.finished),
                total=len(self.runs),
                frames=sum(each.frames for each in self.finished.values()) + sum(self.frames_so_far.values()),
                windows=self.windows,
                windows_total=self.windows_total,
                losses=self.losses,
            )
        )

    def deliver(self, shard: int, number: int, result: HostsResult) -> None:
        """Take a shard's part of a run; after the last the run has ended, and is noted."""
        self.results.setdefault(number, {})[shard] = result
        if len(self.results[number]) < self.busy_shards(number):
            return
        run, results = self.runs[number], self.results.pop(number)
        label = run.variant.label
        parts = [part for each in sorted(results) for part in results[each].parts]
        order = next(order for shard in results if (order := order_of(self, number, shard)))
        parts.append(placements_part(order))
        frames = sum(result.frames for result in results.values())
        noted = FinishedRun(
            variant=label,
            replication=run.replication,
            frames=frames,
            parts=tuple(sorted(parts, key=lambda part: part.path)),
        )
        note_finished(self.storage, noted)
        for each in results:
            self.frames_so_far.pop((each, number), None)
        self.finished[label, run.replication] = noted
        LOG.info("run %s #%d has ended: %d frames", label, run.replication, frames)
        self.tell(number)

    def closed(self, status: Status) -> Manifest:
        """The manifest with what is known now."""
        parts: list[Part] = sorted(
            (part for run in self.finished.values() for part in run.parts), key=lambda part: part.path
        )
        frames = {f"{label}/{replication}": run.frames for (label, replication), run in sorted(self.finished.items())}
        return self.manifest.model_copy(
            update={
                "status": status,
                "fingerprint": fingerprint(parts),
                "parts": tuple(parts),
                "frames_of": frames,
            }
        )


def order_of(progress: RunProgress, run: int, shard: int) -> RunOrder | None:
    """What a shard is asked for in a run; None if that needs no such shard."""
    one = progress.runs[run]
    hosts = shards_of_hosts(one.variant.scenario, progress.shards)[shard]
    if not hosts:
        return None
    return RunOrder(
        variant=one.variant.label,
        replication=one.replication,
        seed=one.seed,
        scenario=one.variant.scenario,
        folder=progress.manifest.traces_folder.resolve(),
        storage=progress.storage,
        hosts=hosts,
    )
