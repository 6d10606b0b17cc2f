"""Memslots as KVM_SET_USER_MEMORY_REGION2 makes and refuses them; guest_memfd's rules M-1 to M-13."""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.system_calls.call_numbers import (
    BAD_FD,
    GUEST_MEMFD,
    LOG_DIRTY_PAGES,
    OTHER_FILE,
    READONLY,
    SLOTS,
    VMS,
)
from cluster_sim.memory.system_calls.replies import File, Reply, Slot, done, refused


class Memslots:
    """Slots of two VMs."""

    files: list[File | None]

    def __init__(self) -> None:
        super().__init__()
        self.slots: list[list[Slot | None]] = [[None] * SLOTS for _ in range(VMS)]

    def set_slot(
        self, vm: int, number: int, gpa_page: int, pages: int, file: int, offset: int, flags: int, pad: int
    ) -> Reply:
        """KVM_SET_USER_MEMORY_REGION2 with a file behind it; `pages` 0 deletes."""
        if flags & ~(LOG_DIRTY_PAGES | READONLY | GUEST_MEMFD):
            return refused(Outcome.EINVAL, "M-7")
        if flags & (LOG_DIRTY_PAGES | READONLY):
            return refused(Outcome.EINVAL, "M-5")
        if offset % PAGE_BYTES or (offset < 0 and pages > 0):
            return refused(Outcome.EINVAL, "M-4")
        old = self.slots[vm][number]
        if pages == 0:
            return self._delete(vm, number)
        if old is not None:
            return refused(Outcome.EINVAL, "M-7")
        if self._overlaps(vm, gpa_page, pages):
            return refused(Outcome.EEXIST, "M-8")
        refusal = self._binding(vm, pages, file, offset)
        if refusal is not None:
            return refusal
        self.slots[vm][number] = Slot(gpa_page, pages, self.files[file], offset // PAGE_BYTES)
        return done("M-6", *(("M-13",) if pad else ()))

    def old_region(self, vm: int, number: int) -> Reply:
        """The old KVM_SET_USER_MEMORY_REGION with the flag of guest_memfd."""
        del vm, number
        return refused(Outcome.EINVAL, "M-12")

    def _delete(self, vm: int, number: int) -> Reply:
        if self.slots[vm][number] is None:
            return refused(Outcome.EINVAL, "M-7")
        self.slots[vm][number] = None
        return done("M-7")

    def _overlaps(self, vm: int, gpa_page: int, pages: int) -> bool:
        return any(
            slot is not None and slot.gpa_page < gpa_page + pages and gpa_page < slot.gpa_page + slot.pages
            for slot in self.slots[vm]
        )

    def _binding(self, vm: int, pages: int, number: int, offset: int) -> Reply | None:
        """Why a range of a file cannot back a slot (kvm_gmem_bind), or None."""
        if number == OTHER_FILE:
            return refused(Outcome.EINVAL, "M-2")
        file = None if number == BAD_FD else self.files[number]
        if file is None:
            return refused(Outcome.EBADF, "M-1")
        if file.vm != vm:
            return refused(Outcome.EINVAL, "M-3", "C-9")
        if offset + pages * PAGE_BYTES > file.size_bytes:
            return refused(Outcome.EINVAL, "M-4")
        first = offset // PAGE_BYTES
        for slots in self.slots:
            for slot in slots:
                if slot is None or slot.file is not file:
                    continue
                if slot.file_page < first + pages and first < slot.file_page + slot.pages:
                    return refused(Outcome.EINVAL, "M-6")
        return None
