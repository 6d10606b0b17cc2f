"""Every kind of work at once, and each definition that ships: the same tables wherever, in whatever windows."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from cluster_sim import load, open_results, run
from cluster_sim.experiments.driver import Executor, Finished
from cluster_sim.results.columns import TABLES

EVERYTHING = Path(__file__).with_name("everything.yaml")
MECHANISMS = Path(__file__).with_name("mechanisms.yaml")
SHORT = ("replications=1", "record=transfers", "duration=200ms", "window=100ms", "cluster.hosts=3")
KINDS: dict[str, tuple[str, ...]] = {
    "adaptive_players": ("duration=5s", "window=1s", "guests.viewer.count_per_host=2", "protection=pkvm"),
    "block_fio": ("duration=40ms", "window=15ms", "protection=tdx"),
    "boot_acceptance": ("duration=2s", "window=1s", "protection=tdx"),
    "camera_contiguous": ("duration=120ms", "protection=pkvm"),
    "conversion_churn": ("protection=sev-snp",),
    "echo_server": ("duration=10ms", "window=4ms", "protection=pkvm", "guests.server.workloads.0.clients=64"),
    "guest_to_guest": ("cluster.hosts=4", "guests.sender.workloads.0.to.hosts_on=2", "protection=pkvm"),
    "huge_page_split": ("protection=pkvm",),
    "many_queues_one_worker": (
        "duration=10ms",
        "window=4ms",
        "cluster.host.workers.per=device",
        "baseline={}",
        "protection=tdx",
    ),
    "mechanisms": ("io_path=swiotlb", "baseline={}"),
    "mixed_tenants": (
        "duration=120ms",
        "cluster.host.memory=24GiB",
        "guests.video.arrive.every=4ms",
        "guests.video.arrive.stay=50ms",
        "guests.disk.workloads.0.iodepth=2",
        "protection=pkvm",
    ),
    "network_packets": ("duration=50ms", "window=20ms", "protection=pkvm"),
    "pinned_pages": ("protection=sev-snp",),
}
LOOKS_BACK = {"adaptive_players"}
BESIDE = {path.stem: path for path in (EVERYTHING, MECHANISMS)}
"""Definitions that do not ship, by name."""
WHOLE = tuple(name for name in TABLES if name != "windows")


def finished(
    workload: str | Path, results: Path, *sets: str, executor: Executor = "inline", actors: int = 1
) -> Finished:
    return run(load(workload, sets), results, executor=executor, actors=actors)


def definition_of(kind: str) -> str | Path:
    """What a kind is loaded by."""
    return BESIDE.get(kind, kind)


def table(directory: Path, name: str) -> pa.Table:
    """A table in an order of its own rows, labels as text."""
    rows = open_results(directory).table(name)
    for number, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            rows = rows.set_column(number, field.name, rows.column(number).cast(pa.string()))
    keys = (
        "variant",
        "replication",
        "host_id",
        "guest_id",
        "workload",
        "part",
        "job",
        "direction",
        "frame_index",
        "origin_ns",
        "submitted_ns",
        "window",
        "at_ns",
    )
    return rows.sort_by([(key, "ascending") for key in keys if key in rows.column_names])


TRACES = EVERYTHING.parents[2] / "workloads" / "traces"


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def alone(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished(definition_of(kind), tmp_path_factory.mktemp("alone"), *SHORT, *KINDS[kind])


def test_shards_change_no_byte_of_any_kind(kind: str, alone: Finished, tmp_path: Path) -> None:
    shared = finished(definition_of(kind), tmp_path, *SHORT, *KINDS[kind], actors=2)
    assert shared.fingerprint == alone.fingerprint
    files = sorted(path.relative_to(alone.directory) for path in alone.directory.rglob("*.parquet"))
    assert files == sorted(path.relative_to(shared.directory) for path in shared.directory.rglob("*.parquet"))
    for file in files:
        assert (shared.directory / file).read_bytes() == (alone.directory / file).read_bytes(), file


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in LOOKS_BACK], indirect=True)
@pytest.mark.parametrize("windows", [1, 7])
def test_where_no_software_looks_back_the_window_changes_nothing(
    kind: str, alone: Finished, tmp_path: Path, windows: int
) -> None:
    sets = (*SHORT, *KINDS[kind])
    duration_ns = load(definition_of(kind), sets).spec.duration
    other = finished(definition_of(kind), tmp_path, *sets, f"window={duration_ns // windows}ns")
    for name in WHOLE:
        assert table(other.directory, name).equals(table(alone.directory, name)), name


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished(EVERYTHING, tmp_path_factory.mktemp("everything"))


def test_everything_at_once_has_something_of_every_kind(everything: Finished) -> None:
    rows = table(everything.directory, "transfers")
    assert set(rows.column("part").to_pylist()) == {"requests", "received", "churn", "boot"}
    assert {"delivered", "dropped", "unfinished"} == set(rows.column("outcome").to_pylist())
    assert min(work_between(everything.directory)) > 0
    assert {"placed", "refused"} == set(table(everything.directory, "placements").column("outcome").to_pylist())
    assert "guest_left" in rows.column("drop_reason").to_pylist()
    assert max(table(everything.directory, "guests").column("played_bits_per_s").to_pylist()) > 0


def work_between(directory: Path) -> list[int]:
    """Of buffers that are seen to between transfers: granules converted, transfers that found theirs shared, and bytes
    that guests copied beyond once a transfer.
    """
    rows = table(directory, "transfers").to_pylist()
    kept = [row for row in rows if row["guest_group"] == "keeper"]
    posted = [row for row in rows if row["guest_group"] == "poster" and row["outcome"] == "delivered"]
    copied = sum(row["guest_copied_bytes"] - row["frame_bytes"] for row in posted)
    return [sum(row["conversions"] for row in kept), sum(row["conversions"] == 0 for row in kept), copied]


@pytest.fixture(scope="module")
def mechanisms(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished(MECHANISMS, tmp_path_factory.mktemp("mechanisms"), *KINDS["mechanisms"])


def test_all_mechanisms_are_at_work_at_once(mechanisms: Finished) -> None:
    """Rings, pools, memory and drives are short, and whoever shares them waits; nobody takes what is another's."""
    rows = table(mechanisms.directory, "transfers").to_pylist()
    spans = {"disk": "lock_wait_ns", "owner": "tlb_ns", "server": "crypto_ns", "tenant": "storage_ns"}
    for group, span in spans.items():
        assert sum(row[span] for row in rows if row["guest_group"] == group) > 0, span
    why = {(row["guest_group"], row["drop_reason"]) for row in rows if row["outcome"] == "dropped"}
    wanted = {
        ("server", "no_buffer"),
        ("camera", "mapping_too_large"),
        ("owner", "no_buffer"),
        ("tenant", "guest_left"),
    }
    assert wanted <= why
    assert any(row["conversions"] > 0 for row in rows if row["guest_group"] == "owner")
    guests = table(mechanisms.directory, "guests").to_pylist()
    assert sum(guest["slots_refused"] for guest in guests if guest["guest_group"] == "disk") > 0
    assert all(
        guest["delivered"] > 0 for guest in guests if guest["guest_group"] in ("apart", "disk", "owner", "server")
    )
    assert any(guest["teardown_ns"] > 0 for guest in guests)
    refused = set(table(mechanisms.directory, "placements").column("refused_for").to_pylist())
    assert {"memory", "node_memory"} <= refused


