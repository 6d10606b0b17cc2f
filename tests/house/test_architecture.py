"""An addition touches the files that docs/architecture.md lists for its kind: the example's name is nowhere else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cluster_sim"
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
SOURCES = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml")]
EXAMPLES = {
    "path": r"\bSharedPoolPath\b|^name = \"shared_pool\"",
    "technology": r"\"tdx\"",
    "cost": r"\bgmem\.zap_4k_bulk\b",
    "workload": r"\bChurnWorkload\b",
    "driver": r"\"virtio-vsock\"",
    "column": r"\"slots_probed\"",
    "chart": r"\bhost_chart\b",
}
"""What names the example of each kind."""


def listed(kind: str) -> set[str]:
    """Files that the section of a kind lists."""
    section = re.search(rf"^### To add a {kind}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/architecture.md does not say how to add a {kind}"
    return set(re.findall(r"^- `([\w/.-]+)`", section[1], re.MULTILINE))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_a_kind_is_named_in_the_files_that_the_page_lists(kind: str) -> None:
    named = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if re.search(EXAMPLES[kind], path.read_text("utf-8"), re.MULTILINE)
    }
    assert named == listed(kind), f"say in docs/architecture.md, or keep a {kind} out of where it does not belong"


def test_the_page_lists_the_rooms_in_the_order_of_the_import_contract() -> None:
    contract = (ROOT / "pyproject.toml").read_text("utf-8")
    layers = re.search(r"^layers = \[\n(.*?)^\]", contract, re.MULTILINE | re.DOTALL)
    assert layers is not None
    rooms = [room for line in layers[1].splitlines() for room in re.findall(r"\w+", line)]
    told = re.findall(r"^\| (`(?:[^|\\]|\\\|)*)", PAGE, re.MULTILINE)
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert [room for line in told for room in re.findall(r"\w+", line)] == [room for room in rooms if room in folders]
