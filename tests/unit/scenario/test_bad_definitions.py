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
    if row.line:
        return line_of(broken(row), row.line)
    pairs = zip(broken(row).splitlines(), base_text(row.base).splitlines(), strict=False)
    return next(number for number, (one, other) in enumerate(pairs, 1) if one != other)


def line_of(text: str, fragment: str) -> int:
    """The first line that holds a fragment."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if fragment in line)


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


def test_a_kind_as_an_axis_is_told_of_each_field_that_it_leaves_wrong(tmp_path: Path) -> None:
    text = base_text("direct").replace("guests.two.vcpus: [1, 2]", "io_path.kind: [direct, convert]")
    told = problems(write(tmp_path, text))
    assert {problem.field for problem in told} == {"axes.io_path.kind.convert"}
    assert {problem.allowed for problem in told} == {"a value that goes with io_path"}
    assert [problem.found for problem in told] == [
        "'convert', which leaves io_path.granule with nothing",
        "'convert', which leaves io_path.posted with an unknown key",
    ]
    assert {problem.line for problem in told} == {line_of(text, "io_path.kind")}


def test_the_table_holds_each_change_once_and_no_fewer_than_sixty() -> None:
    assert len(ROWS) == len({(row.base, row.old, row.new) for row in ROWS})
    assert len(ROWS) >= 60


def test_the_table_holds_each_kind() -> None:
    assert {row.base for row in ROWS} >= {*WORKLOADS, *PATHS, *GROUPS}


@pytest.mark.parametrize("row", ROWS[::12], ids=[f"{row.base}: {row.new[:40]!a}" for row in ROWS[::12]])
def test_the_command_refuses_it_before_any_work(tmp_path: Path, row: Bad) -> None:
    file = write(tmp_path, broken(row))
    results = tmp_path / "results"
    refused = CliRunner().invoke(app, ["run", str(file), "--executor", "inline", "--results", str(results)])
    assert refused.exit_code == BAD_INPUT
    assert row.field in refused.output.replace("\n", "")
    assert not results.exists()


def test_wrong_things_of_every_kind_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    changes = [
        ("cpus: 16", "cpus: 0"),
        ("{rate: 25Gb/s}", "{rate: 25Gb}"),
        ("kind: swiotlb, pool: 64MiB", "kind: swiotlb, pool: 64MB"),
        ("{generation: G3}", "{generation: G3, on_pin: ignore}"),
        ("when_full: wait", "when_ful: wait"),
        ("startup: 200ms", "startup: 11s"),
        ("granule: 4KiB", "granule: 8KiB"),
        ("rate: 10}", "rate: -10}"),
        ("vcpus: [1, 2]", "vcpus: [1, x]"),
    ]
    text = base_text("swiotlb")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    told = problems(write(tmp_path, text))
    assert [(problem.field, problem.line) for problem in told] == [
        ("cluster.host.cpus", line_of(text, "cpus: 0")),
        ("cluster.host.nic.rate", line_of(text, "25Gb}")),
        ("io_path.pool", line_of(text, "64MB")),
        ("memory.on_pin", line_of(text, "ignore")),
        ("guests.one.workloads.0.when_ful", line_of(text, "when_ful")),
        ("guests.one.workloads.0.playout.startup", line_of(text, "11s")),
        ("guests.two.io_path.granule", line_of(text, "8KiB")),
        ("guests.two.workloads.0.rate", line_of(text, "rate: -10")),
        ("axes.guests.two.vcpus.x", line_of(text, "[1, x]")),
    ]


@pytest.mark.parametrize("command", [("run", "--executor=inline"), ("explain",), ("workload", "check")])
@pytest.mark.parametrize("row", [ROWS[0], ROWS[len(ROWS) // 2], ROWS[-1]], ids=lambda row: row.field)
def test_commands_print_each_problem_with_file_and_line_and_exit_with_2(
    tmp_path: Path, command: tuple[str, ...], row: Bad
) -> None:
    file = write(tmp_path, broken(row))
    done = CliRunner().invoke(app, [*command, str(file)])
    assert done.exit_code == BAD_INPUT, done.output
    assert f"{file}:{line_told(row)}: {row.field}: found " in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("sets", "field", "found"),
    [
        (("guests.one.workloads.0.buffers=0",), "--set guests.one.workloads.0.buffers", "0"),
        (("guests.one.workloads.1.buffers=1",), "--set guests.one.workloads.1.buffers", "no '1' in"),
        (("memory.pins.lasts=2",), "--set memory.pins.lasts", "2"),
        (("io_path.pool=1B", "io_path.areas=3"), "--set io_path.areas", "3"),
        (("axes.guests.two.vcpus={a: 17}",), "guests", "3 guests of together 21 vCPUs"),
        (("\udcff=1",), "--set", "'\\udcff', which cannot be printed"),
        (("=1",), "--set =1", "no value"),
        (("cluster=null",), "--set cluster", "nothing"),
        (("guests=[]",), "--set guests", "an empty list"),
        (("axes.duration=[1s, 1]",), "--set axes.duration.1", "1"),
    ],
)
def test_what_an_override_breaks_is_told_by_its_own_name(
    tmp_path: Path, sets: tuple[str, ...], field: str, found: str
) -> None:
    told = problems(write(tmp_path, base_text("video")), *sets)
    assert (field, found) in [(problem.field, problem.found[: len(found)]) for problem in told], told


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "no/such.yaml", "/dev/null/x.yaml"])
def test_a_name_that_leads_to_no_file_is_told(name: str) -> None:
    with pytest.raises(DefinitionError, match="a file that cannot be read"):
        cluster_sim.load(name)


def test_more_groups_than_labels_can_name_are_refused(tmp_path: Path) -> None:
    work = "{kind: churn, rate: 1, region: 4KiB}"
    head = base_text("unvaried").replace("cpus: 16", "cpus: 200").replace("{kind: swiotlb}", "{kind: direct}")
    head = head.replace("sev-snp", "none").partition("guests:\n")[0]
    groups = [
        f"  - {{name: g{n}, count_per_host: 1, vcpus: 1, memory: 64MiB, workloads: [{work}]}}\n" for n in range(129)
    ]
    file = write(tmp_path, f"{head}guests:\n{''.join(groups[:128])}")
    assert len(cluster_sim.load(file).spec.guests) == 128
    file.write_text(f"{head}guests:\n{''.join(groups)}", encoding="utf-8")
    (problem,) = problems(file)
    assert (problem.field, problem.allowed) == ("guests", "a list of 128 or fewer")
