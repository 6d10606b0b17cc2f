"""Where compiled code lies on disk: in a folder of ours, under a key made of the model's sources.

numba's own cache looks at one file's text, so a function would keep an old callee from another file; a folder named
after the digest of all compiled sources cannot. Only functions that are given a `ModelCache` use it: those of others
in the same process are cached where numba puts them.
"""

import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator
from numba.core.dispatcher import Dispatcher

COMPILED = (
    "compiling/*.py",
    "chance/*.py",
    "memory/*.py",
    "memory/system_calls/*.py",
    "io_paths/*.py",
    "engine/*.py",
    "calibration/loops.py",
    "workloads/frames.py",
    "workloads/requests.py",
    "results/ledger.py",
    "results/histogram.py",
    "results/endings.py",
    "integers.py",
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
    """Where compiled code is kept: CLUSTER_SIM_CACHE, else XDG_CACHE_HOME, else ~/.cache.

    Code that checks its indices (NUMBA_BOUNDSCHECK=1) has a folder of its own.
    """
    chosen = os.environ.get("CLUSTER_SIM_CACHE")
    base = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    kind = "checked" if config.BOUNDSCHECK else "compiled"  # type: ignore[attr-defined]  # made at import, by numba
    return base / "cluster-sim" / f"{kind}-{sources_digest()}"


def has_cache() -> bool:
    """Whether some compiled code of these very sources lies on disk."""
    return any(cache_directory().glob("**/*.nbi"))


class ModelLocator(InTreeCacheLocator):
    """Finds a function's folder in ours."""

    def get_cache_path(self) -> str:
        """The folder of the function's file; it is made when there is something to put into it."""
        return str(cache_directory() / self.get_suitable_cache_subpath(self._py_file))

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "ModelLocator":
        """A locator for any function, whether or not its folder can be made."""
        return cls(py_func, py_file)


class ModelCacheImpl(CompileResultCacheImpl):
    """Keeps what numba keeps, elsewhere."""

    _locator_classes = [ModelLocator]  # noqa: RUF012 - numba's


class ModelCache(FunctionCache):
    """The cache of one function; a folder that cannot be read or written costs time and fails nothing."""

    _impl_class = ModelCacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code that an earlier process kept, if it did."""
        with suppress(OSError):
            return super().load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep code for later processes."""
        with suppress(OSError):
            super().save_overload(sig, data)


def in_model_cache(dispatcher: Dispatcher) -> Dispatcher:
    """Have a function's code cached here; numba's `enable_caching` would cache it where numba does."""
    dispatcher._cache = ModelCache(dispatcher.py_func)  # type: ignore[attr-defined]  # noqa: SLF001
    return dispatcher
