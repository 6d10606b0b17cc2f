"""What a definition may say of guest memory: backing, generation, huge pages, placement, pins, injected faults."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_sim.scenario.frozen import Spec
from cluster_sim.scenario.units import BytesOrAuto, Count, DurationNs, DurationOrForever, FolioBytes, PageBytes

OnPin = Literal["retry", "wait", "defer"]


class PinsSpec(Spec):
    """Pins that some user on the host holds on the device's buffers beyond the transfer's own copy."""

    term: Literal["short", "long"] = "short"
    """`short` as direct I/O takes them, `long` as VFIO and registered io_uring buffers do."""
    lasts: DurationOrForever = Field(examples=["2ms"])
    """How long after the host has filled the buffer they are given back; `forever` breaks VFIO's contract."""
    every: Count = 1
    """One of so many frames is pinned."""


class MemorySpec(Spec):
    """What backs guest memory, and the rules of its conversion."""

    backing: Literal["guest_memfd", "exclusive_pin"] = "guest_memfd"
    """guest_memfd, or ordinary pages under exclusive pins (FOLL_EXCLUSIVE, the rival proposal of 2024)."""
    generation: Literal["G0", "G1", "G2", "G3", "G4"] = "G3"
    """G0 (6.8) two backings, G1 (6.18), G2 (to 7.3) fixed files, G3 (due in 7.4) in place, G4 (RFC) huge pages."""
    discard: bool = True
    """G0: whether the VMM frees what a conversion left in the other backing; if not, memory is held twice."""
    huge_page: FolioBytes = 4096
    """G4: page size of the files, split when any of it is shared and merged when all is private again."""
    split: Literal["any_shared", "mixed"] = "any_shared"
    """G4: what splits a huge page: any shared page in it, as in the series, or only pages of both kinds in one."""
    hvo: bool = False
    """G4: whether huge pages give up most of their struct pages (HVO), which a split must restore."""
    resident: BytesOrAuto = "auto"
    """What of a guest is shared for good beside pools (virtqueues); `auto`: 256KiB with pages of 1GiB, else none."""
    placement: Literal["clustered", "scattered"] = "clustered"
    """Where memory for I/O lies: in one region, or page by page all over the guest."""
    on_pin: OnPin = "retry"
    """What a refused conversion does: try again, wait for the unpin, or complete at the last unpin by itself."""
    retry_after: DurationNs = 100_000
    """How long after a refusal the next attempt comes."""
    pins: PinsSpec | None = None
    """Pins of others on the host; without them none outlasts the transfer's own copy."""

    @property
    def pin_policy(self) -> OnPin:
        """What pins do to a conversion: with two backings they refuse none, so that none is put off either (T-6)."""
        return "retry" if self.generation == "G0" else self.on_pin


Access = Literal[
    "host_load",
    "host_store",
    "uaccess",
    "proc_mem",
    "pin",
    "kernel_load",
    "kernel_store",
    "guest_private",
    "guest_shared",
    "memory_failure",
    "punch",
    "host_to_shared",
    "host_to_private",
]


class FaultSpec(Spec):
    """One access, failure or host decision that goes against the rules, put into the run."""

    at: DurationNs = Field(examples=["1s"])
    """When it happens."""
    access: Access = Field(examples=["host_load"])
    """What is done: by a host process, by a system call, by the host kernel, by the guest, by the memory itself."""
    guest: str = Field(pattern=r"^[a-z0-9_-]+$", examples=["example-guests"])
    """Group of the guest whose memory it is."""
    index: Annotated[int, Field(strict=True, ge=0)] = 0
    """Which guest of the group on the host."""
    host: Annotated[int, Field(strict=True, ge=0)] = 0
    """On which host."""
    offset: PageBytes = 0
    """Where in the guest's memory; its memory for I/O begins at 0."""
    length: PageBytes = 4096
    """How much of it."""
    by: Literal["vmm", "bystander"] = "vmm"
    """Which host process does it; a signal kills the guest with its VMM, or the bystander alone."""
