"""Sensitivity of a lone guest, where hand sums say which cost decides and how often each path is ahead."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.factors import Factor, factors_of, held_together, value_at, with_costs
from cluster_sim.analysis.studies.sensitivity import AskedCosts, SensitivityStudy, sensitivity
from cluster_sim.planning.checks import check_scenario
from cluster_sim.planning.load_checked import load_checked
from cluster_sim.platform.provenance import Cost
from cluster_sim.platform.scenario_profile import profile_of, shipped_profile
from tests.main_job import MAIN_JOB
from tests.unit.analysis.studies.lone_guest import PATHS, lone_guest
from tests.unit.hand_prices import FAULTS, MAP_PIECE, PAGES, PIECES, UNMAP, UNMAP_EXIT, UNMAP_PIECE
from tests.unit.lone_host import RAW_1080P

MIB = 1 << 20
SLOW_COPIES = (
    "costs.copy.zen4_stream={value: 0.3, unit: GB/s, why: slow}",
    "costs.copy.zen4_cold_2097152={value: 257000, unit: ns, why: known}",
    "costs.gmem.host_fault_4k={value: 1.57, unit: us, why: known}",
    "costs.gmem.zap_4k_bulk={value: 0.19, unit: us, why: known}",
    "costs.exit.pkvm.guest_to_host_roundtrip={value: 2.6, unit: us, why: known}",
    "costs.pkvm.without_fwb={value: 0, unit: ratio, why: a coherent SoC}",
    "costs.price.pkvm.wake_vcpu={value: 3.8, unit: us, why: known}",
)
"""Of a lone guest's costs only those of sharing and unsharing a page are left to move more than a little."""


def study(folder: Path, asked: AskedCosts, *sets: str, paths: Iterable[str] = PATHS) -> SensitivityStudy:
    return sensitivity(lone_guest(folder, sets, paths=paths), asked, folder / "results", executor="inline")


def test_estimates_decide_and_each_path_is_ahead_as_often_as_hand_sums_say(
    tmp_path: Path,
) -> None:
    """Converting is ahead where 760 pages of share + unshare take less than the two copies that it saves.

    Share is log-uniform in 1..8 us, unshare in 1.5..10 us; each unshare also exits for the host to unmap.
    """
    found = study(tmp_path, AskedCosts(samples=64), *SLOW_COPIES, paths=("swiotlb", "convert-4k"))
    (ranking,) = found.rankings
    copy_ns = 257_000 + (RAW_1080P - 2 * MIB) / 0.3
    known_ns = FAULTS + UNMAP + PAGES * UNMAP_EXIT["pkvm"]
    saved_us = (2 * copy_ns + PIECES * (MAP_PIECE + UNMAP_PIECE) - known_ns) / PAGES / 1000
    chance = np.random.default_rng(1).random((2, 100_000))
    share, unshare = 1 * 8 ** chance[0], 1.5 * (10 / 1.5) ** chance[1]
    bounced_ahead = float((share + unshare > saved_us).mean())
    assert 0.3 < bounced_ahead < 0.9
    assert ranking.shares["swiotlb"] == pytest.approx(bounced_ahead, abs=0.04)
    assert {cost.factor.name for cost in ranking.decisive} == {"pkvm.share_4k", "pkvm.unshare_4k"}
    assert all(cost.is_guessed for cost in ranking.decisive)
    assert sum(cost.indices.total.value for cost in ranking.decisive if cost.indices) == pytest.approx(1, abs=0.15)
    record = json.loads((found.directory / "study.json").read_text())
    assert record["status"] == "complete"
    assert record["found"][0]["costs"][0]["decides"]


def test_who_is_ahead_everywhere_is_decided_by_no_cost(tmp_path: Path) -> None:
    found = study(tmp_path, AskedCosts(samples=2), *SLOW_COPIES, paths=("swiotlb", "pool"))
    (ranking,) = found.rankings
    assert ranking.shares == {"swiotlb": 0, "pool": 1}
    assert ranking.tied == 0
    assert ranking.pair is not None
    assert ranking.pair[0] == "pool"
    assert ranking.pair_share == 1
    assert ranking.decisive == []


def test_costs_that_cannot_vary_or_are_not_used_are_not_sampled(tmp_path: Path) -> None:
    profile = profile_of(lone_guest(tmp_path, SLOW_COPIES).variants[0].scenario)
    names = {factor.name for factor in factors_of([profile])}
    assert "pkvm.share_4k" in names
    assert "copy.zen4_cold" in names
    assert not names & {"copy.zen4_stream", "gmem.host_fault_4k", "mm.huge_page_bytes", "snp.psc_single_4k_call"}
    curve = next(factor for factor in factors_of([profile]) if factor.name == "copy.zen4_cold")
    assert "copy.zen4_cold_2097152" not in {cost.name for cost in curve.costs}
    assert len(curve.costs) > 5


