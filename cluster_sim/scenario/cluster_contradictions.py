"""What cannot be together in a scenario's hosts and guests: names, counts, arrivals, what fits on a host."""

from collections.abc import Iterator

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.scenario.problems import Contradiction
from cluster_sim.scenario.spec import GuestGroupSpec, HostSpec, ScenarioSpec
from cluster_sim.scenario.units import LARGEST, MIB, format_bytes, format_duration, format_rate
from cluster_sim.scenario.workload_traits import traits_of

GUEST_LEAST_BYTES = 64 * MIB
HOST_MOST_BYTES = 1 << 46
"""What the 46 bits of a physical address reach on most CPUs."""
RATE_LEAST = 10**6
GUESTS_MOST = 10_000_000


def group_path(scenario: ScenarioSpec, index: int) -> str:
    """Return the path of a guest group: by its name, or by its index where the name is not its own."""
    names = [group.name for group in scenario.guests]
    return f"guests.{names[index] if names.count(names[index]) == 1 else index}"


def cluster_contradictions(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Return all of them."""
    yield from _names(scenario)
    yield from _host(scenario.cluster.host)
    if 0 < scenario.cluster.network.rate < RATE_LEAST:
        allowed = f"{format_rate(RATE_LEAST)} or more, or 0 for no bound"
        yield Contradiction("cluster.network.rate", format_rate(scenario.cluster.network.rate), allowed)
    yield from _fixed_guests(scenario)
    yield from _all_guests(scenario)
    for index, group in enumerate(scenario.guests):
        prefix = group_path(scenario, index)
        yield from _group(scenario, group, prefix)
        yield from _arrivals(group, prefix)


def _names(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    names = [group.name for group in scenario.guests]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Contradiction(f"guests.{i}.name", f"{name!r} a second time", "a name of its own for each group")


def _host(host: HostSpec) -> Iterator[Contradiction]:
    if host.engine.transfer_max == 0:
        yield Contradiction("cluster.host.engine.transfer_max", "0B", "4KiB or more")
    if host.engine.depth < host.engine.engines:
        found = f"{host.engine.depth} for {host.engine.engines} engines"
        allowed = f"at least {host.engine.engines}: what is copied has its place in the queue"
        yield Contradiction("cluster.host.engine.depth", found, allowed, ("cluster.host.engine.engines",))
    if host.memory > HOST_MOST_BYTES:
        allowed = f"at most {format_bytes(HOST_MOST_BYTES)}"
        yield Contradiction("cluster.host.memory", format_bytes(host.memory), allowed)
    yield from _nodes(host)
    if host.nic.rate < RATE_LEAST:
        allowed = f"{format_rate(RATE_LEAST)} or more"
        yield Contradiction("cluster.host.nic.rate", format_rate(host.nic.rate), allowed)
    if host.memory_bandwidth != "auto" and 0 < host.memory_bandwidth < RATE_LEAST:
        allowed = f"{format_rate(RATE_LEAST)} or more, or 0 for no bound"
        yield Contradiction("cluster.host.memory_bandwidth", format_rate(host.memory_bandwidth), allowed)
    yield from _channels(host)
    for field, rate in (("rate", host.storage.rate), ("request_rate", host.storage.request_rate)):
        if 0 < rate < RATE_LEAST:
            allowed = f"{format_rate(RATE_LEAST)} or more, or 0 for no bound"
            yield Contradiction(f"cluster.host.storage.{field}", format_rate(rate), allowed)
    if host.huge_pool != "auto" and host.huge_pool > host.memory:
        allowed = f"at most {format_bytes(host.memory)} (cluster.host.memory)"
        yield Contradiction("cluster.host.huge_pool", format_bytes(host.huge_pool), allowed, ("cluster.host.memory",))


def _channels(host: HostSpec) -> Iterator[Contradiction]:
    """What the memory carries is said once: by its machine, by its channels, or as a figure."""
    at, defaults = "cluster.host.channels", HostSpec.model_fields
    found = f"{host.channels} channels"
    if host.channels and host.memory_bandwidth != "auto":
        bound = format_rate(host.memory_bandwidth)
        yield Contradiction(at, f"{found} and {bound}", "one of both", ("cluster.host.memory_bandwidth",))
    if host.channels and host.machine != defaults["machine"].default:
        yield Contradiction(at, f"{found} and machine {host.machine}", "one of both", ("cluster.host.machine",))
    if not host.channels and host.dimms != defaults["dimms"].default:
        yield Contradiction("cluster.host.dimms", f"{host.dimms} without channels", "channels: 1 or more", (at,))


def _nodes(host: HostSpec) -> Iterator[Contradiction]:
    at = "cluster.host.nodes"
    if host.nodes % host.sockets:
        allowed = f"a multiple of {host.sockets}: each socket has as many"
        yield Contradiction(at, f"{host.nodes} on {host.sockets} sockets", allowed, ("cluster.host.sockets",))
    if host.cpus % host.nodes or host.memory % (host.nodes * PAGE_BYTES):
        found = f"{host.nodes} nodes of {host.cpus} CPUs and {format_bytes(host.memory)}"
        allowed = "a number that divides both"
        yield Contradiction(at, found, allowed, ("cluster.host.cpus", "cluster.host.memory"))
    if host.numa == "remote" and host.nodes == 1:
        yield Contradiction("cluster.host.numa", "remote with one node", "pinned, or nodes: 2 or more", (at,))


def _fixed_guests(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    """Weigh the guests that every host has against the host."""
    host = scenario.cluster.host
    fixed = [(group, group.count_per_host) for group in scenario.guests if group.count_per_host is not None]
    count = sum(number for _, number in fixed)
    memory = sum(number * scenario.host_bytes(group) for group, number in fixed)
    huge = sum(number * group.memory for group, number in fixed)
    vcpus = sum(number * group.vcpus for group, number in fixed)
    if memory > host.memory:
        twice = ", held twice for assigned devices" if memory > huge else ""
        found = f"{count} guests of together {format_bytes(memory)}{twice} on a host"
        allowed = f"at most {format_bytes(host.memory)} (cluster.host.memory)"
        yield Contradiction("guests", found, allowed, ("cluster.host.memory", *_each(scenario, "memory")))
    is_huge = scenario.memory.huge_page > PAGE_BYTES
    if is_huge and host.huge_pool != "auto" and huge > host.huge_pool:
        found = f"{count} guests of together {format_bytes(huge)} in huge pages on a host"
        allowed = f"at most {format_bytes(host.huge_pool)} (cluster.host.huge_pool)"
        yield Contradiction("guests", found, allowed, ("cluster.host.huge_pool", *_each(scenario, "memory")))
    most = host.cpus * host.vcpus_per_cpu
    if vcpus > most:
        found = f"{count} guests of together {vcpus} vCPUs on a host"
        times = f" × {host.vcpus_per_cpu} (cluster.host.vcpus_per_cpu)" if host.vcpus_per_cpu > 1 else ""
        allowed = f"at most {host.cpus} (cluster.host.cpus){times}"
        yield Contradiction("guests", found, allowed, ("cluster.host.cpus", *_each(scenario, "vcpus")))


def _all_guests(scenario: ScenarioSpec) -> Iterator[Contradiction]:
    hosts = scenario.cluster.hosts
    count = sum((group.count_per_host or 0) * hosts + (group.count or 0) for group in scenario.guests)
    if count > GUESTS_MOST:
        counts = [*_each(scenario, "count"), "cluster.hosts"]
        found = f"{count} guests in the cluster"
        yield Contradiction("guests", found, f"at most {GUESTS_MOST}", tuple(counts))


def _each(scenario: ScenarioSpec, field: str) -> list[str]:
    """Return the paths of what a sum over all guests rests on."""
    prefixes = [group_path(scenario, index) for index in range(len(scenario.guests))]
    return [f"{prefix}.{each}" for prefix in prefixes for each in (field, "count_per_host")]


def _group(scenario: ScenarioSpec, group: GuestGroupSpec, prefix: str) -> Iterator[Contradiction]:
    host = scenario.cluster.host
    if (group.count is None) == (group.count_per_host is None):
        found = "neither count nor count_per_host" if group.count is None else "both count and count_per_host"
        allowed = "one of the two: guests in the cluster, or on each host"
        yield Contradiction(prefix, found, allowed, (f"{prefix}.count", f"{prefix}.count_per_host"))
    if group.memory < GUEST_LEAST_BYTES:
        yield Contradiction(
            f"{prefix}.memory", format_bytes(group.memory), f"{format_bytes(GUEST_LEAST_BYTES)} or more"
        )
    longest_ns = LARGEST // max(group.memory // PAGE_BYTES, 1)
    if scenario.duration > longest_ns:
        found = f"{format_bytes(group.memory)} for {format_duration(scenario.duration)}"
        allowed = f"at most {format_duration(longest_ns)} with so much: exposure is counted in page·ns"
        yield Contradiction(f"{prefix}.memory", found, allowed, ("duration",))
    needed = scenario.host_bytes(group)
    if group.count is not None and (needed > host.memory or group.vcpus > host.cpus * host.vcpus_per_cpu):
        twice = ", held twice for assigned devices" if needed > group.memory else ""
        found = f"a guest of {group.vcpus} vCPUs and {format_bytes(needed)}{twice}"
        allowed = f"one that an empty host holds: {host.cpus} CPUs and {format_bytes(host.memory)}"
        yield Contradiction(prefix, found, allowed, ("cluster.host",))
    if group.idle == "poll" and host.vcpus_per_cpu > 1:
        found = f"poll with {host.vcpus_per_cpu} vCPUs a CPU"
        allowed = "halt, or vcpus_per_cpu: 1: a vCPU that spins leaves its CPU to nobody"
        yield Contradiction(f"{prefix}.idle", found, allowed, ("cluster.host.vcpus_per_cpu",))
    boots = [number for number, workload in enumerate(group.workloads) if traits_of(workload).boots]
    for number in boots[1:]:
        yield Contradiction(f"{prefix}.workloads.{number}.kind", "boot a second time", "one boot a guest")


def _arrivals(group: GuestGroupSpec, prefix: str) -> Iterator[Contradiction]:
    arrive = group.arrive
    if arrive.spacing == "poisson" and arrive.every == 0:
        allowed = "more than 0: the mean distance of guests that come at random"
        yield Contradiction(f"{prefix}.arrive.every", "0s", allowed, (f"{prefix}.arrive.spacing",))
    if arrive.stay == 0:
        yield Contradiction(f"{prefix}.arrive.stay", "0s", "more than 0, or forever")
