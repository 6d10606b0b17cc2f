"""Numbers and structures of the kernel's interface, and calls that libc has no wrapper for; Linux 6.18, x86 and arm64.

Sources: include/uapi/linux/kvm.h, include/uapi/linux/falloc.h, include/uapi/asm-generic/mman-common.h,
include/uapi/linux/io_uring.h, include/uapi/asm-generic/unistd.h.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Callable

from cluster_sim.integers import PAGE_BYTES

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mremap.restype = ctypes.c_void_p
LIBC.syscall.restype = ctypes.c_long
LIBC.ioctl.restype = ctypes.c_int

MAP_FAILED = ctypes.c_void_p(-1).value

KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
KVM_SET_USER_MEMORY_REGION = 0x4020AE46
KVM_SET_USER_MEMORY_REGION2 = 0x40A0AE49
KVM_SET_MEMORY_ATTRIBUTES = 0x4020AED2
KVM_SET_MEMORY_ATTRIBUTES2 = 0xC080AED2
KVM_CREATE_GUEST_MEMFD = 0xC040AED4
KVM_UNKNOWN = 0xAEFF
CAPABILITIES = {
    231: "USER_MEMORY2",
    232: "MEMORY_FAULT_INFO",
    233: "MEMORY_ATTRIBUTES",
    234: "GUEST_MEMFD",
    235: "VM_TYPES",
    236: "PRE_FAULT_MEMORY",
    244: "GUEST_MEMFD_FLAGS",
    250: "GUEST_MEMFD_MEMORY_ATTRIBUTES",
}
ATTRIBUTE_PRIVATE = 1 << 3
MADV_HUGEPAGE = 14

_BY_MACHINE = {
    "x86_64": {"mbind": 237, "process_vm_readv": 310, "userfaultfd": 323},
    "aarch64": {"mbind": 235, "process_vm_readv": 270, "userfaultfd": 282},
}
NUMBERS = {"io_uring_setup": 425, "io_uring_register": 427, **_BY_MACHINE.get(platform.machine(), {})}

IORING_REGISTER_BUFFERS = 0
IORING_UNREGISTER_BUFFERS = 1
UFFDIO_API = 0xC018AA3F
UFFDIO_REGISTER = 0xC020AA00


class GuestMemfdArgument(ctypes.Structure):
    """struct kvm_create_guest_memfd."""

    _fields_ = (("size", ctypes.c_uint64), ("flags", ctypes.c_uint64), ("reserved", ctypes.c_uint64 * 6))


class MemoryRegion2(ctypes.Structure):
    """struct kvm_userspace_memory_region2; its first five fields are the old structure."""

    _fields_ = (
        ("slot", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("guest_phys_addr", ctypes.c_uint64),
        ("memory_size", ctypes.c_uint64),
        ("userspace_addr", ctypes.c_uint64),
        ("guest_memfd_offset", ctypes.c_uint64),
        ("guest_memfd", ctypes.c_uint32),
        ("pad1", ctypes.c_uint32),
        ("pad2", ctypes.c_uint64 * 14),
    )


class MemoryAttributes(ctypes.Structure):
    """struct kvm_memory_attributes."""

    _fields_ = (
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("attributes", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


class MemoryAttributes2(ctypes.Structure):
    """struct kvm_memory_attributes2 of the in-place conversion series."""

    _fields_ = (
        ("offset", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("attributes", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
        ("error_offset", ctypes.c_uint64),
        ("reserved", ctypes.c_uint64 * 11),
    )


class IoVector(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def errno_of(call: Callable[..., int | None], *arguments: object) -> tuple[int, int]:
    """Call a C function, again when a signal interrupted it; (errno or 0, what it returned)."""
    while True:
        ctypes.set_errno(0)
        result = call(*arguments)
        if result is not None and result not in (-1, MAP_FAILED):
            return 0, result
        error = ctypes.get_errno()
        if error != errno.EINTR:
            return error, -1


def system_call(name: str, *arguments: object) -> tuple[int, int]:
    """A system call by its name."""
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return errno_of(LIBC.syscall, ctypes.c_long(NUMBERS[name]), *wide)


def ioctl(fd: int, request: int, argument: object = None) -> tuple[int, int]:
    """An ioctl with a structure, a number or nothing."""
    value = ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument
    return errno_of(LIBC.ioctl, ctypes.c_int(fd), ctypes.c_ulong(request), value)


def errno_of_os(call: Callable[[], object]) -> int:
    """Call something of `os`; 0 or its errno."""
    try:
        call()
    except OSError as error:
        return error.errno or 0
    return 0


def page_map(fd: int, address: int, pages: int) -> int:
    """Which pages of a mapping have a page-table entry, a bit a page (/proc/PID/pagemap, bit 63)."""
    entries = os.pread(fd, 8 * pages, address // PAGE_BYTES * 8)
    mask = 0
    for page in range(len(entries) // 8):
        if entries[8 * page + 7] & 0x80:
            mask |= 1 << page
    return mask
