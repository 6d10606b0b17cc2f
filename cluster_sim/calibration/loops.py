"""Compiled loops that do one thing many times, so that what Python adds is divided by thousands.

They hold no lock of Python's. C functions are called by their addresses in libc; numbers stand for pointers.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numba import types

from cluster_sim.compiling.decorators import compiled_as_numba_does
from cluster_sim.integers import NS_PER_S, PAGE_BYTES, Int64s

WORD = types.intp
_syscall: Callable[..., int] = types.ExternalFunction("syscall", WORD(WORD, WORD, WORD, WORD, WORD, WORD, WORD))
_memcpy: Callable[..., int] = types.ExternalFunction("memcpy", WORD(WORD, WORD, WORD))
_clock_gettime: Callable[..., int] = types.ExternalFunction("clock_gettime", types.intc(types.intc, WORD))
_memset: Callable[..., int] = types.ExternalFunction("memset", WORD(WORD, WORD, WORD))

Bytes = npt.NDArray[np.uint8]
MOST_ARGUMENTS = 6
CLOCK_MONOTONIC = 1
READ = 1
READ_WRITE = 3
"""PROT_READ, and with PROT_WRITE."""
NOTHING_MOVES = -1


@compiled_as_numba_does
def calls(count: int, number: int, arguments: Int64s, moving: int, stride: int) -> int:
    """Make a system call `count` times; argument `moving` grows by `stride` each time. How many of them failed."""
    a = arguments.copy()
    failed = 0
    for _ in range(count):
        if _syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0:
            failed += 1
        if moving >= 0:
            a[moving] += stride
    return failed


@compiled_as_numba_does
def map_touch_unmap(count: int, first: Int64s, second: Int64s, touched_bytes: int) -> int:
    """Map, write a byte to each page, unmap, `count` times; how many of the calls failed."""
    failed = 0
    for _ in range(count):
        given = _syscall(first[0], first[1], first[2], first[3], first[4], first[5], first[6])
        for offset in range(0, touched_bytes, PAGE_BYTES):
            _memset(given + offset, 1, 1)
        if given < 0 or _syscall(second[0], given, second[2], 0, 0, 0, 0) < 0:
            failed += 1
    return failed


@compiled_as_numba_does
def touch(start: int, size_bytes: int, stride: int) -> None:
    """Write a byte every `stride` bytes."""
    for offset in range(0, size_bytes, stride):
        _memset(start + offset, 1, 1)


@compiled_as_numba_does
def copies(count: int, target: int, source: int, size_bytes: int, slot_bytes: int, slots: Int64s) -> None:
    """Copy `size_bytes` with libc's memcpy, `count` times, each in another slot, all of them before any again.

    `slots` is the present one, where the next call goes on, and how many there are, a power of two: x -> 5x + 3 goes
    through all numbers below it (Hull and Dobell 1962).
    """
    slot, mask = slots[0], slots[1] - 1
    for _ in range(count):
        _memcpy(target + slot * slot_bytes, source + slot * slot_bytes, size_bytes)
        slot = (5 * slot + 3) & mask
    slots[0] = slot


@compiled_as_numba_does
def clears(count: int, target: int, size_bytes: int, slots: Int64s) -> None:
    """Clear `size_bytes` with libc's memset, `count` times, in the same order of slots as copies."""
    slot, mask = slots[0], slots[1] - 1
    for _ in range(count):
        _memset(target + slot * size_bytes, 0, size_bytes)
        slot = (5 * slot + 3) & mask
    slots[0] = slot


@compiled_as_numba_does
def pings(count: int, read_number: int, write_number: int, mine: int, theirs: int, word: int) -> int:
    """Signal one eventfd and wait at another, `count` times; how many of the calls failed."""
    failed = 0
    for _ in range(count):
        if _syscall(write_number, theirs, word, 8, 0, 0, 0) != 8 or _syscall(read_number, mine, word, 8, 0, 0, 0) != 8:
            failed += 1
    return failed


