"""A guest's exit and its return, where KVM runs guest code on the CPU itself: cpuid in a loop, which always exits.

A guest that is itself run by a hypervisor would time both of them: its figure is refused.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import MAP_ANONYMOUS, MAP_SHARED, mmap
from pathlib import Path
from platform import machine as machine_kind
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.calls import NUMBERS
from cluster_sim.calibration.files import opened
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, batches
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel import abi

KVM_CREATE_VCPU: Final = 0xAE41
KVM_RUN: Final = 0xAE80
KVM_GET_VCPU_MMAP_SIZE: Final = 0xAE04
KVM_GET_SREGS: Final = 0x8138AE83
KVM_SET_SREGS: Final = 0x4138AE84
KVM_SET_REGS: Final = 0x4090AE82
"""include/uapi/linux/kvm.h, x86."""
SREGS_BYTES: Final = 312
REGS_WORDS: Final = 18
RFLAGS = 17
EXIT_REASON: Final = 8
KVM_EXIT_IO: Final = 2
EXITS: Final = 1000
CODE: Final = bytes([0xBE, EXITS & 0xFF, EXITS >> 8, 0x0F, 0xA2, 0x4E, 0x75, 0xFB, 0xE6, 0x40, 0xEB, 0xF4])
"""mov si, EXITS; again: cpuid; dec si; jnz again; out 0x40, al; jmp to the beginning (16 bits, at address 0)."""


def told(error: int, what: str) -> None:
    """Refuse the figure where KVM does."""
    if error:
        raise RefusedError(f"{what}: {os.strerror(error)}")


@contextmanager
def guest(device: Path) -> Iterator[tuple[int, mmap]]:
    """A vCPU that will run CODE in real mode: its file descriptor and its struct kvm_run."""
    held: list[int] = []
    memory = mmap(-1, PAGE_BYTES, MAP_SHARED | MAP_ANONYMOUS)
    memory[: len(CODE)] = CODE
    array = np.frombuffer(memory, np.uint8)
    try:
        kvm = opened(device)
        held.append(kvm)
        refused, vm = abi.ioctl(kvm, abi.KVM_CREATE_VM, 0)
        told(refused, "KVM makes no VM")
        held.append(vm)
        region = abi.MemoryRegion2(slot=0, guest_phys_addr=0, memory_size=PAGE_BYTES, userspace_addr=array.ctypes.data)
        told(abi.ioctl(vm, abi.KVM_SET_USER_MEMORY_REGION, region)[0], "KVM takes no memory")
        refused, vcpu = abi.ioctl(vm, KVM_CREATE_VCPU, 0)
        told(refused, "KVM makes no vCPU")
        held.append(vcpu)
        enter_real_mode(vcpu)
        _, size = abi.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)
        with mmap(vcpu, size) as run:
            yield vcpu, run
    finally:
        for fd in reversed(held):
            os.close(fd)


def enter_real_mode(vcpu: int) -> None:
    """Let it begin at address 0: the code segment is the 13th word pair of kvm_sregs, base first, then its selector."""
    special = (ctypes.c_uint8 * SREGS_BYTES)()
    told(abi.ioctl(vcpu, KVM_GET_SREGS, ctypes.byref(special))[0], "KVM tells no registers")
    ctypes.memset(special, 0, 8)  # base of cs, the first segment
    ctypes.memset(ctypes.byref(special, 12), 0, 2)  # its selector, behind base and limit
    told(abi.ioctl(vcpu, KVM_SET_SREGS, ctypes.byref(special))[0], "KVM sets no segments")
    registers = (ctypes.c_uint64 * REGS_WORDS)()
    registers[RFLAGS] = 2
    told(abi.ioctl(vcpu, KVM_SET_REGS, ctypes.byref(registers))[0], "KVM sets no registers")


def exit_rounds(device: Path, effort: Effort) -> list[Round]:
    """Of an exit that the kernel itself answers, and of its return, ns."""
    with guest(device) as (vcpu, run):
        arguments = loops.words(vcpu, KVM_RUN)

        def do(count: int) -> None:
            if loops.calls(count, NUMBERS["ioctl"], arguments, loops.NOTHING_MOVES, 0):
                raise RefusedError("KVM does not run the guest")
            reason = int.from_bytes(run[EXIT_REASON : EXIT_REASON + 4], "little")
            if reason != KVM_EXIT_IO:
                raise RefusedError(f"the guest ended with exit reason {reason}, not with its output")

        return [Round(each.value / EXITS, each.is_disturbed) for each in batches(effort, do)]


def measures(on: Machine) -> list[Measure]:
    """The one of the CPU's maker."""
    maker = "intel" if "intel" in on.processor.lower() else "amd"

    def rounds(effort: Effort) -> list[Round]:
        if machine_kind() != "x86_64":
            raise RefusedError("written for x86 alone")
        if on.is_guest:
            raise RefusedError(
                "this machine is itself a guest (cpuid's hypervisor bit): an exit here would be two, or emulated"
            )
        return exit_rounds(on.kvm, effort)

    return [Measure(f"exit.plain_{maker}.hypercall", "us", "cpuid in a guest: exit, answer, return", rounds)]
