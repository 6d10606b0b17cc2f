"""The two designs that a study compares, and the strata in which it compares them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.strata import title_of
from cluster_sim.planning.checks import check_scenario
from cluster_sim.runtime.study_point import Point
from cluster_sim.scenario.axes import Variant
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.spec import ScenarioSpec

DESIGN = "io_path"


@dataclass(frozen=True, slots=True)
class Stratum:
    """Variants that differ in their design only: `labels` are those of the other axes."""

    labels: Mapping[str, str]
    scenarios: Mapping[str, ScenarioSpec]

    @property
    def title(self) -> str:
        """The labels of the other axes, as reports name them."""
        return title_of(self.labels, self.labels)


def design_axis(experiment: Experiment) -> str:
    """The axis whose labels are the designs: `io_path`, or else the baseline's, or the only one."""
    axes = experiment.spec.axes
    if DESIGN in axes:
        return DESIGN
    for one in (experiment.spec.baseline, axes):
        if len(one) == 1:
            return next(iter(one))
    raise StudyError(
        f"{experiment.source}: axes", found=f"{', '.join(axes) or 'none'}", allowed=f"an axis {DESIGN} of designs"
    )


def strata_of(experiment: Experiment, without: Sequence[str] = ()) -> list[Stratum]:
    """Variants by their labels on all axes but the design's and `without`, of which the first label stands."""
    axis = design_axis(experiment)
    found: dict[tuple[tuple[str, str], ...], dict[str, ScenarioSpec]] = {}
    for variant in experiment.variants:
        others = tuple((name, label) for name, label in variant.axis_labels.items() if name not in {axis, *without})
        found.setdefault(others, {}).setdefault(variant.axis_labels[axis], variant.scenario)
    return [Stratum(dict(labels), scenarios) for labels, scenarios in found.items()]


def parse_between(text: str) -> tuple[str, str]:
    """`swiotlb,convert` as a pair."""
    first, comma, second = (name.strip() for name in text.partition(","))
    if not (first and comma and second) or "," in second or first == second:
        raise StudyError("--between", found=repr(text), allowed="two designs, such as swiotlb,convert-2m")
    return first, second


def label_of_design(name: str, experiment: Experiment) -> str:
    """The label that a name stands for: itself, or the only design of that kind."""
    axis = design_axis(experiment)
    labels = list(experiment.spec.axes[axis])
    if name in labels:
        return name
    of_kind = [label for label in labels if kind_of(experiment.variants, axis, label) == name]
    if len(of_kind) == 1:
        return of_kind[0]
    ambiguous = f"{name!r}, which is {' and '.join(of_kind)}" if of_kind else repr(name)
    raise StudyError("--between", found=ambiguous, allowed=" | ".join(labels))


def kind_of(variants: Sequence[Variant], axis: str, label: str) -> str:
    """The kind of path that a design is."""
    return next((one.scenario.io_path.kind for one in variants if one.axis_labels[axis] == label), "")


def check_group(name: str | None, experiment: Experiment) -> str | None:
    """A guest group's name, if the definition has it."""
    known = [group.name for group in experiment.spec.guests]
    if name is not None and name not in known:
        raise StudyError("--group", found=repr(name), allowed=" | ".join(known))
    return name


def wrong_with(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """What keeps a changed scenario from being run."""
    return list(dict.fromkeys(check_scenario(scenario, folder)))


def points_of(scenario: ScenarioSpec, folder: Path, seed: int, replications: int) -> list[Point]:
    """A scenario's points, one a replication."""
    return [Point(scenario, folder, seed, replication) for replication in range(replications)]
