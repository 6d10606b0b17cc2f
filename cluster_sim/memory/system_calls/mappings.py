"""The process's mappings of guest_memfd, and what changes them: rules P-1 to P-9, X-7 to X-10.

A file has up to three mappings, and one more in a second process (fork of the first).
"""

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import Operation
from cluster_sim.memory.system_calls.call_numbers import (
    EXEC,
    FILES,
    FORKED_VIEW,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    MAP_TYPE,
    PIN_HOLDERS,
    READ,
    VIEWS_A_FILE,
    WRITE,
)
from cluster_sim.memory.system_calls.replies import File, Pin, Reply, View, done, refused

WITHOUT_EFFECT = {"MERGEABLE": "X-10", "COLD": "X-10", "PAGEOUT": "X-10"}
INVALID = {"FREE": "X-10", "COLLAPSE": "P-9"}


class Mappings:
    """Files, their mappings and who pins their pages."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[File | None] = [None] * FILES
        self.views: list[list[View | None]] = [[None] * (VIEWS_A_FILE + 1) for _ in range(FILES)]
        self.pins: list[Pin | None] = [None] * PIN_HOLDERS

    def mask(self, view: View) -> int:
        """Which pages of a mapping have a page-table entry, a bit a page."""
        bits = 0
        for page in range(view.pages):
            if view.has(page) and view.file.memfd.page(view.first_page + page).host_views >> view.number & 1:
                bits |= 1 << page
        return bits

    def mmap(self, slot: int, number: int, flags: int, protection: int, offset: int, length: int) -> Reply:
        """Map a file; MAP_POPULATE and MAP_LOCKED fault in what they may, and never fail for it."""
        file = self.files[slot]
        if file is None:
            return refused(Outcome.EBADF)
        if self.views[slot][number] is not None:
            return refused(Outcome.EEXIST)
        if offset % PAGE_BYTES:
            return refused(Outcome.EINVAL, "P-6")
        refusal = self._refused_mapping(file, flags, protection)
        if refusal is not None:
            return refusal
        first, pages = offset // PAGE_BYTES, -(-length // PAGE_BYTES)
        view = View(file, number, first, pages, protection)
        self.views[slot][number] = view
        rules = ["P-3" if protection == READ | WRITE else "P-5"]
        if first + pages > file.pages:
            rules.append("P-6")
        if flags & (MAP_POPULATE | MAP_LOCKED):
            rules.append("P-8")
            for page in range(pages):
                if self._fault(view, page) != Outcome.OK:
                    break
        return done(*rules)

    def _refused_mapping(self, file: File, flags: int, protection: int) -> Reply | None:
        """Why a file cannot be mapped so, in the kernel's order."""
        if flags & MAP_HUGETLB:
            return refused(Outcome.EINVAL, "P-7")
        if flags & MAP_TYPE == MAP_SHARED_VALIDATE and flags & MAP_SYNC:
            return refused(Outcome.EOPNOTSUPP, "P-3")
        if protection & EXEC:
            return refused(Outcome.EPERM, "P-4")
        if not file.is_mappable:
            return refused(Outcome.ENODEV, "P-1")
        if flags & MAP_TYPE == MAP_PRIVATE:
            return refused(Outcome.EINVAL, "P-2")
        return None

    def munmap(self, slot: int, number: int) -> Reply:
        """Unmap a whole mapping."""
        view = self.views[slot][number]
        if view is None:
            return refused(Outcome.EBADF)
        self._forget(view, 0, view.pages)
        self.views[slot][number] = None
        return done("P-5")

    def fork(self) -> Reply:
        """Make the second process anew: it inherits the first mapping of each file, and faults in its own entries."""
        self.exit_fork()
        for slot in range(FILES):
            view = self.views[slot][0]
            if view is not None:
                self.views[slot][FORKED_VIEW] = View(
                    view.file, FORKED_VIEW, view.first_page, view.pages, view.protection
                )
        return done("P-5")

    def exit_fork(self) -> Reply:
        """End the second process."""
        for slot in range(FILES):
            view = self.views[slot][FORKED_VIEW]
            if view is not None:
                self._forget(view, 0, view.pages)
                self.views[slot][FORKED_VIEW] = None
        return done()

    def protect(self, slot: int, number: int, protection: int) -> Reply:
        """Mprotect of a whole mapping."""
        view = self.views[slot][number]
        if view is None:
            return refused(Outcome.EBADF)
        if protection & EXEC:
            return refused(Outcome.EACCES, "P-4")
        view.protection = protection
        return done("P-5")

    def grow(self, slot: int, number: int) -> Reply:
        """Mremap of a mapping to one page more, wherever there is room; its entries move along."""
        view = self.views[slot][number]
        if view is None:
            return refused(Outcome.EBADF)
        view.pages += 1
        return done("P-5")

    def _forget(self, view: View, page: int, count: int) -> None:
        """A mapping loses its entries of some pages; their content stays (X-9)."""
        first = view.first_page + page
        end = min(first + count, view.file.pages)
        if first < end:
            view.file.memfd.apply(Operation.UNMAP_HOST, first, end - first, view=view.number)

    def _fault(self, view: View, page: int) -> Outcome:
        """A host fault on one page of a mapping: OK, or EFAULT for what has no page."""
        if not view.has(page):
            return Outcome.EFAULT
        return view.file.memfd.apply(Operation.HOST_TOUCH, view.first_page + page, 1, view=view.number).outcome

    def lock(self, slot: int, number: int, page: int, count: int) -> Reply:
        """Mlock, then munlock: pages are faulted in up to the first that may not be."""
        return self._populate(slot, number, page, count, refusal=Outcome.ENOMEM)

    def _populate(self, slot: int, number: int, page: int, count: int, *, refusal: Outcome) -> Reply:
        view = self.views[slot][number]
        if view is None or page + count > view.pages or count <= 0:
            return refused(Outcome.EBADF)
        for each in range(page, page + count):
            if self._fault(view, each) != Outcome.OK:
                return refused(refusal, "X-7" if view.has(each) else "P-6")
        return done("X-7")

    def advise(self, slot: int, number: int, page: int, count: int, advice: str, locked: int) -> Reply:
        """Madvise; `locked` does it while the range is locked."""
        view = self.views[slot][number]
        if view is None or page + count > view.pages or count <= 0:
            return refused(Outcome.EBADF)
        if locked:
            self._populate(slot, number, page, count, refusal=Outcome.ENOMEM)
        if locked and advice in ("COLD", "PAGEOUT"):
            return refused(Outcome.EINVAL, "X-10")
        if advice in WITHOUT_EFFECT:
            return done(WITHOUT_EFFECT[advice])
        if advice in INVALID:
            return refused(Outcome.EINVAL, INVALID[advice])
        if advice in ("POPULATE_READ", "POPULATE_WRITE"):
            if advice == "POPULATE_WRITE" and not view.protection & WRITE:
                return refused(Outcome.EINVAL, "X-12")
            return self._populate(slot, number, page, count, refusal=Outcome.EFAULT)
        if locked:
            return refused(Outcome.EINVAL, "X-11" if advice == "REMOVE" else "X-9")
        if advice == "DONTNEED":
            self._forget(view, page, count)
            return done("X-9")
        first = view.first_page + page
        reply = self.punch(view.file, first, min(first + count, view.file.pages))
        return reply._replace(rules=("X-11", *reply.rules))

    def mark_huge(self, slot: int, number: int) -> Reply:
        """MADV_HUGEPAGE on a whole mapping: accepted, without effect."""
        return refused(Outcome.EBADF) if self.views[slot][number] is None else done("P-9")

    def punch(self, file: File, first: int, end: int) -> Reply:
        """Punch a hole in a file; whoever holds a pin keeps the old page with its data."""
        rules = ["F-5"]
        if first < end:
            if any(file.memfd.page(page).is_private for page in range(first, end)):
                rules.append("F-16")
            for pin in self.pins:
                if pin is not None and pin.file is file:
                    for page in set(pin.pages) - set(pin.orphans):
                        if first <= page < end:
                            pin.orphans[page] = file.memfd.page(page).content
                            rules.append("F-13")
            before = [file.memfd.page(page).is_private for page in range(first, end)]
            file.memfd.apply(Operation.PUNCH, first, end - first)
            assert before == [file.memfd.page(page).is_private for page in range(first, end)], "F-14"
            rules.append("F-14")
        return done(*dict.fromkeys(rules))

    def residence(self, slot: int, number: int, page: int) -> Reply:
        """Mincore of one page."""
        view = self.views[slot][number]
        if view is None or page >= view.pages:
            return refused(Outcome.EBADF)
        is_in = view.has(page) and view.file.memfd.page(view.first_page + page).is_uptodate
        return done("X-8", value=int(is_in))

    def userfault(self, slot: int, number: int, mode: int) -> Reply:
        """UFFDIO_REGISTER of a mapping: for missing pages, for write protection or for minor faults."""
        del mode
        return refused(Outcome.EBADF) if self.views[slot][number] is None else refused(Outcome.EINVAL, "X-13")

    def bind_memory(self, slot: int, number: int) -> Reply:
        """Mbind of a mapping to node 0."""
        return refused(Outcome.EBADF) if self.views[slot][number] is None else done("X-14")
