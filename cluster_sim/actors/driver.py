"""Runs an experiment: hands runs to shards, writes the small tables, keeps the manifest."""

import math
import os
import platform
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import JsonValue

from cluster_sim.actors.exchange import groups_of_hosts
from cluster_sim.actors.order import RunOrder
from cluster_sim.actors.placements import placements
from cluster_sim.actors.shards import InlineShard, Pending, Shard, ShardResult
from cluster_sim.compiled import has_cache
from cluster_sim.engine.host import compile_all
from cluster_sim.engine.placement import place_guests
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.results import run_directory
from cluster_sim.results.columns import schema
from cluster_sim.results.manifest import Manifest, Status, VariantRecord
from cluster_sim.results.parts import Part, PartWriter, fingerprint
from cluster_sim.scenario.axes import Run, runs
from cluster_sim.scenario.load import Experiment
from cluster_sim.shipped import workloads_directory
from cluster_sim.workloads.playout import NEVER
from cluster_sim.workloads.submissions import Seen


class RunFailedError(Exception):
    """A run that did not end: what failed, and what is kept."""


Executor = Literal["ray", "inline"]
RUNS_UNDER_WAY = 2
FAILURE = "failure.txt"
NOTHING_SEEN = Seen(NEVER)
VERSIONED = ("cluster-sim", "numba", "numpy", "pyarrow", "pydantic", "ray")


@dataclass(frozen=True, slots=True)
class Progress:
    """A run that has ended: which of how many, and frames simulated so far."""

    run: Run
    done: int
    total: int
    frames: int


@dataclass(frozen=True, slots=True)
class Finished:
    """An experiment that has run to its end."""

    directory: Path
    fingerprint: str
    frames: int


@dataclass(frozen=True, slots=True)
class Crew:
    """Who runs: here, or on a Ray of this run's own; `actors` is the number of shards, by default one a CPU."""

    executor: Executor = "ray"
    actors: int | None = None

    @contextmanager
    def shards(self, most_hosts: int) -> Iterator[list[Shard]]:
        """The shards, at most one a host."""
        wanted = min(self.actors or os.cpu_count() or 1, most_hosts)
        if self.executor == "inline":
            yield [InlineShard() for _ in range(wanted)]
            return
        from cluster_sim.actors.on_ray import RayShard, local_ray

        compile_once()
        with local_ray(os.cpu_count() or 1):
            yield [RayShard() for _ in range(wanted)]


