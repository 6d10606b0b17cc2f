"""A shard: some hosts and their guests, run in this process. The reference; Ray's shards give the same bytes."""

from dataclasses import dataclass
from typing import Protocol

from cluster_sim.actors.guests import Guests
from cluster_sim.actors.hosts import Hosts, HostsResult
from cluster_sim.actors.order import RunOrder
from cluster_sim.workloads.submissions import Seen


@dataclass(frozen=True, slots=True)
class ShardResult:
    """What a run's hosts and guests of one shard leave."""

    hosts: HostsResult
    seen: dict[int, Seen]


class Pending(Protocol):
    """A run under way in a shard."""

    def result(self) -> ShardResult:
        """Wait for it."""
        ...


class Shard(Protocol):
    """Where runs of some hosts go."""

    def start(self, order: RunOrder) -> Pending:
        """Start a run; runs of one shard follow each other."""
        ...


@dataclass(frozen=True, slots=True)
class InlineRun:
    """A run that happens when its result is asked for."""

    order: RunOrder

    def result(self) -> ShardResult:
        """Run all windows here."""
        guests, hosts = Guests(), Hosts()
        guests.begin(self.order)
        hosts.begin(self.order)
        for window in range(self.order.windows):
            guests.digest(hosts.step(window, guests.submit(window)))
        return ShardResult(hosts.finish(), guests.finish())


class InlineShard:
    """Runs in this process, without Ray."""

    def start(self, order: RunOrder) -> Pending:
        """Note the run."""
        return InlineRun(order)
