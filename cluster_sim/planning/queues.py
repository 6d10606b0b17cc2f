"""The queues of a guest: one or more for each of its workloads, and one for each stream that another guest sends it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cluster_sim.io_paths.drivers import Driver, driver_of
from cluster_sim.io_paths.steps import Direction
from cluster_sim.scenario.queue_traits import QueueTraits, Role, TransferSizes
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec
from cluster_sim.scenario.workload_spec import Workload
from cluster_sim.scenario.workload_traits import traits_of

WorkloadSizes = Mapping[tuple[str, int], TransferSizes]
"""Transfer sizes of each (group name, workload number)."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a stream to another guest: group, guest of the group, workload; so many hosts back."""

    group: str
    index: int
    workload: int
    hosts_back: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue of a guest: `workload` is its number in the group that declares it, `job` which of its equal queues."""

    workload: int
    job: int
    traits: QueueTraits
    spec: Workload
    sender: Sender | None = None

    @property
    def role(self) -> Role:
        """What it is for."""
        return self.traits.role

    @property
    def name(self) -> tuple[int | str, ...]:
        """What names it in draws."""
        return (self.workload, self.job, self.role.value)

    @property
    def device(self) -> tuple[int, Sender | None]:
        """Which device of the guest it is a queue of: a workload is one, and so is what another guest sends."""
        return (self.workload, self.sender)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which ways its transfers may go."""
        ways = ((Direction.FROM_DEVICE, self.traits.from_device), (Direction.TO_DEVICE, self.traits.to_device))
        return tuple(direction for direction, is_way in ways if is_way)

    @property
    def drivers(self) -> list[Driver]:
        """The driver of each way that it moves data."""
        return [driver_of(self.traits.driver, way) for way in self.directions] if self.traits.moves_data else []


def queues_of(scenario: ScenarioSpec, group: GuestGroupSpec, index: int) -> list[Queue]:
    """All queues of guest `index` of a group: its boot first, what others send it last."""
    numbered = [(number, spec, traits_of(spec)) for number, spec in enumerate(group.workloads)]
    found = [
        Queue(number, job, traits, spec)
        for number, spec, workload in sorted(numbered, key=lambda each: not each[2].boots)
        for traits in workload.queues
        for job in range(traits.queues)
    ]
    return [*found, *received_by(scenario, group, index)]


def received_by(scenario: ScenarioSpec, group: GuestGroupSpec, index: int) -> Iterator[Queue]:
    """What other guests send to this one, in the order of groups, guests and workloads."""
    for sending in scenario.guests:
        for number, spec in enumerate(sending.workloads):
            workload = traits_of(spec)
            if workload.to is None or workload.received is None or workload.to.guest != group.name:
                continue
            assert sending.count_per_host is not None
            assert group.count_per_host is not None
            for sender in range(index, sending.count_per_host, group.count_per_host):
                sent_by = Sender(sending.name, sender, number, workload.to.hosts_on)
                yield Queue(number, 0, workload.received, spec, sent_by)


def receivers(scenario: ScenarioSpec) -> frozenset[str]:
    """Groups that others send to: of all that is laid out, only what they receive goes by a guest's index."""
    to = (traits_of(workload).to for sending in scenario.guests for workload in sending.workloads)
    return frozenset(each.guest for each in to if each is not None)


def boots(group: GuestGroupSpec) -> bool:
    """Whether guests of a group start within the run, and not before it."""
    return any(traits_of(workload).boots for workload in group.workloads)
