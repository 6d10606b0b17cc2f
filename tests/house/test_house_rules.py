"""Rules that this repository keeps about itself; each failure says what to do instead."""

import ast
import itertools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster_sim import load
from cluster_sim.results.columns import TABLES
from cluster_sim.shipped import shipped_workloads

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cluster_sim").rglob("*.py"))
LINES_MAX, FUNCTION_LINES_MAX, CLASS_LINES_MAX = 400, 60, 250
"""No file, function or class is longer."""
LINES_WITH_REASON, FUNCTION_LINES_WITH_REASON, CLASS_LINES_WITH_REASON = 350, 50, 200
"""One that is longer than this gives the reason in its docstring, after the word `Long`."""
FILES_A_ROOM_MAX = 24
BANNED_FILES = {"utils.py", "helpers.py", "common.py", "base.py", "types.py", "constants.py"}
UNIT_ENDINGS = ("_ns", "_bytes", "_pages", "_page_ns")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_its_subject_and_stays_readable(source: Path) -> None:
    text = source.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "begin the module with a sentence that says its one subject"
    assert source.name not in BANNED_FILES, "name the file after its subject, not as a drawer"
    within("the module", len(text.splitlines()), LINES_WITH_REASON, LINES_MAX, tree)
    for node in ast.walk(tree):
        length = (getattr(node, "end_lineno", 0) or 0) - getattr(node, "lineno", 0) + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            within(node.name, length, FUNCTION_LINES_WITH_REASON, FUNCTION_LINES_MAX, node)
        if isinstance(node, ast.ClassDef):
            within(node.name, length, CLASS_LINES_WITH_REASON, CLASS_LINES_MAX, node)


def within(
    what: str,
    length: int,
    with_reason: int,
    most: int,
    node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
) -> None:
    """Refuse what is too long, or long without a reason."""
    assert length <= most, f"{what} has {length} lines: split it by subject"
    has_reason = re.search(r"\bLong\b", ast.get_docstring(node) or "")
    assert length <= with_reason or has_reason, f"{what} has {length} lines: split it, or say why: Long, …"


def test_a_room_is_seen_at_one_look() -> None:
    files = Counter(path.parent for path in SOURCES)
    crowded = {str(room.relative_to(ROOT)): count for room, count in files.items() if count > FILES_A_ROOM_MAX}
    assert not crowded, "split the room by subject"


PRIVATE_WORDS = {
    *("alike", "memento", "bundle", "bundles", "books", "deaths", "errand", "contest", "contender", "haste"),
    *("deciding", "kept", "own_work"),
}
"""Words that a kernel engineer would not look for; STYLE names them with what to say instead."""
HAS_ONE_MEANING = {"place", "places"}
"""`place` is a verb, for guests on hosts. Where something is, is its path, folder, address, position or field."""


def names_of(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives: of functions, classes, arguments, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case _:
                pass


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_words_that_a_reader_knows(source: Path) -> None:
    names = {source.stem, *source.relative_to(ROOT).parts, *names_of(ast.parse(source.read_text("utf-8")))}
    for name in names:
        words = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))
        assert not words & PRIVATE_WORDS, f"{name}: say it in the field's words"
        assert name not in HAS_ONE_MEANING, f"{name}: say whether a path, a folder, an address, a position or a field"


USED_BY_TESTS = {
    "SwiotlbPool",  # the Python face of the bounce pool
    "split_folios",  # of the Python face of guest_memfd
    "trace_kind",
    "constant_link",
    "segment_bytes",
}
CALLED_BY_LIBRARIES = {
    *("get_cache_path", "from_function", "define_pipelines", "_Pointer", "_Fields"),  # numba
    "list_commands",  # click
    "to_polars",  # notebooks
}


