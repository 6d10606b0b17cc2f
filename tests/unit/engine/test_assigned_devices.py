"""Memory that VFIO pins for assigned devices, by hand: a mapping a page, how many there may be, memory held twice."""

from pathlib import Path

import pytest

from cluster_sim.memory.outcomes import Outcome
from cluster_sim.planning.checks import check_scenario
from cluster_sim.results.endings import DropReason, Ending
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.spec import ScenarioSpec
from tests.unit.hand_prices import PAGES, PROTECTED, SWIOTLB, TECHNOLOGIES
from tests.unit.lone_host import RAW_1080P, Values, arrivals, engine_of, one_frame, run, scenario

CONVERT: Values = {"kind": "convert", "granule": "4KiB"}
MAP_PAGE, UNMAP_CALL, UNMAP_PAGE = 1_470 + 600, 1_720, 130
MAP_LEAF = 95_000
LEAVES = 2_048
"""Of a guest of 4 GiB."""
MS = 1_000_000
WITH_DEVICE: Values = {"assigned_devices": 1}
PINNED: Values = {"generation": "G0", "discard": False}


def with_device(
    protection: str, path: Values, host: Values | None = None, memory: Values | None = None
) -> ScenarioSpec:
    return scenario(protection, path, guest=WITH_DEVICE, host=host, memory=memory)


@pytest.mark.parametrize("direction", [0, 1])
@pytest.mark.parametrize("protection", PROTECTED)
def test_each_page_that_converts_is_mapped_by_a_call_and_all_are_unmapped_by_one(
    protection: str, direction: int
) -> None:
    plain = one_frame(scenario(protection, CONVERT), RAW_1080P, direction)
    mapped = one_frame(with_device(protection, CONVERT), RAW_1080P, direction)
    longer_ns = PAGES * (MAP_PAGE + UNMAP_PAGE) + UNMAP_CALL
    assert mapped["ended_ns"] - plain["ended_ns"] == longer_ns
    assert mapped["ledger"].sum() == mapped["ended_ns"] - mapped["submitted_ns"]


@pytest.mark.parametrize("protection", PROTECTED)
@pytest.mark.parametrize(("limit", "delivered"), [(PAGES, 2), (PAGES - 1, 0)])
def test_a_page_more_than_vfio_maps_stops_the_guest_with_its_reason(
    protection: str, limit: int, delivered: int
) -> None:
    engine = engine_of(with_device(protection, CONVERT, {"dma_entry_limit": limit}))
    done = run(engine, arrivals([(0, 0, 0), (40 * MS, 0, 1)]))
    assert (done["outcome"] == Ending.DELIVERED).sum() == delivered
    assert (done["ledger"].sum(axis=1) == done["ended_ns"] - done["submitted_ns"]).all()
    assert engine.in_flight == 0
    found = [(fault.access, fault.outcome, fault.victim, fault.is_injected) for fault in engine.faults]
    if delivered:
        assert not found
        return
    assert found == [("VFIO_MAP_DMA", "ENOSPC", "guest", False)]
    assert (done["reason"] == DropReason.GUEST_DIED).all()
    assert engine.gauges().guests()["died_of"][0] == Outcome.ENOSPC
    assert engine.gauges().guests()["shared_pages"][0] == 0


@pytest.mark.parametrize("on_pin", ["retry", "wait", "defer"])
def test_whatever_waits_for_pins_the_first_transfer_ends_where_it_was_refused(on_pin: str) -> None:
    memory: Values = {"on_pin": on_pin}
    (done,) = run(engine_of(with_device("sev-snp", CONVERT, {"dma_entry_limit": 1}, memory)), arrivals([(0, 0, 0)]))
    assert (done["outcome"], done["reason"]) == (Ending.DROPPED, DropReason.GUEST_DIED)
    assert done["ended_ns"] < MS // 10


@pytest.mark.parametrize("protection", TECHNOLOGIES)
def test_what_is_pinned_from_the_start_takes_its_time_before_the_run(protection: str) -> None:
    """Without protection all of memory by 2 MiB, else the pool's pages one by one."""

    def set_up(guest: Values) -> int:
        engine = engine_of(scenario(protection, SWIOTLB | {"pool": "64MiB"}, guest=guest))
        return engine.guests[0].setup_ns

    pinned_ns = LEAVES * MAP_LEAF if protection == "none" else 16_384 * MAP_PAGE
    assert set_up(WITH_DEVICE) - set_up({}) == pinned_ns


@pytest.mark.parametrize("protection", PROTECTED)
def test_with_two_backings_all_of_one_may_be_pinned_and_is_held_beside_the_other(protection: str) -> None:
    host: Values = {"assigned_memory": "all", "dma_entry_limit": 1}
    engine = engine_of(with_device(protection, CONVERT, host, PINNED))
    done = run(engine, arrivals([(0, 0, 0)]))
    assert done["outcome"].tolist() == [Ending.DELIVERED], "whole ranges are mapped: no page needs an entry of its own"
    assert engine.gauges().double_pages().tolist() == [LEAVES * 512]
    assert engine.guests[0].setup_ns == LEAVES * MAP_LEAF


def found_in(spec: ScenarioSpec) -> list[Contradiction]:
    return check_scenario(spec, Path())


def test_the_pool_of_a_large_guest_is_more_than_vfio_maps_and_that_is_told_before_the_run() -> None:
    """6 % of 16 GiB is 983 MiB in pages of 4 KiB, as in kata-containers issue 11721; 65,535 are 256 MiB less one."""

    def guest(**host: int) -> ScenarioSpec:
        given: Values = {"memory": "16GiB", **WITH_DEVICE}
        return scenario("tdx", SWIOTLB, guest=given, host=dict(host))

    (told,) = found_in(guest())
    assert told.field == "guests.raw.assigned_devices"
    assert "251904 pages" in told.found or "pages shared from the start" in told.found
    assert "65535" in told.allowed
    assert not found_in(guest(dma_entry_limit=4_194_304))


@pytest.mark.parametrize(("pool", "is_told"), [("255MiB", False), ("256MiB", True)])
def test_one_page_beyond_the_limit_is_too_many(pool: str, is_told: bool) -> None:  # noqa: FBT001
    spec = with_device("sev-snp", SWIOTLB | {"pool": pool, "areas": 1})
    assert bool(found_in(spec)) == is_told


def test_memory_that_would_be_held_twice_must_fit_twice() -> None:
    host: Values = {"cpus": 4, "assigned_memory": "all", "memory": "8GiB"}
    assert not found_in(with_device("tdx", CONVERT, host, PINNED))
    (told,) = found_in(with_device("tdx", CONVERT, host | {"memory": "7GiB"}, PINNED))
    assert "8GiB, held twice for assigned devices" in told.found


@pytest.mark.parametrize(
    ("memory", "field"),
    [({"discard": False}, "cluster.host.assigned_memory"), ({"generation": "G0"}, "memory.discard")],
)
def test_all_of_private_memory_can_only_be_pinned_beside_it(memory: Values, field: str) -> None:
    told = found_in(with_device("tdx", CONVERT, {"assigned_memory": "all"}, memory))
    assert field in [each.field for each in told]


def test_an_exclusive_pin_leaves_nothing_to_vfio() -> None:
    (told,) = found_in(with_device("pkvm", CONVERT, memory={"backing": "exclusive_pin"}))
    assert told.field == "memory.backing"
