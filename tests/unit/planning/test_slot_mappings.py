"""Pools that cannot be had, and requests that no empty pool holds, from both sides of each bound."""

from pathlib import Path

import pytest

from cluster_sim.planning.checks import check_scenario
from tests.unit.lone_host import Values, scenario

KIB = 1 << 10


def refusals(
    workload: Values, *, protection: str = "none", memory: str = "8GiB", **path: str | int | bool
) -> list[str]:
    """What is found wrong with the pool of a guest with one workload."""
    guest: Values = {"workloads": [workload], "memory": memory}
    spec = scenario(protection, {"kind": "swiotlb", "areas": 1, **path}, guest=guest)
    return [each.found for each in check_scenario(spec, Path()) if each.field == "io_path.pool"]


@pytest.mark.parametrize(
    ("driver", "kib", "fits"),
    [
        ("virtio-blk", 1018, True),
        ("virtio-blk", 1020, False),
        ("virtio-blk", 1024, False),
        ("nvme", 1008, True),
        ("nvme", 1012, True),
        ("nvme", 1014, False),
    ],
)
def test_a_request_that_its_whole_pool_does_not_hold_is_refused(driver: str, kib: int, *, fits: bool) -> None:
    """1 MiB is four sets of 128 slots. virtio-blk's last piece leaves three for its further mappings, or it does not.

    Four pieces of 252 KiB leave two slots in each set: an NVMe drive's fifth piece may be 4 KiB, not more.
    """
    block: Values = {"kind": "block", "driver": driver, "bs": f"{kib}KiB"}
    assert (refusals(block, pool="1MiB") == []) == fits


def test_a_pool_that_may_grow_holds_more() -> None:
    block: Values = {"kind": "block", "bs": "1MiB"}
    assert refusals(block, pool="1MiB") == ["1MiB for a request of 1MiB"]
    assert refusals(block, pool="1MiB", dynamic=True, grow="1MiB") == []


def test_pieces_may_need_more_room_than_their_bytes() -> None:
    """A piece of 132 KiB takes more than half a set, and no second one fits beside it."""
    block: Values = {"kind": "block", "bs": "528KiB", "max_segment": "132KiB"}
    assert refusals(block, pool="1MiB") == []
    assert refusals(block | {"bs": "529KiB", "max_segment": "132KiB"}, pool="1MiB") == []
    assert refusals(block | {"bs": "660KiB"}, pool="1MiB") == ["1MiB for a request of 660KiB"]


def test_frames_and_packets_that_fit_no_pool_are_dropped_and_not_refused() -> None:
    packet: Values = {"kind": "network", "direction": "to_device", "size": "300KiB", "ring": 1}
    assert refusals(packet, pool="256KiB") == []


@pytest.mark.parametrize(
    ("memory", "pool", "found"),
    [
        ("8GiB", "2GiB", ["2GiB"]),
        ("8GiB", "2047MiB", []),
        ("2560MiB", "2GiB", []),
        ("2816MiB", "2GiB", ["2GiB"]),
    ],
)
def test_a_pool_is_less_than_what_lies_below_4_gib(memory: str, pool: str, found: list[str]) -> None:
    """q35 has all of a guest's memory there up to 2.75 GiB, and 2 GiB of a larger guest's."""
    block: Values = {"kind": "block"}
    assert refusals(block, memory=memory, pool=pool) == found
    assert refusals(block, memory=memory, pool=pool, any=True) == []
    assert refusals(block, memory=memory, pool=pool, restricted=True) == []
    assert refusals(block, memory=memory, pool=pool, protection="pkvm") == []
