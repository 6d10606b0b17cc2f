"""Which queues a guest has, in which order, and who sends to whom."""

import pytest

from cluster_sim.planning.queues import queues_of
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of
from tests.unit.lone_host import Values, scenario

BOOT: Values = {"kind": "boot"}
CHURN: Values = {"kind": "churn", "rate": 1000, "size": "64KiB", "region": "2MiB"}
BLOCK: Values = {"kind": "block", "rw": "randread", "bs": "4KiB", "iodepth": 4, "numjobs": 2}
NETWORK: Values = {"kind": "network", "direction": "from_device", "size": "1500B", "queues": 3, "rate_pps": 1000}
VIDEO: Values = {
    "kind": "video",
    "source": {"kind": "raw", "width": 640, "height": 360, "format": "nv12", "fps": 60},
    "deadline": "16ms",
}


def of_one_guest(*workloads: Values) -> ScenarioSpec:
    return scenario("pkvm", {"kind": "swiotlb"}, guest={"workloads": list(workloads)})


def senders(senders: int, receivers: int, hosts_on: int = 0) -> ScenarioSpec:
    """A group that sends a stream each, and one that receives them beside a stream of its own."""
    sending: Values = {**VIDEO, "direction": "to_guest", "to": {"guest": "receiver", "hosts_on": hosts_on}}
    shape: Values = {"vcpus": 2, "memory": "1GiB"}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": 2, "host": {"cpus": 64, "memory": "64GiB"}},
            "guests": [
                {"name": "sender", "count_per_host": senders, "workloads": [sending], **shape},
                {"name": "receiver", "count_per_host": receivers, "workloads": [VIDEO], **shape},
            ],
            "protection": "pkvm",
            "io_path": {"kind": "swiotlb"},
        }
    )


def test_the_boot_comes_first_and_others_keep_their_order_and_numbers() -> None:
    spec = of_one_guest(VIDEO, BLOCK, BOOT, NETWORK, CHURN)
    assert [queue.name for queue in queues_of(spec, spec.guests[0], 0)] == [
        (2, 0, "image"),
        (2, 0, "firmware"),
        (2, 0, "kernel"),
        (2, 0, "pool"),
        (2, 0, "accept"),
        (0, 0, "requests"),
        (1, 0, "requests"),
        (1, 1, "requests"),
        (3, 0, "requests"),
        (3, 1, "requests"),
        (3, 2, "requests"),
        (4, 0, "churn"),
    ]


@pytest.mark.parametrize(
    ("sending", "receiving", "found"),
    [
        (2, 2, [[0], [1]]),
        (5, 2, [[0, 2, 4], [1, 3]]),
        (1, 3, [[0], [], []]),
    ],
)
def test_guests_send_to_the_receivers_in_turn_counted_round(
    sending: int, receiving: int, found: list[list[int]]
) -> None:
    spec = senders(sending, receiving)
    by_receiver = [queues_of(spec, spec.guests[1], index) for index in range(receiving)]
    assert [[queue.sender.index for queue in queues if queue.sender] for queues in by_receiver] == found
    for queues in by_receiver:
        own, *received = queues
        assert own.name == (0, 0, "requests")
        assert [queue.name for queue in received] == [(0, 0, "received")] * len(received), "what is sent comes last"


def test_a_receiver_knows_how_many_hosts_back_its_sender_is() -> None:
    spec = senders(1, 1, hosts_on=1)
    _, queue = queues_of(spec, spec.guests[1], 0)
    assert queue.sender is not None
    assert (queue.sender.group, queue.sender.workload, queue.sender.hosts_back) == ("sender", 0, 1)


@pytest.mark.parametrize(
    ("workload", "largest", "mean"),
    [
        (VIDEO, 345_600, 345_600),
        ({**BLOCK, "bs": "64KiB"}, 65_536, 65_536),
        ({**BLOCK, "bssplit": {"4KiB": 75, "64KiB": 25}}, 65_536, (75 * 4_096 + 25 * 65_536) // 100),
        ({**NETWORK, "sizes": {"60B": 50, "1500B": 50}}, 1_500, 780),
        (CHURN, 65_536, 65_536),
        ({**BOOT, "unit": "4MiB"}, 4 << 20, 4 << 20),
    ],
    ids=["raw", "one-size", "bssplit", "sizes", "churn", "boot"],
)
def test_what_a_definition_says_of_sizes_needs_no_trace(workload: Values, largest: int, mean: int) -> None:
    sizes = traits_of(of_one_guest(workload).guests[0].workloads[0]).transfer_sizes
    assert sizes is not None
    assert (sizes.largest, sizes.mean) == (largest, mean)


@pytest.mark.parametrize(
    "workload",
    [
        {**VIDEO, "source": {"kind": "trace", "trace": "x.parquet"}},
        {"kind": "block", "read_iolog": "x.parquet", "iodepth": 4},
    ],
    ids=["film", "log"],
)
def test_a_trace_must_be_read_for_its_sizes(workload: Values) -> None:
    assert traits_of(of_one_guest(workload).guests[0].workloads[0]).transfer_sizes is None
