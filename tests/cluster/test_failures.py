"""What goes wrong under a run: it goes on, or it ends with what was lost, what is kept and what to do."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_sim import compare, load, open_results
from cluster_sim.experiments.driver import Finished, Means, run_experiment
from cluster_sim.experiments.resume import complete_run
from cluster_sim.results.run_directory import RunDirectoryError
from cluster_sim.runtime.failures import RunFailedError
from cluster_sim.runtime.run_progress import ProgressReport
from tests.cluster.campaign import descendants
from tests.main_job import MAIN_JOB

SETS = [
    "duration=1s",
    "window=250ms",
    "protection=pkvm",
    "replications=2",
    "cluster.hosts=2",
    "guests.raw.count_per_host=2",
    "guests.coded.count_per_host=1",
]


class StopError(Exception):
    """What a test stops a run with."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return begun(tmp_path_factory.mktemp("reference"), "whole")


def begun(results: Path, name: str, stop_at: int | None = None, **means: object) -> Finished:
    """A run that is stopped when so many windows have ended."""

    def stop(progress: ProgressReport) -> None:
        if progress.windows == stop_at:
            raise StopError

    chosen = Means("inline", snapshot_every=1) if not means else Means(**means)  # type: ignore[arg-type]
    return run_experiment(load(MAIN_JOB, SETS), results, means=chosen, name=name, on_progress=stop)


