"""A run that is gone on with is the run that would have been: the same bytes, whoever runs them, or a refusal."""

from pathlib import Path

import pytest

from cluster_sim import load, run
from cluster_sim.experiments.driver import Executor, Means
from cluster_sim.experiments.resume import complete_run
from cluster_sim.results import run_directory
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.parts import Part, damage_of
from cluster_sim.results.reader import open_results
from cluster_sim.results.run_directory import RunDirectoryError, read_manifest, write_manifest
from cluster_sim.results.storage import storage_of
from cluster_sim.runtime.run_progress import ProgressReport
from cluster_sim.shipped import workloads_directory
from tests.main_job import MAIN_JOB

SETS = [
    "duration=200ms",
    "window=100ms",
    "protection=pkvm",
    "cluster.hosts=2",
    "guests.raw.count_per_host=1",
    "guests.coded.count_per_host=1",
    "exclude=[{io_path: [convert-4k, convert-2m, pool-copy, direct]}]",
]
INLINE = Means("inline")


def make(folder: Path, replications: int) -> Path:
    experiment = load(MAIN_JOB, [*SETS, f"replications={replications}"])
    return run(experiment, folder, executor="inline").directory


def manifest_of(directory: Path) -> Manifest:
    return read_manifest(storage_of(directory))


@pytest.fixture
def short(tmp_path: Path) -> Path:
    return make(tmp_path / "short", 2)


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_replications_added_later_are_those_that_a_longer_run_has(
    tmp_path: Path, short: Path, executor: Executor
) -> None:
    whole = manifest_of(make(tmp_path / "whole", 3))
    finished = complete_run(short, 3, means=Means(executor, 2))
    manifest = manifest_of(short)
    assert finished.fingerprint == manifest.fingerprint == whole.fingerprint
    assert (manifest.replications, manifest.status, manifest.frames) == (3, "complete", whole.frames)


def test_a_run_that_has_all_is_left_as_it_is(short: Path) -> None:
    before = (short / "manifest.json").read_bytes()
    assert complete_run(short, 1, means=INLINE).fingerprint == manifest_of(short).fingerprint
    assert (short / "manifest.json").read_bytes() == before


def test_what_an_interrupted_run_lacks_is_run_and_nothing_else(short: Path) -> None:
    whole = manifest_of(short)
    cut = whole.parts[0].variant
    kept = tuple(part for part in whole.parts if (part.variant, part.replication) != (cut, 1))
    untouched = {part.path: (short / part.path).stat().st_mtime_ns for part in kept}
    (short / "guests" / f"variant={cut}" / "replication=1" / "hosts-00000.parquet").write_bytes(b"half of it")
    write_manifest(
        storage_of(short), whole.model_copy(update={"status": "interrupted", "parts": kept, "fingerprint": ""})
    )
    assert complete_run(short, means=INLINE).fingerprint == whole.fingerprint
    assert {path: (short / path).stat().st_mtime_ns for path in untouched} == untouched
    assert open_results(short).table("guests").num_rows == sum(p.rows for p in whole.parts if p.table == "guests")


def test_what_ended_before_an_interrupt_is_kept_and_gone_on_with(tmp_path: Path, short: Path) -> None:
    def interrupt(progress: ProgressReport) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete_run(short, 3, means=INLINE, on_progress=interrupt)
    manifest = manifest_of(short)
    variants = {part.variant for part in manifest.parts if part.replication == 2}
    assert (manifest.status, manifest.replications, len(variants)) == ("interrupted", 3, 1)
    assert complete_run(short, means=INLINE).fingerprint == manifest_of(make(tmp_path / "whole", 3)).fingerprint
    assert manifest_of(short).status == "complete"


def test_a_run_of_other_numbers_is_refused_and_left_as_it_is(short: Path) -> None:
    manifest = manifest_of(short)
    changed = []
    for part in manifest.parts:
        if part.table == "guests" and part.replication == 1:
            other = part.path.replace("replication=1", "replication=0")
            (short / part.path).write_bytes((short / other).read_bytes())
            (digest,) = [each.digest for each in manifest.parts if each.path == other]
            changed.append(Part(part.table, part.variant, 1, part.path, part.rows, digest))
        else:
            changed.append(part)
    versions = {**manifest.versions, "cluster-sim sources": "others"}
    left = manifest.model_copy(update={"parts": tuple(changed), "versions": versions})
    write_manifest(storage_of(short), left)
    assert not any(damage_of(storage_of(short), part) for part in left.parts)
    before = (short / "manifest.json").read_bytes()
    with pytest.raises(RunDirectoryError, match="left other guests"):
        complete_run(short, 3, means=INLINE)
    assert (short / "manifest.json").read_bytes() == before


def test_a_program_that_changed_but_leaves_the_same_goes_on(tmp_path: Path, short: Path) -> None:
    manifest = manifest_of(short)
    versions = {**manifest.versions, "cluster-sim sources": "others"}
    write_manifest(storage_of(short), manifest.model_copy(update={"versions": versions}))
    assert complete_run(short, 3, means=INLINE).fingerprint == manifest_of(make(tmp_path / "whole", 3)).fingerprint


def test_all_that_forbids_to_add_is_told_at_once(short: Path) -> None:
    manifest = manifest_of(short)
    label = next(iter(manifest.variants))
    record = manifest.variants[label]
    broken = record.model_copy(update={"scenario": {**record.scenario, "duration": "soon"}})
    versions = {**manifest.versions, "cluster-sim": "9.9"}
    changed = {
        "versions": versions,
        "variants": {**manifest.variants, label: broken},
    }
    write_manifest(storage_of(short), manifest.model_copy(update=changed))
    with pytest.raises(RunDirectoryError) as refused:
        complete_run(short, 3, means=INLINE)
    assert "version: found 9.9, allowed: 0.1.0" in str(refused.value)
    assert f"variants.{label}: found a scenario with 1 faults" in str(refused.value)


def test_a_price_that_the_program_has_otherwise_now_is_named(short: Path) -> None:
    manifest = manifest_of(short)
    (name,) = manifest.profiles
    text = manifest.model_dump_json().replace('"value":1340.0', '"value":1341.0')
    assert text != manifest.model_dump_json()
    write_manifest(storage_of(short), Manifest.model_validate_json(text))
    with pytest.raises(RunDirectoryError, match=f"profiles.{name}.prices.allocate_page: found another price"):
        complete_run(short, 3, means=INLINE)


def test_two_processes_are_not_at_one_run(short: Path) -> None:
    with run_directory.held(storage_of(short)), pytest.raises(RunDirectoryError, match="another process"):
        complete_run(short, 3, means=INLINE)
    assert manifest_of(short).replications == 2


def test_the_traces_of_a_definition_of_ones_own_are_found_again(tmp_path: Path, short: Path) -> None:
    job = Path(MAIN_JOB)
    assert manifest_of(short).folder == str(job.parent)
    traces = workloads_directory() / "traces"
    (tmp_path / "mine").mkdir()
    own = tmp_path / "mine" / "own.yaml"
    own.write_text(job.read_text("utf-8").replace("../../workloads/traces", "traces"), "utf-8")
    (tmp_path / "mine" / "traces").symlink_to(traces)
    experiment = load(own, [*SETS, "replications=1"])
    directory = run(experiment, tmp_path, executor="inline").directory
    assert manifest_of(directory).traces_folder == tmp_path / "mine"
    (tmp_path / "mine" / "traces").unlink()
    with pytest.raises(RunDirectoryError, match=r"bbb_720p24\.parquet"):
        complete_run(directory, 2, means=INLINE)
