"""docs/simulation.md: what a trust domain's start takes by memory, vCPUs and acceptance is what the model says."""

import re
from pathlib import Path

import pytest

from cluster_sim.runtime.study_point import Point, guests_of
from tests.unit.lone_host import Values, scenario

VCPUS = (1, 4, 8, 32)
ROWS = re.findall(
    r"^\| (8|64) GiB, (lazy|eager) \|((?: [\d.]+ \|){4})$", Path("docs/simulation.md").read_text("utf-8"), re.MULTILINE
)


def boot_s(memory_gib: str, accept: str, vcpus: int) -> float:
    """From a guest's coming to the end of its boot."""
    guest: Values = {
        "memory": f"{memory_gib}GiB",
        "vcpus": vcpus,
        "workloads": [{"kind": "boot", "accept": accept, "touch": "1MB/s"}],
    }
    spec = scenario("tdx", {"kind": "swiotlb"}, guest=guest).model_copy(update={"duration": 400 * 10**9})
    (booted_ns,) = guests_of(Point(spec, Path(), 1, 0))["booted_ns"].to_pylist()
    return float(booted_ns) / 1e9


def test_the_table_has_a_row_for_each_size_and_kind_of_acceptance() -> None:
    assert [row[:2] for row in ROWS] == [("8", "lazy"), ("8", "eager"), ("64", "lazy"), ("64", "eager")]


@pytest.mark.parametrize(("memory_gib", "accept", "told"), ROWS, ids=["-".join(row[:2]) for row in ROWS])
def test_a_row_is_what_the_model_says(memory_gib: str, accept: str, told: str) -> None:
    found = [f"{boot_s(memory_gib, accept, vcpus):.2f}" for vcpus in VCPUS]
    assert re.findall(r"[\d.]+", told) == found
