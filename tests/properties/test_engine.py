"""Laws that hold for every small scenario: nothing lost, nothing oversubscribed, every nanosecond booked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from cluster_sim.engine.faults import pages_with
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import submissions
from cluster_sim.memory.page_tree import PAGES_PER_1G
from cluster_sim.memory.pages import PRIVATE
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.endings import Ending
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.engine.test_buffer_life import assert_answered_for
from tests.unit.engine.test_engine import at_rest
from tests.unit.lone_host import workload_sizes

Values = dict[str, JsonValue]
Groups = list[tuple[int, int, list[Values]]]

PATHS: list[Values] = [
    {"kind": "swiotlb", "mapping": "per_transfer"},
    {"kind": "swiotlb", "mapping": "per_transfer", "pool": "1MiB", "areas": 1},
    {"kind": "swiotlb", "pool": "1MiB", "restricted": True, "crypto": True},
    {"kind": "swiotlb", "pool": "1MiB", "areas": 2, "mapping": "long_lived"},
    {"kind": "convert", "granule": "4KiB"},
    {"kind": "convert", "granule": "2MiB", "copier": "engine", "crypto": True},
    {"kind": "shared_pool", "copy": "none"},
    {"kind": "shared_pool", "copy": "producer"},
    {"kind": "shared_pool", "copy": "consumer"},
    {"kind": "shared_pool", "copy": "both"},
]
SOURCES: list[Values] = [
    {"kind": "raw", "width": width, "height": height, "format": "nv12", "fps": 60}
    for width, height in ((16, 16), (320, 240), (640, 480), (1280, 720))
]

STRATEGIES: list[Values] = [
    {"kind": "convert", "granule": "4KiB", "keep": {"uses": 2}},
    {"kind": "convert", "granule": "2MiB", "keep": "forever", "consume": "in_place"},
]
"""Those that do no work between transfers, and whose buffers wait for no others, as those of a batch do."""

streams = st.fixed_dictionaries(
    {
        "source": st.sampled_from(SOURCES),
        "buffers": st.integers(1, 4),
        "when_full": st.sampled_from(["wait", "drop_newest", "drop_oldest"]),
        "consume": st.sampled_from([0, "50us", "3ms"]),
        "driver": st.sampled_from(["v4l2", "usb"]),
        "segments": st.sampled_from(["scatter_gather", "scatter_gather", "contiguous"]),
    }
)
groups = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.lists(streams, min_size=1, max_size=2)), min_size=1, max_size=2
)


keeps = st.one_of(
    st.just("forever"),
    st.fixed_dictionaries(
        {},
        optional={
            "uses": st.integers(1, 4),
            "idle": st.sampled_from(["1ms", "9ms"]),
            "most": st.sampled_from(["64KiB", "4MiB"]),
        },
    ),
)
converting = st.fixed_dictionaries(
    {"kind": st.just("convert"), "granule": st.sampled_from(["4KiB", "2MiB"])},
    optional={
        "keep": keeps,
        "batch": st.integers(1, 4),
        "ahead": st.integers(0, 4),
        "behind": st.booleans(),
        "consume": st.sampled_from(["copy_out", "in_place"]),
        "calls": st.sampled_from(["page", "ranged", "batched"]),
        "copier": st.sampled_from(["cpu", "engine", "device"]),
        "rmm": st.sampled_from([1, 2]),
    },
)
posting = st.sampled_from(
    [
        {"kind": "swiotlb", "posted": True},
        {"kind": "swiotlb", "posted": True, "pool": "1MiB", "areas": 1},
        {"kind": "swiotlb", "posted": True, "dynamic": True, "pool": "1MiB", "areas": 1, "grow": "4MiB"},
    ]
)
memories = st.fixed_dictionaries(
    {},
    optional={
        "on_pin": st.sampled_from(["retry", "wait", "defer"]),
        "pins": st.fixed_dictionaries({"lasts": st.sampled_from(["10us", "7ms"]), "every": st.integers(1, 3)}),
    },
)
folios = st.sampled_from(
    [
        {},
        {"generation": "G0"},
        {"generation": "G4", "huge_page": "2MiB"},
        {"generation": "G4", "huge_page": "2MiB", "split": "mixed"},
    ]
)
monitors = st.fixed_dictionaries(
    {},
    optional={
        "host_faults": st.sampled_from(["lazy", "populate"]),
        "guest_faults": st.sampled_from(["lazy", "prefault"]),
    },
)


def spec_of(
    protection: str,
    path: Values,
    guests: Groups,
    profile: str,
    *,
    memory: Values | None = None,
    monitor: Values | None = None,
) -> ScenarioSpec:
    described: list[JsonValue] = []
    for number, (count, vcpus, workloads) in enumerate(guests):
        videos: list[JsonValue] = [{"kind": "video", "deadline": "10ms", **workload} for workload in workloads]
        described.append(
            {"name": f"g{number}", "count_per_host": count, "vcpus": vcpus, "memory": "1GiB", "workloads": videos}
        )
    cluster: JsonValue = {"hosts": 1, "host": {"cpus": 64, "memory": "64GiB", **(monitor or {})}}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": cluster,
            "guests": described,
            "protection": protection,
            "io_path": path,
            "profile": profile,
            "memory": memory or {},
        }
    )


def run(spec: ScenarioSpec, instants_ns: list[int], end_ns: int) -> tuple[HostEngine, Records]:
    """Every stream gets a frame at every instant."""
    sizes = workload_sizes(spec)
    engine = HostEngine(plan_host(spec, profile_of(spec), sizes, journal_entries=20_000))
    frames_bytes = []
    for planned in engine.streams:
        guest = engine.guests[planned.guest]
        frames_bytes.append(sizes[guest.placed.group.name, planned.queue.workload].largest)
    at_ns = np.repeat(np.array(sorted(instants_ns), np.int64), len(frames_bytes))
    stream = np.tile(np.arange(len(frames_bytes), dtype=np.int64), len(instants_ns))
    frame = np.repeat(np.arange(len(instants_ns)), len(frames_bytes))
    sizes_bytes = np.array(frames_bytes, np.int64)[stream]
    done = np.concatenate(
        list(engine.advance(submissions(at_ns, stream, frame, sizes_bytes, at_ns + 10_000_000), end_ns))
    )
    return engine, np.concatenate([done, engine.finish()])


def lasting_slots(spec: ScenarioSpec) -> int:
    """Slots that are held before anything comes."""
    return int(plan_host(spec, profile_of(spec), workload_sizes(spec)).state.pools.pools["slots_used"].sum())


instants = st.lists(st.integers(0, 40_000_000), min_size=1, max_size=12, unique=True)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(str(value) for value in path.values()))
@settings(max_examples=25)
@given(
    protection=st.sampled_from(["none", "pkvm", "sev-snp", "tdx", "cca"]),
    guests=groups,
    instants_ns=instants,
    is_cut=st.booleans(),
)
def test_every_frame_ends_and_every_nanosecond_is_booked(
    path: Values,
    protection: str,
    guests: Groups,
    instants_ns: list[int],
    *,
    is_cut: bool,
) -> None:
    spec = spec_of(protection, path, guests, "auto")
    end_ns = 41_000_000 if is_cut else 1 << 50
    engine, done = run(spec, instants_ns, end_ns)
    submitted = len(instants_ns) * len(engine.streams)
    outcomes = [
        int((done["outcome"] == outcome).sum()) for outcome in (Ending.DELIVERED, Ending.DROPPED, Ending.UNFINISHED)
    ]
    assert sum(outcomes) == submitted
    assert len(np.unique(done["tag"])) == submitted
    assert (done["ended_ns"] >= done["submitted_ns"]).all()
    assert (done["ledger"] >= 0).all()
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert (done["cpu_ns"].sum(axis=1) <= done["ended_ns"] - done["submitted_ns"]).all()
    delivered = done[done["outcome"] == Ending.DELIVERED]
    assert (delivered["is_intact"] == 1).all()
    entries = engine.gauges().journal()
    booked_at_ns = entries["started_ns"] + entries["spent_ns"]
    settled = booked_at_ns < end_ns
    assert (np.diff(booked_at_ns[settled]) >= 0).all(), "time ran back"
    if not is_cut:
        assert outcomes[2] == 0
        at_rest(engine, lasting_slots(spec))
        pools = [guest.layout.pool_bytes // 4096 for guest in engine.guests]
        memory = [guest.placed.group.memory // 4096 for guest in engine.guests]
        assert engine.gauges().guests()["shared_pages"].tolist() == (memory if protection == "none" else pools)


@settings(max_examples=150)
@given(
    protection=st.sampled_from(["none", "pkvm", "sev-snp", "tdx", "cca"]),
    path=st.one_of(converting, converting, posting),
    guests=groups,
    instants_ns=instants,
    memory=memories,
    folio=folios,
    monitor=monitors,
    end_ns=st.sampled_from([41_000_000, 1 << 50, 1 << 50]),
)
def test_whatever_is_done_to_buffers_between_transfers_none_is_lost_and_all_is_answered_for(
    protection: str,
    path: Values,
    guests: Groups,
    instants_ns: list[int],
    memory: Values,
    folio: Values,
    monitor: Values,
    end_ns: int,
) -> None:
    """Every frame ends and finds its data; pages shared, buffers and gauges agree; no CPU time is nobody's."""
    if "generation" in folio and folio["generation"] == "G0":
        memory = {}
    if protection != "cca":
        path = {field: value for field, value in path.items() if field != "rmm"}
    spec = spec_of(protection, path, guests, "auto", memory=memory | folio, monitor=monitor)
    engine, done = run(spec, instants_ns, end_ns)
    assert len(done) == len(instants_ns) * len(engine.streams)
    assert (done["ledger"] >= 0).all()
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert (done[done["outcome"] == Ending.DELIVERED]["is_intact"] == 1).all()
    shared = engine.gauges().guests()["shared_pages"]
    if protection != "none":
        assert shared.tolist() == shared_in_tree(engine)
    if end_ns == 1 << 50:
        assert not (done["outcome"] == Ending.UNFINISHED).any()
        at_rest(engine)
        assert_answered_for(engine, done)
        left = left_shared(engine)
        assert engine.state.guests["left_shared_pages"].tolist() == left
        if protection != "none" and path["kind"] == "convert":
            assert shared.tolist() == left


