"""Laws that hold whatever hosts, devices, drivers and servers do: nothing lost, every nanosecond booked, all undone."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import HostState
from cluster_sim.engine.state import NOBODY, POSTED, Arrivals, submissions
from cluster_sim.memory.swiotlb import SLOT_BYTES
from cluster_sim.planning.checks import check_scenario
from cluster_sim.planning.guest_layout import sizes_of_queue
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.endings import Ending
from cluster_sim.runtime.host_engine import NO_ARRIVALS, HostEngine
from cluster_sim.scenario.queue_traits import Role
from cluster_sim.scenario.spec import ScenarioSpec
from tests.properties.test_engine import left_shared, shared_in_tree
from tests.unit.engine.test_engine import at_rest
from tests.unit.lone_host import workload_sizes

Values = dict[str, JsonValue]
Booleans = npt.NDArray[np.bool_]

FAR_NS = 1 << 50
CUT_NS = 3_000_000
coalesces = st.sampled_from([{}, {"usecs": "30us", "frames": 3}])
works = st.sampled_from(["uniform", "constant", "exponential"])

packets_in = st.fixed_dictionaries(
    {
        "kind": st.just("network"),
        "driver": st.sampled_from(["virtio-net", "virtio-vsock", "nic"]),
        "size": st.sampled_from(["128B", "1500B", "9000B"]),
        "rate": st.just("100Mb/s"),
        "ring": st.integers(1, 8),
        "queues": st.integers(1, 2),
        "consume": st.sampled_from(["1us", "20us"]),
        "work": works,
        "cpus": st.sampled_from(["all", "one"]),
        "gro": st.booleans(),
        "coalesce": coalesces,
        "when_full": st.sampled_from(["wait", "drop_newest", "drop_oldest"]),
        "completion": st.sampled_from(["interrupt", "poll"]),
    },
    optional={"wakes": st.just("other_vcpu")},
)
packets_out = st.fixed_dictionaries(
    {
        "kind": st.just("network"),
        "direction": st.just("to_device"),
        "driver": st.sampled_from(["virtio-net", "virtio-vsock", "nic"]),
        "ring": st.integers(1, 8),
        "gso": st.sampled_from([0, "64KiB"]),
        "produce": st.just("3us"),
        "work": works,
        "cpus": st.sampled_from(["all", "one"]),
    },
    optional={"rate": st.just("100Mb/s"), "max_segment": st.just("4KiB")},
)
requests = st.fixed_dictionaries(
    {
        "kind": st.just("block"),
        "driver": st.sampled_from(["virtio-blk", "nvme"]),
        "rw": st.sampled_from(["randrw", "read", "write"]),
        "bs": st.sampled_from(["4KiB", "64KiB", "192KiB"]),
        "iodepth": st.integers(1, 4),
        "numjobs": st.integers(1, 3),
        "completion": st.sampled_from(["interrupt", "poll"]),
    },
    optional={"rate_iops": st.just(1000), "max_segment": st.just("16KiB")},
)
servers = st.fixed_dictionaries(
    {
        "kind": st.just("request_response"),
        "clients": st.integers(2, 9),
        "think": st.sampled_from(["0s", "40us"]),
        "response": st.sampled_from(["1KiB", "100KiB"]),
        "timeout": st.just("200us"),
        "receive": st.sampled_from(["0s", "1us"]),
        "serve": st.sampled_from(["0s", "7us"]),
        "work": works,
        "threads": st.integers(1, 3),
        "wakes": st.sampled_from(["same_vcpu", "other_vcpu"]),
        "queues": st.integers(1, 2),
        "ring": st.integers(1, 4),
        "coalesce": coalesces,
        "completion": st.sampled_from(["interrupt", "poll"]),
    }
)
cameras = st.fixed_dictionaries(
    {
        "kind": st.just("video"),
        "source": st.sampled_from(
            [
                {"kind": "raw", "width": width, "height": height, "format": "nv12", "fps": 60}
                for width, height in ((320, 240), (640, 480))
            ]
        ),
        "deadline": st.just("10ms"),
        "buffers": st.integers(1, 3),
        "driver": st.sampled_from(["v4l2", "usb"]),
        "segments": st.sampled_from(["scatter_gather", "contiguous"]),
        "when_full": st.sampled_from(["wait", "drop_newest", "drop_oldest"]),
    }
)
paths = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("swiotlb"), "pool": st.sampled_from(["512KiB", "1MiB", "64MiB"]), "areas": st.just(1)},
        optional={
            "restricted": st.just(True),
            "throttle": st.just(True),
            "crypto": st.just(True),
            "crypto_unit": st.just("4KiB"),
            "dynamic": st.just(True),
            "mapping": st.sampled_from(["per_transfer", "long_lived"]),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("convert"), "granule": st.just("4KiB")},
        optional={
            "crypto": st.just(True),
            "keep": st.just({"uses": 2}),
            "copier": st.sampled_from(["device", "engine"]),
        },
    ),
    st.fixed_dictionaries(
        {"kind": st.just("shared_pool"), "copy": st.sampled_from(["none", "both"])}, optional={"crypto": st.just(True)}
    ),
)
machines = st.fixed_dictionaries(
    {"cpus": st.sampled_from([8, 64]), "memory": st.just("64GiB"), "vcpus_per_cpu": st.just(8)},
    optional={
        "nodes": st.just(2),
        "numa": st.sampled_from(["spread", "remote"]),
        "memory_bandwidth": st.sampled_from(["2GB/s", 0]),
        "llc": st.sampled_from([0, "1MiB"]),
        "halt_poll": st.just("10us"),
        "worker_poll": st.just("5us"),
        "workers": st.fixed_dictionaries(
            {"per": st.sampled_from(["device", "guest", "host"]), "threads": st.integers(1, 2)}
        ),
        "storage": st.fixed_dictionaries(
            {"latency": st.sampled_from([0, "60us"]), "parallel": st.integers(1, 3)},
            optional={"jitter": st.just(0), "rate": st.just("1GB/s"), "request_rate": st.just("500MB/s")},
        ),
        "assigned_memory": st.just("all"),
    },
)
groups = st.lists(
    st.fixed_dictionaries(
        {
            "count_per_host": st.integers(1, 2),
            "vcpus": st.integers(1, 3),
            "workloads": st.lists(
                st.one_of(packets_in, packets_out, requests, servers, cameras), min_size=1, max_size=3
            ),
        },
        optional={
            "assigned_devices": st.just(1),
            "guest_halt_poll": st.just("25us"),
            "idle": st.just("poll"),
        },
    ),
    min_size=1,
    max_size=2,
)


def spec_of(protection: str, path: Values, host: Values, guests: list[Values], memory: Values) -> ScenarioSpec:
    named: list[JsonValue] = [{"name": f"g{number}", "memory": "1GiB", **each} for number, each in enumerate(guests)]
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": 1, "host": host},
            "guests": named,
            "protection": protection,
            "io_path": path,
            "memory": memory,
        }
    )


def coming(engine: HostEngine, spec: ScenarioSpec, instants_ns: list[int]) -> Arrivals:
    """A transfer for each stream that brings none by itself, at every instant, each way in turn."""
    sizes, rows = workload_sizes(spec), []
    for number, planned in enumerate(engine.streams):
        traits, ways = planned.queue.traits, planned.queue.directions
        if traits.is_closed or traits.role == Role.ANSWERED:
            continue
        group = engine.guests[planned.guest].placed.group
        size = sizes_of_queue(planned.queue, group, sizes).largest
        rows += [(at, number, frame, size, ways[frame % len(ways)]) for frame, at in enumerate(sorted(instants_ns))]
    if not rows:
        return NO_ARRIVALS
    at_ns, stream, frame, size_bytes, way = (np.array(column, np.int64) for column in zip(*sorted(rows), strict=True))
    return submissions(at_ns, stream, frame, size_bytes, at_ns + 10_000_000, way)


def slots_for_life(state: HostState) -> int:
    """Slots that are held before anything comes, and that are not of posted buffers."""
    posted = -(-state.buffers["mapped_bytes"][state.buffers["is_busy"] == POSTED] // SLOT_BYTES)
    return int(state.pools.pools["slots_used"].sum() - posted.sum())


@settings(max_examples=150)
@given(
    protection=st.sampled_from(["none", "pkvm", "sev-snp", "tdx", "cca"]),
    path=paths,
    host=machines,
    guests=groups,
    generation=st.sampled_from(["G3", "G3", "G0"]),
    instants_ns=st.lists(st.integers(0, CUT_NS - 1), min_size=1, max_size=10, unique=True),
    is_cut=st.booleans(),
)
def test_every_transfer_ends_once_adds_up_and_leaves_nothing_behind(
    protection: str,
    path: Values,
    host: Values,
    guests: list[Values],
    generation: str,
    instants_ns: list[int],
    *,
    is_cut: bool,
) -> None:
    spec = spec_of(protection, path, host, guests, {"generation": generation})
    assume(not check_scenario(spec, Path()))
    engine = HostEngine(plan_host(spec, profile_of(spec), workload_sizes(spec)))
    lasting, shared_before = slots_for_life(engine.state), engine.gauges().guests()["shared_pages"].copy()
    ends_by_itself = not engine.spec.streams["is_closed"].any()
    end_ns = CUT_NS if is_cut or not ends_by_itself else FAR_NS
    done = np.concatenate([*engine.advance(coming(engine, spec, instants_ns), end_ns), engine.finish()])
    assert_adds_up(done, engine.spec.streams["is_tended"][done["stream"]] > 0)
    assert int(engine.state.streams["submitted"].sum()) == len(done)
    gauges = engine.gauges().guests()
    if protection != "none":
        assert gauges["shared_pages"].tolist() == shared_in_tree(engine)
    if end_ns == FAR_NS:
        assert not (done["outcome"] == Ending.UNFINISHED).any()
        at_rest(engine, lasting)
        assert (engine.state.streams["retrying"] == NOBODY).all()
        assert (engine.state.streams["handling"] == 0).all()
        assert (engine.state.streams["at_worker"] == 0).all()
        grown = gauges["grown_pages"] if protection != "none" else 0
        left = np.array(left_shared(engine)) if path["kind"] == "convert" and protection != "none" else 0
        assert (gauges["shared_pages"] == shared_before + grown + left).all()


def assert_adds_up(done: Records, is_tended: Booleans) -> None:
    """Each transfer ended once, its ledger is its latency, its CPU time no more, and what arrived is intact.

    Where buffers are tended, a transfer also answers for the time that was spent on its buffer before.
    """
    ends = (Ending.DELIVERED, Ending.DROPPED, Ending.UNFINISHED)
    assert np.isin(done["outcome"], ends).all()
    assert len(np.unique(done["tag"])) == len(done)
    spans_ns = done["ended_ns"] - done["submitted_ns"]
    assert (done["ledger"] >= 0).all()
    assert (done["ledger"].sum(axis=1) == spans_ns).all()
    assert ((done["cpu_ns"].sum(axis=1) <= spans_ns) | is_tended).all()
    assert (done[done["outcome"] == Ending.DELIVERED]["is_intact"] == 1).all()
    assert ((done["outcome"] == Ending.DROPPED) == (done["reason"] > 0)).all()
