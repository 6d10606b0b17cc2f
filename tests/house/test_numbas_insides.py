"""Only `compiling` imports what numba does not document; import-linter sees packages and no parts of them."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "cluster_sim"
OUTSIDE = sorted(path for path in ROOT.rglob("*.py") if path.parent.name != "compiling")


def private_imports(text: str) -> Iterator[str]:
    """What a module imports of numba's or LLVM's insides; a bare `import numba` opens all of them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if is_of_numba(each.name))
        elif isinstance(node, ast.ImportFrom) and is_of_numba(node.module or ""):
            for each in node.names:
                is_inside = node.module != "numba" or each.name.startswith("_") or find_spec(f"numba.{each.name}")
                if is_inside and each.name != "types":
                    yield f"{node.module}.{each.name}"


def is_of_numba(module: str) -> bool:
    """Whether a module is numba's or LLVM's."""
    return module.partition(".")[0] in {"numba", "llvmlite"}


@pytest.mark.parametrize("source", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_numbas_insides_are_imported_in_one_room_only(source: Path) -> None:
    found = list(private_imports(source.read_text("utf-8")))
    assert not found, "have `compiling` do what needs them"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from numba import njit, types", []),
        ("import numpy\nfrom numpy import core", []),
        ("import numba", ["numba"]),
        ("import numba.core.config", ["numba.core.config"]),
        ("def f():\n    from numba.core import config, types", ["numba.core.config"]),
        ("from numba.core.caching import FunctionCache", ["numba.core.caching.FunctionCache"]),
        ("from numba.np import arrayobj", ["numba.np.arrayobj"]),
        ("from numba import core, njit", ["numba.core"]),
        ("from numba import _dynfunc", ["numba._dynfunc"]),
        ("from llvmlite import ir", ["llvmlite.ir"]),
    ],
)
def test_a_private_import_is_found(text: str, found: list[str]) -> None:
    assert list(private_imports(text)) == found
