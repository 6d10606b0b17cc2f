"""`cluster-sim report`: a run as a page, as pictures, and as text for a pull request and for a mailing list."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster_sim.analysis.comparison import compare
from cluster_sim.analysis.words.answer import Answer
from cluster_sim.cli.options import refusing_bad_input
from cluster_sim.report.page import Subject
from cluster_sim.report.report_files import PAGE, subject_of, write_report
from cluster_sim.results.reader import Results, open_results
from cluster_sim.results.run_directory import RunDirectoryError


def report(
    run: Annotated[Path, typer.Argument(help="A run's directory, or a workload's below results/ for its newest run.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Directory of the report; by default report/ in the run's.")] = None,
    html_only: Annotated[bool, typer.Option("--html-only", help="The page alone, without pictures and texts.")] = False,
) -> None:
    """Write report.html, report.md, report.txt and charts/*.png and *.svg of a run."""
    with refusing_bad_input():
        results = open_results(run)
        directory = out or results.directory / "report"
        if directory.exists() and not directory.is_dir():
            raise RunDirectoryError(f"--out: found the file {directory}, allowed: a directory")
        errors = Console(stderr=True)
        with errors.status("reading the run") if sys.stderr.isatty() else errors.capture():
            subject = subject_of(results, answer_of(results))
            texts = {} if html_only else texts_of(subject)
            try:
                written = write_report(subject, directory, texts=texts, has_pictures=not html_only)
            except OSError as error:
                raise RunDirectoryError(f"--out {directory}: cannot be written: {error.strerror}") from error
    others = len(written.files) - 1
    more = f" and {others} more files beside it" if others else ""
    typer.echo(f"{written.directory / PAGE}{more}")


def answer_of(results: Results) -> Answer:
    """The answer in words."""
    try:
        words = importlib.import_module("cluster_sim.analysis.words.answered")
    except ModuleNotFoundError:
        return Answer(results.manifest.question, (), (), (), ())
    found: Answer = words.answer(results, compare(results))
    return found


def texts_of(subject: Subject) -> dict[str, str]:
    """Markdown for a pull request, plain text for a mailing list."""
    texts = {}
    for name, module, function in (("report.md", "markdown", "markdown"), ("report.txt", "plain", "plain")):
        try:
            written = importlib.import_module(f"cluster_sim.report.{module}")
        except ModuleNotFoundError:
            continue
        texts[name] = str(getattr(written, function)(subject.answer, subject.rows, subject.manifest))
    return texts
