"""What a crossover can be asked to vary by name: a shortcut, a cost, or a field's path."""

import math
from collections.abc import Sequence
from typing import Final

from cluster_sim.analysis.problems import StudyError
from cluster_sim.analysis.studies.varied_field import Varied, of_path
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.file_spec import FileWorkload
from cluster_sim.scenario.load import Experiment
from cluster_sim.scenario.problems import choice
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.units import GIB, KIB, MIB, SIZE, format_bytes
from cluster_sim.scenario.workload_spec import (
    BlockWorkload,
    ChurnWorkload,
    NetworkWorkload,
    RawVideo,
    TracedVideo,
    VideoWorkload,
)

GRANULES: Final = (4 * KIB, 2 * MIB, GIB)
USES_MOST: Final = 256
FINE: Final = 1 << 20
"""Steps to a cost's value: one millionth each."""


def varied(name: str, experiment: Experiment, scenarios: Sequence[ScenarioSpec], group: str | None) -> Varied:
    """What a name stands for: a shortcut or a field path of the scenarios."""
    match name:
        case "granule":
            return granule()
        case "keep":
            return keep()
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


def keep() -> Varied:
    """Transfers that use a converted buffer before it is made private again; 1 converts around each."""
    return Varied(
        name="keep",
        group=None,
        unit="uses",
        nominal=1,
        least=1,
        most=USES_MOST,
        writes=lambda uses: {"io_path.keep": {"uses": uses}},
        amount=float,
        shown=lambda uses: f"{uses:,.3g} uses",
        step_of=int,
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
            field = f"guests.{group.name}.workloads.{number}"
            match workload:
                case VideoWorkload(source=RawVideo() as raw):
                    return raw_frame(raw, f"{field}.source", group.name)
                case VideoWorkload(source=TracedVideo()):
                    return of_path(f"{field}.source.scale", "frame_size", [scenario])
                case BlockWorkload(read_iolog=None, bssplit={}):
                    return of_path(f"{field}.bs", "frame_size", [scenario])
                case FileWorkload(bssplit={}):
                    return of_path(f"{field}.bs", "frame_size", [scenario])
                case NetworkWorkload(sizes={}):
                    return of_path(f"{field}.size", "frame_size", [scenario])
                case _:
                    continue
    raise StudyError(
        "--vary frame_size",
        found=f"no video, block, file or network workload with one size in {experiment.source}",
        allowed="a field path",
    )


def raw_frame(raw: RawVideo, field: str, group: str) -> Varied:
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
        writes=lambda step: {f"{field}.width": picture(step)[0], f"{field}.height": picture(step)[1]},
        amount=size,
        shown=lambda step: f"{size(step):,.0f} B ({picture(step)[0]}x{picture(step)[1]})",
        step_of=step_of,
    )


def rate_path(scenario: ScenarioSpec, asked: str | None) -> str:
    """The field of the first workload that comes at a rate."""
    for group in groups_asked(scenario, asked):
        for number, workload in enumerate(group.workloads):
            field = f"guests.{group.name}.workloads.{number}"
            match workload:
                case VideoWorkload(source=RawVideo()):
                    return f"{field}.source.fps"
                case BlockWorkload(rate_iops=int()):
                    return f"{field}.rate_iops"
                case NetworkWorkload(rate_pps=int()):
                    return f"{field}.rate_pps"
                case NetworkWorkload(rate=rate) if rate:
                    return f"{field}.rate"
                case ChurnWorkload():
                    return f"{field}.rate"
                case _:
                    continue
    raise StudyError("--vary rate", found="no workload that comes at a rate of its own", allowed="a field path")


def cost(name: str, scenarios: Sequence[ScenarioSpec]) -> Varied:
    """A cost of the profile, in its own unit, by default within its range."""
    cost_name = name.removeprefix("costs.").removesuffix(".value")
    library = profile_of(scenarios[0]).library
    if cost_name not in library:
        raise StudyError(
            "--vary", found=repr(name), allowed=f"costs.NAME, {choice(list(library)[:5], near=cost_name)} …"
        )
    found = library[cost_name]
    top = max(found.high if math.isfinite(found.high) else found.value, found.value)
    quantum = 10.0 ** math.floor(math.log10(top or 1.0)) / FINE
    if not math.isfinite(top):
        raise StudyError("--vary", found=f"{name}, which has no bound", allowed="a cost that has one")

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
