"""The shares that the loop finds in its last-level cache, against a simulated one that sees the same copies.

Block requests bounce through a pool of one area. The loop's journal says which buffer was copied when; the twin takes
slots by a pool of its own and keeps each sector. Compared are the time of all copies and their bytes on the bus, once
the cache is full.
"""

from dataclasses import dataclass
from functools import cache
from itertools import count, pairwise

import numpy as np
import pytest

from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.last_level_cache import ALL
from cluster_sim.io_paths.steps import End, Mover, Op
from cluster_sim.memory.swiotlb import EXTRA_BYTES, SLOT_BYTES
from cluster_sim.memory.swiotlb_pool import SwiotlbPool
from cluster_sim.planning.host_plan import HostPlan, plan_host
from cluster_sim.platform.scenario_profile import profile_of
from cluster_sim.runtime.host_engine import HostEngine
from tests.oracles.last_level_cache_twin import SECTOR_BYTES, LastLevelCacheTwin
from tests.unit.lone_host import Values, arrivals, scenario, workload_sizes

KIB, MIB = 1 << 10, 1 << 20
DEPTH = 8
STEPS_A_REQUEST = 48
EXTRAS = 3
SPAN_NS = 1_000_000


@dataclass(frozen=True)
class Point:
    """A point of the table: streams of 8 requests each, their size, the pool and the cache, MiB."""

    streams: int
    size_kib: int
    pool_mib: int
    llc_mib: int
    rw: str = "randread"

    @property
    def size_bytes(self) -> int:
        return self.size_kib * KIB

    @property
    def requests(self) -> int:
        """Until all slots of the pool have been taken three times, and the cache was filled."""
        return max(3 * self.pool_mib, 3 * self.llc_mib) * MIB // self.size_bytes + 4 * self.streams * DEPTH


def plan_of(point: Point, **host: int | str) -> HostPlan:
    """The point's host; storage that serves all at once."""
    reads: Values = {"kind": "block", "rw": point.rw, "bs": f"{point.size_kib}KiB", "iodepth": DEPTH}
    spec = scenario(
        "pkvm",
        {"kind": "swiotlb", "pool": f"{point.pool_mib}MiB"},
        guest={"workloads": [reads | {"numjobs": point.streams, "cpus": "one"}], "vcpus": 16},
        host={
            "llc": f"{point.llc_mib}MiB",
            "memory_bandwidth": "0",
            "storage": {"latency": "50us", "parallel": 4096},
            **host,
        },
    )
    entries = point.requests * STEPS_A_REQUEST
    return plan_host(spec, profile_of(spec), workload_sizes(spec), journal_entries=entries)


@cache
def journal_of(point: Point) -> tuple[HostPlan, Records]:
    """What the loop did, in the order in which it began."""
    plan = plan_of(point)
    engine = HostEngine(plan)
    ended = until_ns = 0
    nothing = arrivals([(0, 0, 0)]).rows(0, 0)
    while ended < point.requests:
        until_ns += SPAN_NS
        ended += sum(len(each) for each in engine.advance(nothing, until_ns))
    journal = engine.gauges().journal()
    assert len(journal) < point.requests * STEPS_A_REQUEST
    return plan, journal[np.argsort(journal["started_ns"], kind="stable")]


