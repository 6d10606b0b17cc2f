"""A scenario's technology as its host has it: what the definition says of locks, firmware and monitor besides."""

from dataclasses import replace

from cluster_sim.platform.protection import PROTECTIONS, Protection
from cluster_sim.platform.vmm import VMMS, GuestFaults, HostFaults, guest_faults_of
from cluster_sim.scenario.spec import ScenarioSpec

HUGE_LEAF_BYTES = 2 << 20


def protection_of(scenario: ScenarioSpec) -> Protection:
    """The technology's record, with the lock and the firmware that the definition says."""
    protection = PROTECTIONS[scenario.protection]
    lock = scenario.cluster.host.conversion_lock
    if lock != "auto":
        protection = replace(protection, has_host_lock=lock == "host")
    if scenario.protection == "cca" and scenario.rmm > 1:
        protection = replace(protection, has_range_calls=True, leaf_bytes_max=HUGE_LEAF_BYTES)
    return protection


def vmm_faults(scenario: ScenarioSpec, protection: Protection) -> tuple[HostFaults, GuestFaults]:
    """How host and guest come to map what converted: as the definition says, else as its monitor does."""
    host, vmm = scenario.cluster.host, VMMS[scenario.cluster.host.vmm]
    of_host = vmm.host_faults if host.host_faults == "auto" else host.host_faults
    of_guest = guest_faults_of(vmm, protection) if host.guest_faults == "auto" else host.guest_faults
    return of_host, of_guest
