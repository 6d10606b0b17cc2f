"""The programs of a host's streams: what each queue asks of its path, and prices that the definition itself gives."""

from collections.abc import Sequence

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.io_paths import boot_stages, churn
from cluster_sim.io_paths.answering import ending_at_the_client, turning
from cluster_sim.io_paths.drivers import driver_of
from cluster_sim.io_paths.file_requests import in_parts
from cluster_sim.io_paths.path_context import PathContext
from cluster_sim.io_paths.programs import MakeProgram
from cluster_sim.io_paths.step_sequences import CLIENT_WAY, NETWORK_LATENCY, WORK
from cluster_sim.io_paths.steps import Direction, Program
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.protection_of import vmm_faults
from cluster_sim.planning.queues import Queue, boots
from cluster_sim.planning.step_table import Programs
from cluster_sim.planning.workers import shares_worker, workers_of
from cluster_sim.platform.protection import Protection
from cluster_sim.scenario.queue_traits import QueueTraits, Role
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec


def plan_streams(
    scenario: ScenarioSpec,
    protection: Protection,
    guests: Sequence[PlannedGuest],
    programs: Programs,
    make_program: MakeProgram,
    *,
    is_alone: bool,
) -> list[PlannedStream]:
    """All streams of a host, guest by guest, with their programs."""
    cpus, workers = scenario.cluster.host.cpus, scenario.cluster.host.workers
    runnable = sum(guest.placed.group.vcpus for guest in guests) + len(set(workers_of(workers, guests)))
    streams = []
    for number, guest in enumerate(guests):
        group = guest.placed.group
        for queue in guest.layout.queues:
            prices = definition_prices(scenario, queue)
            found: dict[Direction, Program] = {}
            entries: dict[Direction, int] = {}
            for direction in queue.directions:
                key = (group.name, queue.workload, queue.role, queue.sender and queue.sender.group, direction)
                if key not in programs.entries:
                    context = context_of(
                        queue,
                        direction,
                        group,
                        scenario,
                        protection,
                        shares_cpus=runnable > cpus,
                        is_alone=is_alone,
                        is_shot_down=is_shot_down(guest, protection),
                    )
                    programs.add(key, program_of(scenario, guest, queue, context, make_program), group.vcpus, prices)
                found[direction], entries[direction] = programs.programs[key], programs.entries[key]
            streams.append(PlannedStream(number, queue, found, entries))
    return streams


def context_of(
    queue: Queue,
    direction: Direction,
    group: GuestGroupSpec,
    scenario: ScenarioSpec,
    protection: Protection,
    *,
    shares_cpus: bool,
    is_alone: bool,
    is_shot_down: bool,
) -> PathContext:
    """What one direction of a queue asks of its path; a transfer that is alone neither loops nor waits for a boot."""
    traits = queue.traits
    host_faults, guest_faults = vmm_faults(scenario, protection)
    return PathContext(
        direction=direction,
        driver=driver_of(traits.driver, direction),
        protection=protection,
        memory=scenario.memory,
        far_end=traits.far_end,
        shares_drive=scenario.cluster.host.storage.rate > 0,
        comes_from_network=traits.comes_from_network,
        is_closed=traits.is_closed and not is_alone,
        waits_for_boot=boots(group) and not is_alone,
        engine_interrupts=scenario.cluster.host.engine.completion == "interrupt",
        shares_cpus=shares_cpus,
        spins_when_idle=group.idle == "poll",
        polls_completions=traits.polls_completions,
        is_threaded=traits.is_threaded,
        wakes_other_vcpu=traits.wakes_other_vcpu and group.vcpus > 1,
        coalesces=traits.coalesce_frames > 1 and not is_alone,
        host_faults=host_faults,
        guest_faults=guest_faults,
        is_shot_down=is_shot_down,
        maps_shared=scenario.maps_shared(group),
        shares_worker=shares_worker(scenario.cluster.host.workers, queue),
        serves_files=traits.part_bytes > 0,
    )


def is_shot_down(guest: PlannedGuest, protection: Protection) -> bool:
    """Whether conversions on one vCPU of a guest interrupt others of it: there are some, and something converts."""
    if guest.placed.group.vcpus == 1 or protection.shootdowns == "none":
        return False
    needs = guest.layout.needs
    return needs.grow_bytes > 0 or any(
        (needs.converts_buffers and queue.traits.moves_data) or queue.role == Role.CHURN
        for queue in guest.layout.queues
    )


def program_of(
    scenario: ScenarioSpec, guest: PlannedGuest, queue: Queue, context: PathContext, make_program: MakeProgram
) -> Program:
    """The program of one direction of a queue."""
    match queue.role:
        case Role.REQUESTS | Role.RECEIVED:
            made = make_program(scenario.path_of(guest.placed.group), context)
            return in_parts(made) if context.serves_files else made
        case Role.ASKED:
            asked = make_program(scenario.path_of(guest.placed.group), context)
            return turning(asked) if context.is_closed else asked
        case Role.ANSWERED:
            return ending_at_the_client(make_program(scenario.path_of(guest.placed.group), context))
        case Role.CHURN:
            return churn.program(context, queue.traits.unit_bytes or PAGE_BYTES)
        case Role.IMAGE:
            return boot_stages.build_image(context)
        case Role.KERNEL:
            return boot_stages.start_kernel(context)
        case Role.POOL:
            return boot_stages.set_up_pool(context)
        case Role.FIRMWARE | Role.ACCEPT:
            return acceptance(queue.traits, context)


def acceptance(traits: QueueTraits, context: PathContext) -> Program:
    """How a part of memory is accepted: before all else by one vCPU or by all, or as it is touched."""
    if not traits.holds_up_guest:
        return boot_stages.accept_lazily(context)
    by_firmware = "vcpus" if context.protection.accepts_in_parallel else 1
    acceptors = by_firmware if traits.acceptors == "auto" else traits.acceptors
    return boot_stages.accept_first(context, in_parallel=acceptors == "vcpus")


def definition_prices(scenario: ScenarioSpec, queue: Queue) -> dict[str, int]:
    """Prices that no profile has, because the definition gives them."""
    return {
        WORK: 1,
        NETWORK_LATENCY: scenario.cluster.network.latency,
        CLIENT_WAY: queue.traits.way_ns,
        churn.HOLD: queue.traits.hold_ns,
    }
