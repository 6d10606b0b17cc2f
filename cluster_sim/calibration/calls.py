"""System calls: one that does nothing, an ioctl, an eventfd's signal, and the wake-up of who waits for it."""

import os
import platform
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.running import cpus, on_cpu
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, batches

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
WORD_BYTES: Final = 8


def one_call(effort: Effort, name: str, *arguments: int) -> list[Round]:
    """Of a system call, ns."""
    given = loops.words(*arguments)

    def do(count: int) -> None:
        if loops.calls(count, NUMBERS[name], given, loops.NOTHING_MOVES, 0):
            raise RefusedError(f"{name} fails here")

    return batches(effort, do)


def syscalls(effort: Effort) -> list[Round]:
    """getppid, which does next to nothing."""
    return one_call(effort, "getppid")


def ioctls(effort: Effort) -> list[Round]:
    """FIONREAD of a pipe."""
    ends = os.pipe()
    answer = np.zeros(1, np.int64)
    try:
        return one_call(effort, "ioctl", ends[0], FIONREAD, answer.ctypes.data)
    finally:
        for end in ends:
            os.close(end)


def signals(effort: Effort) -> list[Round]:
    """Writing to an eventfd that nobody waits for."""
    fd = os.eventfd(0)
    one = np.ones(1, np.int64)
    try:
        return one_call(effort, "write", fd, one.ctypes.data, WORD_BYTES)
    finally:
        os.close(fd)


class Court:
    """Two eventfds between which a signal goes to and fro."""

    def __init__(self) -> None:
        self.here, self.there = os.eventfd(0), os.eventfd(0)
        self.word = np.ones(1, np.int64)

    def play(self, count: int) -> None:
        """Signal the other end and wait for its answer, so many times; RefusedError when a call fails."""
        address = self.word.ctypes.data
        if loops.pings(count, NUMBERS["read"], NUMBERS["write"], self.here, self.there, address):
            raise RefusedError("an eventfd cannot be waited for here")

    def answer(self, cpu: int) -> None:
        """Answer each signal on a CPU until the game is over."""
        with on_cpu(cpu):
            loops.answers(NUMBERS["read"], NUMBERS["write"], self.there, self.here, np.ones(1, np.int64))

    def end(self) -> None:
        """Tell the other end that it is over."""
        os.eventfd_write(self.there, 2)

    def close(self) -> None:
        """Give both back."""
        os.close(self.here)
        os.close(self.there)


@contextmanager
def court() -> Iterator[Court]:
    """One that is closed afterwards."""
    found = Court()
    try:
        yield found
    finally:
        found.close()


def thread_wake_ups(effort: Effort) -> list[Round]:
    """From signalling an eventfd to the return of the thread that waits for it: half of its way to and fro, ns."""
    ours, theirs = cpus()[0], cpus()[-1]
    with court() as between, ThreadPoolExecutor(1) as pool, on_cpu(ours):
        job = pool.submit(between.answer, theirs)
        try:
            return halves(batches(effort, between.play))
        finally:
            between.end()
            job.result()


def process_wake_ups(effort: Effort) -> list[Round]:
    """As between threads, but another process waits."""
    ours, theirs = cpus()[0], cpus()[-1]
    loops.compile_answers()
    with court() as between, on_cpu(ours):
        child = forked()
        if child == 0:
            between.answer(theirs)
            os._exit(0)
        try:
            return halves(batches(effort, between.play))
        finally:
            between.end()
            os.waitpid(child, 0)


def forked() -> int:
    """Fork; the child runs compiled code alone, so that locks of threads that it does not have hold up nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def halves(found: list[Round]) -> list[Round]:
    """Half of each round: one way."""
    return [Round(each.value / 2, each.is_disturbed) for each in found]


def measures(on: Machine) -> list[Measure]:
    """All of them."""
    del on
    wake = "from an eventfd's write to the return from read of"
    return [
        Measure("mm.syscall", "us", "getppid", syscalls),
        Measure("mm.ioctl", "us", "ioctl FIONREAD of a pipe", ioctls),
        Measure("notify.eventfd_signal", "us", "write to an eventfd that nobody waits for", signals),
        Measure("notify.eventfd_wake", "us", f"{wake} a thread on another CPU", thread_wake_ups),
        Measure("notify.eventfd_wake_process", "us", f"{wake} a process on another CPU", process_wake_ups),
    ]
