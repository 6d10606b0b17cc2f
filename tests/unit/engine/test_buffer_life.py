"""Buffers between transfers, corner by corner: batches, closing and reopening, idle time, bounds, pins, pools, death.

Most run on free prices, where nothing takes time but the consumer's 1 ms on the page where it lies, so that each
instant is known by hand.
"""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import NOBODY, ON_PIN_RETRY
from cluster_sim.io_paths.steps import Direction, Op
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.host_engine import NO_ARRIVALS, HostEngine
from cluster_sim.scenario.memory_spec import FaultSpec
from tests.unit.hand_prices import FAULTS, PAGES, PROTECTED, SWIOTLB, WORKER
from tests.unit.hand_strategies import convert_path, found_ns, latencies, moved_ns, shared_ns, unshared_ns
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

MS = 1_000_000
US = 1_000
WORK_NS = MS


def in_place(**fields: JsonValue) -> Values:
    """A path that converts, whose consumer works on the shared page, before that is made private."""
    return convert_path(consume="in_place", **fields)


def free_host(path: Values, buffers: int, memory: Values | None = None, protection: str = "sev-snp") -> HostEngine:
    """One stream of a guest with vCPUs enough, on which only the consumer's work takes time."""
    spec = scenario(
        protection,
        path,
        profile="free",
        consume="1ms",
        guest={"vcpus": 8},
        host={"guest_faults": "lazy"},
        memory=memory,
        buffers=buffers,
    )
    return engine_of(spec)


def at(engine: HostEngine, instants_us: list[int], until_us: int = 1_000_000) -> Records:
    """Frames at these instants, in the order of their numbers."""
    frames = arrivals([(instant * US, 0, number) for number, instant in enumerate(instants_us)])
    done = run(engine, frames, until_us * US)
    ordered: Records = done[np.argsort(done["frame"])]
    return ordered


