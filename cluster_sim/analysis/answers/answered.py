"""A run's answer in words: a verdict a stratum and group, the hypotheses, the doubts, and what to beware of."""

from collections.abc import Sequence
from dataclasses import replace

from cluster_sim.analysis.answers.answer import Answer, Verdict
from cluster_sim.analysis.answers.clustering_claim import clustering
from cluster_sim.analysis.answers.conversion_claim import conversion
from cluster_sim.analysis.answers.doubts import Rivalry, doubts_of
from cluster_sim.analysis.answers.pairs import KeptResults, Pairs, baseline_of, contest_of, path_of, strata
from cluster_sim.analysis.answers.pool_claim import pool
from cluster_sim.analysis.answers.verdicts import verdict_of
from cluster_sim.analysis.comparison import Row
from cluster_sim.results.reader import Results


def answer(results: Results, rows: Sequence[Row]) -> Answer:
    """All that a report says in words of a run, from its rows as compared."""
    manifest = results.manifest
    pairs = Pairs(KeptResults(results.storage), rows, baseline_of(manifest, rows))
    verdicts, rivalries = verdicts_of(pairs)
    doubts, remarks, by_rivalry = doubts_of(manifest, rivalries)
    places = {(each.stratum, each.group): by_rivalry.get((each.stratum, each.group), ()) for each in verdicts}
    return Answer(
        question=" ".join(manifest.question.split()),
        verdicts=tuple(replace(each, rests_on=places[each.stratum, each.group]) for each in verdicts),
        hypotheses=(*conversion(pairs), *pool(pairs), *clustering(pairs.results)),
        doubts=doubts,
        remarks=(*warnings_of(results, rows), *remarks),
    )


def verdicts_of(pairs: Pairs) -> tuple[list[Verdict], list[Rivalry]]:
    """A verdict a stratum and group, and the orders of two paths that each of them states."""
    verdicts, rivalries = [], []
    for (stratum, group), rows in strata(pairs.rows, pairs.baseline).items():
        if not pairs.baseline:
            continue
        contest = contest_of(pairs, rows)
        sentence, details, best = verdict_of(contest)
        verdicts.append(Verdict(stratum, group, sentence, best, details))
        variants = {path_of(row, pairs.baseline): row.variant for row in rows}
        base = next((each for each in contest.contenders if each.is_baseline), None)
        ahead, second = contest.ahead, contest.second
        duels = [(one, base) for one in contest.running if base is not None and base.delivers and one is not base]
        if ahead is not None and second is not None and base not in (ahead, second):
            duels.append((ahead, second))
        for one, other in duels:
            assert other is not None
            shown = contest.span(one, other, "p50")
            if shown is not None:
                mine, theirs = variants[one.label], variants[other.label]
                rivalries.append(Rivalry(stratum, group, one.label, mine, other.label, theirs, shown.mean))
    return verdicts, rivalries


def warnings_of(results: Results, rows: Sequence[Row]) -> list[str]:
    """What a reader must know before believing: an unfinished run, no baseline, no interval."""
    manifest = results.manifest
    found = []
    if manifest.status != "complete":
        found.append(f"This run is {manifest.status}: only finished variants are counted.")
    if not manifest.baseline and not any(row.is_baseline for row in rows):
        found.append("This run names no baseline, so its variants are not compared in pairs; --baseline names one.")
    if manifest.replications < 2:
        found.append("One replication: no ratio has an interval, and no difference is shown.")
    missing = [label for label in manifest.variants if label not in {row.variant for row in rows}]
    if missing:
        found.append(f"{len(missing)} of {len(manifest.variants)} variants have no finished run.")
    return found
