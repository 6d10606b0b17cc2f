"""The slow, obvious twin of guest_memfd at 4 KiB: one object a page, one `if` a rule (docs/model.md §2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

LOST = 1
FIRST_TAG = 3


@dataclass(frozen=True)
class TwinPage:
    is_private: bool
    is_present: bool = False
    is_uptodate: bool = False
    is_host_mapped: bool = False
    is_guest_mapped: bool = False
    pins: int = 0
    content: int = 0


class RefusedError(Exception):
    """An operation that the rules refuse, by the name of its outcome."""


def in_use(page: TwinPage) -> TwinPage:
    """Allocated and, once, zeroed (X-15)."""
    return page if page.is_uptodate else replace(page, is_present=True, is_uptodate=True, content=0)


class GuestMemfdTwin:
    """`contents` is what conversion does to data, to shared and to private: keep, zero or lose."""

    def __init__(self, pages: int, *, init_shared: bool, contents: tuple[str, str], keeps_guest_mapping: bool) -> None:
        self.pages = [TwinPage(is_private=not init_shared) for _ in range(pages)]
        self.contents = contents
        self.keeps_guest_mapping = keeps_guest_mapping

    def each(self, start: int, count: int, rule: Callable[[TwinPage], TwinPage]) -> tuple[str, int, dict[str, int]]:
        """Apply a rule page by page up to the first refusal: outcome, where it stopped, what changed."""
        effects: dict[str, int] = {}
        for index in range(start, start + count):
            before = self.pages[index]
            try:
                after = rule(before)
            except RefusedError as refusal:
                return str(refusal), index, effects
            self.pages[index] = after
            for name in changes(before, after):
                effects[name] = effects.get(name, 0) + 1
        return "OK", start + count, effects

    def host_touch(self, page: TwinPage) -> TwinPage:
        if page.is_private:
            raise RefusedError("EFAULT")
        return replace(in_use(page), is_host_mapped=True)

    def host_write(self, page: TwinPage, tag: int) -> TwinPage:
        return replace(self.host_touch(page), content=tag)

    def guest_touch(self, page: TwinPage, *, private: bool) -> TwinPage:
        if page.is_private != private:
            raise RefusedError("MEMORY_FAULT_EXIT")
        return replace(in_use(page), is_guest_mapped=True)

    def guest_write(self, page: TwinPage, tag: int) -> TwinPage:
        return replace(in_use(page), is_guest_mapped=True, content=tag)

    def pin(self, page: TwinPage) -> TwinPage:
        if page.is_private:
            raise RefusedError("EFAULT")
        used = in_use(page)
        return replace(used, pins=used.pins + 1)

    def unpin(self, page: TwinPage) -> TwinPage:
        if page.pins == 0:
            raise RefusedError("EFAULT")
        return replace(page, pins=page.pins - 1)

    def unmap_host(self, page: TwinPage) -> TwinPage:
        return replace(page, is_host_mapped=False)

    def allocate(self, page: TwinPage) -> TwinPage:
        return replace(page, is_present=True)

    def punch(self, page: TwinPage) -> TwinPage:
        return TwinPage(is_private=page.is_private)

    def converted(self, page: TwinPage, *, to_private: bool) -> TwinPage:
        if page.is_private == to_private:
            return page  # V-11: its mapping is of the kind that stays
        mapped = page.is_guest_mapped and self.keeps_guest_mapping
        content = page.content
        if page.is_uptodate:
            content = {"keep": page.content, "zero": 0, "lose": LOST}[self.contents[to_private]]
        return replace(page, is_private=to_private, is_guest_mapped=mapped, content=content)

    def convert(self, start: int, count: int, *, to_private: bool) -> tuple[str, int, dict[str, int]]:
        """All or nothing: V-3, then V-4 with the host's mappings gone even when it is refused."""
        chosen = range(start, start + count)
        if all(self.pages[index].is_private == to_private for index in chosen):
            return "OK", start + count, {}
        effects: dict[str, int] = {}
        if to_private:
            _, _, effects = self.each(start, count, self.unmap_host)
            for index in chosen:
                if self.pages[index].pins:
                    return "EAGAIN", index, effects
        _, stopped, more = self.each(start, count, lambda page: self.converted(page, to_private=to_private))
        return "OK", stopped, {name: effects.get(name, 0) + more.get(name, 0) for name in {*effects, *more}}


def changes(before: TwinPage, after: TwinPage) -> list[str]:
    """Names of the effects of one page's change."""
    found = []
    if before.is_private != after.is_private:
        found.append("CONVERTED")
        if before.content >= FIRST_TAG > after.content:
            found.append("CONTENT_LOST")
    for name, was, now in (
        ("HOST_UNMAPPED", before.is_host_mapped, after.is_host_mapped),
        ("GUEST_ZAPPED", before.is_guest_mapped, after.is_guest_mapped),
        ("FREED", before.is_present, after.is_present),
        ("ORPHANED", before.is_present and before.pins > 0, after.is_present),
        ("HOST_FAULTS", after.is_host_mapped, before.is_host_mapped),
        ("GUEST_FAULTS", after.is_guest_mapped, before.is_guest_mapped),
        ("ALLOCATED", after.is_present, before.is_present),
        ("ZEROED", after.is_uptodate, before.is_uptodate),
    ):
        if was and not now:
            found.append(name)
    if after.pins > before.pins:
        found.append("PINNED")
    return found
