"""One lone transfer at other costs: what counting says and what running anew says are the same."""

from pathlib import Path

import pytest

from cluster_sim.analysis.lone_transfer.repricing import LoneTransfers
from tests.unit.hand_prices import COPY
from tests.unit.lone_host import Values, scenario

BOUNCE: Values = {"kind": "swiotlb", "mapping": "per_transfer"}
CONVERT: Values = {"kind": "convert", "granule": "4KiB"}


def test_every_cost_that_has_a_range_is_there_however_it_is_known() -> None:
    found = LoneTransfers(scenario("sev-snp", BOUNCE), Path(), {}).costs("raw")
    assert {cost.confidence for cost in found.values()} == {"measured", "published", "stand-in", "estimated"}
    assert "copy.zen4_stream" in found
    assert "price.zen4.wake_worker" in found
    assert all(cost.low < cost.high for cost in found.values())


def test_copies_of_a_cpu_are_counted_and_those_of_an_engine_run_anew() -> None:
    """A frame is copied at 11.6 GB/s beyond 2 MiB; at 9.1 that is 23,997 ns more, thrice."""
    bounced = LoneTransfers(scenario("sev-snp", BOUNCE), Path(), {})
    stream = bounced.costs("raw")["copy.zen4_stream"]
    assert not bounced.must_run("raw", stream)
    slower = bounced.estimate_ns("raw", stream, stream.low)
    assert slower is not None
    beyond = 3_110_400 - 2_097_152
    assert slower - (bounced.latency_ns("raw") or 0) == pytest.approx(3 * beyond * (1 / 9.1 - 1 / 11.6), abs=6)
    engine: Values = {"kind": "shared_pool", "copy": "producer", "copier": "engine"}
    by_engine = LoneTransfers(scenario("sev-snp", engine), Path(), {})
    assert by_engine.must_run("raw", by_engine.costs("raw")["engine.rate"])


def test_warm_copies_are_counted_by_what_one_end_and_both_ends_save() -> None:
    """The host's copy of F finds all it writes to: 242 us, 181.5 at the low end; then the guest's finds both ends."""
    found = LoneTransfers(scenario("sev-snp", BOUNCE, host={"llc": "32MiB"}), Path(), {})
    names = {name for name in found.costs("raw") if name.startswith("copy.")}
    chains = (f"chain_{place}_3110400" for place in ("second", "third"))
    assert names == {f"copy.zen4_{name}" for name in ("cold_2097152", "stream", *chains)}
    second = found.costs("raw")["copy.zen4_chain_second_3110400"]
    faster = found.estimate_ns("raw", second, second.low)
    assert faster == found.exact_ns("raw", second, second.low)
    assert (found.latency_ns("raw") or 0) - (faster or 0) == pytest.approx(second.value - second.low, rel=0.01)


@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
@pytest.mark.parametrize(
    "path", [BOUNCE, CONVERT, {"kind": "shared_pool", "copy": "both"}], ids=lambda path: path["kind"]
)
def test_counting_prices_comes_to_what_running_anew_comes_to(protection: str, path: Values) -> None:
    """So that only what turns needs to be run anew."""
    found = LoneTransfers(scenario(protection, path), Path(), {})
    counted = 0
    for cost in found.costs("raw").values():
        for value in (cost.low, cost.high):
            if not found.must_run("raw", cost):
                assert found.estimate_ns("raw", cost, value) == found.exact_ns("raw", cost, value), cost.name
                counted += 1
    assert counted


@pytest.mark.parametrize(("numa", "copies"), [("remote", 1.0), ("spread", 1.5)])
def test_what_distance_adds_to_copies_follows_its_factor(numa: str, copies: float) -> None:
    """At 1.2 for 1.5 the host saves 0.3 of a local copy; spread over two nodes, each of three copies half of that."""
    host: Values = {"cpus": 8, "memory": "64GiB", "nodes": 2, "sockets": 2, "numa": numa}
    found = LoneTransfers(scenario("sev-snp", BOUNCE, host=host), Path(), {})
    remote = found.costs("raw")["mem.remote_copy"]
    faster = found.estimate_ns("raw", remote, remote.low)
    assert faster == found.exact_ns("raw", remote, remote.low)
    assert (found.latency_ns("raw") or 0) - (faster or 0) == pytest.approx(0.3 * copies * COPY, abs=6)
    assert "mem.remote_copy" not in LoneTransfers(scenario("sev-snp", BOUNCE), Path(), {}).costs("raw")
