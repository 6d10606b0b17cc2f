"""The cache of compiled code has a key of sources: no compiled function may be made of a file that is not in it."""

from pathlib import Path

import numba
import pytest

from cluster_sim.compiling.code_cache import COMPILED
from cluster_sim.engine import loop
from tests.house.compiled_sources import Name, Package, left_out

ROOT = Path(__file__).parents[2] / "cluster_sim"


def test_all_that_compiled_functions_are_made_of_is_in_the_caches_key() -> None:
    missing = left_out(ROOT, COMPILED)
    assert not missing, "name the file in COMPILED (compiling/code_cache.py), or have its constants elsewhere"


def test_the_key_names_no_file_that_is_not_there() -> None:
    assert [pattern for pattern in COMPILED if not list(ROOT.glob(pattern))] == []


def test_constants_functions_and_enumerations_are_found_where_they_are_defined() -> None:
    found = Package(ROOT).made_of()
    assert Name("cluster_sim.integers", "PAGE_BYTES") in found
    assert Name("cluster_sim.results.histogram", "SUB_BITS") in found
    assert Name("cluster_sim.io_paths.steps", "Op") in found
    assert Name("cluster_sim.results.ledger", "Category") in found
    assert Name("cluster_sim.engine.loop", "run_until") in found


def test_no_compiled_function_is_overlooked() -> None:
    named = {name.name for name in Package(ROOT).compiled() if name.module == loop.__name__}
    dispatchers = {
        name
        for name, value in vars(loop).items()
        if isinstance(value, type(numba.njit(lambda: 0))) and value.__module__ == loop.__name__
    }
    assert named == dispatchers


PLANTED = {
    "a constant from a file that is not in the key": (
        {"engine/loop.py": "from planted.other import LIMIT\n\n@compiled\ndef f(x): return x < LIMIT\n"},
        "planted.other: LIMIT",
    ),
    "a constant that is handed on": (
        {
            "engine/loop.py": "from planted.engine.shared import LIMIT as L\n\n@inlined\ndef f(x): return x < L\n",
            "engine/shared.py": "from planted.other import LIMIT\n",
        },
        "planted.other: LIMIT",
    ),
    "a constant in the expression of another": (
        {
            "engine/loop.py": (
                "from planted.other import LIMIT\nTWICE = 2 * LIMIT\n\n@inlined\ndef g(x): return x < TWICE\n"
            ),
        },
        "planted.other: LIMIT",
    ),
    "an attribute of a module": (
        {"engine/loop.py": "from planted import other\n\n@compiled\ndef f(x): return x < other.LIMIT\n"},
        "planted.other: LIMIT",
    ),
    "an attribute of a module by its whole name": (
        {"engine/loop.py": "import planted.other\n\n@compiled\ndef f(x): return x < planted.other.LIMIT\n"},
        "planted.other: LIMIT",
    ),
    "a member of an enumeration": (
        {"engine/loop.py": "from planted.other import Kind\n\n@compiled\ndef f(x): return x == Kind.ONE\n"},
        "planted.other: Kind",
    ),
    "a field of a tuple": (
        {
            "engine/loop.py": (
                "from planted.other import Kind\n\nclass Host(NamedTuple):\n    kind: int = Kind.ONE\n\n"
                "@compiled\ndef f(host: Host): return host.kind\n"
            ),
        },
        "planted.other: Kind",
    ),
    "a function that makes a constant": (
        {
            "engine/loop.py": (
                "from planted.other import limit\nLIMIT = limit()\n\n@compiled\ndef f(x): return x < LIMIT\n"
            ),
        },
        "planted.other: limit",
    ),
    "a compiled function": (
        {"other.py": "@compiled(forceinline=True)\ndef f(x): return x\n"},
        "planted.other: f",
    ),
    "a function that numba compiles": (
        {"other.py": "import numba\n\n@numba.njit(cache=True)\ndef f(x): return x\n"},
        "planted.other: f",
    ),
}


@pytest.mark.parametrize("case", PLANTED)
def test_what_is_planted_outside_the_key_is_found(case: str, tmp_path: Path) -> None:
    files, told = PLANTED[case]
    texts = {
        "other.py": "LIMIT = 3\n\ndef limit(): return 3\n\nclass Kind(IntEnum):\n    ONE = 1\n",
        "__init__.py": "",
        **files,
    }
    for name, text in texts.items():
        path = tmp_path / "planted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert left_out(tmp_path / "planted", ["engine/*.py"]) == [told]
    assert left_out(tmp_path / "planted", ["engine/*.py", "other.py"]) == []
