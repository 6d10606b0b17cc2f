"""What the host's system calls on guest_memfd answer: creation, file operations, attributes (Linux 6.18).

One object stands for two VMs of one process, their files and the process's mappings. The state of pages is the
compiled model's; here are the checks before it, in the kernel's order, each under its rule's id. Sources:
virt/kvm/guest_memfd.c, virt/kvm/kvm_main.c, mm/madvise.c, mm/gup.c.
"""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import MemoryRules, Operation
from cluster_sim.memory.system_calls.accesses import Accesses
from cluster_sim.memory.system_calls.call_numbers import FILES, INIT_SHARED, KEEP_SIZE, MMAP, PUNCH_HOLE, SPARSE_BYTES
from cluster_sim.memory.system_calls.memslots import Memslots
from cluster_sim.memory.system_calls.replies import File, Reply, done, refused

BYTES_MAX = (1 << 63) - 1
KNOWN_FLAGS = MMAP | INIT_SHARED


class SystemCalls(Accesses, Memslots):
    """The model; every method answers one call."""

    def __init__(self, rules: MemoryRules, *, has_conversion: bool = False) -> None:
        super().__init__()
        self.rules = rules
        self.has_conversion = has_conversion

    def create(self, vm: int, slot: int, size: int, flags: int, reserved: int, null: int) -> Reply:
        """KVM_CREATE_GUEST_MEMFD on a VM's descriptor, into one of our file slots."""
        if self.files[slot] is not None:
            return refused(Outcome.EEXIST)
        if null:
            return refused(Outcome.EFAULT, "C-6")
        if flags & ~KNOWN_FLAGS:
            return refused(Outcome.EINVAL, "C-4")
        if size <= 0 or size > BYTES_MAX or size % PAGE_BYTES:
            return refused(Outcome.EINVAL, "C-1")
        if size >= SPARSE_BYTES:
            return done("C-2")
        memfd = GuestMemfd(size // PAGE_BYTES, self.rules, init_shared=bool(flags & INIT_SHARED))
        self.files[slot] = File(vm, size, flags, memfd)
        rules = ["C-3"]
        if reserved:
            rules.append("C-5")
        if not flags & INIT_SHARED:
            rules.append("C-12")
        return done(*rules)

    def close(self, slot: int) -> Reply:
        """Close a file; mappings and pins keep it, memslots do not (C-10)."""
        file = self.files[slot]
        if file is None:
            return refused(Outcome.EBADF)
        self.files[slot] = None
        return done("C-10")

    def facts(self, slot: int) -> Reply:
        """What fstat, fcntl and the name under /proc say: all as expected, as one number."""
        file = self.files[slot]
        if file is None:
            return refused(Outcome.EBADF)
        holds_pages = any(file.memfd.page(page).is_present for page in range(file.pages))
        return done("C-7", *(("X-18",) if holds_pages else ()), value=file.size_bytes)

    def reopen(self, slot: int) -> Reply:
        """Open the file again through /proc/self/fd."""
        return refused(Outcome.EBADF if self.files[slot] is None else Outcome.ENXIO, "C-8")

    def fallocate(self, slot: int, mode: int, offset: int, length: int) -> Reply:
        """Allocate or punch."""
        file = self.files[slot]
        if file is None:
            return refused(Outcome.EBADF)
        if offset < 0 or length <= 0:
            return refused(Outcome.EINVAL, "F-4")
        if not mode & KEEP_SIZE or mode & ~(KEEP_SIZE | PUNCH_HOLE):
            return refused(Outcome.EOPNOTSUPP, "F-3")
        if offset + length > BYTES_MAX:
            return refused(Outcome.EINVAL, "F-4")
        if offset % PAGE_BYTES or length % PAGE_BYTES:
            return refused(Outcome.EINVAL, "F-4")
        first, end = offset // PAGE_BYTES, min((offset + length) // PAGE_BYTES, file.pages)
        if mode & PUNCH_HOLE:
            return self.punch(file, first, end)
        if offset + length > file.size_bytes:
            return refused(Outcome.EINVAL, "F-2")
        file.memfd.apply(Operation.ALLOCATE, first, end - first)
        return done("F-1")

    def resize(self, slot: int, size: int) -> Reply:
        """Call ftruncate, to any size."""
        del size
        return self._never(slot, Outcome.EINVAL, "F-7")

    def change(self, slot: int, what: int) -> Reply:
        """Call fchmod or futimens."""
        del what
        return self._never(slot, Outcome.EINVAL, "F-7")

    def stream(self, slot: int, what: int) -> Reply:
        """Call read, write, fsync or splice."""
        del what
        return self._never(slot, Outcome.EINVAL, "F-8")

    def seek(self, slot: int, what: int) -> Reply:
        """Call pread, pwrite, lseek or sendfile."""
        del what
        return self._never(slot, Outcome.ESPIPE, "F-9")

    def copy_in(self, slot: int) -> Reply:
        """Call copy_file_range from a file on another file system."""
        return self._never(slot, Outcome.EXDEV, "F-10")

    def seal(self, slot: int, what: int) -> Reply:
        """F_ADD_SEALS and F_GET_SEALS."""
        del what
        return self._never(slot, Outcome.EINVAL, "F-11")

    def unknown_ioctl(self, slot: int) -> Reply:
        """An ioctl that nobody knows."""
        return self._never(slot, Outcome.ENOTTY, "F-12")

    def _never(self, slot: int, outcome: Outcome, rule: str) -> Reply:
        return refused(Outcome.EBADF) if self.files[slot] is None else refused(outcome, rule)

    def convert(self, slot: int, offset: int, length: int, private: int, flags: int) -> Reply:
        """KVM_SET_MEMORY_ATTRIBUTES2 on the file; the value is the error's offset where it was refused."""
        file = self.files[slot]
        if file is None:
            return refused(Outcome.EBADF)
        if not self.has_conversion:
            return refused(Outcome.ENOTTY, "F-12")
        is_bad = flags or length <= 0 or offset < 0 or offset % PAGE_BYTES or length % PAGE_BYTES
        if is_bad or offset + length > file.size_bytes:
            return refused(Outcome.EINVAL, "V-1")
        first, count = offset // PAGE_BYTES, length // PAGE_BYTES
        answer = file.memfd.convert(first, count, to_private=bool(private))
        if answer.outcome == Outcome.EAGAIN:
            return Reply(int(Outcome.EAGAIN), answer.stopped_at * PAGE_BYTES, ("V-4", "V-9"))
        if not answer.effects:
            return done("V-3")
        return done("V-7", "V-8") if private else done("V-6")

    def vm_attributes(self, vm: int, page: int, pages: int) -> Reply:
        """KVM_SET_MEMORY_ATTRIBUTES on a VM without private memory."""
        del vm, page, pages
        return refused(Outcome.ENOTTY, "T-1")

    def presence(self) -> list[tuple[int, int, int]]:
        """(file slot or holder, view, bit mask of its pages with a page-table entry) of every mapping there is."""
        found = []
        for slot in range(FILES):
            for number, view in enumerate(self.views[slot]):
                if view is not None:
                    found.append((slot, number, self.mask(view)))
        return found