def shared_in_tree(engine: HostEngine) -> list[int]:
    """Pages of each guest that are shared, counted one by one."""
    found, first = [], 0
    for guest in engine.guests:
        pages = guest.layout.gib_entries * PAGES_PER_1G
        found.append(pages - pages_with(engine.state.tree, first, pages, PRIVATE))
        first += pages
    return found


def left_shared(engine: HostEngine) -> list[int]:
    """Pages of each guest in buffers that are shared."""
    found = [0] * len(engine.guests)
    for stream in engine.spec.streams:
        buffers = slice(stream["first_buffer"], stream["first_buffer"] + stream["buffers"])
        granules = int(engine.state.buffers["shared_granules"][buffers].sum())
        found[stream["guest"]] += granules * int(stream["granule_pages"])
    return found


@settings(max_examples=25)
@given(protection=st.sampled_from(["pkvm", "sev-snp", "tdx", "cca"]), guests=groups, instants_ns=instants)
def test_with_all_costs_zero_every_path_delivers_the_same_frames_at_the_same_times(
    protection: str, guests: Groups, instants_ns: list[int]
) -> None:
    """Pictures go in pieces: as one mapping none above 256 KiB bounces, whatever it costs."""
    guests = [
        (vcpus, count, [each | {"segments": "scatter_gather"} for each in videos]) for vcpus, count, videos in guests
    ]
    delivered = []
    for path in (path for path in (*PATHS, *STRATEGIES) if path.get("pool") is None):
        _, done = run(spec_of(protection, path, guests, "free"), instants_ns, 1 << 50)
        kept = done[done["outcome"] == Ending.DELIVERED]
        order = np.lexsort((kept["frame"], kept["stream"]))
        delivered.append([kept[field][order].tolist() for field in ("stream", "frame", "submitted_ns", "ended_ns")])
    assert all(other == delivered[0] for other in delivered[1:])