@compiled_as_numba_does
def answers(read_number: int, write_number: int, mine: int, theirs: int, word: Int64s) -> None:
    """Wait at one eventfd and signal another until anything but 1 is read."""
    address = word.ctypes.data
    while _syscall(read_number, mine, address, 8, 0, 0, 0) == 8 and word[0] == 1:
        _syscall(write_number, theirs, address, 8, 0, 0, 0)


def compile_answers() -> None:
    """Compile what a child process will run: it fails at once, for there is no such file."""
    answers(0, 0, -1, -1, np.ones(1, np.int64))


@compiled_as_numba_does
def now_ns(clock: Int64s, clock_at: int) -> int:
    """The monotonic clock; `clock` (seconds, ns) lies at `clock_at`."""
    _clock_gettime(CLOCK_MONOTONIC, clock_at)
    return int(clock[0] * NS_PER_S + clock[1])


@compiled_as_numba_does
def chains(count: int, regions: Int64s, size_bytes: int, slots: Int64s, spent: Int64s, clock: Int64s) -> None:
    """Copy private memory to a bounce buffer, the host's memory over that, and it back to the first, `count` times.

    `regions` are the addresses of private memory, bounce buffers and the host's memory. `slots` is as for copies, and
    behind it the bytes from one slot to the next. The ns of each of the three copies are added to `spent`.
    """
    private, bounce, host = regions[0], regions[1], regions[2]
    slot, mask, clock_at = slots[0], slots[1] - 1, clock.ctypes.data
    for _ in range(count):
        offset = slot * slots[2]
        began_ns = now_ns(clock, clock_at)
        _memcpy(bounce + offset, private + offset, size_bytes)
        mapped_ns = now_ns(clock, clock_at)
        _memcpy(bounce + offset, host + offset, size_bytes)
        written_ns = now_ns(clock, clock_at)
        _memcpy(private + offset, bounce + offset, size_bytes)
        spent[0] += mapped_ns - began_ns
        spent[1] += written_ns - mapped_ns
        spent[2] += now_ns(clock, clock_at) - written_ns
        slot = (5 * slot + 3) & mask
    slots[0] = slot


@compiled_as_numba_does
def protect(count: int, number: int, address: int, clock: Int64s, clock_at: int) -> int:
    """Take the right to write from a touched page `count` times, and give it back out of the clock; ns in all.

    -1 when a call fails.
    """
    total = 0
    for _ in range(count):
        _memset(address, 1, 1)
        began_ns = now_ns(clock, clock_at)
        failed = _syscall(number, address, PAGE_BYTES, READ, 0, 0, 0)
        total += now_ns(clock, clock_at) - began_ns
        if failed < 0 or _syscall(number, address, PAGE_BYTES, READ_WRITE, 0, 0, 0) < 0:
            return -1
    return total


@compiled_as_numba_does
def unmap(count: int, first: Int64s, number: int, clock: Int64s, clock_at: int) -> int:
    """Unmap a page that was mapped and touched out of the clock, `count` times; ns in all, -1 when a call fails."""
    total = 0
    for _ in range(count):
        given = _syscall(first[0], first[1], first[2], first[3], first[4], first[5], first[6])
        if given < 0:
            return -1
        _memset(given, 1, 1)
        began_ns = now_ns(clock, clock_at)
        failed = _syscall(number, given, PAGE_BYTES, 0, 0, 0, 0)
        total += now_ns(clock, clock_at) - began_ns
        if failed < 0:
            return -1
    return total


@compiled_as_numba_does
def spin(rounds: int) -> int:
    """Keep a CPU busy without a system call."""
    state = 1
    for _ in range(rounds):
        state = (state * 6364136223846793005 + 1442695040888963407) & 0x7FFFFFFFFFFFFFFF
    return state


def words(*arguments: int) -> Int64s:
    """Arguments of a system call, those that are left out 0; behind a call's number for pairs."""
    padded = np.zeros(MOST_ARGUMENTS + 1, np.int64)
    padded[: len(arguments)] = arguments
    return padded
