"""Drivers as records: when each maps, in which pieces, what it maps beside the data, what its ring holds."""

import re

import numpy as np
import pytest
from pydantic import TypeAdapter

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.drivers import DRIVERS, driver_of
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.programs import program
from cluster_sim.io_paths.steps import Direction, End, Op, Program
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import IoPath
from cluster_sim.scenario.queue_traits import FarEnd
from cluster_sim.scenario.workload_spec import DriverName
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
KIB, MIB = 1 << 10, 1 << 20
PATHS: TypeAdapter[IoPath] = TypeAdapter(IoPath)
FAR: dict[DriverName, FarEnd] = {"virtio-blk": "storage", "nvme": "storage", "virtio-fs": "page cache"}


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
        ("virtio-fs", FROM_DEVICE, {"mapping": "per_transfer"}),
        ("virtio-fs", TO_DEVICE, {"mapping": "per_transfer"}),
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


def test_virtio_net_maps_page_frags_anew_and_a_network_card_does_not() -> None:
    """A buffer's share of the frag is copied to the slots; all else is as if the ring were mapped for life."""
    anew, for_life = made("virtio-net", FROM_DEVICE), made("virtio-net", FROM_DEVICE, mapping="long_lived")
    (copy,) = [step for step in anew.steps if step not in for_life.steps]
    assert [step for step in anew.steps if step != copy] == list(for_life.steps)
    assert (copy.op, copy.reads, copy.writes) == (Op.COPY, End.OWN, End.DEVICE)
    assert copy not in made("nic", FROM_DEVICE).steps


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize(("size", "copy_ns", "whole_ns"), [(64, 34, 361), (1_536, 361, 361), (4_096, 610, 610)])
def test_a_packet_of_virtio_net_is_copied_and_then_a_whole_buffer(
    protection: str, size: int, copy_ns: int, whole_ns: int
) -> None:
    """Buffers are of 1,536 bytes at least; a cold copy of so many takes 356 + 36 x (437 - 356) / 548 ns."""
    took = {}
    for driver in ("virtio-net", "nic"):
        ring: Values = {"kind": "network", "driver": driver, "size": f"{size}B", "rate_pps": 1}
        engine = host_of(ring, protection=protection)
        (done,) = run(engine, arrivals([(0, 0, 0)], size))
        took[driver] = int(done["ledger"][Category.GUEST_COPY])
        assert done["ledger"].sum() == done["ended_ns"] - done["submitted_ns"]
    assert took == {"nic": copy_ns, "virtio-net": copy_ns + whole_ns}


@pytest.mark.parametrize("name", DRIVERS)
def test_each_record_names_the_kernels_files_functions_and_version(name: DriverName) -> None:
    for driver in DRIVERS[name]:
        assert re.search(r"Linux 6\.1[23]", driver.source)
        assert re.search(r"[a-z_]+\.c\b|ndo_start_xmit", driver.source)
        assert re.search(r"\b[a-z0-9]+(_[a-z0-9]+)+\b", driver.source)


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
    """Its buffers are of 3,776 bytes whatever comes, two slots each."""
    ring: Values = {"kind": "network", "driver": "virtio-vsock", "size": "64B", "ring": 16, "rate_pps": 1}
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
        ({"kind": "network", "direction": "to_device", "size": "1514B"}, 1_514, 1, 1),
        ({"kind": "network", "direction": "to_device", "size": "1515B"}, 1_515, 1 + 2, 1 + 2),
        ({"kind": "network", "direction": "to_device", "size": "64KiB"}, 64 * KIB, 32 + 2, 2 + 2),
        ({"kind": "network", "direction": "to_device", "driver": "nic", "size": "64KiB"}, 64 * KIB, 32 + 1, 2 + 1),
    ],
)
def test_a_request_takes_the_pieces_and_the_further_mappings_of_its_driver(
    workload: Values, size: int, slots: int, mappings: int
) -> None:
    """A mapping of an NVMe drive, whose mask is 4095, holds 258,048 B: 256 KiB are two of them.

    What is sent lies in page frags of 32 KiB behind a head, and is linear up to a frame of Ethernet.
    """
    way = 1 if workload.get("direction") == "to_device" else 0
    engine = host_of({**workload, **({"rate_iops": 1} if workload["kind"] == "block" else {"rate_pps": 1})})
    done = run(engine, arrivals([(0, 0, 0)], size, way))
    assert done["outcome"].tolist() == [Ending.DELIVERED]
    assert int(engine.gauges().pools().slots_hiwater[0]) == slots
    assert int(engine.spec.streams["mappings"][0]) == mappings


@pytest.mark.parametrize(("most", "mappings"), [("auto", 16), ("8KiB", 32), ("1MiB", 16)])
def test_a_frame_over_usb_is_mapped_urb_by_urb(most: str, mappings: int) -> None:
    """512 x 256 pixels of 2 bytes are 256 KiB, of which a URB of usbfs carries 16 KiB."""
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


