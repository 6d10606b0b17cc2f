"""Only the numba that was tested may compile the model; any other is refused with what was found and the way out."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import numba
import pytest

from cluster_sim.compiling.numba_version import PRIVATE, TESTED, check_numba

ROOT = Path(__file__).parents[3]
PUBLIC = {"numba", "numba.extending"}
ANOTHER_VERSION = "import numba; numba.__version__ = '0.99.1'; "
WITHOUT_A_PART = "import numba.np.arrayobj as arrayobj; del arrayobj.fix_integer_index; "


def after(change: str, then: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", change + then], capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_installed_numba_is_a_tested_one() -> None:
    check_numba(numba.__version__)


@pytest.mark.parametrize("version", [f"{TESTED}.0", f"{TESTED}.17", f"{TESTED}.2rc1"])
def test_any_patch_of_the_tested_version_is_allowed(version: str) -> None:
    check_numba(version)


@pytest.mark.parametrize("version", ["0.67.9", "0.69.0", "0.6.8", "1.68.0", "0.680.0"])
def test_another_version_is_refused(version: str) -> None:
    with pytest.raises(ImportError, match=rf"found {version}, allowed: 0\.68.*pip install.*'numba==0\.68\.\*'"):
        check_numba(version)


def test_a_private_part_that_is_gone_is_named() -> None:
    with pytest.raises(ImportError, match=r"found 0\.68\.1 without numba\.core\.config\.GONE, numba\.gone\.thing, all"):
        check_numba("0.68.1", ["numba.core.config:OPT", "numba.core.config:GONE", "numba.gone:thing"])


@pytest.mark.parametrize(
    ("change", "found"),
    [(ANOTHER_VERSION, "found 0.99.1,"), (WITHOUT_A_PART, "without numba.np.arrayobj.fix_integer_index,")],
)
def test_importing_the_engine_fails_with_the_reason(change: str, found: str) -> None:
    done = after(change, "import cluster_sim.engine.loop")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: numba: found ")
    assert found in last
    assert "pip install" in last


@pytest.mark.parametrize("change", [ANOTHER_VERSION, WITHOUT_A_PART])
def test_the_command_line_says_it_in_one_line(change: str) -> None:
    run = "import sys; sys.argv = ['cluster-sim', 'run', 'block_fio']; from cluster_sim.cli import main; main()"
    done = after(change, run)
    assert done.returncode == 1
    assert done.stderr.startswith("numba: found ")
    assert len(done.stderr.splitlines()) == 1


def test_what_pip_may_install_is_what_was_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f"numba=={TESTED}.*" in project["dependencies"]


def test_every_private_part_that_is_imported_is_checked() -> None:
    imported = {
        f"{node.module}:{alias.name}" if node.module != "numba" else f"numba.{alias.name}"
        for source in (ROOT / "cluster_sim" / "compiling").glob("*.py")
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("numba", "llvmlite"))
        if node.module not in PUBLIC or any(alias.name.startswith("_") for alias in node.names)
        for alias in node.names
    }
    assert len(imported) > 10
    dotted = [name.replace(":", ".") for name in PRIVATE]
    unchecked = {
        name for name in imported if not any(f"{each}.".startswith(f"{name.replace(':', '.')}.") for each in dotted)
    }
    assert not unchecked, "add what is used of it to PRIVATE"
