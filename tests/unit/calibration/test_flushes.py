"""Machine code that flushes cache lines: all of a span and nothing behind it, and no byte is lost."""

import faulthandler
import os
import signal

import numpy as np
import pytest

from cluster_sim.calibration.calls import forked
from cluster_sim.calibration.copies import LINE_BYTES
from cluster_sim.calibration.flushes import flush_rounds, flusher
from cluster_sim.calibration.machine import machine
from cluster_sim.calibration.mappings import guarded_page
from cluster_sim.calibration.sampling import ONCE
from cluster_sim.integers import PAGE_BYTES


@pytest.fixture(autouse=True)
def _has_clflushopt() -> None:
    if not machine().has_clflushopt:
        pytest.skip("this CPU has no clflushopt")


@pytest.mark.parametrize(
    ("behind_bytes", "killed_by"), [(0, 0), (LINE_BYTES, signal.SIGSEGV)], ids=["a page", "a line more"]
)
def test_a_flush_ends_where_it_is_told_to(behind_bytes: int, killed_by: int) -> None:
    """The page behind may not be touched: a child that flushes a line of it is killed."""
    with guarded_page() as page, flusher() as flush:
        child = forked()
        if child == 0:
            faulthandler.disable()
            flush(page, page + PAGE_BYTES + behind_bytes)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -killed_by


def test_what_was_written_is_there_after_a_flush() -> None:
    content = np.arange(PAGE_BYTES, dtype=np.uint16)
    written = content.copy()
    with flusher() as flush:
        flush(written.ctypes.data, written.ctypes.data + written.nbytes)
    assert (written == content).all()


@pytest.mark.parametrize("state", ["dirty", "clean", "absent"])
def test_lines_in_each_state_are_flushed_on_this_cpu(state: str) -> None:
    (found,) = flush_rounds(machine(), state, ONCE)
    assert found.value > 0
