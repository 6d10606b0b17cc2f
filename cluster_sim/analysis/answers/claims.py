"""What the hypotheses have in common: the paths of a run by kind, and their ratios to each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cluster_sim.analysis.answers.answer import Hypothesis
from cluster_sim.analysis.answers.pairs import Pairs, stratum_of
from cluster_sim.analysis.answers.spans import CRITERIA, Relation, relation
from cluster_sim.analysis.comparison import Row
from cluster_sim.results.manifest import Manifest

THROUGHPUT, MEDIAN = CRITERIA[0], CRITERIA[1]


@dataclass(frozen=True, slots=True)
class PathRow:
    """A row whose path is of one kind, with that path's label."""

    row: Row
    label: str
    kind: str

    @property
    def delivers(self) -> bool:
        """Whether anything arrived."""
        return self.row.figures["throughput"] > 0


def path_axes(manifest: Manifest) -> list[str]:
    """Axes that choose the path of all groups."""
    axes = dict.fromkeys(axis for record in manifest.variants.values() for axis in record.axes)
    return [axis for axis in axes if axis == "io_path"]


def by_stratum(pairs: Pairs) -> dict[tuple[str, str], list[PathRow]]:
    """Rows with their path's kind by stratum, labels outside of the axis `io_path`, and group.

    Groups that have a path of their own do not follow that axis, and are left out.
    """
    manifest = pairs.results.manifest
    found: dict[tuple[str, str], list[PathRow]] = {}
    for row in pairs.rows:
        scenario = manifest.variants[row.variant].scenario
        kind = text_at(scenario, "io_path", "kind")
        group = group_of(scenario, row.group)
        if kind is None or group is None or group.get("io_path") is not None:
            continue
        label = row.axes["io_path"]
        found.setdefault((stratum_of(row, {"io_path": label}), row.group), []).append(PathRow(row, label, kind))
    return found


def group_of(scenario: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """A guest group of a scenario."""
    groups = scenario.get("guests")
    found = (
        [each for each in groups if isinstance(each, dict) and each.get("name") == name]
        if isinstance(groups, list)
        else []
    )
    return found[0] if found else None


def text_at(data: Mapping[str, object], *steps: str) -> str | None:
    """A text inside plain data, if it is there."""
    here: object = data
    for step in steps:
        here = here.get(step) if isinstance(here, dict) else None
    return here if isinstance(here, str) else None


def of_kind(rows: Iterable[PathRow], *kinds: str) -> list[PathRow]:
    """Those whose path is of some kinds."""
    return [row for row in rows if row.kind in kinds]


def outcome(pairs: Pairs, one: PathRow, other: PathRow) -> Relation:
    """Whether one path beats another: better median latency without less throughput, or worse in either."""
    if one.delivers != other.delivers:
        return "better" if one.delivers else "worse"
    baseline = {"io_path": other.label}
    carried = relation(pairs.span(one.row, baseline, THROUGHPUT.figure), THROUGHPUT)
    latency = relation(pairs.span(one.row, baseline, MEDIAN.figure), MEDIAN)
    return "worse" if carried == "worse" else latency


def has_intervals(manifest: Manifest) -> bool:
    """Whether a run can show a difference at all."""
    return manifest.replications > 1


def once(found: list[Hypothesis]) -> list[Hypothesis]:
    """One hypothesis for all strata where none of them can tell, for one reason and without evidence."""
    first = replace(found[0], stratum="")
    return [first] if not first.evidence and all(replace(each, stratum="") == first for each in found) else found
