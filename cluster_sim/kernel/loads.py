"""Loads and stores that may end in a signal: done by a process that shares this one's memory and dies in its place.

The process is made by clone(CLONE_VM) and runs one function of libc: what it faults in is in our own page tables, what
kills it does not kill us. Once it lives to tell, the page is there, and we read or write it ourselves.
"""

import ctypes
import mmap
import os
import signal

from cluster_sim.kernel.abi import LIBC

CLONE_VM = 0x100
CLONE_VFORK = 0x4000
STACK_BYTES = 1 << 16

LOADS = ctypes.cast(LIBC.strlen, ctypes.c_void_p)
"""Reads from its argument on, up to a byte of 0: what we write ends with one."""
STORES = ctypes.cast(LIBC.pthread_spin_init, ctypes.c_void_p)
"""Writes a number of 0 to where its argument points."""


class Toucher:
    """Touches memory on behalf of this process."""

    def __init__(self) -> None:
        self.stack = mmap.mmap(-1, STACK_BYTES)
        self.top = ctypes.addressof(ctypes.c_char.from_buffer(self.stack)) + STACK_BYTES - 64

    def touch(self, address: int, *, store: bool, value: int = 0) -> tuple[int, int]:
        """Load from or store to an address; (signal or 0, the value)."""
        flags = CLONE_VM | CLONE_VFORK | signal.SIGCHLD
        pid = LIBC.clone(STORES if store else LOADS, ctypes.c_void_p(self.top), flags, ctypes.c_void_p(address))
        assert pid > 0, os.strerror(ctypes.get_errno())
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            return os.WTERMSIG(status), 0
        number = ctypes.c_uint64.from_address(address)
        if store:
            number.value = value
        return 0, int(number.value)
