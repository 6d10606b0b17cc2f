"""Load a workload file: read it with its lines, override, check all of it, and tell every problem at once."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import JsonValue, ValidationError

from cluster_sim.scenario.axes import NoSuchPathError, Variant, check_axes, check_labels, override, variants
from cluster_sim.scenario.problems import (
    Contradiction,
    Data,
    DataPath,
    DefinitionError,
    Fault,
    Problem,
    dotted,
    faults_of,
    inside,
    is_in,
    shown,
    whole_path,
)
from cluster_sim.scenario.spec import CostOverride, ExperimentSpec
from cluster_sim.scenario.units import label_of

MOST_BYTES = 1 << 20
MOST_NODES = 100_000
DEEPEST = 40
ROUNDS = 12
MOST_BITS = 4096
"""Of a whole number; what is longer stays text, as Python keeps it for decimals."""
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Experiment:
    """A definition that holds: what it says, the scenarios it makes, and the file it came from."""

    spec: ExperimentSpec
    variants: tuple[Variant, ...]
    source: Path


def read_definition(
    path: Path, overrides: Sequence[str] = (), costs: Mapping[str, CostOverride] | None = None
) -> "Definition":
    """Read a workload file, override, and check each field; DefinitionError where there is nothing to go on with.

    `costs` replace a profile's where the definition itself does not.
    """
    definition = _read(path)
    definition.add_costs(costs or {})
    for text in overrides:
        definition.set(text)
    definition.label_axes()
    definition.validate()
    definition.multiply_axes()
    return definition


@dataclass
class Definition:
    """A definition while it is checked: data, the line of each value, its scenarios, and what was told so far.

    `repaired` is the data with neutral values where broken ones stood; `moot` says where those are. `variants` are of
    the repaired data, so that what contradicts itself can be told beside what is broken.
    """

    source: Path
    data: Data = field(default_factory=dict)
    lines: dict[DataPath, int] = field(default_factory=dict)
    spec: ExperimentSpec | None = None
    variants: tuple[Variant, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    overridden: dict[DataPath, str] = field(default_factory=dict)
    repaired: Data = field(default_factory=dict)
    moot: list[DataPath] = field(default_factory=list)

    def experiment(self) -> Experiment:
        """The definition, if it holds; DefinitionError tells all that is wrong with it, in the order of its lines."""
        if self.problems or self.spec is None:
            raise DefinitionError(sorted(dict.fromkeys(self.problems), key=lambda each: each.line or 0))
        return Experiment(self.spec, self.variants, self.source)

    def tell(self, path: DataPath, found: str, allowed: str) -> None:
        """Add a problem, with the line of its value or the `--set` that it comes from."""
        for at, text in self.overridden.items():
            if path[: len(at)] == at:
                name = self._override_name(path, text, is_axis=at == ("axes", text))
                self.problems.append(Problem(str(self.source), None, name, found, allowed))
                return
        known = [self.lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in self.lines]
        line = known[0] if known else None
        self.problems.append(Problem(str(self.source), line, dotted(self.data, path), found, allowed))

    def _override_name(self, path: DataPath, text: str, *, is_axis: bool) -> str:
        """Name a value that an override set or made, by the override's own path as far as that goes."""
        if is_axis:
            return ".".join([f"--set {text}", *map(str, path[3:])])
        name = dotted(self.data, path)
        return f"--set {text}" if text.startswith(f"{name}.") else f"--set {name}"

    def set(self, text: str) -> None:
        """Apply one `a.b.c=value`."""
        path, equals, written = text.partition("=")
        if not path.isprintable():
            found = f"{path!r}, which cannot be printed"
            self.problems.append(Problem(str(self.source), None, "--set", found, "a.b.c=value"))
            return
        name = f"--set {path}"
        if not equals or not path:
            self.problems.append(Problem(str(self.source), None, f"--set {text}", "no value", "a.b.c=value"))
            return
        reader = _Reader(str(self.source), name)
        try:
            self.overridden[override(self.data, path, reader.read_value(written))] = path
            for repeated in reader.repeated:
                key = ".".join([name, *map(str, repeated)])
                self.problems.append(Problem(str(self.source), None, key, "a key a second time", "each key once"))
        except NoSuchPathError as error:
            self.problems.append(Problem(str(self.source), None, name, error.found, error.allowed))
        except DefinitionError as error:
            self.problems += error.problems

    def add_costs(self, costs: Mapping[str, CostOverride]) -> None:
        """Add costs that the definition does not replace itself."""
        own = self.data.setdefault("costs", {}) if costs else None
        if isinstance(own, dict):
            own.update({name: cost.model_dump(mode="json") for name, cost in costs.items() if name not in own})

    def label_axes(self) -> None:
        """Turn plain lists of axis values into mappings by label, so that paths can name each."""
        axes = self.data.get("axes")
        for axis, values in list(axes.items()) if isinstance(axes, dict) else []:
            plain = isinstance(values, list) and not any(isinstance(value, dict | list) for value in values)
            labels = [label_of(value) for value in values] if isinstance(values, list) and plain else []
            if isinstance(axes, dict) and isinstance(values, list) and labels and len(set(labels)) == len(labels):
                axes[axis] = dict(zip(labels, values, strict=True))
                for i, label in enumerate(labels):
                    line = self.lines.get(("axes", axis, i))
                    self.lines |= {} if line is None else {("axes", axis, label): line}

    def validate(self) -> None:
        """Make the typed definition; where fields are broken, tell them and go on with neutral values."""
        self.repaired = deepcopy(self.data)
        for _ in range(ROUNDS):
            try:
                self.spec = ExperimentSpec.model_validate(self.repaired)
            except ValidationError as error:
                faults = faults_of(ExperimentSpec, error)
            else:
                return
            for fault in faults:
                if not self._is_neutral(fault.path) and not self._was_repaired(fault.path):
                    self.tell(fault.path, fault.found, fault.allowed)
            for fault in reversed(faults):
                self._repair(fault)

    def _repair(self, fault: Fault) -> None:
        """Put an example in the place of a broken value, or drop it where there is a default."""
        path = fault.path
        if path[-1] == "kind" and fault.example is None and not fault.is_unknown_key:
            path = path[:-1]
        if not fault.is_unknown_key:
            self.moot.append(path)
        if path[0] == "axes" and len(path) > 1:
            self.moot.append(whole_path(self.repaired, str(path[1])))
        parent: JsonValue = self.repaired
        for step in path[:-1]:
            if not is_in(parent, step):
                return  # an earlier repair took the whole of it away
            parent = inside(parent, step)
        if isinstance(parent, dict):
            parent.pop(str(path[-1]), None)
            if fault.example is not None and path == fault.path:
                parent[str(path[-1])] = deepcopy(fault.example)  # type: ignore[assignment]
        elif isinstance(parent, list):
            parent[int(path[-1]) : int(path[-1]) + 1] = [] if fault.example is None else [fault.example]  # type: ignore[list-item]

    def multiply_axes(self) -> None:
        """Make the scenarios, as far as the axes allow; tell what is wrong with those."""
        if self.spec is None:
            return
        axes, labels = check_axes(self.spec), check_labels(self.spec)
        self.tell_contradictions([*axes.contradictions, *labels])
        self.moot += [whole_path(self.repaired, axis) for axis in axes.lost]
        if not any(each.field.split(".")[0] == "axes" for each in labels):
            self.variants = variants(axes.usable)

    def tell_contradictions(self, found: Sequence[Contradiction]) -> None:
        """Add what cannot be together, but for what only follows from what is broken."""
        for each in found:
            rests_on = [whole_path(self.repaired, name) for name in each.involves]
            path = whole_path(self.repaired, each.field)
            is_moot = any(self._was_repaired(at) for at in rests_on)
            if not is_moot and not any(self._is_neutral(at) for at in (path, *rests_on)):
                self.tell(path, each.found, each.allowed)

    def _was_repaired(self, path: DataPath) -> bool:
        """Whether something below it was broken, so that what is wrong now may only follow."""
        return any(moot[: len(path)] == path for moot in self.moot)

    def _is_neutral(self, path: DataPath) -> bool:
        return any(path[: len(moot)] == moot for moot in self.moot)


