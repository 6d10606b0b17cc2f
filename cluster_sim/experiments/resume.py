"""Going on with a run that is there: what it lacks, what was damaged, or more replications."""

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue, ValidationError

from cluster_sim.experiments.driver import DEFAULT_MEANS, Finished, Means, carry_out
from cluster_sim.experiments.manifests import is_of_these_sources, profile_record
from cluster_sim.planning.checks import check_variants
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.refusal import Refusal
from cluster_sim.results import run_directory
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.parts import damage_of
from cluster_sim.results.run_directory import FinishedRun, RunDirectoryError, find, read_manifest
from cluster_sim.results.storage import Storage, storage_of
from cluster_sim.runtime.compile_ahead import compile_once
from cluster_sim.runtime.pace import Pace
from cluster_sim.runtime.placement_table import placements_part
from cluster_sim.runtime.run_order import RunOrder
from cluster_sim.runtime.run_progress import ProgressReport
from cluster_sim.runtime.shard import run_here
from cluster_sim.scenario.axes import MOST_RUNS, Variant
from cluster_sim.scenario.spec import ScenarioSpec

LOG = logging.getLogger(__name__)
ONE_PROGRAM = "the program and prices that made the run"

RunName = tuple[str, int]
"""Variant and replication."""


def complete_run(
    run: Path | str,
    replications: int | None = None,
    *,
    means: Means = DEFAULT_MEANS,
    on_progress: Callable[[ProgressReport], None] = lambda _: None,
) -> Finished:
    """Run what a run's directory lacks, in place: of its own replications, or of `replications` when those are more.

    Parts that are there are verified, and what is damaged is done again. Where the program has changed since, one run
    that is there is run once more and must leave the same digests. RunDirectoryError says what forbids to go on.
    """
    storage = find(run)
    found = read_manifest(storage)
    wanted = max(found.replications, replications or 0)
    if len(found.variants) * wanted > MOST_RUNS:
        raise RunDirectoryError("replications", str(wanted), f"at most {MOST_RUNS} runs in all")
    manifest = found.model_copy(update={"replications": wanted})
    variants = variants_of(manifest, storage)
    with run_directory.held(storage):
        intact = verified(storage, found)
        if found.status == "complete" and len(intact) == len(variants) * wanted:
            return Finished(storage, found.fingerprint, found.frames)
        if intact and not is_of_these_sources(found):
            smallest = min(intact, key=lambda name: sum(part.rows for part in intact[name].parts))
            check_again(storage, manifest, variants[smallest[0]], intact[smallest])
        return carry_out(storage, manifest, intact, means, on_progress)


def verified(storage: Storage, manifest: Manifest) -> dict[RunName, FinishedRun]:
    """Runs that have ended, and whose parts hold what they held when they were written."""
    intact: dict[RunName, FinishedRun] = {}
    for finished in run_directory.finished_runs(storage, manifest):
        run_directory.put_in_place(storage, finished)
        damages = {part.path: damage for part in finished.parts if (damage := damage_of(storage, part))}
        for path, damage in damages.items():
            LOG.warning("%s: %s; its run is done again", storage.path(path), damage)
        if not damages:
            intact[finished.variant, finished.replication] = finished
            continue
        for part in finished.parts:
            storage.remove(part.path)
    return intact


def variants_of(manifest: Manifest, storage: Storage) -> dict[str, Variant]:
    """The manifest's scenarios, if this program still makes the same of them; RunDirectoryError tells all else."""
    wrong = list[Refusal]()
    version = metadata.version("cluster-sim")
    if manifest.versions.get("cluster-sim") != version:
        wrong.append(Refusal("version", str(manifest.versions.get("cluster-sim")), f"{version}, which runs now"))
    made = list[Variant]()
    for label, record in manifest.variants.items():
        try:
            scenario = ScenarioSpec.model_validate(record.scenario)
        except ValidationError as error:
            wrong.append(Refusal(f"variants.{label}", f"a scenario with {error.error_count()} faults", ONE_PROGRAM))
            continue
        made.append(Variant(label, dict(record.axes), scenario))
    if len(made) == len(manifest.variants):
        faults = check_variants(made, manifest.traces_folder)
        wrong += [Refusal(each.field, each.found, each.allowed) for each in faults]
        wrong += [] if faults else other_prices(manifest, made)
    if wrong:
        raise RunDirectoryError(storage.path(), "nothing can be added to this run:", also=wrong)
    return {variant.label: variant for variant in made}


def other_prices(manifest: Manifest, variants: Sequence[Variant]) -> list[Refusal]:
    """Prices that this program has otherwise than the run had."""
    now = {profile.name: profile for profile in (profile_of(variant.scenario) for variant in variants)}
    wrong = list[Refusal]()
    for name, profile in now.items():
        mine, theirs = prices(profile_record(profile)), prices(manifest.profiles.get(name, {}))
        for price in dict.fromkeys([*mine, *theirs]):
            if mine.get(price) != theirs.get(price):
                wrong.append(Refusal(f"profiles.{name}.prices.{price}", "another price", ONE_PROGRAM))
    return wrong


def prices(record: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The prices of a profile's record, without their notes."""
    found = record.get("prices", {})
    return dict(found) if isinstance(found, dict) else {}


def check_again(storage: Storage, manifest: Manifest, variant: Variant, before: FinishedRun) -> None:
    """Run one run a second time and hold its digests against those that it left before."""
    compile_once()
    try:
        with TemporaryDirectory(prefix="cluster-sim-again-") as scratch:
            order = RunOrder(
                variant=variant.label,
                replication=before.replication,
                seed=manifest.seed,
                scenario=variant.scenario,
                folder=manifest.traces_folder.resolve(),
                storage=storage_of(scratch),
                hosts=tuple(range(variant.scenario.cluster.hosts)),
            )
            parts = [*run_here(order, Pace(), lambda *_: None).parts, placements_part(order)]
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        found = f"replication {before.replication} of {variant.label} cannot be run again: {reason}"
        raise RunDirectoryError(storage.path(), found) from error
    mine, theirs = ({part.path: part.digest for part in each} for each in (parts, before.parts))
    tables = sorted({path.split("/")[0] for path in {*mine, *theirs} if mine.get(path) != theirs.get(path)})
    if tables:
        found = f"replication {before.replication} of {variant.label} was run again and left other {', '.join(tables)}"
        allowed = "the program, definition and traces that made the run"
        raise RunDirectoryError(storage.path(), f"{found}; allowed: {allowed}")
