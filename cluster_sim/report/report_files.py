"""A report's files: the page, pictures of its charts, Markdown and plain text, each there whole or not at all."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import vl_convert

from cluster_sim.report.chart_list import whole_specs
from cluster_sim.report.page import VEGALITE, Report, page
from cluster_sim.results import atomic_file

PAGE = "report.html"
CHARTS = "charts"
PICTURE_SCALE = 2
PICTURE_LOOK = {"background": "white", "padding": 16, "font": "Liberation Sans, DejaVu Sans, Arial, sans-serif"}


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies, and its files relative to that."""

    directory: Path
    files: tuple[str, ...]


def write_report(
    report: Report,
    directory: Path,
    *,
    texts: Mapping[str, str] | None = None,
    has_pictures: bool = True,
) -> Written:
    """Write the page, `texts` by file name, and PNG and SVG of each chart; pictures of an older report go."""
    files = [PAGE]
    put(directory / PAGE, page(report).encode())
    for name, text in (texts or {}).items():
        put(directory / name, text.encode())
        files.append(name)
    if has_pictures:
        for name, content in pictures(report):
            put(directory / CHARTS / name, content)
            files.append(f"{CHARTS}/{name}")
        forget(directory / CHARTS, report, files)
    return Written(directory, tuple(files))


def put(path: Path, content: bytes) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.put(path, content)


def pictures(report: Report) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of each chart and group; groups are numbered where there are several."""
    for chart in report.charts:
        specs = whole_specs(chart, report.reading.paths, report.reading.strata)
        for number, plain in enumerate(specs.values(), 1):
            stem = chart.name if len(chart.groups) == 1 else f"{chart.name}-{number}"
            picture = {**plain, "config": PICTURE_LOOK}
            svg = vl_convert.vegalite_to_svg(picture, vl_version=VEGALITE)
            yield f"{stem}.svg", svg.encode()
            yield f"{stem}.png", vl_convert.svg_to_png(svg, scale=PICTURE_SCALE)


def forget(folder: Path, report: Report, files: list[str]) -> None:
    """Remove pictures by names that only reports give, and that this one does not have."""
    names = "|".join(chart.name for chart in report.charts)
    ours = re.compile(rf"({names})(-\d+)?\.(svg|png)")
    for path in folder.glob("*"):
        if ours.fullmatch(path.name) and f"{CHARTS}/{path.name}" not in files:
            path.unlink()
