"""Copies by size, in the cache and out of it, by one thread and by several; clearing.

The names are those that the profile of the CPU reads (platform/profiles/zen4.toml): a cost written under them takes
the place of the shipped one on whatever machine it was measured, and its source says on which.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.running import together
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, Rounds, batches
from cluster_sim.calibration.sharing import fitted
from cluster_sim.integers import PAGE_BYTES, Int64s
from cluster_sim.kernel.abi import MADV_HUGEPAGE

SIZES: Final = (64, 512, 1500, 2048, 4096, 16384, 65536, 131072, 1 << 20, 2 << 20)
COLD_BYTES: Final = 128 << 20
"""Room that copies go through, each of source and target: more than the caches of the hosts that are in use hold."""
HOT_PLACES: Final = 32
LINE_BYTES: Final = 64
FIRST_LEVEL_BYTES: Final = 16384
"""Copies of so much at most stay in a CPU's first-level cache, source and target together."""
STREAM_BYTES: Final = 8 << 20
"""Copied at a time where the rate counts, not the size: a thousand times what a call takes."""
THREAD_BYTES: Final = 64 << 20
"""Room of source and target of each of several threads."""
MOST_THREADS: Final = 64
FREE_SHARE: Final = 4
"""Of the memory that is free, this part at most is taken."""
BUS_BYTES_A_BYTE: Final = 2
"""A byte that is copied is read and written (mem.bus_bytes_per_copied_byte)."""


@contextmanager
def memory(size_bytes: int, count: int = 2) -> Iterator[list[int]]:
    """Addresses of some regions that are touched, in huge pages where that is possible, as the kernel's own mapping.

    They go when nobody holds their arrays.
    """
    regions = [mmap(-1, size_bytes, MAP_PRIVATE | MAP_ANONYMOUS) for _ in range(count)]
    for region in regions:
        region.madvise(MADV_HUGEPAGE)
    arrays = [np.frombuffer(region, np.uint8) for region in regions]
    for array in arrays:
        array[::PAGE_BYTES] = 1
    yield [array.ctypes.data for array in arrays]


def slots_of(count: int) -> Int64s:
    """Where copies go on, and through how many slots they go."""
    return np.array([0, count], np.int64)


