"""Drivers as records: when each maps, in which pieces, what it maps beside the data, what its ring holds."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.drivers import DRIVERS, driver_of
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.programs import program
from cluster_sim.io_paths.steps import Direction, Op, Program
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import IoPath
from cluster_sim.scenario.workload_spec import DriverName
from cluster_sim.scenario.workload_traits import FarEnd
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
KIB, MIB = 1 << 10, 1 << 20
PATHS: TypeAdapter[IoPath] = TypeAdapter(IoPath)
FAR: dict[DriverName, FarEnd] = {"virtio-blk": "storage", "nvme": "storage"}


def made(name: DriverName, way: Direction, **path: str | bool) -> Program:
    """The program of one direction of a driver's queue."""
    context = PathContext(
        way, driver_of(name, way), PROTECTIONS["pkvm"], MemorySpec(), far_end=FAR.get(name, "nothing")
    )
    return program(PATHS.validate_python({"kind": "swiotlb", **path}), context)


@pytest.mark.parametrize(
    ("name", "way", "as_if"),
    [
        ("v4l2", FROM_DEVICE, {"mapping": "long_lived"}),
        ("v4l2", TO_DEVICE, {"mapping": "long_lived"}),
        ("usb", FROM_DEVICE, {"mapping": "per_transfer"}),
        ("virtio-blk", FROM_DEVICE, {"mapping": "per_transfer"}),
        ("nvme", TO_DEVICE, {"mapping": "per_transfer"}),
        ("virtio-net", FROM_DEVICE, {"mapping": "long_lived"}),
        ("virtio-net", TO_DEVICE, {"mapping": "per_transfer"}),
        ("nic", FROM_DEVICE, {"mapping": "long_lived"}),
        ("nic", TO_DEVICE, {"mapping": "per_transfer"}),
        ("virtio-vsock", FROM_DEVICE, {"mapping": "per_transfer", "posted": True}),
        ("virtio-vsock", TO_DEVICE, {"mapping": "per_transfer"}),
    ],
)
def test_by_default_buffers_are_mapped_when_their_driver_maps_them(
    name: DriverName, way: Direction, as_if: dict[str, str | bool]
) -> None:
    assert made(name, way) == made(name, way, **as_if)


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("way", [FROM_DEVICE, TO_DEVICE])
def test_the_definition_overrides_every_driver(name: DriverName, way: Direction) -> None:
    for mapping, maps in (("per_transfer", True), ("long_lived", False)):
        steps = made(name, way, mapping=mapping).all_steps
        assert any(step.op == Op.MAP_SLOTS for step in steps) == maps


def host_of(workload: Values, *, protection: str = "none", **path: str | int | bool) -> HostEngine:
    """One guest with one workload behind swiotlb."""
    guest: Values = {"workloads": [workload]}
    return engine_of(scenario(protection, {"kind": "swiotlb", "pool": "64MiB", **path}, guest=guest))


@pytest.mark.parametrize("driver", ["virtio-net", "nic"])
@pytest.mark.parametrize(("mapping", "slots"), [("auto", 2 * 64), ("long_lived", 2 * 64), ("per_transfer", 0)])
def test_a_receive_ring_holds_a_slot_a_buffer_from_the_start(driver: str, mapping: str, slots: int) -> None:
    ring: Values = {"kind": "network", "driver": driver, "size": "1500B", "ring": 64, "queues": 2, "rate_pps": 1}
    assert int(host_of(ring, mapping=mapping).gauges().pools().slots_used[0]) == slots


def test_a_posted_ring_of_vsock_holds_slots_too_and_maps_anew_for_each_packet() -> None:
    ring: Values = {"kind": "network", "driver": "virtio-vsock", "size": "4KiB", "ring": 16, "rate_pps": 1}
    assert int(host_of(ring).gauges().pools().slots_used[0]) == 2 * 16


def test_a_ring_that_finds_fewer_slots_is_shorter_and_goes_on() -> None:
    """256 KiB hold 128 buffers of 1,500 B; the driver of a network goes on with these."""
    ring: Values = {"kind": "network", "size": "1500B", "ring": 200, "rate_pps": 1}
    engine = host_of(ring, pool="256KiB", areas=1)
    assert int(engine.gauges().guests()["unmapped_buffers"][0]) == 72
    done = run(engine, arrivals([(0, 0, 0)], 1500))
    assert done["outcome"].tolist() == [Ending.DELIVERED]


def mapped(engine: HostEngine, size: int) -> tuple[int, int]:
    """Slots that one transfer takes, and its mappings."""
    before = int(engine.gauges().pools().slots_used[0])
    stream: Records = engine.spec.streams[:1]
    run(engine, arrivals([(0, 0, 0)], size))
    used = int(engine.gauges().pools().slots_hiwater[0]) - before
    return used, int(stream["mappings"][0])


@pytest.mark.parametrize(
    ("workload", "size", "slots", "mappings"),
    [
        ({"kind": "block", "bs": "256KiB"}, 256 * KIB, 128 + 3, 1 + 3),
        ({"kind": "block", "bs": "256KiB", "driver": "nvme"}, 256 * KIB, 126 + 2, 2),
        ({"kind": "block", "bs": "256KiB", "max_segment": "64KiB"}, 256 * KIB, 128 + 3, 4 + 3),
        ({"kind": "network", "direction": "to_device", "driver": "virtio-vsock", "size": "4KiB"}, 4 * KIB, 2 + 2, 3),
        ({"kind": "network", "direction": "to_device", "size": "4KiB"}, 4 * KIB, 2, 1),
    ],
)
def test_a_request_takes_the_pieces_and_the_further_mappings_of_its_driver(
    workload: Values, size: int, slots: int, mappings: int
) -> None:
    """A mapping of an NVMe drive, whose mask is 4095, holds 258,048 B: 256 KiB are two of them."""
    way = 1 if workload.get("direction") == "to_device" else 0
    engine = host_of({**workload, **({"rate_iops": 1} if workload["kind"] == "block" else {"rate_pps": 1})})
    done = run(engine, arrivals([(0, 0, 0)], size, way))
    assert done["outcome"].tolist() == [Ending.DELIVERED]
    assert int(engine.gauges().pools().slots_hiwater[0]) == slots
    assert int(engine.spec.streams["mappings"][0]) == mappings


