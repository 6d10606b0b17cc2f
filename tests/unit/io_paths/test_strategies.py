"""Buffers that stay shared for several transfers, or convert together: each use's latency by hand.

Every technology, either direction: what a use finds shared it does not pay for, what it leaves shared neither.
"""

import pytest

from cluster_sim.io_paths.drivers import V4L2
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.programs import program
from cluster_sim.io_paths.steps import Direction, Op
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.path_spec import ConvertPath
from tests.unit.hand_prices import CONVERTED, COPY, INTERRUPT, KICK, PAGES, PROTECTED, WORKER, pool
from tests.unit.hand_strategies import (
    APART_NS,
    WAYS,
    convert_path,
    copied_out_ns,
    found_ns,
    frames,
    latencies,
    moved_ns,
    shared_ns,
    unshared_ns,
)
from tests.unit.lone_host import Values

FROM_DEVICE, TO_DEVICE = WAYS
GRANULES_OF_F = {"4KiB": PAGES, "2MiB": 2}
MS = 1_000_000


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", PROTECTED)
def test_one_use_is_the_conversion_around_each_transfer_that_always_was(protection: str, direction: Direction) -> None:
    """The same program, without a question; the same rows, byte for byte."""
    path = ConvertPath.model_validate(convert_path(keep={"uses": 1}))
    made = program(path, PathContext(direction, V4L2, PROTECTIONS[protection], MemorySpec()))
    asked = {Op.SKIP, Op.SKIP_IF_SHARED, Op.SKIP_IF_IT_STAYS, Op.RESTORE_LATER, Op.REFILL}
    assert not asked & {step.op for step in made.all_steps}
    assert made.all_steps == made.steps
    rows = [
        frames(protection, convert_path(**fields), direction, 3)[1].tobytes()
        for fields in ({}, {"keep": {"uses": 1}}, {"keep": {"uses": 1, "most": "4KiB"}})
    ]
    assert rows[1:] == rows[:1] * 2


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("uses", [1, 2, 3])
@pytest.mark.parametrize("protection", PROTECTED)
def test_of_so_many_uses_the_first_shares_and_the_last_makes_private(
    protection: str, uses: int, granule: str, direction: Direction
) -> None:
    """A kept page is copied out of, also where it keeps its content; the last of pKVM works on its page instead."""
    by_hand = [moved_ns(protection) for _ in range(uses)]
    by_hand[0] += shared_ns(protection, granule) + found_ns(protection)
    by_hand[-1] += unshared_ns(protection, granule)
    copies = [copied_out_ns(protection, direction, may_stay_shared=use < uses - 1) for use in range(uses)]
    engine, done = frames(protection, convert_path(granule, keep={"uses": uses}), direction, 2 * uses)
    assert latencies(done) == [ns + copy for ns, copy in zip(by_hand, copies, strict=True)] * 2
    each = GRANULES_OF_F[granule]
    assert done["conversions"].tolist() == [each * (use == 0) + each * (use == uses - 1) for use in range(uses)] * 2
    guest = engine.gauges().guests()[0]
    assert (int(guest["shared_pages"]), int(guest["conversion_calls"])) == (0, 4)


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("protection", PROTECTED)
def test_what_is_consumed_where_it_lies_is_not_copied_out(protection: str, granule: str, direction: Direction) -> None:
    around = shared_ns(protection, granule) + found_ns(protection) + unshared_ns(protection, granule)
    _, done = frames(protection, convert_path(granule, consume="in_place"), direction, 2)
    assert latencies(done) == [around + moved_ns(protection)] * 2
    assert done["copied_bytes"][:, 0].tolist() == [0, 0]
    _, done = frames(protection, convert_path(granule, consume="in_place", keep={"uses": 2}), direction, 2)
    assert sum(latencies(done)) == around + 2 * moved_ns(protection)


def pool_latency(protection: str, direction: Direction) -> int:
    """A frame of a pool in which the host copies once, the second of two."""
    copied = "producer" if direction == FROM_DEVICE else "consumer"
    _, done = frames(protection, pool(copied), direction, 2)
    return latencies(done)[1]


