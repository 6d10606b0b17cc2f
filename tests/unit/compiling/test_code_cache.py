"""Compiled code lies under a key of the model's sources; a folder that is no use costs time and fails nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_sim.compiling import code_cache
from cluster_sim.compiling.code_cache import cache_directory, has_cache

ROOT = Path(__file__).parents[3]
DRAW = "from cluster_sim.chance.compiled_draws import below; print(below(7, 10, 1, 0), len(below.stats.cache_hits))"


def python(program: str, cache: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "CLUSTER_SIM_CACHE": str(cache), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_next_process_finds_what_one_compiled(tmp_path: Path) -> None:
    drawn, hits = python(DRAW, tmp_path).split()
    assert hits == "0"
    assert python(DRAW, tmp_path).split() == [drawn, "1"]


def test_importing_the_model_makes_no_file(tmp_path: Path) -> None:
    python("import cluster_sim.runtime.host_engine, cluster_sim.calibration.loops", tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    drawn, _ = python(DRAW, tmp_path).split()
    assert python(DRAW, tmp_path / "file").split() == [drawn, "0"]
    assert (tmp_path / "file").read_text() == "no folder"


def test_code_that_checks_its_indices_is_not_taken_for_code_that_does_not(tmp_path: Path) -> None:
    drawn, _ = python(DRAW, tmp_path).split()
    assert python(DRAW, tmp_path, NUMBA_BOUNDSCHECK="1").split() == [drawn, "0"]
    assert python(DRAW, tmp_path, NUMBA_BOUNDSCHECK="1").split() == [drawn, "1"]
    kinds = {path.name.partition("-")[0] for path in (tmp_path / "cluster-sim").iterdir()}
    assert kinds == {"compiled", "checked"}


def test_the_folder_is_named_by_all_compiled_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER_SIM_CACHE", str(tmp_path))
    before = cache_directory()
    assert not has_cache()
    monkeypatch.setattr(code_cache, "COMPILED", code_cache.COMPILED[1:])
    code_cache.sources_digest.cache_clear()
    try:
        assert cache_directory() != before
    finally:
        code_cache.sources_digest.cache_clear()
