"""A log that fio wrote comes back from every path as it was: each request once, whole, in its order and at its time."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

from cluster_sim import load, open_results, run
from cluster_sim.cli.trace import app
from cluster_sim.results.reader import Results
from cluster_sim.scenario.problems import DefinitionError

DATA = Path(__file__).parents[1] / "data"
US, S = 1000, 10**9
IODEPTH = 16
Request = tuple[int, int, bool]
"""At so many ns after the first, so many bytes, written."""

PATHS = {
    "swiotlb": "{kind: swiotlb, mapping: per_transfer}",
    "swiotlb-small": "{kind: swiotlb, mapping: per_transfer, pool: 1MiB, areas: 1, min_align_mask: 4095}",
    "swiotlb-mapped": "{kind: swiotlb, mapping: long_lived}",
    "convert-4k": "{kind: convert, granule: 4KiB}",
    "convert-2m": "{kind: convert, granule: 2MiB, copier: engine}",
    "pool-none": "{kind: shared_pool, copy: none}",
    "pool-producer": "{kind: shared_pool, copy: producer}",
    "pool-consumer": "{kind: shared_pool, copy: consumer}",
    "pool-both": "{kind: shared_pool, copy: both, crypto: true}",
    "direct": "{kind: direct}",
}
TECHNOLOGIES = ("none", "pkvm", "sev-snp", "tdx", "cca")
LIST = "time_s,op,offset,size\n5.000000001,R,0,512\n5.25,W,8192,65536\n5.25,R,0,4096\n5.9,W,0,1\n"
DEFINITION = """
name: replayed
question: Does a log come back?
seed: 1
replications: 1
duration: 30s
window: 700ms
record: transfers
cluster: {{hosts: 1, host: {{cpus: 64, memory: 64GiB, storage: {{latency: 80us, parallel: 64, rate: 6GB/s}}}}}}
guests:
  - name: disk
    count_per_host: 1
    vcpus: 2
    memory: 2GiB
    workloads:
      - {{kind: block, read_iolog: {trace}, iodepth: {iodepth}, replay_no_stall: {no_stall}}}
axes:
  protection: [{protections}]
  io_path:
{paths}
exclude:
{excluded}
baseline: {{io_path: {baseline}}}
"""


def requests_of_fio(log: Path) -> list[Request]:
    """The reads and writes of a log of fio, of version 2 with its waits added up, of version 3 with its times."""
    found, now_us = [], 0
    first, *lines = log.read_text("utf-8").splitlines()
    for words in map(str.split, lines):
        if first == "fio version 3 iolog":
            now_us = int(words.pop(0))
        if words[1] == "wait":
            now_us += int(words[2])
        if words[1] in ("read", "write"):
            found.append((now_us * US, int(words[3]), words[1] == "write"))
    return [(at_ns - found[0][0], size, is_write) for at_ns, size, is_write in found]


def requests_of_blkparse(log: Path) -> list[Request]:
    """Rows that were queued and name sectors to read or write."""
    found = [
        (int(Decimal(words[3]) * S), int(words[9]) * 512, "W" in words[6])
        for words in map(str.split, log.read_text("utf-8").splitlines())
        if words[5:6] == ["Q"] and words[8:9] == ["+"] and set(words[6]) & {"R", "W"}
    ]
    return [(at_ns - found[0][0], size, is_write) for at_ns, size, is_write in found]


LOGS: dict[str, tuple[str, list[Request]]] = {
    "fio-v3": ("fio/randrw_v3.log", requests_of_fio(DATA / "fio" / "randrw_v3.log")),
    "fio-v2": ("fio/two_files_v2.log", requests_of_fio(DATA / "fio" / "two_files_v2.log")),
    "blkparse": ("blkparse/events.txt", requests_of_blkparse(DATA / "blkparse" / "events.txt")),
    "csv": ("", [(0, 512, False), (249_999_999, 65_536, True), (249_999_999, 4096, False), (899_999_999, 1, True)]),
}


def imported(name: str, folder: Path) -> Path:
    """A log as the command imports it."""
    log = DATA / LOGS[name][0]
    if name == "csv":
        log = folder / "requests.csv"
        log.write_text(LIST, "utf-8")
    done = CliRunner().invoke(app, ["import", str(log), "--out", str(folder / f"{name}.parquet")])
    assert done.exit_code == 0
    return folder / f"{name}.parquet"


def replayed(
    trace: Path, *, no_stall: bool, technologies: tuple[str, ...], paths: tuple[str, ...], iodepth: int = IODEPTH
) -> Results:
    """A run of a log along paths, at its own times or as fast as the disk's depth lets."""
    text = DEFINITION.format(
        trace=trace.name,
        iodepth=iodepth,
        no_stall=str(no_stall).lower(),
        protections=", ".join(technologies),
        paths="\n".join(f"    {name}: {PATHS[name]}" for name in paths),
        excluded=f"  - {{io_path: direct, protection: [{', '.join(set(technologies) - {'none'})}]}}"
        if "direct" in paths
        else "  []",
        baseline=paths[0],
    )
    definition = trace.parent / f"{trace.stem}-{no_stall}-{iodepth}.yaml"
    definition.write_text(text, "utf-8")
    return open_results(run(load(definition), trace.parent / "results", executor="inline").directory)


