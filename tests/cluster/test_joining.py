"""Joining a cluster that is there: by address, or refused before anything runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.campaign import ROOT, local_cluster
from tests.main_job import MAIN_JOB

SETS = ["protection=pkvm", "replications=1", "duration=200ms", "cluster.hosts=2", "record=summary"]


@pytest.fixture(scope="module", name="address")
def _address() -> Iterator[str]:
    with local_cluster(1) as cluster:
        yield cluster.address


def ran(results: Path, *options: str) -> subprocess.CompletedProcess[str]:
    sets = [part for text in SETS for part in ("--set", text)]
    command = [sys.executable, "-m", "cluster_sim", "run", MAIN_JOB, *sets, "--results", str(results)]
    environment = {**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    return subprocess.run([*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_more_actors_than_cpus_are_packed_tighter_on_a_cluster_that_is_there(address: str, tmp_path: Path) -> None:
    done = ran(tmp_path, "--address", address, "--actors", "2", "--log-level", "info")
    assert done.returncode == 0, done.stderr
    assert "fingerprint" in done.stdout


def test_a_cluster_that_is_not_there_ends_the_run_with_a_reason(tmp_path: Path) -> None:
    done = ran(tmp_path, "--address", "127.0.0.1:1")
    assert done.returncode == 2
    assert "--address: found nobody at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
