"""Every way in which a host reaches a page of a mapping, or pins it: rules X-1 to X-6 and X-12.

What a page answers is the compiled model's; here that answer gets the name which each way of access gives it.
"""

from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import Operation
from cluster_sim.memory.system_calls.call_numbers import FORKED_VIEW, WRITE
from cluster_sim.memory.system_calls.mappings import Mappings
from cluster_sim.memory.system_calls.replies import Pin, Reply, done, refused


class Accesses(Mappings):
    """Mappings whose pages are read, written and pinned."""

    def _access(self, slot: int, number: int, page: int, *, tag: int | None, names: tuple[Outcome, str]) -> Reply:
        """Reach a page through a mapping; `names` says what a private page answers, and by which rule."""
        view = self.views[slot][number]
        if view is None or page >= view.pages:
            return refused(Outcome.EBADF)
        outcome, rule = names
        if tag is not None and not view.protection & WRITE:
            return refused(Outcome.SIGSEGV if outcome == Outcome.SIGBUS else outcome, "X-12")
        if not view.has(page):
            return refused(outcome, "P-6")
        memfd, index = view.file.memfd, view.first_page + page
        was_used = memfd.page(index).is_uptodate
        if self._fault(view, page) != Outcome.OK:
            return refused(outcome, rule)
        rules = [rule] if was_used else [rule, "X-15"]
        if tag is not None:
            memfd.apply(Operation.HOST_WRITE, index, 1, tag=tag, view=view.number)
        if number == FORKED_VIEW:
            rules.append("P-5")
        return done(*rules, "P-9", value=memfd.page(index).content)

    def load(self, slot: int, number: int, page: int) -> Reply:
        """A userspace load."""
        return self._access(slot, number, page, tag=None, names=(Outcome.SIGBUS, "X-1"))

    def store(self, slot: int, number: int, page: int, tag: int) -> Reply:
        """A userspace store."""
        return self._access(slot, number, page, tag=tag, names=(Outcome.SIGBUS, "X-1"))

    def copy_from_user(self, slot: int, number: int, page: int) -> Reply:
        """write(2) of the page's bytes into a pipe."""
        return self._access(slot, number, page, tag=None, names=(Outcome.EFAULT, "X-2"))

    def copy_to_user(self, slot: int, number: int, page: int, tag: int) -> Reply:
        """read(2) from a pipe into the page."""
        return self._access(slot, number, page, tag=tag, names=(Outcome.EFAULT, "X-2"))

    def process_vm_read(self, slot: int, number: int, page: int) -> Reply:
        """process_vm_readv of our own memory."""
        return self._access(slot, number, page, tag=None, names=(Outcome.EFAULT, "X-3"))

    def mem_read(self, slot: int, number: int, page: int) -> Reply:
        """Pread of /proc/self/mem."""
        return self._access(slot, number, page, tag=None, names=(Outcome.EIO, "X-4"))

    def mem_write(self, slot: int, number: int, page: int, tag: int) -> Reply:
        """Pwrite of /proc/self/mem."""
        return self._access(slot, number, page, tag=tag, names=(Outcome.EIO, "X-4"))

    def splice_pages(self, slot: int, number: int, page: int, holder: int) -> Reply:
        """Vmsplice of a page into a pipe, which then refers to it (GUP)."""
        return self._pin(slot, number, page, 1, holder, is_long=False)

    def register(self, slot: int, number: int, page: int, count: int, holder: int) -> Reply:
        """IORING_REGISTER_BUFFERS on pages: a long-term pin."""
        return self._pin(slot, number, page, count, holder, is_long=True)

    def _pin(self, slot: int, number: int, page: int, count: int, holder: int, *, is_long: bool) -> Reply:
        view = self.views[slot][number]
        if view is None or page + count > view.pages or count <= 0:
            return refused(Outcome.EBADF)
        if self.pins[holder] is not None:
            return refused(Outcome.EBUSY)
        rule = "X-6" if is_long else "X-5"
        if is_long and not view.protection & WRITE:
            return refused(Outcome.EFAULT, "X-12")
        for each in range(page, page + count):
            if self._fault(view, each) != Outcome.OK:
                return refused(Outcome.EFAULT, rule if view.has(each) else "P-6")
        pages = [view.first_page + each for each in range(page, page + count)]
        operation = Operation.PIN_LONG if is_long else Operation.PIN_SHORT
        for each in pages:
            view.file.memfd.apply(operation, each, 1)
        self.pins[holder] = Pin(view.file, pages, is_long)
        return done(rule)

    def unpin(self, holder: int) -> Reply:
        """Let go of a holder's pages; a pipe is read first: it has the page that it was given (F-13)."""
        pin = self.pins[holder]
        if pin is None:
            return refused(Outcome.EBADF)
        first = pin.pages[0]
        value = pin.orphans[first] if first in pin.orphans else pin.file.memfd.page(first).content
        operation = Operation.UNPIN_LONG if pin.is_long else Operation.UNPIN_SHORT
        for page in pin.pages:
            if page not in pin.orphans:
                pin.file.memfd.apply(operation, page, 1)
        self.pins[holder] = None
        rules = ("F-13",) if pin.orphans else ()
        return done(*rules, value=0 if pin.is_long else value)
