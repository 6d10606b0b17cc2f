"""What a crossover varies: a field of the scenarios, its whole-number values, and how each is written and shown."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pydantic import JsonValue, ValidationError

from cluster_sim.analysis.problems import StudyError, UnrunnableScenarioError
from cluster_sim.scenario.axes import put
from cluster_sim.scenario.problems import Contradiction, Data, choice, faults_of, locate
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.units import (
    DURATION,
    GIB,
    KIB,
    MIB,
    RATE,
    SIZE,
    Quantity,
    format_bytes,
    format_duration,
    format_rate,
)

SHORTCUTS: Final = ("granule", "keep", "frame_size", "rate", "guests", "vcpus")
UNITS_OF_SIZE: Final = (1, 2, 4 * KIB, 64 * KIB, 256 * KIB, 2 * MIB, GIB)
REACH: Final = 16
"""How many times less and more than the definition's value a default range goes."""
PERMILLE: Final = 1000

Writes = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Varied:
    """A field with whole-number steps from `low` to `high`; step n stands for `amount(n)` of the unit.

    `writes` gives the fields that step n sets; `optional` ones are left out where a scenario does not have them, as
    designs differ. `step_of` reads a value as it is written, ValueError or TypeError if it is none.
    """

    name: str
    group: str | None
    unit: str
    nominal: int
    least: int
    most: int
    writes: Callable[[int], Writes]
    amount: Callable[[float], float]
    shown: Callable[[float], str]
    step_of: Callable[[str], int]
    is_choice: bool = False

    def scenario(self, base: ScenarioSpec, step: int) -> ScenarioSpec:
        """The scenario with step n written into it; StudyError says what does not hold."""
        data = base.plain()
        for path, value in self.writes(step).items():
            _, _, rest = locate(data, path)
            if not rest or path.startswith("costs."):
                put(data, path, deepcopy(value))
        try:
            return ScenarioSpec.model_validate(data)
        except ValidationError as error:
            wrong = [
                Contradiction(".".join(map(str, each.path)), each.found, each.allowed)
                for each in faults_of(ScenarioSpec, error)
            ]
            raise UnrunnableScenarioError(f"--vary {self.name} at {self.shown(step)}", wrong) from None


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a field is written: its unit, its value as a whole number, and back."""

    unit: str
    parse: Callable[[str], int]
    write: Callable[[int], JsonValue]
    shown: Callable[[float], str]
    scale: int = 1


def quantity(kind: Quantity, unit: str, text: Callable[[int], str]) -> _Kind:
    """A size, a duration or a rate."""
    return _Kind(unit, kind.parse, text, lambda value: text(round(value)))


def kind_of(value: JsonValue) -> _Kind | None:
    """How a field that has this value is written."""
    match value:
        case bool():
            return None
        case int():
            return _Kind("", int, lambda whole: whole, lambda x: f"{x:,.4g}" if x < 100 else f"{x:,.0f}")
        case str():
            for kind, unit, text in (
                (SIZE, "B", format_bytes),
                (DURATION, "ns", format_duration),
                (RATE, "B/s", format_rate),
            ):
                try:
                    kind.parse(value)
                except ValueError:
                    continue
                return quantity(kind, unit, text)
            try:
                Fraction(value)
            except (ValueError, ZeroDivisionError):
                return None
            return thousandths()
        case _:
            return None


def thousandths() -> _Kind:
    """A fraction, in steps of a thousandth."""

    def text(whole: int) -> JsonValue:
        share = Fraction(whole, PERMILLE)
        return share.numerator if share.denominator == 1 else str(share)

    return _Kind(
        "times", lambda written: round(Fraction(written) * PERMILLE), text, lambda x: f"{x / PERMILLE:g}", PERMILLE
    )


def of_path(path: str, name: str, scenarios: Sequence[ScenarioSpec]) -> Varied:
    """A field of the scenarios that counts something, in the finest steps that they allow."""
    base, value = value_at(path, scenarios)
    kind = thousandths() if path.endswith(".source.scale") else kind_of(value)
    if kind is None:
        raise StudyError(
            f"--vary {name}",
            found=f"{path} with {value!r}",
            allowed="a field with a number, a size, a duration or a rate",
        )
    whole = kind.parse(str(value))
    unit = finest(base, path, whole, kind)
    group = path.split(".")[1] if path.startswith("guests.") else None
    nominal = max(round(whole / unit), 1)
    return Varied(
        name=name,
        group=base.guests[int(group)].name if group is not None and group.isdecimal() else group,
        unit=kind.unit,
        nominal=nominal,
        least=max(nominal // REACH, 1),
        most=nominal * REACH,
        writes=lambda step: {path: kind.write(step * unit)},
        amount=lambda step: step * unit / kind.scale,
        shown=lambda step: kind.shown(step * unit),
        step_of=lambda written: round(kind.parse(written) / unit),
    )


def value_at(path: str, scenarios: Sequence[ScenarioSpec]) -> tuple[ScenarioSpec, JsonValue]:
    """The first scenario that has a field, and its value."""
    told = ""
    for scenario in scenarios:
        data: Data = scenario.plain()
        _, here, rest = locate(data, path)
        if not rest and path:
            return scenario, here
        names = [str(key) for key in here] if isinstance(here, dict) else []
        if isinstance(here, list):
            names = [str(item.get("name", i)) if isinstance(item, dict) else str(i) for i, item in enumerate(here)]
        told = told or choice(names, near=rest.split(".")[0])
    raise StudyError("--vary", found=repr(path), allowed=f"{' | '.join(SHORTCUTS)}, or a field path, here on by {told}")


def finest(base: ScenarioSpec, path: str, whole: int, kind: _Kind) -> int:
    """The smallest unit of which any multiple may be written: a byte, a page …"""
    for unit in UNITS_OF_SIZE:
        steps = max(whole // unit, 1)
        if all(holds(base, path, kind.write((steps + more) * unit)) for more in (0, 1)):
            return unit
    return 1


def holds(base: ScenarioSpec, path: str, value: JsonValue) -> bool:
    """Whether a field may have a value."""
    data = base.plain()
    put(data, path, value)
    try:
        ScenarioSpec.model_validate(data)
    except ValidationError:
        return False
    return True
