"""Whether guests drop frames over swiotlb is a matter of what their host's memory carries.

16 guests of raw 4K60 P010 offer 23.9 GB/s, and swiotlb copies each byte three times. What 8 vCPUs draw from a socket,
73 GB/s, carries half of that; a whole socket carries it all.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cluster_sim.runtime.study_point import Point, guests_of
from tests.unit.lone_host import scenario

GUESTS, FRAMES = 16, 60
FRAME_BYTES = 3840 * 2160 * 3
SECOND_NS = 10**9


def one_second(memory_bandwidth: str) -> pa.Table:
    """The guests' table after a second, with the cache of the machine that the copies were measured on."""
    spec = scenario(
        "pkvm",
        {"kind": "swiotlb", "mapping": "per_transfer", "pool": "1GiB"},
        guest={"count_per_host": GUESTS, "memory": "8GiB"},
        host={"llc": "32MiB", "memory_bandwidth": memory_bandwidth},
        source={"kind": "raw", "width": 3840, "height": 2160, "format": "p010", "fps": FRAMES},
        when_full="drop_newest",
    )
    return guests_of(Point(spec.model_copy(update={"duration": SECOND_NS}), Path(), 1, 0))


def test_on_a_bus_of_73_gb_per_s_a_third_of_the_frames_is_dropped() -> None:
    """Of the second's 960 frames 38 %, while buffers fill: in the long run half; 261 ms each, ten buffers deep."""
    guests = one_second("73GB/s")
    delivered = np.sum(guests["delivered"])
    assert np.sum(guests["submitted"]) == GUESTS * FRAMES
    assert 0.33 < np.sum(guests["dropped_no_buffer"]) / (GUESTS * FRAMES) < 0.42
    assert np.sum(guests["latency_ns_sum"]) / delivered == pytest.approx(261e6, rel=0.03)
    assert delivered * FRAME_BYTES * 6 < 73e9, "no more than the bus carries, at 2 bytes a copied byte"


@pytest.mark.parametrize("memory_bandwidth", ["350GB/s", "auto"])
def test_on_a_whole_socket_none_is_dropped(memory_bandwidth: str) -> None:
    """Three cold copies, 2.22 ms each, and next to nothing besides: a frame has pushed itself out of the cache."""
    guests = one_second(memory_bandwidth)
    assert np.sum(guests["dropped_no_buffer"]) == 0
    assert np.sum(guests["bandwidth_wait_ns"]) == 0
    assert np.sum(guests["latency_ns_sum"]) / np.sum(guests["delivered"]) == pytest.approx(6.7e6, rel=0.01)
