"""One sentence over all strata: where something holds, who leads, what flips, what fails."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from cluster_sim.analysis.answers.candidates import CandidateSet
from cluster_sim.analysis.answers.summary import Case, summary
from cluster_sim.analysis.answers.where import where
from cluster_sim.analysis.strata import Labels
from cluster_sim.scenario.judged_names import JudgedName
from tests.unit.analysis.answers.candidate_sets import (
    Ends,
    PricesByLabel,
    candidate,
    candidates,
    exactly,
    overloaded,
    silent,
)

TECHNOLOGIES = ("pkvm", "sev-snp", "tdx")
EVERY: list[Labels] = [
    {"protection": technology, "memory": memory, "group": group}
    for technology, memory, group in product(TECHNOLOGIES, ("g3", "g4"), ("raw", "coded"))
]


def chosen(*wanted: str) -> list[Labels]:
    """The cases that have one of some labels each: `pkvm,g4`."""
    return [each for each in EVERY if any(set(one.split(",")) <= set(each.values()) for one in wanted)]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (("g3", "g4"), "on all three technologies"),
        (("pkvm",), "on pKVM"),
        (("pkvm", "tdx"), "on pKVM and Intel TDX"),
        (("g4",), "with memory g4"),
        (("pkvm,g4",), "on pKVM with memory g4"),
        (("raw",), "for raw"),
        (("pkvm", "tdx,g4"), "on pKVM and on Intel TDX with memory g4"),
        (("pkvm,g4,raw", "tdx,g3,coded"), "on pKVM with memory g4 for raw and on Intel TDX with memory g3 for coded"),
    ],
)
def test_a_place_is_told_by_what_was_chosen(wanted: tuple[str, ...], told: str) -> None:
    assert where(chosen(*wanted), EVERY) == told


def test_a_place_of_many_pieces_is_told_by_its_number() -> None:
    axes: list[Labels] = [{"size": str(size), "rate": str(rate)} for size, rate in product(range(6), range(6))]
    assert where([each for each in axes if each["size"] == each["rate"]], axes) == "in 6 of 36 cases"


def test_two_technologies_are_both_and_no_protection_is_told_apart() -> None:
    two: list[Labels] = [{"protection": each} for each in ("pkvm", "tdx")]
    assert where(two, two) == "on both technologies"
    three: list[Labels] = [{"protection": "none"}, *two]
    assert where(three, three) == "on both technologies and without protection"
    assert where(three[:2], three) == "on pKVM and without protection"


def test_one_case_needs_no_place() -> None:
    assert where([{"protection": "pkvm"}], [{"protection": "pkvm"}]) == ""


def compared(pool: float, convert: float, judge: Sequence[JudgedName] = ("latency",)) -> CandidateSet:
    """Pool and conversion as shares of swiotlb's median of 100 µs."""
    return candidates(
        candidate("swiotlb", is_baseline=True),
        candidate(
            "pool", {"swiotlb": {"p50": exactly(pool)}, "convert": {"p50": exactly(pool / convert)}}, p50=100 * pool
        ),
        candidate("convert", {"swiotlb": {"p50": exactly(convert)}}, p50=100 * convert),
        judge=judge,
    )


def cases(*sets: CandidateSet) -> list[Case]:
    """One technology each."""
    return [
        Case({"protection": name, "group": "raw"}, f"protection {name}", "raw", each)
        for name, each in zip(TECHNOLOGIES, sets, strict=False)
    ]


def test_who_leads_everywhere_and_what_flips() -> None:
    found = summary(cases(compared(0.25, 0.5), compared(0.4, 2.0), compared(0.4, 3.0)))
    assert found == (
        "pool has the lowest median latency on all three technologies, 2.5 to 4 times lower than swiotlb; "
        "convert is ahead of swiotlb on pKVM and behind on AMD SEV-SNP and Intel TDX; nothing else flips."
    )


def test_no_order_flips() -> None:
    found = summary(cases(compared(0.5, 2.0), compared(0.5, 2.0)))
    assert found == (
        "pool has the lowest median latency on both technologies, 2 times lower than swiotlb; no order to swiotlb flips."
    )


def test_leaders_by_place() -> None:
    found = summary(cases(compared(0.5, 0.25), compared(0.5, 2.0)))
    assert found.startswith(
        "convert has the lowest median latency on pKVM, 4 times lower than swiotlb; pool has the lowest median latency on "
        "AMD SEV-SNP, 2 times lower than swiotlb; convert is ahead of swiotlb on pKVM and behind on AMD SEV-SNP"
    )


def test_nothing_is_late_and_nothing_else_was_asked() -> None:
    found = summary(
        cases(compared(0.5, 2.0, ("late", "dropped", "frozen")), compared(0.5, 2.0, ("late", "dropped", "frozen")))
    )
    assert found == "Nothing is late, dropped or frozen on any path."


def test_whose_share_is_not_nothing() -> None:
    late = candidates(
        candidate("swiotlb", is_baseline=True, late=3.0),
        candidate("convert", late=40.0),
        candidate("pool"),
        judge=("late", "dropped"),
    )
    found = summary(cases(compared(0.5, 2.0, ("late", "dropped")), late))
    assert found == (
        "Late: up to 3 % by swiotlb on AMD SEV-SNP, up to 40 % by convert on AMD SEV-SNP, nothing by pool; nothing is "
        "dropped on any path."
    )


def test_who_delivers_nothing_and_who_does_not_sustain() -> None:
    members = compared(0.5, 2.0).members
    mute = candidates(silent("swiotlb", is_baseline=True), *members[1:], judge=("latency",))
    strained = candidates(*members[:2], overloaded(members[2]), judge=("latency",))
    found = summary(cases(mute, strained))
    assert "swiotlb delivers nothing on pKVM" in found
    assert "convert does not sustain 60 frames/s on AMD SEV-SNP" in found


def test_orders_that_turn_within_the_ranges_of_the_costs_are_named() -> None:
    sure = compared(0.5, 0.8)
    doubtful = replace(sure, prices=PricesByLabel({("convert", "swiotlb", "p50"): Ends(0.6, 1.3)}))
    found = summary(cases(sure, doubtful))
    assert found.endswith("within the costs' ranges the order to swiotlb turns for convert on AMD SEV-SNP.")


def test_paths_alone_have_no_summary() -> None:
    assert summary(cases(candidates(candidate("swiotlb", is_baseline=True)))) == ""
    assert summary([]) == ""
