"""A frame from one guest to another on an idle host: the sum of both ways, by hand, from end to end.

The host has the frame when its worker has read it from the sender; then the receiver's own stream begins, and what the
sender still has to do runs beside it. The host copies twice: neither guest can map what is the other's.
"""

import pytest

from cluster_sim.io_paths.steps import Direction
from cluster_sim.results.endings import Ending
from tests.unit.hand_prices import (
    CONVERT_4K,
    COPY,
    DIRECT,
    FAULTS,
    INTERRUPT,
    KICK,
    LONG_LIVED,
    MAP_PIECE,
    PAGES,
    PIECES,
    SWIOTLB,
    TECHNOLOGIES,
    TOUCH_SHARED,
    UNMAP,
    UNMAP_PIECE,
    WORKER,
    convert,
    pool,
    share_frame,
    unshare_frame,
)
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, run, scenario

SENDER, RECEIVER = 0, 2
"""Streams of the host: between them lies the one that the receiver has of its own."""


def sent_and_received(protection: str, path: Values) -> tuple[int, int, int]:
    """Latencies of the sender's transfer, of the receiver's, and from end to end."""
    spec = scenario(protection, path, direction="to_guest", to={"guest": "other"})
    own = scenario(protection, path, guest={"name": "other"})
    spec = spec.model_copy(update={"guests": (*spec.guests, *own.guests)})
    engine = engine_of(spec, is_alone=True)
    done = run(engine, arrivals([(0, SENDER, 0)], direction=Direction.TO_DEVICE))
    rows = {int(row["stream"]): row for row in done}
    assert sorted(rows) == [SENDER, RECEIVER]
    for row in rows.values():
        assert (row["outcome"], row["is_intact"]) == (Ending.DELIVERED, 1)
        assert row["copied_bytes"][1] in (0, RAW_1080P)
    sent, received = rows[SENDER], rows[RECEIVER]
    assert received["origin_ns"] == sent["submitted_ns"] == 0
    return (
        int(sent["ended_ns"] - sent["submitted_ns"]),
        int(received["ended_ns"] - received["submitted_ns"]),
        int(received["ended_ns"] - received["origin_ns"]),
    )


def told(protection: str) -> int:
    return WORKER + INTERRUPT[protection]


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_on_both_ends_it_is_copied_five_times(protection: str) -> None:
    handed_ns = PIECES * MAP_PIECE + COPY + KICK[protection] + WORKER + COPY
    cleaned_ns = INTERRUPT[protection] + PIECES * UNMAP_PIECE
    received_ns = PIECES * (MAP_PIECE + UNMAP_PIECE) + 3 * COPY + KICK[protection] + told(protection)
    expected = (handed_ns + cleaned_ns, received_ns, handed_ns + received_ns)
    assert sent_and_received(protection, SWIOTLB) == expected


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_bounced_through_mappings_that_stay_it_is_copied_four_times(protection: str) -> None:
    sent_ns = COPY + KICK[protection] + WORKER + COPY
    received_ns = told(protection) + 2 * COPY
    assert sent_and_received(protection, LONG_LIVED) == (sent_ns, received_ns, sent_ns + received_ns)


@pytest.mark.parametrize(("copied", "copies"), [("none", 0), ("producer", 1), ("consumer", 1), ("both", 2)])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_through_shared_pools_it_is_copied_as_asked_for_at_each_end(protection: str, copied: str, copies: int) -> None:
    sent_ns = KICK[protection] + WORKER + copies * COPY
    received_ns = told(protection) + copies * COPY
    assert sent_and_received(protection, pool(copied)) == (sent_ns, received_ns, sent_ns + received_ns)


@pytest.mark.parametrize("protection", ["sev-snp", "tdx", "cca"])
def test_converted_on_both_ends_the_senders_unshare_runs_beside_the_receiver(protection: str) -> None:
    touched = PAGES * TOUCH_SHARED[protection]
    handed_ns = share_frame(protection) + touched + KICK[protection] + WORKER + FAULTS + COPY
    cleaned_ns = INTERRUPT[protection] + unshare_frame(protection)
    filled_ns = share_frame(protection) + KICK[protection] + FAULTS + COPY + told(protection)
    received_ns = filled_ns + touched + COPY + unshare_frame(protection)
    expected = (handed_ns + cleaned_ns, received_ns, handed_ns + received_ns)
    assert sent_and_received(protection, CONVERT_4K) == expected


def test_on_pkvm_the_senders_unshare_and_the_receivers_share_meet_at_the_hosts_lock() -> None:
    """The receiver's 760 x 2 us under the lock begin after its calls, the sender's 760 x 3 us after interrupt and
    calls, for the sender's worker has unmapped the pages; from there on each has half the lock, until the receiver's
    are done.
    """
    path = convert(unmapped_by="host")
    receiver_begins, sender_begins = PAGES * 500, INTERRUPT["pkvm"] + PAGES * 500
    left_then = PAGES * 2_000 - (sender_begins - receiver_begins)
    assert 0 < left_then < PAGES * 3_000
    unshare_ns = unshare_frame("pkvm", unmapped_by="host")
    handed_ns = share_frame("pkvm") + KICK["pkvm"] + WORKER + FAULTS + COPY + UNMAP
    received_ns = share_frame("pkvm") + unshare_ns + KICK["pkvm"] + FAULTS + COPY + told("pkvm")
    cleaned_ns = INTERRUPT["pkvm"] + unshare_ns - UNMAP
    expected = (
        handed_ns + cleaned_ns + left_then,
        received_ns + left_then,
        handed_ns + received_ns + left_then,
    )
    assert sent_and_received("pkvm", path) == expected


def test_guests_that_nobody_protects_pass_it_through_the_host() -> None:
    handed_ns = KICK["none"] + WORKER + COPY
    received_ns = KICK["none"] + COPY + told("none")
    expected = (handed_ns + INTERRUPT["none"], received_ns, handed_ns + received_ns)
    assert sent_and_received("none", DIRECT) == expected
