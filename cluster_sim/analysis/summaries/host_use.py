"""One pass over `hosts`: which share of its time, or of its CPUs, each resource of a host was busy."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_sim.analysis.summaries.batches import batches, by_key, integers
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


def host_use(results: Results) -> dict[str, Mapping[str, float]]:
    """Percent of each resource in use, by variant: means over hosts and replications."""
    totals: dict[str, dict[str, int]] = {}
    rows_of: dict[str, int] = {}
    columns = [resource.column for resource in HOST_RESOURCES]
    for batch in batches(results, "hosts", ["variant", *columns]):
        values = {column: integers(batch, column) for column in columns}
        for (variant,), rows in by_key(batch, "variant"):
            sums = totals.setdefault(variant, dict.fromkeys(columns, 0))
            rows_of[variant] = rows_of.get(variant, 0) + len(rows)
            for column, array in values.items():
                sums[column] += int(array[rows].sum())
    found: dict[str, Mapping[str, float]] = {}
    for variant, sums in totals.items():
        record = results.manifest.variants[variant]
        span_ns = record.duration_ns * rows_of[variant]
        found[variant] = {
            resource.name: 100 * sums[resource.column] / (span_ns * count_of(record, resource))
            for resource in HOST_RESOURCES
            if span_ns
        }
    return found


def count_of(record: VariantRecord, resource: Resource) -> int:
    """How many of a resource a host has: what the scenario says, one where it does not."""
    here: object = record.scenario
    for name in ("cluster", "host", *resource.counted_by) if resource.counted_by else ():
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, int) and here > 0 else 1
