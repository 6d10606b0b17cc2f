"""Which runs may be compared: what must be the same in all of them, and what becomes an axis of the comparison."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cluster_sim.analysis.problems import ComparisonError, IncomparableRunsError
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.reader import Results
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.units import label_of

RUN_AXIS = "run"
INDIFFERENT = {"record"}
"""Fields that change what is recorded, and no figure."""
GROUND = {"duration", "window", "cluster", "profile", "faults"}
ASKED = {"name", "count_per_host", "count", "arrive", "workloads"}
"""Fields of a guest group that say who asks for what, so that they decide the draws."""

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ComparedVariant:
    """A variant among those compared: the number of its run, its label there, its axes in the comparison."""

    run: int
    label: str
    axes: Labels


@dataclass(frozen=True, slots=True)
class Joined:
    """Variants of one or more runs under common axes, the runs' names, and in which fields the runs differ."""

    variants: Mapping[str, ComparedVariant]
    names: tuple[str, ...]
    differences: tuple[str, ...]


def join(runs: Sequence[Results]) -> Joined:
    """All variants of all runs; several runs get their names as a further axis. Refuses what is not comparable."""
    manifests = [run.manifest for run in runs]
    if len(runs) == 1:
        own = {label: ComparedVariant(0, label, record.axes) for label, record in manifests[0].variants.items()}
        return Joined(own, (runs[0].directory.name,), ())
    directories = [run.directory.resolve() for run in runs]
    if len(set(directories)) < len(directories):
        twice = next(each for each in directories if directories.count(each) > 1)
        raise ComparisonError(str(twice), found="twice", allowed="each run once")
    names = names_of(runs)
    axes = [common_axes(manifest, manifests) for manifest in manifests]
    wrong: dict[str, list[Contradiction]] = {}
    differing: list[str] = []
    for number in range(1, len(runs)):
        pair = (names[0], names[number])
        found = [*grounds(manifests[0], manifests[number], pair)]
        for field, mine, theirs in scenario_differences(manifests[0], axes[0], manifests[number], axes[number]):
            if must_agree(field):
                found.append(disagreement(field, mine, theirs, pair, "the same, or an axis that tells them apart"))
            else:
                differing.append(f"{field}: found {in_both(mine, theirs, pair)}")
        if found:
            wrong[pair[1]] = found
    if wrong:
        raise IncomparableRunsError(wrong)
    variants = {
        f"{name}.{label}": ComparedVariant(number, label, {RUN_AXIS: name, **axes[number][label]})
        for number, name in enumerate(names)
        for label in manifests[number].variants
    }
    return Joined(variants, tuple(names), tuple(differing))


def names_of(runs: Sequence[Results]) -> list[str]:
    """A name for each run: its folder's, with the experiment's before it where two are the same."""
    short = [run.directory.resolve().name for run in runs]
    long = [f"{run.manifest.experiment}/{name}" for run, name in zip(runs, short, strict=True)]
    names = short if len(set(short)) == len(short) else long
    return [name if names.count(name) == 1 else f"{name}#{number}" for number, name in enumerate(names, 1)]


def common_axes(manifest: Manifest, every: Sequence[Manifest]) -> dict[str, dict[str, str]]:
    """Axes of each variant, with those that only other runs have: there, a run has the label of its own value."""
    known: dict[str, list[tuple[JsonValue, str]]] = {}
    for other in every:
        for record in other.variants.values():
            flat = flattened(record.scenario)
            for axis, label in record.axes.items():
                known.setdefault(axis, []).append((value_at(flat, axis), label))
    found = {}
    for variant, record in manifest.variants.items():
        flat = flattened(record.scenario)
        missing = {axis: values for axis, values in known.items() if axis not in record.axes}
        added = {axis: label_for(value_at(flat, axis), values) for axis, values in missing.items()}
        found[variant] = {axis: {**record.axes, **added}[axis] for axis in known}
    return found


def label_for(value: Mapping[str, JsonValue], known: Sequence[tuple[JsonValue, str]]) -> str:
    """The label that another run gives to a value, or one made of the value."""
    for other, label in known:
        if other == value:
            return label
    plain = value.get("") if len(value) == 1 else None
    return label_of(plain) if plain is not None else "other"


