"""Loads and stores that may end in a signal: done by a process that shares this one's memory and dies in its place.

The process is made by clone(CLONE_VM): what it faults in is in our own page tables, what kills it does not kill us.
"""

import ctypes
import mmap
import os
import signal

import numba
import numpy as np
from llvmlite import ir
from numba import cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic

from cluster_sim.kernel.abi import LIBC

CLONE_VM = 0x100
CLONE_VFORK = 0x4000
STACK_BYTES = 1 << 16


@intrinsic
def pointer(_context, _address):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - numba reads no annotations here
    """An address as a pointer."""

    def generate(_context, builder, _signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return builder.inttoptr(arguments[0], ir.PointerType(cgutils.int8_t))

    return types.voidptr(types.uint64), generate


@cfunc(types.int32(types.voidptr))
def access(argument):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - compiled under the signature above
    """Load or store one number; the argument is (address, is a store, value)."""
    words = numba.carray(argument, 3, np.uint64)  # type: ignore[attr-defined]  # numba exports it all the same
    target = numba.carray(pointer(words[0]), 1, np.uint64)  # type: ignore[attr-defined, call-arg]  # as above
    if words[1] != 0:
        target[0] = words[2]
    else:
        words[2] = target[0]
    return 0


class Toucher:
    """Touches memory on behalf of this process."""

    def __init__(self) -> None:
        self.stack = mmap.mmap(-1, STACK_BYTES)
        self.top = ctypes.addressof(ctypes.c_char.from_buffer(self.stack)) + STACK_BYTES - 64
        self.words = (ctypes.c_uint64 * 3)()
        LIBC.clone.restype = ctypes.c_int

    def touch(self, address: int, *, store: bool, value: int = 0) -> tuple[int, int]:
        """Load from or store to an address; (signal or 0, the value)."""
        self.words[0], self.words[1], self.words[2] = address, int(store), value
        flags = CLONE_VM | CLONE_VFORK | signal.SIGCHLD
        pid = LIBC.clone(ctypes.c_void_p(access.address), ctypes.c_void_p(self.top), flags, ctypes.byref(self.words))
        assert pid > 0, os.strerror(ctypes.get_errno())
        _, status = os.waitpid(pid, 0)
        return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), int(self.words[2])
