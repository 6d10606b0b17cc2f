"""H1: conversion beats bouncing where a granule's share and unshare costs less than the copies it avoids, only there.

A mean latency is the sum of its ledger. Where two paths differ in these two terms alone, who is faster is arithmetic,
and the pair says nothing of the claim. What can contradict it is all else: waits, locks, exits for other reasons,
storage. So a pair confirms the claim only where what else differs is as much as OTHERS of what the two terms differ by.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster_sim.analysis.answers.answer import Hypothesis, Standing
from cluster_sim.analysis.answers.ledgers import CONVERTING, COPIES, Ledger, ledgers
from cluster_sim.analysis.answers.path_rows import (
    PathRow,
    has_intervals,
    of_kind,
    once,
    outcome,
    paths_by_stratum,
    varies_path,
)
from cluster_sim.analysis.answers.phrases import amount, duration
from cluster_sim.analysis.comparison import RowsByBaseline
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.summaries.batches import Key
from cluster_sim.results.ledger import Category

NAME = "H1"
AROUND_EACH = 0.9
"""Granules shared and unshared a transfer from which on a path converts around each of them."""
CLAIM = (
    "Conversion beats bouncing where sharing and unsharing a granule costs less than the copies it avoids, "
    "and only there, whatever else differs."
)
OTHERS = 0.1
"""Share of the two terms' difference that all else must differ by for a pair to be a test of the claim."""


def conversion(reading: RunReading) -> list[Hypothesis]:
    """H1 in each stratum, or once, undecided, where the run cannot tell."""
    manifest = reading.manifest
    if not varies_path(manifest):
        return [undecided("", "this run does not vary io_path")]
    if not has_intervals(manifest):
        return [undecided("", "this run has one replication, so no difference is shown")]
    booked = ledgers(reading.guest_sums)
    by_name: dict[str, list[list[PathRow]]] = {}
    for (stratum, _), rows in paths_by_stratum(reading).items():
        by_name.setdefault(stratum, []).append(rows)
    if not by_name:
        return [undecided("", "all groups of this run have paths of their own")]
    found = [in_stratum(reading.by_baseline, stratum, groups, booked) for stratum, groups in by_name.items()]
    return once(found)


def undecided(stratum: str, why: str, evidence: Sequence[str] = ()) -> Hypothesis:
    """H1 where nothing can be said."""
    return Hypothesis(NAME, CLAIM, stratum, "undecided", f"Undecided: {why}.", tuple(evidence))


def in_stratum(
    compared: RowsByBaseline, stratum: str, groups: Sequence[Sequence[PathRow]], booked: Mapping[Key, Ledger]
) -> Hypothesis:
    """H1 over all groups of a stratum: one winner against the claim refutes it."""
    standings: list[Standing] = []
    evidence: list[str] = []
    is_compared = False
    for rows in groups:
        for bounced in of_kind(rows, "swiotlb")[:1]:
            for converted in of_kind(rows, "convert"):
                is_compared = True
                standing, line = judged(compared, converted, bounced, booked)
                standings.append(standing)
                evidence.append(line)
    if not is_compared:
        return undecided(stratum, "this run does not have both a swiotlb and a convert path here")
    if "refuted" in standings:
        against = [line for standing, line in zip(standings, evidence, strict=True) if standing == "refuted"]
        return Hypothesis(NAME, CLAIM, stratum, "refuted", f"Refuted by {against[0]}", tuple(evidence))
    if "confirmed" in standings:
        told = [line for standing, line in zip(standings, evidence, strict=True) if standing == "confirmed"]
        return Hypothesis(NAME, CLAIM, stratum, "confirmed", f"Confirmed by {told[0]}", tuple(evidence))
    return undecided(stratum, "no pair of paths here tells", evidence)


def judged(
    compared: RowsByBaseline, converted: PathRow, bounced: PathRow, booked: Mapping[Key, Ledger]
) -> tuple[Standing, str]:
    """What one converting path says of the claim, with its figures."""
    who = f"{converted.row.group}: {converted.label}"
    mine, theirs = (booked.get((each.row.variant, each.row.group)) for each in (converted, bounced))
    if mine is None:
        return "undecided", f"{who} delivers nothing."
    pairs_of_calls = mine.conversions / mine.delivered / 2
    if not pairs_of_calls:
        return "undecided", f"{who} converts nothing here, so that a granule has no price."
    if pairs_of_calls < AROUND_EACH:
        return "undecided", f"{who} uses what it converted for several transfers, of which this says nothing."
    if theirs is None:
        carried = amount(converted.row.figures["throughput"])
        return (
            "refuted",
            f"{who} delivers {carried} frames/s where {bounced.label} delivers none, whatever a granule costs.",
        )
    cost_ns = (mine.spent_ns(*CONVERTING) - theirs.spent_ns(*CONVERTING)) / pairs_of_calls
    bouncing = (*COPIES, Category.SLOTS)
    saved_ns = (theirs.spent_ns(*bouncing) - mine.spent_ns(*bouncing)) / pairs_of_calls
    all_ns = (mine.latency_ns - theirs.latency_ns) / pairs_of_calls
    granule = Granule(cost_ns, saved_ns, all_ns - (cost_ns - saved_ns))
    how = outcome(compared, converted, bounced)
    if how not in ("better", "worse"):
        return "undecided", f"{who} and {bounced.label}: no difference shown; {granule.prices}."
    line = f"{who} {'beats' if how == 'better' else 'loses to'} {bounced.label}; {granule.prices}{granule.distance}."
    if (how == "better") != (cost_ns < saved_ns):
        return "refuted", f"{line} {granule.others}".strip()
    if not granule.is_test:
        return "undecided", f"{line} Hardly anything else differs, so that the one follows from the other."
    return "confirmed", f"{line} {granule.others}"


@dataclass(frozen=True, slots=True)
class Granule:
    """What a granule's share and unshare takes, the copies that it avoids, and what else two paths differ by."""

    cost_ns: float
    saved_ns: float
    other_ns: float

    @property
    def is_test(self) -> bool:
        """Whether what else differs is enough to contradict the claim."""
        return abs(self.other_ns) >= OTHERS * abs(self.cost_ns - self.saved_ns)

    @property
    def prices(self) -> str:
        """Both terms."""
        price, copies = told(self.cost_ns), told(self.saved_ns)
        return f"a granule's share and unshare takes {price}, the copies that it avoids {copies}"

    @property
    def distance(self) -> str:
        """How far its price is from the claim's threshold, the copies."""
        if self.saved_ns <= 0 or self.cost_ns <= 0:
            return ""
        if self.cost_ns >= self.saved_ns:
            return f": {amount(self.cost_ns / self.saved_ns)} times what it would have to fall below"
        return f": it could take {amount(self.saved_ns / self.cost_ns)} times as much"

    @property
    def others(self) -> str:
        """What else the paths differ by, in words."""
        more = "more" if self.other_ns >= 0 else "less"
        return f"All else, such as waiting, takes {duration(abs(self.other_ns))} {more} a granule."


def told(nanoseconds: float) -> str:
    """A price, nothing rather than less than nothing."""
    return duration(max(nanoseconds, 0.0))
