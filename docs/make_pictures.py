"""Draws the README's pictures from a run: `python docs/make_pictures.py results/swiotlb_vs_zero_copy`.

The terminal's is made here, the page's is what Chromium shows of the report.
"""

import io
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cluster_sim import answer, compare, open_results
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.comparison import comparison
from cluster_sim.report.page import Report
from cluster_sim.report.report_files import CHARTS, PAGE, write_report

IMAGES = Path(__file__).parent / "images"
WIDTH = 176
PAGE_SIZE = {"width": 1280, "height": 1200}
NO_FONTS_FROM_OUTSIDE = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def draw_terminal(run: Path, target: Path) -> None:
    """Write the comparison of the run's pKVM variants as an SVG of terminal text."""
    results = open_results(run)
    rows = [row for row in compare(results) if row.axes.get("protection") == "pkvm"]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make run", "bold"))
    console.print(comparison(rows, results.manifest.baseline))
    svg = console.export_svg(title=results.manifest.experiment, code_format=NO_FONTS_FROM_OUTSIDE, unique_id="run")
    target.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


def draw_report(run: Path, images: Path) -> None:
    """Write what a browser shows of the top of the run's report, and its chart of ledgers."""
    results = open_results(run)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        written = write_report(Report(RunReading(results), answer(results)), Path(folder))
        shutil.copyfile(written.directory / CHARTS / "ledger-1.svg", images / "ledger.svg")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=PAGE_SIZE, color_scheme="light")  # type: ignore[arg-type]  # two numbers
        page.goto((written.directory / PAGE).as_uri())
        page.wait_for_selector("svg.marks")
        page.screenshot(path=images / "report.png")
        browser.close()


if __name__ == "__main__":
    draw_terminal(Path(sys.argv[1]), IMAGES / "comparison.svg")
    draw_report(Path(sys.argv[1]), IMAGES)
