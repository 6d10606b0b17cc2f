"""A manifest says beforehand what will run and with what: each run in order, each price with its source."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from cluster_sim import load
from cluster_sim.experiments.manifests import (
    SOURCES,
    cost_record,
    is_of_these_sources,
    opening_manifest,
    profile_record,
    runs_of,
)
from cluster_sim.platform.profile import load_profile
from cluster_sim.results.manifest import Manifest
from cluster_sim.scenario.load import Experiment
from cluster_sim.shipped import workloads_directory
from tests.main_job import MAIN_JOB

SETS = ("replications=2", "exclude=[{io_path: [convert-4k, convert-2m, pool-copy, direct]}]")


def experiment(*sets: str) -> Experiment:
    return load(MAIN_JOB, [*SETS, "axes.protection=[none, pkvm]", *sets])


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return opening_manifest(experiment())


def test_runs_are_replications_within_variants_in_the_order_of_the_definition(manifest: Manifest) -> None:
    found = [(run.variant.label, run.replication) for run in runs_of(manifest)]
    labels = [variant.label for variant in experiment().variants]
    assert len(labels) == 4, "two technologies along two paths"
    assert found == [(label, replication) for label in labels for replication in range(2)]
    assert {run.seed for run in runs_of(manifest)} == {1}


def test_a_manifest_makes_the_very_scenarios_that_it_was_made_of(manifest: Manifest) -> None:
    again = Manifest.model_validate_json(manifest.model_dump_json())
    made = {run.variant.label: run.variant.scenario for run in runs_of(again)}
    assert made == {variant.label: variant.scenario for variant in experiment().variants}


def test_before_the_first_run_nothing_has_run(manifest: Manifest) -> None:
    assert (manifest.status, manifest.parts, manifest.fingerprint, manifest.frames) == ("running", (), "", 0)


def test_variants_of_one_technology_share_a_profile_of_their_record(manifest: Manifest) -> None:
    assert set(manifest.profiles) == {"none-zen4", "pkvm-zen4"}
    assert {record.profile for record in manifest.variants.values()} == set(manifest.profiles)


def test_a_shipped_definitions_traces_are_found_wherever_the_package_lies(tmp_path: Path) -> None:
    manifest = opening_manifest(load("swiotlb_vs_zero_copy"))
    assert manifest.folder == ""
    assert manifest.traces_folder == workloads_directory()
    own = tmp_path / "own.yaml"
    own.write_text((workloads_directory() / "block_fio.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "traces").symlink_to(workloads_directory() / "traces")
    assert opening_manifest(load(own)).folder == str(tmp_path)


def test_another_program_is_told_by_its_sources_whatever_its_version(manifest: Manifest) -> None:
    assert is_of_these_sources(manifest)
    assert not is_of_these_sources(manifest.model_copy(update={"versions": {**manifest.versions, SOURCES: "others"}}))
    assert not is_of_these_sources(manifest.model_copy(update={"versions": {}}))


def test_a_price_that_a_technology_lacks_says_why_and_others_their_source() -> None:
    record = profile_record(load_profile("pkvm", "zen4"))
    prices, costs = record["prices"], record["costs"]
    assert isinstance(prices, dict)
    assert isinstance(costs, dict)
    assert prices["vmm_exit"] == {"absent": "EL2 converts by itself"}
    kick = prices["kick"]
    assert isinstance(kick, dict)
    assert (kick["value"], kick["unit"], kick["formula"]) == (2_600, "ns", "exit.pkvm.guest_to_host_roundtrip")
    cost = costs["exit.pkvm.guest_to_host_roundtrip"]
    assert isinstance(cost, dict)
    assert (cost["value"], cost["unit"], cost["confidence"]) == (2.6, "us", "estimated")
    assert list(prices) == sorted(prices)
    interrupt, own = prices["interrupt"], costs["price.pkvm.interrupt"]
    assert isinstance(interrupt, dict)
    assert isinstance(own, dict)
    assert (interrupt["confidence"], interrupt["stands_in"]) == ("stand-in", "a plain VM's")
    assert (own["formula"], own["low"], own["high"]) == ("exit.plain_arm.kvm_exit", 900, 6_500)


def test_what_is_without_bound_can_be_written_as_json() -> None:
    bandwidth = load_profile("pkvm", "zen4").bandwidth
    record = cost_record(replace(bandwidth, value=math.inf, high=math.inf))
    assert (record["value"], record["high"], record["low"]) == ("inf", "inf", bandwidth.low)
