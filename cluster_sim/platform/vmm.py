"""What virtual machine monitors do with memory that converts, as records with their sources.

None that is released converts in place; each record says what the monitor does today after a conversion, carried over.
"""

from dataclasses import dataclass
from typing import Final, Literal

from cluster_sim.platform.protection import Protection

HostFaults = Literal["lazy", "populate"]
GuestFaults = Literal["lazy", "prefault"]


@dataclass(frozen=True, slots=True)
class Vmm:
    """One monitor.

    `host_faults`: whether its own mapping of shared memory faults page by page, or is populated before use
    (MADV_POPULATE_WRITE). `guest_faults`: whether the guest faults in what converted, or the monitor maps it ahead when
    the guest's hypercall asks for a conversion (KVM_PRE_FAULT_MEMORY).
    """

    name: str
    host_faults: HostFaults
    guest_faults: GuestFaults
    source: str


VMMS: Final[dict[str, Vmm]] = {
    record.name: record
    for record in (
        Vmm(
            "qemu-10",
            "lazy",
            "prefault",
            "QEMU 10.1 and later, commit 4cdc489eb9: KVM_PRE_FAULT_MEMORY after each KVM_HC_MAP_GPA_RANGE, both ways",
        ),
        Vmm(
            "cloud-hypervisor",
            "lazy",
            "lazy",
            "Cloud Hypervisor 52: sets attributes and punches the other backing; maps nothing ahead",
        ),
        Vmm("crosvm", "lazy", "lazy", "crosvm: protected guests under pKVM, whose conversions EL2 carries out"),
        Vmm("minimal", "lazy", "lazy", "a monitor that changes attributes and does nothing else"),
    )
}


def guest_faults_of(vmm: Vmm, protection: Protection) -> GuestFaults:
    """What a monitor does on a technology: it can map ahead only where a conversion asks it."""
    return vmm.guest_faults if protection.vmm_exits != "none" else "lazy"