def copies_of(point: Point) -> Records:
    """Copies by CPUs, but for the first third."""
    plan, journal = journal_of(point)
    steps = plan.spec.steps[journal["step"]]
    copies: Records = journal[(steps["op"] == Op.COPY) & np.isin(steps["argument"], [Mover.GUEST, Mover.HOST])]
    return copies[len(copies) // 3 :]


def by_loop(point: Point) -> tuple[float, float]:
    """Time and bus bytes of the copies, as the loop has them."""
    copies = copies_of(point)
    passes = 2 * ALL - copies["found"][:, 0] - copies["found"][:, 2]
    return float(copies["spent_ns"].sum()), float(passes.sum()) * point.size_bytes / ALL


class Replay:
    """The same copies through the twin."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.plan, self.journal = journal_of(point)
        self.twin = LastLevelCacheTwin(point.llc_mib * MIB)
        self.pool = SwiotlbPool(point.pool_mib * MIB)
        self.mapped: dict[int, list[int]] = {}
        self.sectors = point.size_bytes // SECTOR_BYTES
        self.fresh = count(1 << 50, self.sectors)
        curves = self.plan.curves
        self.cold_ns = curves.of_mover[Mover.GUEST].at(point.size_bytes)
        self.one_ns = self.cold_ns - curves.one_end.at(point.size_bytes)
        self.both_ns = self.cold_ns - curves.both_ends.at(point.size_bytes)

    def sectors_of(self, buffer: int, end: int) -> range:
        """Where an end of a buffer lies; memory that no copy comes back to is new each time."""
        first = next(self.fresh)
        if end == End.OWN:
            first = (1 << 40) + buffer * self.sectors
        elif end == End.DEVICE:
            first = self.mapped[buffer][0] * SLOT_BYTES // SECTOR_BYTES
        return range(first, first + self.sectors)

    def map_buffer(self, buffer: int) -> None:
        """Take slots; a guest that writes has just made its data."""
        if self.point.rw == "randwrite":
            for sector in self.sectors_of(buffer, End.OWN):
                self.twin.touch(sector, writes=True)
        sizes = [self.point.size_bytes] + [EXTRA_BYTES] * EXTRAS
        slots = [self.pool.map_single(size) for size in sizes]
        self.mapped[buffer] = [slot for slot in slots if slot is not None]
        assert len(self.mapped[buffer]) == len(sizes)

    def unmap_buffer(self, buffer: int) -> None:
        """Give the slots back."""
        sizes = [self.point.size_bytes] + [EXTRA_BYTES] * EXTRAS
        for slot, size in zip(self.mapped.pop(buffer), sizes, strict=True):
            self.pool.unmap_single(slot, size)

    def run(self) -> tuple[float, float]:
        """Time and bus bytes of the copies of the last two thirds."""
        steps = self.plan.spec.steps
        spent: list[float] = []
        bus: list[int] = []
        for entry in self.journal:
            number, buffer = int(entry["step"]), int(entry["buffer"])
            step = steps[number]
            if steps[number - 2]["op"] == Op.MAP_SLOTS and buffer not in self.mapped:
                self.map_buffer(buffer)  # with the first of its turns at the area's lock
            elif steps[number - 2]["op"] == Op.UNMAP_SLOTS and buffer in self.mapped:
                self.unmap_buffer(buffer)
            elif step["op"] == Op.COPY and step["argument"] in (Mover.GUEST, Mover.HOST):
                before = self.twin.bus_sectors
                ends = (self.sectors_of(buffer, int(step[column])) for column in ("reads", "writes"))
                one, both = self.twin.copy(*ends)
                spent.append(self.cold_ns - (one * self.one_ns + both * self.both_ns) / self.sectors)
                bus.append(self.twin.bus_sectors - before)
        third = len(spent) // 3
        return sum(spent[third:]), sum(bus[third:]) * SECTOR_BYTES


def far_off(point: Point) -> tuple[float, float]:
    """By which part the loop's time and bus bytes are off the twin's."""
    mine, twins = by_loop(point), Replay(point).run()
    return mine[0] / twins[0] - 1, mine[1] / twins[1] - 1


TABLE = [
    Point(streams, size_kib, pool_mib, llc_mib, rw)
    for llc_mib in (4, 16)
    for pool_mib in (4, 16)
    for size_kib in (16, 64, 256)
    for streams in (1, 3, 8)
    for rw in ("randread", "randwrite")
    if streams * DEPTH * size_kib * KIB <= pool_mib * MIB * 3 // 4
]


@pytest.mark.parametrize("point", TABLE, ids=str)
def test_time_and_bus_bytes_are_within_a_tenth_of_a_simulated_caches(point: Point) -> None:
    time_off, bus_off = far_off(point)
    assert abs(time_off) < 0.1
    assert abs(bus_off) < 0.1


def copying_ns(point: Point) -> float:
    """What a copy takes, by the mean of the last two thirds: the cache alone, whatever locks and loops do."""
    copies = copies_of(point)
    return float(copies["spent_ns"].mean())


@pytest.mark.parametrize(("size_kib", "llc_mib"), [(64, 4), (64, 16), (128, 32)])
def test_one_reader_more_slows_copies_by_no_more_than_its_share_and_a_seventh(size_kib: int, llc_mib: int) -> None:
    times = [copying_ns(Point(streams, size_kib, 48, llc_mib)) for streams in range(1, 9)]
    for streams, (fewer, more) in enumerate(pairwise(times), start=1):
        assert 0.95 < more / fewer < 1.15 * (streams + 1) / streams


def test_a_pool_step_slows_copies_by_less_than_a_seventh() -> None:
    """From a pool that lies in the cache to one that is three times as large."""
    times = [copying_ns(Point(2, 64, pool_mib, 16)) for pool_mib in (4, 5, 6, 8, 10, 12, 14, 16, 20, 25, 32, 40, 48)]
    assert all(0.98 < more / fewer < 1.15 for fewer, more in pairwise(times))
    assert times[-1] > 1.1 * times[0], "and yet it matters"
