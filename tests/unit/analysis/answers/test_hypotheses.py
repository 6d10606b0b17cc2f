"""H1 to H3 against ledgers, ratios and counts by hand: both sides of each threshold, and what cannot be told."""

from collections.abc import Mapping, Sequence

import pytest

from cluster_sim.analysis.answers import clustering_claim, conversion_claim, pool_claim
from cluster_sim.analysis.answers.clustering_claim import Leaves
from cluster_sim.analysis.answers.ledgers import Ledger
from cluster_sim.analysis.answers.path_rows import PathRow
from cluster_sim.analysis.comparison import Row, RowsByBaseline
from cluster_sim.analysis.paired import Ratio
from cluster_sim.results.ledger import Category

FASTER, SLOWER, EQUAL = (Ratio(mean, 0.9 * mean, 1.1 * mean, 3) for mean in (0.5, 2.0, 1.0))
Booked = dict[tuple[str, ...], Ledger]


def path(label: str, kind: str, latency: Ratio | None = None, *, throughput: float = 60.0) -> PathRow:
    """A row with a ratio of its median latency to the baseline; throughput is like the baseline's."""
    ratios = {"p50": latency, "throughput": EQUAL}
    axes = {"io_path": label}
    return PathRow(Row(label, axes, "raw", {"throughput": throughput}, ratios, latency is None), axes, kind)


def compared(baselines: Mapping[str, Sequence[PathRow]]) -> RowsByBaseline:
    """Rows by the path that they are compared with, the first of which is the run's own baseline."""
    own = next(iter(baselines))
    return RowsByBaseline({"io_path": own}, lambda labels: [each.row for each in baselines[labels["io_path"]]])


def ledger(conversions: int, **spent_ns: float) -> Ledger:
    """One delivered transfer; categories that are not given took no time."""
    means = {category: float(spent_ns.get(category.label, 0)) for category in Category}
    return Ledger(1, conversions, means)


BOUNCED = path("swiotlb", "swiotlb")


@pytest.mark.parametrize(
    ("latency", "hypercall_ns", "standing", "words"),
    [
        # Ten granules, shared and unshared: 20 conversions. Of 1,200 ns of copies 200 stay, so that 100 a granule go.
        (FASTER, 990, "confirmed", "raw: convert beats swiotlb; a granule's share and unshare takes 99 ns"),
        (FASTER, 1010, "refuted", "raw: convert beats swiotlb; a granule's share and unshare takes 101 ns"),
        (SLOWER, 1010, "confirmed", "raw: convert loses to swiotlb; a granule's share and unshare takes 101 ns"),
        (SLOWER, 990, "refuted", "raw: convert loses to swiotlb; a granule's share and unshare takes 99 ns"),
        (EQUAL, 990, "undecided", "raw: convert and swiotlb: no difference shown"),
    ],
)
def test_conversion_is_judged_by_what_a_granule_costs_and_saves(
    latency: Ratio, hypercall_ns: int, standing: str, words: str
) -> None:
    converted = path("convert", "convert", latency)
    booked: Booked = {
        ("swiotlb", "raw"): ledger(0, guest_copy=1000, host_copy=200, notify=5),
        ("convert", "raw"): ledger(20, host_copy=200, hypercall=hypercall_ns, queue_wait=10_000),
    }
    found, line = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert found == standing
    assert line.startswith(words)
    assert "the copies that it avoids 100 ns" in line
    assert ("All else, such as waiting, takes 1,000 ns more a granule." in line) == (standing != "undecided")


@pytest.mark.parametrize(
    ("hypercall_ns", "latency", "words"),
    [
        (2900, SLOWER, "takes 290 ns, the copies that it avoids 100 ns: 2.9 times what it would have to fall below."),
        (250, FASTER, "takes 25 ns, the copies that it avoids 100 ns: it could take 4 times as much."),
    ],
)
def test_h1_tells_how_far_a_granules_price_is_from_the_threshold(hypercall_ns: int, latency: Ratio, words: str) -> None:
    converted = path("convert", "convert", latency)
    booked: Booked = {
        ("swiotlb", "raw"): ledger(0, guest_copy=1000),
        ("convert", "raw"): ledger(20, hypercall=hypercall_ns, queue_wait=1000),
    }
    _, line = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert words in line


@pytest.mark.parametrize(("waited_ns", "standing"), [(0, "undecided"), (189, "undecided"), (191, "confirmed")])
def test_h1_is_confirmed_only_where_enough_else_differs_to_contradict_it(waited_ns: int, standing: str) -> None:
    """2,900 ns against 1,000 differ by 1,900: a tenth of that in waits is a test, less is arithmetic."""
    converted = path("convert", "convert", SLOWER)
    booked: Booked = {
        ("swiotlb", "raw"): ledger(0, guest_copy=1000),
        ("convert", "raw"): ledger(20, hypercall=2900, lock_wait=waited_ns),
    }
    found, line = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert found == standing
    assert ("the one follows from the other" in line) == (standing == "undecided")


