"""Targets: published results, how the model's figures make them, and what of them is fitted."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from cluster_sim.analysis.problems import StudyError
from cluster_sim.platform.formulas import FormulaError, parse_formula
from cluster_sim.platform.profile import library
from cluster_sim.platform.provenance import Source, read_sources
from cluster_sim.refusal import Refusal
from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.problems import faults_of
from cluster_sim.validation.target_figures import FIGURES, UNITS
from cluster_sim.validation.windows import Window, window_of

SHIPPED: Final = "published.toml"
TABLES: Final = "a table [target.NAME] a target, and [source.KEY] a source of its own"
SPELLING: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class TargetError(StudyError):
    """Targets that do not hold."""


class FigureSpec(Spec):
    """One published number and what of the model is held against it."""

    name: Text
    """What it is."""
    published: Number
    """The number."""
    unit: Text
    """Its unit."""
    low: Number | None = None
    """The least that counts as inside, where that is not by the rule of windows."""
    high: Number | None = None
    """The most that counts as inside, where that is not by the rule of windows."""
    window_why: str = ""
    """What of the source makes another window than the rule's: its spread, its digits, that it is a bound."""
    value: str | None = None
    """Formula over figures `variant.group.figure` of the definition; none where the model has no such thing."""
    is_fit: bool = False
    """Whether a cost was fitted on it, so that being inside says nothing."""
    is_conversion: bool = False
    """Whether it prices making a guest's memory shared or private."""
    why: str = ""
    """Why the model misses it, or does not have it."""

    @property
    def window(self) -> Window:
        """The least and the most that count as inside, both ends included."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        window = window_of(self.published, self.unit)
        assert window is not None, "refused when it was read"
        return window


class TargetSpec(Spec):
    """One published experiment."""

    title: Text
    """What was run."""
    source: Text
    """Key of the source, in the target's own file or in the tables of costs."""
    measured_on: Text
    """The platform that it was measured on."""
    taken: Text
    """What the definition takes from the source."""
    assumed: Text
    """What the definition assumes beside."""
    fitted: tuple[str, ...] = ()
    """Costs that were fitted on it."""
    figure: Annotated[tuple[FigureSpec, ...], Field(min_length=1)]
    """Its numbers."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target with its name, its source and the file of its definition, if a figure needs one."""

    name: str
    spec: TargetSpec
    source: Source
    definition: Path | None


def shipped_targets() -> list[Target]:
    """The targets that come with the program."""
    return read_targets(Path(str(resources.files("cluster_sim.validation").joinpath(SHIPPED))))


def read_targets(file: Path) -> list[Target]:
    """All targets of a file, whose definitions lie beside it; TargetError tells all that is wrong with them."""
    try:
        data: dict[str, object] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise TargetError(str(file), f"no TOML: {error}", TABLES) from error
    tables = data.get("target")
    if not isinstance(tables, dict) or not tables or data.keys() - {"target", "source"}:
        raise TargetError(str(file), ", ".join(data) or "nothing", TABLES)
    own, refusals = read_sources(data.get("source", {}), str(file))
    sources = {**library().sources, **own}
    found = [read_target(file, name, table, sources, refusals) for name, table in tables.items()]
    if refusals:
        raise TargetError.of(dict.fromkeys(refusals))
    return [target for target in found if target is not None]


def read_target(
    file: Path, name: str, table: object, sources: Mapping[str, Source], refusals: list[Refusal]
) -> Target | None:
    """One target; what is wrong with it is added to `refusals`."""
    if not SPELLING.fullmatch(name):
        refusals.append(Refusal(f"{file}: target", repr(name), "a letter, then letters, digits, - and _"))
        return None
    try:
        spec = TargetSpec.model_validate(table)
    except ValidationError as error:
        refusals += [
            Refusal(f"{file}: target.{name}.{'.'.join(map(str, each.path))}", each.found, each.allowed)
            for each in faults_of(TargetSpec, error)
        ]
        return None
    wrong = [*problems_of(spec, sources)]
    needs_definition = any(figure.value is not None for figure in spec.figure)
    definition = file.parent / f"{name}.yaml"
    if needs_definition and not definition.is_file():
        wrong.append(Refusal("", f"no {definition.name} beside it", "a definition of that name"))
    refusals += [replace(each, where=f"{file}: target.{name}{each.where}") for each in wrong]
    if wrong:
        return None
    return Target(name, spec, sources[spec.source], definition if needs_definition else None)


def problems_of(spec: TargetSpec, sources: Mapping[str, Source]) -> Iterator[Refusal]:
    """What a target says that does not hold, each with the field's path."""
    if spec.source not in sources:
        yield Refusal(".source", repr(spec.source), "a source of the file, or of the tables of costs")
    for cost in spec.fitted:
        if cost not in library():
            yield Refusal(".fitted", repr(cost), "a cost of the tables")
    for number, figure in enumerate(spec.figure):
        at = f".figure.{number}"
        if figure.unit not in UNITS:
            yield Refusal(f"{at}.unit", repr(figure.unit), " | ".join(UNITS))
        else:
            yield from window_problems(at, figure)
        if figure.value is None:
            if not figure.why:
                yield Refusal(f"{at}.why", "nothing", "why the model has no such figure")
            continue
        try:
            names = parse_formula(figure.value).names
        except FormulaError as error:
            yield Refusal(f"{at}.value", error.found, error.allowed)
            continue
        for name in names:
            if name.count(".") < 2 or name.rpartition(".")[2] not in FIGURES:
                allowed = f"variant.group.figure, a figure being {' | '.join(FIGURES)}"
                yield Refusal(f"{at}.value", name, allowed)


def window_problems(at: str, figure: FigureSpec) -> Iterator[Refusal]:
    """What is wrong with a figure's window: half of one, one without a reason, a reason without one, none at all."""
    if figure.low is None or figure.high is None:
        if figure.low is not figure.high:
            yield Refusal(at, "one end of a window", "low and high, or neither: then the window is by the rule")
        elif figure.window_why:
            yield Refusal(f"{at}.window_why", "a reason without a window", "low and high with it")
        elif window_of(figure.published, figure.unit) is None:
            allowed = "low, high and window_why, for a value that has no ratio has no window by the rule"
            yield Refusal(at, f"{figure.published:g} {figure.unit}", allowed)
        return
    if not figure.low <= figure.published <= figure.high:
        found = f"low {figure.low:g}, published {figure.published:g}, high {figure.high:g}"
        yield Refusal(at, found, "low <= published <= high")
    if not figure.window_why:
        allowed = "window_why: what of the source makes another window than the rule's"
        yield Refusal(f"{at}.window_why", f"nothing, for {figure.low:g} .. {figure.high:g}", allowed)


def chosen(targets: list[Target], names: list[str]) -> list[Target]:
    """Those of some names, in the file's order; all without a name."""
    known = [target.name for target in targets]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TargetError.of(Refusal("--target", repr(name), " | ".join(known)) for name in dict.fromkeys(unknown))
    return [target for target in targets if not names or target.name in names]
