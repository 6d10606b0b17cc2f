"""What a run takes for granted, said beside its answer: the monitor that converts, and what guests trust."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cluster_sim.analysis.answers.answer import Assumption
from cluster_sim.analysis.answers.phrases import listed
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.analysis.strata import PATH_AXIS
from cluster_sim.io_paths.programs import needs
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX
from cluster_sim.planning.protection_of import protection_of, vmm_faults
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.vmm import VMMS
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_spec import RawVideo, VideoWorkload
from cluster_sim.scenario.workload_traits import traits_of

WAYS: Final[Mapping[str, str]] = {
    "lazy": "faults page by page",
    "populate": "is populated by one call",
    "prefault": "is mapped ahead",
}


def assumptions_of(reading: RunReading) -> tuple[Assumption, ...]:
    """The monitors of variants that convert, and the paths whose guests work on memory that the host can change."""
    converting = {variant for (variant, _), sums in reading.guest_sums.items() if sums.of("conversions")}
    known: dict[str, ScenarioSpec] = {}
    for variant, record in reading.manifest.variants.items():
        try:
            known[variant] = ScenarioSpec.model_validate(record.scenario)
        except ValueError:  # of another version
            continue
    found = monitors([scenario for variant, scenario in known.items() if variant in converting])
    trusting: dict[str, None] = {}
    for variant, scenario in known.items():
        if trusts_host(scenario):
            trusting[reading.manifest.variants[variant].axes.get(PATH_AXIS, reading.variants[variant].path)] = None
    bouncing = dict.fromkeys(
        group.name for scenario in known.values() for group in scenario.guests if bounces_in_pieces(scenario, group)
    )
    if bouncing:
        found.append(
            Assumption(
                f"The device of {listed(list(bouncing))} takes a picture in pieces of 256 KiB; one that takes it as "
                "one mapping gets none so large from swiotlb, whatever the pool: `segments: contiguous` shows it."
            )
        )
    if trusting:
        found.append(
            Assumption(
                f"With {listed(list(trusting))} the guest works on what came while the host can still change it: "
                "it must fetch each field once (double fetch)."
            )
        )
    return tuple(found)


def bounces_in_pieces(scenario: ScenarioSpec, group: GuestGroupSpec) -> bool:
    """Whether raw pictures of a group above the largest mapping bounce, of a device that is said to take pieces."""
    has_slots = needs(scenario.path_of(group), group, protection_of(scenario), scenario.memory).slots is not None
    return has_slots and any(
        isinstance(workload, VideoWorkload)
        and workload.driver == "v4l2"
        and workload.segments == "scatter_gather"
        and isinstance(workload.source, RawVideo)
        and largest_of(workload) > MAPPING_BYTES_MAX
        for workload in group.workloads
    )


def largest_of(workload: VideoWorkload) -> int:
    """Bytes of a raw picture."""
    sizes = traits_of(workload).transfer_sizes
    return 0 if sizes is None else sizes.largest


def monitors(scenarios: Iterable[ScenarioSpec]) -> list[Assumption]:
    """How each monitor comes to map what converted, and by which source."""
    by_monitor: dict[str, list[ScenarioSpec]] = {}
    for scenario in scenarios:
        by_monitor.setdefault(scenario.cluster.host.vmm, []).append(scenario)
    return [monitor(name, each) for name, each in by_monitor.items()]


def monitor(name: str, scenarios: Sequence[ScenarioSpec]) -> Assumption:
    """One monitor on the technologies that it was run on; fields of the definition that overrule it are named."""
    of_host: dict[str, list[str]] = {}
    of_guest: dict[str, list[str]] = {}
    overruled: dict[str, None] = {}
    for scenario in scenarios:
        protection, host = protection_of(scenario), scenario.cluster.host
        host_faults, guest_faults = vmm_faults(scenario, protection)
        of_host.setdefault(host_faults, []).append(protection.title)
        if scenario.memory.generation == "G0" or not protection.keeps_guest_mapping:
            of_guest.setdefault(guest_faults, []).append(protection.title)
        overruled |= {field: None for field in ("host_faults", "guest_faults") if getattr(host, field) != "auto"}
    told = [f"the host's mapping {ways_told(of_host)}"]
    told += [f"the guest's {ways_told(of_guest)}"] if of_guest else []
    said = f" ({listed(list(overruled))} as the definition says)" if overruled else ""
    return Assumption(f"Memory converts under the monitor {name}{said}: {'; '.join(told)}.", VMMS[name].source)


def ways_told(found: Mapping[str, Sequence[str]]) -> str:
    """One way for all; which way on which technology; or all ways, where variants of one technology differ."""
    if len(found) == 1:
        return WAYS[next(iter(found))]
    technologies = [technology for those in found.values() for technology in dict.fromkeys(those)]
    if len(technologies) > len(set(technologies)):
        return f"{' or '.join(WAYS[way] for way in found)}, by variant"
    return "; it ".join(f"{WAYS[way]} on {listed(list(dict.fromkeys(those)))}" for way, those in found.items())


def trusts_host(scenario: ScenarioSpec) -> bool:
    """Whether a protected guest works on what the host brings it in a page that is shared meanwhile."""
    if not PROTECTIONS[scenario.protection].has_private_memory:
        return False
    return any(
        scenario.path_of(group).consumes_shared
        and any(queue.moves_data and queue.from_device for queue in traits_of(workload).queues)
        for group in scenario.guests
        for workload in group.workloads
    )
