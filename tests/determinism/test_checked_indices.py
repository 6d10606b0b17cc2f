"""No index of the engine lies outside its array: with each one checked, the tables are the same.

`make boundscheck` runs whole folders of tests so; checked code has a cache of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.determinism.checked_runs import fingerprints

ROOT = Path(__file__).parents[2]


def test_runs_with_every_index_checked_end_and_give_the_same_tables() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.determinism.checked_runs"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fingerprints()
