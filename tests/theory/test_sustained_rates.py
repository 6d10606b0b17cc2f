"""The rate that a run is said to sustain: a pencil finds the same, and runs below it lose nothing, above it do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from cluster_sim import load, open_results, run
from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.run_reading import RunReading

Values = Mapping[str, JsonValue]
PACKETS: Values = {"kind": "network", "size": "1500B", "ring": 256}
BIG_PACKETS: Values = {**PACKETS, "size": "60000B"}
REQUESTS: Values = {"kind": "block", "iodepth": 128}
IN_FLIGHT = 0.01
"""What half a ring that counts as served may put into the rate of a run of a second."""


def definition(work: Values, host: Values, vcpus: int) -> Values:
    """One guest on a host, for a second, with the workload given."""
    guest: Values = {"name": "g", "count_per_host": 1, "vcpus": vcpus, "memory": "4GiB", "workloads": [dict(work)]}
    return {
        "name": "made-up",
        "question": "What does it sustain?",
        "replications": 1,
        "duration": "1s",
        "record": "summary",
        "protection": "none",
        "profile": "free",
        "io_path": {"kind": "shared_pool", "copy": "none"},
        "cluster": {"hosts": 1, "host": {"cpus": 64, "memory": "256GiB", **host}},
        "guests": [dict(guest)],
    }


def overload(folder: Path, values: Values) -> Overload | None:
    """What a run of a definition does not sustain."""
    path = folder / "made-up.yaml"
    path.write_text(yaml.safe_dump(dict(values)), "utf-8")
    done = run(load(path), results=folder / "results", executor="inline")
    return next(iter(RunReading(open_results(done.directory)).overloads.values()), None)


@pytest.mark.parametrize(
    ("work", "rate", "host", "vcpus", "resource", "sustained"),
    [
        ({**PACKETS, "consume": "20us"}, "rate_pps", {}, 1, "the guest's vCPUs", 50_000),
        ({**PACKETS, "consume": "20us", "cpus": "one"}, "rate_pps", {}, 4, "the queue's one thread", 50_000),
        (BIG_PACKETS, "rate_pps", {"nic": {"rate": "10Gb/s"}}, 8, "the network card", 10e9 / 8 / 60_000),
        (REQUESTS, "rate_iops", {"storage": {"latency": "2ms", "parallel": 32}}, 8, "the storage", 32 / 2e-3),
    ],
)
def test_a_rate_that_is_sustained_is_that_of_the_resource_and_is_sustained_indeed(
    tmp_path: Path, work: Values, rate: str, host: Values, vcpus: int, resource: str, sustained: float
) -> None:
    found = overload(tmp_path, definition({**work, rate: round(2 * sustained)}, host, vcpus))
    assert found is not None
    assert found.resource == resource
    assert found.sustained == pytest.approx(sustained, rel=IN_FLIGHT)
    assert found.use == pytest.approx(2, rel=IN_FLIGHT)
    below, above = (round(share * found.sustained) for share in (0.95, 1.1))
    assert overload(tmp_path, definition({**work, rate: below}, host, vcpus)) is None
    again = overload(tmp_path, definition({**work, rate: above}, host, vcpus))
    assert again is not None
    assert again.resource == resource
    assert again.sustained == pytest.approx(sustained, rel=IN_FLIGHT)
