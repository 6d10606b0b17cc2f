"""The real ways in which a process reaches a page of a mapping, or pins it: touch, copy, splice, register."""

import ctypes
import os
import signal

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi
from cluster_sim.kernel.abi import LIBC, errno_of, system_call
from cluster_sim.kernel.real_mappings import NO_SUCH, RealMappings, RealPin, Result
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.system_calls.call_numbers import FORKED_VIEW

SIGNALS = {0: Outcome.OK, signal.SIGBUS: Outcome.SIGBUS, signal.SIGSEGV: Outcome.SIGSEGV}


class RealAccesses(RealMappings):
    """Mappings whose pages are read, written and pinned."""

    def load(self, slot: int, number: int, page: int) -> Result:
        """A load in a process of its own."""
        return self._touch(slot, number, page, store=False, tag=0)

    def store(self, slot: int, number: int, page: int, tag: int) -> Result:
        """A store in a process of its own."""
        return self._touch(slot, number, page, store=True, tag=tag)

    def _touch(self, slot: int, number: int, page: int, *, store: bool, tag: int) -> Result:
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        if number == FORKED_VIEW:
            assert self.second is not None
            killed, value = self.second.touch(address, store=store, value=tag)
        else:
            killed, value = self.toucher.touch(address, store=store, value=tag)
        outcome = int(SIGNALS.get(killed, killed))
        return outcome, 0 if outcome else value

    def copy_from_user(self, slot: int, number: int, page: int) -> Result:
        """write(2) from the page into a pipe."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        error, _ = errno_of(LIBC.write, self.pipe[1], ctypes.c_void_p(address), ctypes.c_size_t(8))
        return (error, 0) if error else (0, int.from_bytes(os.read(self.pipe[0], 8), "little"))

    def copy_to_user(self, slot: int, number: int, page: int, tag: int) -> Result:
        """read(2) from a pipe into the page."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        os.write(self.pipe[1], tag.to_bytes(8, "little"))
        error, _ = errno_of(LIBC.read, self.pipe[0], ctypes.c_void_p(address), ctypes.c_size_t(8))
        if error:
            os.read(self.pipe[0], 8)
        return error, 0 if error else tag

    def process_vm_read(self, slot: int, number: int, page: int) -> Result:
        """process_vm_readv(2) of ourselves."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        found = ctypes.c_uint64()
        local = abi.IoVector(ctypes.addressof(found), 8)
        remote = abi.IoVector(address, 8)
        error, _ = system_call("process_vm_readv", os.getpid(), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
        return error, 0 if error else found.value

    def mem_read(self, slot: int, number: int, page: int) -> Result:
        """pread(2) of /proc/self/mem."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        found = ctypes.create_string_buffer(8)
        error, _ = errno_of(LIBC.pread, self.mem, found, ctypes.c_size_t(8), ctypes.c_long(address))
        return error, 0 if error else int.from_bytes(found.raw, "little")

    def mem_write(self, slot: int, number: int, page: int, tag: int) -> Result:
        """pwrite(2) of /proc/self/mem."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        data = tag.to_bytes(8, "little")
        error, _ = errno_of(LIBC.pwrite, self.mem, data, ctypes.c_size_t(8), ctypes.c_long(address))
        return error, 0 if error else tag

    def splice_pages(self, slot: int, number: int, page: int, holder: int) -> Result:
        """vmsplice(2) of one page."""
        address = self._page(slot, number, page)
        if address is None:
            return NO_SUCH
        if self.pins[holder] is not None:
            return int(Outcome.EBUSY), 0
        ends = os.pipe()
        vector = abi.IoVector(address, PAGE_BYTES)
        error, _ = errno_of(LIBC.vmsplice, ends[1], ctypes.byref(vector), ctypes.c_size_t(1), 0)
        if error:
            for end in ends:
                os.close(end)
            return error, 0
        self.pins[holder] = RealPin(ends, is_long=False)
        return 0, 0

    def register(self, slot: int, number: int, page: int, count: int, holder: int) -> Result:
        """IORING_REGISTER_BUFFERS of some pages on a ring of its own."""
        address = self._page(slot, number, page)
        if address is None or count <= 0 or self._page(slot, number, page + count - 1) is None:
            return NO_SUCH
        if self.pins[holder] is not None:
            return int(Outcome.EBUSY), 0
        parameters = ctypes.create_string_buffer(120)
        error, ring = system_call("io_uring_setup", 1, parameters)
        assert error == 0, os.strerror(error)
        vector = abi.IoVector(address, count * PAGE_BYTES)
        error, _ = system_call("io_uring_register", ring, abi.IORING_REGISTER_BUFFERS, ctypes.byref(vector), 1)
        if error:
            os.close(ring)
            return error, 0
        self.pins[holder] = RealPin((ring,), is_long=True)
        return 0, 0

    def unpin(self, holder: int) -> Result:
        """Read the pipe, or unregister; then close."""
        pin = self.pins[holder]
        if pin is None:
            return NO_SUCH
        self.pins[holder] = None
        value = 0
        if pin.is_long:
            error, _ = system_call("io_uring_register", pin.descriptors[0], abi.IORING_UNREGISTER_BUFFERS, None, 0)
            assert error == 0, os.strerror(error)
        else:
            value = int.from_bytes(os.read(pin.descriptors[0], PAGE_BYTES)[:8], "little")
        for fd in pin.descriptors:
            os.close(fd)
        return 0, value
