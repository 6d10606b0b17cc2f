"""Going on with a run that is there: more replications, or those that an interrupted run lacks."""

from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue, ValidationError

from cluster_sim.actors.checks import checks
from cluster_sim.actors.driver import (
    Crew,
    Finished,
    Progress,
    carry_out,
    is_first_use,
    profile_record,
    start,
    write_run,
)
from cluster_sim.actors.shards import Shard
from cluster_sim.platform.costs_of import profile_of
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.parts import Part
from cluster_sim.results.run_directory import RunDirectoryError, find, read_manifest
from cluster_sim.scenario.axes import MOST_RUNS, Run, Variant
from cluster_sim.scenario.contradictions import gather
from cluster_sim.scenario.spec import ScenarioSpec

__all__ = ["complete_run", "is_first_use"]

ONE_PROGRAM = "the program and prices that made the run"


def complete_run(
    path: Path,
    replications: int | None = None,
    crew: Crew | None = None,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Finished:
    """Run what a run's directory lacks, in place: of its own replications, or of `replications` when those are more.

    Nothing is run twice but one run that is there, as a check: it must leave the same digests again, so that what is
    added is of the same program, definition and traces. RunDirectoryError says what forbids it.
    """
    directory = find(path)
    found = read_manifest(directory)
    wanted = max(found.replications, replications or 0)
    if len(found.variants) * wanted > MOST_RUNS:
        raise RunDirectoryError(f"replications: found {wanted}, allowed: at most {MOST_RUNS} runs in all")
    manifest = found.model_copy(update={"replications": wanted})
    variants = {variant.label: variant for variant in variants_of(manifest, directory)}
    there = {(part.variant, part.replication): list[Part]() for part in manifest.parts}
    for part in manifest.parts:
        there[part.variant, part.replication].append(part)
        if not (directory / part.path).is_file():
            raise RunDirectoryError(f"{directory / part.path}: found nothing, allowed: the part of the manifest")
    missing = [
        Run(variant, number, manifest.seed)
        for variant in variants.values()
        for number in range(wanted)
        if (variant.label, number) not in there
    ]
    if not missing and found.status == "complete":
        return Finished(directory, found.fingerprint, found.frames)

    def check(shards: Sequence[Shard]) -> None:
        if there:
            label, number = min(there, key=lambda run: sum(part.rows for part in there[run]))
            again = Run(variants[label], number, manifest.seed)
            check_again(directory, manifest.traces_folder, again, there[label, number], shards)

    return carry_out(directory, manifest, missing, crew or Crew(), check=check, on_progress=on_progress)


def variants_of(manifest: Manifest, directory: Path) -> list[Variant]:
    """The manifest's scenarios, if this program still makes the same of them; RunDirectoryError tells all else."""
    wrong = list[str]()
    version = metadata.version("cluster-sim")
    if manifest.versions.get("cluster-sim") != version:
        wrong.append(f"version: found {manifest.versions.get('cluster-sim')}, allowed: {version}, which runs now")
    made = list[Variant]()
    for label, record in manifest.variants.items():
        try:
            scenario = ScenarioSpec.model_validate(record.scenario)
        except ValidationError as error:
            wrong.append(
                f"variants.{label}: found a scenario with {error.error_count()} faults, allowed: {ONE_PROGRAM}"
            )
            continue
        made.append(Variant(label, dict(record.axes), scenario))
    folder = manifest.traces_folder
    if len(made) == len(manifest.variants):
        faults = gather(made, folder, [checks])
        wrong += [f"{each.field}: found {each.found}, allowed: {each.allowed}" for each in faults]
        wrong += [] if faults else other_prices(manifest, made)
    if wrong:
        raise RunDirectoryError("\n".join([f"{directory}: nothing can be added to this run:", *wrong]))
    return made


def other_prices(manifest: Manifest, variants: Sequence[Variant]) -> list[str]:
    """Prices that this program has otherwise than the run had."""
    now = {profile.name: profile for profile in (profile_of(variant.scenario) for variant in variants)}
    wrong = list[str]()
    for name, profile in now.items():
        mine, theirs = prices(profile_record(profile)), prices(manifest.profiles.get(name, {}))
        for price in dict.fromkeys([*mine, *theirs]):
            if mine.get(price) != theirs.get(price):
                wrong.append(f"profiles.{name}.prices.{price}: found another price, allowed: {ONE_PROGRAM}")
    return wrong


def prices(record: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The prices of a profile's record, without their notes."""
    found = record.get("prices", {})
    return dict(found) if isinstance(found, dict) else {}


def check_again(directory: Path, folder: Path, run: Run, before: Sequence[Part], shards: Sequence[Shard]) -> None:
    """Run one run a second time and hold its digests against those that the manifest lists."""
    try:
        with TemporaryDirectory(prefix=".again-", dir=directory) as scratch:
            pending = start(folder, run, Path(scratch), shards)
            parts, _ = write_run(Path(scratch), run, [one.result() for one in pending])
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise RunDirectoryError(
            f"{directory}: replication {run.replication} of {run.variant.label} cannot be run again: {reason}"
        ) from error
    mine, theirs = ({part.path: part.digest for part in each} for each in (parts, before))
    tables = sorted({path.split("/")[0] for path in {*mine, *theirs} if mine.get(path) != theirs.get(path)})
    if tables:
        raise RunDirectoryError(
            f"{directory}: replication {run.replication} of {run.variant.label} was run again and left other "
            f"{', '.join(tables)}; allowed: the program, definition and traces that made the run"
        )
