"""Buffers that are made ready before a transfer comes, or restored after its delivery: latency and CPU time by hand.

What lies outside a latency is somebody's time all the same: the next transfer of the buffer answers for it.
"""

import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.steps import Direction
from tests.unit.hand_prices import (
    COPIERS,
    COPY,
    DIRECT,
    FAULTS,
    INJECT,
    INTERRUPT,
    INTERRUPT_EXITS,
    KICK,
    LOSING_CONTENT,
    MAP_PIECE,
    MIB,
    MOVED,
    PAGES,
    PIECES,
    PROTECTED,
    REACHED_ONCE,
    SWIOTLB,
    TECHNOLOGIES,
    TOUCH_SHARED,
    UNMAP_PIECE,
    WORKER,
    completion,
    copied_by,
)
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
from tests.unit.lone_host import RAW_1080P, arrivals, engine_of, in_turn, run, scenario

FROM_DEVICE, TO_DEVICE = WAYS
GRANULES_OF_F = {"4KiB": PAGES, "2MiB": 2}


def cpu_of(done: Records) -> tuple[list[int], list[int]]:
    """CPU time of guest and host, frame by frame."""
    return done["cpu_ns"][:, 0].tolist(), done["cpu_ns"][:, 1].tolist()


def rung_ns(protection: str, direction: Direction) -> int:
    """The doorbell that posts a buffer for what comes; a buffer for what goes is posted to nobody."""
    return KICK[protection] if direction == FROM_DEVICE else 0


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("granule", GRANULES_OF_F)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_buffer_that_was_shared_ahead_is_shared_in_nobodys_latency(
    protection: str, granule: str, direction: Direction
) -> None:
    """The first was posted before the run, at nobody's cost; what posted the others is in their CPU time."""
    engine, done = frames(protection, convert_path(granule, ahead=1), direction, 3, buffers=1)
    copied_ns = copied_out_ns(protection, direction, may_stay_shared=False)
    used_ns = moved_ns(protection) - rung_ns(protection, direction) + found_ns(protection) + copied_ns
    assert latencies(done) == [used_ns + unshared_ns(protection, granule)] * 3
    host_ns = WORKER + FAULTS + COPY + INJECT
    guest_ns = used_ns + unshared_ns(protection, granule) - host_ns
    posted_ns = shared_ns(protection, granule) + rung_ns(protection, direction)
    assert cpu_of(done) == ([guest_ns, guest_ns + posted_ns, guest_ns + posted_ns], [host_ns] * 3)
    each = GRANULES_OF_F[granule]
    assert done["conversions"].tolist() == [each, 2 * each, 2 * each]
    left = engine.state.buffers[0]
    assert left["cpu_ns"].tolist() == [posted_ns, 0], "the next frame would answer for it"
    assert int(left["conversions"]) == each


