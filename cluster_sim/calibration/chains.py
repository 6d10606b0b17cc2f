"""Copies that one bounce buffer links: a frame's way from the device over swiotlb.

swiotlb fills the slots when a buffer is mapped, the host writes over them, and unmapping copies them out again. The
first copy finds neither side in the cache; the second finds its target there, and the third both of its sides, as far
as the cache holds them.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from cluster_sim.calibration import loops
from cluster_sim.calibration.copies import COLD_BYTES, memory
from cluster_sim.calibration.sampling import Effort, Measure, RefusedError, Round, Rounds, clocked_rounds

SIZES: Final = (65536, 1 << 20, 3_110_400, 24_883_200)
"""Two between which curves are drawn, a frame of 1080p NV12, a frame of 2160p P010."""
LLC: Final = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
COPIES: Final = (
    ("first", "private memory to slots, neither in the cache"),
    ("second", "another's memory to the slots just written"),
    ("third", "the slots to the private memory just read"),
)


def slot_bytes(size_bytes: int) -> int:
    """From one buffer to the next."""
    return 1 << (size_bytes - 1).bit_length()


def chain_rounds(size_bytes: int, which: int, effort: Effort) -> list[Round]:
    """Of one of the copies of a chain, ns; before a buffer's turn comes again the caches have lost it."""
    room = slot_bytes(size_bytes)
    slots = np.array([0, COLD_BYTES // room, room], np.int64)
    spent, clock = np.zeros(len(COPIES), np.int64), np.zeros(2, np.int64)
    with memory(COLD_BYTES, len(COPIES)) as regions:
        addresses = np.array(regions, np.int64)

        def do(count: int) -> int:
            spent[:] = 0
            loops.chains(count, addresses, size_bytes, slots, spent, clock)
            return int(spent[which])

        return clocked_rounds(effort, do)


def llc_rounds(effort: Effort, written: Path = LLC) -> list[Round]:
    """The last-level cache that chains went through, MiB, as the kernel tells it: `32768K`."""
    if not written.exists():
        raise RefusedError("the kernel tells of no third-level cache")
    kib = int(written.read_text("ascii").strip().removesuffix("K"))
    return [Round(kib / 1024)] * effort.rounds


def measures() -> Iterator[Measure]:
    """All sizes, each copy by itself, and the cache behind them."""
    yield Measure("copy.zen4_chain_llc", "MiB", "the last-level cache behind the chains of copies", llc_rounds)
    for size in SIZES:
        for which, (name, text) in enumerate(COPIES):
            rounds: Rounds = partial(chain_rounds, size, which)
            yield Measure(f"copy.zen4_chain_{name}_{size}", "ns", f"memcpy of {size} B, {text}", rounds)