@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("protection", PROTECTED)
def test_kept_for_ever_what_comes_has_the_pools_latency_but_for_the_doorbell_that_posts_its_buffer(
    protection: str, granule: str
) -> None:
    path = convert_path(granule, keep="forever", consume="in_place")
    _, done = frames(protection, path, FROM_DEVICE, 4)
    pooled_ns = pool_latency(protection, FROM_DEVICE)
    assert pooled_ns == WORKER + COPY + INTERRUPT[protection]
    assert latencies(done)[1:] == [pooled_ns + KICK[protection]] * 3
    assert latencies(done)[0] == pooled_ns + KICK[protection] + shared_ns(protection, granule) + found_ns(protection)


@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("protection", PROTECTED)
def test_kept_for_ever_and_all_posted_ahead_it_has_the_pools_latency_to_the_ns(protection: str, granule: str) -> None:
    path = convert_path(granule, keep="forever", consume="in_place", ahead=2)
    _, done = frames(protection, path, FROM_DEVICE, 5, buffers=2)
    pooled_ns = pool_latency(protection, FROM_DEVICE)
    assert latencies(done) == [pooled_ns + found_ns(protection)] * 2 + [pooled_ns] * 3


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("protection", PROTECTED)
def test_kept_for_ever_what_goes_is_handed_over_when_the_pools_is_and_an_interrupt_brings_its_buffer_back(
    protection: str, ahead: int
) -> None:
    path = convert_path(keep="forever", consume="in_place", ahead=ahead)
    _, done = frames(protection, path, TO_DEVICE, 5, buffers=2)
    pooled_ns = pool_latency(protection, TO_DEVICE)
    assert pooled_ns == KICK[protection] + WORKER + COPY
    assert (done["handed_ns"] - done["submitted_ns"]).tolist()[2:] == [pooled_ns] * 3
    assert latencies(done)[2:] == [pooled_ns + INTERRUPT[protection]] * 3


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", PROTECTED)
def test_without_any_bound_a_buffer_is_kept_for_ever(protection: str, direction: Direction) -> None:
    without: Values = {}
    paths = [convert_path(keep="forever"), convert_path(keep=without)]
    rows = [frames(protection, path, direction, 3)[1].tobytes() for path in paths]
    assert rows[0] == rows[1]


IDLE_NS = 20 * MS


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_buffer_that_lies_unused_for_too_long_is_made_private_by_nobodys_latency(
    protection: str, granule: str, direction: Direction
) -> None:
    """The second frame comes in time, the third too late: it shares anew, and answers for what was done meanwhile."""
    path = convert_path(granule, keep={"idle": f"{IDLE_NS}ns"})
    kept_ns = moved_ns(protection) + copied_out_ns(protection, direction, may_stay_shared=True)
    first_ns = kept_ns + shared_ns(protection, granule) + found_ns(protection)
    second_at = APART_NS + first_ns + IDLE_NS - 1
    third_at = second_at + APART_NS
    engine, done = frames(protection, path, direction, 3, buffers=1, instants_ns=[APART_NS, second_at, third_at])
    assert latencies(done) == [first_ns, kept_ns, first_ns]
    each = GRANULES_OF_F[granule]
    assert done["conversions"].tolist() == [each, 0, 2 * each]
    cpu_ns = done["cpu_ns"].tolist()
    assert cpu_ns[2] == [cpu_ns[0][0] + unshared_ns(protection, granule), cpu_ns[0][1]]
    guest = engine.gauges().guests()[0]
    assert int(guest["shared_pages"]) == 0, "the last was made private, too"
    lasts_ns = (second_at + kept_ns + IDLE_NS - APART_NS) + (first_ns + IDLE_NS)
    assert int(guest["shared_page_ns"]) == CONVERTED[granule] * lasts_ns


