"""What the hypotheses have in common: the rows of a run by their path's kind, and which of two paths wins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cluster_sim.analysis.answers.answer import Hypothesis
from cluster_sim.analysis.answers.criteria import MEDIAN, THROUGHPUT, Relation, relation
from cluster_sim.analysis.comparison import Row, RowsByBaseline
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import PATH_AXIS, Labels, stratum_of
from cluster_sim.results.manifest import Manifest


@dataclass(frozen=True, slots=True)
class PathRow:
    """A row whose path is of one kind; `path` is its labels on the axes that tell paths apart."""

    row: Row
    path: Labels
    kind: str

    @property
    def label(self) -> str:
        """What its path is called."""
        return " ".join(self.path.values())

    @property
    def delivers(self) -> bool:
        """Whether anything arrived."""
        return self.row.figures["throughput"] > 0


def varies_path(manifest: Manifest) -> bool:
    """Whether an axis chooses the path of all groups."""
    return any(PATH_AXIS in record.axes for record in manifest.variants.values())


def paths_by_stratum(reading: RunReading) -> dict[tuple[str, str], list[PathRow]]:
    """Rows with their path's kind by stratum, labels outside of the axes that tell paths apart, and group.

    Groups that have a path of their own do not follow the axis `io_path`, and are left out.
    """
    axes = reading.path_axes if PATH_AXIS in reading.path_axes else (PATH_AXIS,)
    found: dict[tuple[str, str], list[PathRow]] = {}
    for row in reading.rows:
        scenario = reading.manifest.variants[row.variant].scenario
        kind = text_at(scenario, "io_path", "kind")
        group = group_of(scenario, row.group)
        if kind is None or group is None or group.get("io_path") is not None:
            continue
        path = {axis: label for axis, label in row.axes.items() if axis in axes}
        found.setdefault((stratum_of(row.axes, axes), row.group), []).append(PathRow(row, path, kind))
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


def outcome(compared: RowsByBaseline, one: PathRow, other: PathRow) -> Relation:
    """Whether one path beats another: better median latency without less throughput, or worse in either."""
    if one.delivers != other.delivers:
        return "better" if one.delivers else "worse"
    if (one.row.overload is None) != (other.row.overload is None):
        return "worse" if one.row.overload else "better"
    throughput = relation(compared.ratio(one.row, other.path, THROUGHPUT.figure), THROUGHPUT)
    latency = relation(compared.ratio(one.row, other.path, MEDIAN.figure), MEDIAN)
    return "worse" if throughput == "worse" else latency


def has_intervals(manifest: Manifest) -> bool:
    """Whether a run can show a difference at all."""
    return manifest.replications > 1


def once(found: list[Hypothesis]) -> list[Hypothesis]:
    """One hypothesis for all strata where none of them can tell, for one reason and without evidence."""
    first = replace(found[0], stratum="")
    return [first] if not first.evidence and all(replace(each, stratum="") == first for each in found) else found
