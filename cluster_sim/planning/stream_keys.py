"""What chance decides of a host: keys of its streams' draws, and the order of ranges that come at random."""

from collections.abc import Sequence

import numpy as np

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.chance.samples import shuffled
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import Int32s
from cluster_sim.integers import Int64s
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream


def keys_of(streams: Sequence[PlannedStream], guests: Sequence[PlannedGuest], chance: tuple[int, ...]) -> Int64s:
    """The key of each stream's draws; `chance` is of the host."""
    return np.array([key_of(stream, guests, chance, "requests") for stream in streams], np.int64)


def rings(
    table: Records, streams: Sequence[PlannedStream], guests: Sequence[PlannedGuest], chance: tuple[int, ...]
) -> Int32s:
    """Free buffers of all streams in the order in which they are taken; ranges that come at random are shuffled."""
    ring: Int32s = np.arange(int(table["buffers"].sum()), dtype=np.int32)
    for row, stream in zip(table, streams, strict=True):
        if stream.queue.traits.is_shuffled:
            first, count = int(row["first_buffer"]), int(row["buffers"])
            key = key_of(stream, guests, chance, "order")
            ring[first : first + count] = first + shuffled(count, key)
    return ring


def key_of(stream: PlannedStream, guests: Sequence[PlannedGuest], chance: tuple[int, ...], purpose: str) -> int:
    """A key of a stream's own."""
    placed = guests[stream.guest].placed
    return draw(1 << 62, *chance, placed.group.name, placed.index, *stream.queue.name, purpose)
