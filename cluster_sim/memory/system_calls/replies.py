"""What the model of the host's system calls works on and answers: files, mappings, pins, replies."""

from dataclasses import dataclass, field
from typing import NamedTuple

from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.system_calls.call_numbers import MMAP


class Reply(NamedTuple):
    """An answer: errno or signal, what was read, and the rules of docs/model.md that decided it."""

    outcome: int
    value: int
    rules: tuple[str, ...]


def done(*rules: str, value: int = 0) -> Reply:
    """A call that did what it was asked."""
    return Reply(int(Outcome.OK), value, rules)


def refused(outcome: int, *rules: str) -> Reply:
    """A call that was refused."""
    return Reply(int(outcome), 0, rules)


@dataclass
class File:
    """One guest_memfd file; lives as long as a descriptor, a mapping or a pin refers to it."""

    vm: int
    size_bytes: int
    flags: int
    memfd: GuestMemfd

    @property
    def pages(self) -> int:
        """Its length."""
        return self.memfd.page_count

    @property
    def is_mappable(self) -> bool:
        """Made with the MMAP flag."""
        return bool(self.flags & MMAP)


@dataclass
class View:
    """One host mapping of a file: where it begins in the file, how long it is, what it allows."""

    file: File
    number: int
    first_page: int
    pages: int
    protection: int

    def has(self, page: int) -> bool:
        """Whether a page of the mapping lies inside the file."""
        return self.first_page + page < self.file.pages


@dataclass
class Pin:
    """References that somebody holds: the file's pages, and what those that were punched since held (F-13)."""

    file: File
    pages: list[int]
    is_long: bool
    orphans: dict[int, int] = field(default_factory=dict)


@dataclass
class Slot:
    """A memslot: where it lies in the guest, and the range of the file that backs it."""

    gpa_page: int
    pages: int
    file: File | None
    file_page: int