def test_every_name_is_used() -> None:
    """A function, class or constant that nothing but its definition names is dead, or a test's own."""
    uses: Counter[str] = Counter()
    for folder in ("cluster_sim", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*.py"):
            uses.update(re.findall(r"\w+", path.read_text("utf-8")))
    unused = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        for name in defined_in(ast.parse(path.read_text("utf-8")))
        if uses[name] < 2 and not name.startswith("__") and name not in USED_BY_TESTS | CALLED_BY_LIBRARIES
    }
    assert not unused, "remove what nothing uses"


def defined_in(tree: ast.Module) -> Iterator[str]:
    """Functions, classes and methods that no decorator may register, and constants of the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not registers(node)
        ):
            yield node.name
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass


def registers(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a decorator hands a function to somebody: a command, a validator, a type of numba's."""
    plain = {"property", "cache", "contextmanager", "staticmethod", "classmethod"}
    plain |= {"compiled", "inlined", "compiled_at_o1"}
    return any(not (isinstance(each, ast.Name) and each.id in plain) for each in function.decorator_list)


@pytest.mark.parametrize("table", TABLES)
def test_a_column_says_its_unit_in_its_name_or_counts(table: str) -> None:
    for column in TABLES[table]:
        assert column.meaning
        if column.unit in ("ns", "B", "page·ns"):
            named = any(ending in f"{column.name}_" for ending in (f"{end}_" for end in UNIT_ENDINGS))
            assert named, f"{table}.{column.name}: put the unit {column.unit} into the name"


@pytest.mark.parametrize("workload", shipped_workloads(), ids=lambda path: path.stem)
def test_a_shipped_definition_loads_and_asks_a_question(workload: Path) -> None:
    experiment = load(workload)
    assert experiment.spec.name == workload.stem
    assert experiment.spec.question.strip().endswith("?")
    assert yaml.safe_load(workload.read_text("utf-8"))["name"] == workload.stem


def test_ray_is_imported_in_one_room_only() -> None:
    imports_ray = re.compile(r"^\s*(import ray|from ray)\b", re.MULTILINE)
    importers = {path for path in SOURCES if imports_ray.search(path.read_text("utf-8"))}
    assert {path.parent.name for path in importers} == {"actors"}


def test_the_lock_file_pins_all_with_hashes_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    for entry in re.split(r"\n(?=[a-zA-Z0-9])", lock):
        if entry and not entry.startswith("#"):
            assert "==" in entry.splitlines()[0], entry
            assert "--hash=sha256:" in entry, entry


def test_the_lock_file_holds_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *itertools.chain.from_iterable(extras.values())]
    names = {re.split(r"[^A-Za-z0-9_.-]", text)[0].lower() for text in wanted} - {"cluster-sim"}
    lock = (ROOT / "requirements.lock").read_text("utf-8").lower()
    missing = {name for name in names if f"\n{name}==" not in f"\n{lock}"}
    assert not missing, "run `make lock`"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda path: path.name
)
def test_every_picture_that_a_page_shows_is_there(page: Path) -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text("utf-8"))
    missing = [name for name in shown if not (page.parent / name).is_file()]
    assert not missing, "run docs/make_pictures.py on a run"
    assert shown or page.name != "README.md"


def test_the_class_of_a_paths_definition_is_named_where_paths_are_only() -> None:
    named = re.compile(r"\b(SwiotlbPath|ConvertPath|SharedPoolPath|DirectPath)\b")
    rooms = {
        path.relative_to(ROOT / "cluster_sim").parts[0] for path in SOURCES if named.search(path.read_text("utf-8"))
    }
    assert rooms == {"io_paths", "scenario"}, "ask io_paths.programs.needs, which answers for every path"


def test_planning_does_not_tell_workloads_apart_by_class() -> None:
    named = re.compile(r"\b(Video|Block|Network|Churn|Boot)Workload\b")
    planning = sorted((ROOT / "cluster_sim" / "planning").rglob("*.py"))
    tells = [path.name for path in planning if named.search(path.read_text("utf-8"))]
    assert not tells, "ask scenario.workload_traits.traits_of, which answers for every workload"
