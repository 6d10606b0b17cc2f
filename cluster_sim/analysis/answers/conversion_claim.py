"""H1: conversion beats bouncing only where a granule's share and unshare costs less than the copies it avoids."""

from collections.abc import Mapping, Sequence

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
CLAIM = "Conversion beats bouncing only if sharing and unsharing a granule costs less than the copies it avoids."


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
    how = outcome(compared, converted, bounced)
    prices = f"a granule's share and unshare takes {told(cost_ns)}, the copies that it avoids {told(saved_ns)}"
    match how:
        case "better":
            return ("confirmed" if cost_ns < saved_ns else "refuted"), f"{who} beats {bounced.label}; {prices}."
        case "worse" if cost_ns >= saved_ns:
            return "confirmed", f"{who} loses to {bounced.label}; {prices}."
        case "worse":
            return "undecided", f"{who} loses to {bounced.label} for another reason, such as waiting; {prices}."
        case _:
            return "undecided", f"{who} and {bounced.label}: no difference shown; {prices}."


def told(nanoseconds: float) -> str:
    """A price, nothing rather than less than nothing."""
    return duration(max(nanoseconds, 0.0))
