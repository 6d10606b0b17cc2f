"""How many ends of each copy its transfer has touched before, path by path, in the order of the copies.

The first copy of a chain finds nothing in the cache. What a CPU copied or made is there for the next; what DMA brought
is not.
"""

import pytest

from cluster_sim.io_paths.copy_chain import counted
from cluster_sim.io_paths.steps import Direction, Mover, Op, Range, Runner, move
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import CONVERT_2M, DIRECT, LONG_LIVED, PROTECTED, SWIOTLB, pool
from tests.unit.lone_host import Values, scenario, workload_sizes

FROM_DEVICE, TO_DEVICE = Direction.FROM_DEVICE, Direction.TO_DEVICE
Copies = list[tuple[str, int]]


def copies(protection: str, path: Values, direction: Direction, *, reads: bool = False) -> list[Copies]:
    """Mover and warm ends of each copy, by section: the transfer itself, then what comes ahead of it."""
    read: Values = {"kind": "block", "rw": "randread" if direction == FROM_DEVICE else "randwrite", "rate_iops": 1}
    guest: Values | None = {"workloads": [read]} if reads else None
    spec = scenario(protection, path, guest=guest, direction=direction.name.lower())
    plan = plan_host(spec, profile_of(spec), workload_sizes(spec))
    program = plan.streams[0].programs[direction]
    return [
        [(Mover(step.argument).name.lower(), step.warm_ends) for step in section if step.op == Op.COPY]
        for section in (program.steps, program.post)
    ]


@pytest.mark.parametrize(
    ("path", "from_device", "to_device"),
    [
        (SWIOTLB, [("guest", 0), ("host", 1), ("guest", 2)], [("guest", 1), ("host", 1)]),
        (LONG_LIVED, [("host", 0), ("guest", 1)], [("guest", 1), ("host", 1)]),
        (pool("none"), [], []),
        (pool("producer"), [("host", 0)], [("guest", 1)]),
        (pool("consumer"), [("guest", 1)], [("host", 1)]),
        (pool("both"), [("host", 0), ("guest", 1)], [("guest", 1), ("host", 1)]),
        (pool("consumer", crypto=True), [("crypto", 1)], [("host", 1)]),
    ],
)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_copy_finds_what_the_transfer_has_copied_or_made_before(
    protection: str, path: Values, from_device: Copies, to_device: Copies
) -> None:
    assert copies(protection, path, FROM_DEVICE)[0] == from_device
    assert copies(protection, path, TO_DEVICE)[0] == to_device


def test_a_conversion_that_loses_content_copies_out_of_what_the_host_just_wrote() -> None:
    assert copies("tdx", CONVERT_2M, FROM_DEVICE)[0] == [("host", 0), ("guest", 1)]
    assert copies("pkvm", CONVERT_2M, FROM_DEVICE)[0] == [("host", 0)]
    for protection in PROTECTED:
        assert copies(protection, CONVERT_2M, TO_DEVICE)[0] == [("host", 1)]


def test_the_host_reads_what_an_open_guest_just_made() -> None:
    assert copies("none", DIRECT, FROM_DEVICE)[0] == [("host", 0)]
    assert copies("none", DIRECT, TO_DEVICE)[0] == [("host", 1)]


def test_what_was_mapped_when_the_buffer_was_posted_is_long_out_of_the_cache() -> None:
    main, post = copies("pkvm", SWIOTLB | {"posted": True}, FROM_DEVICE)
    assert post == [("guest", 0)]
    assert main == [("host", 0), ("guest", 1)], "the slots, and not the buffer that was read for the post"


def test_dma_leaves_what_it_wrote_in_memory() -> None:
    """The engine writes the slots over that map had filled: unmapping finds its private buffer alone."""
    engine = {**SWIOTLB, "copier": "engine"}
    assert copies("pkvm", engine, FROM_DEVICE)[0] == [("guest", 0), ("engine", 1), ("guest", 1)]
    device = {**SWIOTLB, "copier": "device"}
    assert copies("pkvm", device, FROM_DEVICE, reads=True)[0] == [("guest", 0), ("storage", 1), ("guest", 1)]


def test_a_drive_that_serves_the_hosts_own_memory_leaves_the_slots_in_the_cache() -> None:
    found = copies("pkvm", SWIOTLB, FROM_DEVICE, reads=True)[0]
    assert found == [("guest", 0), ("storage", 0), ("host", 1), ("guest", 2)]


def test_what_a_drive_brings_into_a_pool_is_not_in_the_cache() -> None:
    assert copies("pkvm", pool("consumer"), FROM_DEVICE, reads=True)[0] == [("storage", 0), ("guest", 0)]


def test_each_end_counts_once_and_only_from_its_first_copy_on() -> None:
    both, one = (Range.DEVICE, Range.OWN), (Range.OWN,)
    steps = tuple(
        move("a copy", Mover.GUEST, Category.GUEST_COPY, Runner.GUEST, ends=ends) for ends in (one, both, both)
    )
    assert [step.warm_ends for step in counted(steps)] == [0, 1, 2]
