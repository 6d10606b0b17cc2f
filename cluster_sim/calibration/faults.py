"""Page faults, and giving pages back: anonymous memory, memfd, guest_memfd."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from mmap import MADV_DONTNEED, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.calls import NUMBERS
from cluster_sim.calibration.files import KEEP_SIZE, PUNCH_HOLE, File, guest_memfd, memfd
from cluster_sim.calibration.machine import Machine
from cluster_sim.calibration.mappings import hole
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, batches, prepared
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel.abi import MADV_HUGEPAGE

PAGES: Final = 512
"""Faulted in or punched a round: 2 MiB, the run that the shipped figures are of."""
SIZE_BYTES: Final = PAGES * PAGE_BYTES
HUGE_BYTES: Final = 2 << 20
MADV_NOHUGEPAGE: Final = 15
MADV_POPULATE_WRITE: Final = 23
"""include/uapi/asm-generic/mman-common.h; since Linux 5.14."""
HUGE_FAULTS: Final = 7
SMALLEST_RATIO: Final = 4
"""A fault that clears 2 MiB takes at least so many times as long as one of 4 KiB."""
A_FEW: Final = Effort(passes=1, rounds=5, warm_up=1, round_ns=1)
"""Rounds that tell a large page from a small one."""

MakeFile = Callable[[int], AbstractContextManager[File]]


def made(failed: int, what: str) -> None:
    """Refuse a figure of calls that failed."""
    if failed:
        raise RefusedError(f"{what} fails here")


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Anonymous memory of a size, with an advice on huge pages."""

    region: mmap
    address: int

    @staticmethod
    def of(size_bytes: int, advice: int) -> "Anonymous":
        """Make it; it goes when nobody holds it."""
        region = mmap(-1, size_bytes, MAP_PRIVATE | MAP_ANONYMOUS)
        region.madvise(advice)
        return Anonymous(region, np.frombuffer(region, np.uint8).ctypes.data)

    def drop(self) -> None:
        """Give all pages back."""
        self.region.madvise(MADV_DONTNEED)


def anonymous_faults(effort: Effort) -> list[Round]:
    """Time of a fault of 4 KiB, clearing included, ns."""
    memory = Anonymous.of(SIZE_BYTES, MADV_NOHUGEPAGE)
    return prepared(effort, memory.drop, partial(loops.touch, memory.address, SIZE_BYTES, PAGE_BYTES), PAGES)


