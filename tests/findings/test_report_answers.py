"""What reports of the shipped definitions say, in their own words: verdicts, H1 to H3, doubts."""

import re

import pytest

from cluster_sim import answer, load, open_results, run
from cluster_sim.analysis.answers.answer import Answer, Hypothesis, Verdict

PROTECTED = ("pkvm", "sev-snp", "tdx", "cca")
SHORT = ("duration=300ms", "replications=3", "record=summary", "cluster.hosts=1")


def answer_to(factory: pytest.TempPathFactory, workload: str, *sets: str) -> Answer:
    finished = run(load(workload, [*SHORT, *sets]), factory.mktemp("run"), executor="inline")
    return answer(open_results(finished.directory))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return answer_to(tmp_path_factory, "swiotlb_vs_zero_copy")


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return answer_to(tmp_path_factory, "camera_upload", "axes.protection=[none, pkvm]")


@pytest.fixture(scope="module")
def huge_pages(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    return answer_to(tmp_path_factory, "huge_page_split", "duration=50ms", "axes.memory.huge_page=[2MiB]")


def stratum_of(protection: str, copier: str) -> str:
    """Where a technology is, and who brings the frames where a definition varies that."""
    return f"protection {protection}" + (f", io_path.copier {copier}" if copier else "")


def verdict_on(found: Answer, protection: str, group: str, copier: str = "") -> Verdict:
    where = (stratum_of(protection, copier), group)
    (verdict,) = [each for each in found.verdicts if (each.stratum, each.group) == where]
    return verdict


def hypothesis(found: Answer, name: str, protection: str = "", copier: str = "") -> Hypothesis:
    stratum = stratum_of(protection, copier) if protection else ""
    (only,) = [each for each in found.hypotheses if (each.name, each.stratum) == (name, stratum)]
    return only


@pytest.mark.parametrize("protection", PROTECTED)
def test_the_pool_that_a_device_fills_is_best_for_large_frames_on_every_technology(
    videos: Answer, protection: str
) -> None:
    found = verdict_on(videos, protection, "raw", "device")
    assert found.best == "pool-zero g3 lazy"
    value, rest = r"[0-9.]+ µs", r"2[0-9]|4[0-9]|5[0-9]"
    told = rf"pool-zero is best: median latency {value}, ({rest})[.0-9]* times lower than swiotlb \({value}\)\."
    assert re.fullmatch(told, found.sentence), found.sentence
    assert any(each.startswith("The best path that still copies is swiotlb-life") for each in found.details)
    assert found.rests_on == ()


@pytest.mark.parametrize("protection", PROTECTED)
def test_a_pool_that_the_host_copies_into_leads_but_in_the_hosts_cpu(videos: Answer, protection: str) -> None:
    """The guest's own copy brings the bounce buffer into the cache, where the host finds it."""
    found = verdict_on(videos, protection, "raw", "cpu")
    told = (
        r"pool-copy leads in median latency 3[5-7][0-9] µs, 2\.[12][0-9]? times lower than swiotlb "
        r"\([78][0-9]{2} µs\); also in guest CPU; "
        r"swiotlb leads in host CPU 24[78] µs per frame, 29\.[0-9] % lower than pool-copy \(349 µs per frame\)\."
    )
    assert re.fullmatch(told, found.sentence), found.sentence
    assert found.rests_on == ()


@pytest.mark.parametrize("copier", ["cpu", "device"])
@pytest.mark.parametrize("protection", PROTECTED)
def test_where_content_is_lost_the_verdict_says_what_loses_at_any_price(
    videos: Answer, protection: str, copier: str
) -> None:
    details = " ".join(verdict_on(videos, protection, "raw", copier).details)
    told = "the copies of swiotlb-life g3 lazy, 1 by the guest"
    assert (told in details and "they lose to it at any price" in details) == (protection != "pkvm")


@pytest.mark.parametrize("copier", ["cpu", "device"])
@pytest.mark.parametrize("protection", PROTECTED)
def test_h1_is_refuted_nowhere_and_confirmed_where_waiting_could_have_made_it_otherwise(
    videos: Answer, protection: str, copier: str
) -> None:
    """Where nothing waits, conversions and copies are all that two paths differ by, and the claim cannot fail."""
    found = hypothesis(videos, "H1", protection, copier)
    is_crowded = protection in ("tdx", "cca") or (protection, copier) == ("pkvm", "cpu")
    assert found.standing == ("confirmed" if is_crowded else "undecided")
    judged = [line for line in found.evidence if "several transfers" not in line]
    assert all("loses to swiotlb g3 lazy; a granule's share and unshare takes" in line for line in judged)
    assert all("times what it would have to fall below" in line for line in judged)
    assert ("such as waiting, takes" in found.sentence) == is_crowded
    assert any("convert-kept g4 lazy uses what it converted for several" in line for line in found.evidence)


def test_h2_is_undecided_where_small_frames_go_as_fast_by_long_lived_swiotlb(videos: Answer) -> None:
    """A pool saves them one copy of some KiB; large frames it brings ahead of all others."""
    for protection in PROTECTED:
        assert hypothesis(videos, "H2", protection, "cpu").standing == "undecided"
        evidence = [line for line in hypothesis(videos, "H2", protection, "cpu").evidence if "raw, pool-copy" in line]
        assert len(evidence) == 2
        assert "% are copies" in evidence[1]


def test_the_monitor_the_device_and_who_parses_shared_memory_are_told(videos: Answer) -> None:
    monitor, device, trusting = videos.assumed
    assert monitor.sentence.startswith(
        "Memory converts under the monitor qemu-10 (host_faults as the definition says):"
    )
    assert device.sentence.startswith("The device of raw takes a picture in pieces of 256 KiB;")
    assert trusting.sentence.startswith("With pool-copy and pool-zero the guest works on what came while the host can")


def test_what_a_run_does_not_vary_leaves_a_hypothesis_undecided(videos: Answer, huge_pages: Answer) -> None:
    assert hypothesis(videos, "H1", "none", "cpu").standing == "undecided"
    assert "does not vary memory.placement" in hypothesis(videos, "H3").sentence
    assert "does not vary io_path" in hypothesis(huge_pages, "H1").sentence
    assert "does not vary io_path" in hypothesis(huge_pages, "H2").sentence


def test_h1_is_refuted_where_no_bounce_pool_holds_the_frame(uploads: Answer) -> None:
    found = hypothesis(uploads, "H1", "pkvm")
    assert found.standing == "refuted"
    assert "frames/s where swiotlb delivers none, whatever a granule costs" in found.sentence
    assert hypothesis(uploads, "H1", "none").standing == "undecided"
    assert "swiotlb delivers nothing" in verdict_on(uploads, "pkvm", "camera-8k").details[-1]


def test_h3_is_confirmed_where_there_are_huge_mappings_to_keep(huge_pages: Answer) -> None:
    for protection in ("pkvm", "sev-snp", "tdx"):
        found = hypothesis(huge_pages, "H3", protection)
        assert found.standing == "confirmed"
        assert "clustered keeps 99.6 % of 8,192 huge mappings" in found.sentence
    assert hypothesis(huge_pages, "H3", "cca").standing == "undecided"


def test_where_shared_memory_lies_makes_no_difference_to_frames_and_all_to_leaves(huge_pages: Answer) -> None:
    for each in huge_pages.verdicts:
        if "cca" in each.stratum:
            assert each.sentence == "No path has broken leaves; no difference shown between clustered and scattered."
            continue
        assert each.best == "clustered"
        assert each.sentence.startswith("clustered is best: broken leaves 32 leaves per guest, 22")
        assert any(
            re.match(r"Median latency: .*(on every path|no difference shown|equal)", one) for one in each.details
        )
    assert "no difference is shown in median latency" in huge_pages.summary


def test_costs_in_doubt_turn_no_order_on_a_protected_guest(videos: Answer) -> None:
    """Those that turn one turn it between direct DMA and swiotlb of a guest that nobody protects."""
    overturning = [each for each in videos.doubts if each.overturns]
    assert overturning
    assert all("(protection none, io_path.copier device, raw)" in each.sentence for each in overturning)
    assert all(not each.rests_on for each in videos.verdicts if not each.stratum.startswith("protection none"))
    moving = {each.cost: each.sentence for each in videos.doubts}
    assert moving["pkvm.without_fwb"].startswith("Estimated; no order turns within its range")
    assert videos.remarks == () or all("waiting or losses decide" in remark for remark in videos.remarks)


def test_one_replication_decides_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = answer_to(tmp_path_factory, "swiotlb_vs_zero_copy", "replications=1", "protection=pkvm")
    assert {each.best for each in found.verdicts} == {None}
    begin = "By one replication, which shows nothing where chance is: "
    assert all(each.startswith(begin) for each in (found.summary, *(verdict.sentence for verdict in found.verdicts)))
    assert {each.standing for each in found.hypotheses} == {"undecided"}


def test_a_run_without_a_baseline_says_so_and_gives_no_verdict(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = answer_to(tmp_path_factory, "swiotlb_vs_zero_copy", "baseline={}", "protection=pkvm")
    assert found.verdicts == ()
    assert found.remarks == (
        "This run names no baseline, so its variants are not compared in pairs; --baseline names one.",
    )


def test_what_exclusive_pins_gain_on_pkvm_is_the_exit_to_unmap_which_no_costs_range_turns(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """EL2 answers an unshare of guest_memfd's page when the host has unmapped it; what is exclusively pinned is not."""
    found = answer_to(tmp_path_factory, "exclusive_pins", "protection=pkvm")
    verdict = verdict_on(found, "pkvm", "raw")
    assert verdict.best == "exclusive_pin"
    assert verdict.rests_on == ()
    assert found.doubts[0].cost == "exit.pkvm.guest_to_host_roundtrip"
    assert not found.doubts[0].overturns
