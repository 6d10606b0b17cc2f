"""All checks of a scenario: its own arithmetic, and what needs its traces, its costs or its memory layout."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.swiotlb import MAPPING_BYTES_MAX, dynamic_pool_bytes
from cluster_sim.planning.guest_layout import GuestLayout, buffer_bytes, lay_out, low_memory_bytes, sizes_of_queue
from cluster_sim.planning.inputs import log_of, trace_arrays, trace_of, workload_sizes
from cluster_sim.planning.placement import demand_of, empty_room
from cluster_sim.planning.queues import Queue, WorkloadSizes
from cluster_sim.planning.slot_mappings import fits_alone, never_ends
from cluster_sim.platform.profile import Price, Profile, cpus
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.platform.provenance import UNITS, Cost, ProvenanceError, to_bytes_per_s, to_ns
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.scenario.axes import Variant
from cluster_sim.scenario.cluster_contradictions import RATE_LEAST, group_path
from cluster_sim.scenario.contradictions import contradictions, gather
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.queue_traits import RequestLog
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.units import format_bytes, format_rate
from cluster_sim.scenario.workload_contradictions import SEGMENT_LEAST_NS, missing
from cluster_sim.scenario.workload_spec import LadderVideo, Workload, path_in, trace_fields
from cluster_sim.scenario.workload_traits import traits_of
from cluster_sim.traces.table import TraceError
from cluster_sim.workloads.ladder import LadderError, ladder_of

PRICE_NS_MOST = 10**9
BOOT_NS_MOST = 10**11
"""Of prices that a boot pays once, or once a GiB."""
BUS_MOST = 1000


def check_variants(variants: Sequence[Variant], folder: Path) -> list[Contradiction]:
    """All that is wrong in any variant, each thing once, with the axis values where it holds."""
    return gather(variants, [check_scenario(variant.scenario, folder) for variant in variants])


def check_scenario(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """All that is wrong with a scenario; its layout is checked only where all else holds, and traces can be read."""
    found = [*contradictions(scenario, folder), *check_traces(scenario, folder), *check_profile(scenario)]
    return found or [*check_nodes(scenario), *check_layout(scenario, folder)]


def check_nodes(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Guests that are bound to a NUMA node fit one: those that every host has together, others by themselves."""
    empty, filled = (empty_room(scenario.cluster) for _ in range(2))
    at = ("cluster.host.nodes", "cluster.host.numa")
    for index, group in enumerate(scenario.guests):
        demand, room = demand_of(scenario, group), empty if group.count_per_host is None else filled
        for number in range(group.count_per_host or 1):
            short = room.lacks(demand)
            if short.startswith("node_"):
                node = empty.nodes[0]
                found = f"guest {number} of {group.vcpus} vCPUs and {format_bytes(demand.memory_bytes)}: {short}"
                size = f"{node.vcpus} vCPUs and {format_bytes(node.memory_bytes)}"
                allowed = f"guests that each find room on one of {len(empty.nodes)} nodes of {size}, or numa: spread"
                yield Contradiction(group_path(scenario, index), found, allowed, at)
                break
            if group.count_per_host is not None:
                room.take(demand)


