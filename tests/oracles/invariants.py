"""The laws of guest memory, checked after every operation on any file: technology, generation, page size."""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from cluster_sim.memory.effects import BY_LEAF, Effect
from cluster_sim.memory.guest_memfd import Answer, GuestMemfd
from cluster_sim.memory.leaves import HOST_LEAF_ONE, LEAF_MAPPED, shared_in
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import (
    ACCEPT_ZEROES,
    CONTENT_SHIFT,
    DEFERRED,
    EXCLUSIVE_PINS,
    FIXED,
    GUEST_MAPPED,
    HOST_MAPPED,
    IN_PLACE,
    KEPT,
    LONG_PIN_ONE,
    LOST,
    PIN_MASK,
    PRESENT,
    PRIVATE,
    TWIN,
    TWO_BACKINGS,
    UPTODATE,
    VIEW_ONE,
    VIEWS,
    ZEROED,
    MemoryRules,
    Operation,
)
from cluster_sim.planning.boot_state import memory_rules
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.scenario.memory_spec import MemorySpec

Words = npt.NDArray[np.int64]

PAGES_2M = 512
PAGES_1G = 512 * 512

KERNELS: dict[str, dict[str, object]] = {
    "G0-keep": {"generation": "G0", "discard": False},
    "G0-discard": {"generation": "G0"},
    "G1": {"generation": "G1"},
    "G2": {"generation": "G2"},
    "G3": {"generation": "G3"},
    "G3-defer": {"generation": "G3", "on_pin": "defer"},
    "G4-2MiB": {"generation": "G4", "huge_page": "2MiB"},
    "G4-2MiB-whole": {"generation": "G4", "huge_page": "2MiB", "split": "mixed"},
    "G4-2MiB-defer": {"generation": "G4", "huge_page": "2MiB", "on_pin": "defer"},
    "G4-1GiB": {"generation": "G4", "huge_page": "1GiB", "hvo": True},
    "G4-1GiB-whole": {"generation": "G4", "huge_page": "1GiB", "split": "mixed"},
    "exclusive-pin": {"backing": "exclusive_pin"},
}
SOFTWARE = replace(
    PROTECTIONS["pkvm"], name="software", keeps_guest_mapping=False, leaf_bytes_max=1 << 30, leaf_is_sticky=False
)
"""A software-protected VM: content kept, any leaf, and a broken one comes back at the next fault."""
RECORDS = {name: record for name, record in PROTECTIONS.items() if record.has_private_memory} | {"software": SOFTWARE}
TECHNOLOGIES = tuple(RECORDS)


def rules_of(technology: str, kernel: str) -> MemoryRules:
    """The rules of a technology on a kernel, as the engine makes them."""
    return memory_rules(RECORDS[technology], MemorySpec.model_validate(KERNELS[kernel]))


def file_pages(rules: MemoryRules) -> int:
    """A file that is large enough to be uneven: a few huge pages, or a few hundred small ones."""
    return {1: 3 * PAGES_2M + 40, PAGES_2M: 4 * PAGES_2M, PAGES_1G: 2 * PAGES_1G}[rules.folio_pages]


