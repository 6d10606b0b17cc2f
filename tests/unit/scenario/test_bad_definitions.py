"""Every kind of thing that a definition may say, said wrong: told with field, line, what was found, what is allowed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import cluster_sim
from cluster_sim.cli import app
from cluster_sim.scenario.problems import DefinitionError, Problem
from cluster_sim.shipped import workloads_directory
from tests.unit.scenario.bad_bases import GROUPS, PATHS, WORKLOADS, Bad, base_text
from tests.unit.scenario.bad_surroundings import BAD_SURROUNDINGS
from tests.unit.scenario.bad_workloads import BAD_WORKLOADS

ROWS = [*BAD_WORKLOADS, *BAD_SURROUNDINGS]
BAD_INPUT = 2


def broken(row: Bad) -> str:
    """The base with the row's change."""
    text = base_text(row.base)
    assert row.old in text, row
    return text.replace(row.old, row.new, 1)


def line_told(row: Bad) -> int:
    """The line that holds the row's text, or the first that differs from the base."""
    lines = broken(row).splitlines()
    if row.line:
        return next(number for number, line in enumerate(lines, 1) if row.line in line)
    base = base_text(row.base).splitlines()
    return next(number for number, (one, other) in enumerate(zip(lines, base, strict=False), 1) if one != other)


def write(folder: Path, text: str) -> Path:
    """A workload file in a folder beside the shipped traces."""
    (folder / "traces").symlink_to(workloads_directory() / "traces")
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(file: Path, *sets: str) -> list[Problem]:
    with pytest.raises(DefinitionError) as error:
        cluster_sim.load(file, sets)
    for jargon in ("Value error", "nput should", "pydantic", "validation", "http"):
        assert jargon not in str(error.value)
    return list(error.value.problems)


@pytest.mark.parametrize("name", [*WORKLOADS, *PATHS, *GROUPS])
def test_the_bases_hold(tmp_path: Path, name: str) -> None:
    assert len(cluster_sim.load(write(tmp_path, base_text(name))).variants) == 2


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.base}: {row.new[:40]!a}" for row in ROWS])
def test_what_is_wrong_is_told_once_with_field_line_found_and_allowed(tmp_path: Path, row: Bad) -> None:
    told = problems(write(tmp_path, broken(row)))
    assert [problem.field for problem in told] == [row.field], [str(problem) for problem in told]
    assert row.found in told[0].found
    assert row.allowed in told[0].allowed
    assert told[0].line == line_told(row)


@pytest.mark.parametrize("row", ROWS[::12], ids=[f"{row.base}: {row.new[:40]!a}" for row in ROWS[::12]])
def test_the_command_refuses_it_before_any_work(tmp_path: Path, row: Bad) -> None:
    file = write(tmp_path, broken(row))
    results = tmp_path / "results"
    refused = CliRunner().invoke(app, ["run", str(file), "--executor", "inline", "--results", str(results)])
    assert refused.exit_code == BAD_INPUT
    assert row.field in refused.output.replace("\n", "")
    assert not results.exists()


def test_the_table_holds_each_new_kind() -> None:
    assert len(ROWS) >= 60
    assert {row.base for row in ROWS} >= {*WORKLOADS, *PATHS}
