"""What guests receive is what guests have handed over: each frame once, at the instant of the handing, and no other."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cluster_sim import load, open_results, run
from cluster_sim.results.reader import Results
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_spec import VideoWorkload

SETS = ("replications=1", "duration=300ms", "window=100ms", "protection=sev-snp")
SHAPES = {
    "one host": ("guests.sender.workloads.0.to.hosts_on=0", "cluster.hosts=1"),
    "two hosts, each to the other": ("guests.sender.workloads.0.to.hosts_on=1",),
    "three hosts in a ring, two senders to one": (
        "guests.sender.workloads.0.to.hosts_on=2",
        "cluster.hosts=3",
        "guests.sender.count_per_host=3",
    ),
    "a long way": ("guests.sender.workloads.0.to.hosts_on=1", "cluster.network.latency=70ms"),
    "a way longer than a window": (
        "guests.sender.workloads.0.to.hosts_on=1",
        "cluster.network.latency=70ms",
        "window=30ms",
    ),
}
AT_BOTH_ENDS = ("variant", "workload", "frame_index", "frame_bytes", "origin_ns", "deadline_ns")
Passed = tuple[object, ...]


@pytest.fixture(scope="module", params=SHAPES)
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder: Path = tmp_path_factory.mktemp("run")
    experiment = load("guest_to_guest", [*SETS, *SHAPES[request.param]])
    return open_results(run(experiment, folder, executor="inline").directory)


@pytest.fixture
def transfers(results: Results) -> list[dict[str, Any]]:
    """All rows, with each guest's place in its group on its host."""
    places = results.table("placements").to_pylist()
    index = {(row["variant"], row["guest_id"]): row["index"] for row in places}
    rows: list[dict[str, Any]] = results.table("transfers").to_pylist()
    return [row | {"index": index[row["variant"], row["guest_id"]]} for row in rows]


def shape_of(results: Results) -> tuple[int, int, ScenarioSpec]:
    """So many hosts on, so many receivers a host; both the same in all variants."""
    scenario = ScenarioSpec.model_validate(next(iter(results.manifest.variants.values())).scenario)
    sender, receiver = scenario.guests
    video = sender.workloads[0]
    assert isinstance(video, VideoWorkload)
    assert video.to is not None
    assert receiver.count_per_host is not None
    return video.to.hosts_on, receiver.count_per_host, scenario


def test_everything_handed_over_is_received_at_that_instant_and_nothing_else(
    results: Results, transfers: list[dict[str, Any]]
) -> None:
    hosts_on, receivers, scenario = shape_of(results)
    handed: Counter[Passed] = Counter()
    received: Counter[Passed] = Counter()
    for row in transfers:
        same = tuple(row[name] for name in AT_BOTH_ENDS)
        if row["part"] == "received":
            received[(row["host_id"], row["index"], row["submitted_ns"], *same)] += 1
        elif row["guest_group"] == "sender" and row["handed_ns"] < scenario.duration and row["outcome"] != "dropped":
            other = (row["host_id"] + hosts_on) % scenario.cluster.hosts
            handed[(other, row["index"] % receivers, row["handed_ns"], *same)] += 1
    assert {variant for _, _, _, variant, *_ in received} == set(results.manifest.variants)
    assert received == handed


def test_a_frame_to_another_host_is_on_its_way_for_the_latency_at_least_and_one_on_this_host_for_nothing(
    results: Results, transfers: list[dict[str, Any]]
) -> None:
    hosts_on, _, scenario = shape_of(results)
    delivered = [row for row in transfers if row["guest_group"] == "sender" and row["outcome"] == "delivered"]
    on_its_way = {row["network_ns"] >= scenario.cluster.network.latency > 0 for row in delivered}
    assert on_its_way == {hosts_on > 0}
    assert hosts_on > 0 or {row["network_ns"] for row in delivered} == {0}


def test_a_frame_is_late_by_the_deadline_that_it_set_out_with(transfers: list[dict[str, Any]]) -> None:
    received = [row for row in transfers if row["part"] == "received"]
    assert {row["deadline_ns"] - row["origin_ns"] for row in received} == {33_333_333}
    assert all(
        row["is_late"] == (row["handed_ns"] > row["deadline_ns"]) for row in received if row["outcome"] == "delivered"
    )
