"""Axes: dotted paths into a definition, and the product of their values as scenarios and runs."""

import itertools
import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from cluster_sim.scenario.problems import (
    Contradiction,
    Data,
    DataPath,
    DefinitionError,
    Fault,
    Problem,
    choice,
    dotted,
    faults_of,
    inside,
    locate,
    shown,
    whole_path,
)
from cluster_sim.scenario.spec import CostOverride, ExperimentSpec, ScenarioSpec
from cluster_sim.scenario.units import label_of

MOST_VARIANTS = 10_000
MOST_RUNS = 100_000
MOST_LABEL_LETTERS = 200
"""Of a variant's labels together: they name its folder."""


@dataclass(frozen=True)
class Variant:
    """One point of the axes: a scenario and the labels that lead to it."""

    label: str
    axis_labels: dict[str, str]
    scenario: ScenarioSpec


@dataclass(frozen=True)
class Run:
    """A scenario and its chance; equal (seed, replication) means equal draws in every variant."""

    variant: Variant
    replication: int
    seed: int


class NoSuchPathError(LookupError):
    """A dotted path that leads nowhere: what was found on the way, and what is there."""

    def __init__(self, found: str, allowed: str) -> None:
        self.found, self.allowed = found, allowed
        super().__init__(f"found {found}, allowed: {allowed}")


def put(data: Data, path: str, value: JsonValue) -> DataPath:
    """Set the value at a dotted path, in place, making the mappings that miss; return what was set or made."""
    found, here, rest = locate(data, path)
    if not path:
        raise NoSuchPathError("no path", "the path of a field, such as io_path")
    if not rest:
        parent: JsonValue = data
        for step in found[:-1]:
            parent = inside(parent, step)
        _assign(parent, found[-1], value)
        return found
    if not isinstance(here, dict) and here is not None:
        raise NoSuchPathError(f"no {rest.split('.')[0]!r} in {dotted(data, found) or 'it'}", _ways_on(here))
    keys = _keys(found, rest)
    for key in reversed(keys[1:]):
        value = {key: value}
    if here is None:
        return put(data, path[: -len(rest) - 1], {keys[0]: value})
    here[keys[0]] = value
    return (*found, keys[0])


def _keys(found: DataPath, rest: str) -> list[str]:
    """Split what is missing of a path; the names of axes and costs may hold dots."""
    top, _, below = ("", "", rest) if found else rest.partition(".")
    head = [top] if top else []
    match str(found[0]) if found else top:
        case "axes" if len(found) < 2 and below:
            return [*head, below]
        case "costs" if len(found) < 2 and below:
            name, _, last = below.rpartition(".")
            return [*head, name, last] if name and last in CostOverride.model_fields else [*head, below]
        case _:
            return rest.split(".")


def _assign(parent: JsonValue, step: str | int, value: JsonValue) -> None:
    if isinstance(parent, dict):
        parent[str(step)] = value
    elif isinstance(parent, list):
        parent[int(step)] = value


def _ways_on(here: JsonValue) -> str:
    if not isinstance(here, list):
        return "nothing below a plain value"
    return choice([str(item.get("name", i)) if isinstance(item, dict) else str(i) for i, item in enumerate(here)])


def override(data: Data, path: str, value: JsonValue) -> DataPath:
    """Set a field, in place; an axis of that path shrinks to the one value. Return what was set."""
    axes = data.setdefault("axes", {}) if "axes" in data or path.startswith("axes.") else {}
    if not isinstance(axes, dict):
        return put(data, path, value)
    if path in axes:
        _collapse(data, axes, axis=path, value=value)
        return ("axes", path)
    for axis in axes:
        if path.startswith(f"{axis}."):
            raise NoSuchPathError(f"the axis {axis} above it", f"{axis}, or axes.{axis}.LABEL{path[len(axis) :]}")
    return put(data, path, value)


def _collapse(data: Data, axes: Data, *, axis: str, value: JsonValue) -> None:
    """Leave one value of an axis, and let exclusions and baseline forget the labels that went."""
    before = axes[axis]
    labelled = before if isinstance(before, dict) else {}
    if isinstance(before, list):
        labelled = {label_of(item): item for item in before if not isinstance(item, dict | list)}
    wanted = "set" if isinstance(value, dict | list) else label_of(value)
    axes[axis] = {wanted: labelled.get(wanted, value)}
    gone = set(labelled) - {wanted}
    baseline, exclusions = data.get("baseline"), data.get("exclude")
    if isinstance(baseline, dict) and str(baseline.get(axis)) in gone:
        baseline[axis] = wanted
    if isinstance(exclusions, list):
        left = [entry for entry in exclusions if not _forgets(entry, axis, gone)]
        exclusions[:] = left


