"""What a host's transfers add up to, by hand: by guest, by workload, by window, boots apart."""

import numpy as np
import pyarrow as pa
import pytest

from cluster_sim.engine.state import Arrivals
from cluster_sim.results.histogram import bucket_of
from cluster_sim.runtime.host_tables import HostTables
from tests.unit.hand_prices import INJECT, INTERRUPT, WORKER, pool
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, run, scenario

MS = 1_000_000
LATENCY_NS = WORKER + INTERRUPT["pkvm"]
"""Of a frame that finds worker and guest asleep."""
NONE: Arrivals = arrivals([(0, 0, 0)])._replace(**{name: np.zeros(0, np.int64) for name in Arrivals._fields})
VIDEO: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}


@pytest.fixture(scope="module")
def tables() -> HostTables:
    """Two guests of two streams. Before 100 ms: three frames on the first stream; then one on the second and last."""
    spec = scenario("pkvm", pool("none"), guest={"count_per_host": 2, "workloads": [VIDEO, VIDEO]})
    engine = engine_of(spec)
    found = HostTables(7, engine)
    run(engine, arrivals([(0, 0, 0), (20 * MS, 0, 1), (40 * MS, 0, 2)]), 100 * MS)
    found.sums.count()
    found.sums.close_window(0, 100 * MS)
    run(engine, arrivals([(100 * MS, 1, 0), (150 * MS, 3, 0)]), 200 * MS)
    found.sums.count()
    found.sums.close_window(1, 200 * MS)
    return found


def column(batch: pa.RecordBatch, name: str) -> list[object]:
    values: list[object] = batch.column(batch.schema.get_field_index(name)).to_pylist()
    return values


def test_a_guests_sums_are_those_of_its_workloads(tables: HostTables) -> None:
    guests = tables.guests()
    assert column(guests, "host_id") == [7, 7]
    assert column(guests, "submitted") == column(guests, "delivered") == [4, 1]
    assert column(guests, "delivered_bytes") == [4 * RAW_1080P, RAW_1080P]
    assert column(guests, "latency_ns_sum") == [4 * LATENCY_NS, LATENCY_NS]
    assert column(guests, "latency_ns_max") == [LATENCY_NS, LATENCY_NS]
    assert column(guests, "late") == column(guests, "damaged") == [0, 0]


def test_a_workload_has_a_row_of_its_own_and_a_histogram_of_its_own(tables: HostTables) -> None:
    workloads = tables.workloads()
    assert column(workloads, "workload") == [0, 1, 0, 1]
    assert column(workloads, "part") == ["requests"] * 4
    assert column(workloads, "delivered") == [3, 1, 0, 1]
    assert column(workloads, "host_cpu_ns") == [3 * (WORKER + INJECT), WORKER + INJECT, 0, WORKER + INJECT]
    (bucket,) = bucket_of(np.array([LATENCY_NS])).tolist()
    assert column(workloads, "latency_bucket") == [[bucket], [bucket], [], [bucket]]
    assert column(workloads, "latency_count") == [[3], [1], [], [1]]
    assert column(tables.guests(), "latency_count") == [[4], [1]]


def test_a_window_has_what_was_booked_since_the_one_before(tables: HostTables) -> None:
    windows = tables.windows()
    assert column(windows, "window") == [0, 1, 0, 1], "by guest, then by window"
    assert column(windows, "ends_ns") == [100 * MS, 200 * MS] * 2
    assert column(windows, "submitted") == column(windows, "delivered") == [3, 1, 0, 1]
    assert column(windows, "delivered_bytes") == [3 * RAW_1080P, RAW_1080P, 0, RAW_1080P]
    assert column(windows, "latency_ns_max") == [LATENCY_NS, LATENCY_NS, 0, LATENCY_NS]


def test_submitted_in_all_counts_every_transfer_once(tables: HostTables) -> None:
    assert tables.sums.submitted_in_all() == 5


def test_boots_are_rows_of_workloads_and_no_part_of_a_guests_sums() -> None:
    """A guest that boots and then is sent nothing: its image, pool and memory are work that is not its transfers'.

    Firmware of a pKVM guest accepts nothing.
    """
    boot: Values = {"kind": "boot", "image": "2MiB", "unit": "64MiB", "accept": "eager"}
    guest: Values = {"memory": "128MiB", "workloads": [boot, VIDEO]}
    spec = scenario("pkvm", {"kind": "swiotlb", "pool": "4MiB"}, guest=guest)
    engine = engine_of(spec)
    found = HostTables(0, engine)
    image, _, kernel, pool_stage, accept, _ = range(len(engine.streams))
    parts = (image, kernel, pool_stage, accept)
    done = run(engine, arrivals([(0, stream, 0) for stream in parts], 2 << 20), 10_000 * MS)
    found.sums.count()
    found.sums.close_window(0, 10_000 * MS)
    by_workload = dict(zip(column(found.workloads(), "part"), column(found.workloads(), "delivered"), strict=True))
    assert by_workload == {"boot": len(parts), "requests": 0}
    assert column(found.guests(), "delivered") == [0]
    assert found.sums.submitted_in_all() == 0
    assert found.sums.booted_ns().tolist() == [done["ended_ns"].max()]
