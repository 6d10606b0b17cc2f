"""`cluster-sim compare`: the variants of a run side by side."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cluster_sim.analysis.comparison import ComparisonError
from cluster_sim.analysis.comparison import compare as compare_run
from cluster_sim.analysis.guest_memory import fault_rows, memory_rows
from cluster_sim.cli.options import console, refusing_bad_input
from cluster_sim.report.comparison import comparison
from cluster_sim.report.guest_memory import guest_memory
from cluster_sim.results.reader import open_results


def compare(
    run: Annotated[Path, typer.Argument(help="A run's directory, or a workload's below results/ for its newest run.")],
    *,
    baseline: Annotated[
        list[str] | None, typer.Option(metavar="AXIS=LABEL", help="Compare with this instead. May be repeated.")
    ] = None,
) -> None:
    """Print throughput, latency, CPU, copies, conversions and exposure a path, and ratios to the baseline."""
    with refusing_bad_input():
        results = open_results(run)
        chosen = None if baseline is None else parse_baseline(baseline)
        rows = compare_run(results, chosen)
        shown = results.manifest.baseline if chosen is None else chosen
    out = console()
    out.print(Text(results.manifest.question.strip() + "\n", "bold"))
    out.print(comparison(rows, shown))
    out.print(guest_memory(memory_rows(results), fault_rows(results)))
    if results.manifest.status != "complete":
        out.print(f"\nThis run is {results.manifest.status}: only finished variants are shown.", highlight=False)


def parse_baseline(texts: list[str]) -> dict[str, str]:
    """`io_path=swiotlb` as a pair."""
    pairs = [text.partition("=") for text in texts]
    for text, (axis, equals, label) in zip(texts, pairs, strict=True):
        if not (axis and equals and label):
            raise ComparisonError(f"--baseline: found {text!r}, allowed: AXIS=LABEL, such as io_path=swiotlb")
    return {axis: label for axis, _, label in pairs}
