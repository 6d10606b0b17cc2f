"""Sentences against numbers: a table of cases, ties, contradictions and runs without an interval included."""

import math
from dataclasses import dataclass

import pytest

from cluster_sim.analysis.answers.contest import Contest, rivals
from cluster_sim.analysis.answers.verdicts import verdict_of
from tests.unit.analysis.answers.contests import NO_INTERVAL, contender, contest, silent

BASE = contender("swiotlb", is_baseline=True)
FASTER = (0.5, 0.48, 0.52)
SLOWER = (2.0, 1.9, 2.1)
ONCE = {"throughput": None, "p50": (0.5, *NO_INTERVAL), "p99": None, "guest CPU": None, "host CPU": None}


@dataclass(frozen=True)
class Case:
    """A contest, who is best, what the sentence says, and what it must not say."""

    contest: Contest
    best: str | None
    says: str
    never: tuple[str, ...] = ()


CASES = {
    "one figure better, the rest not shown to differ": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": FASTER}})),
        "pool",
        "pool is best: 0.5 (0.48 to 0.52) times the median latency of swiotlb, the second.",
        ("Against", "guest CPU"),
    ),
    "the baseline is best": Case(
        contest(BASE, contender("convert", {"swiotlb": {"p50": SLOWER, "guest CPU": SLOWER}})),
        "swiotlb",
        "swiotlb is best: 0.5 (0.476 to 0.526) times the median latency of convert, the second. "
        "swiotlb also has 0.5 (0.476 to 0.526) times the guest CPU of convert.",
    ),
    "better and second and worse": Case(
        contest(
            BASE,
            contender("zero", {"swiotlb": {"p50": (0.1, 0.1, 0.1)}, "copy": {"p50": (0.2, 0.2, 0.2)}}, p50=10.0),
            contender("copy", {"swiotlb": {"p50": FASTER}}, p50=50.0),
            contender("convert", {"swiotlb": {"p50": SLOWER, "p99": SLOWER}, "zero": {"p50": (20, 20, 20)}}, p50=200.0),
        ),
        "zero",
        "zero is best: 0.1 times the median latency of swiotlb, 0.2 times the median latency of copy, the second. "
        "Against swiotlb, better in median latency: copy (median latency times 0.5, 0.48 to 0.52); worse in median "
        "latency and 99th percentile: convert (median latency times 2, 1.9 to 2.1).",
    ),
    "a tie: intervals hold 1": Case(
        contest(BASE, contender("pool", {"swiotlb": {}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("best", "Against"),
    ),
    "a difference below 1 % is none, however narrow its interval": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": (0.995, 0.994, 0.996)}})),
        None,
        "No difference shown between swiotlb and pool.",
    ),
    "just beyond 1 %": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": (0.989, 0.988, 0.99)}})), "pool", "pool is best"
    ),
    "an interval that touches 1 shows nothing": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": (0.8, 0.64, 1.0)}})), None, "No difference shown"
    ),
    "an interval that ends before 1 shows something": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": (0.8, 0.65, 0.99)}})), "pool", "pool is best"
    ),
    "two tie ahead of a third": Case(
        contest(
            BASE,
            contender("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}),
            contender("copy", {"swiotlb": {"p50": FASTER}}),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others. Against swiotlb, better in median "
        "latency: zero (median latency times 0.5, 0.48 to 0.52) and copy (median latency times 0.5, 0.48 to 0.52).",
    ),
    "ahead of one, not shown ahead of the other": Case(
        contest(
            BASE,
            contender("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}),
            contender("copy", {"swiotlb": {}}),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others.",
    ),
    "ahead of one only, who is ahead of the third": Case(
        contest(
            BASE,
            contender("zero", {"swiotlb": {}, "copy": {"p50": FASTER}}),
            contender("copy", {"swiotlb": {"p50": FASTER}}),
        ),
        None,
        "zero is ahead, with no difference shown to swiotlb.",
        ("best",),
    ),
    "contradiction: faster, but more CPU": Case(
        contest(BASE, contender("poll", {"swiotlb": {"p50": FASTER, "guest CPU": SLOWER}})),
        None,
        "None is best in everything: swiotlb leads in guest CPU; poll leads in median latency. Against swiotlb, "
        "better in median latency but worse in guest CPU: poll (median latency times 0.5, 0.48 to 0.52).",
        ("is best:",),
    ),
    "contradiction: faster, but drops": Case(
        contest(
            BASE, contender("convert", {"swiotlb": {"p50": FASTER, "throughput": (0.6, 0.58, 0.62)}}, dropped=40.0)
        ),
        None,
        "None is best in everything: swiotlb leads in throughput; convert leads in median latency. Against swiotlb, "
        "better in median latency but worse in throughput: convert (median latency times 0.5, 0.48 to 0.52). convert "
        "drops 40 %.",
    ),
    "the baseline drops everything": Case(
        contest(silent("swiotlb", is_baseline=True), contender("convert")),
        "convert",
        "convert is best: it alone delivers anything. There is no ratio to swiotlb, the baseline. swiotlb delivers "
        "nothing and drops 100 %.",
        ("nan", "none"),
    ),
    "everybody drops everything": Case(
        contest(silent("swiotlb", is_baseline=True), silent("convert")),
        None,
        "Nothing is delivered by swiotlb and convert: there is nothing to compare.",
    ),
    "one path alone": Case(
        contest(BASE), None, "Only swiotlb was run here: there is nothing to compare it with.", ("best",)
    ),
    "no variant of the stratum is the baseline": Case(
        contest(contender("zero", {"copy": {"p50": FASTER}}), contender("copy")),
        "zero",
        "zero is best: 0.5 (0.48 to 0.52) times the median latency of copy, the second.",
        ("Against",),
    ),
    "a figure that is no number decides nothing": Case(
        contest(BASE, contender("pool", {"swiotlb": {"p50": (math.nan, math.nan, math.nan), "host CPU": None}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("nan",),
    ),
    "one replication shows nothing, however large the ratio": Case(
        contest(
            BASE,
            contender(
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
        contest(BASE, contender("convert", {"swiotlb": {"p50": SLOWER}}, late=12.5)),
        "swiotlb",
        "convert is late with 12.5 % of what it delivers.",
        ("drops",),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_says_what_the_numbers_show_and_no_more(name: str) -> None:
    case = CASES[name]
    sentence, details, best = verdict_of(case.contest)
    sentence = " ".join((sentence, *details))
    assert best == case.best
    assert case.says in sentence
    for word in case.never:
        assert word not in sentence


def test_more_throughput_is_better_and_more_cpu_is_worse() -> None:
    more = (1.5, 1.4, 1.6)
    assert verdict_of(contest(BASE, contender("x", {"swiotlb": {"throughput": more}})))[2] == "x"
    assert verdict_of(contest(BASE, contender("x", {"swiotlb": {"host CPU": more}})))[2] == "swiotlb"


def test_the_order_of_paths_does_not_change_who_is_best() -> None:
    paths = CASES["better and second and worse"].contest.contenders
    for turned in (paths, paths[::-1], (*paths[2:], *paths[:2])):
        assert verdict_of(contest(*turned))[2] == "zero"


def test_ratios_are_asked_for_to_the_baseline_and_to_whoever_leads_a_figure() -> None:
    paths = (
        BASE,
        contender("fast", p50=1.0),
        contender("thrifty", guest_CPU=1.0),
        contender("neither", p50=50.0),
        silent("mute"),
    )
    assert set(rivals(paths)) == {"swiotlb", "fast", "thrifty"}
