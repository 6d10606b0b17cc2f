"""Figures of guest_memfd and of system calls agree with plain loops in Python, which are slower by their own."""

import ctypes
import mmap
import os
import statistics
import time
from collections.abc import Callable

import pytest

from cluster_sim.calibration import calls, faults
from cluster_sim.calibration.catalogue import gone_through
from cluster_sim.calibration.files import KEEP_SIZE, PUNCH_HOLE, guest_memfd
from cluster_sim.calibration.machine import machine
from cluster_sim.calibration.sampling import Effort, Measured, RefusedError
from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel.abi import LIBC, MADV_HUGEPAGE

EFFORT = Effort(passes=1, rounds=9, warm_up=2, round_ns=2_000_000)
PAGES = 512
AGREEMENT = 3.0
"""A plain loop pays some hundred ns for each of Python's steps, and a shared machine adds its noise."""


@pytest.fixture
def has_guest_memfd() -> None:
    try:
        with guest_memfd(PAGE_BYTES):
            pass
    except RefusedError as error:
        pytest.skip(str(error))


def plain_us(prepare: Callable[[int], object], do: Callable[[int], object]) -> float:
    """Median of what one page takes, us: each is prepared, then all are done, one by one."""
    spans = []
    for _ in range(7):
        for page in range(PAGES):
            prepare(page)
        began = time.perf_counter()
        for page in range(PAGES):
            do(page)
        spans.append((time.perf_counter() - began) / PAGES * 1e6)
    return statistics.median(spans)


def figure_us(cost: str) -> float:
    on = machine()
    (measure,) = [each for each in (*faults.measures(on), *calls.measures(on)) if each.cost == cost]
    (found,) = gone_through([measure], EFFORT)
    assert isinstance(found, Measured), found
    return found.value


def allocate(fd: int, mode: int, page: int) -> None:
    assert LIBC.fallocate(fd, mode, ctypes.c_long(page * PAGE_BYTES), ctypes.c_long(PAGE_BYTES)) == 0


@pytest.mark.usefixtures("has_guest_memfd")
def test_allocating_and_punching_page_by_page() -> None:
    with guest_memfd(PAGES * PAGE_BYTES) as file:
        ours = figure_us("gmem.alloc_4k_single"), figure_us("gmem.punch_4k")
        theirs = (
            plain_us(lambda page: allocate(file.fd, PUNCH_HOLE, page), lambda page: allocate(file.fd, KEEP_SIZE, page)),
            plain_us(lambda page: allocate(file.fd, KEEP_SIZE, page), lambda page: allocate(file.fd, PUNCH_HOLE, page)),
        )
    for mine, plain in zip(ours, theirs, strict=True):
        assert plain / AGREEMENT < mine < plain * AGREEMENT


@pytest.mark.usefixtures("has_guest_memfd")
def test_a_host_fault_after_a_punch() -> None:
    with guest_memfd(PAGES * PAGE_BYTES) as file:
        ours = figure_us("gmem.refault_4k")
        plain = plain_us(
            lambda page: allocate(file.fd, PUNCH_HOLE, page), lambda page: file.view.__setitem__(page * PAGE_BYTES, 1)
        )
    assert plain / AGREEMENT < ours < plain * AGREEMENT


@pytest.mark.usefixtures("has_guest_memfd")
def test_mapping_and_unmapping_pages_that_guest_memfd_holds() -> None:
    ours = figure_us("gmem.populate_mapped_4k"), figure_us("gmem.zap_4k_bulk")
    mapping, unmapping = [], []
    with guest_memfd(PAGES * PAGE_BYTES) as file:
        file.view[::PAGE_BYTES] = 1
        for _ in range(7):
            unmapping.append(advised_us(file.address, mmap.MADV_DONTNEED))
            mapping.append(advised_us(file.address, faults.MADV_POPULATE_WRITE))
    for mine, plain in zip(ours, (statistics.median(mapping), statistics.median(unmapping)), strict=True):
        assert plain / AGREEMENT < mine < plain * AGREEMENT


def advised_us(address: int, advice: int) -> float:
    """What an advice on all pages takes a page, us."""
    began = time.perf_counter()
    assert LIBC.madvise(ctypes.c_void_p(address), ctypes.c_size_t(PAGES * PAGE_BYTES), advice) == 0
    return (time.perf_counter() - began) / PAGES * 1e6


def test_a_fault_of_anonymous_memory() -> None:
    ours = figure_us("mm.minor_fault_anon_4k")
    region = mmap.mmap(-1, PAGES * PAGE_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(faults.MADV_NOHUGEPAGE)
    plain = plain_us(
        lambda page: region.madvise(mmap.MADV_DONTNEED, page * PAGE_BYTES, PAGE_BYTES),
        lambda page: region.__setitem__(page * PAGE_BYTES, 1),
    )
    assert plain / AGREEMENT < ours < plain * AGREEMENT


def test_giving_back_huge_pages() -> None:
    try:
        faults.huge_faults(faults.A_FEW)
    except RefusedError as error:
        pytest.skip(str(error))
    ours = figure_us("mm.zap_2m")
    memory = faults.Anonymous.of(8 * faults.HUGE_BYTES, MADV_HUGEPAGE)
    start, size_bytes = -memory.address % faults.HUGE_BYTES, 7 * faults.HUGE_BYTES
    spans = []
    for _ in range(7):
        for page in range(size_bytes // PAGE_BYTES):
            memory.region[start + page * PAGE_BYTES] = 1
        began = time.perf_counter()
        memory.region.madvise(mmap.MADV_DONTNEED, start, size_bytes)
        spans.append((time.perf_counter() - began) / 7 * 1e6)
    plain = statistics.median(spans)
    assert plain / AGREEMENT < ours < plain * AGREEMENT


def test_a_system_call_is_no_dearer_than_pythons() -> None:
    spans = []
    for _ in range(7):
        began = time.perf_counter()
        for _call in range(1000):
            os.getppid()
        spans.append((time.perf_counter() - began) * 1e3)
    assert 0 < figure_us("mm.syscall") < statistics.median(spans) * AGREEMENT
