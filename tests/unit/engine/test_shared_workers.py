"""Queues that share a thread of the host wait for it and ring for it each by itself; a guest that dies lets it go."""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.io_paths.steps import Op, Resource
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.memory_spec import FaultSpec
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.hand_prices import COPY, INJECT, KICK, LONG_LIVED, TECHNOLOGIES, WORKER, pool
from tests.unit.lone_host import Values, arrivals, engine_of, run, scenario

SERVE = 2_000
VIDEO: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 1920, "height": 1080, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}
SENT: Values = {"kind": "network", "direction": "to_device", "size": "1500B", "rate_pps": 1}


def served(
    per: str, *workloads: JsonValue, threads: int = 1, guests: int = 1, cpus: int = 4096, protection: str = "pkvm"
) -> ScenarioSpec:
    """Guests whose queues are served by threads of the host as `per` says."""
    guest: Values = {"vcpus": 8, "count_per_host": guests, "workloads": list(workloads)}
    host: Values = {"workers": {"per": per, "threads": threads}, "cpus": cpus}
    return scenario(protection, pool("producer"), guest=guest, host=host)


def one_each(spec: ScenarioSpec, streams: int) -> Records:
    """A frame at once on each stream, in the order of the streams."""
    done = run(engine_of(spec), arrivals([(0, stream, 0) for stream in range(streams)]))
    ordered: Records = done[np.argsort(done["stream"])]
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"]).all()
    return ordered


def waits(spec: ScenarioSpec, streams: int) -> list[int]:
    found: list[int] = one_each(spec, streams)["ledger"][:, Category.QUEUE_WAIT].tolist()
    return found


IN_TURN = [0, WORKER + COPY + INJECT, WORKER + COPY + INJECT + SERVE + COPY + INJECT]
"""The second waits for all of the first, the third for what the second takes of a worker that is awake."""


@pytest.mark.parametrize(
    ("per", "expected"), [("queue", [0, 0, 0]), ("device", [0, 0, 0]), ("guest", IN_TURN), ("host", IN_TURN)]
)
def test_three_devices_of_a_guest_wait_for_the_thread_that_all_share(per: str, expected: list[int]) -> None:
    assert waits(served(per, VIDEO, VIDEO, VIDEO), 3) == expected


@pytest.mark.parametrize(("per", "expected"), [("guest", [0, 0, 0]), ("host", IN_TURN)])
def test_guests_wait_for_each_others_thread_only_where_the_host_has_one_for_all(per: str, expected: list[int]) -> None:
    assert waits(served(per, VIDEO, guests=3), 3) == expected


def test_queues_are_dealt_to_the_threads_in_turn() -> None:
    """Of two threads the first serves the first and the third queue."""
    assert waits(served("guest", VIDEO, VIDEO, VIDEO, threads=2), 3) == [0, 0, IN_TURN[1]]
    assert waits(served("guest", VIDEO, VIDEO, VIDEO, threads=3), 3) == [0, 0, 0]


@pytest.mark.parametrize("per", ["queue", "device"])
@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_queue_rings_for_a_thread_that_is_busy_with_another(protection: str, per: str) -> None:
    """The worker has told the first queue alone that it needs no doorbell; of its own second packet it hears so."""
    kick = KICK[protection]
    spec = served(per, SENT | {"queues": 2}, protection=protection)
    frames = [(0, 0, 0), (kick + 1, 0, 1), (kick + 2, 1, 0)]
    done = run(engine_of(spec), arrivals(frames, 1500, 1))
    ordered = done[np.lexsort((done["frame"], done["stream"]))]
    assert ordered["ledger"][:, Category.EXIT].tolist() == [kick, 0, kick]
    assert (ordered["ledger"].sum(axis=1) == ordered["ended_ns"] - ordered["submitted_ns"]).all()


def test_threads_that_share_leave_cpus_to_others() -> None:
    """Eight vCPUs and four queues: twelve may run at a time where each has a thread, nine where one serves all."""
    for per, may_run in (("queue", 12), ("device", 9)):
        for cpus, are_short in ((may_run - 1, True), (may_run, False)):
            steps = engine_of(served(per, SENT | {"queues": 4}, cpus=cpus)).spec.steps
            asks = (steps["op"] == Op.ACQUIRE) & (steps["resource"] == Resource.CPU)
            assert asks.any() == are_short, (per, cpus)


@pytest.mark.parametrize(
    ("per", "named"),
    [
        ("queue", "raw 0, workload 1, queue 1"),
        ("device", "raw 0, workload 1"),
        ("guest", "raw 0"),
        ("host", "the host"),
    ],
)
def test_the_busiest_worker_is_told_by_whom_it_serves(per: str, named: str) -> None:
    spec = served(per, SENT, SENT | {"queues": 2}, guests=2)
    engine = engine_of(spec)
    run(engine, arrivals([(0, 2, 0), (0, 0, 0), (1, 2, 1)], 1500, 1))
    gauges = engine.gauges()
    assert gauges.busiest_worker() == named
    busy = gauges.busy_times()
    assert busy.busiest_worker_ns <= busy.worker_busy_ns
    assert (busy.busiest_worker_ns == busy.worker_busy_ns) == (per in ("guest", "host"))


def test_who_dies_in_the_line_for_a_shared_thread_leaves_it_and_who_has_it_ends_his_step() -> None:
    """Frames of three guests; the one that the worker copies for dies half way, and so does the next in line's."""
    spec = served("host", VIDEO | {"buffers": 2}, guests=3)
    at_ns = WORKER + COPY // 2
    deaths = tuple(
        FaultSpec.model_validate(
            {"guest": "raw", "index": index, "at": f"{at_ns}ns", "access": "host_load", "offset": "1GiB"}
        )
        for index in (0, 1)
    )
    engine = engine_of(spec.model_copy(update={"faults": deaths}))
    done = run(engine, arrivals([(0, 0, 0), (1, 1, 0), (2, 2, 0), (3, 1, 1)]), 1 << 40)
    assert len(done) == 4
    ordered = done[np.lexsort((done["frame"], done["stream"]))]
    assert ordered["outcome"].tolist() == [Ending.DROPPED] * 3 + [Ending.DELIVERED]
    assert ordered["reason"][:3].tolist() == [DropReason.GUEST_DIED] * 3
    assert ordered["ended_ns"][:3].tolist() == [WORKER + COPY, at_ns, at_ns]
    assert ordered["ledger"][3, Category.QUEUE_WAIT] == WORKER + COPY - 2
    assert engine.state.servers["held"].sum() == 0


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_a_lone_transfer_takes_as_long_whoever_serves_it(protection: str) -> None:
    for path in (pool("both"), LONG_LIVED):
        spec = served("queue", VIDEO, protection=protection).model_copy(
            update={"io_path": scenario(protection, path).io_path}
        )
        alone, shared = (
            run(engine_of(each), arrivals([(0, 0, 0)]))["ledger"].tolist()
            for each in (spec, spec.model_copy(update={"cluster": served("host", VIDEO).cluster}))
        )
        assert alone == shared