@pytest.mark.parametrize("consume", ["copy_out", "in_place"])
@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_buffer_that_is_restored_behind_the_delivery_is_made_private_in_nobodys_latency(
    protection: str, direction: Direction, consume: str
) -> None:
    """The page is still shared when the guest works on it, so that it is copied out of also where it keeps content."""
    engine, done = frames(protection, convert_path(behind=True, consume=consume), direction, 3, buffers=1)
    copied_ns = copied_out_ns(protection, direction, may_stay_shared=True) if consume == "copy_out" else 0
    used_ns = shared_ns(protection) + moved_ns(protection) + found_ns(protection) + copied_ns
    assert latencies(done) == [used_ns] * 3
    host_ns = WORKER + FAULTS + COPY + INJECT
    guest_ns, restored_ns = used_ns - host_ns, unshared_ns(protection)
    assert cpu_of(done) == ([guest_ns, guest_ns + restored_ns, guest_ns + restored_ns], [host_ns] * 3)
    assert done["conversions"].tolist() == [PAGES, 2 * PAGES, 2 * PAGES]
    guest = engine.gauges().guests()[0]
    assert int(guest["shared_pages"]) == 0
    lasts_ns = used_ns
    assert int(guest["shared_page_ns"]) == 3 * PAGES * lasts_ns, "shared from its first step to the delivery"


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", PROTECTED)
def test_ahead_and_behind_together_leave_neither_conversion_in_the_latency(
    protection: str, direction: Direction
) -> None:
    path = convert_path(ahead=1, behind=True, consume="in_place")
    _, done = frames(protection, path, direction, 3, buffers=1)
    used_ns = moved_ns(protection) - rung_ns(protection, direction) + found_ns(protection)
    assert latencies(done) == [used_ns] * 3
    own_ns = used_ns - (WORKER + FAULTS + COPY + INJECT)
    between_ns = unshared_ns(protection) + shared_ns(protection) + rung_ns(protection, direction)
    assert cpu_of(done)[0] == [own_ns, own_ns + between_ns, own_ns + between_ns]


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", PROTECTED)
def test_a_kept_buffer_is_posted_again_by_its_doorbell_alone(protection: str, direction: Direction) -> None:
    """Of two uses the first leaves it shared; the second, and what posts it then, converts."""
    path = convert_path(ahead=1, keep={"uses": 2}, consume="in_place")
    _, done = frames(protection, path, direction, 4, buffers=1)
    used_ns = moved_ns(protection) - rung_ns(protection, direction)
    first_ns, second_ns = used_ns + found_ns(protection), used_ns + unshared_ns(protection)
    assert latencies(done) == [first_ns, second_ns] * 2
    own = [ns - WORKER - COPY - INJECT for ns in (first_ns - FAULTS, second_ns)]
    rung, shared = rung_ns(protection, direction), shared_ns(protection)
    assert cpu_of(done)[0] == [own[0], own[1] + rung, own[0] + rung + shared, own[1] + rung]


AWAKE = {"pkvm": INJECT + 2_100, "sev-snp": INJECT + 2_260 + 3_060, "tdx": INJECT + 700}
"""An interrupt of a guest that runs."""


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("protection", AWAKE)
def test_batches_that_are_posted_and_restored_convert_once_for_all_their_buffers(
    protection: str, direction: Direction
) -> None:
    """Four buffers by two, two of them ahead: while one batch is used up, the other is shared, beside the frames.

    Of six frames each second leaves a batch to be made private; beside each other one a vCPU shares the next batch, so
    that the guest is awake when it is interrupted.
    """
    path = convert_path(batch=2, ahead=2, behind=True, consume="in_place")
    engine, done = frames(protection, path, direction, 6)
    used_ns = moved_ns(protection) - rung_ns(protection, direction) + found_ns(protection)
    awake_ns = used_ns - INTERRUPT[protection] + AWAKE[protection]
    assert latencies(done) == [awake_ns, used_ns] * 3
    conversions = int(done["conversions"].sum()) + int(engine.state.buffers["conversions"].sum())
    assert conversions == 6 * 2 * PAGES
    assert int(engine.gauges().guests()[0]["conversion_calls"]) == 6
    assert int(engine.gauges().guests()[0]["shared_pages"]) == 2 * PAGES, "what is posted"


PROBES_NS = 9 * 2
"""Behind a frame's slots, where a search begins, nine more positions are looked at before whole sets are free."""


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_through_a_posted_mapping_a_frame_waits_for_one_copy_of_the_guest(protection: str, copier: str) -> None:
    """Mapping, with its copy in and the doorbell, lies before the frame; the next frame answers for it."""
    spec = scenario(protection, copied_by(SWIOTLB | {"posted": True}, copier), host=completion(copier), buffers=1)
    _, done = in_turn(spec, [(number + 1) * APART_NS for number in range(3)])
    assert done["is_intact"].all()
    host_ns = WORKER + MOVED[copier] + INJECT
    guest_ns = INTERRUPT[protection] - INJECT + COPY + PIECES * UNMAP_PIECE
    assert latencies(done) == [host_ns + guest_ns] * 3
    mapped_ns = PIECES * MAP_PIECE + PROBES_NS + COPY + KICK[protection]
    assert cpu_of(done)[0] == [guest_ns, guest_ns + mapped_ns, guest_ns + mapped_ns]
    assert done["copied_bytes"][:, 0].tolist() == [RAW_1080P, 2 * RAW_1080P, 2 * RAW_1080P]


