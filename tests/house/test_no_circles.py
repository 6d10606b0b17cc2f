"""No module imports itself by way of others, whether at the top of a file or within a function."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cluster_sim").rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in SOURCES}


def imported_by(module: str) -> Iterator[str]:
    """Modules of the package that a module imports when it runs; what types alone are for is left out."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in for_types or node.module is None:
            continue
        for name in node.names:
            below = f"{node.module}.{name.name}"
            if below in MODULES or node.module in MODULES:
                yield below if below in MODULES else node.module


def circle_in(imports: dict[str, set[str]]) -> list[str]:
    """A way from some module back to itself, or nothing."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for each in sorted(imports.get(module, ())):
            if found := walk(each, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(imports) if (found := walk(module, []))), [])


def test_no_module_imports_itself_by_way_of_others() -> None:
    circle = circle_in({module: set(imported_by(module)) for module in MODULES})
    assert not circle, f"move what both need below both: {' -> '.join(circle)}"


def test_a_circle_would_be_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
