"""The real calls on mappings of guest_memfd: mapping, locking, advising."""

import ctypes
import os
from dataclasses import dataclass

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi
from cluster_sim.kernel.abi import LIBC, errno_of, system_call
from cluster_sim.kernel.loads import Toucher
from cluster_sim.kernel.second_process import SecondProcess
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.system_calls.call_numbers import ADVICE, FILES, FORKED_VIEW, PIN_HOLDERS, VIEWS_A_FILE

NO_SUCH = (int(Outcome.EBADF), 0)
Result = tuple[int, int]


@dataclass
class RealView:
    """A mapping in this process."""

    address: int
    pages: int


@dataclass
class RealPin:
    """Who holds pages: a pipe, or a ring with registered buffers."""

    descriptors: tuple[int, ...]
    is_long: bool


class RealMappings:
    """The mappings of this process, a second process, and who pins what."""

    def __init__(self) -> None:
        self.files: list[int | None] = [None] * FILES
        self.views: list[list[RealView | None]] = [[None] * (VIEWS_A_FILE + 1) for _ in range(FILES)]
        self.pins: list[RealPin | None] = [None] * PIN_HOLDERS
        self.toucher = Toucher()
        self.second: SecondProcess | None = None
        self.mem = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
        self.page_map = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        self.pipe = os.pipe()

    def mmap(self, slot: int, number: int, flags: int, protection: int, offset: int, length: int) -> Result:
        """Map a file; what MAP_LOCKED locked is unlocked at once."""
        fd = self.files[slot]
        if fd is None:
            return NO_SUCH
        if self.views[slot][number] is not None:
            return int(Outcome.EEXIST), 0
        size = ctypes.c_size_t(length)
        error, address = errno_of(LIBC.mmap, None, size, protection, flags, fd, ctypes.c_long(offset))
        if error == 0:
            self.views[slot][number] = RealView(address, -(-length // PAGE_BYTES))
            LIBC.munlock(ctypes.c_void_p(address), size)
        return error, 0

    def munmap(self, slot: int, number: int) -> Result:
        """Unmap a whole mapping."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        self.views[slot][number] = None
        size = ctypes.c_size_t(view.pages * PAGE_BYTES)
        return errno_of(LIBC.munmap, ctypes.c_void_p(view.address), size)[0], 0

    def fork(self) -> Result:
        """Fork, anew."""
        self.exit_fork()
        for slot in range(FILES):
            self.views[slot][FORKED_VIEW] = self.views[slot][0]
        self.second = SecondProcess(self.toucher)
        return 0, 0

    def exit_fork(self) -> Result:
        """End the second process."""
        if self.second is not None:
            self.second.end()
            self.second = None
        for slot in range(FILES):
            self.views[slot][FORKED_VIEW] = None
        return 0, 0

    def protect(self, slot: int, number: int, protection: int) -> Result:
        """mprotect(2)."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        return errno_of(LIBC.mprotect, ctypes.c_void_p(view.address), view.pages * PAGE_BYTES, protection)[0], 0

    def grow(self, slot: int, number: int) -> Result:
        """mremap(2) to one page more."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        old, new = (ctypes.c_size_t(pages * PAGE_BYTES) for pages in (view.pages, view.pages + 1))
        error, address = errno_of(LIBC.mremap, ctypes.c_void_p(view.address), old, new, 1)
        if error == 0:
            self.views[slot][number] = RealView(address, view.pages + 1)
        return error, 0

    def _page(self, slot: int, number: int, page: int) -> int | None:
        view = self.views[slot][number]
        return None if view is None or page >= view.pages else view.address + page * PAGE_BYTES

    def lock(self, slot: int, number: int, page: int, count: int) -> Result:
        """mlock(2), munlock(2)."""
        address = self._page(slot, number, page)
        if address is None or count <= 0 or self._page(slot, number, page + count - 1) is None:
            return NO_SUCH
        area = (ctypes.c_void_p(address), ctypes.c_size_t(count * PAGE_BYTES))
        error, _ = errno_of(LIBC.mlock, *area)
        LIBC.munlock(*area)
        return error, 0

    def advise(self, slot: int, number: int, page: int, count: int, advice: str, locked: int) -> Result:
        """madvise(2)."""
        address = self._page(slot, number, page)
        if address is None or count <= 0 or self._page(slot, number, page + count - 1) is None:
            return NO_SUCH
        area = (ctypes.c_void_p(address), ctypes.c_size_t(count * PAGE_BYTES))
        if locked:
            LIBC.mlock(*area)
        error, _ = errno_of(LIBC.madvise, *area, ADVICE[advice])
        if locked:
            LIBC.munlock(*area)
        return error, 0

    def mark_huge(self, slot: int, number: int) -> Result:
        """MADV_HUGEPAGE on a whole mapping."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        size = ctypes.c_size_t(view.pages * PAGE_BYTES)
        return errno_of(LIBC.madvise, ctypes.c_void_p(view.address), size, abi.MADV_HUGEPAGE)[0], 0

    def residence(self, slot: int, number: int, page: int) -> Result:
        """mincore(2)."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        found = ctypes.create_string_buffer(1)
        error, _ = errno_of(LIBC.mincore, ctypes.c_void_p(address), ctypes.c_size_t(PAGE_BYTES), found)
        return error, found.raw[0] & 1

    def userfault(self, slot: int, number: int, mode: int) -> Result:
        """UFFDIO_REGISTER of a whole mapping."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        error, fd = system_call("userfaultfd", os.O_CLOEXEC)
        assert error == 0, os.strerror(error)
        features = (1 << 9 | 1 << 10) if mode == 4 else 0
        api = (ctypes.c_uint64 * 3)(0xAA, features, 0)
        errno_of(LIBC.ioctl, fd, ctypes.c_ulong(abi.UFFDIO_API), api)
        asked = (ctypes.c_uint64 * 4)(view.address, view.pages * PAGE_BYTES, mode, 0)
        error, _ = errno_of(LIBC.ioctl, fd, ctypes.c_ulong(abi.UFFDIO_REGISTER), asked)
        os.close(fd)
        return error, 0

    def bind_memory(self, slot: int, number: int) -> Result:
        """mbind(2) to node 0."""
        view = self.views[slot][number]
        if view is None:
            return NO_SUCH
        nodes = ctypes.c_ulong(1)
        return system_call("mbind", view.address, view.pages * PAGE_BYTES, 2, ctypes.byref(nodes), 8, 0)[0], 0

    def presence(self) -> list[tuple[int, int, int]]:
        """Page-table entries of all mappings, as in the model."""
        found = []
        for slot in range(FILES):
            for number, view in enumerate(self.views[slot]):
                if view is not None:
                    fd = self.page_map
                    if number == FORKED_VIEW:
                        assert self.second is not None
                        fd = self.second.page_map
                    found.append((slot, number, abi.page_map(fd, view.address, view.pages)))
        return found
