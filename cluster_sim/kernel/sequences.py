"""Random sequences of host calls: drawn by weight, with arguments from the edges, the same for the same seed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from cluster_sim.chance.keyed_draws import draw
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.memory.pages import FIRST_TAG
from cluster_sim.memory.system_calls.call_numbers import (
    ADVICE,
    BAD_FD,
    EXEC,
    FILES,
    FORKED_VIEW,
    GUEST_MEMFD,
    KEEP_SIZE,
    LOG_DIRTY_PAGES,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_SYNC,
    OTHER_FILE,
    PIN_HOLDERS,
    PUNCH_HOLE,
    READ,
    READONLY,
    SLOTS,
    SPARSE_BYTES,
    VIEWS_A_FILE,
    VMS,
    WRITE,
)

Argument = int | str
Call = tuple[Argument, ...]
"""The name of a method of both sides, and its arguments."""

Item = TypeVar("Item")

FILE_PAGES = 16
RING_PAGES_MAX = 4
BAD_FALLOCATE_MODES = (0, PUNCH_HOLE, 0x08, 0x09, 0x10, 0x11, 0x20, 0x21, 0x40, 0x41)


class Chooser:
    """Draws, each with a name of its own: (seed, sequence, how many there were before)."""

    def __init__(self, seed: int, sequence: int) -> None:
        self.key = (seed, sequence)
        self.drawn = 0

    def below(self, bound: int) -> int:
        """A number in [0, bound)."""
        self.drawn += 1
        return draw(bound, *self.key, self.drawn)

    def one_of(self, items: Sequence[Item]) -> Item:
        """One of some things."""
        return items[self.below(len(items))]

    def chance(self, one_in: int) -> bool:
        """Whether something happens that happens once in so many times."""
        return self.below(one_in) == 0

    def file(self) -> int:
        """A file slot; the first two, one shared and one private, come most often."""
        return self.one_of((0, 0, 0, 1, 1, 2, 3))

    def view(self) -> int:
        """A mapping's number; the second process's less often."""
        return self.one_of((0, 0, 0, 1, 1, 2, FORKED_VIEW))

    def own_view(self) -> int:
        """A mapping of this process."""
        return self.one_of((0, 0, 1, 2))

    def page(self) -> int:
        """A page of a file or a mapping, the ends more often."""
        return self.one_of((0, 1, FILE_PAGES - 1, FILE_PAGES, self.below(FILE_PAGES)))

    def count(self) -> int:
        """How many pages."""
        return self.one_of((1, 1, 2, FILE_PAGES, 1 + self.below(FILE_PAGES)))

    def tag(self) -> int:
        """Something to write."""
        return FIRST_TAG + self.below(1 << 20)


def create(c: Chooser) -> Call:
    """Mostly a file of 16 pages, shared or private as its slot says; sometimes nonsense."""
    slot = c.file()
    size = FILE_PAGES * PAGE_BYTES
    flags = (3, 1, 0, 2)[slot]
    reserved, null = int(c.chance(6)), 0
    if c.chance(3):
        size = c.one_of((0, 1, PAGE_BYTES - 1, -PAGE_BYTES, SPARSE_BYTES, (1 << 63) - PAGE_BYTES, PAGE_BYTES, size))
        flags = c.one_of((0, 1, 2, 3, 3, 4, 1 << 63))
        null = int(c.chance(6))
    return "create", c.below(VMS) if c.chance(4) else 0, slot, size, flags, reserved, null


def fallocate(c: Chooser) -> Call:
    """Allocate or punch a range, sometimes an impossible one."""
    mode = KEEP_SIZE | (PUNCH_HOLE if c.chance(2) else 0)
    offset, length = c.page() * PAGE_BYTES, c.count() * PAGE_BYTES
    if c.chance(5):
        mode = c.one_of(BAD_FALLOCATE_MODES)
    if c.chance(5):
        offset, length = c.one_of(((offset + 1, length), (offset, 0), (-PAGE_BYTES, length), (offset, length - 8)))
    if c.chance(8):
        offset = c.one_of((FILE_PAGES, 4 * FILE_PAGES, 1 << 30)) * PAGE_BYTES
    return "fallocate", c.file(), mode, offset, length


def mmap(c: Chooser) -> Call:
    """Mostly all of a file, shared and writable; sometimes otherwise."""
    flags, protection = c.one_of((MAP_SHARED, MAP_SHARED, MAP_SHARED_VALIDATE)), READ | WRITE
    offset, length = 0, FILE_PAGES * PAGE_BYTES
    if c.chance(3):
        offset = c.one_of((0, PAGE_BYTES, PAGE_BYTES // 2, FILE_PAGES * PAGE_BYTES))
        length = c.one_of((PAGE_BYTES, length, length + 2 * PAGE_BYTES))
    if c.chance(4):
        flags = c.one_of(
            (
                MAP_PRIVATE,
                MAP_SHARED | MAP_POPULATE,
                MAP_SHARED | MAP_LOCKED,
                MAP_SHARED | MAP_HUGETLB,
                MAP_SHARED_VALIDATE | MAP_SYNC,
            )
        )
    if c.chance(6):
        protection = c.one_of((READ, READ | EXEC, READ | WRITE | EXEC))
    return "mmap", c.file(), c.own_view(), flags, protection, offset, length


def set_slot(c: Chooser) -> Call:
    """A memslot over a file's range, with a wrong argument now and then."""
    file, offset, flags = c.file(), c.one_of((0, 4, 8)) * PAGE_BYTES, GUEST_MEMFD
    if c.chance(6):
        file = c.one_of((BAD_FD, OTHER_FILE))
    if c.chance(8):
        offset = c.one_of((1, -PAGE_BYTES, FILE_PAGES * PAGE_BYTES))
    if c.chance(8):
        flags |= c.one_of((LOG_DIRTY_PAGES, READONLY, 1 << 6))
    gpa, pages = c.one_of((0, 4, 16, 64)), c.one_of((0, 0, 4, 4, 8))
    return "set_slot", c.below(VMS) if c.chance(5) else 0, c.below(SLOTS), gpa, pages, file, offset, flags, c.below(2)


