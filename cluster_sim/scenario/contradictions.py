"""Fields that are each well formed and yet cannot be together: plain arithmetic on one resolved scenario."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cluster_sim.scenario.axes import Variant
from cluster_sim.scenario.cluster_contradictions import cluster_contradictions, group_path
from cluster_sim.scenario.memory_contradictions import memory_contradictions
from cluster_sim.scenario.path_contradictions import path_contradictions, ranges_on_a_host
from cluster_sim.scenario.problems import Contradiction, choice
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.units import format_duration
from cluster_sim.scenario.workload_contradictions import workload_contradictions

WINDOWS_MOST = 1_000_000


def contradictions(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Return all that cannot be in one scenario."""
    found = [*_times(scenario), *cluster_contradictions(scenario), *memory_contradictions(scenario)]
    found += ranges_on_a_host(scenario)
    for index, group in enumerate(scenario.guests):
        prefix = group_path(scenario, index)
        found += path_contradictions(scenario, group, prefix)
        found += workload_contradictions(scenario, group, prefix, folder)
    return found


def _times(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    for field in ("duration", "window"):
        if getattr(scenario, field) == 0:
            yield Contradiction(field, "0s", "more than 0")
    if scenario.window > scenario.duration > 0:
        longest = f"at most the duration, {format_duration(scenario.duration)}"
        yield Contradiction("window", format_duration(scenario.window), longest, ("duration",))
    if scenario.window and scenario.duration > WINDOWS_MOST * scenario.window:
        shortest = f"{format_duration(-(-scenario.duration // WINDOWS_MOST))} or more: at most {WINDOWS_MOST} windows"
        yield Contradiction("window", format_duration(scenario.window), shortest, ("duration",))


def gather(variants: Sequence[Variant], found: Sequence[Sequence[Contradiction]]) -> list[Contradiction]:
    """Return what was found in any variant, each thing once, with the axis values where it holds."""
    where: dict[Contradiction, list[Variant]] = {}
    for variant, here in zip(variants, found, strict=True):
        for each in dict.fromkeys(here):
            where.setdefault(each, []).append(variant)
    return [told for each, held in where.items() for told in _by_axis_values(each, held, variants)]


def _by_axis_values(each: Contradiction, held: Sequence[Variant], every: Sequence[Variant]) -> list[Contradiction]:
    """Call a contradiction by the axis values that it stands in, if it stands in any."""
    axes = [axis for axis in held[0].axis_labels if f"{each.field}.".startswith(f"{axis}.")]
    if not axes:
        return [replace(each, found=each.found + _where(held, every))]
    axis, told = axes[0], list[Contradiction]()
    for label in dict.fromkeys(variant.axis_labels[axis] for variant in held):
        here = [variant for variant in held if variant.axis_labels[axis] == label]
        could = [variant for variant in every if variant.axis_labels[axis] == label]
        field = f"axes.{axis}.{label}{each.field[len(axis) :]}"
        told.append(replace(each, field=field, found=each.found + _where(here, could)))
    return told


def _where(held: Sequence[Variant], every: Sequence[Variant]) -> str:
    """Return the axis values that all of `held` and not all of `every` have, in words."""
    words, rest = list[str](), list(every)
    for axis in every[0].axis_labels:
        labels = dict.fromkeys(variant.axis_labels[axis] for variant in held)
        if len(labels) < len({variant.axis_labels[axis] for variant in rest}):
            words.append(f"{axis} is {choice(list(labels))}")
            rest = [variant for variant in rest if variant.axis_labels[axis] in labels]
    return f" (where {' and '.join(words)})" if words else ""
