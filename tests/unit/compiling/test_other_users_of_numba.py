"""Who imports the model and uses numba too finds numba as it was, but for while one of our functions compiles."""

import subprocess
import sys
from pathlib import Path

import numba
import pytest
from numba.core import config
from numba.core.compiler import Flags
from numba.core.compiler_lock import global_compiler_lock
from numba.core.targetconfig import TargetConfig
from numba.np import arrayobj

from cluster_sim.compiling.decorators import compiled
from cluster_sim.compiling.lowering import effort, exchanged, plain_indices, quick_comparisons

ROOT = Path(__file__).parents[3]
FOREIGN = """
from numba import njit

@njit(cache=True)
def last(values):
    return values[-1]
"""
BESIDE_THE_MODEL = """
import sys
from pathlib import Path
import numpy as np
from numba.core import config
from numba.core.compiler import Flags
from numba.core.targetconfig import TargetConfig
from numba.np import arrayobj

def insides():
    return TargetConfig.values, config.CACHE_DIR, config.OPT, arrayobj.fix_integer_index

before = insides()
import cluster_sim.runtime.host_engine
assert insides() == before, "importing the model changed numba"

from cluster_sim.chance.compiled_draws import below  # compiled here, so that compiling has happened too
below(7, 10, 1, 0)
assert insides() == before, "compiling the model changed numba"

sys.path.insert(0, sys.argv[1])
import foreign
assert foreign.last(np.array([1, 2, 3])) == 3
print(foreign.last.stats.cache_path)
print(len(list(Path(sys.argv[1], "__pycache__").glob("foreign.last*.nbi"))))
print(len(list(Path(sys.argv[2]).glob("**/foreign*"))), len(list(Path(sys.argv[2]).glob("**/*.nbi"))))
"""


def insides() -> tuple[object, ...]:
    return TargetConfig.values, config.OPT, arrayobj.fix_integer_index  # type: ignore[attr-defined]


def test_a_foreign_function_is_cached_where_numba_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "foreign.py").write_text(FOREIGN)
    monkeypatch.setenv("CLUSTER_SIM_CACHE", str(cache))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_THE_MODEL, str(tmp_path), str(cache)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, there, among_ours = done.stdout.splitlines()
    assert where == str(tmp_path / "__pycache__")
    assert there == "1"
    assert among_ours == "0 1", "the model's function is in the model's cache, and the foreign one is not"


def test_what_cannot_be_compiled_leaves_numba_as_it_was() -> None:
    @compiled
    def nonsense(x: int) -> int:
        return x.nothing  # type: ignore[attr-defined]

    before = insides()
    with pytest.raises(numba.TypingError):
        nonsense(1)
    assert insides() == before


def test_nothing_is_exchanged_without_the_compilers_lock() -> None:
    assert not global_compiler_lock.is_locked()
    before = insides()
    for exchange in (plain_indices(), effort(1), quick_comparisons()):
        with pytest.raises(AssertionError, match="another thread"), exchange:
            pass
    assert insides() == before


def test_what_is_exchanged_is_put_back_after_an_error() -> None:
    class Numbas:
        part = "own"

    def interrupted() -> None:
        with global_compiler_lock, exchanged(Numbas, "part", "ours"):
            assert Numbas.part == "ours"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert Numbas.part == "own"


def test_options_compare_as_numba_compares_them() -> None:
    flags = Flags()
    for name, value in {"nrt": False, "error_model": "numpy"}.items():
        setattr(flags, name, value)
    own = flags.values()
    with global_compiler_lock, quick_comparisons():
        assert flags.values() == own
        assert list(flags.values()) == list(own)
