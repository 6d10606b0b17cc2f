"""Which hosts go together: those that share files, groups that exchange traffic, and shards made of whole ones."""

from collections.abc import Sequence
from itertools import pairwise

from cluster_sim.runtime.exchange import groups_of_hosts
from cluster_sim.scenario.spec import ScenarioSpec

FILES_MOST = 64
"""So many files at most has each table of a run."""


def hosts_by_file(hosts: int) -> list[list[int]]:
    """Hosts that write the same files: one each up to FILES_MOST hosts, then several that follow each other.

    It depends on the scenario alone, never on where it runs.
    """
    size = -(-hosts // FILES_MOST)
    bounds = [*range(0, hosts, size), hosts]
    return [list(range(first, end)) for first, end in pairwise(bounds)]


def units_of_hosts(scenario: ScenarioSpec) -> list[list[int]]:
    """Hosts that must run in one process, as they exchange traffic or share files; each host once, in order."""
    together = list(range(scenario.cluster.hosts))

    def first_of(host: int) -> int:
        while together[host] != host:
            host = together[host]
        return host

    for hosts in [*groups_of_hosts(scenario), *hosts_by_file(scenario.cluster.hosts)]:
        for one, other in pairwise(hosts):
            first, second = sorted((first_of(one), first_of(other)))
            together[second] = first
    units: dict[int, list[int]] = {}
    for host in range(scenario.cluster.hosts):
        units.setdefault(first_of(host), []).append(host)
    return list(units.values())


def shards_of_hosts(scenario: ScenarioSpec, shards: int) -> list[tuple[int, ...]]:
    """The hosts of each shard: units, the largest first, each to the shard that has the fewest hosts so far."""
    found: list[list[int]] = [[] for _ in range(shards)]
    for unit in sorted(units_of_hosts(scenario), key=lambda unit: (-len(unit), unit[0])):
        min(found, key=len).extend(unit)
    return [tuple(sorted(hosts)) for hosts in found]


def most_shards(scenarios: Sequence[ScenarioSpec]) -> int:
    """How many shards can have work at a time."""
    return max(len(units_of_hosts(scenario)) for scenario in scenarios)
