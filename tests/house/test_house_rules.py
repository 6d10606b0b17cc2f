"""Rules that this repository keeps about itself; each failure says what to do instead."""

import ast
import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from cluster_sim import load
from cluster_sim.results.columns import TABLES
from cluster_sim.shipped import shipped_workloads

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "cluster_sim").rglob("*.py"))
LINES_MAX = 400
FUNCTION_LINES_MAX = 75
BANNED_FILES = {"utils.py", "helpers.py", "common.py", "base.py", "types.py", "constants.py"}
UNIT_ENDINGS = ("_ns", "_bytes", "_pages", "_page_ns")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_its_subject_and_stays_readable(source: Path) -> None:
    text = source.read_text("utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "begin the module with a sentence that says its one subject"
    assert source.name not in BANNED_FILES, "name the file after its subject, not as a drawer"
    assert len(text.splitlines()) <= LINES_MAX, "split the module by subject"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines: split it"


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