@pytest.mark.parametrize(("most", "mappings"), [("auto", 3), ("64KiB", 4), ("1MiB", 3)])
def test_a_frame_over_usb_is_mapped_urb_by_urb(most: str, mappings: int) -> None:
    """512 x 256 pixels of 2 bytes are 256 KiB, of which a URB carries 96 KiB: 48, 48 and 32 slots."""
    source: Values = {"kind": "raw", "width": 512, "height": 256, "format": "yuv422", "fps": 30}
    webcam: Values = {"kind": "video", "driver": "usb", "source": source, "deadline": "33ms", "max_segment": most}
    assert mapped(host_of(webcam), 256 * KIB) == (128, mappings)


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("mapping", ["auto", "per_transfer", "long_lived"])
@pytest.mark.parametrize("pool", ["64MiB", "512MiB"])
@pytest.mark.parametrize(("height", "reason"), [(256, DropReason.NOT_DROPPED), (258, DropReason.MAPPING_TOO_LARGE)])
def test_a_device_of_one_segment_fails_above_256_kib_at_any_occupancy(
    protection: str, mapping: str, pool: str, height: int, reason: DropReason
) -> None:
    """512 x 256 pixels of 2 bytes are 256 KiB, which one mapping holds; two lines more are too much for any pool."""
    source: Values = {"kind": "raw", "width": 512, "height": height, "format": "yuv422", "fps": 30}
    camera: Values = {"kind": "video", "source": source, "deadline": "33ms", "buffers": 4, "segments": "contiguous"}
    engine = host_of(camera, protection=protection, mapping=mapping, pool=pool)
    done = run(engine, arrivals([(0, 0, 0)], height * KIB))
    assert done["reason"].tolist() == [reason]
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()


def test_a_mask_below_a_page_takes_nothing_from_a_buffer_that_begins_at_one() -> None:
    """swiotlb_max_mapping_size tells 252 KiB under 4095, for a buffer may begin anywhere in a page; these do not."""
    reasons = []
    for height in (254, 256, 258):
        source: Values = {"kind": "raw", "width": 512, "height": height, "format": "yuv422", "fps": 30}
        camera: Values = {"kind": "video", "source": source, "deadline": "33ms", "segments": "contiguous"}
        done = run(host_of(camera, min_align_mask=4095), arrivals([(0, 0, 0)], height * KIB))
        reasons.append(int(done["reason"][0]))
    assert reasons == [DropReason.NOT_DROPPED, DropReason.NOT_DROPPED, DropReason.MAPPING_TOO_LARGE]


def test_what_is_mapped_at_the_start_makes_a_pool_grow() -> None:
    """Two buffers of 7,274,496 B, 28 pieces each, in 2 MiB that may grow by 64: by 2 MiB at a time, until all fit."""
    source: Values = {"kind": "raw", "width": 2048, "height": 1184, "format": "p010", "fps": 30}
    codec: Values = {"kind": "video", "source": source, "deadline": "33ms", "buffers": 2}
    fixed = host_of(codec, protection="sev-snp", pool="2MiB", areas=1).gauges()
    grown = host_of(codec, protection="sev-snp", pool="2MiB", areas=1, dynamic=True).gauges()
    assert int(fixed.guests()["unmapped_buffers"][0]) == 2
    assert int(grown.guests()["unmapped_buffers"][0]) == 0
    assert int(grown.pools().slots_used[0]) == 2 * 7_274_496 // 2048
    grown_bytes = int(grown.guests()["grown_pages"][0]) * 4096
    assert 2 * 7_274_496 - 2 * MIB - 512 * KIB <= grown_bytes <= 2 * 7_274_496 + 2 * MIB
    assert int(grown.guests()["shared_pages"][0]) * 4096 == 2 * MIB + grown_bytes


def test_each_device_of_a_restricted_guest_has_a_pool_of_its_own_and_its_rings_lie_in_it() -> None:
    """A disk's ring of 128 entries of 26 bytes takes a page; a network that fills its own pool leaves the disk's."""
    network: Values = {"kind": "network", "size": "1500B", "ring": 256, "rate_pps": 1}
    block: Values = {"kind": "block", "bs": "128KiB", "iodepth": 128, "rate_iops": 1}
    guest: Values = {"workloads": [network, block]}
    path: Values = {"kind": "swiotlb", "pool": "256KiB", "restricted": True}
    engine = engine_of(scenario("pkvm", path, guest=guest))
    pools = engine.state.pools.pools
    assert len(pools) == 2
    assert pools["slots_used"].tolist() == [128, 2]
    assert int(engine.gauges().pools().slots_used[0]) == 130
    assert int(engine.gauges().guests()["unmapped_buffers"][0]) == 256 - (128 - 4)
    done = run(engine, arrivals([(0, 1, 0)], 128 * KIB))
    assert done["outcome"].tolist() == [Ending.DELIVERED]
    assert pools["slots_hiwater"].tolist() == [128, 2 + 64 + 3]
    locks = np.unique(engine.spec.streams["servers"][:, 1])
    assert len(locks) == 2, "one area lock a pool"