def test_a_share_of_a_range_is_a_share_of_its_logarithm() -> None:
    cost = Cost("x", 2.0, "us", 1.0, 16.0, "s", "measured")
    assert [value_at(cost, share) for share in (0.0, 0.25, 0.5, 1.0)] == [1, 2, 4, 16]
    assert value_at(Cost("x", 2.0, "us", 0.0, 16.0, "s", "measured"), 0.25) == 4
    both = Factor("x", (cost, Cost("y", 2.0, "us", 1.0, 4.0, "s", "estimated")))
    assert both.at(0.5) == {"x": 4, "y": 2}
    assert both.confidence == "estimated"


def test_a_cost_that_is_measured_for_one_technology_only_is_as_sure_as_for_the_other() -> None:
    both = [
        shipped_profile("sev-snp", "auto", "genoa", crosses_nodes=False),
        shipped_profile("pkvm", "auto", "genoa", crosses_nodes=False),
    ]
    for profiles in (both, both[::-1]):
        known = {factor.name: factor.confidence for factor in factors_of(profiles)}
        assert known["copy.zen4_cold"] == "stand-in"
    assert {factor.name: factor.confidence for factor in factors_of(both[:1])}["copy.zen4_cold"] == "measured"


def test_a_stand_in_is_sampled_over_what_else_could_be_in_its_place() -> None:
    """A worker's wake is that of a thread through a pipe, 1 to 4.2 us, or an engine's interrupt and wake, to 5 us."""
    factors = {
        factor.name: factor for factor in factors_of([shipped_profile("pkvm", "auto", "genoa", crosses_nodes=False)])
    }
    (own,) = factors["price.zen4.wake_worker"].costs
    assert (own.low, own.value, own.high) == (1000, 2400, 5000)
    assert "notify.thread_wake" not in factors, "nothing else on pKVM is made of it"


def test_samples_that_would_make_a_price_negative_go_back_to_where_it_is_nothing() -> None:
    """Sharing takes 2.5 us, 0.5 us of them the call; sampled as 1.0 and 1.2 they meet: 2.5 - 1.5 t = 0.5 + 0.7 t."""
    profile = shipped_profile("pkvm", "auto", "genoa", crosses_nodes=False)
    held = held_together(
        {"pkvm.share_4k": 1.0, "exit.pkvm.hvc_guest_or_host_to_el2": 1.2, "pkvm.donate_4k": 9.0}, profile
    )
    meeting = 2.5 - 1.5 * (2.0 / 2.2)
    assert held["pkvm.share_4k"] == pytest.approx(meeting, rel=1e-5)
    assert held["exit.pkvm.hvc_guest_or_host_to_el2"] == pytest.approx(meeting, rel=1e-5)
    assert held["pkvm.share_4k"] >= held["exit.pkvm.hvc_guest_or_host_to_el2"]
    assert held["pkvm.donate_4k"] == 9.0
    agreeing = {"pkvm.share_4k": 1.0, "exit.pkvm.hvc_guest_or_host_to_el2": 0.9}
    assert held_together(agreeing, profile) == agreeing


@pytest.mark.parametrize("protection", ["none", "pkvm", "sev-snp", "tdx", "cca"])
def test_every_corner_of_the_shipped_ranges_is_a_profile_that_can_be_run(protection: str) -> None:
    experiment = load_checked(Path(MAIN_JOB), [f"protection={protection}"])
    scenario = experiment.variants[0].scenario
    factors = factors_of([profile_of(scenario)])
    chance = np.random.default_rng(1)
    for _ in range(50):
        values = {n: v for factor in factors for n, v in factor.at(float(chance.integers(0, 2))).items()}
        sampled = with_costs(scenario, profile_of(scenario), values)
        assert profile_of(sampled).prices
        assert check_scenario(sampled, experiment.source.parent) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (AskedCosts(samples=48), "--samples: found 48, allowed: a power of 2, the next one up is 64"),
        (AskedCosts(between="swiotlb,nothing"), "--between: found 'nothing', allowed: swiotlb | "),
        (AskedCosts(figure="speed"), "--figure: found 'speed', allowed: mean | "),
        (AskedCosts(group="nobody"), "--group: found 'nobody', allowed: raw"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(tmp_path: Path, asked: AskedCosts, told: str) -> None:
    with pytest.raises(StudyError) as refused:
        study(tmp_path, asked)
    assert told in str(refused.value)


def test_a_profile_that_costs_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="profile: found free"):
        study(tmp_path, AskedCosts(), "profile=free")
