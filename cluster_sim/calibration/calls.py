"""System calls: one that does nothing, an ioctl, an eventfd's signal, and the wake-up of who waits for it."""

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, batches

_X86: Final = {
    "read": 0, "write": 1, "mmap": 9, "mprotect": 10, "munmap": 11, "ioctl": 16, "madvise": 28, "getppid": 110,
    "fallocate": 285, "membarrier": 324,
}  # fmt: skip
_ARM: Final = {
    "ioctl": 29, "fallocate": 47, "read": 63, "write": 64, "getppid": 173, "munmap": 215, "mmap": 222, "mprotect": 226,
    "madvise": 233, "membarrier": 283,
}  # fmt: skip
NUMBERS: Final[dict[str, int]] = {"x86_64": _X86, "aarch64": _ARM}.get(platform.machine(), _X86)
"""Numbers of system calls (include/uapi/asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl)."""
FIONREAD: Final = 0x541B


def one_call(effort: Effort, name: str, *arguments: int) -> list[float]:
    """Of a system call, ns."""
    given = loops.words(*arguments)

    def do(count: int) -> None:
        if loops.calls(count, NUMBERS[name], given, loops.NOTHING_MOVES, 0):
            raise RefusedError(f"{name} fails here")

    return batches(effort, do)


def syscalls(effort: Effort) -> list[float]:
    """getppid, which does next to nothing."""
    return one_call(effort, "getppid")


def ioctls(effort: Effort) -> list[float]:
    """FIONREAD of a pipe."""
    ends = os.pipe()
    answer = np.zeros(1, np.int64)
    try:
        return one_call(effort, "ioctl", ends[0], FIONREAD, answer.ctypes.data)
    finally:
        for end in ends:
            os.close(end)


def signals(effort: Effort) -> list[float]:
    """Writing to an eventfd that nobody waits for."""
    fd = os.eventfd(0)
    one = np.ones(1, np.int64)
    try:
        return one_call(effort, "write", fd, one.ctypes.data, 8)
    finally:
        os.close(fd)


def wake_ups(effort: Effort) -> list[float]:
    """From signalling an eventfd to the return of the thread that waits for it: half a round of ping and pong, ns."""
    here, there = os.eventfd(0), os.eventfd(0)
    mine, theirs = np.ones(1, np.int64), np.ones(1, np.int64)
    reads, writes = NUMBERS["read"], NUMBERS["write"]
    try:
        with ThreadPoolExecutor(2) as pool:

            def rounds(count: int) -> None:
                one = pool.submit(loops.pings, count, reads, writes, here, there, mine.ctypes.data)
                other = pool.submit(loops.pings, count, reads, writes, there, here, theirs.ctypes.data)
                os.eventfd_write(here, 1)
                if one.result() + other.result():
                    raise RefusedError("an eventfd cannot be waited for here")
                os.eventfd_read(here)

            return [each / 2 for each in batches(effort, rounds)]
    finally:
        os.close(here)
        os.close(there)


def measures() -> list[Measure]:
    """All of them."""
    return [
        Measure("mm.syscall", "us", "getppid", syscalls),
        Measure("mm.ioctl", "us", "ioctl FIONREAD of a pipe", ioctls),
        Measure("notify.eventfd_signal", "us", "write to an eventfd that nobody waits for", signals),
        Measure("notify.eventfd_wake", "us", "from an eventfd's write to the waiter's return from read", wake_ups),
    ]
