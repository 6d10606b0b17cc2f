"""A report's files: the page, pictures of its charts, Markdown and plain text, each there whole or not at all."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import vl_convert

from cluster_sim.analysis.answers.answer import Answer
from cluster_sim.analysis.comparison import compare
from cluster_sim.analysis.guest_memory import fault_rows, memory_rows
from cluster_sim.analysis.summaries.digest import digest
from cluster_sim.analysis.summaries.places import paths_of, strata_of
from cluster_sim.report.chart_list import charts_of, whole_specs
from cluster_sim.report.page import VEGALITE, Subject, page
from cluster_sim.results import atomic_file
from cluster_sim.results.reader import Results

PAGE = "report.html"
CHARTS = "charts"
PICTURE_SCALE = 2
PICTURE_LOOK = {"background": "white", "font": "Liberation Sans, DejaVu Sans, Arial, sans-serif"}


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies, and its files relative to that."""

    directory: Path
    files: tuple[str, ...]


def subject_of(results: Results, answer: Answer) -> Subject:
    """All that a report tells of a run; RunDirectoryError and ComparisonError say what cannot be told."""
    rows = compare(results)
    found = digest(results)
    return Subject(
        directory=results.directory,
        manifest=results.manifest,
        answer=answer,
        rows=rows,
        digest=found,
        charts=charts_of(found, rows),
        memory=memory_rows(results),
        faults=fault_rows(results),
    )


def write_report(
    subject: Subject,
    directory: Path,
    *,
    texts: Mapping[str, str] | None = None,
    has_pictures: bool = True,
) -> Written:
    """Write the page, `texts` by file name, and PNG and SVG of each chart; pictures of an older report go."""
    files = [PAGE]
    put(directory / PAGE, page(subject).encode())
    for name, text in (texts or {}).items():
        put(directory / name, text.encode())
        files.append(name)
    if has_pictures:
        for name, content in pictures(subject):
            put(directory / CHARTS / name, content)
            files.append(f"{CHARTS}/{name}")
        forget(directory / CHARTS, subject, files)
    return Written(directory, tuple(files))


def put(path: Path, content: bytes) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.put(path, content)


def pictures(subject: Subject) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of each chart and group; groups are numbered where there are several."""
    paths, strata = paths_of(subject.manifest), strata_of(subject.manifest)
    for chart in subject.charts:
        for place, plain in enumerate(whole_specs(chart, paths, strata).values()):
            stem = chart.name if len(chart.groups) == 1 else f"{chart.name}-{place + 1}"
            drawn = {**plain, "config": PICTURE_LOOK}
            svg = vl_convert.vegalite_to_svg(drawn, vl_version=VEGALITE)
            yield f"{stem}.svg", svg.encode()
            yield f"{stem}.png", vl_convert.svg_to_png(svg, scale=PICTURE_SCALE)


def forget(folder: Path, subject: Subject, files: list[str]) -> None:
    """Remove pictures by names that only reports give, and that this one does not have."""
    names = "|".join(chart.name for chart in subject.charts)
    ours = re.compile(rf"({names})(-\d+)?\.(svg|png)")
    for path in folder.glob("*"):
        if ours.fullmatch(path.name) and f"{CHARTS}/{path.name}" not in files:
            path.unlink()
