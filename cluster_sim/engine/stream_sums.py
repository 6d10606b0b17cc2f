"""Adding up the transfers that have ended, by stream: each as it ends, while its row is at hand.

Whoever wants sums of a guest or of a workload adds up those of its streams.
"""

import numpy as np

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import HEARD
from cluster_sim.engine.state import Host
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import Op
from cluster_sim.results.endings import DROP_LABELS, Ending
from cluster_sim.results.histogram import SUB_BITS
from cluster_sim.results.ledger import CATEGORY_COUNT, Category

COUNTS = ("delivered", "late", "damaged", "unfinished", "dropped")
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
OF_ANY = ("any_conversions", "any_converted_pages", "stuck", "longest_pin_wait_ns")
MOST = ("latency_ns_max", "last_delivery_ns")
FIELDS = (
    *COUNTS,
    *AMOUNTS,
    *WORK,
    *(f"{category.label}_ns" for category in Category),
    *(f"dropped_{label}" for label in DROP_LABELS[1:]),
    *OF_ANY,
    *MOST,
)
"""What is added up a stream: columns of `Host.sums`. All but endings and OF_ANY are of delivered transfers; MOST and
the last of OF_ANY are maxima.
"""
FIELD = {name: number for number, name in enumerate(FIELDS)}

BY_DELIVERED, BY_LATE, BY_DAMAGED, BY_UNFINISHED, BY_DROPPED = (FIELD[name] for name in COUNTS)
BYTES, END_TO_END, LATENCY = (FIELD[name] for name in AMOUNTS)
FIRST_WORK = FIELD[WORK[0]]
FIRST_CATEGORY = FIRST_WORK + len(WORK)
FIRST_REASON = FIRST_CATEGORY + CATEGORY_COUNT - 1
"""Column of the reason before the first: what was not dropped has none."""
ANY_CONVERSIONS, ANY_PAGES, STUCK, PIN_WAIT_MAX = (FIELD[name] for name in OF_ANY)
LATENCY_MAX, LAST_DELIVERY = (FIELD[name] for name in MOST)

BUCKETS = 1 << 13
"""More than there are buckets of latency (results/histogram.py)."""
ENDS_A_STEP = 2
ENDS_AT_ONCE = 8192
"""Transfers that may end before their latencies are read out: few enough to be kept, enough to count them at once."""


def empty_sums(streams: int) -> Int64s:
    """Nothing has ended; shape (streams, FIELDS)."""
    return np.zeros((streams, len(FIELDS)), np.int64)


def room_for_heard(streams: Records) -> Records:
    """Room for what is told of ended transfers."""
    return np.zeros(ENDS_AT_ONCE if streams["is_heard"].any() else ENDS_A_STEP, HEARD)


@inlined
def has_room_for_ends(host: Host) -> bool:
    """Whether what the next transfer ends before it stops, itself and one that it replaces, can be noted."""
    cursor = host.state.cursor[0]
    return bool(
        cursor.keys + ENDS_A_STEP <= len(host.state.keys) and cursor.heard + ENDS_A_STEP <= len(host.state.heard)
    )


@inlined
def bucket_of(latency_ns: int) -> int:
    """The bucket of a latency: as results/histogram.py has it."""
    rest = latency_ns >> (SUB_BITS + 1)
    exponent = 0
    bits = 32
    while bits > 0:
        if rest >> bits > 0:
            rest >>= bits
            exponent += bits
        bits >>= 1
    if rest > 0:
        exponent += 1
    return (exponent << SUB_BITS) + (latency_ns >> exponent)


@inlined
def tally(host: Host, transfer: int) -> None:
    """Add a transfer that has ended; its latency's bucket, and what its software is told, go on their lists."""
    row = host.state.transfers[transfer]
    sums = host.state.sums[row.stream]
    latency_ns = row.ended_ns - row.submitted_ns
    booked_ns = 0
    for k in range(CATEGORY_COUNT):
        booked_ns += row.ledger[k]
    assert booked_ns == latency_ns, "a latency is not its ledger's sum"
    sums[ANY_CONVERSIONS] += row.conversions
    sums[ANY_PAGES] += row.converted_pages
    sums[PIN_WAIT_MAX] = max(sums[PIN_WAIT_MAX], row.ledger[Category.PIN_WAIT])
    if row.outcome == Ending.UNFINISHED:
        sums[BY_UNFINISHED] += 1
        if host.spec.steps[row.step - 1].op == Op.AGAIN:
            sums[STUCK] += 1
        return
    if host.spec.streams[row.stream].is_heard:
        tell(host, transfer)
    if row.outcome == Ending.DROPPED:
        sums[BY_DROPPED] += 1
        sums[FIRST_REASON + row.reason] += 1
        return
    assert row.outcome == Ending.DELIVERED
    sums[BY_DELIVERED] += 1
    sums[BY_LATE] += row.handed_ns > row.deadline_ns
    sums[BY_DAMAGED] += row.is_intact == 0
    sums[BYTES] += row.bytes
    sums[END_TO_END] += row.handed_ns - row.origin_ns
    sums[LATENCY] += latency_ns
    sums[FIRST_WORK] += row.cpu_ns[0]
    sums[FIRST_WORK + 1] += row.cpu_ns[1]
    for k in range(3):
        sums[FIRST_WORK + 2 + k] += row.copied_bytes[k]
    sums[FIRST_WORK + 5] += row.conversions
    sums[FIRST_WORK + 6] += row.converted_pages
    sums[FIRST_WORK + 7] += row.exits
    for k in range(CATEGORY_COUNT):
        sums[FIRST_CATEGORY + k] += row.ledger[k]
    sums[LATENCY_MAX] = max(sums[LATENCY_MAX], latency_ns)
    sums[LAST_DELIVERY] = max(sums[LAST_DELIVERY], row.ended_ns)
    cursor = host.state.cursor[0]
    host.state.keys[cursor.keys] = row.stream * BUCKETS + bucket_of(latency_ns)
    cursor.keys += 1


@compiled
def tell(host: Host, transfer: int) -> None:
    """Note what the stream's software will be told at the window's end."""
    row, cursor = host.state.transfers[transfer], host.state.cursor[0]
    heard = host.state.heard[cursor.heard]
    cursor.heard += 1
    heard.stream = row.stream
    heard.frame = row.frame
    heard.ended_ns = row.ended_ns
    heard.outcome = row.outcome
