"""Draws the README's picture from a run: `python docs/make_pictures.py results/swiotlb_vs_zero_copy`."""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cluster_sim import compare, open_results
from cluster_sim.report.comparison import comparison

WIDTH = 176
NO_FONTS_FROM_OUTSIDE = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def draw(run: Path, target: Path) -> None:
    """Write the comparison of the run's pKVM variants as an SVG of terminal text."""
    results = open_results(run)
    rows = [row for row in compare(results) if row.axes.get("protection") == "pkvm"]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ make run", "bold"))
    console.print(comparison(rows, results.manifest.baseline))
    svg = console.export_svg(title=results.manifest.experiment, code_format=NO_FONTS_FROM_OUTSIDE, unique_id="run")
    target.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(__file__).parent / "images" / "comparison.svg")