def shared_at(engine: HostEngine, instants_us: list[int]) -> list[int]:
    """Buffers' worth of pages that are shared just before each instant."""
    found = []
    for instant in instants_us:
        run(engine, NO_ARRIVALS, instant * US)
        found.append(int(engine.gauges().guests()[0]["shared_pages"]) // PAGES)
    return found


def ends_us(done: Records) -> list[float]:
    found: list[float] = (done["ended_ns"] / US).tolist()
    return found


@pytest.mark.parametrize("keep", [{"uses": 1}, {"most": "4KiB"}], ids=["used-up", "over-most"])
def test_a_batch_of_which_a_buffer_is_in_use_stays_shared_until_that_is_done(keep: Values) -> None:
    """The first frame is done at 1 ms, while the second uses the other buffer until 1.5 ms."""
    engine = free_host(in_place(batch=2, keep=keep), buffers=2)
    done = at(engine, [0, 500], until_us=1_200)
    assert ends_us(done) == [1_000]
    assert shared_at(engine, [1_499, 1_501]) == [2, 0]
    assert int(engine.gauges().guests()[0]["conversion_calls"]) == 2


PINNED: Values = {"pins": {"lasts": "3ms"}, "on_pin": "wait"}


def test_a_buffer_of_a_batch_that_is_about_to_be_private_is_taken_by_nobody() -> None:
    """Pins refuse the second frame from 3.5 to 5.5 ms. Who comes at 4 ms takes a buffer of the next batch."""
    done = at(free_host(in_place(batch=2), buffers=4, memory=PINNED), [0, 2_500, 4_000])
    assert done["buffer"].tolist() == [0, 1, 2]
    assert ends_us(done) == [1_000, 5_500, 5_000]


def test_who_waited_while_all_buffers_were_closing_gets_those_of_the_batch_that_is_open_again() -> None:
    """Both come while nothing is free but a buffer that closes, and go on at 5.5 ms; the second has the one given back.

    They share both buffers anew, and pin them until 8.5 ms, when the later one makes them private.
    """
    done = at(free_host(in_place(batch=2), buffers=2, memory=PINNED), [0, 2_500, 4_000, 4_100])
    assert done["buffer"].tolist() == [0, 1, 0, 1]
    assert done["ledger"][:, Category.QUEUE_WAIT].tolist() == [0, 0, 1_500 * US, 1_400 * US]
    assert ends_us(done) == [1_000, 5_500, 6_500, 8_500]
    assert done["conversions"].tolist() == [2 * PAGES] * 4


@pytest.mark.parametrize("protection", PROTECTED)
def test_nobody_uses_a_buffer_of_a_batch_before_all_of_it_is_shared(protection: str) -> None:
    """The second frame comes while the first shares both buffers, and finds its own not shared yet."""
    spec = scenario(protection, convert_path(batch=2), buffers=2)
    done = run(engine_of(spec), arrivals([(100 * MS, 0, 0), (100 * MS + 10 * US, 0, 1)]))
    shared_at_ns = 100 * MS + shared_ns(protection, buffers=2)
    assert done["ended_ns"].min() > shared_at_ns + WORKER + FAULTS


@pytest.mark.parametrize("vmm", ["qemu-10", "minimal"])
@pytest.mark.parametrize("early_ns", [10 * US, 400 * US, 1_500 * US])
@pytest.mark.parametrize("protection", ["sev-snp", "tdx"])
def test_a_batch_is_open_again_when_it_is_private_for_good(protection: str, early_ns: int, vmm: str) -> None:
    """Until the last page is accepted nobody shares it anew: who comes while the second frame sees to it waits."""
    spec = scenario(protection, convert_path(batch=2), buffers=2, host={"vmm": vmm}, when_full="wait")
    two = [(100 * MS, 0, 0), (200 * MS, 0, 1)]
    alone = run(engine_of(spec), arrivals(two))
    end_ns = int(alone["ended_ns"][1])
    done = run(engine_of(spec), arrivals([*two, (end_ns - early_ns, 0, 2)]))
    ordered = done[np.argsort(done["frame"])]
    assert ordered["ended_ns"][1] == end_ns
    assert ordered["ledger"][2, Category.QUEUE_WAIT] == early_ns
    assert ordered["buffer"].tolist() == [0, 1, 0]
    assert ordered["is_intact"].all()


def test_a_batch_waits_for_the_pins_on_all_of_its_buffers() -> None:
    """The first frame's buffer is pinned for 3 ms; the second, whose own is not, must wait for that."""
    memory: Values = {"pins": {"lasts": "3ms", "every": 2}, "on_pin": "wait"}
    done = at(free_host(in_place(batch=2), buffers=2, memory=memory), [0, 500])
    assert ends_us(done) == [1_000, 3_000]


def test_idle_buffers_are_made_private_each_at_its_own_time_beside_traffic() -> None:
    """Bound 5 ms. Buffer 0 is used until 1 and 4 ms, buffer 1 until 1.5 and from 6.45, just in time, to 7.45 ms."""
    engine = free_host(in_place(keep={"idle": "5ms"}), buffers=2)
    done = at(engine, [0, 500, 3_000, 6_450], until_us=8_000)
    assert done["buffer"].tolist() == [0, 1, 0, 1]
    assert done["conversions"].tolist() == [PAGES, PAGES, 0, 0]
    assert shared_at(engine, [8_999, 9_001, 12_449, 12_451]) == [2, 1, 1, 0]
    assert engine.in_flight == 0, "nobody looks on when nothing is shared"
    assert not engine.state.streams[0]["is_reaping"]
    later = run(engine, arrivals([(20 * MS, 0, 4)]), 30 * MS)
    assert later["conversions"].tolist() == [2 * PAGES], "its own share, and what was done to its buffer meanwhile"


def test_a_batch_has_been_idle_for_as_long_as_none_of_its_buffers_was_used() -> None:
    """Both are used until 1.5 ms, then one until 3.5 ms: both are private at 8.5 ms, by one conversion."""
    engine = free_host(in_place(batch=2, keep={"idle": "5ms"}), buffers=2)
    at(engine, [0, 500, 2_500], until_us=4_000)
    assert shared_at(engine, [8_499, 8_501]) == [2, 0]
    assert int(engine.gauges().guests()[0]["conversion_calls"]) == 2


def test_of_three_buffers_in_use_at_once_two_may_stay_shared() -> None:
    """The first that is done finds three shared, the others two."""
    engine = free_host(in_place(keep={"most": f"{2 * PAGES * 4}KiB"}), buffers=3)
    done = at(engine, [0, 100, 200])
    assert done["conversions"].tolist() == [2 * PAGES, PAGES, PAGES]
    assert int(engine.gauges().guests()[0]["left_shared_pages"]) == 2 * PAGES


@pytest.mark.parametrize(("on_pin", "end_us"), [("retry", 5_100), ("wait", 5_000), ("defer", 3_000)])
def test_the_last_use_of_a_kept_buffer_meets_the_pins_of_all(on_pin: str, end_us: int) -> None:
    """Two uses, each pinned for 3 ms: the second, at 2 ms, has the pins stay until 5 ms, and is worked on by 3 ms.

    Who tries every 100 us comes just before they go at 5 ms, and once more. Who defers goes on; the pages follow.
    """
    memory: Values = {"pins": {"lasts": "3ms"}, "on_pin": on_pin}
    engine = free_host(in_place(keep={"uses": 2}), buffers=2, memory=memory)
    done = at(engine, [0, 2_000], until_us=4_900)
    assert done["buffer"].tolist() == [0, 0][: len(done)]
    assert shared_at(engine, [4_999, 5_001]) == [1, 1 if on_pin == "retry" else 0]
    assert shared_at(engine, [5_101]) == [0]
    guest = engine.gauges().guests()[0]
    assert int(guest["refusals"]) == {"retry": 21, "wait": 1, "defer": 0}[on_pin]
    assert int(guest["deferred_pages"]) == (PAGES if on_pin == "defer" else 0)
    assert int(guest["left_shared_pages"]) == 0
    ended = at_end(engine)
    assert ended == end_us


def at_end(engine: HostEngine) -> float:
    """When the last that ended did."""
    return float(engine.host.state.sums[0, -1]) / US


@pytest.mark.parametrize(("on_pin", "private_us"), [("retry", 5_000), ("wait", 5_000), ("defer", 5_000)])
def test_idle_buffers_that_are_pinned_become_private_when_the_pins_have_gone(on_pin: str, private_us: int) -> None:
    """Bound 1 ms, pins until 5 ms: whoever makes it private tries at 2 ms, and who comes at 3 ms waits for him."""
    memory: Values = {"pins": {"lasts": "5ms", "every": 2}, "on_pin": on_pin}
    engine = free_host(in_place(keep={"idle": "1ms"}), buffers=1, memory=memory)
    done = at(engine, [0, 3_000], until_us=4_000)
    assert len(done) == 1
    assert on_pin == "defer" or int(engine.gauges().guests()[0]["refusals"]) > 0
    assert shared_at(engine, [private_us]) == [1]
    if on_pin != "defer":
        later = run(engine, NO_ARRIVALS, 100 * MS)
        waited_us = 2_100 if on_pin == "retry" else 2_000
        assert later["ledger"][:, Category.QUEUE_WAIT].tolist() == [waited_us * US]


FULL: Values = SWIOTLB | {"posted": True, "pool": "4MiB", "areas": 1}
"""A raw frame takes 3 MiB of 4: one buffer can be mapped."""


def test_a_frame_that_comes_while_the_pool_has_no_slots_to_post_a_buffer_is_dropped() -> None:
    """At SNP's prices the first has its slots for 0.7 ms, and no other buffer can be mapped; behind it one is.

    What the search in vain took of a vCPU is in no latency, and answered for by the next frame of its buffer.
    """
    engine = engine_of(scenario("sev-snp", FULL, buffers=3), journal_entries=1_000)
    done = at(engine, [100_000, 100_300, 105_000, 110_000])
    assert done["outcome"].tolist() == [Ending.DELIVERED, Ending.DROPPED, Ending.DELIVERED, Ending.DELIVERED]
    assert done["reason"].tolist() == [0, DropReason.SWIOTLB_FULL, 0, 0]
    assert latencies(done)[1] == 0
    assert len(set(latencies(done)[2:])) == 1
    assert_answered_for(engine, done)


def test_who_waits_for_a_buffer_that_then_finds_no_slots_is_dropped_with_it() -> None:
    """A pool of two buffers, and two streams: one of a buffer and 1 ms of work, one of two buffers and none.

    The first stream's slots are free while its guest works, and go to the second's other buffer. When its own buffer is
    to be mapped again, at 1 ms, there are none, and its second frame has waited since 0.1 ms.
    """
    small: Values = {"kind": "raw", "width": 640, "height": 480, "format": "nv12", "fps": 60}
    streams: list[JsonValue] = [
        {"kind": "video", "source": small, "deadline": "16ms", "when_full": "wait", "buffers": buffers, "consume": work}
        for buffers, work in ((1, "1ms"), (2, "0us"))
    ]
    path: Values = SWIOTLB | {"posted": True, "pool": "1MiB", "areas": 1}
    engine = engine_of(scenario("sev-snp", path, profile="free", guest={"workloads": streams}))
    frames = arrivals([(0, 0, 0), (0, 1, 0), (100 * US, 0, 1), (100 * US, 1, 1)], 460_800)
    done = run(engine, frames)
    rows = {(int(row["stream"]), int(row["frame"])): row for row in done}
    assert {key: row["outcome"] for key, row in rows.items()} == {
        (0, 0): Ending.DELIVERED,
        (1, 0): Ending.DELIVERED,
        (1, 1): Ending.DELIVERED,
        (0, 1): Ending.DROPPED,
    }
    assert (rows[0, 1]["reason"], rows[0, 1]["ended_ns"]) == (DropReason.SWIOTLB_FULL, MS)


@pytest.mark.parametrize("buffers", [1, 2, 3])
def test_a_buffer_that_found_no_slots_before_the_run_is_free(buffers: int) -> None:
    stream = free_host(FULL, buffers).state.streams[0]
    assert (int(stream["posted_buffers"]), int(stream["free_buffers"])) == (1, buffers - 1)


def assert_answered_for(engine: HostEngine, done: Records) -> None:
    """CPU time, copies and exits of all steps are those of transfers, but for what a buffer still keeps."""
    journal, steps, left = engine.gauges().journal(), engine.spec.steps, engine.state.buffers
    runners = steps["runner"][journal["step"]]
    for cpu, runner in enumerate((1, 2)):
        spent = int(journal["spent_ns"][runners == runner].sum())
        assert spent == int(done["cpu_ns"][:, cpu].sum()) + int(left["cpu_ns"][:, cpu].sum())
    exits = steps["exits"][journal["step"]]
    if engine.spec.policy.on_pin != ON_PIN_RETRY and (steps["op"][journal["step"]] == Op.AGAIN).any():
        return  # a wait for pins and the attempt that it was for are two entries, and one exit
    counted = exits >= 0
    taken = int(journal["counts"][np.flatnonzero(counted), exits[counted]].sum())
    assert taken == int(done["exits"].sum()) + int(left["exits"].sum())


STRATEGIES: list[Values] = [
    convert_path(keep={"uses": 3}),
    convert_path("2MiB", keep={"idle": "9ms"}),
    convert_path(keep={"most": "4MiB"}, behind=True),
    convert_path(ahead=2),
    convert_path(ahead=1, behind=True),
    convert_path(batch=2, behind=True, consume="in_place"),
    convert_path("2MiB", batch=2, ahead=2, keep={"uses": 2, "idle": "30ms"}, behind=True),
    SWIOTLB | {"posted": True},
]


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: "-".join(map(str, path.values())))
@pytest.mark.parametrize("protection", ["pkvm", "sev-snp", "tdx", "cca"])
def test_what_is_done_between_transfers_is_answered_for_by_transfers(
    protection: str, path: Values, direction: Direction
) -> None:
    """Frames one upon the other, then apart; conversions and pages agree with what is shared at the end."""
    if direction == Direction.TO_DEVICE and path["kind"] == "swiotlb":
        path = path | {"posted": False}
    spec = scenario(protection, path, buffers=4, direction=direction.name.lower())
    engine = engine_of(spec, journal_entries=10_000)
    boot = int(engine.state.guests[0]["left_shared_pages"])
    instants = [100_000, 100_700, 101_000, 190_000, 200_000, 201_500, 330_000, 400_000]
    frames = arrivals([(instant * US, 0, n) for n, instant in enumerate(instants)], direction=direction)
    done = run(engine, frames)
    assert (done["outcome"] == Ending.DELIVERED).all()
    assert done["is_intact"].all()
    assert engine.in_flight == 0
    assert_answered_for(engine, done)
    left, guest = engine.state.buffers, engine.state.guests[0]
    converted = int(done["converted_pages"].sum()) + int(left["converted_pages"].sum())
    granules = int(done["conversions"].sum()) + int(left["conversions"].sum())
    assert granules * int(engine.spec.streams[0]["granule_pages"]) == converted
    shared = int((left["shared_granules"] * engine.spec.streams[0]["granule_pages"]).sum())
    assert shared == int(guest["left_shared_pages"])
    assert (converted - (shared - boot)) % 2 == 0, "as much was made private as was shared and is not"


