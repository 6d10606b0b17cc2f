"""What a guest held of the host when it died goes to who waits for it, once the step that held it has ended."""

from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.memory_spec import FaultSpec
from tests.unit.hand_prices import KICK, WORKER, pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

MS = 1_000_000
PACKET_BYTES = 1_250
SENT_NS = 10 * MS
"""A packet of 1,250 bytes at 1 Mb/s."""


def test_a_network_card_that_a_dead_guest_was_sending_through_serves_the_next() -> None:
    """Two guests send a packet at once. The first dies half way through its own; the second's then goes out."""
    packets: Values = {"kind": "network", "direction": "to_device", "rate_pps": 1, "size": "1250B"}
    spec = scenario(
        "pkvm",
        pool("none"),
        guest={"count_per_host": 2, "workloads": [packets]},
        host={"nic": {"rate": "1Mb/s"}},
    )
    fault = FaultSpec.model_validate({"guest": "raw", "at": "5ms", "access": "host_load", "offset": "1GiB"})
    engine = engine_of(spec.model_copy(update={"faults": (fault,)}))
    frames = arrivals([(0, 0, 0), (0, 1, 0)], PACKET_BYTES, direction=1)
    first, second = run(engine, frames, 1_000 * MS)
    begins_ns = KICK["pkvm"] + WORKER
    assert (first["outcome"], first["reason"]) == (Ending.DROPPED, DropReason.GUEST_DIED)
    assert first["ended_ns"] == begins_ns + SENT_NS, "what the card has begun to send it sends"
    assert second["outcome"] == Ending.DELIVERED
    assert second["handed_ns"] == begins_ns + 2 * SENT_NS
    assert second["ledger"][Category.QUEUE_WAIT] == SENT_NS
