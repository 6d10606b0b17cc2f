"""Places in the address space that do not depend on what happens to lie beside them.

A mapping that can merge with its neighbours does so, and takes half as long again to make, change and unmake.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel.abi import LIBC

PROT_NONE = 0


@contextmanager
def hole() -> Iterator[int]:
    """The address of a page that is not mapped, between two that merge with nothing that may be read."""
    with guards() as address:
        LIBC.munmap(ctypes.c_void_p(address), ctypes.c_size_t(PAGE_BYTES))
        yield address


@contextmanager
def guarded_page() -> Iterator[int]:
    """The address of a page that may be read and written, between two that may not."""
    with guards() as address:
        LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE_BYTES), PROT_READ | PROT_WRITE)
        yield address


@contextmanager
def guards() -> Iterator[int]:
    """Three pages that nobody may touch; the address of the middle one."""
    region = mmap(-1, 3 * PAGE_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE)
    first = ctypes.addressof(ctypes.c_char.from_buffer(region))
    LIBC.mprotect(ctypes.c_void_p(first), ctypes.c_size_t(3 * PAGE_BYTES), PROT_NONE)
    yield first + PAGE_BYTES