def check_traces(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Each trace can be read and fits its use; one that does not exist is the scenario's own business."""
    found: list[Contradiction] = []
    for index, group in enumerate(scenario.guests):
        for number, workload in enumerate(group.workloads):
            prefix = f"{group_path(scenario, index)}.workloads.{number}"
            paths = [(field, path_in(folder, trace)) for field, trace in trace_fields(workload)]
            if any(missing(path) for _, path in paths):
                continue
            wrong = [each for field, path in paths for each in check_trace(workload, f"{prefix}.{field}", path)]
            found += wrong or check_ladder(workload, prefix, folder)
    return found


def check_trace(workload: Workload, field: str, path: Path) -> Iterator[Contradiction]:
    """One trace file: of the kind that its workload replays, and with the times that it needs."""
    traits = traits_of(workload)
    try:
        if isinstance(traits.trace, RequestLog):
            log = log_of(path)
            is_closed = any(queue.is_closed for queue in traits.queues)
            if not log.has_times and log.request_count > 1 and not is_closed:
                allowed = "a log that tells when requests came, or replay_no_stall: true"
                yield Contradiction(field, "a log without times", allowed)
            return
        trace = trace_of(path)
    except TraceError as error:
        yield Contradiction(field, error.found, error.allowed)
        return
    if round(trace.frame_period_ns) < 1:
        yield Contradiction(field, "a trace without a frame rate", "frames at two instants or more")


def check_ladder(workload: Workload, prefix: str, folder: Path) -> list[Contradiction]:
    """The encodings of an adaptive film: rates that rise, and segments that have frames."""
    ladder = traits_of(workload).trace
    if not isinstance(ladder, LadderVideo) or ladder.segment < SEGMENT_LEAST_NS:
        return []
    try:
        ladder_of([trace_arrays(path_in(folder, rung)) for rung in ladder.rungs], ladder.segment)
    except LadderError as error:
        return [Contradiction(f"{prefix}.source.rungs", error.found, error.allowed)]
    return []


def check_profile(scenario: ScenarioSpec) -> list[Contradiction]:
    """The profile exists, and so do the costs that the definition replaces, in units that fit."""
    if scenario.profile not in cpus():
        return [Contradiction("profile", repr(scenario.profile), " | ".join(cpus()))]
    unknown = [(name, cost.unit) for name, cost in scenario.costs.items() if cost.unit not in UNITS]
    if unknown:
        return [Contradiction(f"costs.{name}.unit", repr(unit), " | ".join(UNITS)) for name, unit in unknown]
    try:
        profile = profile_of(scenario)
    except ProvenanceError as error:
        return [Contradiction("costs", each.found, each.allowed) for each in error.refusals]
    return list(check_prices(profile)) if scenario.costs else []


def check_prices(profile: Profile) -> Iterator[Contradiction]:
    """What replaced costs make of prices and rates is something that the loop can count with."""
    spans = {
        **{f"price {name}": cost for name, price in profile.prices.items() for cost in costs_of(price)},
        **{f"copy {name}": cost for name, curve in profile.curves.items() for _, cost in curve.points},
    }
    for name, cost in spans.items():
        most_ns = BOOT_NS_MOST if name.startswith("price boot_") else PRICE_NS_MOST
        if not to_ns(cost) <= most_ns:
            yield Contradiction("costs", f"{name} of {to_ns(cost):g}ns", f"at most {most_ns:g}ns each")
    of_curves = {f"copy {name}": curve.beyond for name, curve in profile.curves.items() if curve.beyond is not None}
    rates = {**of_curves, "memory": profile.bandwidth}
    for name, cost in rates.items():
        if not to_bytes_per_s(cost) >= RATE_LEAST:
            found = f"{name} at {to_bytes_per_s(cost):g}B/s"
            yield Contradiction("costs", found, f"at least {format_rate(RATE_LEAST)}")
    for bus in {curve.bus.value for curve in profile.curves.values() if curve.bus is not None}:
        if not bus <= BUS_MOST:
            yield Contradiction("costs", f"{bus:g} bytes on the bus a copied byte", f"at most {BUS_MOST}")


def costs_of(price: Price) -> list[Cost]:
    """All costs that a price may be."""
    return [cost for cost in (price.cost, *(step for _, step in price.steps)) if cost is not None]


def check_dma_entries(
    scenario: ScenarioSpec, group: GuestGroupSpec, layout: GuestLayout, prefix: str
) -> Iterator[Contradiction]:
    """VFIO can map what a guest shares from the start for its assigned devices, page by page."""
    needs, limit = layout.needs, scenario.cluster.host.dma_entry_limit
    posted = sum(min(needs.life.posted, each.count) * each.device_pages for each in layout.buffers)
    pages = layout.pool_bytes // PAGE_BYTES + layout.resident_pages + posted * needs.converts_buffers
    if scenario.maps_shared(group) and pages > limit:
        found = f"{pages} pages shared from the start, a DMA mapping of 4KiB each"
        allowed = f"at most {limit} (cluster.host.dma_entry_limit), {format_bytes(limit * PAGE_BYTES)}"
        at = "io_path" if group.io_path is None else f"{prefix}.io_path"
        yield Contradiction(f"{prefix}.assigned_devices", found, allowed, (at, "cluster.host.dma_entry_limit"))


def check_layout(scenario: ScenarioSpec, folder: Path) -> list[Contradiction]:
    """Frames fit their buffers, buffers and pool fit the guest, areas divide the pool, which can grow if it may."""
    sizes = workload_sizes(scenario, folder)
    found: list[Contradiction] = []
    for index, group in enumerate(scenario.guests):
        prefix = group_path(scenario, index)
        at = "io_path" if group.io_path is None else f"{prefix}.io_path"
        layout = lay_out(scenario, group, 0, sizes, PROTECTIONS[scenario.protection])
        needs = layout.needs
        found += check_dma_entries(scenario, group, layout, prefix)
        for queue in layout.queues:
            transfer = sizes_of_queue(queue, group, sizes)
            size = buffer_bytes(queue, transfer)
            if queue.sender is None and transfer.largest > size and trace_fields(queue.spec):
                field = f"{prefix}.workloads.{queue.workload}.buffer"
                allowed = f"at least {format_bytes(transfer.largest)}, the trace's largest frame"
                source = f"{prefix}.workloads.{queue.workload}.source"
                found.append(Contradiction(field, format_bytes(size), allowed, (source,)))
        low = low_memory_bytes(group.memory)
        if layout.held_bytes > group.memory:
            needed = f"at least the {format_bytes(layout.held_bytes)} of its pool and buffers"
            found.append(Contradiction(f"{prefix}.memory", format_bytes(group.memory), needed, (at,)))
        elif needs.pool is not None and needs.pool.lies_low and layout.pool_bytes >= low:
            allowed = f"less than the {format_bytes(low)} that lie below 4GiB, or any: true"
            found.append(Contradiction(f"{at}.pool", format_bytes(layout.pool_bytes), allowed, (f"{at}.any", prefix)))
        if needs.has_buffers_in_pool and layout.pool_buffers_bytes > layout.pool_bytes:
            needed = (
                f"at least {format_bytes(layout.pool_buffers_bytes)}: buffers of 2MiB or more begin at 2MiB boundaries"
            )
            found.append(Contradiction(f"{at}.pool", format_bytes(layout.pool_bytes), needed, (prefix,)))
        if needs.slots is not None and layout.pool_bytes % (needs.areas * MAPPING_BYTES_MAX):
            unit = format_bytes(needs.areas * MAPPING_BYTES_MAX)
            allowed = f"a multiple of {unit}: {needs.areas} areas of whole slot sets"
            found.append(Contradiction(f"{at}.pool", format_bytes(layout.pool_bytes), allowed, (f"{at}.areas",)))
        found += [each for queue in layout.queues for each in check_slots(layout, queue, group, sizes, at)]
        step = dynamic_pool_bytes(layout.pool_bytes) if needs.grow_bytes else 0
        if needs.grow_bytes < step:
            allowed = (
                f"{format_bytes(step)} or more, what a pool of {format_bytes(layout.pool_bytes)} grows by at a time"
            )
            found.append(Contradiction(f"{at}.grow", format_bytes(needs.grow_bytes), allowed, (f"{at}.pool",)))
    return found


def check_slots(
    layout: GuestLayout, queue: Queue, group: GuestGroupSpec, sizes: WorkloadSizes, at: str
) -> Iterator[Contradiction]:
    """A request that waits until it finds slots can find them."""
    slots = layout.needs.slots
    if slots is None or not queue.traits.moves_data or not never_ends(queue):
        return
    largest = buffer_bytes(queue, sizes_of_queue(queue, group, sizes))
    if not fits_alone(layout, queue, largest):
        found = f"{format_bytes(layout.pool_bytes // layout.pools)} for a request of {format_bytes(largest)}"
        allowed = "a pool that holds one request, with what its driver maps beside it, or smaller requests"
        yield Contradiction(f"{at}.pool", found, allowed, (f"{at}.areas",))
