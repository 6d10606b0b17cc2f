"""Judging: figures by hand, verdicts, ranges over the costs; and what the shipped targets come to."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.cli import app
from cluster_sim.experiments.pools import InlinePool
from cluster_sim.report.validation import beside_published
from cluster_sim.scenario.spec import CostOverride
from cluster_sim.validation.judging import Costs, Judged, JudgedTarget, Verdict, judge
from cluster_sim.validation.targets import FigureSpec, read_targets, shipped_targets
from tests.unit.validation.test_targets import DEFINITION, TARGET

KICK, WAKE_WORKER, SERVE, INTERRUPT = 1.255, 2.4, 2.0, 0.48 + 1.255 + 3.3
"""us, of a plain VM: a doorbell, a worker that wakes, serves and wakes again, an interrupt of a guest that sleeps."""
COPY = 0.419
"""us, of 4 KiB that the drive has just written, to a buffer that the guest has just read: one end is in the cache."""
READ_US = KICK + WAKE_WORKER + SERVE + 100 + WAKE_WORKER + INTERRUPT


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def judged(tmp_path: Path, target: str, definition: str, samples: int = 0, costs: Costs | None = None) -> JudgedTarget:
    file = tmp_path / "targets.toml"
    file.write_text(target, "utf-8")
    (tmp_path / "mine.yaml").write_text(definition, "utf-8")
    (found,) = judge(read_targets(file), samples, InlinePool(), quiet, costs)
    return found


def the_figure(
    tmp_path: Path, samples: int = 0, costs: Costs | None = None, old: str = "free", new: str = "free"
) -> Judged:
    """The one figure of the target, with some text of its definition replaced."""
    return judged(tmp_path, TARGET, DEFINITION.replace(old, new), samples, costs).figures[0]


def test_where_everything_is_free_only_the_drive_takes_time(tmp_path: Path) -> None:
    found = the_figure(tmp_path)
    assert (found.value, found.low, found.high) == (100.0, 100.0, 100.0)
    assert found.verdict == Verdict.INSIDE


def test_a_read_at_the_profiles_prices_takes_the_sum_of_its_steps(tmp_path: Path) -> None:
    found = the_figure(tmp_path, new="auto")
    assert found.value == pytest.approx(READ_US + COPY, abs=1e-3)


def test_the_range_goes_through_the_costs_and_holds_the_value(tmp_path: Path) -> None:
    found = the_figure(tmp_path, samples=8, new="auto")
    assert found.low <= found.value < found.high
    least = 1.2 + 2 * 0.25 + 1.6 + 100 + 1.2 + 0.5
    most = 1.7 + 2 * 5 + 2.5 + 100 + 3.8 + 5
    assert least < found.low
    assert found.high < most + 0.1
    again = the_figure(tmp_path, samples=8, new="auto")
    assert (again.low, again.high) == (found.low, found.high), "the same samples each time"


def test_costs_of_a_profile_move_the_figure(tmp_path: Path) -> None:
    dear = CostOverride(value=12, unit="us", why="a slow worker")
    usual = the_figure(tmp_path, new="auto").value
    found = the_figure(tmp_path, costs={"notify.vhost_worker_per_io": dear}, new="auto")
    assert found.value - usual == pytest.approx(10, abs=1e-3)


def figure(**changes: float | str | bool | None) -> FigureSpec:
    spec = {"name": "x", "published": 5, "low": 4, "high": 6, "window_why": "x", "unit": "us", "value": "a.b.mean"}
    return FigureSpec.model_validate({**spec, **changes})


@pytest.mark.parametrize(
    ("found", "verdict", "reaches_in"),
    [
        (Judged(figure(), 5, 4, 6), Verdict.INSIDE, True),
        (Judged(figure(), 6, 6, 9), Verdict.INSIDE, True),
        (Judged(figure(is_fit=True), 5, 5, 5), Verdict.FIT, True),
        (Judged(figure(is_fit=True), 7, 7, 7), Verdict.OUTSIDE, False),
        (Judged(figure(), 7, 5.9, 8), Verdict.OUTSIDE, True),
        (Judged(figure(), 3, 1, 3.9), Verdict.OUTSIDE, False),
        (Judged(figure(), math.nan, math.nan, math.nan), Verdict.OUTSIDE, False),
        (Judged(figure(value=None, why="no such thing"), math.nan, math.nan, math.nan), Verdict.NOT_MODELLED, False),
    ],
)
def test_verdicts(found: Judged, verdict: Verdict, reaches_in: bool) -> None:  # noqa: FBT001
    assert found.verdict == verdict
    assert found.reaches_in == reaches_in


def test_a_variant_that_delivers_nothing_has_no_latency(tmp_path: Path) -> None:
    found = the_figure(tmp_path, old="latency: 100us", new="latency: 1s")
    assert math.isnan(found.value)
    assert found.verdict == Verdict.OUTSIDE


@pytest.fixture(scope="module")
def shipped() -> Sequence[JudgedTarget]:
    return judge(shipped_targets(), 0, InlinePool(), quiet)


def test_what_the_model_reproduces_and_what_it_does_not(shipped: Sequence[JudgedTarget]) -> None:
    """A figure that changes sides is a change of the model, and belongs into the changelog."""
    outside = [
        (each.target.name, found.figure.name)
        for each in shipped
        for found in each.figures
        if found.verdict == Verdict.OUTSIDE
    ]
    assert outside == [
        ("T01", "VM that bounces, against VM"),
        ("T01", "SNP, against VM"),
        ("T01", "SNP with idle=poll, against VM"),
        ("T04", "VM that bounces, against VM"),
        ("T06", "guest CPU a read, 4 jobs, a lock an area"),
        ("T06", "guest CPU a write, 4 jobs, a lock an area"),
        ("T10", "more guest CPU a read, TDX"),
        ("T13", "copy to a mapped pool, against no protection"),
        ("T15", "4 GiB, eager against lazy, one vCPU accepts"),
        ("T15", "4 GiB, eager against lazy, all vCPUs accept"),
        ("T15", "64 GiB, eager against lazy, one vCPU accepts"),
        ("T19", "TDX"),
        ("T22", "QEMU with OVMF, a further guest"),
        ("T23", "a random read"),
        ("T23", "a sequential write"),
    ]
    without = {each.target.name for each in shipped for found in each.figures if found.verdict == Verdict.NOT_MODELLED}
    assert without == {"T18", "T22"}


def test_pages_count_the_verdicts_as_they_are_and_conversions_apart(shipped: Sequence[JudgedTarget]) -> None:
    figures = [found for each in shipped for found in each.figures]
    verdicts = Counter(found.verdict for found in figures)
    converting = Counter(found.verdict for found in figures if found.figure.is_conversion)
    inside, fit, outside, without = (verdicts[each] for each in Verdict)
    text = " ".join(Path("README.md").read_text("utf-8").split())
    assert f"their {len(figures)} figures the model meets: {inside} without a cost fitted on them" in text
    assert f"{fit} with, {outside} not, and {without} that it has no means for" in text
    assert f"{converting.total()} of them price a conversion, and {converting[Verdict.FIT]} of these" in text
    page = " ".join(Path("docs/validity.md").read_text("utf-8").split())
    told = f"Of the {len(figures)} figures {inside} are inside, {fit} fit, {outside} outside, {without} not modelled."
    assert f"{told} **{converting.total()} of them price a conversion**" in page
    assert f"{converting[Verdict.FIT]} fit and {converting[Verdict.INSIDE]} inside, and that one (T21)" in page


def test_what_is_outside_says_why_and_nothing_else_does(shipped: Sequence[JudgedTarget]) -> None:
    """So that a figure that changes sides is unexplained until someone looks, and `--strict` ends with 1."""
    for each in shipped:
        for found in each.figures:
            is_missed = found.verdict in (Verdict.OUTSIDE, Verdict.NOT_MODELLED)
            assert bool(found.figure.why) == is_missed, (each.target.name, found.figure.name)
    assert not any(found.is_unexplained for each in shipped for found in each.figures)


@pytest.mark.parametrize(
    ("spec", "value", "told"),
    [
        ({"published": -25, "unit": "%"}, -11.1, "1.19"),
        ({"published": 5, "unit": "us"}, 6.0, "1.20"),
        ({"published": 0, "unit": "us"}, 1.44, "+1.44"),
        ({"published": 5, "unit": "us"}, math.nan, "–"),
    ],
)
def test_beside_the_published_value_stands_the_ratio_of_windows_or_the_difference(
    spec: dict[str, float | str], value: float, told: str
) -> None:
    """89 % left of what 75 % is published of is 1.19 times as much."""
    assert beside_published(Judged(figure(**spec), value, value, value)) == told


@pytest.mark.parametrize(
    ("published", "why", "options", "code"),
    [
        ("100", "", ["--strict"], 0),
        ("130", "", ["--strict"], 1),
        ("130", "", [], 0),
        ("130", "a drive", ["--strict"], 0),
    ],
)
def test_strict_ends_with_1_where_something_outside_is_not_explained(
    tmp_path: Path, published: str, why: str, options: list[str], code: int
) -> None:
    """100 us lie inside 100 / 1.25 .. 100 * 1.25, and outside 130 / 1.25 = 104 and more."""
    file = tmp_path / "targets.toml"
    file.write_text(TARGET.replace("published = 100", f'published = {published}\nwhy = "{why}"'), "utf-8")
    (tmp_path / "mine.yaml").write_text(DEFINITION, "utf-8")
    command = ["validate", "--targets", str(file), "--samples", "0", "--executor", "inline", *options]
    assert CliRunner().invoke(app, command).exit_code == code


def test_the_command_prints_figures_misses_and_sources() -> None:
    result = CliRunner().invoke(
        app, ["validate", "--target", "T13", "--target", "T18", "--samples", "0", "--executor", "inline"]
    )
    assert result.exit_code == 0
    assert "outside" in result.output
    assert "not modelled" in result.output
    assert "T13, copy to a mapped pool, against no protection: outside: the card bounds both" in result.output
    assert "1 inside, 0 fit, 1 outside, 2 not modelled." in result.output
    assert "None of them prices a conversion" in result.output
    assert "costs' ranges," in result.output
    assert "Markuze" in result.output
    assert "T09" not in result.output