def advise(c: Chooser) -> Call:
    """Advice on some pages of a mapping, sometimes while they are locked.

    MADV_HUGEPAGE is not among it: it marks whole mappings, for one marked in part can no more be grown as one.
    """
    name = c.one_of(("DONTNEED", "REMOVE", *ADVICE))
    return "advise", c.file(), c.own_view(), c.page(), c.count(), name, int(c.chance(6))


def convert(c: Chooser) -> Call:
    """A conversion on the file; on most kernels nobody knows it."""
    offset, length = c.page() * PAGE_BYTES, c.count() * PAGE_BYTES
    if c.chance(8):
        offset += 8
    return "convert", c.file(), offset, length, c.below(2), int(c.chance(10))


def copies(c: Chooser) -> Call:
    """One of the system calls that copy to or from a mapping."""
    name = c.one_of(("copy_from_user", "process_vm_read", "mem_read", "copy_to_user", "mem_write"))
    target = (c.file(), c.own_view(), c.page())
    return (name, *target, c.tag()) if name in ("copy_to_user", "mem_write") else (name, *target)


def pins(c: Chooser) -> Call:
    """Take or give back references."""
    if c.chance(2):
        return "unpin", c.below(PIN_HOLDERS)
    if c.chance(2):
        return "splice_pages", c.file(), c.own_view(), c.page(), c.below(PIN_HOLDERS)
    return "register", c.file(), c.own_view(), c.page(), 1 + c.below(RING_PAGES_MAX), c.below(PIN_HOLDERS)


def refusals(c: Chooser) -> Call:
    """One of the calls that a guest_memfd file never does."""
    slot = c.file()
    return c.one_of(
        (
            ("resize", slot, c.one_of((0, PAGE_BYTES, FILE_PAGES * PAGE_BYTES))),
            ("change", slot, c.below(2)),
            ("stream", slot, c.below(4)),
            ("seek", slot, c.below(4)),
            ("copy_in", slot),
            ("seal", slot, c.below(2)),
            ("unknown_ioctl", slot),
            ("reopen", slot),
            ("facts", slot),
        )
    )


def odds_and_ends(c: Chooser) -> Call:
    """What is asked of a mapping now and then."""
    target = (c.file(), c.own_view())
    return c.one_of(
        (
            ("residence", *target, c.page()),
            ("userfault", *target, c.one_of((1, 2, 4))),
            ("bind_memory", *target),
            ("grow", *target),
            ("mark_huge", *target),
            ("vm_attributes", c.below(VMS), c.page(), c.count()),
            ("old_region", c.below(VMS), c.below(SLOTS)),
            ("fork",),
            ("exit_fork",),
        )
    )


KINDS: tuple[tuple[int, Callable[[Chooser], Call]], ...] = (
    (4, create),
    (1, lambda c: ("close", c.file())),
    (10, fallocate),
    (8, mmap),
    (2, lambda c: ("munmap", c.file(), c.own_view())),
    (14, lambda c: ("load", c.file(), c.view(), c.page())),
    (14, lambda c: ("store", c.file(), c.view(), c.page(), c.tag())),
    (12, copies),
    (9, pins),
    (9, advise),
    (4, lambda c: ("lock", c.file(), c.own_view(), c.page(), c.count())),
    (2, lambda c: ("protect", c.file(), c.own_view(), c.one_of((READ, READ | WRITE, READ | WRITE, READ | EXEC)))),
    (7, set_slot),
    (3, refusals),
    (3, odds_and_ends),
    (3, convert),
)
TOTAL = sum(weight for weight, _ in KINDS)
OPENING: tuple[Call, ...] = (
    ("create", 0, 0, FILE_PAGES * PAGE_BYTES, 3, 0, 0),
    ("create", 0, 1, FILE_PAGES * PAGE_BYTES, 1, 0, 0),
    ("mmap", 0, 0, MAP_SHARED, READ | WRITE, 0, FILE_PAGES * PAGE_BYTES),
    ("mmap", 1, 0, MAP_SHARED, READ | WRITE, 0, FILE_PAGES * PAGE_BYTES),
)
assert VIEWS_A_FILE == 3
assert FILES == 4


def sequence(seed: int, number: int, length: int, *, without: frozenset[str] = frozenset()) -> list[Call]:
    """So many calls, none of `without`, with both kinds of files mapped to begin with."""
    chooser = Chooser(seed, number)
    calls = list(OPENING[:length])
    while len(calls) < length:
        drawn_weight = chooser.below(TOTAL)
        for weight, make in KINDS:
            if drawn_weight < weight:
                call = make(chooser)
                calls += [] if call[0] in without else [call]
                break
            drawn_weight -= weight
    return calls
