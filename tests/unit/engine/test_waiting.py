"""Who waits is not overtaken, not even by one for whom there is room: a writer comes before later readers."""

from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import (
    CONVERT_4K,
    COPY,
    FAULTS,
    INJECT,
    KICK,
    LAZY,
    LAZY_SHARED,
    PAGES,
    WORKER,
    share_frame,
)
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

VIDEO: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}
THIRD_VCPU = 200
"""What a flush takes for one vCPU more."""
SHOT_DOWN = (1 + PAGES) * (4_300 + 100)
"""What who has a vCPU pays for another's conversion, before he leaves it."""


def test_a_reader_waits_behind_a_writer_that_waits_although_others_are_reading() -> None:
    """Three streams of a TDX guest of three vCPUs, whose monitor maps nothing ahead. S: a share; h: from its end to
    its interrupt's; R: a frame's faults; X: what the first's share costs the second, who has a vCPU meanwhile.

    The first shares until S, the second until 2S. The first finds that at S + h, and its faults begin at 2S. The third
    comes to share 1 ns later and waits for their end. The second would read from 2S + X + h on, when the first still
    does, and must let the third go first, from 2S + R to 3S + R.
    """
    share_ns = share_frame("tdx", maps_ahead=False) + THIRD_VCPU
    reads_ns = PAGES * LAZY_SHARED["tdx"]
    handed_ns = KICK["tdx"] + WORKER + FAULTS + COPY + INJECT + 700
    assert handed_ns + SHOT_DOWN < min(share_ns, reads_ns)
    spec = scenario("tdx", CONVERT_4K, guest={"vcpus": 3, "workloads": [VIDEO] * 3}, host=LAZY)
    engine = engine_of(spec, journal_entries=1_000)
    run(engine, arrivals([(0, 0, 0), (0, 1, 0), (2 * share_ns + 1, 2, 0)]))
    entries = engine.gauges().journal()
    waits = [
        (int(entry["started_ns"]), int(entry["spent_ns"]))
        for entry in entries
        if entry["category"] == Category.LOCK_WAIT
    ]
    assert waits[:4] == [
        (0, share_ns),
        (share_ns + handed_ns, share_ns - handed_ns),
        (2 * share_ns + 1, reads_ns - 1),
        (2 * share_ns + SHOT_DOWN + handed_ns, share_ns + reads_ns - SHOT_DOWN - handed_ns),
    ]
