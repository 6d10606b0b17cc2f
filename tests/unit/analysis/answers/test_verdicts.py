"""Sentences against numbers: a table of cases, each with the sentence that a reader may quote."""

import math
from dataclasses import dataclass, replace

import pytest

from cluster_sim.analysis.answers.candidates import CandidateSet, rivals
from cluster_sim.analysis.answers.verdicts import verdict_of
from tests.unit.analysis.answers.candidate_sets import (
    LOCKED,
    NO_INTERVAL,
    Ends,
    PricesByLabel,
    candidate,
    candidates,
    exactly,
    overloaded,
    silent,
)

BASE = candidate("swiotlb", is_baseline=True)
FASTER = (0.5, 0.48, 0.52)
SLOWER = (2.0, 1.9, 2.1)
ONCE = {"throughput": None, "p50": (0.5, *NO_INTERVAL), "p99": None, "guest CPU": None, "host CPU": None}
BACKLOG = dict(silent("").figures) | {"dropped": 0.0, "unfinished": 100.0}
POOL = candidate("pool", {"swiotlb": {"p50": FASTER}}, p50=50.0)
SLOW = candidate("convert", {"swiotlb": {"p50": SLOWER}}, p50=200.0)


@dataclass(frozen=True)
class Case:
    """A candidate set, who is best, what is said, word for word, and what must not be."""

    candidates: CandidateSet
    best: str | None
    says: str
    never: tuple[str, ...] = ()


