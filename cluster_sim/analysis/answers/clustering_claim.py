"""H3: clustering shared memory in one region keeps huge mappings whole; scattering breaks them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from cluster_sim.analysis.answers.answer import Hypothesis, Standing
from cluster_sim.analysis.answers.path_rows import text_at
from cluster_sim.analysis.answers.phrases import amount
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.results.manifest import VariantRecord

NAME = "H3"
CLAIM = "Clustering shared memory in one region keeps huge mappings whole; scattering breaks them."
COLUMNS = ("huge_leaves_at_boot", "huge_leaves", "split_huge_pages")


@dataclass(frozen=True, slots=True)
class Leaves:
    """Huge mappings of a variant's guests in one replication: at boot, at the end, and folios split."""

    at_boot: int
    at_end: int
    split: int

    @property
    def share_left(self) -> float:
        """Share of the huge mappings that is left."""
        return self.at_end / self.at_boot


def clustering(reading: RunReading) -> list[Hypothesis]:
    """H3 for each technology, or once, undecided, where the run cannot tell."""
    couples = couples_of(reading.manifest.variants)
    if not couples:
        why = "Undecided: this run does not vary memory.placement between clustered and scattered."
        return [Hypothesis(NAME, CLAIM, "", "undecided", why, ())]
    counted = leaves_of(reading.guests)
    by_technology: dict[str, list[tuple[str, str]]] = {}
    for clustered, scattered in couples:
        technology = text_at(reading.manifest.variants[clustered].scenario, "protection") or ""
        by_technology.setdefault(technology, []).append((clustered, scattered))
    return [of_technology(technology, each, counted) for technology, each in by_technology.items()]


def couples_of(variants: Mapping[str, VariantRecord]) -> list[tuple[str, str]]:
    """Variants that differ in where shared memory lies and in nothing else."""
    clustered: dict[str, str] = {}
    scattered: dict[str, str] = {}
    for label, record in variants.items():
        memory = record.scenario.get("memory")
        if not isinstance(memory, dict):
            continue
        rest = json.dumps({**record.scenario, "memory": {**memory, "placement": None}}, sort_keys=True)
        {"clustered": clustered, "scattered": scattered}.get(str(memory.get("placement")), {})[rest] = label
    return [(label, scattered[rest]) for rest, label in clustered.items() if rest in scattered]


def leaves_of(guests: pa.Table) -> dict[str, dict[int, Leaves]]:
    """Counts of each variant by replication."""
    keys = ["variant", "replication"]
    sums = guests.group_by(keys).aggregate([(name, "sum") for name in COLUMNS])
    found: dict[str, dict[int, Leaves]] = {}
    for row in sums.to_pylist():
        counts = Leaves(*(row[f"{name}_sum"] for name in COLUMNS))
        found.setdefault(row["variant"], {})[row["replication"]] = counts
    return found


def of_technology(
    technology: str, couples: list[tuple[str, str]], counted: Mapping[str, Mapping[int, Leaves]]
) -> Hypothesis:
    """H3 on one technology, over all couples of variants."""
    standings: list[Standing] = []
    evidence = []
    for one, other in couples:
        both = sorted(set(counted.get(one, {})) & set(counted.get(other, {})))
        pairs = [(counted[one][replication], counted[other][replication]) for replication in both]
        standing, line = judged(one, other, pairs)
        standings.append(standing)
        evidence.append(line)
    told = next((line for each, line in zip(standings, evidence, strict=True) if each == "refuted"), evidence[0])
    standing = "refuted" if "refuted" in standings else "undecided"
    if all(each == "confirmed" for each in standings):
        standing = "confirmed"
    sentence = f"{standing.capitalize()}: {told}"
    return Hypothesis(NAME, CLAIM, f"protection {technology}", standing, sentence, tuple(evidence))


def judged(one: str, other: str, pairs: list[tuple[Leaves, Leaves]]) -> tuple[Standing, str]:
    """What a clustered and a scattered variant say, replication by replication."""
    if not pairs:
        return "undecided", f"{one} and {other}: no finished pair."
    if not all(a.at_boot and b.at_boot for a, b in pairs):
        split = [amount(sum(leaves.split for leaves in side) / len(side)) for side in zip(*pairs, strict=True)]
        return "undecided", (
            f"{one} and {other}: no huge mapping was there to keep; huge pages split: {split[0]} clustered, "
            f"{split[1]} scattered."
        )
    left = [amount(100 * sum(leaves.share_left for leaves in side) / len(side)) for side in zip(*pairs, strict=True)]
    at_boot = amount(sum(a.at_boot for a, _ in pairs) / len(pairs))
    line = f"{one} keeps {left[0]} % of {at_boot} huge mappings, {other} {left[1]} %."
    if all(a.share_left > b.share_left for a, b in pairs):
        return "confirmed", line
    return ("refuted" if all(a.share_left <= b.share_left for a, b in pairs) else "undecided"), line