@pytest.mark.parametrize(("late_ns", "is_shared"), [(0, True), (1, False)])
def test_a_frame_that_comes_when_the_time_is_up_finds_its_buffer_taken(late_ns: int, is_shared: bool) -> None:  # noqa: FBT001
    """1 ns before its time is up the buffer is found shared; at that instant it is being made private already."""
    path = convert_path(keep={"idle": f"{IDLE_NS}ns"})
    _, done = frames("sev-snp", path, FROM_DEVICE, 1, buffers=1)
    up_ns = int(done["ended_ns"][0]) + IDLE_NS
    _, done = frames("sev-snp", path, FROM_DEVICE, 2, buffers=1, instants_ns=[APART_NS, up_ns - 1 + late_ns])
    assert (done["conversions"][1] == 0) == is_shared


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize(("most", "may_stay_shared"), [(PAGES * 4096, True), (PAGES * 4096 - 4096, False)])
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_buffer_stays_shared_up_to_so_much_memory_and_not_above(
    protection: str,
    most: int,
    may_stay_shared: bool,  # noqa: FBT001
    direction: Direction,
) -> None:
    engine, done = frames(protection, convert_path(keep={"most": f"{most}B"}), direction, 3)
    used_ns = moved_ns(protection) + copied_out_ns(protection, direction, may_stay_shared=may_stay_shared)
    first_ns = used_ns + shared_ns(protection) + found_ns(protection)
    around_ns = first_ns + unshared_ns(protection)
    assert latencies(done) == ([first_ns, used_ns, used_ns] if may_stay_shared else [around_ns] * 3)
    assert int(engine.gauges().guests()[0]["shared_pages"]) == PAGES * may_stay_shared


BATCH = 3


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("uses", [1, 2])
@pytest.mark.parametrize("protection", PROTECTED)
def test_buffers_that_convert_together_share_at_the_first_use_and_are_private_after_the_last(
    protection: str, uses: int, granule: str, direction: Direction
) -> None:
    """Each buffer's own pages are found unmapped at its first use; all are unmapped at once at the end."""
    path = convert_path(granule, batch=BATCH, keep={"uses": uses})
    engine, done = frames(protection, path, direction, BATCH * uses, buffers=2 * BATCH)
    by_hand = [moved_ns(protection) + found_ns(protection) * (use < BATCH) for use in range(BATCH * uses)]
    by_hand[0] += shared_ns(protection, granule, BATCH)
    by_hand[-1] += unshared_ns(protection, granule, BATCH)
    copies = [
        copied_out_ns(protection, direction, may_stay_shared=use < len(by_hand) - 1) for use in range(len(by_hand))
    ]
    assert latencies(done) == [ns + copy for ns, copy in zip(by_hand, copies, strict=True)]
    together = BATCH * GRANULES_OF_F[granule]
    assert done["conversions"].tolist() == [together, *[0] * (BATCH * uses - 2), together]
    guest = engine.gauges().guests()[0]
    assert (int(guest["shared_pages"]), int(guest["conversion_calls"])) == (0, 2)


def test_the_last_batch_of_a_ring_is_what_is_left_of_it() -> None:
    """Four buffers by three: three frames in the first batch, one in the second, which is a buffer alone."""
    _, done = frames("sev-snp", convert_path(batch=BATCH), FROM_DEVICE, 8, buffers=4)
    assert done["conversions"].tolist() == [BATCH * PAGES, 0, BATCH * PAGES, 2 * PAGES] * 2


@pytest.mark.parametrize("direction", WAYS)
def test_under_no_protection_no_strategy_changes_anything(direction: Direction) -> None:
    strategies: list[Values] = [
        convert_path(),
        convert_path(keep={"uses": 3}),
        convert_path(keep="forever", consume="in_place"),
        convert_path(batch=2, behind=True),
    ]
    expected_ns = KICK["none"] + WORKER + COPY + INTERRUPT["none"]
    for path in strategies:
        assert latencies(frames("none", path, direction, 3)[1]) == [expected_ns] * 3
