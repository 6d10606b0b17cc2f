"""What reports of the shipped definitions say, in their own words: verdicts, H1 to H3, doubts."""

import pytest

from cluster_sim import answer, load, open_results, run
from cluster_sim.analysis.answers.answer import Answer, Hypothesis, Verdict

PROTECTED = ("pkvm", "sev-snp", "tdx", "cca")
SHORT = ("duration=300ms", "replications=2", "record=summary", "cluster.hosts=1")


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


def verdict_on(found: Answer, protection: str, group: str) -> Verdict:
    (verdict,) = [each for each in found.verdicts if (each.stratum, each.group) == (f"protection {protection}", group)]
    return verdict


def hypothesis(found: Answer, name: str, protection: str = "") -> Hypothesis:
    stratum = f"protection {protection}" if protection else ""
    (only,) = [each for each in found.hypotheses if (each.name, each.stratum) == (name, stratum)]
    return only


@pytest.mark.parametrize("group", ["raw", "coded"])
@pytest.mark.parametrize("protection", PROTECTED)
def test_the_pool_in_which_frames_are_made_is_best_on_every_technology(
    videos: Answer, protection: str, group: str
) -> None:
    found = verdict_on(videos, protection, group)
    assert found.best == "pool-zero"
    assert found.sentence.startswith("pool-zero is best: 0.")
    assert found.sentence.endswith("of pool-copy, the second.")
    assert "Against swiotlb, better in median latency" in " ".join(found.details)
    assert found.rests_on == ()


@pytest.mark.parametrize("protection", PROTECTED)
def test_h1_and_h2_are_confirmed_for_video_to_the_guest(videos: Answer, protection: str) -> None:
    assert hypothesis(videos, "H1", protection).standing == "confirmed"
    assert "loses to swiotlb; a granule's share and unshare takes" in hypothesis(videos, "H1", protection).sentence
    pool = hypothesis(videos, "H2", protection)
    assert pool.standing == "confirmed"
    assert "% are copies" in pool.sentence


def test_what_a_run_does_not_vary_leaves_a_hypothesis_undecided(videos: Answer, huge_pages: Answer) -> None:
    assert hypothesis(videos, "H1", "none").standing == "undecided"
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


def test_where_shared_memory_lies_makes_no_difference_to_frames(huge_pages: Answer) -> None:
    assert {each.sentence for each in huge_pages.verdicts} == {"No difference shown between clustered and scattered."}
    assert {each.best for each in huge_pages.verdicts} == {None}


def test_costs_in_doubt_are_those_without_a_measurement(videos: Answer) -> None:
    assert videos.doubts
    assert not any(each.overturns for each in videos.doubts)
    assert {"pkvm.unshare_4k", "snp.psc_single_4k_call"} <= {each.cost for each in videos.doubts}
    assert videos.remarks == ()


def test_one_replication_decides_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = answer_to(tmp_path_factory, "swiotlb_vs_zero_copy", "replications=1", "protection=pkvm")
    assert {each.best for each in found.verdicts} == {None}
    assert all(each.sentence.startswith("One replication, so no interval") for each in found.verdicts)
    assert {each.standing for each in found.hypotheses} == {"undecided"}
    assert found.remarks == ("One replication: no ratio has an interval, and no difference is shown.",)


def test_a_run_without_a_baseline_says_so_and_gives_no_verdict(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = answer_to(tmp_path_factory, "swiotlb_vs_zero_copy", "baseline={}", "protection=pkvm")
    assert found.verdicts == ()
    assert found.remarks == (
        "This run names no baseline, so its variants are not compared in pairs; --baseline names one.",
    )


def test_what_exclusive_pins_gain_on_pkvm_rests_on_the_estimated_price_of_the_flip(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    found = answer_to(tmp_path_factory, "exclusive_pins", "protection=pkvm")
    verdict = verdict_on(found, "pkvm", "raw")
    assert verdict.best == "exclusive_pin"
    assert verdict.rests_on == ("pin.exclusive_flip",)
    assert found.doubts[0].overturns
    assert "at its high end, 300 ns, one lone transfer would be faster by guest_memfd" in found.doubts[0].sentence
