"""Loads and stores that may kill whoever does them: a value comes back, or the signal that another process died of."""

import ctypes
import faulthandler
import mmap
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_sim.integers import PAGE_BYTES
from cluster_sim.kernel.abi import LIBC
from cluster_sim.kernel.loads import Toucher


@pytest.fixture(autouse=True)
def _dies_quietly() -> Iterator[None]:
    """What dies of a signal is a process of the test's own making."""
    was_enabled = faulthandler.is_enabled()
    faulthandler.disable()
    yield
    if was_enabled:
        faulthandler.enable()


def address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def test_what_is_stored_is_loaded_again_and_neighbours_stay() -> None:
    memory = mmap.mmap(-1, PAGE_BYTES)
    toucher, address = Toucher(), address_of(memory)
    assert toucher.touch(address + 8, store=True, value=0xABCD) == (0, 0xABCD)
    assert toucher.touch(address + 8, store=False) == (0, 0xABCD)
    assert toucher.touch(address, store=False) == (0, 0)
    assert memory[16:24] == bytes(8)


@pytest.mark.parametrize("store", [False, True])
def test_memory_that_may_not_be_touched_kills_the_other_process_and_not_this_one(store: bool) -> None:  # noqa: FBT001
    memory = mmap.mmap(-1, PAGE_BYTES)
    address = address_of(memory)
    assert LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(PAGE_BYTES), ctypes.c_int(0)) == 0
    assert Toucher().touch(address, store=store) == (signal.SIGSEGV, 0)


def test_behind_the_end_of_a_file_is_a_bus_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(2 * PAGE_BYTES))
    with file.open("r+b") as opened:
        memory = mmap.mmap(opened.fileno(), 2 * PAGE_BYTES)
        opened.truncate(PAGE_BYTES)
    toucher, address = Toucher(), address_of(memory)
    assert toucher.touch(address, store=False) == (0, 0)
    assert toucher.touch(address + PAGE_BYTES, store=False) == (signal.SIGBUS, 0)
