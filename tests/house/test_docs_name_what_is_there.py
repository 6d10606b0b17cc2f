"""Files and functions that the documentation names are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cluster_sim"
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists())
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(rf"`(?:cluster_sim/)?((?:{'|'.join(ROOMS)})/[\w/]+\.(?:py|toml))(?:: (\w+))?`")


def names_in(path: Path) -> set[str]:
    """Functions and classes of a module, methods too."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return constants | {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_functions_that_a_page_names_are_there(page: Path) -> None:
    gone = [
        f"{file}{function and f': {function}'}"
        for file, function in NAMED.findall(page.read_text("utf-8"))
        if not (PACKAGE / file).is_file() or (function and function not in names_in(PACKAGE / file))
    ]
    assert not gone, f"{page.name} names what is no longer there; say where it is now"


def test_the_pages_name_files_at_all() -> None:
    named = [match for page in PAGES for match in NAMED.findall(page.read_text("utf-8"))]
    assert len(named) > 50
    assert any(function for _, function in named)
