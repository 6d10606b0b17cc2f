"""`cluster-sim compare`: variants side by side, of a run or of several, and more replications where they are wished."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cluster_sim.analysis.answers.assumptions import assumptions_of
from cluster_sim.analysis.baselines import usual_baseline
from cluster_sim.analysis.comparability import join
from cluster_sim.analysis.comparison import Row, with_prices
from cluster_sim.analysis.comparison import compare as compare_runs
from cluster_sim.analysis.paired import Method
from cluster_sim.analysis.precision import Need, need, run_until
from cluster_sim.analysis.problems import ComparisonError
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.cli.options import console, refusing_bad_input
from cluster_sim.cli.pricing import PriceSamples, Somewhere, check_pricing, intervals_of
from cluster_sim.cli.progress import running
from cluster_sim.experiments.driver import Means
from cluster_sim.experiments.resume import complete_run
from cluster_sim.report.comparison import comparison
from cluster_sim.report.folded_table import literal_text
from cluster_sim.report.guest_memory import guest_memory
from cluster_sim.report.verdict_lines import verdict_lines
from cluster_sim.results.reader import Results, open_results

USUAL_PRECISION = 0.02
GOES_ON = "finished runs are kept, and --precision goes on from there"
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is compared with what, and how."""

    baseline: dict[str, str] | None
    method: Method


def compare(  # noqa: PLR0913 - one parameter an option
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="A run's directory, or a workload's below results/ for its newest run."),
    ],
    *,
    baseline: Annotated[
        list[str] | None, typer.Option(metavar="AXIS=LABEL", help="Compare with this instead. May be repeated.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="AXIS,…", help="A table for each label of these axes; `group` is one, too.")
    ] = None,
    interval: Annotated[Method, typer.Option(help="Intervals by Student's t, or bootstrapped (BCa).")] = "t",
    details: Annotated[bool, typer.Option("--details", help="Differences and effect sizes beside the ratios.")] = False,
    precision: Annotated[
        str | None, typer.Option(metavar="2%", help="Run more replications, until ratios are so precise.")
    ] = None,
    at_most: Annotated[int, typer.Option(min=2, max=10_000, help="Replications in all that --precision may run.")] = 50,
    prices: PriceSamples = 0,
    executor: Somewhere = None,
    actors: Annotated[int | None, typer.Option(min=1, max=256, help="Shards of hosts; by default one a CPU.")] = None,
) -> None:
    """Print figures of each path, ratios to the baseline with intervals, and what a precision needs."""
    out = console()
    with refusing_bad_input():
        wish = Wish(None if baseline is None else parse_baseline(baseline), interval)
        wished = None if precision is None else parse_precision(precision)
        check_pricing(prices, len(runs))
        opened = [open_results(run) for run in runs]
        readings = [RunReading(results) for results in opened]
        rows = compare_runs(readings, wish.baseline, interval=interval)
        shown = usual_baseline(opened, join(opened)) if wish.baseline is None else wish.baseline
        strata = None if by is None else [name.strip() for name in by.split(",")]
        comparison(rows, shown, strata)  # refuses wrong names before anything runs
    if wished is not None:
        with refusing_bad_input():
            if not any(row.ratios for row in rows):
                raise ComparisonError("--precision", found="no ratios", allowed="a baseline to compare with")
            readings = run_more(opened, wish, wished, at_most, Means(executor or "ray", actors), out)
            rows = compare_runs(readings, wish.baseline, interval=interval)
    asked = frozenset[str]().union(*(run.judged for run in readings))
    intervals = intervals_of(readings[0], prices, executor, actors) if prices else None
    rows = with_prices(rows, intervals) if intervals else rows
    readings = [run.with_prices(intervals) for run in readings] if intervals else readings
    for run in readings:
        out.print(verdict_lines(run, is_judged=wish.baseline is None and len(readings) == 1))
    with refusing_bad_input():
        out.print(comparison(rows, shown, strata, asked=asked, interval=interval, details=details, precision=wished))
    print_needs(out, rows, USUAL_PRECISION if wished is None else wished, is_wished=wished is not None)
    print_runs(out, readings, "" if intervals is None else intervals.how)


