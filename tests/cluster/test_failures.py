"""Runs that cannot end: an actor killed, a disk that takes no more. What has ended is kept, and it is said."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_sim import compare, load, open_results
from cluster_sim.actors.driver import Progress, RunFailedError, run_experiment

SETS = ["duration=1s", "cluster.hosts=2", "guests.raw.count_per_host=2", "guests.coded.count_per_host=1"]


def host_actor_pids() -> list[int]:
    """Processes of HostActors that descend from this one."""
    own = os.getpid()
    parents, names = {}, {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid = int(status.parent.name)
            parents[pid] = int(status.read_text().rpartition(")")[2].split()[1])
            names[pid] = (status.parent / "cmdline").read_text()
        except OSError:
            continue
    found = []
    for pid, name in names.items():
        ancestor = pid
        while ancestor in parents and ancestor != own:
            ancestor = parents[ancestor]
        if ancestor == own and "HostActor" in name:
            found.append(pid)
    return found


def test_a_killed_actor_ends_the_run_with_what_has_ended_kept(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_after_three(progress: Progress) -> None:
        if progress.done == 3:
            killed.extend(host_actor_pids())
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(RunFailedError, match="of 78 runs, which are kept"):
        run_experiment(
            load("swiotlb_vs_zero_copy", SETS), tmp_path, actors=2, name="killed", on_progress=kill_after_three
        )
    assert len(killed) == 2
    results = open_results(tmp_path / "swiotlb_vs_zero_copy" / "killed")
    assert results.manifest.status == "failed"
    listed = {results.directory / part.path for part in results.manifest.parts}
    assert listed == set(results.directory.rglob("*.parquet"))
    assert len({(part.variant, part.replication) for part in results.manifest.parts}) >= 3
    assert compare(results)
    assert "ActorDiedError" in (results.directory / "failure.txt").read_text("utf-8")


def test_a_disk_that_takes_no_more_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    limited = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "sys.argv[1:] = ['run', 'swiotlb_vs_zero_copy', '--executor=inline', '--results', sys.argv[1]]\n"
        "runpy.run_module('cluster_sim', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", limited, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "failed after" in done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_manifest_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cluster_sim.results.run_directory.write_manifest", full)
    with pytest.raises(RunFailedError, match="their manifest could not be written: No space left"):
        run_experiment(load("swiotlb_vs_zero_copy", SETS), tmp_path, executor="inline")