def test_exits_that_bouncing_has_too_are_not_the_price_of_conversion() -> None:
    converted = path("convert", "convert", FASTER)
    booked: Booked = {
        ("swiotlb", "raw"): ledger(0, guest_copy=1000, exit=5000),
        ("convert", "raw"): ledger(20, hypercall=500, exit=5000),
    }
    _, line = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert "takes 50 ns, the copies that it avoids 100 ns" in line


def test_a_frame_that_no_pool_holds_refutes_that_the_copies_decide() -> None:
    converted, mute = path("convert", "convert", None, throughput=20), path("swiotlb", "swiotlb", None, throughput=0)
    booked: Booked = {("convert", "raw"): ledger(20, hypercall=5)}
    found, line = conversion_claim.judged(compared({"swiotlb": [mute, converted]}), converted, mute, booked)
    assert (found, line) == (
        "refuted",
        "raw: convert delivers 20 frames/s where swiotlb delivers none, whatever a granule costs.",
    )


@pytest.mark.parametrize(
    ("booked", "words"),
    [
        ({}, "raw: convert delivers nothing."),
        ({("convert", "raw"): ledger(0, host_copy=5)}, "raw: convert converts nothing here"),
    ],
)
def test_conversion_that_delivers_or_converts_nothing_tells_nothing(booked: Booked, words: str) -> None:
    converted = path("convert", "convert", None, throughput=0)
    found, line = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert found == "undecided"
    assert line.startswith(words)


def pool_standing(over_bounced: Ratio, over_converted: Ratio) -> tuple[str, str]:
    """H2 where one pool meets one bouncing and one converting path."""
    bounced, converted = path("swiotlb", "swiotlb"), path("convert", "convert", SLOWER)
    pooled, seen = path("pool", "shared_pool", over_bounced), path("pool", "shared_pool", over_converted)
    rows = compared({"swiotlb": [bounced, converted, pooled], "convert": [seen]})
    booked: Booked = {("pool", "raw"): ledger(0, guest_copy=300, notify=100)}
    found = pool_claim.in_stratum(rows, "protection pkvm", [[bounced, converted, pooled]], booked)
    return found.standing, found.sentence


def test_a_pool_must_beat_bouncing_and_converting() -> None:
    standing, sentence = pool_standing(FASTER, FASTER)
    assert standing == "confirmed"
    assert (
        "median latency 2 times lower [1.82 to 2.22] than swiotlb's and 2 times lower [1.82 to 2.22] than convert's"
        in sentence
    )
    assert "of 400 ns mean latency, 75 % are copies (300 ns)" in sentence
    assert pool_standing(SLOWER, FASTER)[0] == "refuted"
    assert pool_standing(FASTER, SLOWER)[0] == "refuted"
    assert pool_standing(EQUAL, FASTER)[0] == "undecided"


@pytest.mark.parametrize(("conversions", "standing"), [(1, "undecided"), (2, "confirmed")])
def test_h1_is_about_conversion_around_each_transfer(conversions: int, standing: str) -> None:
    """A granule that is shared and unshared for one transfer, and one that is kept for two."""
    converted = path("convert", "convert", SLOWER)
    booked: Booked = {
        ("swiotlb", "raw"): ledger(0, guest_copy=100),
        ("convert", "raw"): ledger(conversions, hypercall=1000, queue_wait=500),
    }
    found = conversion_claim.judged(compared({"swiotlb": [BOUNCED, converted]}), converted, BOUNCED, booked)
    assert found[0] == standing
    assert ("several transfers" in found[1]) == (standing == "undecided")


def test_a_pool_that_carries_less_does_not_win_however_fast() -> None:
    bounced, pooled = path("swiotlb", "swiotlb"), path("pool", "shared_pool", FASTER)
    carries_less = Row(
        "pool", pooled.row.axes, "raw", {"throughput": 30.0}, {"p50": FASTER, "throughput": FASTER}, False
    )
    pooled = PathRow(carries_less, {"io_path": "pool"}, "shared_pool")
    found = pool_claim.in_stratum(compared({"swiotlb": [bounced, pooled]}), "", [[bounced, pooled]], {})
    assert found.standing == "refuted"


@pytest.mark.parametrize(
    ("pairs", "standing", "words"),
    [
        ([(Leaves(100, 99, 1), Leaves(100, 14, 86))] * 2, "confirmed", "a keeps 99 % of 100 huge mappings, b 14 %."),
        ([(Leaves(100, 14, 86), Leaves(100, 14, 86))], "refuted", "a keeps 14 % of 100"),
        (
            [(Leaves(100, 99, 1), Leaves(100, 14, 86)), (Leaves(100, 10, 90), Leaves(100, 14, 86))],
            "undecided",
            "a keeps 54.5 % of 100",
        ),
        (
            [(Leaves(0, 0, 32), Leaves(0, 0, 7070))],
            "undecided",
            "a and b: no huge mapping was there to keep; huge pages split: 32 clustered, 7,070 scattered.",
        ),
        ([], "undecided", "a and b: no finished pair."),
    ],
)
def test_clustering_is_judged_by_the_mappings_that_are_left_in_each_replication(
    pairs: list[tuple[Leaves, Leaves]], standing: str, words: str
) -> None:
    found, line = clustering_claim.judged("a", "b", pairs)
    assert found == standing
    assert line.startswith(words)
