"""What a crossover varies: a field of the scenarios, its whole-number values, and how each is written and shown."""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from pydantic import JsonValue, ValidationError

from cluster_sim.analysis.problems import StudyError
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.axes import put
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.problems import Data, choice, faults_of, locate
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
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
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    TracedVideo,
    VideoWorkload,
)

SHORTCUTS: Final = ("granule", "frame_size", "rate", "guests", "vcpus")
GRANULES: Final = (4 * KIB, 2 * MIB, GIB)
UNITS_OF_SIZE: Final = (1, 2, 4 * KIB, 64 * KIB, 256 * KIB, 2 * MIB, GIB)
REACH: Final = 16
"""How many times less and more than the definition's value a default range goes."""
FINE: Final = 1 << 20
"""Steps to a cost's value: a part in a million."""
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
                f"{'.'.join(map(str, each.path))}: found {each.found}, allowed: {each.allowed}"
                for each in faults_of(ScenarioSpec, error)
            ]
            raise StudyError(f"--vary {self.name} at {self.shown(step)}: {'; '.join(wrong)}") from None


def varied(name: str, experiment: Experiment, scenarios: Sequence[ScenarioSpec], group: str | None) -> Varied:
    """What a name stands for: a shortcut or a field path of the scenarios."""
    match name:
        case "granule":
            return granule()
        case "frame_size":
            return frame_size(experiment, scenarios[0], group)
        case "rate":
            return of_path(rate_path(scenarios[0], group), name, scenarios)
        case "guests":
            of = group_of(scenarios[0], group)
            field = "count_per_host" if of.count is None else "count"
            return of_path(f"guests.{of.name}.{field}", name, scenarios)
        case "vcpus":
            return of_path(f"guests.{group_of(scenarios[0], group).name}.vcpus", name, scenarios)
        case _ if name.startswith("costs."):
            return cost(name, scenarios)
        case _:
            return of_path(name, name, scenarios)


def group_of(scenario: ScenarioSpec, name: str | None) -> GuestGroupSpec:
    """The group that was asked for, or the first."""
    return next((group for group in scenario.guests if group.name == name), scenario.guests[0])


def groups_asked(scenario: ScenarioSpec, name: str | None) -> list[GuestGroupSpec]:
    """The group that was asked for, or all of them."""
    return [group for group in scenario.guests if name in (None, group.name)]


def granule() -> Varied:
    """The unit of conversion: three sizes, of which there is nothing between."""

    def step_of(written: str) -> int:
        return GRANULES.index(SIZE.parse(written))

    return Varied(
        name="granule",
        group=None,
        unit="B",
        nominal=0,
        least=0,
        most=len(GRANULES) - 1,
        writes=lambda step: {"io_path.granule": format_bytes(GRANULES[step])},
        amount=lambda step: float(GRANULES[min(max(round(step), 0), 2)]),
        shown=lambda step: between_choices(step, [format_bytes(size) for size in GRANULES]),
        step_of=step_of,
        is_choice=True,
    )


def between_choices(step: float, names: Sequence[str]) -> str:
    """A choice by its name; what lies between two of them by both."""
    below = min(max(math.floor(step), 0), len(names) - 1)
    above = min(max(math.ceil(step), 0), len(names) - 1)
    return names[below] if below == above else f"between {names[below]} and {names[above]}"


def frame_size(experiment: Experiment, scenario: ScenarioSpec, asked: str | None) -> Varied:
    """Bytes of a transfer: a raw frame's picture in its shape, a traced film's scale, a request's or packet's size."""
    for group in groups_asked(scenario, asked):
        for number, workload in enumerate(group.workloads):
            place = f"guests.{group.name}.workloads.{number}"
            match workload:
                case VideoWorkload(source=RawVideo() as raw):
                    return raw_frame(raw, f"{place}.source", group.name)
                case VideoWorkload(source=TracedVideo()):
                    return of_path(f"{place}.source.scale", "frame_size", [scenario])
                case BlockWorkload(read_iolog=None, bssplit={}):
                    return of_path(f"{place}.bs", "frame_size", [scenario])
                case NetworkWorkload(sizes={}):
                    return of_path(f"{place}.size", "frame_size", [scenario])
                case _:
                    continue
    raise StudyError(
        f"--vary frame_size: found no video, block or network workload with one size in {experiment.source}, "
        "allowed: a field path"
    )