def grounds(mine: Manifest, theirs: Manifest, names: tuple[str, str]) -> Iterator[Contradiction]:
    """What keeps two runs from being compared whatever their scenarios are."""
    if mine.seed != theirs.seed:
        yield disagreement("seed", mine.seed, theirs.seed, names, "one seed, so that both saw the same draws")
    version = "cluster-sim"
    if mine.versions.get(version) != theirs.versions.get(version):
        both = (mine.versions.get(version), theirs.versions.get(version))
        yield disagreement(f"versions.{version}", *both, names, "one version of the model")
    mine_costs, their_costs = costs_by_profile(mine), costs_by_profile(theirs)
    for profile in mine.profiles:
        if profile in theirs.profiles and mine_costs.get(profile) == their_costs.get(profile):
            prices = (flattened(mine.profiles[profile]["prices"]), flattened(theirs.profiles[profile]["prices"]))
            for field, (one, other) in differing_fields(*prices).items():
                yield disagreement(
                    f"profiles.{profile}.prices.{field}", one, other, names, "one price, or a `costs:` entry"
                )


def disagreement(field: str, mine: JsonValue, theirs: JsonValue, names: tuple[str, str], allowed: str) -> Contradiction:
    """A field in which two runs may not differ."""
    return Contradiction(field, in_both(mine, theirs, names), allowed)


def in_both(mine: JsonValue, theirs: JsonValue, names: tuple[str, str]) -> str:
    """What two runs have, in words."""
    return f"{shown(mine)} in {names[0]} and {shown(theirs)} in {names[1]}"


def costs_by_profile(manifest: Manifest) -> dict[str, list[JsonValue]]:
    """The scenarios' own costs, by the profile that they were put into."""
    found: dict[str, list[JsonValue]] = {}
    for record in manifest.variants.values():
        costs = record.scenario.get("costs", {})
        if costs not in found.setdefault(record.profile, []):
            found[record.profile].append(costs)
    return found


def scenario_differences(
    mine: Manifest, my_axes: Mapping[str, Labels], theirs: Manifest, their_axes: Mapping[str, Labels]
) -> list[tuple[str, JsonValue, JsonValue]]:
    """(field, value here, value there) of fields in which no axis tells the runs apart.

    Each variant of the second run is held against the one of the first that has most of its labels.
    """
    found: dict[str, tuple[JsonValue, JsonValue]] = {}
    flat = {label: flattened(record.scenario) for label, record in mine.variants.items()}
    for label, record in theirs.variants.items():
        wanted = their_axes[label]
        nearest = max(my_axes, key=lambda each: sum(my_axes[each][axis] == wanted[axis] for axis in wanted))
        apart = [axis for axis in wanted if my_axes[nearest][axis] != wanted[axis]]
        for field, both in differing_fields(flat[nearest], flattened(record.scenario)).items():
            if field.split(".")[0] not in INDIFFERENT and not any(is_below(field, axis) for axis in apart):
                found.setdefault(field, both)
    return [(field, *both) for field, both in found.items()]


def must_agree(field: str) -> bool:
    """Whether runs that differ in a field are no comparison at all, or one along the axis `run`."""
    top, *below = field.split(".")
    return top in GROUND or (top == "guests" and (len(below) < 2 or below[1] in ASKED))


def differing_fields(
    mine: Mapping[str, JsonValue], theirs: Mapping[str, JsonValue]
) -> dict[str, tuple[JsonValue, JsonValue]]:
    """Values that are not the same on both sides, None where a side has none."""
    fields = dict.fromkeys([*mine, *theirs])
    return {field: (mine.get(field), theirs.get(field)) for field in fields if mine.get(field) != theirs.get(field)}


def flattened(value: JsonValue | Mapping[str, JsonValue], path: str = "") -> dict[str, JsonValue]:
    """Plain values by dotted path; items of lists that have names go by them, as in `--set`."""
    if isinstance(value, Mapping):
        items = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        items = [(name_in_list(each, number), each) for number, each in enumerate(value)]
    else:
        return {path: value}
    if not items and isinstance(value, list):
        return {path: value}
    found: dict[str, JsonValue] = {}
    for key, each in items:
        found |= flattened(each, f"{path}.{key}" if path else key)
    return found


def name_in_list(item: JsonValue, number: int) -> str:
    """What an item is called by."""
    return str(item["name"]) if isinstance(item, dict) and "name" in item else str(number)


def value_at(flat: Mapping[str, JsonValue], axis: str) -> dict[str, JsonValue]:
    """All plain values at and below a field."""
    return {field[len(axis) :]: value for field, value in flat.items() if is_below(field, axis)}


def is_below(field: str, axis: str) -> bool:
    """Whether a field is an axis' own or inside it."""
    return f"{field}.".startswith(f"{axis}.")


def shown(value: JsonValue) -> str:
    """A value in a message, in short."""
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
