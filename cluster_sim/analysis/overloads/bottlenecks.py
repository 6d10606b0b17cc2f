"""Which resource a group is short of: the first that is in use all of the time, those of the host before the guest's.

A vCPU that waits for a lock spins, and a worker that waits for its guest is held; so what they wait for is asked first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cluster_sim.analysis.overloads.offers import Offer
from cluster_sim.analysis.summaries.host_use import HostUse
from cluster_sim.analysis.summaries.sums import Sums
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.results.ledger import Category
from cluster_sim.scenario.spec import GuestGroupSpec, ScenarioSpec

SATURATED: Final = 0.97
"""Share in use from which a resource counts as full: what is left is a run's beginning, and gaps of a few transfers."""
WAITED_MOST: Final = 0.5
"""Share of a transfer's time that it waits for what is full inside its guest: with two at it, the half."""

OF_HOST: Final = (
    ("conversion lock", Category.LOCK_WAIT, "{protection}'s host-wide lock"),
    ("IOMMU queue", Category.TLB, "the IOMMU's invalidation queue"),
    ("security processor or drive", Category.STORAGE, "the security processor or the drive"),
    ("memory bus full", Category.BANDWIDTH_WAIT, "the memory bus"),
    ("card, sending", Category.NETWORK, "the network card"),
    ("card, receiving", Category.NETWORK, "the network card"),
    ("link", Category.NETWORK, "the link to another host"),
    ("copy engines", Category.ENGINE_COPY, "the host's copy engines"),
    ("storage", Category.STORAGE, "the storage"),
)
"""Resources of a host, where in the ledger it shows who uses them, and what they are called."""


@dataclass(frozen=True, slots=True)
class Short:
    """A group that loses work: its `sums` over all workloads, each guest's over `span_ns`, and what its host did.

    `used` is what its transfers used over what its delivered ones did: those in flight at the end are in no sum.
    """

    scenario: ScenarioSpec
    group: GuestGroupSpec
    offer: Offer
    sums: Sums
    span_ns: int
    used: float
    hosts: HostUse

    def bottleneck(self) -> str | None:
        """What is full, in words; None where no table tells."""
        ways: tuple[Callable[[], str | None], ...] = (
            self.of_host,
            self.lock_of_guest,
            lambda: "the host's CPUs" if self.is_full("CPUs") else None,
            self.worker,
            self.vcpus,
            self.thread,
        )
        return next((told for way in ways if (told := way()) is not None), None)

    def is_full(self, resource: str) -> bool:
        """Whether some host has a resource in use all of the time."""
        return self.hosts.most.get(resource, 0.0) >= 100 * SATURATED

    def of_host(self) -> str | None:
        """A resource of the host that is full and that this group uses, as far as anything of it was delivered."""
        protection = PROTECTIONS[self.scenario.protection].title
        for resource, category, told in OF_HOST:
            uses = self.sums.of(f"{category.label}_ns") or not self.sums.of("delivered")
            if uses and self.is_full(resource):
                return told.format(protection=protection)
        return None

    def lock_of_guest(self) -> str | None:
        """The lock inside a guest for which its transfers wait most of the time that they do not queue."""
        moving_ns = self.sums.of("latency_ns_sum") - self.sums.of("queue_wait_ns")
        if moving_ns <= 0 or self.sums.of("lock_wait_ns") < WAITED_MOST * moving_ns:
            return None
        is_bounced = self.scenario.path_of(self.group).kind == "swiotlb"
        return "swiotlb's area lock" if is_bounced else "the guest's mmu_lock"

    def worker(self) -> str | None:
        """The worker that serves the group's queues."""
        full = [name for name, percent in self.hosts.workers.items() if percent >= 100 * SATURATED]
        if any(name == self.group.name or name.startswith(f"{self.group.name} ") for name in full):
            return "the host's worker"
        return "the one worker of the host" if "the host" in full else None

    def vcpus(self) -> str | None:
        """The guest's vCPUs."""
        whole_ns = self.sums.rows * self.group.vcpus * self.span_ns
        busy_ns = self.used * self.sums.of("guest_cpu_ns")
        return "the guest's vCPUs" if whole_ns and busy_ns >= SATURATED * whole_ns else None

    def thread(self) -> str | None:
        """The one thread that does a queue's own work, where its transfers queue most of the time."""
        waited_ns = self.sums.of("queue_wait_ns")
        is_short = self.offer.is_threaded and waited_ns >= WAITED_MOST * self.sums.of("latency_ns_sum") > 0
        return "the queue's one thread" if is_short else None