def _forgets(entry: JsonValue, axis: str, gone: set[str]) -> bool:
    """Drop labels from one exclusion; return whether nothing that it excludes is left."""
    if not isinstance(entry, dict) or axis not in entry:
        return False
    written = entry[axis]
    labels = written if isinstance(written, list) else [written]
    left = [label for label in labels if str(label) not in gone]
    entry[axis] = left
    return bool(labels) and not left


def scenario_data(experiment: ExperimentSpec) -> Data:
    """Return the fields that an experiment shares with its scenarios, as plain data."""
    data: Data = experiment.model_dump(mode="json", include=set(ScenarioSpec.model_fields), exclude_none=True)
    return data


def scenario_faults(data: Data) -> list[Fault]:
    """Return what keeps plain data from being a scenario."""
    try:
        ScenarioSpec.model_validate(data)
    except ValidationError as error:
        return faults_of(ScenarioSpec, error)
    return []


@dataclass(frozen=True)
class AxisCheck:
    """What is wrong with axis values, the experiment without those, and the axes that lost all of theirs."""

    contradictions: list[Contradiction]
    usable: ExperimentSpec
    lost: list[str]


def check_axes(experiment: ExperimentSpec) -> AxisCheck:
    """Try every axis value on its own, in a scenario made of the others' first good ones."""
    data, wrong, lost = scenario_data(experiment), list[Contradiction](), list[str]()
    axes = {axis: dict(values) for axis, values in experiment.axes.items()}
    for field in ("protection", "io_path"):
        if field not in data:
            data[field] = ScenarioSpec.model_fields[field].examples[0]  # type: ignore[index]
            if field not in axes:
                wrong.append(Contradiction(field, "nothing", f"a value, or an axis {field}", (f"axes.{field}",)))
                lost.append(field)
    for axis, values in axes.items():
        for label, value in list(values.items()):
            faults = _value_faults(data, axis, label, value)
            if faults:
                wrong += [fault for fault in faults if fault not in wrong]
                del values[label]
        lost += [axis] if not values else []
    changed: Data = {"axes": {axis: values for axis, values in axes.items() if values}, "exclude": _widened(experiment)}
    spec: Data = experiment.model_dump(mode="json")
    return AxisCheck(wrong, ExperimentSpec.model_validate(spec | data | changed), lost)


def _widened(experiment: ExperimentSpec) -> list[JsonValue]:
    """Return the exclusions without conditions that name nothing, so that a typo hides more, not less."""
    left: list[dict[str, JsonValue]] = [
        {axis: list(labels) for axis, labels in entry.items() if set(labels) <= set(experiment.axes.get(axis, ()))}
        for entry in experiment.exclude
    ]
    return [entry for entry in left if entry]


def _value_faults(data: Data, axis: str, label: str, value: JsonValue) -> list[Contradiction]:
    """Return what is wrong with one value of an axis, called by its path in the file."""
    tried = deepcopy(data)
    try:
        put(tried, axis, value)
    except NoSuchPathError as error:
        return [Contradiction(f"axes.{axis}", error.found, error.allowed)]
    at, _, _ = locate(tried, axis)
    wrong = list[Contradiction]()
    for fault in scenario_faults(tried):
        if fault.is_unknown_key and at[: len(fault.path)] == fault.path:
            wrong.append(Contradiction(f"axes.{axis}", f"no field {axis}", fault.allowed))
        elif fault.path[: len(at)] == at:
            below = dotted(tried, fault.path)[len(dotted(tried, at)) :]
            wrong.append(Contradiction(f"axes.{axis}.{label}{below}", fault.found, fault.allowed))
        else:
            found = f"{shown(value)}, which leaves {dotted(tried, fault.path)} with {fault.found}"
            wrong.append(Contradiction(f"axes.{axis}.{label}", found, f"a value that goes with {fault.path[0]}"))
    return wrong


