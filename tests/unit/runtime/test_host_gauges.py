"""What a host answers of itself: sums and gauges that hold, and that nobody can write to."""

import numpy as np
import pytest

from cluster_sim.runtime.host_sums import Tally, tallies_of
from tests.unit.lone_host import FAR_NS, RAW_1080P, Values, arrivals, engine_of, run, scenario

SLOTS_OF_A_FRAME = -(-RAW_1080P // 2048)


def test_totals_are_what_each_stream_submitted_and_what_became_of_it() -> None:
    engine = engine_of(scenario("sev-snp", {"kind": "swiotlb"}, guest={"count_per_host": 2}))
    run(engine, arrivals([(0, 0, 0), (0, 1, 0), (20_000_000, 1, 1)]), FAR_NS)
    totals = engine.gauges().totals()
    assert totals.guest.tolist() == [0, 1]
    assert totals.submitted.tolist() == [1, 2]
    assert totals.of("delivered").tolist() == [1, 2]
    assert totals.of("delivered_bytes").tolist() == [RAW_1080P, 2 * RAW_1080P]


def test_a_pool_was_used_by_one_frame_at_most_when_frames_come_apart() -> None:
    engine = engine_of(scenario("sev-snp", {"kind": "swiotlb", "mapping": "per_transfer"}))
    run(engine, arrivals([(0, 0, 0), (20_000_000, 0, 1)]), FAR_NS)
    pools = engine.gauges().pools()
    assert pools.slots_used.tolist() == [0]
    assert SLOTS_OF_A_FRAME <= pools.slots_hiwater[0] < 2 * SLOTS_OF_A_FRAME
    assert pools.slots_refused.tolist() == [0]


def test_answers_cannot_be_written_to() -> None:
    gauges = engine_of(scenario("sev-snp", {"kind": "swiotlb"}), journal_entries=8).gauges()
    for answer in (*gauges.totals(), *gauges.pools(), gauges.journal()):
        with pytest.raises(ValueError, match="read-only"):
            answer[...] = np.zeros((), answer.dtype)


def test_the_longest_latency_is_of_what_was_delivered_since_it_was_last_taken() -> None:
    engine = engine_of(scenario("sev-snp", {"kind": "swiotlb"}))
    (first,) = run(engine, arrivals([(0, 0, 0)]), 20_000_000)
    assert engine.take_latency_ns_max().tolist() == [first["ended_ns"] - first["submitted_ns"]]
    assert engine.take_latency_ns_max().tolist() == [0]


def test_a_tally_is_a_workload_of_a_guest_whatever_the_number_of_its_queues() -> None:
    block: Values = {"kind": "block", "rw": "randread", "bs": "4KiB", "iodepth": 1, "numjobs": 3, "deadline": "1ms"}
    engine = engine_of(scenario("none", {"kind": "direct"}, guest={"count_per_host": 2, "workloads": [block]}))
    tallies, of_stream = tallies_of(engine.streams)
    assert tallies == [Tally(0, 0, "requests"), Tally(1, 0, "requests")]
    assert of_stream.tolist() == [0, 0, 0, 1, 1, 1]