def huge_pages() -> tuple[Callable[[], None], Callable[[], None]]:
    """What faults some huge pages in, each by one write, and what gives them back in one call."""
    memory = Anonymous.of((HUGE_FAULTS + 1) * HUGE_BYTES, MADV_HUGEPAGE)
    first, size = -(-memory.address // HUGE_BYTES) * HUGE_BYTES, HUGE_FAULTS * HUGE_BYTES
    return partial(loops.touch, first, size, HUGE_BYTES), memory.drop


def huge_faults(effort: Effort) -> list[Round]:
    """Time of a fault of 2 MiB, clearing included, ns."""
    touch, drop = huge_pages()
    found = prepared(effort, drop, touch, HUGE_FAULTS)
    small = anonymous_faults(A_FEW)
    if middle(found) < SMALLEST_RATIO * middle(small):
        raise RefusedError("this kernel gives anonymous memory no huge pages")
    return found


def huge_zaps(effort: Effort) -> list[Round]:
    """Time of giving back a page of 2 MiB that one entry maps, ns; refused where its fault is."""
    huge_faults(A_FEW)
    touch, drop = huge_pages()
    return prepared(effort, touch, drop, HUGE_FAULTS)


def middle(found: list[Round]) -> float:
    """Median of rounds."""
    return float(np.median([each.value for each in found]))


def zaps(effort: Effort) -> list[Round]:
    """Time of MADV_DONTNEED over many pages, ns a page."""
    memory = Anonymous.of(SIZE_BYTES, MADV_NOHUGEPAGE)
    return prepared(effort, partial(loops.touch, memory.address, SIZE_BYTES, PAGE_BYTES), memory.drop, PAGES)


def mappings(effort: Effort, touched_bytes: int) -> list[Round]:
    """Of one mmap and munmap of a page, touched or not, ns."""
    second = loops.words(NUMBERS["munmap"], -1, PAGE_BYTES)
    with hole() as address:
        first = loops.words(
            NUMBERS["mmap"], address, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0
        )
        return batches(effort, lambda count: made(loops.map_touch_unmap(count, first, second, touched_bytes), "mmap"))


def fallocate(file: File, mode: int, *, by_page: bool) -> None:
    """Allocate or punch the whole file, in one call or page by page."""
    count, length = (PAGES, PAGE_BYTES) if by_page else (1, file.size_bytes)
    arguments = loops.words(file.fd, mode, 0, length)
    made(loops.calls(count, NUMBERS["fallocate"], arguments, 2, length), "fallocate")


def file_rounds(make: MakeFile, work: str, effort: Effort) -> list[Round]:
    """A page of one of the things that are done to a file, ns."""
    with make(SIZE_BYTES) as file:
        whole = partial(loops.touch, file.address, file.size_bytes, PAGE_BYTES)
        empty = partial(fallocate, file, PUNCH_HOLE, by_page=False)
        fill = partial(fallocate, file, KEEP_SIZE, by_page=False)

        def advise(advice: int) -> None:
            arguments = loops.words(file.address, file.size_bytes, advice)
            made(loops.calls(1, NUMBERS["madvise"], arguments, loops.NOTHING_MOVES, 0), f"madvise {advice}")

        unmap, populate = partial(advise, MADV_DONTNEED), partial(advise, MADV_POPULATE_WRITE)

        def filled_and_mapped() -> None:
            fill()
            whole()

        def filled_and_unmapped() -> None:
            fill()
            unmap()

        ways: dict[str, tuple[Callable[[], None], Callable[[], object]]] = {
            "populate": (empty, fill),
            "populate by page": (empty, partial(fallocate, file, KEEP_SIZE, by_page=True)),
            "host fault": (filled_and_unmapped, whole),
            "map in one": (filled_and_unmapped, populate),
            "refault": (empty, whole),
            "punch by page": (filled_and_unmapped, partial(fallocate, file, PUNCH_HOLE, by_page=True)),
            "punch by page, mapped": (filled_and_mapped, partial(fallocate, file, PUNCH_HOLE, by_page=True)),
            "punch in one": (filled_and_unmapped, empty),
            "punch in one, mapped": (filled_and_mapped, empty),
            "zap": (filled_and_mapped, unmap),
        }
        prepare, do = ways[work]
        return prepared(effort, prepare, do, PAGES)


FILES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("mm.minor_fault_shmem_present", "a fault on a page that a memfd holds", "memfd", "host fault"),
    ("memfd.populate_4k", "fallocate of a memfd, a page of many", "memfd", "populate"),
    ("memfd.refault_4k", "a fault after a punch: allocated and cleared", "memfd", "refault"),
    ("memfd.punch_4k_mapped", "a page punched by itself, mapped", "memfd", "punch by page, mapped"),
    ("memfd.punch_4k_bulk", "a page of a run punched in one call, mapped", "memfd", "punch in one, mapped"),
    ("gmem.populate_4k", "fallocate of guest_memfd, a page of many", "gmem", "populate"),
    ("gmem.alloc_4k_single", "fallocate of guest_memfd, page by page", "gmem", "populate by page"),
    ("gmem.host_fault_4k", "the host's fault on a page that is there", "gmem", "host fault"),
    ("gmem.populate_mapped_4k", "MADV_POPULATE_WRITE of pages that are there, a page of many", "gmem", "map in one"),
    ("gmem.refault_4k", "the host's fault after a punch: allocated and cleared", "gmem", "refault"),
    ("gmem.punch_4k", "a page punched by itself, not mapped", "gmem", "punch by page"),
    ("gmem.punch_4k_mapped", "a page punched by itself, mapped", "gmem", "punch by page, mapped"),
    ("gmem.punch_4k_bulk", "a page of a run punched in one call, not mapped", "gmem", "punch in one"),
    ("gmem.punch_4k_bulk_mapped", "a page of a run punched in one call, mapped", "gmem", "punch in one, mapped"),
    ("gmem.zap_4k_bulk", "MADV_DONTNEED of the host's mapping, a page of many", "gmem", "zap"),
)


def measures(on: Machine) -> list[Measure]:
    """All of them."""
    makers: dict[str, MakeFile] = {"memfd": memfd, "gmem": partial(guest_memfd, device=on.kvm)}
    return [
        Measure("mm.minor_fault_anon_4k", "us", "a fault of anonymous memory, clearing included", anonymous_faults),
        Measure("mm.thp_fault_2m", "us", "a fault of 2 MiB of anonymous memory", huge_faults),
        Measure("mm.zap_2m", "us", "MADV_DONTNEED of a huge page, freed", huge_zaps),
        Measure("mm.zap_4k_bulk", "us", "MADV_DONTNEED, a page of many", zaps),
        Measure("mm.mmap_munmap_empty", "us", "mmap and munmap, untouched", partial(mappings, touched_bytes=0)),
        Measure(
            "mm.mmap_touch_munmap_4k", "us", "mmap, one touch, munmap", partial(mappings, touched_bytes=PAGE_BYTES)
        ),
        *(Measure(cost, "us", text, partial(file_rounds, makers[make], work)) for cost, text, make, work in FILES),
    ]
