"""What a stream asks of its path: direction, what the driver does, what lies behind the host's side."""

from dataclasses import dataclass

from cluster_sim.io_paths.drivers import Driver
from cluster_sim.io_paths.steps import Direction
from cluster_sim.platform.protection import Protection
from cluster_sim.platform.vmm import GuestFaults, HostFaults
from cluster_sim.scenario.memory_spec import MemorySpec
from cluster_sim.scenario.queue_traits import ASKED_FOR, FarEnd


@dataclass(frozen=True, slots=True)
class PathContext:
    """One direction of a stream, on one technology.

    `far_end`: what lies behind the host's side; `shares_drive`: requests to storage share its bandwidth.
    `comes_from_network`: the payload reaches the host through its network card. `is_closed`: the next transfer is
    asked for when one has ended. `waits_for_boot`: the guest boots first. `engine_interrupts`: the copy engine's
    completion interrupts the host, else the worker polls. `shares_cpus`: the host may have fewer CPUs than may run at
    a time. `spins_when_idle`: idle vCPUs spin, so that each has its CPU at any time. `polls_completions`: the guest
    looks for them and is not interrupted. `is_threaded`: the queue's own work is one thread, on one vCPU at a time.
    `wakes_other_vcpu`: on another vCPU than the one that takes interrupts. `coalesces`: interrupts wait for several
    completions. `host_faults`: whether the host faults pages in one by one, or populates what it is about to use.
    `guest_faults`: whether the guest faults what converted in, or the VMM maps it ahead. `is_shot_down`: conversions
    on other vCPUs of the guest interrupt it. `maps_shared`: VFIO keeps what is shared mapped for assigned devices.
    `shares_worker`: the queue's worker may serve others, too. `serves_files`: it is a daemon that copies between files
    and the guest, part by part.
    """

    direction: Direction
    driver: Driver
    protection: Protection
    memory: MemorySpec
    far_end: FarEnd = "nothing"
    shares_drive: bool = False
    comes_from_network: bool = False
    is_closed: bool = False
    waits_for_boot: bool = False
    engine_interrupts: bool = False
    shares_cpus: bool = False
    spins_when_idle: bool = False
    polls_completions: bool = False
    is_threaded: bool = False
    wakes_other_vcpu: bool = False
    coalesces: bool = False
    host_faults: HostFaults = "lazy"
    guest_faults: GuestFaults = "lazy"
    is_shot_down: bool = False
    maps_shared: bool = False
    shares_worker: bool = False
    serves_files: bool = False

    @property
    def is_from_device(self) -> bool:
        """Whether data goes from the host to the guest."""
        return self.direction == Direction.FROM_DEVICE

    @property
    def enters_as_thread(self) -> bool:
        """Whether the queue's thread does all that the guest does; not where an interrupt comes to another vCPU."""
        return self.is_threaded and not (self.wakes_other_vcpu and self.is_from_device)

    @property
    def can_post(self) -> bool:
        """Whether buffers can wait for data that comes by itself; a request brings its own."""
        return self.is_from_device and not self.is_request

    @property
    def is_request(self) -> bool:
        """Whether the guest asks for it and waits for the answer."""
        return self.far_end in ASKED_FOR