def cold_rounds(size_bytes: int, effort: Effort) -> list[Round]:
    """Time of one copy of a size, ns, all over much memory in an order that no prefetcher follows."""
    slot_bytes = 1 << (size_bytes - 1).bit_length()
    slots = slots_of(COLD_BYTES // slot_bytes)
    with memory(COLD_BYTES) as (target, source):
        return batches(effort, lambda count: loops.copies(count, target, source, size_bytes, slot_bytes, slots))


def hot_rounds(size_bytes: int, effort: Effort) -> list[Round]:
    """Time of one copy of a size, ns, from one address to another again and again; small ones elsewhere each round.

    A first-level cache that guesses its way by a hash of the address (Zen) takes two to four times as long for one pair
    of pages in 256, whose hashes are the same, and a load that looks like one of the stack's stores waits for it: a
    figure from one address would be that one's.
    """
    slot_bytes = max(PAGE_BYTES, 1 << (size_bytes - 1).bit_length())
    turns = itertools.cycle(range(HOT_PLACES if size_bytes <= FIRST_LEVEL_BYTES else 1))
    slots = slots_of(1)
    with memory(HOT_PLACES * (slot_bytes + LINE_BYTES)) as (target, source):

        def do(count: int) -> None:
            turn = next(turns)
            start, end = source + turn * LINE_BYTES, target + turn * (slot_bytes + LINE_BYTES)
            loops.copies(count, end, start, size_bytes, slot_bytes, slots)

        return batches(effort, do)


def rates(rounds: list[Round], moved_bytes: int) -> list[Round]:
    """GB/s of rounds that moved so much each."""
    return [Round(moved_bytes / each.value, each.is_disturbed) for each in rounds]


def stream_rounds(effort: Effort) -> list[Round]:
    """Speed of one thread over much memory, GB/s."""
    return rates(cold_rounds(STREAM_BYTES, effort), STREAM_BYTES)


def clear_rounds(effort: Effort) -> list[Round]:
    """GB/s of clearing memory that is mapped, from its beginning to its end."""
    with memory(COLD_BYTES, 1) as (target,):
        slots = slots_of(COLD_BYTES // STREAM_BYTES)
        rounds = batches(effort, lambda count: loops.clears(count, target, STREAM_BYTES, slots))
    return rates(rounds, STREAM_BYTES)


def clear_page_rounds(span_bytes: int, effort: Effort) -> list[Round]:
    """Of clearing a page in a span, ns."""
    with memory(span_bytes, 1) as (target,):
        slots = slots_of(span_bytes // PAGE_BYTES)
        return batches(effort, lambda count: loops.clears(count, target, PAGE_BYTES, slots))


def thread_rounds(threads: int, effort: Effort) -> list[Round]:
    """GB/s that some threads copy together, each on its CPU and in its own memory."""
    needed, free = 2 * threads * THREAD_BYTES, os.sysconf("SC_AVPHYS_PAGES") * PAGE_BYTES
    if needed * FREE_SHARE > free:
        raise RefusedError(f"{threads} threads need {needed >> 20} MiB of {free >> 20} MiB that are free")
    chunks = THREAD_BYTES // STREAM_BYTES
    with memory(THREAD_BYTES, 2 * threads) as blocks:
        copies = [
            partial(loops.copies, chunks, target, source, STREAM_BYTES, STREAM_BYTES, slots_of(chunks))
            for target, source in zip(blocks[::2], blocks[1::2], strict=True)
        ]
        found = together(effort.warm_up + effort.rounds, copies)[effort.warm_up :]
    return rates(found, threads * THREAD_BYTES)


def thread_counts(cpus: int) -> list[int]:
    """Numbers of threads: powers of two, and one a CPU."""
    most = min(cpus, MOST_THREADS)
    return sorted({most, *(1 << n for n in range(most.bit_length()) if 1 << n <= most)})


def bus_rounds(cpus: int, effort: Effort) -> list[Round]:
    """GB/s of the bus where a number of threads fills it, by the law of processor sharing; refused where none does."""
    counts = thread_counts(cpus)
    found = {count: thread_rounds(count, effort) for count in counts}
    law = fitted(counts, [float(np.median([each.value for each in found[count]])) for count in counts])
    full = [each for count in law.full for each in found[count]]
    return [Round(BUS_BYTES_A_BYTE * each.value, each.is_disturbed) for each in full]


def by_size() -> Iterator[Measure]:
    """Copies of all sizes, cold ones first."""
    for kind, way, where in (("cold", cold_rounds, "out of the cache"), ("hot", hot_rounds, "in the cache")):
        for size in SIZES:
            rounds: Rounds = partial(way, size)
            yield Measure(f"copy.zen4_{kind}_{size}", "ns", f"memcpy of {size} B, both sides {where}", rounds)


def measures(on: Machine) -> list[Measure]:
    """All of them."""
    threads = [
        Measure(f"copy.threads_{count}", "GB/s", f"memcpy by {count} threads at once, all together", rounds)
        for count in thread_counts(on.cpus)
        for rounds in [partial(thread_rounds, count)]
    ]
    return [
        *by_size(),
        Measure("copy.zen4_stream", "GB/s", "memcpy through much memory, one thread", stream_rounds),
        Measure("clear.zen4_memset_mapped", "GB/s", "memset of mapped memory, one thread", clear_rounds),
        Measure("clear.page_cold", "ns", "memset of 4 KiB out of the cache", partial(clear_page_rounds, COLD_BYTES)),
        Measure("clear.page_hot", "ns", "memset of 4 KiB in the cache", partial(clear_page_rounds, PAGE_BYTES)),
        *threads,
        Measure("mem.genoa_socket_bw", "GB/s", "the bus, filled by threads that copy", partial(bus_rounds, on.cpus)),
    ]
