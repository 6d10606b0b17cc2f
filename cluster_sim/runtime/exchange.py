"""Traffic between hosts: which hosts depend on which, and in what steps they may go on without missing anything.

A host may run to an instant when nothing that is still unknown can reach it before. What sets out from the next event
of any host arrives one network latency later at the earliest, so all may run to that event plus the latency: a
conservative time window (Chandy and Misra 1979), as wide as the traffic lets. Hosts that exchange nothing never wait.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cluster_sim.compiling.records import Field, record_of
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import Arrivals
from cluster_sim.moving import Moving
from cluster_sim.planning.queues import Sender
from cluster_sim.runtime.host_engine import NO_ARRIVALS, HostEngine
from cluster_sim.scenario.spec import ScenarioSpec
from cluster_sim.scenario.workload_traits import traits_of

ROUTE_FIELDS: Final = (
    Field("host", "", "host that it goes to, -1 for none"),
    Field("stream", "", "stream there"),
)
ROUTE: Final = record_of(ROUTE_FIELDS)
NO_ROUTE = np.array((-1, -1), ROUTE)


def steps_on(scenario: ScenarioSpec) -> list[int]:
    """So many hosts on goes traffic from each host, each distance once."""
    return sorted(
        {
            queue.hosts_on % scenario.cluster.hosts
            for group in scenario.guests
            for workload in group.workloads
            for queue in traits_of(workload).queues
        }
        - {0}
    )


def groups_of_hosts(scenario: ScenarioSpec) -> list[list[int]]:
    """Hosts that exchange traffic, directly or by way of others, together; each host once, in order."""
    hosts, steps = scenario.cluster.hosts, steps_on(scenario)
    group_of = list(range(hosts))

    def first_of(host: int) -> int:
        while group_of[host] != host:
            host = group_of[host]
        return host

    for step in steps:
        for host in range(hosts):
            one, other = sorted((first_of(host), first_of((host + step) % hosts)))
            group_of[other] = one
    found: dict[int, list[int]] = {}
    for host in range(hosts):
        found.setdefault(first_of(host), []).append(host)
    return list(found.values())


@dataclass(slots=True)
class Exchange:
    """Hosts that exchange traffic, or a host that does not; `latency_ns` is the least time from one to another."""

    engines: Mapping[int, HostEngine]
    hosts_in_all: int
    latency_ns: int
    on_their_way: Moving[dict[int, Arrivals]] = field(default_factory=dict)
    """What has set out for each host and does not arrive before it has run to its present instant."""
    routes: dict[int, Records] = field(init=False)
    """Of each host's streams, the host and the stream that what they send goes to."""

    def __post_init__(self) -> None:
        self.routes = {host: self._routes_of(host) for host in self.engines}

    def advance(self, arrivals: Mapping[int, Arrivals], until_ns: int) -> Iterator[tuple[int, Records]]:
        """Run all hosts to `until_ns`; what ended, by host, each host's in the order of its ends."""
        waiting = {host: merged(arrivals[host], self.on_their_way.pop(host, NO_ARRIVALS)) for host in self.engines}
        now_ns = min(engine.now_ns for engine in self.engines.values())
        while now_ns < until_ns:
            now_ns = until_ns if len(self.engines) == 1 else min(until_ns, self._safe_ns(waiting))
            for host, engine in self.engines.items():
                due = NO_ARRIVALS
                if count := int(np.searchsorted(waiting[host].at_ns, now_ns)):
                    due = waiting[host].rows(0, count)
                    waiting[host] = waiting[host].rows(count, len(waiting[host].at_ns))
                for done in engine.advance(due, now_ns):
                    yield host, done
                for other, messages in self._sent_by(host, engine).items():
                    waiting[other] = merged(waiting[other], messages)
        self.on_their_way = {host: each for host, each in waiting.items() if len(each.at_ns)}

    def _safe_ns(self, waiting: Mapping[int, Arrivals]) -> int:
        """The instant before which nothing can arrive that is not known yet."""
        known = [engine.next_event_ns for engine in self.engines.values()]
        return min(known + [int(each.at_ns[0]) for each in waiting.values() if len(each.at_ns)]) + self.latency_ns

    def _sent_by(self, host: int, engine: HostEngine) -> dict[int, Arrivals]:
        """What a host has sent, as arrivals of the hosts that it goes to."""
        parts = engine.take_messages()
        if not parts:
            return {}
        messages = np.concatenate(parts)
        routes = self.routes[host][messages["stream"]]
        return {
            int(other): arrivals_of_messages(messages[routes["host"] == other], routes[routes["host"] == other])
            for other in np.unique(routes["host"])
        }

    def _routes_of(self, host: int) -> Records:
        """The routes (dtype ROUTE) of a host's streams; those that send to no other host have none."""
        engine = self.engines[host]
        routes = np.full(len(engine.streams), NO_ROUTE, ROUTE)
        for number, stream in enumerate(engine.streams):
            queue, steps = stream.queue, stream.queue.traits.hosts_on
            other = (host + steps) % self.hosts_in_all
            if other != host:
                placed = engine.guests[stream.guest].placed
                sender = Sender(placed.group.name, placed.index, queue.workload, steps)
                routes[number] = (other, self.engines[other].stream_from(sender))
        return routes


def arrivals_of_messages(messages: Records, routes: Records) -> Arrivals:
    """Messages, each with where it goes."""
    return Arrivals(
        at_ns=messages["at_ns"].copy(),
        stream=routes["stream"].copy(),
        frame=messages["frame"].copy(),
        bytes=messages["bytes"].copy(),
        deadline_ns=messages["deadline_ns"].copy(),
        direction=np.zeros(len(messages), np.int64),
        origin_ns=messages["origin_ns"].copy(),
    )


def merged(one: Arrivals, other: Arrivals) -> Arrivals:
    """Arrivals of both, by (instant, stream, frame)."""
    if len(other.at_ns) == 0:
        return one
    joined = Arrivals(*(np.concatenate([first, second]) for first, second in zip(one, other, strict=True)))
    by = np.lexsort((joined.frame, joined.stream, joined.at_ns))
    return Arrivals(*(column[by] for column in joined))