@dataclass
class CheckedMemfd:
    """A file, and what it must hold by laws that are written down here once more, apart from the model."""

    rules: MemoryRules
    init_shared: bool = False
    frames: int = 0
    orphans: int = 0
    operations: int = 0
    memfd: GuestMemfd = field(init=False)
    content: Words = field(init=False)

    def __post_init__(self) -> None:
        self.memfd = GuestMemfd(file_pages(self.rules), self.rules, init_shared=self.init_shared)
        self.content = np.zeros(self.memfd.page_count, np.int64)

    def apply(self, operation: Operation, start: int, count: int, *, tag: int = 0, view: int = 0) -> Answer:
        """Do it, and check every law that the operation may have touched."""
        before = self.memfd.words(start, count)
        answer = self.memfd.apply(operation, start, count, tag=tag, view=view)
        reached = before[: answer.stopped_at - start]
        after = self.memfd.words(start, count)
        self._expect_content(operation, start, reached, after, tag)
        if operation == Operation.PUNCH:
            assert ((before ^ after) & PRIVATE & ~completed(before))[: len(reached)].any() == 0, "invariant 10"
        self._laws(answer, start, count)
        return answer

    def convert(self, start: int, count: int, *, to_private: bool) -> Answer:
        """Convert, and check."""
        before = self.memfd.words(start, count)
        answer = self.memfd.convert(start, count, to_private=to_private)
        after = self.memfd.words(start, count)
        changed = (before ^ after) & PRIVATE != 0
        if self.rules.backing == IN_PLACE:
            assert Effect.ALLOCATED not in answer.effects, "invariant 10"
        if not to_private and self.rules.backing != FIXED:
            assert answer.outcome == Outcome.OK, "invariant 11"
        if answer.outcome in (Outcome.EAGAIN, Outcome.EBUSY):
            assert before[answer.stopped_at - start] & PIN_MASK, "invariant 5: a refusal names a pinned page"
            unit = 1 if self.rules.backing == EXCLUSIVE_PINS else self.rules.folio_pages
            first = 0 if unit == 1 and self.rules.backing == IN_PLACE else max(0, self._unit(answer, unit) - start)
            assert not changed[first:].any(), "invariant 5: the unit that refused keeps its attributes"
        if to_private and self.rules.backing != TWO_BACKINGS:
            kept = LONG_PIN_ONE if self.rules.backing == EXCLUSIVE_PINS else 0
            pins = before[changed] & PIN_MASK
            assert ((pins == 0) | (pins == kept)).all(), "invariant 1: made private over somebody's pin"
        if not self.rules.keeps_guest_mapping or self.rules.backing == TWO_BACKINGS:
            assert not (after[changed] & GUEST_MAPPED).any(), "invariant 2"
        self._expect_converted(start, before, after, changed, to_private=to_private)
        self._laws(answer, start, count)
        return answer

    def _unit(self, answer: Answer, unit: int) -> int:
        return answer.stopped_at - answer.stopped_at % unit

    def _expect_content(self, operation: Operation, start: int, before: Words, after: Words, tag: int) -> None:
        """Invariant 9, for everything but conversions."""
        here = slice(start, start + len(before))
        expected, now = self.content[here], after[: len(before)]
        fresh = ~before & now & UPTODATE != 0
        expected[fresh] = 0
        if operation in (Operation.HOST_WRITE, Operation.GUEST_WRITE):
            on_other_side = (before & PRIVATE != 0) & (operation == Operation.HOST_WRITE)
            expected[~on_other_side] = tag
        elif operation == Operation.ACCEPT and self.rules.accept == ACCEPT_ZEROES:
            expected[before & ~now == before & ~now] = np.where(newly_accepted(before, now), 0, expected)
        elif operation == Operation.PUNCH:
            expected[now & PRESENT == 0] = 0
        finished = (before & DEFERRED != 0) & (now & DEFERRED == 0) & (now & PRIVATE != 0)
        if operation != Operation.PUNCH and finished.any():
            expected[finished] = self._converted(expected[finished], to_private=True)
        self._same_content(start, now)

    def _expect_converted(
        self, start: int, before: Words, after: Words, changed: npt.NDArray[np.bool_], *, to_private: bool
    ) -> None:
        expected = self.content[start : start + len(before)]
        if self.rules.backing == TWO_BACKINGS:
            expected[changed] = np.where(before[changed] & TWIN, LOST, 0)
        else:
            used = changed & (before & UPTODATE != 0)
            expected[used] = self._converted(expected[used], to_private=to_private)
        self._same_content(start, after)

    def _converted(self, content: Words, *, to_private: bool) -> Words:
        rule = self.rules.content_to_private if to_private else self.rules.content_to_shared
        return content if rule == KEPT else np.full_like(content, 0 if rule == ZEROED else LOST)

    def _same_content(self, start: int, words: Words) -> None:
        used = words & UPTODATE != 0
        assert (self.content[start : start + len(words)][used] == (words >> CONTENT_SHIFT)[used]).all(), "invariant 9"

    def _laws(self, answer: Answer, start: int, count: int) -> None:
        self.operations += 1
        self.frames += answer.effects.get(Effect.ALLOCATED, 0) - answer.effects.get(Effect.FREED, 0)
        self.orphans += answer.effects.get(Effect.ORPHANED, 0)
        for pages, leaves in BY_LEAF:
            most = answer.effects.get(pages, 0) // PAGES_2M
            assert 0 <= answer.effects.get(leaves, 0) <= most, f"more leaves than pages: {pages.name}"
        folio = self.rules.folio_pages
        if folio > 1:
            first, end = start - start % folio, -(-(start + count) // folio) * folio
            is_large = folio == PAGES_1G and self.operations % 16
            check_words(self.rules, self.memfd.words(start, count))
            if not is_large:
                check_words(self.rules, self.memfd.words(first, end - first))
                check_blocks(self.memfd, first, end)
        else:
            check_words(self.rules, self.memfd.words(start, count))
        if self.operations % (64 if folio < PAGES_1G else 256) == 0:
            self.check_all()

    def check_all(self) -> None:
        """Every law over the whole file."""
        words = self.memfd.words(0, self.memfd.page_count)
        check_words(self.rules, words)
        held = int(((words & PRESENT) // PRESENT).sum() + ((words & TWIN) // TWIN).sum())
        assert held == self.frames, "invariant 8"
        assert self.orphans >= 0
        if self.rules.folio_pages > 1:
            check_blocks(self.memfd, 0, self.memfd.page_count)


def completed(words: Words) -> Words:
    """The PRIVATE bit of pages whose deferred conversion a punch completes: their pinned frame is gone."""
    return np.where(words & DEFERRED, PRIVATE, 0)


def newly_accepted(before: Words, after: Words) -> npt.NDArray[np.bool_]:
    """Pages that an operation accepted."""
    from cluster_sim.memory.pages import ACCEPTED

    accepted: npt.NDArray[np.bool_] = ~before & after & ACCEPTED != 0
    return accepted


def check_words(rules: MemoryRules, words: Words) -> None:
    """Invariants 1, 3 and 4 of some pages, and that two backings alone hold a page twice (V-14)."""
    private = words & PRIVATE != 0
    if rules.backing in (IN_PLACE, FIXED):
        assert not (words[private] & (HOST_MAPPED | PIN_MASK)).any(), "invariant 1"
    if rules.backing == EXCLUSIVE_PINS:
        assert not (words[private] & PIN_MASK).any(), "invariant 1"
    assert rules.backing == TWO_BACKINGS or not (words & TWIN).any(), "V-14: memory is held once"
    mapped = words & GUEST_MAPPED if rules.backing == TWO_BACKINGS else words & (GUEST_MAPPED | HOST_MAPPED)
    assert (words[mapped != 0] & PRESENT).all(), "invariant 3"
    assert (words[mapped != 0] & UPTODATE).all(), "invariant 3"
    assert (words[words & PIN_MASK != 0] & (PRESENT | TWIN)).all(), "invariant 4: a pin holds a frame"


def check_blocks(memfd: GuestMemfd, first: int, end: int) -> None:
    """Invariants 6 and 7 of the huge pages in a range."""
    folio, leaf_max = memfd.rules.folio_pages, memfd.rules.leaf_pages
    words = memfd.words(first, end - first)
    private = (words & PRIVATE) // PRIVATE
    mapped = (words & GUEST_MAPPED) // GUEST_MAPPED
    shared = folio - private.reshape(-1, folio).sum(axis=1)
    blocks = [memfd.block(page, folio) for page in range(first, end, folio)]
    assert [shared_in(block) for block in blocks] == shared.tolist(), "invariant 7"
    for level in (PAGES_2M, PAGES_1G):
        if end - first < level or first % level:
            continue
        leaves = np.array([memfd.block(page, level) & LEAF_MAPPED for page in range(first, end, level)], bool)
        if not leaves.any():
            continue
        assert level <= min(folio, leaf_max), "invariant 6: a leaf larger than its folio or the technology's"
        privates = private.reshape(-1, level).sum(axis=1)
        whole = privates == level
        if memfd.rules.whole_when_shared:
            whole |= privates == 0
        whole_mapped = mapped.reshape(-1, level).sum(axis=1) == level
        assert whole[leaves].all(), "invariant 6: a leaf over pages of both kinds"
        assert whole_mapped[leaves].all(), "invariant 6: a leaf over pages that the guest has not mapped"
    check_host_leaves(memfd, words, first, end)


def check_host_leaves(memfd: GuestMemfd, words: Words, first: int, end: int) -> None:
    """The host maps by a leaf what is shared, whole, and mapped in that view throughout; else small pages (H-6)."""
    for page in range(first, end, PAGES_2M):
        block = memfd.block(page, PAGES_2M)
        here = words[page - first : page - first + PAGES_2M]
        for view in range(VIEWS):
            if block & (HOST_LEAF_ONE << view):
                assert memfd.rules.whole_when_shared, "invariant 6: the host's entries are small"
                assert not (here & PRIVATE).any(), "invariant 6: a host leaf over private pages"
                assert (here & (VIEW_ONE << view)).all(), "invariant 6: a host leaf over pages that are not mapped"