@pytest.mark.parametrize("path", STRATEGIES[:-1], ids=lambda path: "-".join(map(str, path.values())))
def test_a_secret_in_a_buffer_is_exposed_once_however_often_and_long_it_is_shared(path: Values) -> None:
    """On pKVM, which keeps what a page held: four buffers, all of which are used."""
    engine = engine_of(scenario("pkvm", path | {"granule": "4KiB"}, buffers=4))
    instants = [100_000, 100_100, 100_200, 100_300, 200_000, 200_100, 200_200, 200_300, 300_000]
    done = at(engine, instants)
    assert done["is_intact"].all()
    assert int(engine.gauges().guests()[0]["exposed_pages"]) == 4 * PAGES
    assert int(engine.gauges().guests()[0]["leaked_pages"]) == 0


def test_what_no_frame_overwrites_is_exposed_by_each_sharing_and_not_by_each_use() -> None:
    """Of two granules of 2 MiB a frame fills 760 pages; six uses of one buffer share it twice."""
    engine = engine_of(scenario("pkvm", convert_path("2MiB", keep={"uses": 3}), buffers=1))
    at(engine, [number * 100_000 for number in range(1, 7)])
    assert int(engine.gauges().guests()[0]["exposed_pages"]) == 1_024 + (1_024 - PAGES)


