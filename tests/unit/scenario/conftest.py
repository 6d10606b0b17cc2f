"""A small definition that holds, and a folder to write variations of it in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.problems import DefinitionError, Problem
from tests.unit.scenario.loading import load_unchecked

GOOD = """\
name: small
question: Which is better?
duration: 10s
cluster:
  hosts: 2
  host: {cpus: 8, memory: 16GiB}
guests:
  - name: raw
    count_per_host: 2
    vcpus: 2
    memory: 2GiB
    workloads:
      - kind: video
        source: {kind: raw, width: 1920, height: 1080, format: nv12, fps: 60}
        buffers: 10
        deadline: 16.666667ms
  - name: coded
    count_per_host: 1
    vcpus: 1
    memory: 1GiB
    workloads:
      - kind: video
        source: {kind: trace, trace: film.parquet}
        deadline: 40ms
        playout: {startup: 200ms}
axes:
  protection: [none, pkvm, tdx]
  io_path:
    swiotlb: {kind: swiotlb}
    convert-4k: {kind: convert, granule: 4KiB}
    pool-zero: {kind: shared_pool, copy: none}
    direct: {kind: direct}
exclude:
  - {io_path: direct, protection: [pkvm, tdx]}
baseline: {io_path: swiotlb}
"""

Loader = Callable[..., Experiment]
Teller = Callable[..., list[Problem]]


@pytest.fixture
def good_text() -> str:
    """A definition that holds."""
    return GOOD


@pytest.fixture
def load_text(tmp_path: Path) -> Loader:
    """Load a definition from text, with overrides."""
    (tmp_path / "film.parquet").touch()

    def load_it(text: str, *overrides: str) -> Experiment:
        file = tmp_path / "x.yaml"
        file.write_text(text, encoding="utf-8")
        return load_unchecked(file, overrides)

    return load_it


@pytest.fixture
def problems_of(load_text: Loader) -> Teller:
    """Load a definition that is wrong, and return what is told."""

    def problems(text: str, *overrides: str) -> list[Problem]:
        with pytest.raises(DefinitionError) as error:
            load_text(text, *overrides)
        assert len(set(error.value.problems)) == len(error.value.problems)
        for jargon in ("Value error", "Input should", "pydantic", "http"):
            assert jargon not in str(error.value)
        return list(error.value.problems)

    return problems