def test_ray_gives_the_tables_of_inline_for_all_mechanisms_at_once(mechanisms: Finished, tmp_path: Path) -> None:
    on_ray = finished(MECHANISMS, tmp_path, *KINDS["mechanisms"], executor="ray", actors=2)
    for name in TABLES:
        if name != "faults":
            assert table(on_ray.directory, name).equals(table(mechanisms.directory, name)), name
    assert on_ray.fingerprint == mechanisms.fingerprint


@pytest.mark.parametrize("actors", [1, 2])
def test_ray_gives_the_tables_of_inline_for_everything_at_once(
    everything: Finished, tmp_path: Path, actors: int
) -> None:
    on_ray = finished(EVERYTHING, tmp_path, executor="ray", actors=actors)
    for name in TABLES:
        if name != "faults":
            assert table(on_ray.directory, name).equals(table(everything.directory, name)), name
    assert on_ray.fingerprint == everything.fingerprint


@pytest.mark.parametrize("actors", [2, 3])
def test_inline_shards_give_the_same_for_everything_at_once(everything: Finished, tmp_path: Path, actors: int) -> None:
    assert finished(EVERYTHING, tmp_path, actors=actors).fingerprint == everything.fingerprint


def written(path: Path, definition: dict[str, Any]) -> Path:
    """A definition made of `everything` in another folder."""
    text = yaml.safe_dump(definition)
    assert "../../workloads/traces" in text
    path.write_text(text.replace("../../workloads/traces", str(TRACES)), "utf-8")
    return path


