"""A binary heap of records, ordered by (key, sequence): the total order of events."""

from typing import Final

import numpy as np
import numpy.typing as npt

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.compiling.records import Field, record_of

ENTRY_FIELDS: Final = (
    Field("key", "", "what is first: an instant in ns, or a finishing clock in ns/1024"),
    Field("sequence", "", "which of two at one instant is first"),
    Field("item", "", "what it is about: a transfer, a buffer, a pool"),
)
ENTRY: Final = record_of(ENTRY_FIELDS)

Entries = npt.NDArray[np.void]


@inlined
def move(heap: Entries, target: int, source: int) -> None:
    """Copy an entry."""
    heap[target].key = heap[source].key
    heap[target].sequence = heap[source].sequence
    heap[target].item = heap[source].item


@inlined
def put(heap: Entries, position: int, key: int, sequence: int, item: int) -> None:
    """Write an entry."""
    heap[position].key = key
    heap[position].sequence = sequence
    heap[position].item = item


@compiled
def push(heap: Entries, size: int, key: int, sequence: int, item: int) -> None:
    """Add an entry to a heap of `size`; no two entries have the same sequence."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        above = heap[parent]
        if above.key < key or (above.key == key and above.sequence < sequence):
            break
        move(heap, i, parent)
        i = parent
    put(heap, i, key, sequence, item)


@compiled
def pop(heap: Entries, size: int) -> int:
    """Remove the first entry of a heap of `size`, and give its item."""
    first = int(heap[0].item)
    last = size - 1
    key, sequence, item = heap[last].key, heap[last].sequence, heap[last].item
    i = 0
    while True:
        child = 2 * i + 1
        if child >= last:
            break
        if child + 1 < last:
            left, right = heap[child], heap[child + 1]
            if right.key < left.key or (right.key == left.key and right.sequence < left.sequence):
                child += 1
        below = heap[child]
        if key < below.key or (key == below.key and sequence < below.sequence):
            break
        move(heap, i, child)
        i = child
    put(heap, i, key, sequence, item)
    return first