def _read(path: Path) -> Definition:
    """Read a file into plain data; DefinitionError when there is nothing to go on with."""
    file = str(path)
    try:
        written = path.read_bytes()[: MOST_BYTES + 1]
        text = written.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DefinitionError([Problem(file, None, "", "bytes that are no text", "YAML in UTF-8")]) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found = f"a file that cannot be read ({reason})"
        raise DefinitionError([Problem(file, None, "", found, "a YAML file")]) from None
    if len(written) > MOST_BYTES:
        raise DefinitionError([Problem(file, None, "", "more than 1MiB", "a YAML file of at most 1MiB")])
    reader = _Reader(file, "")
    data = reader.read_value(text)
    if not isinstance(data, dict):
        raise DefinitionError([Problem(file, 1, "", shown(data), "a mapping with name, question, guests …")])
    definition = Definition(path, data, reader.lines)
    for at in reader.repeated:
        definition.tell(at, "a key a second time", "each key once")
    return definition


@dataclass
class _Reader:
    """Reads YAML as plain data, noting the line of each value."""

    file: str
    name: str
    lines: dict[DataPath, int] = field(default_factory=dict)
    repeated: list[DataPath] = field(default_factory=list)
    nodes: int = 0

    def read_value(self, text: str) -> JsonValue:
        """Return the one value of a YAML text; DefinitionError if it cannot be read."""
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            return None if node is None else self._read_node(node, ())
        except yaml.YAMLError as error:
            mark, reason = getattr(error, "problem_mark", None), getattr(error, "problem", None)
            line = mark.line + 1 if mark is not None and not self.name else None
            found = f"text that is no YAML ({reason or getattr(error, 'reason', 'unreadable')})"
            raise DefinitionError([Problem(self.file, line, self.name, found, "YAML")]) from None
        except RecursionError:
            raise self._refusal(None, "values nested too deep", f"at most {DEEPEST} levels") from None

    def _refusal(self, node: yaml.Node | None, found: str, allowed: str) -> DefinitionError:
        line = None if self.name or node is None else node.start_mark.line + 1
        return DefinitionError([Problem(self.file, line, self.name, found, allowed)])

    def _read_node(self, node: yaml.Node, path: DataPath) -> JsonValue:
        self.nodes += 1
        if self.nodes > MOST_NODES or len(path) > DEEPEST:
            allowed = f"at most {MOST_NODES} values, {DEEPEST} levels deep"
            raise self._refusal(node, "more values than a definition has (aliases?)", allowed)
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._read_mapping(node, path)
            case yaml.SequenceNode():
                return [self._read_node(item, (*path, i)) for i, item in enumerate(node.value)]
            case _:
                return self._read_scalar(node)

    def _read_mapping(self, node: yaml.MappingNode, path: DataPath) -> Data:
        own, merged = Data(), Data()
        for key, inner in node.value:
            if key.tag == f"{_TAG}merge":
                for each in inner.value if isinstance(inner, yaml.SequenceNode) else [inner]:
                    value = self._read_node(each, path)
                    if not isinstance(value, dict):
                        raise self._refusal(each, f"{shown(value)} to merge", "a mapping, or a list of mappings")
                    merged = {**value, **merged}
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise self._refusal(key, "a key that is no text", "text as a key")
            self._refuse_halves(key)
            self.lines[(*path, key.value)] = key.start_mark.line + 1
            if key.value in own:
                self.repeated.append((*path, key.value))
            own[key.value] = self._read_node(inner, (*path, key.value))
        return {**merged, **own}

    def _read_scalar(self, node: yaml.Node) -> JsonValue:
        """Return a plain value; dates and what only looks like a number stay text."""
        kinds = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str")}
        if node.tag not in kinds | {f"{_TAG}timestamp", f"{_TAG}value"}:
            raise self._refusal(node, f"the YAML tag {node.tag}", "plain text, numbers, lists and mappings")
        self._refuse_halves(node)
        if node.tag not in kinds:
            return str(node.value)
        try:
            value: JsonValue = yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, LookupError, ArithmeticError, yaml.YAMLError):
            return str(node.value)
        is_endless = isinstance(value, int) and value.bit_length() > MOST_BITS
        return str(node.value) if is_endless else value

    def _refuse_halves(self, node: yaml.Node) -> None:
        """Refuse text in which an escape stands for half a character: it cannot be written anywhere."""
        if any(0xD800 <= ord(letter) <= 0xDFFF for letter in str(node.value)):
            raise self._refusal(node, "half a character (a lone surrogate)", "text that UTF-8 can hold")
