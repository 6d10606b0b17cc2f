"""What each copy of a lone transfer finds in a cache that holds everything: what a CPU copied or made before it.

The first copy of a chain finds nothing, what DMA brought is not there, and the host's own memory is new.
"""

import numpy as np
import pytest

from cluster_sim.engine.last_level_cache import ALL
from cluster_sim.io_paths.cache_ends import noted_once
from cluster_sim.io_paths.step_sequences import expect_data, guest_copy, guest_wrote
from cluster_sim.io_paths.steps import BY_CPU, Direction, End, Mover, Op, Range, Runner, move
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import HostEngine
from tests.unit.hand_prices import CONVERT_2M, DIRECT, LONG_LIVED, PROTECTED, SWIOTLB, pool
from tests.unit.lone_host import Values, arrivals, run, scenario, workload_sizes

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
Found = list[tuple[str, int, int]]
"""Of each copy by a CPU who makes it, and whether it finds what it reads and what it writes."""


def found_by(protection: str, path: Values, direction: Direction, *, is_block: bool = False) -> Found:
    """What the copies of one transfer find, alone on a host whose cache holds everything."""
    request: Values = {"kind": "block", "rw": "randread" if direction == FROM_DEVICE else "randwrite", "rate_iops": 1}
    guest: Values | None = {"workloads": [request]} if is_block else None
    spec = scenario(protection, path, guest=guest, host={"llc": "1TiB"}, direction=direction.name.lower())
    plan = plan_host(spec, profile_of(spec), workload_sizes(spec), journal_entries=200, is_alone=True)
    engine = HostEngine(plan)
    run(engine, arrivals([(0, 0, 0)], 4096 if is_block else 65_536, direction))
    journal = engine.gauges().journal()
    steps = plan.spec.steps[journal["step"]]
    copies = np.flatnonzero((steps["op"] == Op.COPY) & np.isin(steps["argument"], BY_CPU))
    return [(Mover(steps["argument"][i]).name.lower(), *(journal["found"][i, :2] // ALL).tolist()) for i in copies]


@pytest.mark.parametrize(
    ("path", "from_device", "to_device"),
    [
        (SWIOTLB, [("guest", 0, 0), ("host", 0, 1), ("guest", 1, 1)], [("guest", 1, 0), ("host", 1, 0)]),
        (LONG_LIVED, [("host", 0, 0), ("guest", 1, 0)], [("guest", 1, 0), ("host", 1, 0)]),
        (pool("none"), [], []),
        (pool("producer"), [("host", 0, 0)], [("guest", 1, 0)]),
        (pool("consumer"), [("guest", 1, 0)], [("host", 1, 0)]),
        (pool("both"), [("host", 0, 0), ("guest", 1, 0)], [("guest", 1, 0), ("host", 1, 0)]),
        (pool("consumer", crypto=True), [("crypto", 1, 0)], [("host", 1, 0)]),
    ],
)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_copy_finds_what_the_transfer_has_copied_or_made_before(
    protection: str, path: Values, from_device: Found, to_device: Found
) -> None:
    assert found_by(protection, path, FROM_DEVICE) == from_device
    assert found_by(protection, path, TO_DEVICE) == to_device


def test_a_conversion_that_loses_content_copies_out_of_what_the_host_just_wrote() -> None:
    assert found_by("tdx", CONVERT_2M, FROM_DEVICE) == [("host", 0, 0), ("guest", 1, 0)]
    assert found_by("pkvm", CONVERT_2M, FROM_DEVICE) == [("host", 0, 0)]
    for protection in PROTECTED:
        assert found_by(protection, CONVERT_2M, TO_DEVICE) == [("host", 1, 0)]


def test_the_host_reads_what_an_open_guest_just_made() -> None:
    assert found_by("none", DIRECT, FROM_DEVICE) == [("host", 0, 0)]
    assert found_by("none", DIRECT, TO_DEVICE) == [("host", 1, 0)]


def test_dma_leaves_what_it_wrote_in_memory() -> None:
    """The engine writes the slots over that map had filled: unmapping finds its private buffer alone."""
    engine = {**SWIOTLB, "copier": "engine"}
    assert found_by("pkvm", engine, FROM_DEVICE) == [("guest", 0, 0), ("guest", 0, 1)]
    device = {**SWIOTLB, "copier": "device"}
    assert found_by("pkvm", device, FROM_DEVICE, is_block=True) == [("guest", 0, 0), ("guest", 0, 1)]


def test_a_drive_that_serves_the_hosts_own_memory_leaves_the_slots_in_the_cache() -> None:
    found = found_by("pkvm", SWIOTLB, FROM_DEVICE, is_block=True)
    assert found == [("guest", 0, 0), ("host", 0, 1), ("guest", 1, 1)]


def test_what_a_drive_brings_into_a_pool_is_not_in_the_cache() -> None:
    assert found_by("pkvm", pool("consumer"), FROM_DEVICE, is_block=True) == [("guest", 0, 0)]


def test_memory_that_was_just_touched_is_not_noted_again_until_dma_has_passed() -> None:
    """The copy notes both; only what the guest makes after the DMA is new."""
    by_dma = move("DMA", Mover.STORAGE, Category.STORAGE, Runner.NOBODY, reads=End.OWN)
    copy = guest_copy("a copy", writes=End.OWN)
    steps = noted_once((copy, guest_wrote(Range.OWN), expect_data(Range.OWN), by_dma, expect_data(Range.OWN)))
    assert [(step.reads, step.writes) for step in steps] == [
        (End.DEVICE, End.OWN),
        (None, None),
        (None, None),
        (End.OWN, None),
        (End.OWN, None),
    ]


def test_what_was_only_read_becomes_dirty_when_it_is_made() -> None:
    steps = noted_once((guest_copy("a copy", writes=End.DEVICE), guest_wrote(Range.OWN)))
    assert steps[1].writes == End.OWN
