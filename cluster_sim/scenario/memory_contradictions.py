"""What cannot be together in a scenario's memory: generation, backing, huge pages, placement, injected faults."""

from collections.abc import Iterator

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.cluster_contradictions import group_path
from cluster_sim.scenario.memory_spec import FaultSpec
from cluster_sim.scenario.path_spec import ConvertPath, SwiotlbPath
from cluster_sim.scenario.problems import Contradiction, choice
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.units import format_bytes, format_duration

CONVERTING_GENERATIONS = ("G0", "G3", "G4")


def memory_contradictions(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Return all of them."""
    yield from _generation(scenario)
    yield from _backing(scenario)
    yield from _huge_pages(scenario)
    yield from _placement(scenario)
    yield from _assigned(scenario)
    for number, fault in enumerate(scenario.faults):
        yield from _fault(scenario, fault, f"faults.{number}")


def _generation(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    memory = scenario.memory
    paths = [scenario.path_of(group) for group in scenario.guests]
    converts = any(isinstance(path, ConvertPath) for path in paths) and scenario.protection != "none"
    if converts and memory.generation not in CONVERTING_GENERATIONS:
        allowed = f"{choice(CONVERTING_GENERATIONS)}: before G3 a file is shared or private for good"
        yield Contradiction("memory.generation", memory.generation, allowed, ("io_path.kind", "protection"))
    if memory.retry_after == 0:
        yield Contradiction("memory.retry_after", "0s", "more than 0")


def _backing(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    memory = scenario.memory
    if memory.backing != "exclusive_pin":
        return
    if memory.generation != "G3":
        found = f"{memory.generation} with exclusive_pin"
        yield Contradiction("memory.generation", found, "G3: exclusive pins know no generations", ("memory.backing",))
    if memory.on_pin == "defer":
        allowed = "retry or wait: an exclusive pin is taken at once or not at all"
        yield Contradiction("memory.on_pin", "defer with exclusive_pin", allowed, ("memory.backing",))


def _assigned(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    memory, field = scenario.memory, "cluster.host.assigned_memory"
    if memory.backing == "exclusive_pin" and any(scenario.maps_shared(group) for group in scenario.guests):
        allowed = "guest_memfd, or no assigned_devices: who holds an exclusive pin is alone"
        yield Contradiction("memory.backing", "exclusive_pin with assigned devices", allowed, ("guests",))
    if not any(scenario.is_held_twice(group) for group in scenario.guests):
        return
    if memory.generation != "G0":
        allowed = "shared, or generation G0: of one file, a private page cannot be pinned"
        yield Contradiction(field, f"all at {memory.generation}", allowed, ("memory.generation",))
    elif memory.discard:
        allowed = "false: VFIO would not hear of it, and its mappings would be stale"
        yield Contradiction("memory.discard", "true with all of memory pinned", allowed, (field,))


def _huge_pages(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    memory = scenario.memory
    size = format_bytes(memory.huge_page)
    if memory.resident != "auto" and memory.resident and memory.generation in ("G1", "G2"):
        found = f"{format_bytes(memory.resident)} at {memory.generation}"
        yield Contradiction(
            "memory.resident", found, "0B: a file is shared or private for good", ("memory.generation",)
        )
    if memory.huge_page == PAGE_BYTES:
        if memory.split != "any_shared":
            found = f"{memory.split} with 4KiB pages"
            yield Contradiction("memory.split", found, "any_shared, or a huge_page", ("memory.huge_page",))
        if memory.hvo:
            yield Contradiction("memory.hvo", "true with 4KiB pages", "false, or a huge_page", ("memory.huge_page",))
        return
    if memory.generation != "G4":
        allowed = "4KiB, or generation G4"
        yield Contradiction("memory.huge_page", f"{size} at {memory.generation}", allowed, ("memory.generation",))
    for index, group in enumerate(scenario.guests):
        if group.memory % memory.huge_page:
            found = f"{format_bytes(group.memory)} in huge pages of {size}"
            prefix = f"{group_path(scenario, index)}.memory"
            yield Contradiction(prefix, found, f"a multiple of {size}", ("memory.huge_page",))


def _placement(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    if scenario.memory.placement == "clustered":
        return
    for path in (scenario.path_of(group) for group in scenario.guests):
        if isinstance(path, SwiotlbPath):
            allowed = "clustered: the bounce pool is one region"
            yield Contradiction("memory.placement", "scattered with swiotlb", allowed, ("io_path.kind",))
        if isinstance(path, ConvertPath) and path.granule != PAGE_BYTES:
            found = f"scattered with a granule of {format_bytes(path.granule)}"
            yield Contradiction("memory.placement", found, "clustered, or a granule of 4KiB", ("io_path.granule",))


def _fault(scenario: ScenarioSpec, fault: FaultSpec, prefix: str) -> Iterator[Contradiction]:
    groups = {group.name: group for group in scenario.guests}
    if fault.at >= scenario.duration:
        longest = f"less than the duration, {format_duration(scenario.duration)}"
        yield Contradiction(f"{prefix}.at", format_duration(fault.at), longest, ("duration",))
    if fault.host >= scenario.cluster.hosts:
        allowed = f"less than {scenario.cluster.hosts}, the hosts of the cluster"
        yield Contradiction(f"{prefix}.host", str(fault.host), allowed, ("cluster.hosts",))
    if fault.length == 0:
        yield Contradiction(f"{prefix}.length", "0B", "4KiB or more")
    if fault.guest not in groups:
        allowed = choice(tuple(groups), near=fault.guest)
        yield Contradiction(f"{prefix}.guest", repr(fault.guest), allowed, ("guests",))
        return
    group = groups[fault.guest]
    if group.count_per_host is None:
        allowed = "a group with count_per_host: where the cluster places a guest is not known beforehand"
        yield Contradiction(f"{prefix}.guest", repr(fault.guest), allowed, ("guests",))
        return
    if fault.index >= group.count_per_host:
        allowed = f"less than {group.count_per_host}, the guests of {group.name} on a host"
        yield Contradiction(f"{prefix}.index", str(fault.index), allowed, ("guests",))
    if fault.offset + fault.length > group.memory:
        found = f"{format_bytes(fault.length)} at {format_bytes(fault.offset)}"
        allowed = f"a range inside the guest's memory, {format_bytes(group.memory)}"
        yield Contradiction(f"{prefix}.offset", found, allowed, ("guests",))
