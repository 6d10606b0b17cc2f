"""What the running kernel offers: whether guest_memfd can be tried at all, and which of its features."""

import ctypes
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi
from cluster_sim.kernel.abi import ioctl, system_call
from cluster_sim.memory.system_calls.call_numbers import INIT_SHARED, MMAP

DEVICE = Path("/dev/kvm")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A kernel on which guest_memfd can be mapped and shared; `extensions` by their names."""

    release: str
    machine: str
    extensions: dict[str, int]
    left_out: dict[str, str]
    """Calls that this machine refuses to any process, each with the rule that cannot be tried and the reason."""

    @property
    def has_conversion(self) -> bool:
        """Whether memory can be converted in place (KVM_SET_MEMORY_ATTRIBUTES2): the kernel's switch is on (V-13)."""
        return self.extensions["GUEST_MEMFD_MEMORY_ATTRIBUTES"] > 0


class UnavailableError(Exception):
    """The running kernel cannot be asked; says why in one sentence."""


def probe(device: Path = DEVICE) -> Capabilities:
    """What this kernel offers; raises UnavailableError when it does not offer guest_memfd with MMAP and INIT_SHARED."""
    if platform.machine() not in ("x86_64", "aarch64"):
        raise UnavailableError(f"found a {platform.machine()} machine, allowed: x86_64 or aarch64")
    try:
        kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise UnavailableError(f"{device}: {error.strerror}, allowed: a KVM device that may be opened") from None
    try:
        found = {
            name: max(ioctl(kvm, abi.KVM_CHECK_EXTENSION, number)[1], 0) for number, name in abi.CAPABILITIES.items()
        }
        try_file(kvm)
    finally:
        os.close(kvm)
    return Capabilities(platform.release(), platform.machine(), found, refused_calls())


def try_file(kvm: int) -> None:
    """Make a VM and a file that can be mapped and is shared."""
    failed, vm = ioctl(kvm, abi.KVM_CREATE_VM, 0)
    if failed:
        raise UnavailableError(f"KVM_CREATE_VM: {os.strerror(failed)}, allowed: a KVM that makes VMs")
    failed, fd = ioctl(vm, abi.KVM_CREATE_GUEST_MEMFD, abi.GuestMemfdArgument(PAGE_BYTES, MMAP | INIT_SHARED))
    os.close(vm)
    if failed:
        raise UnavailableError(
            f"KVM_CREATE_GUEST_MEMFD with MMAP and INIT_SHARED: {os.strerror(failed)}, "
            "allowed: Linux 6.18 or later with KVM_GUEST_MEMFD"
        )
    os.close(fd)


def refused_calls() -> dict[str, str]:
    """Calls of a sequence that a setting of this machine forbids, with what that leaves untried."""
    left_out = {}
    parameters = ctypes.create_string_buffer(120)
    for call, rule, name, arguments in (
        ("register", "X-6", "io_uring_setup", (1, parameters)),
        ("userfault", "X-13", "userfaultfd", (os.O_CLOEXEC,)),
    ):
        failed, fd = system_call(name, *arguments)
        if failed:
            left_out[call] = f"{rule}, {name}: {os.strerror(failed)}"
        else:
            os.close(fd)
    return left_out