def run_more(
    opened: Sequence[Results], wish: Wish, precision: float, at_most: int, means: Means, out: Console
) -> list[RunReading]:
    """Extend all runs where they lie until the wished precision is there, or as many replications as allowed."""
    storages = [run.storage for run in opened]

    def read_anew() -> list[RunReading]:
        return [RunReading(Results(storage)) for storage in storages]

    def rows() -> list[Row]:
        return compare_runs(read_anew(), wish.baseline, interval=wish.method)

    def run_to(replications: int, found: Need) -> None:
        out.print(literal_text(f"{reason(found, precision)}: running to {replications} replications", "dim"))
        for storage in storages:
            with running(GOES_ON) as on_progress:
                complete_run(storage.uri, replications, means=means, on_progress=on_progress)

    for run in opened:
        if run.manifest.status != "complete":
            with running(GOES_ON) as on_progress:
                complete_run(run.storage.uri, means=means, on_progress=on_progress)
    run_until(precision, at_most, rows, run_to)
    return read_anew()


def reason(found: Need, precision: float) -> str:
    """What a precision needs, in words."""
    if found.replications is None or found.row is None:
        return f"±{100 * precision:g}% needs a spread over replications to judge by"
    return (
        f"{found.within} of {found.judged} ratios are within ±{100 * precision:g}%; all of them need about "
        f"{found.replications:,} replications ({found.figure} of {found.row.variant}, {found.row.group}), "
        f"there are {found.there}"
    )


def print_needs(out: Console, rows: Sequence[Row], precision: float, *, is_wished: bool) -> None:
    """Say how many more replications the precision needs, and which figures cannot get there."""
    found = need(rows, precision)
    if not found.judged and not found.coarse:
        return
    is_there = found.replications is not None and found.replications <= found.there
    percent = f"{100 * precision:g}%"
    if is_there:
        out.print(literal_text(f"Every ratio that can be is within ±{percent}.", "dim"))
    elif found.judged:
        again = "--at-most allows no more" if is_wished else f"--precision {percent} runs more, up to --at-most"
        out.print(literal_text(f"{reason(found, precision)}; {again}.", "dim"))
    if found.coarse:
        names = ", ".join(found.coarse)
        out.print(literal_text(f"{names}: no replications bring these to ±{percent}, histograms are coarser.", "dim"))


def print_runs(out: Console, readings: Sequence[RunReading], how_priced: str) -> None:
    """How price intervals were made, what runs did to guest memory, in which fields they differ, which did not end."""
    if how_priced:
        out.print(literal_text(how_priced, "dim"))
    if len(readings) > 1:
        joined = join([run.results for run in readings])
        for line in joined.differences:
            out.print(literal_text(f"axis run: {line}"))
    for run in readings:
        memory = guest_memory(run)
        if len(readings) > 1:
            out.print(literal_text(f"\n{run.results.directory}", "bold"))
        out.print(Text(), memory)
        for each in assumptions_of(run):
            out.print(literal_text(f"Assumed: {each.sentence}", "dim"))
        if run.manifest.status != "complete":
            out.print(literal_text(f"This run is {run.manifest.status}: only finished variants are shown."))


def parse_baseline(texts: list[str]) -> dict[str, str]:
    """`io_path=swiotlb` as a pair."""
    pairs = [text.partition("=") for text in texts]
    for text, (axis, equals, label) in zip(texts, pairs, strict=True):
        if not (axis and equals and label):
            raise ComparisonError("--baseline", found=repr(text), allowed="AXIS=LABEL, such as io_path=swiotlb")
    return {axis: label for axis, _, label in pairs}


def parse_precision(text: str) -> float:
    """`2%` as 0.02."""
    match = _PERCENT.fullmatch(text.strip())
    value = float(match[1]) / 100 if match else 0.0
    if not 0.0001 <= value <= 1:
        raise ComparisonError("--precision", found=repr(text), allowed="a percentage from 0.01% to 100%, such as 2%")
    return value
