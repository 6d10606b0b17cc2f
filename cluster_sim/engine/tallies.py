"""Adding up the transfers that have ended, by cell and by guest: one compiled pass over the rows.

A cell is one workload of a guest, or what others send it; which one a stream belongs to is the caller's choice.
"""

from typing import NamedTuple

import numpy as np

from cluster_sim.by_reference import by_reference
from cluster_sim.compiled import compiled
from cluster_sim.engine.state import DELIVERED, DROPPED, UNFINISHED, Int64s, Records
from cluster_sim.io_paths.steps import Op
from cluster_sim.results.endings import DROP_LABELS
from cluster_sim.results.ledger import CATEGORY_COUNT, Category

COUNTS = ("delivered", "received", "late", "damaged", "unfinished", "dropped")
AMOUNTS = ("delivered_bytes", "end_to_end_ns_sum", "latency_ns_sum")
WORK = (
    "guest_cpu_ns",
    "host_cpu_ns",
    "guest_copied_bytes",
    "host_copied_bytes",
    "engine_copied_bytes",
    "conversions",
    "converted_pages",
    "exits",
)
CELL_FIELDS = (
    *COUNTS,
    *AMOUNTS,
    *WORK,
    *(f"{category.label}_ns" for category in Category),
    *(f"dropped_{label}" for label in DROP_LABELS[1:]),
)
"""What is summed up a cell: rows of `Tallies.cells`; all but the endings are of delivered transfers."""

GUEST_FIELDS = ("conversions", "converted_pages", "longest_pin_wait_ns", "stuck", "boot_ends_ns", "boot_parts_done")
"""What is summed up a guest, of transfers of any ending: rows of `Tallies.guests`."""

FIRST_WORK = len(COUNTS) + len(AMOUNTS)
FIRST_CATEGORY = FIRST_WORK + len(WORK)
FIRST_REASON = FIRST_CATEGORY + CATEGORY_COUNT - 1
"""Row of the reason before the first: what was not dropped has none."""

BUCKETS = 1 << 13
"""More than there are buckets of latency (results/histogram.py)."""
SUB_BITS = 7
PIN_WAIT = int(Category.PIN_WAIT)
AGAIN = int(Op.AGAIN)


@by_reference
class Tallies(NamedTuple):
    """Sums by CELL_FIELDS and cell, by GUEST_FIELDS and guest, and the longest latency of each cell, ns."""

    cells: Int64s
    guests: Int64s
    latency_ns_max: Int64s


@by_reference
class Belonging(NamedTuple):
    """What each stream belongs to: cell, guest, whether it receives and whether it boots; and each step's operation."""

    cell: Int64s
    guest: Int64s
    is_received: Int64s
    is_boot: Int64s
    operation: Int64s


def empty_tallies(cells: int, guests: int) -> Tallies:
    """Nothing has ended."""
    return Tallies(
        np.zeros((len(CELL_FIELDS), cells), np.int64),
        np.zeros((len(GUEST_FIELDS), guests), np.int64),
        np.zeros(cells, np.int64),
    )


@compiled
def bucket_of(latency_ns: int) -> int:
    """The bucket of a latency: as results/histogram.py has it."""
    exponent = 0
    while latency_ns >> exponent >= 2 << SUB_BITS:
        exponent += 1
    return (exponent << SUB_BITS) + (latency_ns >> exponent)


@compiled
def tally(done: Records, tallies: Tallies, belonging: Belonging, keys: Int64s) -> int:
    """Add transfers; `keys` gets cell × BUCKETS + bucket of each delivered one's latency, their number is returned."""
    cells, guests, longest = tallies.cells, tallies.guests, tallies.latency_ns_max
    count = 0
    for i in range(len(done)):
        row = done[i]
        cell, guest = belonging.cell[row.stream], belonging.guest[row.stream]
        guests[0, guest] += row.conversions
        guests[1, guest] += row.converted_pages
        guests[2, guest] = max(guests[2, guest], row.ledger[PIN_WAIT])
        if row.outcome == UNFINISHED:
            cells[4, cell] += 1
            if belonging.operation[row.step - 1] == AGAIN:
                guests[3, guest] += 1
        elif row.outcome == DROPPED:
            cells[5, cell] += 1
            cells[FIRST_REASON + row.reason, cell] += 1
        if row.outcome != DELIVERED:
            continue
        latency_ns = row.ended_ns - row.submitted_ns
        cells[0, cell] += 1
        if belonging.is_received[row.stream]:
            cells[1, cell] += 1
            cells[7, cell] += row.handed_ns - row.origin_ns
        if row.handed_ns > row.deadline_ns:
            cells[2, cell] += 1
        if row.is_intact == 0:
            cells[3, cell] += 1
        cells[6, cell] += row.bytes
        cells[8, cell] += latency_ns
        for k in range(2):
            cells[FIRST_WORK + k, cell] += row.cpu_ns[k]
        for k in range(3):
            cells[FIRST_WORK + 2 + k, cell] += row.copied_bytes[k]
        cells[FIRST_WORK + 5, cell] += row.conversions
        cells[FIRST_WORK + 6, cell] += row.converted_pages
        cells[FIRST_WORK + 7, cell] += row.exits
        for k in range(CATEGORY_COUNT):
            cells[FIRST_CATEGORY + k, cell] += row.ledger[k]
        longest[cell] = max(longest[cell], latency_ns)
        if belonging.is_boot[row.stream]:
            guests[4, guest] = max(guests[4, guest], row.ended_ns)
            guests[5, guest] += 1
        keys[count] = cell * BUCKETS + bucket_of(latency_ns)
        count += 1
    return count
