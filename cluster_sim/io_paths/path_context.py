"""What a stream asks of its path: direction, what the driver does, what lies behind the host's side."""

from dataclasses import dataclass

from cluster_sim.io_paths.drivers import Driver
from cluster_sim.io_paths.steps import Direction
from cluster_sim.platform.protection import Protection
from cluster_sim.platform.vmm import GuestFaults, HostFaults
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.workload_traits import FarEnd


@dataclass(frozen=True, slots=True)
class PathContext:
    """One direction of a stream, on one technology.

    `far_end`: what lies behind the host's side. `comes_from_network`: the payload reaches the host through its network
    card. `is_closed`: the next transfer is asked for when one has ended. `waits_for_boot`: the guest boots first.
    `engine_interrupts`: the copy engine's completion interrupts the host, else the worker polls. `shares_cpus`: the
    host may have fewer CPUs than may run at a time. `spins_when_idle`: idle vCPUs spin, so that each has its CPU at any
    time. `polls_completions`: the guest looks for them and is not interrupted. `is_threaded`: the queue's own work is
    one thread, on one vCPU at a time. `host_faults`: whether the host faults pages in one by one, or populates what it
    is about to use. `guest_faults`: whether the guest faults what converted in, or the VMM maps it ahead.
    `is_shot_down`: conversions on other vCPUs of the guest interrupt it.
    """

    direction: Direction
    driver: Driver
    protection: Protection
    memory: MemorySpec
    far_end: FarEnd = "nothing"
    comes_from_network: bool = False
    is_closed: bool = False
    waits_for_boot: bool = False
    engine_interrupts: bool = False
    shares_cpus: bool = False
    spins_when_idle: bool = False
    polls_completions: bool = False
    is_threaded: bool = False
    host_faults: HostFaults = "lazy"
    guest_faults: GuestFaults = "lazy"
    is_shot_down: bool = False

    @property
    def is_from_device(self) -> bool:
        """Whether data goes from the host to the guest."""
        return self.direction == Direction.FROM_DEVICE

    @property
    def can_post(self) -> bool:
        """Whether buffers can wait for data that comes by itself; a request brings its own."""
        return self.is_from_device and not self.is_request

    @property
    def is_request(self) -> bool:
        """Whether the guest asks for it and waits for the answer."""
        return self.far_end == "storage"
