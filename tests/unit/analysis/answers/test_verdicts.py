"""Sentences against numbers: a table of cases, ties, contradictions and runs without an interval included."""

import math
from dataclasses import dataclass, replace

import pytest

from cluster_sim.analysis.answers.candidates import CandidateSet, rivals
from cluster_sim.analysis.answers.verdicts import verdict_of
from tests.unit.analysis.answers.candidate_sets import NO_INTERVAL, candidate, candidates, silent

BASE = candidate("swiotlb", is_baseline=True)
FASTER = (0.5, 0.48, 0.52)
SLOWER = (2.0, 1.9, 2.1)
ONCE = {"throughput": None, "p50": (0.5, *NO_INTERVAL), "p99": None, "guest CPU": None, "host CPU": None}
BACKLOG = dict(silent("").figures) | {"dropped": 0.0, "unfinished": 100.0}


@dataclass(frozen=True)
class Case:
    """A candidate set, who is best, what the sentence says, and what it must not say."""

    candidates: CandidateSet
    best: str | None
    says: str
    never: tuple[str, ...] = ()


CASES = {
    "one figure better, the rest not shown to differ": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": FASTER}})),
        "pool",
        "pool is best: 0.5 (0.48 to 0.52) times the median latency of swiotlb, the second.",
        ("Against", "guest CPU"),
    ),
    "the baseline is best": Case(
        candidates(BASE, candidate("convert", {"swiotlb": {"p50": SLOWER, "guest CPU": SLOWER}})),
        "swiotlb",
        "swiotlb is best: 0.5 (0.476 to 0.526) times the median latency of convert, the second. "
        "swiotlb also has 0.5 (0.476 to 0.526) times the guest CPU of convert.",
    ),
    "better and second and worse": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": (0.1, 0.1, 0.1)}, "copy": {"p50": (0.2, 0.2, 0.2)}}, p50=10.0),
            candidate("copy", {"swiotlb": {"p50": FASTER}}, p50=50.0),
            candidate("convert", {"swiotlb": {"p50": SLOWER, "p99": SLOWER}, "zero": {"p50": (20, 20, 20)}}, p50=200.0),
        ),
        "zero",
        "zero is best: 0.1 times the median latency of swiotlb, 0.2 times the median latency of copy, the second. "
        "Against swiotlb, better in median latency: copy (median latency times 0.5, 0.48 to 0.52); worse in median "
        "latency and 99th percentile: convert (median latency times 2, 1.9 to 2.1).",
    ),
    "a tie: intervals hold 1": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("best", "Against"),
    ),
    "a difference below 1 % is none, however narrow its interval": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.995, 0.994, 0.996)}})),
        None,
        "No difference shown between swiotlb and pool.",
    ),
    "just beyond 1 %": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.989, 0.988, 0.99)}})), "pool", "pool is best"
    ),
    "an interval that touches 1 shows nothing": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.8, 0.64, 1.0)}})), None, "No difference shown"
    ),
    "an interval that ends before 1 shows something": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.8, 0.65, 0.99)}})), "pool", "pool is best"
    ),
    "two tie ahead of a third": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}),
            candidate("copy", {"swiotlb": {"p50": FASTER}}),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others. Against swiotlb, better in median "
        "latency: zero (median latency times 0.5, 0.48 to 0.52) and copy (median latency times 0.5, 0.48 to 0.52).",
    ),
    "ahead of one, not shown ahead of the other": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}),
            candidate("copy", {"swiotlb": {}}),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others.",
    ),
    "ahead of one only, who is ahead of the third": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {}, "copy": {"p50": FASTER}}),
            candidate("copy", {"swiotlb": {"p50": FASTER}}),
        ),
        None,
        "zero is ahead, with no difference shown to swiotlb.",
        ("best",),
    ),
    "contradiction: faster, but more CPU": Case(
        candidates(BASE, candidate("poll", {"swiotlb": {"p50": FASTER, "guest CPU": SLOWER}})),
        None,
        "None is best in everything: swiotlb leads in guest CPU; poll leads in median latency. Against swiotlb, "
        "better in median latency but worse in guest CPU: poll (median latency times 0.5, 0.48 to 0.52).",
        ("is best:",),
    ),
    "contradiction: faster, but drops": Case(
        candidates(
            BASE, candidate("convert", {"swiotlb": {"p50": FASTER, "throughput": (0.6, 0.58, 0.62)}}, dropped=40.0)
        ),
        None,
        "None is best in everything: swiotlb leads in throughput; convert leads in median latency. Against swiotlb, "
        "better in median latency but worse in throughput: convert (median latency times 0.5, 0.48 to 0.52). convert "
        "drops 40 %.",
    ),
    "the baseline drops everything": Case(
        candidates(silent("swiotlb", is_baseline=True), candidate("convert")),
        "convert",
        "convert is best: it alone delivers anything. There is no ratio to swiotlb, the baseline. swiotlb delivers "
        "nothing: all of it was dropped.",
        ("nan", "none"),
    ),
    "the baseline leaves a backlog": Case(
        candidates(
            candidate("swiotlb", is_baseline=True, unfinished=10.0), candidate("pool", {"swiotlb": {"p50": FASTER}})
        ),
        "pool",
        "swiotlb leaves 10 % unfinished.",
    ),
    "what is in flight when the run ends is no backlog": Case(
        candidates(
            candidate("swiotlb", is_baseline=True, unfinished=9.9), candidate("pool", {"swiotlb": {"p50": FASTER}})
        ),
        "pool",
        "pool is best",
        ("unfinished",),
    ),
    "nothing arrives before the run ends": Case(
        candidates(replace(silent("swiotlb", is_baseline=True), figures=BACKLOG), candidate("convert")),
        "convert",
        "swiotlb delivers nothing: no frame ended before the run did.",
        ("drops",),
    ),
    "everybody drops everything": Case(
        candidates(silent("swiotlb", is_baseline=True), silent("convert")),
        None,
        "Nothing is delivered by swiotlb and convert: there is nothing to compare.",
    ),
    "one path alone": Case(
        candidates(BASE), None, "Only swiotlb was run here: there is nothing to compare it with.", ("best",)
    ),
    "no variant of the stratum is the baseline": Case(
        candidates(candidate("zero", {"copy": {"p50": FASTER}}), candidate("copy")),
        "zero",
        "zero is best: 0.5 (0.48 to 0.52) times the median latency of copy, the second.",
        ("Against",),
    ),
    "a figure that is no number decides nothing": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (math.nan, math.nan, math.nan), "host CPU": None}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("nan",),
    ),
    "one replication shows nothing, however large the ratio": Case(
        candidates(
            BASE,
            candidate(
                "pool",
                {"swiotlb": ONCE},
            ),
        ),
        None,
        "One replication, so no interval and nothing is shown; by its figures: pool is best: 0.5 times the median "
        "latency of swiotlb, the second.",
        ("(",),
    ),
    "late without drops": Case(
        candidates(BASE, candidate("convert", {"swiotlb": {"p50": SLOWER}}, late=12.5)),
        "swiotlb",
        "convert is late with 12.5 % of what it delivers.",
        ("drops",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_says_what_the_numbers_show_and_no_more(name: str) -> None:
    case = CASES[name]
    sentence, details, best = verdict_of(case.candidates)
    sentence = " ".join((sentence, *details))
    assert best == case.best
    assert case.says in sentence
    for word in case.never:
        assert word not in sentence


def test_more_throughput_is_better_and_more_cpu_is_worse() -> None:
    more = (1.5, 1.4, 1.6)
    assert verdict_of(candidates(BASE, candidate("x", {"swiotlb": {"throughput": more}})))[2] == "x"
    assert verdict_of(candidates(BASE, candidate("x", {"swiotlb": {"host CPU": more}})))[2] == "swiotlb"


def test_the_order_of_paths_does_not_change_who_is_best() -> None:
    paths = CASES["better and second and worse"].candidates.members
    for turned in (paths, paths[::-1], (*paths[2:], *paths[:2])):
        assert verdict_of(candidates(*turned))[2] == "zero"


def test_ratios_are_asked_for_to_the_baseline_and_to_whoever_leads_a_figure() -> None:
    paths = (
        BASE,
        candidate("fast", p50=1.0),
        candidate("thrifty", guest_CPU=1.0),
        candidate("neither", p50=50.0),
        silent("mute"),
    )
    assert set(rivals(paths)) == {"swiotlb", "fast", "thrifty"}
