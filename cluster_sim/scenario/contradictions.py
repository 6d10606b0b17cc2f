"""Fields that are each well formed and yet cannot be together: plain arithmetic on one resolved scenario."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cluster_sim.scenario.axes import Variant
from cluster_sim.scenario.memory_contradictions import memory_contradictions
from cluster_sim.scenario.problems import Contradiction, choice
from cluster_sim.scenario.spec import (
    ConvertPath,
    GuestGroupSpec,
    RawVideo,
    ScenarioSpec,
    SharedPoolPath,
    SwiotlbPath,
    TracedVideo,
    VideoWorkload,
)
from cluster_sim.scenario.units import KIB, MIB, PAGE_BYTES, format_bytes, format_duration

Check = Callable[[ScenarioSpec, Path], list[Contradiction]]
"""Finds what is wrong with a scenario whose file lies in a folder."""

SWIOTLB_LEAST_BYTES = MIB
SWIOTLB_SET_BYTES = 256 * KIB
GUEST_LEAST_BYTES = 64 * MIB


def contradictions(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Return all that cannot be in one scenario."""
    places = [group_path(scenario, index) for index in range(len(scenario.guests))]
    found = [*_times(scenario), *_path(scenario), *_names(scenario), *_host(scenario)]
    found += memory_contradictions(scenario)
    for place, group in zip(places, scenario.guests, strict=True):
        found += _memory(scenario, group, place)
        for i, workload in enumerate(group.workloads):
            found += _video(scenario, workload, f"{place}.workloads.{i}", folder)
    return found


def group_path(scenario: ScenarioSpec, index: int) -> str:
    """Return the path of a guest group: by its name, or by its index where the name is not its own."""
    names = [group.name for group in scenario.guests]
    return f"guests.{names[index] if names.count(names[index]) == 1 else index}"


def buffer_bytes(workload: VideoWorkload) -> int | None:
    """Return the size of one buffer, None where only the trace tells it."""
    if workload.buffer != "auto":
        return workload.buffer
    return workload.source.frame_bytes if isinstance(workload.source, RawVideo) else None