def run_experiment(
    experiment: Experiment,
    results: Path,
    *,
    executor: Executor = "ray",
    actors: int | None = None,
    name: str | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Finished:
    """Run all runs of an experiment; tables and manifest lie in the directory that is returned.

    `actors` is the number of shards, each one HostActor with one GuestActor; by default one a CPU, at most one a
    host. It never changes a byte of the tables.
    """
    directory = run_directory.create(results, experiment.spec.name, name)
    every_run = runs(experiment.spec, experiment.variants)
    crew = Crew(executor, actors)
    return carry_out(directory, opening_manifest(experiment), every_run, crew, on_progress=on_progress)


def carry_out(
    directory: Path,
    manifest: Manifest,
    missing: Sequence[Run],
    crew: Crew,
    *,
    check: Callable[[Sequence[Shard]], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Finished:
    """Run what is missing of a manifest's runs and add its parts to those that it lists.

    However that ends, the manifest says what is there. `check` is made before anything is written, and may refuse.
    """
    opening, parts, frames = manifest.model_copy(update={"status": "running"}), list(manifest.parts), manifest.frames
    every = len(manifest.variants) * manifest.replications
    most_hosts = max((run.variant.scenario.cluster.hosts for run in missing), default=1)
    try:
        with run_directory.held(directory), crew.shards(most_hosts) as shards:
            check(shards)
            run_directory.remove_unlisted(directory, parts)
            run_directory.write_manifest(directory, opening)
            ordered = in_order(manifest.traces_folder, missing, directory, shards)
            for number, (run, results) in enumerate(ordered, start=1):
                run_parts, run_frames = write_run(directory, run, results)
                parts += run_parts
                frames += run_frames
                on_progress(Progress(run, number, len(missing), frames))
            run_directory.write_manifest(directory, closed(manifest, parts, frames, "complete"))
    except run_directory.RunDirectoryError:
        raise
    except KeyboardInterrupt:
        keep_finished(directory, closed(manifest, parts, frames, "interrupted"))
        raise
    except Exception as error:
        note = keep_finished(directory, closed(manifest, parts, frames, "failed"), error)
        done = f"{len({(part.variant, part.replication) for part in parts})} of {every} runs"
        reason = (str(error).splitlines() or [""])[0]
        raise RunFailedError(
            f"failed after {done}, which are kept in {directory}{note}: {type(error).__name__}: {reason}"
        ) from error
    return Finished(directory, fingerprint(parts), frames)


def keep_finished(directory: Path, manifest: Manifest, error: Exception | None = None) -> str:
    """Drop the files of unfinished runs, write the manifest of the others and the error's whole story.

    What went wrong with that is given back, if something did.
    """
    try:
        run_directory.remove_unlisted(directory, manifest.parts)
        run_directory.write_manifest(directory, manifest)
        if error is not None:
            (directory / FAILURE).write_text("".join(traceback.format_exception(error)), "utf-8")
    except OSError as refused:
        return f" (their manifest could not be written: {refused.strerror})"
    return ""


def in_order(
    folder: Path, every_run: Sequence[Run], directory: Path, shards: Sequence[Shard]
) -> Iterator[tuple[Run, list[ShardResult]]]:
    """Each run with its shards' results, in order; the next run is under way while one is waited for."""
    under_way: list[tuple[Run, list[Pending]]] = []
    for run in every_run:
        under_way.append((run, start(folder, run, directory, shards)))
        if len(under_way) == RUNS_UNDER_WAY:
            first, pending = under_way.pop(0)
            yield first, [one.result() for one in pending]
    for first, pending in under_way:
        yield first, [one.result() for one in pending]


def start(folder: Path, run: Run, directory: Path, shards: Sequence[Shard]) -> list[Pending]:
    """Give each shard its share of the run's hosts, in turn; those that exchange traffic go together."""
    groups = groups_of_hosts(run.variant.scenario)
    orders = [
        RunOrder(
            variant=run.variant.label,
            replication=run.replication,
            seed=run.seed,
            scenario=run.variant.scenario,
            folder=folder.resolve(),
            run_directory=directory.resolve(),
            hosts=tuple(sorted(host for group in groups[number :: len(shards)] for host in group)),
        )
        for number in range(len(shards))
    ]
    return [shard.start(order) for shard, order in zip(shards, orders, strict=True) if order.hosts]


def write_run(directory: Path, run: Run, results: Sequence[ShardResult]) -> tuple[list[Part], int]:
    """Write a run's small tables, hosts and guests in the order of their numbers; its parts and frames."""
    seen = {guest: one for result in results for guest, one in result.seen.items()}
    parts = [part for result in results for part in result.hosts.parts]
    for table in results[0].hosts.tables:
        batches = [batch for result in results for batch in result.hosts.tables[table] if batch.num_rows]
        if not batches:
            continue
        batches.sort(key=lambda batch: batch.column("host_id")[0].as_py())
        if table == "guests":
            batches = [with_seen(batch, seen) for batch in batches]
        writer = PartWriter(directory, table, run.variant.label, run.replication, "all")
        for batch in batches:
            writer.write(batch)
        parts.append(writer.close())
    writer = PartWriter(directory, "placements", run.variant.label, run.replication, "all")
    writer.write(placements(place_guests(run.variant.scenario, (run.seed, run.replication))))
    parts.append(writer.close())
    return parts, sum(result.hosts.frames for result in results)


def with_seen(batch: pa.RecordBatch, seen: dict[int, Seen]) -> pa.RecordBatch:
    """Put what the guests' users saw beside what their host booked."""
    mine = [seen.get(guest, NOTHING_SEEN) for guest in batch.column("guest_id").to_pylist()]
    replaced = {
        "play_started": [one.playback.started for one in mine],
        "startup_ns": [one.playback.startup_ns for one in mine],
        "freezes": [one.playback.freezes for one in mine],
        "frozen_ns": [one.playback.frozen_ns for one in mine],
        "switches": [one.switches for one in mine],
        "played_bits_per_s": [one.played_bits_per_s for one in mine],
    }
    declared = schema("guests")
    arrays = [
        pa.array(replaced[field.name], field.type) if field.name in replaced else batch.column(field.name)
        for field in declared
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=declared)


def opening_manifest(experiment: Experiment) -> Manifest:
    """What is known before the first run: definition, scenarios, profiles with provenance, versions, host."""
    spec, folder = experiment.spec, experiment.source.parent.resolve()
    profiles = {variant.label: profile_of(variant.scenario) for variant in experiment.variants}
    return Manifest(
        experiment=spec.name,
        question=spec.question,
        definition=experiment.source.name,
        folder="" if folder == workloads_directory().resolve() else str(folder),
        seed=spec.seed,
        replications=spec.replications,
        baseline=dict(spec.baseline),
        variants={
            variant.label: VariantRecord(
                axes=dict(variant.axis_labels),
                profile=profiles[variant.label].name,
                duration_ns=variant.scenario.duration,
                scenario=variant.scenario.plain(),
            )
            for variant in experiment.variants
        },
        profiles={profile.name: profile_record(profile) for profile in profiles.values()},
        versions={"python": platform.python_version(), **{name: metadata.version(name) for name in VERSIONED}},
        host={"system": platform.platform(), "machine": platform.machine(), "byte_order": sys.byteorder},
    )


def profile_record(profile: Profile) -> dict[str, JsonValue]:
    """A profile with the provenance of each price, and of the costs that its formulas use."""
    inputs = sorted({name for cost in profile.costs() for name in cost.inputs})
    return {
        "title": profile.title,
        "notes": list(profile.notes),
        "prices": {
            name: {"absent": price.note} if price.cost is None else cost_record(price.cost)
            for name, price in sorted(profile.prices.items())
        },
        "costs": {name: cost_record(profile.library.costs[name]) for name in inputs},
    }


def cost_record(cost: Cost) -> dict[str, JsonValue]:
    """A cost with its provenance."""
    return {
        "value": cost.value if math.isfinite(cost.value) else str(cost.value),
        "unit": cost.unit,
        "low": cost.low if math.isfinite(cost.low) else str(cost.low),
        "high": cost.high if math.isfinite(cost.high) else str(cost.high),
        "source": cost.source,
        "confidence": cost.confidence,
        "formula": cost.formula,
        "note": cost.note,
    }


def closed(manifest: Manifest, parts: Sequence[Part], frames: int, status: Status) -> Manifest:
    """The manifest with what is known at the end."""
    ordered = tuple(sorted(parts, key=lambda part: part.path))
    return manifest.model_copy(
        update={"status": status, "frames": frames, "fingerprint": fingerprint(ordered), "parts": ordered}
    )


def is_first_use() -> bool:
    """Whether the engine will have to be compiled first."""
    return not has_cache()


def compile_once() -> None:
    """Compile the engine here if nobody has, so that the actors find it on disk."""
    if is_first_use():
        compile_all()
