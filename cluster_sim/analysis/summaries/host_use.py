"""One pass over `hosts`: which share of its time, or of its CPUs, each resource of a host was busy.

Means over hosts tell how a variant fares, the busiest host what it is short of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster_sim.analysis.summaries.batches import batches, by_key, integers, labels
from cluster_sim.results.manifest import VariantRecord
from cluster_sim.results.reader import Results


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a host: the column of its busy time, and how many of it a host has, by a scenario field."""

    name: str
    column: str
    meaning: str
    counted_by: tuple[str, ...] = ()


HOST_RESOURCES = (
    Resource("vCPUs", "vcpu_busy_ns", "of the host's CPUs, taken by vCPUs", ("cpus",)),
    Resource("workers", "worker_busy_ns", "of the host's CPUs, as many as streams' workers were held", ("cpus",)),
    Resource("busiest worker", "busiest_worker_ns", "of the time, the worker that was held longest was held"),
    Resource("memory bus in use", "bandwidth_busy_ns", "of the time, some copy used the memory bus"),
    Resource("memory bus full", "bandwidth_saturated_ns", "of the time, copies asked for more than the bus carries"),
    Resource("copy engines", "engine_busy_ns", "of the copy engines' time", ("engine", "engines")),
    Resource("conversion lock", "lock_busy_ns", "of the time, the hypervisor's host-wide lock was held"),
    Resource("IOMMU queue", "iommu_busy_ns", "of the time, the invalidation queue was held"),
    Resource("card, sending", "nic_out_busy_ns", "of the time, the network card sent"),
    Resource("card, receiving", "nic_in_busy_ns", "of the time, the network card took in"),
)

OTHER_RESOURCES = (
    Resource("CPUs", "cpu_busy_ns", "of the host's CPUs, held where they may be short", ("cpus",)),
    Resource("storage", "storage_busy_ns", "of what the storage serves at a time", ("storage", "parallel")),
    Resource("security processor or drive", "psp_busy_ns", "of the time, it was held"),
    Resource("link", "link_busy_ns", "of the time, the way to another host carried traffic"),
)
"""Resources that may be short, and that no chart shows."""
WORKER_OF = "busiest_worker"


@dataclass
class HostUse:
    """Percent of each resource in use in one variant: its mean over hosts and replications, and on the busiest host.

    `totals_ns` are sums over hosts, `wholes_ns` what one host has. `workers` names the busiest workers of all hosts, by
    whom they serve, with percent of the time.
    """

    rows: int = 0
    totals_ns: dict[str, int] = field(default_factory=dict)
    wholes_ns: dict[str, int] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)
    workers: dict[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> Mapping[str, float]:
        """The mean of those that charts show."""
        return {
            each.name: 100 * self.totals_ns[each.name] / (self.wholes_ns[each.name] * self.rows)
            for each in HOST_RESOURCES
            if self.wholes_ns.get(each.name)
        }


def host_use(results: Results) -> dict[str, HostUse]:
    """What each variant used of its hosts; empty of a run without that table."""
    found: dict[str, HostUse] = {}
    if not results.has("hosts"):
        return found
    resources = (*HOST_RESOURCES, *OTHER_RESOURCES)
    columns = [resource.column for resource in resources]
    for batch in batches(results, "hosts", ["variant", WORKER_OF, *columns]):
        values = {column: integers(batch, column) for column in columns}
        names, codes = labels(batch, WORKER_OF)
        for (variant,), rows in by_key(batch, "variant"):
            record, use = results.manifest.variants[variant], found.setdefault(variant, HostUse())
            use.rows += len(rows)
            for resource in resources:
                busy_ns = values[resource.column][rows]
                whole_ns = use.wholes_ns[resource.name] = record.duration_ns * count_of(record, resource)
                use.totals_ns[resource.name] = use.totals_ns.get(resource.name, 0) + int(busy_ns.sum())
                most = 100 * int(busy_ns.max()) / whole_ns if whole_ns else 0.0
                use.most[resource.name] = max(use.most.get(resource.name, 0.0), most)
            for row in rows:
                name, held_ns = names[int(codes[row])], int(values["busiest_worker_ns"][row])
                share = 100 * held_ns / record.duration_ns if record.duration_ns else 0.0
                use.workers[name] = max(use.workers.get(name, 0.0), share)
    return found


def count_of(record: VariantRecord, resource: Resource) -> int:
    """How many of a resource a host has: what the scenario says, one where it does not."""
    here: object = record.scenario
    for name in ("cluster", "host", *resource.counted_by) if resource.counted_by else ():
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, int) and here > 0 else 1