def check_labels(experiment: ExperimentSpec) -> list[Contradiction]:
    """Return exclusions and baselines that name no axis or no label, and axes that do not multiply."""
    named = [
        (f"exclude.{i}", axis, label)
        for i, entry in enumerate(experiment.exclude)
        for axis in entry
        for label in entry[axis]
    ]
    named += [("baseline", axis, label) for axis, label in experiment.baseline.items()]
    wrong = list[Contradiction]()
    for at, axis, label in named:
        if axis not in experiment.axes:
            known = choice(list(experiment.axes), near=axis)
            wrong.append(Contradiction(f"{at}.{axis}", "no such axis", known, (f"axes.{axis}",)))
        elif label not in experiment.axes[axis]:
            known = choice(list(experiment.axes[axis]), near=label)
            wrong.append(Contradiction(f"{at}.{axis}", f"no label {label!r}", known))
    return wrong or _check_overlaps(experiment) or _check_product(experiment)


def _check_overlaps(experiment: ExperimentSpec) -> list[Contradiction]:
    """Return axes that undo one another, or that rename what paths are called by.

    A later axis may set a field of what an earlier one sets whole.
    """
    data, wrong = scenario_data(experiment), list[Contradiction]()
    paths = {axis: whole_path(data, axis) for axis in experiment.axes}
    for (above_axis, above), (axis, at) in itertools.combinations(paths.items(), 2):
        if at == above:
            wrong.append(Contradiction(f"axes.{axis}", f"the same field as the axis {above_axis}", "another field"))
        elif above[: len(at)] == at:
            allowed = f"an axis that is declared before {above_axis}, which it would undo"
            wrong.append(Contradiction(f"axes.{axis}", f"an axis around the axis {above_axis}", allowed))
    for axis, at in paths.items():
        if at[:1] == ("guests",) and at[2:] == ("name",):
            wrong.append(Contradiction(f"axes.{axis}", "a name as an axis", "any other field of the group"))
    return wrong


def _check_product(experiment: ExperimentSpec) -> list[Contradiction]:
    count = math.prod(len(values) for values in experiment.axes.values())
    if count > MOST_VARIANTS:
        return [Contradiction("axes", f"{count} combinations", f"at most {MOST_VARIANTS}")]
    runs_in_all = count * experiment.replications
    if runs_in_all > MOST_RUNS:
        found = f"{experiment.replications} of {count} combinations"
        return [Contradiction("replications", found, f"at most {MOST_RUNS} runs in all", ("axes",))]
    letters = sum(1 + max(map(len, values)) for values in experiment.axes.values()) - 1
    if letters > MOST_LABEL_LETTERS:
        found = f"labels of together {letters} letters"
        return [Contradiction("axes", found, f"at most {MOST_LABEL_LETTERS}: they name folders")]
    points = combinations(experiment)
    if not points:
        return [Contradiction("exclude", "every combination excluded", "exclusions that leave at least one")]
    if not any(experiment.baseline.items() <= point.items() for point in points):
        return [Contradiction("baseline", "a combination that is excluded", "one that is left", ("exclude",))]
    return []


def combinations(experiment: ExperimentSpec) -> list[dict[str, str]]:
    """Return every point of the axes as axis → label, in declared order, without the excluded ones."""
    points = (
        dict(zip(experiment.axes, labels, strict=True)) for labels in itertools.product(*experiment.axes.values())
    )
    return [
        point
        for point in points
        if not any(all(point.get(axis) in labels for axis, labels in entry.items()) for entry in experiment.exclude)
    ]


def variants(experiment: ExperimentSpec) -> tuple[Variant, ...]:
    """Return the scenario of every point of axes that were checked."""
    base, made = scenario_data(experiment), list[Variant]()
    for point in combinations(experiment):
        data = deepcopy(base)
        for axis, label in point.items():
            put(data, axis, deepcopy(experiment.axes[axis][label]))
        made.append(Variant(".".join(point.values()) or "only", point, ScenarioSpec.model_validate(data)))
    return tuple(made)


def resolve(experiment: ExperimentSpec) -> tuple[Variant, ...]:
    """Multiply the axes into scenarios; DefinitionError tells all that does not fit."""
    wrong = check_axes(experiment).contradictions + check_labels(experiment)
    if wrong:
        raise DefinitionError([Problem(experiment.name, None, w.field, w.found, w.allowed) for w in wrong])
    return variants(experiment)


def runs(experiment: ExperimentSpec, made: Sequence[Variant]) -> tuple[Run, ...]:
    """Return every variant with every replication, variants outermost."""
    return tuple(Run(variant, i, experiment.seed) for variant in made for i in range(experiment.replications))