@pytest.mark.parametrize(
    ("path", "dies_us"),
    [
        (convert_path(behind=True), 105_000),
        (convert_path(ahead=1), 107_500),
        (convert_path(keep={"idle": "10ms"}), 106_000),
        (convert_path(keep={"idle": "10ms"}), 115_000),
    ],
    ids=["restoring", "posting", "resting", "reaping"],
)
def test_work_between_transfers_ends_with_its_guest(path: Values, dies_us: int) -> None:
    """The guest dies while a vCPU of it shares or makes private, or waits for that; EL2's lock is free then."""
    spec = scenario("pkvm", path, guest={"count_per_host": 2}, buffers=1)
    fault = FaultSpec.model_validate({"guest": "raw", "at": f"{dies_us}us", "access": "host_load", "offset": "1GiB"})
    engine = engine_of(spec.model_copy(update={"faults": (fault,)}))
    done = run(engine, arrivals([(100 * MS, 0, 0)]), dies_us * US)
    assert done["outcome"].tolist() == [Ending.DELIVERED]
    later = run(engine, arrivals([(200 * MS, 0, 1), (200 * MS, 1, 0)]), 1_000 * MS)
    assert later["reason"].tolist() == [DropReason.GUEST_DIED, 0]
    assert later["ledger"][1, Category.LOCK_WAIT] == 0
    assert engine.in_flight == 0
    of_dead = engine.spec.streams[0]["servers"][:6]
    assert (engine.state.servers["held"][of_dead] == 0).all()
    assert (engine.state.wait_queues["first"] == NOBODY).all()


def test_the_times_at_which_that_guest_dies_are_within_that_work() -> None:
    """On pKVM: 100 ms and a frame, from whose end on F is made private, or made private and shared again."""
    around = moved_ns("pkvm") + found_ns("pkvm") + shared_ns("pkvm")
    copied = around + 344_348
    assert 100 * MS + copied < 105 * MS < 100 * MS + copied + unshared_ns("pkvm")
    used = moved_ns("pkvm") - 2_600 + found_ns("pkvm") + unshared_ns("pkvm")
    assert 100 * MS + used < 107_500 * US < 100 * MS + used + shared_ns("pkvm")
    assert 106 * MS < 100 * MS + copied + 10 * MS < 115 * MS < 100 * MS + copied + 10 * MS + unshared_ns("pkvm")
