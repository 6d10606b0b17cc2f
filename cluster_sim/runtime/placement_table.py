"""Rows of the table `placements`: who came, when, and which host took it."""

import numpy as np
import pyarrow as pa

from cluster_sim.planning.placement import NOWHERE, Placement
from cluster_sim.results.parts import Part, label_array, write_part
from cluster_sim.runtime.batches import as_batch
from cluster_sim.runtime.run_order import RunOrder

OUTCOMES = ("placed", "refused")
SHORT_OF = (
    "",
    "cpus",
    "memory",
    "huge_pages",
    "held_twice",
    "node_cpus",
    "node_memory",
    "node_huge_pages",
)


def placements(placement: Placement) -> pa.RecordBatch:
    """All guests of a run by number, those that no host took among them."""
    hosts = range(placement.scenario.cluster.hosts)
    placed = [placed for host in hosts for placed in placement.on_host(host)]
    refused = [placed for placed in placement.placed if placed.host == NOWHERE]
    placed_guests = sorted([*placed, *refused], key=lambda placed: placed.guest)
    groups = [group.name for group in placement.scenario.guests]
    short = np.array([SHORT_OF.index(placed.refused_for) for placed in placed_guests], np.int8)
    columns = {
        "guest_id": np.array([placed.guest for placed in placed_guests], np.int64),
        "guest_group": label_array(
            groups, np.array([groups.index(placed.group.name) for placed in placed_guests], np.int8)
        ),
        "index": np.array([placed.index for placed in placed_guests], np.int64),
        "vcpus": np.array([placed.group.vcpus for placed in placed_guests], np.int64),
        "memory_bytes": np.array([placed.group.memory for placed in placed_guests], np.int64),
        "arrives_ns": np.array([placed.arrives_ns for placed in placed_guests], np.int64),
        "leaves_ns": np.array([placed.leaves_ns for placed in placed_guests], np.int64),
        "host_id": np.array([placed.host for placed in placed_guests], np.int64),
        "outcome": label_array(OUTCOMES, np.array([placed.host == NOWHERE for placed in placed_guests], np.int8)),
        "refused_for": label_array(SHORT_OF, short),
    }
    return as_batch("placements", columns)


def placements_part(order: RunOrder) -> Part:
    """Write the table's one part of a run; an order of any of its shards will do."""
    return write_part(order.unfinished, order.part_location("placements"), "all", [placements(order.placement())])
