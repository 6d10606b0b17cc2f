"""The real calls on the kernel that runs, one method each as in the model (memory/system_calls/model.py)."""

import ctypes
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi
from cluster_sim.kernel.abi import LIBC, errno_of, errno_of_os, ioctl
from cluster_sim.kernel.real_accesses import RealAccesses
from cluster_sim.kernel.real_mappings import NO_SUCH, Result
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.system_calls.call_numbers import (
    BAD_FD,
    FILES,
    GUEST_MEMFD,
    OTHER_FILE,
    PIN_HOLDERS,
    SLOTS,
    SPARSE_BYTES,
    VIEWS_A_FILE,
    VMS,
)


class RealCalls(RealAccesses):
    """Two VMs, their files and this process's mappings of them."""

    def __init__(self) -> None:
        super().__init__()
        self.kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        self.vms = [self._vm() for _ in range(VMS)]
        self.sizes = [0] * FILES
        self.other = os.memfd_create("other")
        os.ftruncate(self.other, PAGE_BYTES)

    def _vm(self) -> int:
        error, fd = ioctl(self.kvm, abi.KVM_CREATE_VM, 0)
        assert error == 0, os.strerror(error)
        return fd

    def shut(self) -> None:
        """Give everything back."""
        self.exit_fork()
        for holder in range(PIN_HOLDERS):
            self.unpin(holder)
        for slot in range(FILES):
            for number in range(VIEWS_A_FILE):
                self.munmap(slot, number)
            self.close(slot)
        for fd in (*self.vms, self.kvm, self.mem, self.page_map, self.other, *self.pipe):
            os.close(fd)

    def create(self, vm: int, slot: int, size: int, flags: int, reserved: int, null: int) -> Result:
        """KVM_CREATE_GUEST_MEMFD."""
        if self.files[slot] is not None:
            return int(Outcome.EEXIST), 0
        argument = abi.GuestMemfdArgument(size & (1 << 64) - 1, flags)
        argument.reserved[3] = reserved
        error, fd = ioctl(self.vms[vm], abi.KVM_CREATE_GUEST_MEMFD, None if null else argument)
        if error == 0 and size >= SPARSE_BYTES:
            os.close(fd)
        elif error == 0:
            self.files[slot], self.sizes[slot] = fd, size
        return error, 0

    def close(self, slot: int) -> Result:
        """Close a file."""
        fd = self.files[slot]
        if fd is None:
            return NO_SUCH
        self.files[slot] = None
        return errno_of_os(lambda: os.close(fd)), 0

    def facts(self, slot: int) -> Result:
        """The file's size, if all else is as rule C-7 says; else a number that says what is not."""
        fd = self.files[slot]
        if fd is None:
            return NO_SUCH
        found = os.fstat(fd)
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        is_as_told = (
            found.st_mode == stat.S_IFREG | 0o600
            and found.st_blksize == PAGE_BYTES
            and found.st_blocks == 0
            and flags & os.O_ACCMODE == os.O_RDWR
            and not fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
            and any(name in str(Path(f"/proc/self/fd/{fd}").readlink()) for name in ("gmem", "guest_memfd"))
        )
        return 0, found.st_size if is_as_told else -1

    def reopen(self, slot: int) -> Result:
        """open(2) of /proc/self/fd."""
        return self._os(slot, lambda fd: os.open(f"/proc/self/fd/{fd}", os.O_RDWR))

    def fallocate(self, slot: int, mode: int, offset: int, length: int) -> Result:
        """Allocate or punch."""
        fd = self.files[slot]
        if fd is None:
            return NO_SUCH
        return errno_of(LIBC.fallocate, fd, mode, ctypes.c_long(offset), ctypes.c_long(length))[0], 0

    def resize(self, slot: int, size: int) -> Result:
        """ftruncate(2)."""
        return self._os(slot, lambda fd: os.ftruncate(fd, size))

    def change(self, slot: int, what: int) -> Result:
        """fchmod(2), futimens(3)."""
        return self._os(slot, (lambda fd: os.fchmod(fd, 0o644)) if what else (lambda fd: os.utime(fd, (1, 1))))

    def stream(self, slot: int, what: int) -> Result:
        """read(2), write(2), fsync(2), splice(2)."""
        calls = (
            lambda fd: os.read(fd, 8),
            lambda fd: os.write(fd, b"x"),
            os.fsync,
            lambda fd: os.splice(fd, self.pipe[1], PAGE_BYTES),
        )
        return self._os(slot, calls[what])

    def seek(self, slot: int, what: int) -> Result:
        """pread(2), pwrite(2), lseek(2), sendfile(2)."""
        calls = (
            lambda fd: os.pread(fd, 8, 0),
            lambda fd: os.pwrite(fd, b"x", 0),
            lambda fd: os.lseek(fd, 0, os.SEEK_SET),
            lambda fd: os.sendfile(self.pipe[1], fd, 0, PAGE_BYTES),
        )
        return self._os(slot, calls[what])

    def copy_in(self, slot: int) -> Result:
        """copy_file_range(2) from a memfd."""
        return self._os(slot, lambda fd: os.copy_file_range(self.other, fd, PAGE_BYTES, 0, 0))

    def seal(self, slot: int, what: int) -> Result:
        """fcntl(2) F_ADD_SEALS, F_GET_SEALS."""
        command = fcntl.F_ADD_SEALS if what else fcntl.F_GET_SEALS
        return self._os(slot, lambda fd: fcntl.fcntl(fd, command, fcntl.F_SEAL_SHRINK if what else 0))

    def unknown_ioctl(self, slot: int) -> Result:
        """ioctl(2) that nobody knows."""
        fd = self.files[slot]
        return NO_SUCH if fd is None else (ioctl(fd, abi.KVM_UNKNOWN, 0)[0], 0)

    def _os(self, slot: int, call: Callable[[int], object]) -> Result:
        fd = self.files[slot]
        return NO_SUCH if fd is None else (errno_of_os(lambda: call(fd)), 0)

    def convert(self, slot: int, offset: int, length: int, private: int, flags: int) -> Result:
        """KVM_SET_MEMORY_ATTRIBUTES2 on the file."""
        fd = self.files[slot]
        if fd is None:
            return NO_SUCH
        wanted = abi.ATTRIBUTE_PRIVATE if private else 0
        wide = (1 << 64) - 1
        argument = abi.MemoryAttributes2(offset & wide, length & wide, wanted, flags)
        error, _ = ioctl(fd, abi.KVM_SET_MEMORY_ATTRIBUTES2, argument)
        return error, argument.error_offset if error == Outcome.EAGAIN else 0

    def vm_attributes(self, vm: int, page: int, pages: int) -> Result:
        """KVM_SET_MEMORY_ATTRIBUTES on the VM."""
        argument = abi.MemoryAttributes(page * PAGE_BYTES, pages * PAGE_BYTES, abi.ATTRIBUTE_PRIVATE, 0)
        return ioctl(self.vms[vm], abi.KVM_SET_MEMORY_ATTRIBUTES, argument)[0], 0

    def set_slot(
        self, vm: int, number: int, gpa_page: int, pages: int, file: int, offset: int, flags: int, pad: int
    ) -> Result:
        """KVM_SET_USER_MEMORY_REGION2."""
        fd = self.other if file == OTHER_FILE else None if file == BAD_FD else self.files[file]
        region = abi.MemoryRegion2(
            slot=number,
            flags=flags,
            guest_phys_addr=gpa_page * PAGE_BYTES,
            memory_size=pages * PAGE_BYTES,
            guest_memfd_offset=offset & (1 << 64) - 1,
            guest_memfd=fd if fd is not None else 10_000,
            pad1=pad,
        )
        assert number < SLOTS
        return ioctl(self.vms[vm], abi.KVM_SET_USER_MEMORY_REGION2, region)[0], 0

    def old_region(self, vm: int, number: int) -> Result:
        """KVM_SET_USER_MEMORY_REGION with the flag of guest_memfd."""
        region = abi.MemoryRegion2(slot=number, flags=GUEST_MEMFD, guest_phys_addr=0, memory_size=PAGE_BYTES)
        return ioctl(self.vms[vm], abi.KVM_SET_USER_MEMORY_REGION, region)[0], 0
