"""Requests that a small pool refuses or holds back: each ends, its time is booked, and nobody is left behind."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from cluster_sim.engine.state import NOBODY, submissions
from cluster_sim.results.endings import Ending
from tests.unit.engine.test_engine import at_rest
from tests.unit.lone_host import engine_of, run, scenario

KIB = 1 << 10
requests = st.lists(
    st.tuples(
        st.integers(0, 4_000_000), st.integers(0, 5), st.sampled_from([4, 32, 128, 252]), st.sampled_from([0, 1])
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda request: request[:2],
)


@settings(max_examples=60)
@given(
    protection=st.sampled_from(["none", "pkvm", "sev-snp", "tdx", "cca"]),
    driver=st.sampled_from(["virtio-blk", "nvme"]),
    asked=requests,
    queues=st.integers(1, 3),
    areas=st.sampled_from([1, 2, 4]),
    vcpus=st.sampled_from([1, 3, 16]),
    throttle=st.booleans(),
    latency=st.sampled_from(["0s", "700us"]),
    cpus=st.sampled_from(["all", "one"]),
)
def test_every_request_is_served_whoever_was_refused_before(
    protection: str,
    driver: str,
    asked: list[tuple[int, int, int, int]],
    queues: int,
    areas: int,
    vcpus: int,
    *,
    throttle: bool,
    latency: str,
    cpus: str,
) -> None:
    """A pool of four slot sets is shared by all queues."""
    block: JsonValue = {
        "kind": "block",
        "driver": driver,
        "rw": "randrw",
        "iodepth": 40,
        "bs": "252KiB",
        "rate_iops": 1,
        "numjobs": queues,
        "cpus": cpus,
    }
    path: dict[str, JsonValue] = {"kind": "swiotlb", "pool": "1MiB", "areas": areas, "throttle": throttle}
    spec = scenario(
        protection, path, guest={"vcpus": vcpus, "workloads": [block]}, host={"storage": {"latency": latency}}
    )
    engine = engine_of(spec)
    rows = sorted((at_ns, stream % queues, size * KIB, way) for at_ns, stream, size, way in asked)
    at_ns, stream, size, way = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    done = run(engine, submissions(at_ns, stream, np.arange(len(rows)), size, at_ns + 10**9, way))
    assert len(done) == len(rows)
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert (done["is_intact"] == 1).all()
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert (done["turns_left"] == 0).all()
    assert (done["is_throttled"] == 0).all()
    at_rest(engine)
    assert (engine.state.streams["mapped"] == 0).all()
    assert (engine.state.streams["retrying"] == NOBODY).all()
