"""`@compiled`: numba functions that keep their types, cached on disk under a key made of the model's sources.

numba's own cache looks at one file's date, so a function would keep an old callee from another file;
a folder named after the digest of every compiled room cannot.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TypeVar, cast

import numba
from numba.core import config, types
from numba.core.compiler import CompilerBase

from cluster_sim.compiling.lowering import ForCallers, ForPython, ForPythonAtO1

Function = TypeVar("Function", bound=Callable[..., object])

COMPILED = (
    "compiling/*.py",
    "chance/*.py",
    "memory/*.py",
    "memory/system_calls/*.py",
    "io_paths/*.py",
    "engine/*.py",
    "workloads/frames.py",
    "workloads/requests.py",
    "results/ledger.py",
    "results/histogram.py",
    "integers.py",
    "results/endings.py",
)
"""Sources that are compiled, and those whose constants are compiled in."""


@cache
def sources_digest() -> str:
    """Digest of all sources that are compiled together, and of numba's version."""
    digest = hashlib.sha256(numba.__version__.encode())
    package = Path(__file__).parents[1]
    for source in (path for pattern in COMPILED for path in sorted(package.glob(pattern))):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def cache_directory() -> Path:
    """Where compiled code is kept: CLUSTER_SIM_CACHE, else XDG_CACHE_HOME, else ~/.cache."""
    chosen = os.environ.get("CLUSTER_SIM_CACHE")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "cluster-sim" / f"compiled-{sources_digest()}"


def has_cache() -> bool:
    """Whether some compiled code of these very sources lies on disk."""
    return any(cache_directory().glob("**/*.nbi"))


config.CACHE_DIR = str(cache_directory())  # type: ignore[attr-defined]  # made at import, by numba


def inlined(function: Function) -> Function:
    """Compile as `compiled` does, into each caller: for what is short and called at every step."""
    return compiled(function, forceinline=True)


def compiled_at_o1(function: Function) -> Function:
    """Compile as `compiled` does, but at LLVM's -O1 what Python calls: for what it calls a few times a run only."""
    return compiled(function, from_python=ForPythonAtO1)


def compiled(function: Function, *, forceinline: bool = False, from_python: type[CompilerBase] = ForPython) -> Function:
    """Compile to machine code without the interpreter, kept on disk.

    `_nrt=False` leaves out reference counts of arrays: the caller holds all state for as long as the call lasts, no
    compiled function makes an array, and the loop runs about ten times as fast.
    """
    options = {
        "cache": True,
        "error_model": "numpy",
        "boundscheck": False,
        "_nrt": False,
        "pipeline_class": from_python,
    }
    if forceinline:
        options["forceinline"] = True
    dispatcher = numba.njit(**options)(function)  # type: ignore[call-overload]  # _nrt is not in its types
    options |= {"cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": ForCallers}
    called = numba.njit(**options)(under_another_name(function))  # type: ignore[call-overload]
    find_template = called.get_call_template

    def get_call_template(args: Sequence[types.Type], kws: dict[str, types.Type]) -> object:
        return find_template([widened(arg) for arg in args], {name: widened(arg) for name, arg in kws.items()})

    dispatcher.get_call_template = get_call_template
    dispatcher.get_overload = called.get_overload
    return cast("Function", dispatcher)


def under_another_name(function: Callable[..., object]) -> FunctionType:
    """The same function for calls from compiled code, which need no way in from Python: that takes half the compiling.

    Its name keeps the two apart in the cache.
    """
    assert isinstance(function, FunctionType)
    other = FunctionType(function.__code__, function.__globals__, function.__name__)
    other.__qualname__ = f"{function.__qualname__}.called"
    other.__module__ = function.__module__
    return other


def widened(argument: types.Type) -> types.Type:
    """The one type that all whole numbers are passed as: numba compiles a function anew for each constant else."""
    plain = types.unliteral(argument)  # type: ignore[no-untyped-call]  # numba has no types
    return types.int64 if isinstance(plain, types.Integer) else plain
