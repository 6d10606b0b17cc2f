"""What compiled functions are made of: from each, by the names that it reads, to the files where these are defined.

A name is followed through imports, and through what its definition reads: of a constant its expression, of a class its
fields, of a function its body. Only names of the package are followed.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

DECORATORS = {"compiled", "compiled_at_o1", "inlined", "compiled_as_numba_does", "jit", "njit", "vectorize", "cfunc"}


@dataclass(frozen=True)
class Name:
    """A name of a module; without one, the module itself."""

    module: str
    name: str


@dataclass
class Source:
    """A module's text, by the names that it defines."""

    path: Path
    package: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text("utf-8"))

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """What it imports of the package, wherever in it: (module, name there)."""
        found: dict[str, tuple[str, str]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == self.package:
                found |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                names = [alias for alias in node.names if alias.name.split(".")[0] == self.package]
                found |= {alias.asname or alias.name: (alias.name, "") for alias in names}
        return found

    @cached_property
    def defined(self) -> dict[str, list[ast.stmt]]:
        """The statements of the module that bind each name."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            for name in bound_by(statement):
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def compiled(self) -> list[str]:
        """Its compiled functions."""
        return [
            node.name
            for node in self.tree.body
            if isinstance(node, ast.FunctionDef) and any(is_compiling(each) for each in node.decorator_list)
        ]


def is_compiling(decorator: ast.expr) -> bool:
    """Whether a decorator, called or not, compiles."""
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")) in DECORATORS


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def read_by(statement: ast.stmt) -> Iterator[str]:
    """Names that a definition reads, `module.name` where it reads them so; a class's methods are none of its fields."""
    parts: Iterable[ast.AST] = [statement]
    if isinstance(statement, ast.ClassDef):
        parts = [*statement.bases, *(each for each in statement.body if not isinstance(each, ast.FunctionDef))]
    elif isinstance(statement, ast.FunctionDef):
        parts = [statement.args, *statement.body]
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield ast.unparse(node)


@dataclass
class Package:
    """A package's modules, and which of its names compiled functions are made of."""

    root: Path
    sources: dict[str, Source] = field(init=False)

    def __post_init__(self) -> None:
        self.sources = {}
        for path in sorted(self.root.rglob("*.py")):
            names = path.relative_to(self.root.parent).with_suffix("").parts
            module = ".".join(names[:-1] if names[-1] == "__init__" else names)
            self.sources[module] = Source(path, self.root.name)

    def compiled(self) -> list[Name]:
        """All compiled functions."""
        return [Name(module, name) for module, source in self.sources.items() for name in source.compiled]

    def reaches(self, name: Name) -> Iterator[Name]:
        """What a name of a module is, or its definition reads."""
        source = self.sources[name.module]
        for statement in source.defined.get(name.name, ()):
            for read in read_by(statement):
                yield from self.resolved(name.module, read)

    def resolved(self, module: str, read: str) -> Iterator[Name]:
        """The names of the package that a text such as `CONSTANT` or `module.CONSTANT` means in a module."""
        source = self.sources[module]
        head, _, rest = read.partition(".")
        if head in source.defined and not rest:
            yield Name(module, head)
        imports = [(name, target) for name, target in source.imported.items() if f"{read}.".startswith(f"{name}.")]
        for local, (origin, name) in imports:
            whole = f"{origin}.{name}" if name else origin
            if whole not in self.sources:
                yield Name(origin, name)
                yield from self.resolved(origin, name)
            elif rest := read.removeprefix(local).removeprefix("."):
                yield from self.resolved(whole, rest.partition(".")[0])

    def made_of(self) -> set[Name]:
        """All compiled functions and all that they are made of."""
        found: set[Name] = set()
        waiting = self.compiled()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.reaches(name))
        return found


def left_out(root: Path, patterns: Iterable[str]) -> list[str]:
    """Names that compiled functions of a package are made of, and that lie in no file of a list."""
    package = Package(root)
    listed = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(
        f"{name.module}: {name.name}" for name in package.made_of() if package.sources[name.module].path not in listed
    )
