"""Numbers and structures agree with each other, and failures come back as errno, whatever kernel runs here."""

import ctypes
import errno
import mmap
import os

import pytest

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi

SIZE_BITS, SIZE_SHIFT = (1 << 14) - 1, 16
READS, WRITES = 1 << 31, 1 << 30
"""Directions in an ioctl's number (include/uapi/asm-generic/ioctl.h): the kernel gives back, the kernel is given."""


@pytest.mark.parametrize(
    ("request_number", "structure", "gives_back"),
    [
        (abi.KVM_CREATE_GUEST_MEMFD, abi.GuestMemfdArgument, True),
        (abi.KVM_SET_USER_MEMORY_REGION2, abi.MemoryRegion2, False),
        (abi.KVM_SET_MEMORY_ATTRIBUTES, abi.MemoryAttributes, False),
        (abi.KVM_SET_MEMORY_ATTRIBUTES2, abi.MemoryAttributes2, True),
    ],
)
def test_an_ioctls_number_has_its_structures_size_and_direction(
    request_number: int,
    structure: type[ctypes.Structure],
    gives_back: bool,  # noqa: FBT001
) -> None:
    assert request_number >> SIZE_SHIFT & SIZE_BITS == ctypes.sizeof(structure)
    assert request_number >> 8 & 0xFF == 0xAE, "KVM's letter"
    assert request_number & WRITES
    assert bool(request_number & READS) == gives_back


def test_the_old_region_is_the_beginning_of_the_new_one() -> None:
    old_bytes = abi.KVM_SET_USER_MEMORY_REGION >> SIZE_SHIFT & SIZE_BITS
    assert abi.MemoryRegion2.guest_memfd_offset.offset == old_bytes == 32


def test_a_call_that_fails_gives_its_errno_and_one_that_works_what_it_returns() -> None:
    assert abi.ioctl(-1, abi.KVM_CREATE_VM) == (errno.EBADF, -1)
    assert abi.errno_of(lambda: 7) == (0, 7)


def test_a_call_that_a_signal_interrupted_is_made_again() -> None:
    answers = [(errno.EINTR, -1), (errno.EINTR, -1), (errno.EAGAIN, -1)]

    def interrupted() -> int:
        error, result = answers.pop(0)
        ctypes.set_errno(error)
        return result

    assert abi.errno_of(interrupted) == (errno.EAGAIN, -1)
    assert not answers


def test_errno_of_a_call_of_os_is_that_of_its_error() -> None:
    assert abi.errno_of_os(lambda: os.close(-1)) == errno.EBADF
    assert abi.errno_of_os(os.getpid) == 0


def test_the_page_map_tells_which_pages_were_touched() -> None:
    pages = 5
    with mmap.mmap(-1, pages * PAGE_BYTES) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        memory[PAGE_BYTES], memory[3 * PAGE_BYTES] = 1, 1
        held = ctypes.c_char.from_buffer(memory)
        fd = os.open("/proc/self/pagemap", os.O_RDONLY)
        try:
            assert abi.page_map(fd, ctypes.addressof(held), pages) == 0b01010
        finally:
            os.close(fd)
            del held
