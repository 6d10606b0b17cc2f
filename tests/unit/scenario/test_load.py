"""Definitions that are wrong: each told with its line, its field, what was found and what is allowed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_sim.scenario.contradictions import gather
from cluster_sim.scenario.load import Experiment, read_definition
from cluster_sim.scenario.problems import Contradiction, DefinitionError, Problem
from tests.unit.scenario.loading import load_unchecked

Loader = Callable[..., Experiment]
Teller = Callable[..., list[Problem]]

SHIPPED = sorted(Path(__file__).parents[3].joinpath("workloads").glob("*.yaml"))
RAW, CODED = "guests.raw.workloads.0", "guests.coded.workloads.0"
SOURCE = "source: {kind: raw, width: 1920, height: 1080, format: nv12, fps: 60}"
HOST_FULL = "3 guests of together 1028GiB on a host"

BAD = [
    ("memory: 2GiB", "memory: 4GB2", "guests.raw.memory", "'4GB2'", "a size such as 4GiB"),
    ("memory: 2GiB", "memory: 2147483648", "guests.raw.memory", "2147483648", "with its unit, for example 4GiB"),
    ("memory: 2GiB", "memory: yes", "guests.raw.memory", "true", "a size such as"),
    ("memory: 2GiB", "memory: 5000B", "guests.raw.memory", "5000B", "the next one up is 8KiB"),
    ("memory: 2GiB", "memory: 32MiB", "guests.raw.memory", "32MiB", "64MiB or more"),
    ("memory: 2GiB", "memory:", "guests.raw.memory", "nothing", "a size such as"),
    ("vcpus: 2", "vcpus: 0", "guests.raw.vcpus", "0", "1 or more"),
    ("vcpus: 2", "vcpus: 2.5", "guests.raw.vcpus", "2.5", "a whole number"),
    ("vcpus: 2", "vcpus: true", "guests.raw.vcpus", "true", "a whole number"),
    ("vcpus: 2", "vcpus: '2'", "guests.raw.vcpus", "'2'", "a whole number"),
    ("buffers: 10", "bufers: 10", f"{RAW}.bufers", "an unknown key", "did you mean buffers?"),
    ("    vcpus: 2\n", "", "guests.raw.vcpus", "nothing", "it is required, such as 2"),
    ("name: raw", "name: Raw Guests", "guests.Raw Guests.name", "'Raw Guests'", "[a-z0-9_-]+"),
    ("name: coded", "name: raw", "guests.1.name", "'raw' a second time", "a name of its own"),
    ("name: small", "name: ../up", "name", "'../up'", "matches"),
    ("question: Which is better?", "question: ''", "question", "''", "not empty"),
    ("hosts: 2", "hosts: 100001", "cluster.hosts", "100001", "100000 or less"),
    ("kind: raw", "kind: rwa", f"{RAW}.source.kind", "'rwa'", "raw, trace or ladder (did you mean raw?)"),
    ("{kind: raw, ", "{", f"{RAW}.source.kind", "nothing", "raw, trace or ladder"),
    (SOURCE, "source: film", f"{RAW}.source", "'film'", "a mapping with a kind: raw, trace or ladder"),
    ("width: 1920", "width: 1921", f"{RAW}.source.width", "1921", "the next one up is 1922"),
    ("height: 1080", "height: 8", f"{RAW}.source.height", "8", "16 or more"),
    ("format: nv12", "format: nv21", f"{RAW}.source.format", "'nv21'", "nv12, i420, p010, yuv422 or xrgb"),
    ("fps: 60", "fps: 59.94", f"{RAW}.source.fps", "59.94", "a fraction such as 30000/1001"),
    ("fps: 60", "fps: 60/0", f"{RAW}.source.fps", "'60/0'", "1 to 1000"),
    ("buffers: 10", "buffers: 5000", f"{RAW}.buffers", "5000", "4096 or less"),
    ("buffers: 10", "buffer: 1MiB", f"{RAW}.buffer", "1MiB", "3110400B or more, the size of a frame"),
    ("buffers: 10", "direction: to_devise", f"{RAW}.direction", "'to_devise'", "did you mean to_device?"),
    ("buffers: 10", "when_full: wiat", f"{RAW}.when_full", "'wiat'", "drop_oldest (did you mean wait?)"),
    ("deadline: 16.666667ms", "deadline: 0", f"{RAW}.deadline", "0s", "more than 0"),
    ("deadline: 16.666667ms", "deadline: 16.6666667ms", f"{RAW}.deadline", "ms'", "whole number of nanoseconds"),
    ("startup: 200ms", "startup: 11s", f"{CODED}.playout.startup", "11s", "at most the duration, 10s"),
    ("film.parquet", "flim.parquet", f"{CODED}.source.trace", "which does not exist", "a trace file"),
    ("trace: film.parquet", "trace: .", f"{CODED}.source.trace", "which is no file", "a trace file"),
    ("duration: 10s", "duration: 0", "duration", "0s", "more than 0"),
    ("duration: 10s", "duration: 1000ms\nwindow: 2s", "window", "2s", "at most the duration, 1s"),
    ("duration: 10s", "duration: 10s\nwindow: 0", "window", "0s", "more than 0"),
    ("duration: 10s", "duration: 10s\nseed: -1", "seed", "-1", "0 or more"),
    ("duration: 10s", "duration: 10s\nrecord: all", "record", "'all'", "transfers, windows or summary"),
    ("duration: 10s", "duration: 10s\ncosts: {x: {value: -1, unit: ns, why: w}}", "costs.x.value", "-1", "0 or more"),
    ("duration: 10s", "duration: 10s\nduration: 9s", "duration", "a second time", "each key once"),
    ("memory: 1GiB", "memory: 1TiB", "guests", HOST_FULL, "at most 16GiB (cluster.host.memory)"),
    ("vcpus: 1", "vcpus: 5", "guests", "3 guests of together 9 vCPUs", "at most 8 (cluster.host.cpus)"),
    ("granule: 4KiB", "granule: 8KiB", "axes.io_path.convert-4k.granule", "8KiB", "4KiB, 2MiB or 1GiB"),
    ("{kind: swiotlb}", "{kind: swoitlb}", "axes.io_path.swiotlb.kind", "'swoitlb'", "did you mean swiotlb?"),
    (
        "{kind: swiotlb}",
        "{kind: swiotlb, pool: 1536MiB}",
        "axes.io_path.swiotlb.pool",
        "1536MiB",
        "guest of coded, 1GiB",
    ),
    ("{kind: swiotlb}", "{kind: swiotlb, pool: 128KiB}", "axes.io_path.swiotlb.pool", "128KiB", "256KiB or more"),
    ("{kind: swiotlb}", "{kind: swiotlb, pool: 1100KiB}", "axes.io_path.swiotlb.pool", "1100KiB", "of 256KiB"),
    ("{kind: swiotlb}", "{kind: swiotlb, areas: 3}", "axes.io_path.swiotlb.areas", "3", "a power of two"),
    ("{kind: swiotlb}", "{kind: swiotlb, pool: 1MiB, areas: 8}", "axes.io_path.swiotlb.areas", "8", "at most 4"),
    ("copy: none", "copy: none, pool: 8MiB", "axes.io_path.pool-zero.pool", "8MiB", "or more, the buffers of"),
    ("copy: none", "copy: none, copier: engine", "axes.io_path.pool-zero.copier", "engine", "cpu, device with none"),
    (", copy: none", "", "axes.io_path.pool-zero.copy", "nothing", "it is required, such as none"),
    ("protection: [none, pkvm, tdx]", "protection: [none, pkvm, tdx, sgx]", "axes.protection.sgx", "'sgx'", "cca"),
    ("protection: [none, pkvm, tdx]", "protection: [none, none]", "axes.protection", "twice", "differ"),
    ("protection: [none, pkvm, tdx]", "protection: []", "axes.protection", "an empty list", "a list of values"),
    (
        "protection: [none",
        "guests.rwa.vcpus: [1]\n  protection: [none",
        "axes.guests.rwa.vcpus",
        "'rwa'",
        "raw or coded",
    ),
    ("protection: [none", "guests.raw.vcpu: [1]\n  protection: [none", "axes.guests.raw.vcpu", "no field", "vcpus?"),
    ("direct: {kind", "d irect: {kind", "axes.io_path", "'d irect'", "letters, digits"),
    ("{io_path: direct, ", "{io_paht: direct, ", "exclude.0.io_paht", "no such axis", "did you mean io_path?"),
    ("[pkvm, tdx]}", "[kvm, tdx]}", "exclude.0.protection", "no label 'kvm'", "did you mean pkvm?"),
    ("- {io_path: direct, ", "- {}\n  - {io_path: direct, ", "exclude", "every combination", "at least one"),
    ("baseline: {io_path: s", "baseline: {io_path: x", "baseline.io_path", "no label 'xwiotlb'", "swiotlb"),
    (
        "baseline: {io_path: swiotlb}",
        "baseline: {io_path: direct, protection: tdx}",
        "baseline",
        "a combination that is excluded",
        "one that is left",
    ),
    ("  - {io_path: direct, protection: [pkvm, tdx]}", "  []", "axes.io_path.direct", "pkvm or tdx", "none only"),
]


def line_of(fragment: str, text: str) -> int:
    """Return the first line that holds a fragment."""
    return next(i for i, line in enumerate(text.splitlines(), 1) if fragment in line)


@pytest.mark.parametrize(("good", "bad", "field", "found", "allowed"), BAD, ids=[f"{b[1][:40]}" for b in BAD])
def test_a_wrong_value_is_told_with_its_field_and_line(
    good_text: str, problems_of: Teller, good: str, bad: str, field: str, found: str, allowed: str
) -> None:
    assert good in good_text
    text = good_text.replace(good, bad, 1)
    told = problems_of(text)
    assert [problem.field for problem in told] == [field], [str(problem) for problem in told]
    assert found in told[0].found
    assert allowed in told[0].allowed
    assert told[0].line is not None
    assert str(told[0]).startswith(f"{told[0].file}:{told[0].line}: {field}: found ")


def test_lines_are_those_of_the_value(good_text: str, problems_of: Teller) -> None:
    text = good_text.replace("memory: 2GiB", "memory: 4GB2").replace("granule: 4KiB", "granule: 8KiB")
    told = problems_of(text)
    assert [problem.line for problem in told] == [line_of("4GB2", text), line_of("8KiB", text)]


def test_all_problems_of_a_file_are_told_at_once_each_once_and_none_that_only_follows(
    good_text: str, problems_of: Teller
) -> None:
    text = good_text
    for good, bad in [
        ("hosts: 2", "hosts: 0"),
        ("memory: 2GiB", "memory: 4GB2"),
        ("kind: raw", "kind: rwa"),
        ("buffers: 10", "bufers: 10"),
        ("film.parquet", "flim.parquet"),
        ("startup: 200ms", "startup: 20s"),
        ("granule: 4KiB", "granule: 8KiB"),
        ("[pkvm, tdx]", "[kvm, tdx]"),
    ]:
        text = text.replace(good, bad, 1)
    assert [problem.field for problem in problems_of(text)] == [
        "cluster.hosts",
        "guests.raw.memory",
        f"{RAW}.source.kind",
        f"{RAW}.bufers",
        f"{CODED}.source.trace",
        f"{CODED}.playout.startup",
        "axes.io_path.convert-4k.granule",
        "exclude.0.protection",
    ]


def test_a_problem_of_some_axis_values_names_them(good_text: str, problems_of: Teller) -> None:
    text = good_text.replace("  protection: [", "  guests.raw.vcpus: [1, 4]\n  protection: [")
    assert [problem.found for problem in problems_of(text)] == [
        "3 guests of together 9 vCPUs on a host (where guests.raw.vcpus is 4)"
    ]


@pytest.mark.parametrize(
    ("content", "found", "line"),
    [
        (b"", "nothing", 1),
        (b"# only this\n", "nothing", 1),
        (b"- 1\n", "a list", 1),
        (b"text", "'text'", 1),
        (b"a: [1\nb: 2\n", "no YAML", 2),
        (b"a: *nobody\n", "no YAML", 1),
        (b"a: 1\n---\nb: 2\n", "no YAML", 2),
        (b"a: !!python/object:os.system x\n", "the YAML tag", 1),
        (b"? [a]\n: 1\n", "a key that is no text", 1),
        (b"\xff\xfe\x00", "bytes that are no text", None),
        (b"a: \x00\n", "no YAML", None),
        (b"[" * 5000, "nested too deep", None),
        (b"a: &a [*a]\n", "more values than", 1),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(6)),
            "more values than",
            1,
        ),
        (b"#" * (1 << 20) + b"\na: 1\n", "more than 1MiB", None),
    ],
)
def test_a_file_that_is_no_definition_is_told_not_thrown(
    tmp_path: Path, content: bytes, found: str, line: int | None
) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    with pytest.raises(DefinitionError) as error:
        read_definition(file)
    (problem,) = error.value.problems
    assert found in problem.found
    assert problem.line == line


@pytest.mark.parametrize("name", ["none.yaml", ".", "nul\0.yaml"])
def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DefinitionError, match="a file that cannot be read"):
        read_definition(tmp_path / name)


def test_an_empty_mapping_lacks_all_that_is_required(problems_of: Teller) -> None:
    told = {problem.field for problem in problems_of("{}")}
    assert told == {"name", "question", "duration", "cluster", "guests", "protection", "io_path"}


def test_merged_keys_yield_to_own_ones(good_text: str, load_text: Loader) -> None:
    text = good_text.replace(
        "swiotlb: {kind: swiotlb}", "swiotlb: &s {kind: swiotlb, pool: 8MiB}\n    big: {<<: *s, pool: 64MiB}"
    )
    pools = {v.axis_labels["io_path"]: v.scenario.plain()["io_path"] for v in load_text(text).variants}
    big = pools["big"]
    assert isinstance(big, dict)
    assert (big["kind"], big["pool"]) == ("swiotlb", "64MiB")


def test_what_other_rooms_find_is_told_like_ours(good_text: str, tmp_path: Path, load_text: Loader) -> None:
    load_text(good_text)
    definition = read_definition(tmp_path / "x.yaml")
    wrong = Contradiction(f"{CODED}.source.trace", "a frame of 2MiB", "smaller ones")
    found = [[wrong] if variant.scenario.protection == "tdx" else [] for variant in definition.variants]
    definition.tell_contradictions(gather(definition.variants, found))
    with pytest.raises(DefinitionError) as error:
        definition.experiment()
    (problem,) = error.value.problems
    assert problem.line == line_of("film.parquet", good_text)
    assert problem.found == "a frame of 2MiB (where protection is tdx)"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_definition_loads(file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    (tmp_path / "traces").mkdir()
    for trace in re.findall(r"[\w/]+\.parquet", text):
        (tmp_path / trace).touch()
    copy = tmp_path / file.name
    copy.write_text(text, encoding="utf-8")
    experiment = load_unchecked(copy)
    assert experiment.spec.name == file.stem
    assert len(experiment.variants) == {
        "swiotlb_vs_zero_copy": 64,
        "conversion_strategies": 147,
        "video_streaming": 5,
    }.get(file.stem, len(experiment.variants))


FEW_REPLICATIONS = {
    "camera_contiguous": 2,  # which are equal: of a lone raw stream the phase alone is drawn
    "thousand_hosts": 1,  # 64,000 streams a variant
}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_definitions_run_five_replications_where_chance_moves_their_figures(file: Path) -> None:
    told = re.search(r"^replications: (\d+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert told is not None
    assert int(told[1]) == FEW_REPLICATIONS.get(file.stem, 5)
