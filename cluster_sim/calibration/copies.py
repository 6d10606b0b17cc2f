"""Copies by size, in the cache and out of it, by one thread and by several; clearing."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, batches, span_ns
from cluster_sim.kernel.abi import MADV_HUGEPAGE

SIZES: Final = (64, 512, 1500, 2048, 4096, 16384, 65536, 131072, 1 << 20, 2 << 20)
COLD_BYTES: Final = 128 << 20
"""Room that copies go through, each of source and target: more than the caches of the hosts that are in use hold."""
STREAM_BYTES: Final = 64 << 20
BUS_BYTES_A_BYTE: Final = 2
"""A byte that is copied is read and written."""
SATURATED: Final = 0.9
"""Threads share a bus when together they do less than this share of what each alone would do."""


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
        array[::4096] = 1
    yield [array.ctypes.data for array in arrays]


def copy_rounds(size_bytes: int, span_bytes: int, effort: Effort) -> list[float]:
    """Time of one copy of a size, ns, all over a span in an order that no prefetcher follows."""
    slot_bytes = 1 << (size_bytes - 1).bit_length()
    slots = np.array([0, max(span_bytes // slot_bytes, 1)], np.int64)
    with memory(max(span_bytes, slot_bytes)) as (target, source):
        return batches(effort, lambda count: loops.copies(count, target, source, size_bytes, slot_bytes, slots))


def stream_rounds(effort: Effort) -> list[float]:
    """Speed of one thread over much memory, GB/s."""
    with memory(COLD_BYTES) as (target, source):
        slots = np.array([0, COLD_BYTES // STREAM_BYTES], np.int64)
        rounds = batches(effort, lambda count: loops.copies(count, target, source, STREAM_BYTES, STREAM_BYTES, slots))
    return [STREAM_BYTES / ns for ns in rounds]


def clear_rounds(effort: Effort) -> list[float]:
    """GB/s of clearing memory that is mapped."""
    with memory(STREAM_BYTES, 1) as (target,):
        return [STREAM_BYTES / ns for ns in batches(effort, lambda count: loops.clears(count, target, STREAM_BYTES))]


def aggregate_gb_per_s(threads: int, effort: Effort) -> list[float]:
    """GB/s that some threads copy together, each its own memory."""
    size, chunk = COLD_BYTES // 2, STREAM_BYTES // 4
    with memory(size, 2 * threads) as places, ThreadPoolExecutor(threads) as pool:

        def together(count: int) -> None:
            slots = [np.array([0, size // chunk], np.int64) for _ in range(threads)]
            jobs = [
                pool.submit(loops.copies, count, places[2 * n], places[2 * n + 1], chunk, chunk, slots[n])
                for n in range(threads)
            ]
            for job in jobs:
                job.result()

        together(1)
        return [threads * 4 * chunk / span_ns(together, 4) for _ in range(effort.rounds)]


def bus_rounds(effort: Effort) -> Sequence[float]:
    """GB/s of the bus, by processor sharing: n threads copy n times what one does, or what the bus carries if less."""
    cpus = os.cpu_count() or 1
    alone = float(np.median(aggregate_gb_per_s(1, effort)))
    together = aggregate_gb_per_s(cpus, effort)
    if cpus == 1 or np.median(together) >= SATURATED * cpus * alone:
        raise RefusedError(
            f"{cpus} threads copy {np.median(together):.1f} GB/s, each as fast as alone ({alone:.1f}): the bus has "
            "more than they ask for"
        )
    return [BUS_BYTES_A_BYTE * each for each in together]


def measures() -> list[Measure]:
    """All of them."""
    found = []
    for kind, span in (("cold", COLD_BYTES), ("hot", 0)):
        where = "out of the cache" if span else "in the cache"
        for size in SIZES:
            rounds: Callable[[Effort], Sequence[float]] = partial(copy_rounds, size, span or size)
            found.append(Measure(f"copy.zen4_{kind}_{size}", "ns", f"memcpy of {size} B, both sides {where}", rounds))
    return [
        *found,
        Measure("copy.zen4_stream", "GB/s", "memcpy through much memory, one thread", stream_rounds),
        Measure("clear.zen4_memset_mapped", "GB/s", "memset of mapped memory, one thread", clear_rounds),
        Measure("mem.genoa_8vcpu_read_bw", "GB/s", "the bus, from what threads copy together", bus_rounds),
    ]
