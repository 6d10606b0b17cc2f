"""What it takes to make other CPUs forget a translation, by how many of them run threads of the same process."""

from collections.abc import Callable
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.calls import NUMBERS
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.mappings import guarded_page, hole
from cluster_sim.calibration.running import others
from cluster_sim.calibration.sampling import (
    Effort,
    Measure,
    RefusedError,
    Round,
    Rounds,
    Spent,
    clocked,
)
from cluster_sim.integers import PAGE_BYTES

EXPEDITED: Final = 1 << 3
REGISTER_EXPEDITED: Final = 1 << 4
"""MEMBARRIER_CMD_PRIVATE_EXPEDITED and its registration (include/uapi/linux/membarrier.h)."""
MOST_OTHERS: Final = 63
"""Other threads at most; in between by powers of two."""
LEAST_CALLS: Final = 20


def rounds_beside(count: int, effort: Effort, what: str, do: Spent) -> list[Round]:
    """Rounds beside so many busy threads, ns an operation; the part of them that is not timed is about as long.

    What is done comes to less than 0 ns when a call fails.
    """

    def one(calls: int) -> Round:
        found = clocked(do, calls)
        if found.value < 0:
            raise RefusedError(f"{what} fails here")
        return found

    with others(count) as busy:
        calls = max(LEAST_CALLS, int(effort.round_ns / max(one(LEAST_CALLS).value, 1)))
        for _ in range(effort.warm_up):
            one(calls)
        return [busy.watched(lambda: one(calls)) for _ in range(effort.rounds)]


def protections(count: int, effort: Effort) -> list[Round]:
    """Of an mprotect that takes the right to write from a page that was just written, ns."""
    clock = np.zeros(2, np.int64)
    with guarded_page() as page:
        return rounds_beside(
            count,
            effort,
            "mprotect",
            lambda calls: loops.protect(calls, NUMBERS["mprotect"], page, clock, clock.ctypes.data),
        )


def unmappings(count: int, effort: Effort) -> list[Round]:
    """Of a munmap of a page that was just mapped and written, ns."""
    clock = np.zeros(2, np.int64)
    with hole() as address:
        first = loops.words(
            NUMBERS["mmap"], address, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        )
        return rounds_beside(
            count,
            effort,
            "munmap",
            lambda calls: loops.unmap(calls, first, NUMBERS["munmap"], clock, clock.ctypes.data),
        )


def barriers(count: int, effort: Effort) -> list[Round]:
    """Of a membarrier, which interrupts each CPU on which the process runs, ns."""
    clock = np.zeros(2, np.int64)
    number, none = NUMBERS["membarrier"], loops.NOTHING_MOVES
    if loops.calls(1, number, loops.words(REGISTER_EXPEDITED), none, 0):
        raise RefusedError("membarrier fails here")
    command = loops.words(EXPEDITED)

    def do(calls: int) -> int:
        began_ns = loops.now_ns(clock, clock.ctypes.data)
        failed = loops.calls(calls, number, command, none, 0)
        return -1 if failed else loops.now_ns(clock, clock.ctypes.data) - began_ns

    return rounds_beside(count, effort, "membarrier", do)


WAYS: Final[tuple[tuple[str, str, str, Callable[[int, Effort], list[Round]]], ...]] = (
    ("tlb.mprotect_{}_others", "tlb.shootdown_1target_in_vm", "mprotect of a page just written", protections),
    ("tlb.munmap_{}_others", "", "munmap of a page just written", unmappings),
    ("tlb.membarrier_{}_others", "tlb.ipi_expedited_1target_in_vm", "membarrier", barriers),
)
"""Name by how many other threads run, the shipped cost of one other thread if there is one, what is done, and how."""


def measures(on: Machine) -> list[Measure]:
    """One a way and number of other threads, up to one a CPU; 1 is named, and refused, where there is but one CPU."""
    counts = sorted({0, 1, *(1 << n for n in range(6) if 1 << n < on.cpus), min(max(on.cpus - 1, 1), MOST_OTHERS)})
    found = []
    for name, shipped, text, way in WAYS:
        for count in counts:
            cost = shipped if count == 1 and shipped else name.format(count)
            rounds: Rounds = partial(way, count)
            running = "1 other thread runs" if count == 1 else f"{count} other threads run"
            found.append(Measure(cost, "us", f"{text}, {running}", rounds))
    return found
