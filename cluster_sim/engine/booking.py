"""Booking time to the ledger, and what steps and copies take."""

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.host_state import FOUND
from cluster_sim.engine.state import Host
from cluster_sim.io_paths.steps import COUNT_COUNT, Runner

MIB = 1 << 20

Records = npt.NDArray[np.void]


@inlined
def book(host: Host, transfer: int, category: int, now_ns: int, spent_ns: int) -> None:
    """Book time to a category and to the CPU that ran, and to the journal if one is kept."""
    row = host.state.transfers[transfer]
    row.ledger[category] += spent_ns
    runner = host.spec.steps[row.step].runner
    if runner == Runner.GUEST:
        row.cpu_ns[0] += spent_ns
    elif runner == Runner.HOST:
        row.cpu_ns[1] += spent_ns
    cursor = host.state.cursor[0]
    if cursor.journal < len(host.state.journal) and spent_ns > 0:
        entry = host.state.journal[cursor.journal]
        entry.transfer = transfer
        entry.step = row.step
        entry.category = category
        entry.started_ns = now_ns - spent_ns
        entry.spent_ns = spent_ns
        entry.buffer = row.buffer
        entry.bytes = row.bytes
        for i in range(FOUND):
            entry.found[i] = row.found[i]
        for i in range(COUNT_COUNT):
            entry.counts[i] = row.counts[i]
        cursor.journal += 1


@compiled
def book_step(host: Host, transfer: int, now_ns: int) -> None:
    """Book the time since the transfer's step began, and go to the next step."""
    row = host.state.transfers[transfer]
    book(host, transfer, host.spec.steps[row.step].category, now_ns, now_ns - row.started_ns)
    row.step += 1


@inlined
def price(host: Host, transfer: int, step: int) -> int:
    """What a step costs: each price times its count, ns."""
    row = host.spec.steps[step]
    prices, counts = row.prices, host.state.transfers[transfer].counts
    total = 0
    for i in range(row.first_price, row.last_price):
        total += prices[i] * counts[i]
    return total


@compiled
def copy_alone_ns(curves: Records, curve: int, copied_bytes: int) -> int:
    """Time of a copy that has the machine to itself: straight lines between measured points, then a slope."""
    row = curves[curve]
    sizes, times = row.bytes, row.ns
    last = row.points - 1
    if copied_bytes >= sizes[last]:
        return int(times[last] + (copied_bytes - sizes[last]) * row.beyond_ns_per_mib // MIB)
    i = 0
    while sizes[i + 1] <= copied_bytes:
        i += 1
    rise = times[i + 1] - times[i]
    return int(times[i] + (copied_bytes - sizes[i]) * rise // (sizes[i + 1] - sizes[i]))
