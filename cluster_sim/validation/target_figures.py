"""What a target's formulas can name: `variant.group.figure`, such as `snp.bounce.disk.mean`, with its dimension."""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from cluster_sim.platform.formulas import BANDWIDTH, DURATION, NUMBER, Dimension
from cluster_sim.results.ledger import Category
from cluster_sim.runtime.study_point import Point

PER_NS: Final[Dimension] = (0, -1)

UNITS: Final[Mapping[str, tuple[float, Dimension]]] = {
    "ns": (1.0, DURATION),
    "us": (1e3, DURATION),
    "ms": (1e6, DURATION),
    "s": (1e9, DURATION),
    "Gb/s": (0.125, BANDWIDTH),
    "GB/s": (1.0, BANDWIDTH),
    "1/s": (1e-9, PER_NS),
    "kIOPS": (1e-6, PER_NS),
    "%": (0.01, NUMBER),
    "x": (1.0, NUMBER),
}
"""Units of published figures, in bytes and nanoseconds."""

FIGURES: Final[Mapping[str, tuple[Dimension, str]]] = {
    "mean": (DURATION, "mean latency of what was delivered"),
    "rate": (BANDWIDTH, "bytes delivered over the duration, all guests of the group"),
    "per_s": (PER_NS, "transfers delivered over the duration, all guests of the group"),
    "guest_cpu": (DURATION, "vCPU time a transfer"),
    "host_cpu": (DURATION, "host CPU time a transfer"),
    "exits": (NUMBER, "exits a transfer"),
    "setup": (DURATION, "sharing the pool before the run, a guest"),
    "teardown": (DURATION, "from a guest's leaving until all of its memory is the host's again"),
    "boot": (DURATION, "from a guest's coming to the end of its boot"),
    **{category.label: (DURATION, f"of the mean latency, {category.label}") for category in Category},
}


def figures_of_point(point: Point, guests: pa.Table) -> dict[str, dict[str, float]]:
    """Each group's figures from a point's table `guests`, in bytes and nanoseconds; nothing delivered gives none."""
    duration_ns, found = point.scenario.duration, {}
    for group in guests["guest_group"].unique().to_pylist():
        rows = guests.filter(pc.equal(guests["guest_group"], group))
        sums = {name: pc.sum(rows[name]).as_py() for name in rows.column_names if pa.types.is_int64(rows[name].type)}
        figures = {
            "rate": sums["delivered_bytes"] / duration_ns,
            "per_s": sums["delivered"] / duration_ns,
            "setup": sums["setup_ns"] / rows.num_rows,
            "teardown": sums["teardown_ns"] / rows.num_rows,
            "boot": sums["booted_ns"] / rows.num_rows,
        }
        if sums["delivered"]:
            a_transfer = {
                "mean": "latency_ns_sum",
                "guest_cpu": "guest_cpu_ns",
                "host_cpu": "host_cpu_ns",
                "exits": "exits",
                **{category.label: f"{category.label}_ns" for category in Category},
            }
            figures |= {name: sums[column] / sums["delivered"] for name, column in a_transfer.items()}
        found[group] = figures
    return found
