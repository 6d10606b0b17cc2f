"""Links between hosts: what a link slower than the network card adds, and who waits for whom on it."""

import pytest
from pydantic import JsonValue

from cluster_sim.engine.host_spec import Records
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import arrivals, engine_of, run

FRAME_BYTES = 1 << 20
CARD_NS = 838_860
"""A frame at 10 Gb/s."""
HALF_NS = 1_677_721
"""And at 5 Gb/s."""
LATENCY_NS = 20_000


def senders(hosts_on: list[int], link: str) -> ScenarioSpec:
    """A guest for each way, on the first of three hosts; cards of 10 Gb/s, no other cost."""
    source: JsonValue = {"kind": "raw", "width": 1024, "height": 512, "format": "yuv422", "fps": 10}
    groups: list[JsonValue] = [
        {
            "name": f"sender{number}",
            "count_per_host": 1,
            "vcpus": 1,
            "memory": "1GiB",
            "workloads": [
                {
                    "kind": "video",
                    "direction": "to_guest",
                    "to": {"guest": "receiver", "hosts_on": steps},
                    "source": source,
                    "deadline": "10ms",
                }
            ],
        }
        for number, steps in enumerate(hosts_on)
    ]
    packets: JsonValue = {"kind": "network", "rate_pps": 1, "size": "1000B"}
    groups.append({"name": "receiver", "count_per_host": 1, "vcpus": 1, "memory": "1GiB", "workloads": [packets]})
    network: dict[str, JsonValue] = {"latency": "20us", "rate": link}
    host: JsonValue = {"cpus": 64, "memory": "64GiB", "nic": {"rate": "10Gb/s"}}
    return ScenarioSpec.model_validate(
        {
            "duration": "1s",
            "cluster": {"hosts": 3, "host": host, "network": network},
            "guests": groups,
            "protection": "none",
            "io_path": {"kind": "shared_pool", "copy": "none"},
            "profile": "free",
        }
    )


def sent_at_once(hosts_on: list[int], link: str) -> Records:
    """A frame of each sender, all at the start."""
    frames = arrivals([(0, number, 0) for number in range(len(hosts_on))], FRAME_BYTES, 1)
    return run(engine_of(senders(hosts_on, link)), frames)


@pytest.mark.parametrize(
    ("link", "beyond_ns"), [("0Gb/s", 0), ("10Gb/s", 0), ("40Gb/s", 0), ("5Gb/s", HALF_NS - CARD_NS)]
)
def test_a_link_adds_what_it_takes_longer_than_the_card_that_feeds_it(link: str, beyond_ns: int) -> None:
    """It begins with the first bit: half the rate takes twice the time, of which the card's sending is one half."""
    done = sent_at_once([1], link)
    assert done["ended_ns"].tolist() == [CARD_NS + beyond_ns + LATENCY_NS]
    assert done["ledger"][:, Category.NETWORK].tolist() == done["ended_ns"].tolist()


def test_frames_to_one_host_share_its_link_and_frames_to_two_hosts_do_not() -> None:
    """The second leaves the card when the first is half through its link; on its own link nothing is in its way."""
    together, apart = sent_at_once([1, 1], "5Gb/s"), sent_at_once([1, 2], "5Gb/s")
    assert together["ended_ns"].tolist() == [HALF_NS + LATENCY_NS, 2 * HALF_NS + LATENCY_NS]
    assert apart["ended_ns"].tolist() == [HALF_NS + LATENCY_NS, CARD_NS + HALF_NS + LATENCY_NS]
    assert together["ledger"][:, Category.QUEUE_WAIT].tolist() == [0, CARD_NS]
