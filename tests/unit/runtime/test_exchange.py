"""Which hosts exchange traffic, and in what order what comes from two sides arrives."""

import numpy as np
import pytest
from pydantic import JsonValue

from cluster_sim.engine.state import Arrivals, submissions
from cluster_sim.runtime.exchange import groups_of_hosts, merged
from cluster_sim.runtime.host_engine import NO_ARRIVALS
from cluster_sim.scenario.spec import ScenarioSpec

RAW: JsonValue = {"kind": "raw", "width": 320, "height": 180, "format": "nv12", "fps": 30}


def cluster(hosts: int, hosts_on: list[int]) -> ScenarioSpec:
    """Senders that send so many hosts on each, and one receiver a host."""
    sent: list[JsonValue] = [
        {
            "kind": "video",
            "direction": "to_guest",
            "to": {"guest": "receiver", "hosts_on": steps},
            "source": RAW,
            "deadline": "33ms",
        }
        for steps in hosts_on
    ]
    rest: list[JsonValue] = [{"kind": "network", "rate_pps": 10, "size": "1000B"}]
    guests: list[JsonValue] = [
        {"name": name, "count_per_host": 1, "vcpus": 1, "memory": "1GiB", "workloads": workloads}
        for name, workloads in (("sender", sent or rest), ("receiver", rest))
    ]
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": hosts, "host": {"cpus": 8, "memory": "8GiB"}},
            "guests": guests,
            "protection": "none",
            "io_path": {"kind": "direct"},
        }
    )


@pytest.mark.parametrize(
    ("hosts", "hosts_on", "groups"),
    [
        (3, [], [[0], [1], [2]]),
        (3, [0], [[0], [1], [2]]),
        (2, [1], [[0, 1]]),
        (5, [1], [[0, 1, 2, 3, 4]]),
        (5, [2], [[0, 1, 2, 3, 4]]),
        (6, [2], [[0, 2, 4], [1, 3, 5]]),
        (6, [3], [[0, 3], [1, 4], [2, 5]]),
        (6, [2, 3], [[0, 1, 2, 3, 4, 5]]),
        (8, [4, 6], [[0, 2, 4, 6], [1, 3, 5, 7]]),
    ],
)
def test_hosts_that_exchange_traffic_by_any_way_round_the_ring_are_together(
    hosts: int, hosts_on: list[int], groups: list[list[int]]
) -> None:
    assert groups_of_hosts(cluster(hosts, hosts_on)) == groups


def arrivals(*rows: tuple[int, int, int]) -> Arrivals:
    """Rows of (instant, stream, frame)."""
    at_ns, stream, frame = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return submissions(at_ns, stream, frame, at_ns + 7, at_ns + 9)


def test_what_comes_from_two_sides_arrives_by_instant_then_stream_then_frame() -> None:
    own, others = arrivals((5, 1, 0), (5, 1, 1), (8, 0, 4)), arrivals((5, 0, 9), (8, 0, 3), (9, 2, 0))
    for joined in (merged(own, others), merged(others, own)):
        rows = list(zip(*(joined.at_ns.tolist(), joined.stream.tolist(), joined.frame.tolist()), strict=True))
        assert rows == [(5, 0, 9), (5, 1, 0), (5, 1, 1), (8, 0, 3), (8, 0, 4), (9, 2, 0)]
        assert (joined.bytes == joined.at_ns + 7).all()
        assert (joined.deadline_ns == joined.at_ns + 9).all()
    assert merged(own, NO_ARRIVALS) is own
