"""The site of docs/: builds strictly, has every page, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?([^"'\s>]+)|<link\b[^>]*\bhref=["']?([^"'\s>]+)"""
)
IN_STYLES = re.compile(r"""@import\s+["']?([^"';]+)|url\(["']?([^"')]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mkdocs.yml lists each page of docs/ in nav:\n{done.stdout}{done.stderr}"
    return target


def test_every_page_of_docs_is_in_the_site(site: Path) -> None:
    pages = [path for path in (ROOT / "docs").rglob("*.md") if not path.name.endswith(".template.md")]
    assert len(pages) > 20
    for page in pages:
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    found = [
        (page, one or other) for page in site.rglob("*.html") for one, other in LOADED.findall(page.read_text("utf-8"))
    ]
    found += [
        (page, one or other)
        for page in site.rglob("*.css")
        for one, other in IN_STYLES.findall(page.read_text("utf-8"))
    ]
    assert len(found) > 100
    assert [(page.name, address) for page, address in found if re.match(r"(https?:)?//", address)] == []
