"""Targets as files: what the shipped ones say, and what is refused with file, key and reason, all at once."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster_sim.cli import app
from cluster_sim.platform.profile import library
from cluster_sim.validation.targets import TargetError, chosen, read_targets, shipped_targets

PACKAGE = Path("cluster_sim")
DEFINITION = """
name: mine
question: What does it take?
duration: 1ms
record: summary
profile: free
protection: none
io_path: {kind: direct}
cluster: {hosts: 1, host: {cpus: 8, memory: 8GiB, storage: {latency: 100us, jitter: 0}}}
guests:
  - {name: g, count_per_host: 1, vcpus: 1, memory: 1GiB, workloads: [{kind: block}]}
"""
TARGET = """
[target.mine]
title = "one read at a time"
source = "tum_fio"
measured_on = "paper"
taken = "all"
assumed = "nothing"
[[target.mine.figure]]
name = "latency"
value = "only.g.mean"
unit = "us"
published = 100
"""


def refused(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "targets.toml"
    file.write_text(text, "utf-8")
    (tmp_path / "mine.yaml").write_text(DEFINITION, "utf-8")
    with pytest.raises(TargetError) as caught:
        read_targets(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(file)) for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_every_shipped_target_has_a_source_a_definition_of_its_own() -> None:
    targets = shipped_targets()
    assert len(targets) == 16
    for target in targets:
        assert target.spec.source in library().sources
        assert target.definition is None or target.definition.read_text("utf-8").startswith("#")


def test_what_was_fitted_on_a_target_is_marked_there() -> None:
    for target in shipped_targets():
        assert bool(target.spec.fitted) == any(figure.is_fit for figure in target.spec.figure)


def test_no_code_knows_a_target_by_name() -> None:
    names = [target.name for target in shipped_targets()]
    for module in PACKAGE.rglob("*.py"):
        text = module.read_text("utf-8")
        assert not [name for name in names if name in text], module


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('source = "tum_fio"', 'source = "hearsay"', "target.mine.source: found 'hearsay', allowed: a source"),
        (
            "published = 100",
            'published = 100\nlow = 120\nhigh = 130\nwindow_why = "x"',
            "target.mine.figure.0: found low 120, published 100, high 130, allowed: low <= published",
        ),
        (
            "published = 100",
            "published = 100\nlow = 90\nhigh = 150",
            "target.mine.figure.0.window_why: found nothing, for 90 .. 150, allowed: window_why",
        ),
        (
            "published = 100",
            "published = 100\nlow = 90",
            "target.mine.figure.0: found one end of a window, allowed: low and high",
        ),
        (
            "published = 100",
            'published = 100\nwindow_why = "x"',
            "target.mine.figure.0.window_why: found a reason without a window",
        ),
        ("published = 100", "published = 0", "target.mine.figure.0: found 0 us, allowed: low, high and window_why"),
        ("published = 100", "published = nan", "target.mine.figure.0.published: found"),
        ('unit = "us"', 'unit = "fortnights"', "target.mine.figure.0.unit: found 'fortnights', allowed: ns | us"),
        ('value = "only.g.mean"', 'value = "only.g."', "target.mine.figure.0.value: found no formula"),
        ('value = "only.g.mean"', 'value = "only.g.luck"', "target.mine.figure.0.value: found only.g.luck, allowed"),
        ('value = "only.g.mean"\n', "", "target.mine.figure.0.why: found nothing, allowed: why the model has no"),
        ("published = 100", 'published = "fast"', "target.mine.figure.0.published: found 'fast', allowed"),
        ("published = 100\n", "", "target.mine.figure.0.published: found nothing, allowed"),
        ('taken = "all"', 'taken = "all"\nluck = 1', "target.mine.luck: found"),
        ('taken = "all"', 'taken = "all"\nfitted = ["luck"]', "target.mine.fitted: found 'luck', allowed: a cost"),
        ("[target.mine]", '[target."../mine"]', "target: found '../mine', allowed: a letter"),
        ("[target.mine]", "[costs]\n[target.mine]", "found costs, target, allowed: a table [target.NAME]"),
        ("[target.mine]", "[source.lab]\ntitle='x'\n[target.mine]", "source.lab.year: found nothing, allowed: a text"),
        ("[target.mine]", "[target.mine", "found no TOML"),
    ],
)
def test_what_does_not_hold_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = TARGET.replace(old, new, 1)
    if new.startswith('[target."'):
        text = text.replace("[[target.mine.figure]]", '[[target."../mine".figure]]')
    assert text != TARGET
    lines = refused(tmp_path, text)
    assert any(line.startswith(told) for line in lines), lines


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = TARGET.replace("tum_fio", "hearsay").replace('"us"', '"fortnights"').replace("only.g.mean", "only.g.luck")
    assert len(refused(tmp_path, wrong)) == 3


def test_a_source_may_come_with_the_targets_file_and_goes_before_those_of_the_tables(tmp_path: Path) -> None:
    own = '[source.KEY]\ntitle = "our lab"\nyear = "2026"\naddress = "https://example.org"\n'
    (tmp_path / "mine.yaml").write_text(DEFINITION, "utf-8")
    for key in ("lab", "tum_fio"):
        file = tmp_path / "targets.toml"
        file.write_text(own.replace("KEY", key) + TARGET.replace("tum_fio", key), "utf-8")
        (target,) = read_targets(file)
        assert (target.source.key, target.source.title) == (key, "our lab")


def test_shipped_windows_hold_the_published_value_and_those_not_by_the_rule_say_why() -> None:
    for target in shipped_targets():
        for figure in target.spec.figure:
            low, high = figure.window
            assert low <= figure.published <= high
            assert bool(figure.window_why) == (figure.low is not None)


def test_a_target_needs_its_definition_beside_it(tmp_path: Path) -> None:
    lines = refused(tmp_path, TARGET.replace("target.mine", "target.other"))
    assert lines == ["target.other: found no other.yaml beside it, allowed: a definition of that name"]


def test_a_target_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(TargetError, match=r"--target: found 'T99', allowed: T01 \| T03"):
        chosen(shipped_targets(), ["T09", "T99"])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("only.h.mean", "found only.h.mean, allowed: only.g, and a figure"),
        ("only.g.per_s", "found bytes^0 × ns^-1, allowed: us"),
        ("only.g.mean - 1", "found a sum of a duration and a number"),
    ],
)
def test_formulas_are_checked_against_the_definition_before_anything_runs(
    tmp_path: Path, value: str, told: str
) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(TARGET.replace("only.g.mean", value), "utf-8")
    (tmp_path / "mine.yaml").write_text(DEFINITION, "utf-8")
    result = CliRunner().invoke(app, ["validate", "--targets", str(file), "--executor", "inline"])
    assert result.exit_code == 2
    assert f"target.mine: latency: value: {told}" in result.output


def test_a_definition_that_does_not_hold_is_refused_as_any_other(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text(TARGET, "utf-8")
    (tmp_path / "mine.yaml").write_text(DEFINITION.replace("duration: 1ms", "duration: soon"), "utf-8")
    result = CliRunner().invoke(app, ["validate", "--targets", str(file), "--executor", "inline"])
    assert result.exit_code == 2
    assert "mine.yaml:4: duration: found 'soon'" in result.output
