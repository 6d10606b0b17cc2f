"""A deliberate mistake, and what it takes to look at one: a process that runs with it, and compiled code of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cluster_sim"
SECONDS_MAX = 1_800
"""After so long a look is given up, and proves nothing."""

Judge = Literal["memory", "idle", "contention", "engine", "prices", "cache", "drivers", "servers", "boots", "devices"]
"""Who looks: memory's oracle and invariants, or a set of fast tests (judge.py)."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: in one file of the package, one text in the place of another.

    `rule` is a rule of docs/model.md where memory is wrong, else the section of docs/simulation.md that is not kept.
    """

    rule: str
    what: str
    file: str
    old: str
    new: str
    judge: Judge

    @property
    def source(self) -> Path:
        """The file that is right."""
        return PACKAGE / self.file

    @property
    def is_compiled(self) -> bool:
        """Whether the file has compiled code, all of which must then be compiled with the mistake."""
        return "cluster_sim.compiling" in self.source.read_text("utf-8")

    def text(self) -> str:
        """The file with the mistake in it."""
        text = self.source.read_text("utf-8")
        assert text.count(self.old) == 1, f"{self.what}: {self.file} has changed, change the mutant with it"
        return text.replace(self.old, self.new)


def verdicts(mutant: Mutant, folder: Path) -> dict[str, str | None]:
    """What each of the mutant's judges says; `folder` is for compiled code, which nobody else may use."""
    from cluster_sim.compiling.code_cache import cache_directory  # a judge must not import the package so early

    cache, compiled = folder / "cache", cache_directory()
    if not mutant.is_compiled and compiled.exists():
        shutil.copytree(compiled, cache / compiled.relative_to(compiled.parents[1]))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CLUSTER_SIM_CACHE": str(cache),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_OPT": "0",  # a mistake is compiled for a few tests
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutations.judge", mutant.what],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, f"{mutant.what}: a mutant that does not run proves nothing\n{done.stderr}"
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found
