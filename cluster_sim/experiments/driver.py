"""Runs an experiment: from a definition, or from a run directory whose run did not end; keeps the manifest."""

import asyncio
import errno
import logging
import os
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cluster_sim.experiments.manifests import opening_manifest, runs_of
from cluster_sim.experiments.run_log import run_log
from cluster_sim.planning.inputs import files_of
from cluster_sim.results import run_directory
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.run_directory import FinishedRun, RunDirectoryError
from cluster_sim.results.storage import Storage
from cluster_sim.runtime.compile_ahead import compile_once
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.pace import Pace
from cluster_sim.runtime.packing import most_shards
from cluster_sim.runtime.run_progress import ProgressReport, RunProgress, order_of
from cluster_sim.runtime.shard import run_here
from cluster_sim.scenario.load import Experiment

LOG = logging.getLogger(__name__)
FAILURE = "failure.txt"

Executor = Literal["ray", "inline"]


@dataclass(frozen=True, slots=True)
class Means:
    """With what an experiment is run; nothing of it changes a byte of the tables.

    `actors` is the number of shards, each one HostActor with one GuestActor; by default one a CPU, at most one a unit
    of hosts that go together. `address` names a Ray cluster, else there is one of this run's own. On a cluster with
    too few CPUs the actors are packed tighter, or wait. `snapshot_every` windows, 0 for as often as they cost little.
    """

    executor: Executor = "ray"
    actors: int | None = None
    address: str | None = None
    when_small: Literal["pack", "wait"] = "pack"
    snapshot_every: int = 0


DEFAULT_MEANS = Means()


@dataclass(frozen=True, slots=True)
class Finished:
    """An experiment that has run to its end."""

    storage: Storage
    fingerprint: str
    frames: int
    ray_start_s: float = 0.0
    """What starting Ray and its actors took; 0 where none was started."""

    @property
    def directory(self) -> Path:
        """Where its tables lie; of a URI the last part is its name."""
        return Path(self.storage.path())


def run_experiment(
    experiment: Experiment,
    results: Path | str,
    *,
    means: Means = DEFAULT_MEANS,
    name: str | None = None,
    on_progress: Callable[[ProgressReport], None] = lambda _: None,
) -> Finished:
    """Run all runs of an experiment; tables and manifest lie in the directory that is returned."""
    storage = run_directory.create(results, experiment.spec.name, name)
    with run_directory.held(storage):
        return carry_out(storage, opening_manifest(experiment), {}, means, on_progress)


def carry_out(
    storage: Storage,
    manifest: Manifest,
    finished: dict[tuple[str, int], FinishedRun],
    means: Means,
    on_progress: Callable[[ProgressReport], None],
) -> Finished:
    """Do all runs of a manifest that have not ended."""
    runs = runs_of(manifest)
    progress = RunProgress(storage, manifest, runs, 1, on_progress, finished)
    try:
        with run_log(storage):
            run_directory.write_manifest(storage, progress.closed("running"))
            LOG.info("%d of %d runs are to be done", len(progress.missing()), len(runs))
            if progress.missing():
                if means.executor == "inline":
                    progress.split(means.actors or 1)
                    run_inline(progress, means)
                else:
                    run_on_ray(progress, means)
            assert not progress.missing()
            closed = progress.closed("complete")
            run_directory.write_manifest(storage, closed)
            run_directory.remove_unlisted(storage, closed.parts)
    except KeyboardInterrupt:
        keep_finished(progress, "interrupted")
        raise
    except RunDirectoryError:
        keep_finished(progress, "failed")
        raise
    except Exception as error:
        note = keep_finished(progress, "failed", error)
        raise RunFailedError(failure_text(progress, error, note)) from error
    return Finished(storage, closed.fingerprint, closed.frames, progress.ready_s)


def run_inline(progress: RunProgress, means: Means) -> None:
    """Run everything in this process, one shard after the other."""
    for number in progress.missing():
        for shard in range(progress.shards):
            order = order_of(progress, number, shard)
            if order is None:
                continue

            def took(windows: int, frames: int, *, at: tuple[int, int] = (shard, number)) -> None:
                progress.took(*at, windows, frames)

            progress.deliver(shard, number, run_here(order, Pace(means.snapshot_every), took))


def run_on_ray(progress: RunProgress, means: Means) -> None:
    """Run on a Ray of this run's own, or on the cluster at an address."""
    from cluster_sim.actors.ray_environment import prepare_environment

    prepare_environment(means.address)
    from cluster_sim.actors.campaign import conduct_all
    from cluster_sim.actors.placement_groups import check_nodes, cpus_of_nodes
    from cluster_sim.actors.ray_session import running_ray

    compile_once()
    progress.began_s = time.monotonic()
    with running_ray(means.address, os.cpu_count() or 1):
        folder = progress.manifest.traces_folder
        files = dict.fromkeys(file for run in progress.runs for file in files_of(run.variant.scenario, folder))
        if means.address is not None:
            check_nodes(progress.storage, list(files))
        wanted = means.actors or max(int(sum(cpus_of_nodes())), 1)
        progress.split(min(wanted, most_shards([run.variant.scenario for run in progress.runs])))
        run_to_end(conduct_all(progress, means.when_small, means.snapshot_every))


def run_to_end(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine whether this thread has a loop that runs, as that of a notebook, or not."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, work).result()


def keep_finished(
    progress: RunProgress, status: Literal["interrupted", "failed"], error: Exception | None = None
) -> str:
    """Write the manifest of what has ended, and the error's whole story; what went wrong with that is given back."""
    try:
        run_directory.write_manifest(progress.storage, progress.closed(status))
        if error is not None:
            story = "".join(traceback.format_exception(error))
            progress.storage.put(FAILURE, story.encode())
    except OSError as refused:
        return f" (their manifest could not be written: {run_directory.reason_of(refused)})"
    return ""


def failure_text(progress: RunProgress, error: Exception, note: str) -> str:
    """What failed, what is kept, and what to do."""
    cause = getattr(error, "cause", None) or error
    reason = (str(cause).splitlines() or [""])[0]
    where = progress.storage.uri
    what = "go on with"
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = "make room, then go on with"
    return (
        f"failed after {len(progress.finished)} of {len(progress.runs)} runs, which are kept in {where}{note}: "
        f"{type(cause).__name__}: {reason}\n{what} `cluster-sim run --resume {where}`"
    )
