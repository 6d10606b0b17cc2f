"""Files to fault in and punch: a memfd, and guest_memfd on a VM of its own, whose pages the host may map."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import MAP_SHARED, mmap
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cluster_sim.calibration.machine import KVM
from cluster_sim.calibration.sampling import RefusedError
from cluster_sim.kernel import abi
from cluster_sim.memory.system_calls.call_numbers import INIT_SHARED, MMAP

KEEP_SIZE = 1
PUNCH_HOLE = 3
"""FALLOC_FL_KEEP_SIZE, without which guest_memfd allocates nothing, and with it FALLOC_FL_PUNCH_HOLE.

Source: include/uapi/linux/falloc.h.
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file of whole pages, and its mapping, which goes when nobody holds it."""

    fd: int
    size_bytes: int
    view: npt.NDArray[np.uint8]

    @property
    def address(self) -> int:
        """Where it is mapped."""
        return self.view.ctypes.data


@contextmanager
def mapped(fd: int, size_bytes: int) -> Iterator[File]:
    """A file with a mapping, both gone afterwards."""
    try:
        yield File(fd, size_bytes, np.frombuffer(mmap(fd, size_bytes, MAP_SHARED), np.uint8))
    finally:
        os.close(fd)


@contextmanager
def memfd(size_bytes: int) -> Iterator[File]:
    """A memfd."""
    fd = os.memfd_create("calibration")
    os.ftruncate(fd, size_bytes)
    with mapped(fd, size_bytes) as file:
        yield file


def opened(device: Path) -> int:
    """KVM's file descriptor; RefusedError where it cannot be opened."""
    try:
        return os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise RefusedError(f"no {device} here") from None
    except OSError as error:
        raise RefusedError(f"{device} cannot be opened: {error.strerror}") from error


@contextmanager
def guest_memfd(size_bytes: int, *, device: Path = KVM) -> Iterator[File]:
    """A guest_memfd whose pages are shared from the start (INIT_SHARED); RefusedError where there is none."""
    kvm = opened(device)
    try:
        refused, vm = abi.ioctl(kvm, abi.KVM_CREATE_VM, 0)
        if refused:
            raise RefusedError(f"KVM makes no VM: {os.strerror(refused)}")
        try:
            argument = abi.GuestMemfdArgument(size_bytes, MMAP | INIT_SHARED)
            refused, fd = abi.ioctl(vm, abi.KVM_CREATE_GUEST_MEMFD, argument)
            if refused:
                raise RefusedError(f"this kernel has no guest_memfd that can be mapped: {os.strerror(refused)}")
            with mapped(fd, size_bytes) as file:
                yield file
        finally:
            os.close(vm)
    finally:
        os.close(kvm)