def _times(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    for field in ("duration", "window"):
        if getattr(scenario, field) == 0:
            yield Contradiction(field, "0s", "more than 0")
    if scenario.window > scenario.duration > 0:
        longest = f"at most the duration, {format_duration(scenario.duration)}"
        yield Contradiction("window", format_duration(scenario.window), longest, ("duration",))


def _names(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    names = [group.name for group in scenario.guests]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Contradiction(f"guests.{i}.name", f"{name!r} a second time", "a name of its own for each group")


def _path(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    path = scenario.io_path
    match path:
        case SwiotlbPath():
            yield from _swiotlb(path)
        case SharedPoolPath(copied_by="none" | "consumer" as copied_by, copier="engine"):
            found = f"engine, though the host copies nothing when copy is {copied_by}"
            yield Contradiction("io_path.copier", found, "cpu, or copy: producer or both", ("io_path.copy",))
        case _ if path.kind == "direct" and scenario.protection != "none":
            allowed = "direct with protection none only; swiotlb, convert or shared_pool otherwise"
            yield Contradiction("io_path", "direct on a protected guest", allowed, ("protection",))
        case _:
            pass


def _swiotlb(path: SwiotlbPath) -> Iterator[Contradiction]:
    if path.pool == "auto":
        return
    pool = format_bytes(path.pool)
    if path.pool < SWIOTLB_LEAST_BYTES:
        yield Contradiction("io_path.pool", pool, f"{format_bytes(SWIOTLB_LEAST_BYTES)} or more")
    elif path.pool % SWIOTLB_SET_BYTES:
        yield Contradiction("io_path.pool", pool, f"a multiple of {format_bytes(SWIOTLB_SET_BYTES)}")
    most = path.pool // SWIOTLB_SET_BYTES
    if path.areas != "auto" and path.areas > most > 0:
        allowed = f"at most {most}, one for each {format_bytes(SWIOTLB_SET_BYTES)} of the pool"
        yield Contradiction("io_path.areas", str(path.areas), allowed, ("io_path.pool",))


def _host(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    host, groups = scenario.cluster.host, scenario.guests
    count = sum(group.count_per_host for group in groups)
    memory = sum(group.count_per_host * group.memory for group in groups)
    vcpus = sum(group.count_per_host * group.vcpus for group in groups)
    if memory > host.memory:
        found = f"{count} guests of together {format_bytes(memory)} on a host"
        allowed = f"at most {format_bytes(host.memory)} (cluster.host.memory)"
        yield Contradiction("guests", found, allowed, ("cluster.host.memory", *_each(scenario, "memory")))
    if vcpus > host.cpus:
        found = f"{count} guests of together {vcpus} vCPUs on a host"
        allowed = f"at most {host.cpus} (cluster.host.cpus)"
        yield Contradiction("guests", found, allowed, ("cluster.host.cpus", *_each(scenario, "vcpus")))


def _each(scenario: ScenarioSpec, field: str) -> list[str]:
    """Return the paths of what a sum over all guests rests on."""
    places = [group_path(scenario, index) for index in range(len(scenario.guests))]
    return [f"{place}.{each}" for place in places for each in (field, "count_per_host")]


def _memory(scenario: ScenarioSpec, group: GuestGroupSpec, place: str) -> Iterator[Contradiction]:
    """Weigh a guest's buffers and its pool against its memory and each other."""
    path, size, memory = scenario.io_path, format_bytes(group.memory), f"{place}.memory"
    if group.memory < GUEST_LEAST_BYTES:
        yield Contradiction(memory, size, f"{format_bytes(GUEST_LEAST_BYTES)} or more")
    buffers, videos = _buffers(scenario, group), [f"{place}.workloads.{i}" for i in range(len(group.workloads))]
    sizes = tuple(f"{video}.{field}" for video in videos for field in ("source", "buffers", "buffer"))
    pool = path.pool if isinstance(path, SwiotlbPath | SharedPoolPath) and path.pool != "auto" else 0
    if pool > group.memory:
        allowed = f"less than the memory of a guest of {group.name}, {size}"
        yield Contradiction("io_path.pool", format_bytes(pool), allowed, (memory,))
        return
    if isinstance(path, SharedPoolPath) and path.pool != "auto" and pool < buffers:
        allowed = f"{format_bytes(buffers)} or more, the buffers of a guest of {group.name}"
        yield Contradiction("io_path.pool", format_bytes(pool), allowed, sizes)
    is_in_pool = isinstance(path, SharedPoolPath) and path.copied_by == "none"
    needed = max(pool, buffers) if is_in_pool else pool + buffers
    if needed > group.memory:
        found = f"{size} for buffers of {format_bytes(buffers)} and a pool of {format_bytes(pool)}"
        yield Contradiction(
            memory,
            found,
            f"{format_bytes(needed)} or more",
            (*sizes, "io_path.kind", "io_path.pool", "io_path.granule"),
        )


def _buffers(scenario: ScenarioSpec, group: GuestGroupSpec) -> int:
    """Return what a guest's buffers take, as far as the definition tells without its traces."""
    path = scenario.io_path
    unit = path.granule if isinstance(path, ConvertPath) else PAGE_BYTES
    return sum(-(-(buffer_bytes(video) or 0) // unit) * unit * video.buffers for video in group.workloads)


def _video(scenario: ScenarioSpec, video: VideoWorkload, place: str, folder: Path) -> Iterator[Contradiction]:
    source = video.source
    if video.deadline == 0:
        yield Contradiction(f"{place}.deadline", "0s", "more than 0")
    if video.playout is not None and video.playout.startup > scenario.duration > 0:
        startup, longest = format_duration(video.playout.startup), format_duration(scenario.duration)
        allowed = f"at most the duration, {longest}"
        yield Contradiction(f"{place}.playout.startup", startup, allowed, ("duration",))
    if isinstance(source, RawVideo) and video.buffer != "auto" and video.buffer < source.frame_bytes:
        allowed = f"{format_bytes(source.frame_bytes)} or more, the size of a frame"
        yield Contradiction(f"{place}.buffer", format_bytes(video.buffer), allowed, (f"{place}.source",))
    if isinstance(source, TracedVideo):
        found = _missing(source.path_in(folder))
        if found:
            allowed = "a trace file, relative to the folder of this file"
            yield Contradiction(f"{place}.source.trace", f"{source.trace!r}, {found}", allowed)


def _missing(path: Path) -> str:
    try:
        return "" if path.is_file() else "which is no file" if path.exists() else "which does not exist"
    except (OSError, ValueError) as error:
        return f"which cannot be read ({error})"


def gather(variants: Sequence[Variant], folder: Path, checks: Sequence[Check]) -> list[Contradiction]:
    """Return what is wrong in any variant, each thing once, with the axis values where it holds."""
    seen: dict[Contradiction, list[Variant]] = {}
    for variant in variants:
        found = [each for check in (contradictions, *checks) for each in check(variant.scenario, folder)]
        for each in dict.fromkeys(found):
            seen.setdefault(each, []).append(variant)
    return [told for each, held in seen.items() for told in _placed(each, held, variants)]


def _placed(each: Contradiction, held: Sequence[Variant], every: Sequence[Variant]) -> list[Contradiction]:
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