def test_a_posted_mapping_is_of_a_whole_buffer_whatever_comes_in_it() -> None:
    """2 KiB of a buffer of a raw frame: the host copies them, the guest all of the buffer, and gives 12 pieces back."""
    spec = scenario("sev-snp", SWIOTLB | {"posted": True}, buffers=1)
    _, done = in_turn(spec, [APART_NS, 2 * APART_NS], frame_bytes=2048)
    assert latencies(done) == [WORKER + 437 + INTERRUPT["sev-snp"] + COPY + PIECES * UNMAP_PIECE] * 2
    assert done["copied_bytes"].tolist() == [[RAW_1080P, 2048, 0], [2 * RAW_1080P, 2048, 0]]
    assert done["is_intact"].all()


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_what_goes_is_mapped_when_it_comes_also_where_what_comes_is_posted(protection: str) -> None:
    """A packet of 1500 bytes out of a guest that receives, too: 356 ns a copy, 480 ns on the network card."""
    ways = ("from_device", "to_device")
    packets: list[JsonValue] = [
        {"kind": "network", "direction": way, "size": "1500B", "ring": 4, "rate_pps": 1} for way in ways
    ]
    spec = scenario(protection, SWIOTLB | {"posted": True}, guest={"workloads": packets})
    done = run(engine_of(spec), arrivals([(APART_NS, 1, 0)], 1_500, TO_DEVICE))
    sent_ns = KICK[protection] + WORKER + 2 * 356 + 1_500 * 335_544 // MIB
    assert latencies(done) == [MAP_PIECE + sent_ns + UNMAP_PIECE]


@pytest.mark.parametrize("copier", COPIERS)
def test_an_unprotected_guests_posted_buffer_is_found_behind_its_doorbell(copier: str) -> None:
    spec = scenario("none", copied_by(DIRECT | {"posted": True}, copier), host=completion(copier), buffers=1)
    _, done = in_turn(spec, [(number + 1) * APART_NS for number in range(3)])
    host_ns = WORKER + REACHED_ONCE[copier]
    assert latencies(done) == [host_ns + INTERRUPT["none"]] * 3
    guest_ns = INTERRUPT["none"] - INJECT
    assert cpu_of(done)[0] == [guest_ns, *[guest_ns + KICK["none"]] * 2]
    assert done["exits"].tolist() == [1, 2, 2], "the interrupt, and the doorbell that posted the buffer"


@pytest.mark.parametrize("protection", PROTECTED)
def test_what_converts_nothing_posts_ahead_all_the_same(protection: str) -> None:
    """Under no protection `ahead` leaves the doorbell out of the latency, as it does under any."""
    _, done = frames("none", convert_path(ahead=1), FROM_DEVICE, 2, buffers=1)
    assert latencies(done) == [WORKER + COPY + INTERRUPT["none"]] * 2
    _, done = frames(protection, convert_path(ahead=1, keep="forever", consume="in_place"), FROM_DEVICE, 2, buffers=1)
    assert latencies(done)[1] == WORKER + COPY + INTERRUPT[protection]


def exits_between(protection: str) -> int:
    """Exits of a share, or of an unshare, of F: calls and exits to the VMM."""
    return {"pkvm": PAGES, "sev-snp": 12 + 12, "tdx": 1 + 2, "cca": 1}[protection]


@pytest.mark.parametrize("protection", PROTECTED)
def test_exits_of_work_between_transfers_are_the_next_frames(protection: str) -> None:
    """Shared ahead: calls and the doorbell. Restored behind: calls, and on pKVM an exit for each to the host."""
    faults = PAGES if TOUCH_SHARED[protection] else 0
    share, told = exits_between(protection), PAGES if protection == "pkvm" else 0
    _, done = frames(protection, convert_path(ahead=1, behind=True), FROM_DEVICE, 3, buffers=1)
    own = INTERRUPT_EXITS[protection] + faults
    assert (protection in LOSING_CONTENT) or not faults
    assert done["exits"].tolist() == [own, *[own + (share + told) + share + 1] * 2]
