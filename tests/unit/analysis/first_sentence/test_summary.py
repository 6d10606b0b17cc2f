"""One sentence over all strata: where something holds, who leads, what flips, what fails."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from cluster_sim.analysis.answers.candidates import CandidateSet
from cluster_sim.analysis.answers.overload import Overload
from cluster_sim.analysis.first_sentence.case import Case
from cluster_sim.analysis.first_sentence.summary import summary
from cluster_sim.analysis.first_sentence.where import where
from cluster_sim.analysis.strata import Labels
from cluster_sim.scenario.judged_names import JudgedName
from tests.unit.analysis.answers.candidate_sets import (
    LOCKED,
    SAME,
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
        "pool has the lowest median latency on all three technologies: 25 µs on pKVM and 40 µs on AMD SEV-SNP and "
        "Intel TDX, 2.5 to 4 times lower than swiotlb; "
        "convert is ahead of swiotlb on pKVM and behind on AMD SEV-SNP and Intel TDX; nothing else flips."
    )


def test_no_order_flips() -> None:
    found = summary(cases(compared(0.5, 2.0), compared(0.5, 2.0)))
    assert found == (
        "pool has the lowest median latency on both technologies: 50 µs, 2 times lower than swiotlb; no order to "
        "swiotlb flips; beside swiotlb, convert is 2 times higher."
    )


def test_leaders_by_place() -> None:
    found = summary(cases(compared(0.5, 0.25), compared(0.5, 2.0)))
    assert found.startswith(
        "convert has the lowest median latency on pKVM: 25 µs, 4 times lower than swiotlb; pool has the lowest median "
        "latency on AMD SEV-SNP: 50 µs, 2 times lower than swiotlb; convert is ahead of swiotlb on pKVM and behind "
        "on AMD SEV-SNP"
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
        "Late: 3 % by swiotlb on AMD SEV-SNP, 40 % by convert on AMD SEV-SNP, nothing by pool; nothing is "
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


def test_figures_come_in_the_order_in_which_they_are_judged() -> None:
    found = summary(cases(compared(0.5, 2.0, ("latency", "dropped")), compared(0.5, 2.0, ("latency", "dropped"))))
    assert found.endswith("beside swiotlb, convert is 2 times higher; nothing is dropped on any path.")


def test_what_no_path_changes_is_told_as_such() -> None:
    alike = candidates(
        candidate("swiotlb", is_baseline=True, refused=40.0),
        candidate("pool", {"swiotlb": {"p50": SAME}}, refused=40.0),
        judge=("refused", "latency"),
    )
    assert summary(cases(alike, alike)) == (
        "Refused: 40 guests on both technologies on every path; no difference is shown in median latency."
    )


def test_a_share_that_differs_by_chance_alone_shows_no_difference() -> None:
    near = candidates(
        candidate("swiotlb", is_baseline=True, late=3.0),
        candidate("pool", {"swiotlb": {"late": (1.1, 0.8, 1.4)}}, late=3.3),
        judge=("late",),
    )
    assert summary(cases(near)) == "Late: 3 to 3.3 %, with no difference shown between paths."


def test_who_drops_all_differs_from_who_drops_nothing() -> None:
    mute = candidates(candidate("swiotlb", is_baseline=True), silent("convert"), judge=("dropped",))
    assert summary(cases(mute)) == "Dropped: 100 % by convert, nothing by swiotlb; convert delivers nothing."


def test_of_many_the_most_is_told_and_the_rest_are_counted() -> None:
    members = [candidate(f"path-{number}", late=10.0 * number) for number in range(5, 0, -1)]
    late = candidates(candidate("swiotlb", is_baseline=True), *members, judge=("late",))
    assert summary(cases(late)) == (
        "Late: up to 50 % by path-5, 40 % by path-4, 30 % by path-3, less by 2 more, nothing by swiotlb."
    )


def test_what_the_end_finds_in_flight_is_no_backlog() -> None:
    found = candidates(candidate("swiotlb", is_baseline=True, unfinished=0.9), candidate("pool"), judge=("unfinished",))
    assert summary(cases(found)) == "Nothing is unfinished on any path."


def test_what_is_counted_has_words_of_its_own() -> None:
    found = candidates(
        candidate("swiotlb", is_baseline=True, switches=0.0),
        candidate("pool", switches=0.0),
        judge=("switches", "late"),
    )
    assert summary(cases(found)) == "Nothing is late on any path; no path has switches."


def test_a_path_among_the_best_everywhere_is_named_with_its_values() -> None:
    near = candidates(
        candidate("swiotlb", is_baseline=True, p50=300.0),
        candidate("pool", {"swiotlb": {"p50": exactly(1 / 3)}, "direct": {"p50": SAME}}, p50=100.0),
        candidate("direct", {"swiotlb": {"p50": exactly(1 / 3)}}, p50=100.0),
        judge=("latency",),
    )
    alone = candidates(
        candidate("swiotlb", is_baseline=True, p50=300.0),
        candidate("pool", {"swiotlb": {"p50": exactly(1 / 3)}, "direct": {"p50": exactly(0.5)}}, p50=100.0),
        candidate("direct", {"swiotlb": {"p50": exactly(2 / 3)}}, p50=200.0),
        judge=("latency",),
    )
    assert summary(cases(near, alone)) == (
        "pool has the lowest median latency, alone or with others, on both technologies: 100 µs, 3 times lower than "
        "swiotlb; no order to swiotlb flips; beside swiotlb, direct is 33.3 % lower to 3 times lower."
    )


def test_a_baseline_that_leads_is_told_beside_the_next() -> None:
    assert summary(cases(compared(2.0, 4.0))) == (
        "swiotlb has the lowest median latency: 100 µs, 2 times lower than pool; "
        "beside swiotlb, pool is 2 times higher and convert is 4 times higher."
    )


def test_who_sustains_less_is_told_how_much() -> None:
    members = compared(0.5, 2.0).members
    less = Overload(60, 45, "frames/s", "the host's worker", 1.33)
    strained = [candidates(*members[:2], overloaded(members[2], each), judge=("latency",)) for each in (LOCKED, less)]
    assert summary(cases(*strained)).endswith(
        "convert does not sustain 60 frames/s on both technologies, but only 33 to 45."
    )