def test_without_viewers_windows_of_100_ms_and_of_1_s_give_the_same_transfers(tmp_path: Path) -> None:
    definition = yaml.safe_load(EVERYTHING.read_text("utf-8"))
    definition["guests"] = [group for group in definition["guests"] if group["name"] != "viewer"]
    path = written(tmp_path / "blind.yaml", definition)
    short, long = (finished(path, tmp_path / window, f"window={window}") for window in ("100ms", "1s"))
    for name in WHOLE:
        assert table(short.directory, name).equals(table(long.directory, name)), name


EXTRA: dict[str, Any] = {
    "name": "extra",
    "count_per_host": 1,
    "vcpus": 1,
    "memory": "1GiB",
    "workloads": [
        {"kind": "network", "direction": "from_device", "rate_pps": 300, "spacing": "poisson", "size": "1000B"},
        {"kind": "block", "rw": "randrw", "bs": "4KiB", "thinktime": "10ms"},
    ],
}
OPEN = {
    ("churner", 0),
    ("disk", 1),
    ("keeper", 0),
    ("keeper", 1),
    ("poster", 0),
    ("receiver", 0),
    ("sender", 0),
    ("tenant", 1),
}
CLOSED = {("disk", 0), ("receiver", 1)}


def asked(directory: Path) -> dict[tuple[object, ...], tuple[object, ...]]:
    """What each stream's draws decide of each transfer: instants of open loops, sizes and directions of all."""
    places = {(row["variant"], row["guest_id"]): row for row in table(directory, "placements").to_pylist()}
    found: dict[tuple[object, ...], tuple[object, ...]] = {}
    for row in table(directory, "transfers").to_pylist():
        stream = (row["guest_group"], row["workload"])
        if row["part"] not in ("requests", "churn") or stream not in OPEN | CLOSED:
            continue
        index = places[row["variant"], row["guest_id"]]["index"]
        key = (row["variant"], row["host_id"], *stream, index, row["job"], row["frame_index"])
        size = (row["frame_bytes"], row["direction"])
        assert key not in found
        found[key] = size if stream in CLOSED else (row["submitted_ns"], *size)
    return found


@pytest.mark.parametrize("place", [0, 8], ids=["first", "last"])
def test_one_group_more_moves_no_draw_of_the_others(everything: Finished, tmp_path: Path, place: int) -> None:
    definition = yaml.safe_load(EVERYTHING.read_text("utf-8"))
    assert len(definition["guests"]) == 8
    definition["guests"].insert(place, EXTRA)
    more = finished(written(tmp_path / "more.yaml", definition), tmp_path)
    before, after = asked(everything.directory), asked(more.directory)
    streams = {(key[2], key[3]) for key in before}
    assert streams == OPEN | CLOSED
    opened = {key for key in before if (key[2], key[3]) in OPEN}
    assert {key: after[key] for key in opened} == {key: before[key] for key in opened}
    both = before.keys() & after.keys()
    assert len(both) > 0.9 * len(before)
    assert {key: after[key] for key in both} == {key: before[key] for key in both}
    come = [
        [(row["variant"], row["index"], row["arrives_ns"]) for row in table(directory, "placements").to_pylist()]
        for directory in (everything.directory, more.directory)
    ]
    assert set(come[0]) <= set(come[1])
