"""Writing cache lines back and out of all caches, line by line, as a guest does before it gives a page away."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, PROT_WRITE, mmap
from typing import Final

import numpy as np

from cluster_sim.calibration.copies import LINE_BYTES
from cluster_sim.calibration.faults import HUGE_BYTES, Anonymous
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, Rounds, prepared
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel.abi import MADV_HUGEPAGE

CODE: Final = bytes.fromhex("660fae3f 4883c740 4839f7 72f3 0faef0 c3")
"""again: clflushopt [rdi]; add rdi, 64; cmp rdi, rsi; jb again; mfence; ret (x86-64, System V).

The kernel's clflush_cache_range does the same (arch/x86/mm/pat/set_memory.c).
"""
PAGES: Final = HUGE_BYTES // PAGE_BYTES
"""Flushed a round: what one huge page holds. The call and the fence at its end are divided by as many."""

Flush = Callable[[int, int], None]
"""Flushes from one address to another."""


@contextmanager
def flusher() -> Iterator[Flush]:
    """CODE where it can run; RefusedError where memory may not be written and run."""
    try:
        page = mmap(-1, PAGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE | PROT_EXEC)
    except OSError as error:
        raise RefusedError(f"memory that runs cannot be had here: {error.strerror}") from error
    page[: len(CODE)] = CODE
    yield ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(page)))


def flush_rounds(on: Machine, state: str, effort: Effort) -> list[Round]:
    """Of flushing a page whose lines are in a state before, ns; a page of 512, in a huge page where there are any."""
    if not on.has_clflushopt:
        raise RefusedError("this CPU has no clflushopt")
    memory = Anonymous.of(HUGE_BYTES * 2, MADV_HUGEPAGE)
    start = -memory.address % HUGE_BYTES
    lines = np.frombuffer(memory.region, np.uint8)[start : start + HUGE_BYTES : LINE_BYTES]
    with flusher() as flush:
        first = memory.address + start
        do = partial(flush, first, first + HUGE_BYTES)

        def write() -> None:
            lines[:] = 1

        def read() -> None:
            do()
            lines.max()

        ways: dict[str, Callable[[], None]] = {"dirty": write, "clean": read, "absent": do}
        write()
        return prepared(effort, ways[state], do, PAGES)


STATES: Final = (("dirty", "written before"), ("clean", "read before"), ("absent", "in no cache"))


def measures(on: Machine) -> list[Measure]:
    """One a state of the lines."""
    found = []
    for state, text in STATES:
        rounds: Rounds = partial(flush_rounds, on, state)
        found.append(Measure(f"cache.clflush_{state}_4k", "us", f"clflushopt of a page's lines, {text}", rounds))
    return found
