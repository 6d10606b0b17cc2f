"""Rows of the table `placements`: who came, when, and which host took it."""

import numpy as np
import pyarrow as pa

from cluster_sim.planning.placement import NOWHERE, Placement
from cluster_sim.results.parts import Part, label_array, write_part
from cluster_sim.runtime.batches import as_batch
from cluster_sim.runtime.run_order import RunOrder

OUTCOMES = ("placed", "refused")
SHORT_OF = ("", "cpus", "memory", "huge_pages")


def placements(placement: Placement) -> pa.RecordBatch:
    """All guests of a run by number, those that no host took among them."""
    hosts = range(placement.scenario.cluster.hosts)
    placed = [place for host in hosts for place in placement.on_host(host)]
    refused = [place for place in placement.placed if place.host == NOWHERE]
    places = sorted([*placed, *refused], key=lambda place: place.guest)
    groups = [group.name for group in placement.scenario.guests]
    short = np.array([SHORT_OF.index(place.refused_for) for place in places], np.int8)
    columns = {
        "guest_id": np.array([place.guest for place in places], np.int64),
        "guest_group": label_array(groups, np.array([groups.index(place.group.name) for place in places], np.int8)),
        "index": np.array([place.index for place in places], np.int64),
        "vcpus": np.array([place.group.vcpus for place in places], np.int64),
        "memory_bytes": np.array([place.group.memory for place in places], np.int64),
        "arrives_ns": np.array([place.arrives_ns for place in places], np.int64),
        "leaves_ns": np.array([place.leaves_ns for place in places], np.int64),
        "host_id": np.array([place.host for place in places], np.int64),
        "outcome": label_array(OUTCOMES, np.array([place.host == NOWHERE for place in places], np.int8)),
        "refused_for": label_array(SHORT_OF, short),
    }
    return as_batch("placements", columns)


def placements_part(order: RunOrder) -> Part:
    """Write the table's one part of a run; an order of any of its shards will do."""
    return write_part(order.unfinished, order.place("placements"), "all", [placements(order.placement())])