CASES = {
    "one figure better, the rest not shown to differ": Case(
        candidates(BASE, POOL),
        "pool",
        "pool is best: median latency 50 µs, 2 times lower [1.92 to 2.08] than swiotlb (100 µs).",
    ),
    "less than a factor of two is told in per cent": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.8, 0.75, 0.85)}}, p50=80.0)),
        "pool",
        "pool is best: median latency 80 µs, 20 % lower [15 to 25 %] than swiotlb (100 µs).",
    ),
    "a large factor, and a value in another unit": Case(
        candidates(
            candidate("swiotlb", is_baseline=True, p50=1040.0),
            candidate("zero", {"swiotlb": {"p50": exactly(4.5 / 1040)}}, p50=4.5),
        ),
        "zero",
        "zero is best: median latency 4.5 µs, 231 times lower than swiotlb (1.04 ms).",
        ("[",),
    ),
    "what is the same in all replications has no interval": Case(
        candidates(
            BASE,
            candidate(
                "pool",
                {"swiotlb": dict.fromkeys(("throughput", "p50", "p99", "guest CPU", "host CPU"), exactly(0.5))},
                p50=50.0,
            ),
        ),
        "pool",
        "Deterministic: nothing here is left to chance.",
        ("±", "["),
    ),
    "the price interval stands beside that over replications": Case(
        replace(candidates(BASE, POOL), prices=PricesByLabel({("pool", "swiotlb", "p50"): Ends(0.4, 0.6)})),
        "pool",
        "median latency 50 µs, 2 times lower [1.92 to 2.08; over prices 1.67 to 2.5] than swiotlb",
    ),
    "a price interval that holds 1 says both sides": Case(
        replace(candidates(BASE, POOL), prices=PricesByLabel({("pool", "swiotlb", "p50"): Ends(0.4, 1.2)})),
        "pool",
        "over prices 2.5 times lower to 20 % higher",
    ),
    "per cent of price intervals": Case(
        replace(
            candidates(BASE, candidate("pool", {"swiotlb": {"p50": exactly(0.8)}}, p50=80.0)),
            prices=PricesByLabel({("pool", "swiotlb", "p50"): Ends(0.7, 0.9)}),
        ),
        "pool",
        "pool is best: median latency 80 µs, 20 % lower [over prices 10 to 30 %] than swiotlb (100 µs).",
    ),
    "the baseline is best": Case(
        candidates(
            BASE, candidate("convert", {"swiotlb": {"p50": SLOWER, "guest CPU": SLOWER}}, p50=200.0, guest_CPU=20.0)
        ),
        "swiotlb",
        "swiotlb is best: median latency 100 µs, 2 times lower [1.9 to 2.1] than convert (200 µs).",
    ),
    "each path has its value in the line of a figure": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": (0.1, 0.1, 0.1)}, "copy": {"p50": (0.2, 0.2, 0.2)}}, p50=10.0),
            candidate("copy", {"swiotlb": {"p50": FASTER}}, p50=50.0),
            candidate("convert", {"swiotlb": {"p50": SLOWER, "p99": SLOWER}, "zero": {"p50": (20, 20, 20)}}, p50=200.0),
        ),
        "zero",
        "Median latency: zero 10 µs (10 times lower); copy 50 µs (2 times lower [1.92 to 2.08]); swiotlb "
        "100 µs; convert 200 µs (2 times higher [1.9 to 2.1]).",
    ),
    "a tie: intervals hold 1": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("best",),
    ),
    "a difference below 1 % is none, however narrow its interval": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.995, 0.994, 0.996)}}, p50=99.5)),
        None,
        "No difference shown between swiotlb and pool.",
    ),
    "just beyond 1 %": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.989, 0.988, 0.99)}}, p50=98.9)),
        "pool",
        "pool is best: median latency 98.9 µs, 1.1 % lower [1 to 1.2 %]",
    ),
    "an interval that touches 1 shows nothing": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.8, 0.64, 1.0)}}, p50=80.0)),
        None,
        "No difference shown between swiotlb and pool.",
    ),
    "an interval that ends before 1 shows something": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (0.8, 0.65, 0.99)}}, p50=80.0)),
        "pool",
        "20 % lower [1 to 35 %]",
    ),
    "two tie ahead of a third": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}, p50=50.0),
            candidate("copy", {"swiotlb": {"p50": FASTER}}, p50=50.0),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others.",
    ),
    "ahead of one, not shown ahead of the other": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {"p50": FASTER}, "copy": {}}, p50=50.0),
            candidate("copy", {"swiotlb": {}}, p50=99.0),
        ),
        None,
        "No difference shown between zero and copy, which are ahead of the others.",
    ),
    "ahead of one only, who is ahead of the third": Case(
        candidates(
            BASE,
            candidate("zero", {"swiotlb": {}, "copy": {"p50": FASTER}}, p50=25.0),
            candidate("copy", {"swiotlb": {"p50": FASTER}}, p50=50.0),
        ),
        None,
        "zero is ahead, with no difference shown to swiotlb.",
        ("best",),
    ),
    "contradiction: faster, but more CPU": Case(
        candidates(
            BASE, candidate("poll", {"swiotlb": {"p50": FASTER, "guest CPU": SLOWER}}, p50=50.0, guest_CPU=20.0)
        ),
        None,
        "poll leads in median latency 50 µs, 2 times lower [1.92 to 2.08] than swiotlb (100 µs); swiotlb leads in "
        "guest CPU 10 µs per frame, 2 times lower [1.9 to 2.1] than poll (20 µs per frame).",
        ("best",),
    ),
    "two that lead in the same figures are told together": Case(
        candidates(
            BASE,
            candidate(
                "kept",
                {"swiotlb": {"p50": FASTER, "p99": FASTER, "guest CPU": SLOWER}, "idle": {"p50": (1, 1, 1)}},
                p50=50.0,
                p99=100.0,
                guest_CPU=20.0,
            ),
            candidate(
                "idle",
                {"swiotlb": {"p50": FASTER, "p99": FASTER, "guest CPU": SLOWER}},
                p50=50.0,
                p99=100.0,
                guest_CPU=20.0,
            ),
        ),
        None,
        "kept and idle lead in median latency 50 µs, 2 times lower [1.92 to 2.08] than swiotlb (100 µs); also in 99th "
        "percentile; swiotlb leads in guest CPU 10 µs per frame, 2 times lower",
    ),
    "contradiction: faster, but drops": Case(
        candidates(
            BASE,
            candidate(
                "convert",
                {"swiotlb": {"p50": FASTER, "throughput": (0.6, 0.58, 0.62)}},
                p50=50.0,
                throughput=36.0,
                dropped=40.0,
            ),
        ),
        None,
        "convert drops 40 %.",
        ("is best",),
    ),
    "the baseline drops everything": Case(
        candidates(silent("swiotlb", is_baseline=True), candidate("convert")),
        "convert",
        "convert is best: it alone delivers anything.",
        ("nan", "none"),
    ),
    "what drops everything says so": Case(
        candidates(silent("swiotlb", is_baseline=True), candidate("convert")),
        "convert",
        "swiotlb delivers nothing: all of it was dropped.",
    ),
    "the baseline leaves a backlog": Case(
        candidates(candidate("swiotlb", is_baseline=True, unfinished=10.0), POOL),
        "pool",
        "swiotlb leaves 10 % unfinished.",
    ),
    "what is in flight when the run ends is no backlog": Case(
        candidates(candidate("swiotlb", is_baseline=True, unfinished=9.9), POOL),
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
        candidates(candidate("zero", {"copy": {"p50": FASTER}}, p50=50.0), candidate("copy")),
        "zero",
        "zero is best: median latency 50 µs, 2 times lower [1.92 to 2.08] than copy (100 µs).",
    ),
    "a figure that is no number decides nothing": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {"p50": (math.nan, math.nan, math.nan), "host CPU": None}})),
        None,
        "No difference shown between swiotlb and pool.",
        ("nan",),
    ),
    "one replication shows nothing, however large the ratio": Case(
        candidates(BASE, candidate("pool", {"swiotlb": ONCE}, p50=50.0)),
        None,
        "By one replication, which shows nothing where chance is: pool is best: median latency 50 µs, 2 times lower "
        "than swiotlb (100 µs).",
        ("[",),
    ),
    "late without drops": Case(
        candidates(BASE, candidate("convert", {"swiotlb": {"p50": SLOWER}}, p50=200.0, late=12.5)),
        "swiotlb",
        "convert is late with 12.5 % of what it delivers.",
        ("drops",),
    ),
    "overload has no median and no ratio": Case(
        candidates(BASE, overloaded(SLOW)),
        "swiotlb",
        "swiotlb is best: convert does not sustain 60 frames/s: pKVM's host-wide lock would be used 182 %; it sustains "
        "33.",
        ("convert 200 µs", "times"),
    ),
    "an overloaded path is no rival however fast its median": Case(
        candidates(BASE, overloaded(POOL)), "swiotlb", "swiotlb is best", ("50 µs", "pool is best")
    ),
    "the baseline does not sustain its rate": Case(
        candidates(overloaded(BASE), POOL),
        "pool",
        "pool is best: swiotlb does not sustain 60 frames/s: pKVM's host-wide lock would be used 182 %; it sustains "
        "33.",
        ("100 µs",),
    ),
    "a resource that no table names": Case(
        candidates(BASE, overloaded(SLOW, replace(LOCKED, resource="", use=None))),
        "swiotlb",
        "convert does not sustain 60 frames/s: 33 are delivered in time",
    ),
    "nothing is late, dropped or frozen": Case(
        candidates(BASE, candidate("pool", {"swiotlb": {}}), judge=["late", "dropped", "frozen"]),
        None,
        "Nothing is late, dropped or frozen on any path.",
        ("best", "median"),
    ),
    "what was asked for has its line although it is 0": Case(
        candidates(BASE, POOL, judge=["late", "latency"]),
        "pool",
        "Late: 0 % on every path. Median latency: pool 50 µs (2 times lower [1.92 to 2.08]); swiotlb 100 µs.",
    ),
    "what was not asked for decides nothing": Case(
        candidates(BASE, POOL, judge=["late"]), None, "Nothing is late on any path.", ("latency", "best")
    ),
    "the share that was asked for decides": Case(
        candidates(
            candidate("swiotlb", is_baseline=True, late=3.0),
            candidate("pool", {"swiotlb": {"late": None}}),
            judge=["late", "dropped"],
        ),
        "pool",
        "pool is best: late 0 %, swiotlb has 3 %. Late: pool 0 %; swiotlb 3 %. Dropped: 0 % on every path.",
    ),
    "guests that no host took": Case(
        candidates(
            candidate("swiotlb", is_baseline=True, refused=2.0),
            candidate("pool", {"swiotlb": {"refused": exactly(2.5)}}, refused=5.0),
            judge=["refused"],
        ),
        "swiotlb",
        "Refused: swiotlb 2 guests; pool 5 guests.",
    ),
    "the best path that still copies": Case(
        candidates(BASE, replace(POOL, figures=dict(POOL.figures) | {"copies": 0.0})),
        "pool",
        "The best path that still copies is swiotlb, throughput 60 frames/s.",
    ),
    "what a path presumes": Case(
        candidates(BASE, replace(POOL, presumes="presumes that the guest reads each field once")),
        "pool",
        "pool presumes that the guest reads each field once.",
    ),
    "a figure that no path has": Case(
        candidates(BASE, POOL, judge=["boot", "latency"]), "pool", "Boot time: no path has any.", ("nan", "none")
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_says_what_the_numbers_show_and_no_more(name: str) -> None:
    case = CASES[name]
    told = verdict_of(case.candidates)
    text = " ".join((told.sentence, *told.details))
    assert told.best == case.best
    assert case.says in text
    for word in case.never:
        assert word not in text


def test_the_table_has_forty_cases_and_more() -> None:
    assert len(CASES) >= 40


def test_more_throughput_is_better_and_more_cpu_is_worse() -> None:
    quicker = candidates(
        BASE,
        candidate("pool", {"swiotlb": {"throughput": SLOWER, "host CPU": SLOWER}}, throughput=120.0, host_CPU=10.0),
    )
    told = verdict_of(quicker)
    assert told.best is None
    assert told.sentence == (
        "pool leads in throughput 120 frames/s, 2 times higher [1.9 to 2.1] than swiotlb (60 frames/s); swiotlb leads "
        "in host CPU 5 µs per frame, 2 times lower [1.9 to 2.1] than pool (10 µs per frame)."
    )


def test_the_order_of_paths_does_not_change_who_is_best() -> None:
    paths = CASES["each path has its value in the line of a figure"].candidates.members
    for turned in (paths, paths[::-1], (*paths[2:], *paths[:2])):
        assert verdict_of(candidates(*turned)).best == "zero"


def test_ratios_are_asked_for_to_the_baseline_and_to_whoever_leads_a_figure() -> None:
    paths = (
        BASE,
        candidate("fast", p50=1.0),
        candidate("thrifty", guest_CPU=1.0),
        candidate("neither", p50=50.0),
        silent("mute"),
    )
    assert set(rivals(paths)) == {"swiotlb", "fast", "thrifty"}


def test_who_does_not_sustain_its_rate_leads_in_no_time() -> None:
    paths = (BASE, overloaded(candidate("fast", p50=1.0, p99=1.0)), candidate("thrifty", guest_CPU=1.0))
    assert set(rivals(paths)) == {"swiotlb", "thrifty"}