def by_variant(transfers: pa.Table) -> dict[str, pa.Table]:
    """Rows of each variant in the order of the log."""
    variants = pc.unique(transfers.column("variant")).to_pylist()
    return {name: transfers.filter(pc.field("variant") == name).sort_by("frame_index") for name in variants}


def submissions(rows: pa.Table) -> list[Request]:
    """What the table says was submitted."""
    columns = (rows.column(name).to_pylist() for name in ("submitted_ns", "frame_bytes", "direction"))
    return [(at_ns, size, direction == "to_device") for at_ns, size, direction in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def at_its_times(folder: Path) -> Results:
    trace = imported("fio-v3", folder)
    return replayed(trace, no_stall=False, technologies=TECHNOLOGIES, paths=tuple(PATHS))


@pytest.fixture(scope="module")
def without_stalls(folder: Path) -> Results:
    trace = imported("fio-v3", folder)
    return replayed(trace, no_stall=True, technologies=TECHNOLOGIES, paths=tuple(PATHS))


def of_path(results: Results, path: str) -> dict[str, pa.Table]:
    """Rows by variant, of all technologies that have the path."""
    found = by_variant(results.table("transfers").filter(pc.ends_with(pc.field("variant"), f".{path}")))
    assert len(found) == (1 if path == "direct" else len(TECHNOLOGIES))
    return found


@pytest.mark.parametrize("path", PATHS)
def test_an_open_replay_submits_each_request_of_the_log_once_at_its_own_instant(
    at_its_times: Results, path: str
) -> None:
    expected = LOGS["fio-v3"][1]
    assert len(expected) == 2000
    for variant, rows in of_path(at_its_times, path).items():
        assert rows.column("frame_index").to_pylist() == list(range(2000)), variant
        assert submissions(rows) == expected, variant
        assert rows.column("origin_ns").equals(rows.column("submitted_ns")), variant
        assert set(rows.column("outcome").to_pylist()) == {"delivered"}, variant


@pytest.mark.parametrize("path", PATHS)
def test_a_closed_replay_submits_the_same_requests_in_the_same_order_each_when_one_before_it_ends(
    without_stalls: Results, path: str
) -> None:
    expected = LOGS["fio-v3"][1]
    for variant, rows in of_path(without_stalls, path).items():
        assert rows.column("frame_index").to_pylist() == list(range(2000)), variant
        found = submissions(rows)
        assert [request[1:] for request in found] == [request[1:] for request in expected], variant
        at_ns = [request[0] for request in found]
        assert at_ns[:IODEPTH] == [0] * IODEPTH, variant
        assert at_ns == sorted(at_ns), variant
        assert at_ns[IODEPTH:] == sorted(rows.column("ended_ns").to_pylist())[:-IODEPTH], variant
        assert set(rows.column("outcome").to_pylist()) == {"delivered"}, variant


@pytest.mark.parametrize("kind", ["at_its_times", "without_stalls"])
def test_reads_and_writes_of_a_replay_move_the_bytes_of_fios_own_report(
    kind: str, request: pytest.FixtureRequest
) -> None:
    results: Results = request.getfixturevalue(kind)
    for rows in by_variant(results.table("transfers")).values():
        written = pc.equal(rows.column("direction"), "to_device").to_numpy(zero_copy_only=False)
        sizes = rows.column("frame_bytes").to_numpy()
        assert (int((~written).sum()), int(written.sum())) == (1398, 602)
        assert round(int(sizes[~written].sum()) / 2**20, 1) == 25.4
        assert round(int(sizes[written].sum()) / 2**20, 1) == 11.1
    guests = results.table("guests")
    total = sum(size for _, size, _ in LOGS["fio-v3"][1])
    assert guests.num_rows == 46
    assert set(guests.column("submitted").to_pylist()) == set(guests.column("delivered").to_pylist()) == {2000}
    assert set(guests.column("delivered_bytes").to_pylist()) == {total}


@pytest.mark.parametrize("no_stall", [False, True], ids=["at-its-times", "without-stalls"])
@pytest.mark.parametrize("name", ["fio-v2", "blkparse", "csv"])
def test_logs_of_every_other_form_are_replayed_to_the_last_byte(folder: Path, name: str, *, no_stall: bool) -> None:
    results = replayed(
        imported(name, folder), no_stall=no_stall, technologies=("sev-snp",), paths=("swiotlb",), iodepth=1
    )
    rows = by_variant(results.table("transfers"))["sev-snp.swiotlb"]
    found, expected = submissions(rows), LOGS[name][1]
    assert len(expected) == {"fio-v2": 6, "blkparse": 7, "csv": 4}[name]
    assert [request[1:] for request in found] == [request[1:] for request in expected]
    if not no_stall:
        assert [request[0] for request in found] == [request[0] for request in expected]
    else:
        assert [request[0] for request in found] == [0, *rows.column("ended_ns").to_pylist()[:-1]]


def test_a_run_that_ends_within_the_log_has_what_came_before_its_end_and_nothing_else(folder: Path) -> None:
    expected = LOGS["fio-v3"][1]
    cut_ns = expected[1000][0]
    trace = imported("fio-v3", folder)
    replayed(trace, no_stall=False, technologies=("pkvm",), paths=("swiotlb",))
    for duration_ns, count in ((cut_ns, 1000), (cut_ns + 1, 1001)):
        experiment = load(trace.parent / f"fio-v3-False-{IODEPTH}.yaml", [f"duration={duration_ns}ns"])
        results = open_results(run(experiment, folder / "cut", executor="inline").directory)
        rows = by_variant(results.table("transfers"))["pkvm.swiotlb"]
        assert submissions(rows) == expected[:count]


def test_a_log_without_times_replays_only_where_times_do_not_matter(folder: Path) -> None:
    log = folder / "untimed.log"
    lines = (DATA / LOGS["fio-v2"][0]).read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(line for line in lines if "wait" not in line), "utf-8")
    trace = folder / "untimed.parquet"
    assert CliRunner().invoke(app, ["import", str(log), "--out", str(trace)]).exit_code == 0
    with pytest.raises(DefinitionError, match="found a log without times, allowed: a log that tells when"):
        replayed(trace, no_stall=False, technologies=("pkvm",), paths=("swiotlb",))
    results = replayed(trace, no_stall=True, technologies=("pkvm",), paths=("swiotlb",))
    rows = by_variant(results.table("transfers"))["pkvm.swiotlb"]
    assert [request[1:] for request in submissions(rows)] == [request[1:] for request in LOGS["fio-v2"][1]]
