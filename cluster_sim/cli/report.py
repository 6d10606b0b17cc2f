"""`cluster-sim report`: a run as a page, as pictures, and as text for a pull request and for a mailing list."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster_sim.analysis.answers.run_answer import answer
from cluster_sim.analysis.price_intervals.price_study import SAMPLES
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.cli.options import refusing_bad_input
from cluster_sim.cli.pricing import PriceSamples, Somewhere, check_pricing, intervals_of
from cluster_sim.cli.studying import Actors
from cluster_sim.report.markdown import markdown
from cluster_sim.report.page import Report
from cluster_sim.report.plain import plain
from cluster_sim.report.report_files import PAGE, write_report
from cluster_sim.report.report_json import report_json
from cluster_sim.results.reader import open_results
from cluster_sim.results.run_directory import RunDirectoryError


def report(
    run: Annotated[Path, typer.Argument(help="A run's directory, or a workload's below results/ for its newest run.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Directory of the report; by default report/ in the run's.")] = None,
    html_only: Annotated[bool, typer.Option("--html-only", help="The page alone, without pictures and texts.")] = False,
    prices: PriceSamples = SAMPLES,
    executor: Somewhere = None,
    actors: Actors = None,
) -> None:
    """Write report.html, report.md, report.txt, report.json and charts/*.png and *.svg of a run."""
    with refusing_bad_input():
        check_pricing(prices, 1)
        results = open_results(run)
        directory = out or results.directory / "report"
        if directory.exists() and not directory.is_dir():
            raise RunDirectoryError("--out", f"the file {directory}", "a directory")
        reading = RunReading(results)
    if prices:
        reading = reading.with_prices(intervals_of(reading, prices, executor, actors))
    errors = Console(stderr=True)
    status = errors.status("reading the run") if sys.stderr.isatty() else errors.capture()
    with refusing_bad_input(), status:
        found = Report(reading, answer(reading))
        told = (reading, found.answer)
        texts = {"report.md": markdown(*told), "report.txt": plain(*told), "report.json": report_json(*told)}
        try:
            written = write_report(found, directory, texts={} if html_only else texts, has_pictures=not html_only)
        except OSError as error:
            raise RunDirectoryError(f"--out {directory}", f"cannot be written: {error.strerror}") from error
    others = len(written.files) - 1
    more = f" and {others} more files beside it" if others else ""
    typer.echo(f"{written.directory / PAGE}{more}")