def raw_frame(raw: RawVideo, place: str, group: str) -> Varied:
    """Raw frames of one shape; a step is an even height, the width follows."""

    def picture(step: float) -> tuple[int, int]:
        height = 2 * max(round(step), 8)
        return 2 * max(round(height * raw.width / raw.height / 2), 8), height

    def size(step: float) -> float:
        width, height = picture(step)
        exact = raw.model_copy(update={"width": width, "height": height}).frame_bytes
        shape = (2 * step / height) ** 2 if step >= 8 else 1.0
        return exact * shape

    def step_of(written: str) -> int:
        pixels = SIZE.parse(written) / (raw.frame_bytes / (raw.width * raw.height))
        return max(round(math.sqrt(pixels * raw.height / raw.width) / 2), 8)

    return Varied(
        name="frame_size",
        group=group,
        unit="B",
        nominal=raw.height // 2,
        least=8,
        most=min(8192, 8192 * raw.height // raw.width),
        writes=lambda step: {f"{place}.width": picture(step)[0], f"{place}.height": picture(step)[1]},
        amount=size,
        shown=lambda step: f"{size(step):,.0f} B ({picture(step)[0]}x{picture(step)[1]})",
        step_of=step_of,
    )


def rate_path(scenario: ScenarioSpec, asked: str | None) -> str:
    """The field of the first workload that comes at a rate."""
    for group in groups_asked(scenario, asked):
        for number, workload in enumerate(group.workloads):
            place = f"guests.{group.name}.workloads.{number}"
            match workload:
                case VideoWorkload(source=RawVideo()):
                    return f"{place}.source.fps"
                case BlockWorkload(rate_iops=int()):
                    return f"{place}.rate_iops"
                case NetworkWorkload(rate_pps=int()):
                    return f"{place}.rate_pps"
                case ChurnWorkload():
                    return f"{place}.rate"
                case _:
                    continue
    raise StudyError("--vary rate: found no workload that comes at a rate of its own, allowed: a field path")


def cost(name: str, scenarios: Sequence[ScenarioSpec]) -> Varied:
    """A cost of the profile, in its own unit, by default within its range."""
    cost_name = name.removeprefix("costs.").removesuffix(".value")
    library = profile_of(scenarios[0]).library
    if cost_name not in library:
        raise StudyError(f"--vary: found {name!r}, allowed: costs.NAME, {choice(list(library)[:5], near=cost_name)} …")
    found = library[cost_name]
    top = max(found.high if math.isfinite(found.high) else found.value, found.value)
    quantum = 10.0 ** math.floor(math.log10(top or 1.0)) / FINE
    if not math.isfinite(top):
        raise StudyError(f"--vary: found {name}, which has no bound, allowed: a cost that has one")

    def step_of(written: str) -> int:
        number = float(written.removesuffix(found.unit).strip())
        if not 0 <= number < math.inf:
            raise ValueError(written)
        return round(number / quantum)

    return Varied(
        name=name,
        group=None,
        unit=found.unit,
        nominal=round(found.value / quantum),
        least=round(found.low / quantum),
        most=round(top / quantum),
        writes=lambda step: {
            f"costs.{cost_name}": {"value": step * quantum, "unit": found.unit, "why": "varied by a study"}
        },
        amount=lambda step: step * quantum,
        shown=lambda step: f"{step * quantum:.4g} {found.unit}",
        step_of=step_of,
    )


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
            f"--vary {name}: found {path} with {value!r}, allowed: a field with a number, a size, a duration or a rate"
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
    raise StudyError(f"--vary: found {path!r}, allowed: {' | '.join(SHORTCUTS)}, or a field path, here on by {told}")


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
