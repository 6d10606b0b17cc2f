"""What it takes to make other CPUs forget a translation, by how many run the same memory."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from threading import Event
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.calls import NUMBERS, one_call
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError
from cluster_sim.kernel.abi import PAGE

SPIN_ROUNDS: Final = 2_000_000
EXPEDITED: Final = 1 << 3
REGISTER_EXPEDITED: Final = 1 << 4
"""MEMBARRIER_CMD_PRIVATE_EXPEDITED and its registration (include/uapi/linux/membarrier.h)."""
MOST_OTHERS: Final = 7
CALLS_A_ROUND: Final = 300


@contextmanager
def others(count: int) -> Iterator[None]:
    """So many threads of this process keep a CPU each busy; RefusedError where there are too few CPUs."""
    cpus = os.cpu_count() or 1
    if count >= cpus:
        raise RefusedError(f"{cpus} CPUs, and {count + 1} threads would have to run at a time")
    is_over = Event()

    def keep_busy() -> None:
        while not is_over.is_set():
            loops.spin(SPIN_ROUNDS)

    with ThreadPoolExecutor(max(count, 1)) as pool:
        busy = [pool.submit(keep_busy) for _ in range(count)]
        try:
            yield
        finally:
            is_over.set()
            for each in busy:
                each.result()


def protections(effort: Effort, count: int) -> list[float]:
    """Of an mprotect that takes the right to write from a page that was just written, ns."""
    loops.spin(1)
    array, clock = np.frombuffer(mmap(-1, PAGE, MAP_PRIVATE | MAP_ANONYMOUS), np.uint8), np.zeros(2, np.int64)
    found = []
    with others(count):
        for number in range(effort.warm_up + effort.rounds):
            spent_ns = loops.protect(CALLS_A_ROUND, NUMBERS["mprotect"], array.ctypes.data, clock, clock.ctypes.data)
            if spent_ns < 0:
                raise RefusedError("mprotect fails here")
            if number >= effort.warm_up:
                found.append(spent_ns / CALLS_A_ROUND)
    return found


def barriers(effort: Effort, count: int) -> list[float]:
    """Of a membarrier that interrupts all CPUs on which the process runs, ns."""
    one_call(Effort(1, 0, 1), "membarrier", REGISTER_EXPEDITED)
    loops.spin(1)
    with others(count):
        return one_call(effort, "membarrier", EXPEDITED)


def measures() -> list[Measure]:
    """One a number of other threads, as far as there are CPUs; the two that the shipped costs have come first."""
    counts = [n for n in range(MOST_OTHERS + 1) if n < (os.cpu_count() or 1)] or [0]
    found = [
        Measure(
            "tlb.shootdown_1target_in_vm",
            "us",
            "mprotect of a touched page, one other thread runs",
            partial(protections, count=1),
        ),
        Measure(
            "tlb.ipi_expedited_1target_in_vm", "us", "membarrier, one other thread runs", partial(barriers, count=1)
        ),
    ]
    for count in counts:
        if count != 1:
            text = f"mprotect of a touched page, {count} other threads run"
            found.append(Measure(f"tlb.mprotect_{count}_others", "us", text, partial(protections, count=count)))
    return found