@pytest.mark.parametrize(
    ("camera", "path", "reason"),
    [
        ({}, {}, DropReason.NOT_DROPPED),
        ({"segments": "contiguous"}, {}, DropReason.MAPPING_TOO_LARGE),
        ({"max_segment": "64KiB"}, {}, DropReason.NOT_DROPPED),
        ({"driver": "usb"}, {}, DropReason.NOT_DROPPED),
        ({"segments": "contiguous"}, {"mapping": "long_lived"}, DropReason.MAPPING_TOO_LARGE),
        ({"segments": "contiguous"}, {"mapping": "per_transfer"}, DropReason.MAPPING_TOO_LARGE),
    ],
)
def test_a_picture_of_a_device_that_takes_one_mapping_never_bounces(
    camera: Values, path: Values, reason: DropReason
) -> None:
    """The 3,686,400 bytes of rcar-fcp, 1280 x 720 XRGB, which no bounce pool of any size takes."""
    source: Values = {"kind": "raw", "width": 1280, "height": 720, "format": "xrgb", "fps": 30}
    guest: Values = {"workloads": [{"kind": "video", "source": source, "deadline": "33ms", "buffers": 4, **camera}]}
    engine = engine_of(scenario("none", {"kind": "swiotlb", "pool": "64MiB", **path}, guest=guest))
    assert run(engine, arrivals([(0, 0, 0)], 3_686_400))["reason"].tolist() == [reason]


def test_usb_maps_16_kib_a_piece() -> None:
    """A picture of 640 x 480 YUV 4:2:2 is 614,400 bytes, 38 pieces of which the last is of half the size."""
    source: Values = {"kind": "raw", "width": 640, "height": 480, "format": "yuv422", "fps": 30}
    engine = host_of({"kind": "video", "source": source, "deadline": "33ms", "driver": "usb"})
    assert int(engine.spec.streams["mappings"][0]) == 38
    run(engine, arrivals([(0, 0, 0)], 614_400))
    assert int(engine.gauges().pools().slots_hiwater[0]) == 300


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
    """A ring of 256 entries of 26 bytes takes two pages; a network that fills its own pool leaves the disk's."""
    network: Values = {"kind": "network", "size": "1500B", "ring": 256, "rate_pps": 1}
    block: Values = {"kind": "block", "bs": "128KiB", "iodepth": 128, "rate_iops": 1}
    guest: Values = {"workloads": [network, block]}
    path: Values = {"kind": "swiotlb", "pool": "256KiB", "restricted": True}
    engine = engine_of(scenario("pkvm", path, guest=guest))
    pools = engine.state.pools.pools
    assert len(pools) == 2
    assert pools["slots_used"].tolist() == [128, 4]
    assert int(engine.gauges().pools().slots_used[0]) == 132
    assert int(engine.gauges().guests()["unmapped_buffers"][0]) == 256 - (128 - 4)
    done = run(engine, arrivals([(0, 1, 0)], 128 * KIB))
    assert done["outcome"].tolist() == [Ending.DELIVERED]
    assert pools["slots_hiwater"].tolist() == [128, 4 + 64 + 3]
    locks = np.unique(engine.spec.streams["servers"][:, 1])
    assert len(locks) == 2, "one area lock a pool"


@pytest.mark.parametrize(
    ("workload", "coherent_pages"),
    [
        ({"kind": "block", "driver": "nvme", "bs": "8KiB", "iodepth": 4}, 20 + 2),
        ({"kind": "block", "driver": "nvme", "bs": "12KiB", "iodepth": 4}, 20 + 2 + 1),
        ({"kind": "block", "driver": "nvme", "bs": "132KiB", "iodepth": 17}, 20 + 2 + 2),
        ({"kind": "block", "driver": "nvme", "bs": "136KiB", "iodepth": 4}, 20 + 2 + 4),
        ({"kind": "block", "iodepth": 256}, 2),
        ({"kind": "block", "iodepth": 512}, 4),
        ({"kind": "network", "direction": "to_device", "driver": "virtio-vsock"}, 2),
        ({"kind": "network", "direction": "to_device", "driver": "virtio-vsock", "ring": 128}, 1),
        ({"kind": "network", "direction": "to_device", "driver": "nic", "ring": 512}, 2),
    ],
)
def test_rings_and_lists_of_a_device_lie_in_its_own_pool(workload: Values, coherent_pages: int) -> None:
    """An NVMe queue has 1,024 entries of 80 bytes, an admin queue two pages; lists have 256 bytes up to 33 pages."""
    rate: Values = {"rate_iops": 1} if workload["kind"] == "block" else {"rate_pps": 1}
    engine = host_of(workload | rate, protection="pkvm", restricted=True)
    assert int(engine.gauges().pools().slots_used[0]) == 2 * coherent_pages


def test_the_rings_of_a_usb_controller_lie_in_its_pool() -> None:
    source: Values = {"kind": "raw", "width": 640, "height": 480, "format": "yuv422", "fps": 30}
    camera: Values = {"kind": "video", "source": source, "deadline": "33ms", "driver": "usb"}
    engine = host_of(camera, protection="pkvm", restricted=True)
    assert int(engine.gauges().pools().slots_used[0]) == 2 * 8