def same_files(one: Path, other: Path) -> bool:
    files = {path.relative_to(one): path.read_bytes() for path in one.rglob("*.parquet")}
    return files == {path.relative_to(other): path.read_bytes() for path in other.rglob("*.parquet")}


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run that was stopped in the third window of its fourth run."""
    with pytest.raises(RunFailedError, match="failed after 3 of 10 runs, which are kept"):
        begun(tmp_path, "stopped", stop_at=15)
    return tmp_path / "swiotlb_vs_zero_copy" / "stopped"


def test_a_killed_actor_is_started_anew_and_the_run_ends_as_if_nothing_had_been(
    reference: Finished, tmp_path: Path
) -> None:
    killed: list[int] = []
    losses = []

    def kill(progress: ProgressReport) -> None:
        losses.append(progress.losses)
        for at, name in ((6, "ray::_HostActor"), (30, "ray::_GuestActor")):
            if progress.windows >= at and len(killed) < (1 if at == 6 else 2):
                killed.append(descendants((name,))[0])
                os.kill(killed[-1], signal.SIGKILL)

    experiment = load(MAIN_JOB, SETS)
    finished = run_experiment(experiment, tmp_path, means=Means(actors=2, snapshot_every=2), on_progress=kill)
    assert len(killed) == 2
    assert losses[-1] == 2
    assert finished.fingerprint == reference.fingerprint
    assert same_files(finished.directory, reference.directory)
    assert (finished.directory / "run.log").read_text("utf-8").count("lost its actors") == 2


def test_a_stopped_run_can_be_read_and_gone_on_with(reference: Finished, stopped: Path) -> None:
    results = open_results(stopped)
    assert results.manifest.status == "failed"
    assert {part.path for part in results.manifest.parts} == {
        str(path.relative_to(stopped)) for path in stopped.rglob("*.parquet") if "unfinished" not in path.parts
    }
    assert compare(results)
    assert "StopError" in (stopped / "failure.txt").read_text("utf-8")
    done: list[ProgressReport] = []
    finished = complete_run(stopped, means=Means("inline"), on_progress=done.append)
    assert finished.fingerprint == reference.fingerprint
    assert same_files(stopped, reference.directory)
    assert done[0].windows == 3, "the fourth run goes on at its newest snapshot, with its third window"
    assert done[-1].windows == 7 * 4
    assert {path.name for path in stopped.iterdir()} == {path.name for path in reference.directory.iterdir()} | {
        "failure.txt"
    }


@pytest.mark.parametrize("damage", ["cut", "flipped", "another", "all"])
def test_a_snapshot_that_cannot_be_read_gives_way_to_an_older_one_or_none(
    reference: Finished, stopped: Path, damage: str
) -> None:
    snapshots = sorted((stopped / "snapshots").rglob("*.arrow"))
    assert len(snapshots) == 4, "two windows of hosts and guests"
    for snapshot in snapshots if damage == "all" else snapshots[-1:]:
        whole = snapshot.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        snapshot.write_bytes({"cut": whole[:-100], "flipped": bytes(flipped)}.get(damage, b"ARROW1 not"))
    finished = complete_run(stopped, means=Means("inline"))
    assert finished.fingerprint == reference.fingerprint
    assert "a snapshot cannot be used" in (stopped / "run.log").read_text("utf-8")


@pytest.mark.parametrize("damage", ["gone", "cut", "other values"])
def test_a_part_that_is_not_as_it_was_written_is_done_again(
    reference: Finished, stopped: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    parts = sorted((stopped / "guests").rglob("*.parquet"))
    match damage:
        case "gone":
            parts[0].unlink()
        case "cut":
            parts[0].write_bytes(parts[0].read_bytes()[:-50])
        case _:
            parts[0].write_bytes(parts[1].read_bytes())
    finished = complete_run(stopped, means=Means("inline"))
    assert finished.fingerprint == reference.fingerprint
    assert same_files(stopped, reference.directory)
    assert "its run is done again" in caplog.text


def test_with_another_number_of_actors_what_was_begun_is_begun_again(reference: Finished, stopped: Path) -> None:
    assert complete_run(stopped, means=Means("inline", actors=2)).fingerprint == reference.fingerprint


def test_a_run_that_is_complete_is_left_as_it_is(reference: Finished) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.directory.rglob("*.parquet")}
    assert complete_run(reference.directory).fingerprint == reference.fingerprint
    assert before == {path: path.stat().st_mtime_ns for path in reference.directory.rglob("*.parquet")}


def test_a_manifest_that_was_touched_is_refused(stopped: Path) -> None:
    manifest = stopped / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"seed": 1', '"seed": 2', 1), "utf-8")
    with pytest.raises(RunDirectoryError, match="found another checksum, allowed: a manifest as it was written"):
        complete_run(stopped)


LIMITED = (
    "import resource, runpy, sys\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
    "runpy.run_module('cluster_sim', run_name='__main__')\n"
)


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_a_full_disk_ends_the_run_with_a_reason_and_once_there_is_room_it_goes_on(
    reference: Finished, full_disk: Path, executor: str
) -> None:
    command = [sys.executable, "-m", "cluster_sim", "run"]
    sets = [part for text in SETS for part in ("--set", text)]
    begin = [MAIN_JOB, *sets, f"--executor={executor}", "--results", str(full_disk), "--name=full"]
    ballast = full_disk / "ballast"
    ballast.write_bytes(bytes(free_bytes(full_disk) - 300_000))
    done = subprocess.run([*command, *begin], capture_output=True, text=True, check=False)
    run = full_disk / "swiotlb_vs_zero_copy" / "full"
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in done.stderr
    assert f"make room, then go on with `cluster-sim run --resume {run}`" in done.stderr
    assert "Traceback" not in done.stderr
    ballast.unlink()
    again = subprocess.run([*command, "--resume", str(run), f"--executor={executor}"], check=False, capture_output=True)
    assert again.returncode == 0, again.stderr
    assert open_results(run).manifest.fingerprint == reference.fingerprint
    assert same_files(run, reference.directory)


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here: a full disk cannot be made")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_file_that_may_not_grow_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    arguments = ["run", MAIN_JOB, "--executor=inline", "--results", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "failed after" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_manifest_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cluster_sim.results.run_directory.write_manifest", full)
    with pytest.raises(RunFailedError, match="their manifest could not be written: No space left"):
        begun(tmp_path, "x")


def test_a_directory_that_may_not_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "swiotlb_vs_zero_copy").write_text("a file where a folder should be")
    with pytest.raises(RunDirectoryError, match="cannot make the run's directory"):
        begun(tmp_path, "x")


def test_a_killed_driver_leaves_a_run_that_goes_on(reference: Finished, tmp_path: Path) -> None:
    code = f"""
import os, signal
import tests.cluster.test_failures as t

def die(progress):
    if progress.windows == 15:
        os.kill(os.getpid(), signal.SIGKILL)

experiment = t.load(t.MAIN_JOB, t.SETS)
means = t.Means("inline", snapshot_every=1)
t.run_experiment(experiment, {str(tmp_path)!r}, means=means, name="killed", on_progress=die)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = tmp_path / "swiotlb_vs_zero_copy" / "killed"
    assert open_results(run).manifest.status == "running"
    progress: list[ProgressReport] = []
    assert complete_run(run, means=Means("inline"), on_progress=progress.append).fingerprint == reference.fingerprint
    assert progress[-1].windows == 7 * 4
    assert same_files(run, reference.directory)
