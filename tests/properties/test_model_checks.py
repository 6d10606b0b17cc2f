"""What must hold of any model of this kind: twice of everything is the same for each; dearer is never faster alone."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.analysis.studies.factors import factors_of
from cluster_sim.planning.host_plan import plan_host
from cluster_sim.platform.formulas import DURATION
from cluster_sim.platform.profile import Profile
from cluster_sim.platform.provenance import UNITS, Cost
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.runtime.host_engine import HostEngine
from cluster_sim.runtime.study_point import Point, guests_of
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.lone_host import RAW_1080P, Values, arrivals, scenario, workload_sizes

TECHNOLOGIES = ("none", "pkvm", "sev-snp", "tdx", "cca")
PATHS: Mapping[str, Values] = {
    "swiotlb": {"kind": "swiotlb", "mapping": "per_transfer"},
    "convert-4k": {"kind": "convert", "granule": "4KiB"},
    "convert-2m": {"kind": "convert", "granule": "2MiB"},
    "pool-copy": {"kind": "shared_pool", "copy": "consumer"},
    "pool-zero": {"kind": "shared_pool", "copy": "none"},
}
BUS_GB_PER_S = 20
"""Full at times."""
SPANS = ("latency_ns_sum", "bandwidth_wait_ns")


def shared_host(path: Values, protection: str, times: int) -> ScenarioSpec:
    """Guests that copy on one bus and wait for one engine, queue and drive: `times` of all of it."""
    reads: Values = {"kind": "block", "bs": "64KiB", "iodepth": 2, "thinktime": "50us"}
    frames: Values = {
        "kind": "video",
        "source": {"kind": "raw", "width": 640, "height": 480, "format": "nv12", "fps": 60},
        "deadline": "16ms",
    }
    group: Values = {
        "name": "g",
        "count_per_host": 4 * times,
        "vcpus": 2,
        "memory": "1GiB",
        "workloads": [reads, frames],
    }
    return ScenarioSpec.model_validate(
        {
            "duration": "200ms",
            "cluster": {
                "hosts": 1,
                "host": {
                    "cpus": 256 * times,
                    "memory": f"{64 * times}GiB",
                    "llc": f"{32 * times}MiB",
                    "memory_bandwidth": f"{BUS_GB_PER_S * times}GB/s",
                    "storage": {"latency": "80us", "parallel": 64 * times},
                },
            },
            "guests": [group],
            "protection": protection,
            "io_path": path,
        }
    )


def mean_ns(spec: ScenarioSpec) -> tuple[float, float]:
    """What a delivered transfer takes on average but for waiting for the bus, and that wait."""
    table = guests_of(Point(spec, Path(), 1, 0))
    latency, waited = (np.sum(table[name]) / np.sum(table["delivered"]) for name in SPANS)
    return float(latency - waited), float(waited)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("protection", ["pkvm", "sev-snp"])
def test_twice_the_guests_on_twice_the_host_have_the_same_latency(name: str, protection: str) -> None:
    """Phases differ from guest to guest: means agree within 1 %, but for waiting for the bus, which is no longer.

    Drives answer at times of their own, so that copies meet by chance; the bus of many has less chance in it.

    pKVM's one lock for all conversions does not double with the host, so conversion there is without it.
    """
    one, two = (shared_host(PATHS[name], protection, times) for times in (1, 2))
    if PATHS[name]["kind"] == "convert":
        one, two = (without_host_lock(each) for each in (one, two))
    (one_ns, one_waited_ns), (two_ns, two_waited_ns) = mean_ns(one), mean_ns(two)
    assert two_ns == pytest.approx(one_ns, rel=0.01)
    assert two_waited_ns <= 1.05 * one_waited_ns


def without_host_lock(spec: ScenarioSpec) -> ScenarioSpec:
    host = spec.cluster.host.model_copy(update={"conversion_lock": "none"})
    return spec.model_copy(update={"cluster": spec.cluster.model_copy(update={"host": host})})


def test_twice_the_hosts_are_twice_the_same() -> None:
    """Hosts that nothing passes between: each is what it is alone, to the nanosecond."""
    spec = shared_host(PATHS["swiotlb"], "sev-snp", 1)
    both = guests_of(
        Point(spec.model_copy(update={"cluster": spec.cluster.model_copy(update={"hosts": 2})}), Path(), 1, 0)
    )
    alone = guests_of(Point(spec, Path(), 1, 0))
    first = both.slice(0, alone.num_rows)
    assert first["latency_ns_sum"].to_pylist() == alone["latency_ns_sum"].to_pylist()
    assert both.num_rows == 2 * alone.num_rows


@cache
def lone(protection: str, path: str, direction: str) -> ScenarioSpec:
    return scenario(protection, PATHS[path], direction=direction)


def latency_alone_ns(spec: ScenarioSpec, profile: Profile) -> int:
    """One frame alone on the host."""
    engine = HostEngine(plan_host(spec, profile, workload_sizes(spec), is_alone=True))
    way = 0 if spec.guests[0].workloads[0].model_dump()["direction"] == "from_device" else 1
    (done,) = [row for rows in engine.advance(arrivals([(0, 0, 0)], RAW_1080P, way), 1 << 50) for row in rows]
    return int(done["ended_ns"])


def raised(cost: Cost, factor: float) -> Cost:
    return dataclasses.replace(cost, value=cost.value * factor, high=max(cost.high, cost.value * factor))


@given(
    protection=st.sampled_from(TECHNOLOGIES[1:]),
    path=st.sampled_from(sorted(PATHS)),
    direction=st.sampled_from(["from_device", "to_device"]),
    factor=st.floats(1, 8),
    data=st.data(),
)
def test_no_price_that_rises_makes_a_frame_faster_alone(
    protection: str, path: str, direction: str, factor: float, data: st.DataObject
) -> None:
    """Prices, not costs: a price may be a difference of costs."""
    spec = lone(protection, path, direction)
    profile = profile_of(spec)
    name = data.draw(st.sampled_from(sorted(name for name, price in profile.prices.items() if price.cost is not None)))
    price = profile.prices[name]
    assert price.cost is not None
    dearer = dataclasses.replace(
        price,
        cost=raised(price.cost, factor),
        steps=tuple((least, raised(cost, factor)) for least, cost in price.steps),
    )
    found = dataclasses.replace(profile, prices={**profile.prices, name: dearer})
    assert latency_alone_ns(spec, found) >= latency_alone_ns(spec, profile)


@pytest.mark.parametrize("protection", TECHNOLOGIES[1:])
@pytest.mark.parametrize("path", sorted(PATHS))
def test_each_price_that_a_frame_pays_moves_its_latency_by_what_it_pays(protection: str, path: str) -> None:
    """The other side of it: at least the doorbell, the ring and the interrupt are paid by every path that rings."""
    spec = lone(protection, path, "from_device")
    profile = profile_of(spec)
    serve = profile.prices["serve_ring"]
    assert serve.cost is not None
    dearer = dataclasses.replace(serve, cost=raised(serve.cost, 2))
    found = dataclasses.replace(profile, prices={**profile.prices, "serve_ring": dearer})
    assert latency_alone_ns(spec, found) - latency_alone_ns(spec, profile) == profile.price_ns("serve_ring", 2)


def test_costs_that_are_sampled_have_units_of_what_they_are_used_as() -> None:
    """All prices are durations, whatever they are made of."""
    for protection in TECHNOLOGIES:
        profile = profile_of(lone("pkvm", "swiotlb", "from_device").model_copy(update={"protection": protection}))
        for price in profile.prices.values():
            assert price.cost is None or UNITS[price.cost.unit][1] == DURATION
        assert factors_of([profile])
