"""How long each mover takes for so many bytes: the profile's copy curves, network card, storage and links.

A CPU's copy takes its cold time less what it saves by what is still in the last-level cache, which the loop finds copy
by copy (engine/last_level_cache.py): what one end and what both ends in the cache save is measured.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cluster_sim.engine.host_spec import CURVE, CURVE_POINTS, Records
from cluster_sim.engine.last_level_cache import ALL
from cluster_sim.engine.timed_steps import MILLION, come_from_afar, copied_within
from cluster_sim.integers import NS_PER_S
from cluster_sim.io_paths.steps import BY_CPU, Mover
from cluster_sim.platform.profile import BOUNDLESS_MB_PER_S, Profile
from cluster_sim.platform.provenance import Cost
from cluster_sim.scenario.spec import ClusterSpec, HostSpec, StorageSpec
from cluster_sim.scenario.units import MIB

FOUND_CURVES = ("one_end_found", "both_ends_found")
"""A CPU's copy with one and with both of its ends in the cache, another CPU's work the last time."""
BYTES_PER_MB = 10**6
DMA_BUS_MILLI = 1000


@dataclass(frozen=True, slots=True)
class FoundInCache:
    """How much a CPU's copy found in the cache, in 1,024ths: of what it read, and of what it wrote.

    `remote` is how much of its memory lies on other NUMA nodes.
    """

    read: int
    written: int
    remote: Fraction = Fraction(0)

    def __str__(self) -> str:
        """As a reader of a copy wants it."""
        found = f"{self.read / ALL:.0%} read and {self.written / ALL:.0%} written in the cache"
        afar = f", {float(self.remote):.0%} remote" if self.remote else ""
        return ("cold" if not self.read and not self.written else found) + afar


@dataclass(frozen=True, slots=True)
class CopyCurve:
    """Time by size, the bus traffic, and which curve of the profile it is, if any."""

    points: tuple[tuple[int, int], ...]
    beyond_ns_per_mib: int
    bus_milli: int = 0
    name: str = ""

    def at(self, size: int) -> int:
        """Time of a copy of a size, whole ns."""
        last, last_ns = self.points[-1]
        if size >= last:
            return last_ns + (size - last) * self.beyond_ns_per_mib // MIB
        i = bisect_right(self.points, size, key=lambda point: point[0])
        (below, below_ns), (above, above_ns) = self.points[i - 1], self.points[i]
        return below_ns + (size - below) * (above_ns - below_ns) // (above - below)


class CopyCurves:
    """The curve of each mover of a host, and that of a CPU's copies within the cache."""

    def __init__(self, profile: Profile, cluster: ClusterSpec) -> None:
        host = cluster.host
        self.profile = profile
        cold, engine, crypto = (of_profile(profile, name) for name in ("cold", "engine", "crypto"))
        self.one_end, self.both_ends = (part_of(cold, profile, name) for name in FOUND_CURVES)
        self.of_mover = {
            Mover.GUEST: cold,
            Mover.HOST: cold,
            Mover.ENGINE: engine,
            Mover.CRYPTO: crypto,
            Mover.NIC: by_dma(of_rate(host.nic.rate)),
            Mover.STORAGE: of_storage(host.storage) if host.storage.rate else by_dma(of_storage(host.storage)),
            Mover.LINK: of_rate(cluster.network.rate),
            Mover.DRIVE: by_dma(of_rate(host.storage.rate)),
        }
        self.remote = remote_shares(host)

    def by_cpu_ns(self, size: int, found: FoundInCache) -> int:
        """Time of a CPU's copy of a size, as the loop reckons it."""
        cold_ns = self.of_mover[Mover.GUEST].at(size)
        one_end_saves_ns = cold_ns - self.one_end.at(size)
        both_ends_save_ns = cold_ns - self.both_ends.at(size)
        afar_ns = come_from_afar(cold_ns * self.remote_adds(found.remote) // MILLION, found.read, found.written)
        return copied_within(cold_ns, one_end_saves_ns, both_ends_save_ns, found.read, found.written) + afar_ns

    def remote_adds(self, remote: Fraction) -> int:
        """What a cold copy takes longer of whose memory so much is remote, in millionths of its time."""
        cost = self.profile.remote_copy
        return round(MILLION * (Fraction(str(cost.value)) - 1) * remote) if cost is not None else 0

    def costs_around(self, mover: Mover, size: int, found: FoundInCache) -> tuple[Cost, ...]:
        """The costs behind a copy of a size: the profile's points around it, of all curves that it lies between."""
        behind = {self.of_mover[mover].name: True}
        remote: tuple[Cost, ...] = ()
        if mover in BY_CPU and mover != Mover.CRYPTO:
            both, one = found.read * found.written, found.read + found.written
            behind |= {"one_end_found": one * ALL > 2 * both, "both_ends_found": both > 0}
            if self.profile.remote_copy is not None and found.remote and one < 2 * ALL:
                remote = (self.profile.remote_copy,)
        names = [name for name, is_behind in behind.items() if name and is_behind]
        around = (cost for name in names for cost in self.profile.curves[name].costs_around(size))
        return (*dict.fromkeys(around), *remote)

    def table(self) -> Records:
        """The curves as the loop reads them: one for each mover, then those with one and both ends in the cache."""
        curves = [*(self.of_mover[mover] for mover in Mover), self.one_end, self.both_ends]
        table = np.zeros(len(curves), CURVE)
        for row, curve in zip(table, curves, strict=True):
            points = len(curve.points)
            assert 0 < points <= CURVE_POINTS
            row["points"] = points
            row["bytes"][:points], row["ns"][:points] = zip(*curve.points, strict=True)
            row["beyond_ns_per_mib"] = curve.beyond_ns_per_mib
            row["bus_milli"] = curve.bus_milli
        return table


def of_profile(profile: Profile, name: str) -> CopyCurve:
    """A curve of the profile as it was measured."""
    points = tuple(profile.curve_points(name))
    return CopyCurve(points, profile.curve_beyond_ns_per_mib(name), profile.bus_milli(name), name)


def part_of(cold: CopyCurve, profile: Profile, name: str) -> CopyCurve:
    """A curve that was measured at a few sizes, as a part of the cold one; outside of them the part stays."""
    parts = [(size, min(Fraction(ns, cold.at(size) or 1), Fraction(1))) for size, ns in profile.curve_points(name)]

    def part_at(size: int) -> Fraction:
        i = bisect_right(parts, size, key=lambda each: each[0])
        if i in (0, len(parts)):
            return parts[min(i, len(parts) - 1)][1]
        (below, low), (above, high) = parts[i - 1], parts[i]
        return low + (high - low) * Fraction(size - below, above - below)

    sizes = sorted({size for size, _ in (*cold.points, *parts)})
    points = tuple((size, round(cold.at(size) * part_at(size))) for size in sizes)
    return CopyCurve(points, round(cold.beyond_ns_per_mib * parts[-1][1]), name=name)


def of_rate(bytes_per_s: int) -> CopyCurve:
    """What a definition says of a card, a drive or a link; a rate of 0 takes no time."""
    return CopyCurve(((0, 0),), NS_PER_S * MIB // bytes_per_s if bytes_per_s else 0)


def of_storage(storage: StorageSpec) -> CopyCurve:
    """One request beside its passage through the drive: its latency, and what it alone takes longer than the drive."""
    alone = NS_PER_S * MIB // storage.request_rate if storage.request_rate else 0
    shared = NS_PER_S * MIB // storage.rate if storage.rate else 0
    return CopyCurve(((0, storage.latency),), max(alone - shared, 0))


def by_dma(curve: CopyCurve) -> CopyCurve:
    """The curve of a device that reads or writes memory itself: each byte passes the bus once."""
    return replace(curve, bus_milli=DMA_BUS_MILLI)


def remote_shares(host: HostSpec) -> dict[Mover, Fraction]:
    """How much of the guest's memory is remote to guest and host: of n nodes that it is spread over, all but one.

    With `numa: remote` workers run on another node than the guest.
    """
    if host.numa == "spread":
        return dict.fromkeys((Mover.GUEST, Mover.HOST), Fraction(host.nodes - 1, host.nodes))
    return {Mover.GUEST: Fraction(0), Mover.HOST: Fraction(host.numa == "remote")}


def buses_of(host: HostSpec) -> int:
    """Memory buses: one a NUMA node, or one of all together where memory is spread over them."""
    return 1 if host.numa == "spread" else host.nodes


def bus_mb_per_s(profile: Profile, host: HostSpec) -> int:
    """What one memory bus carries: as the definition says of a node, else a node's part of its sockets."""
    nodes = host.nodes // buses_of(host)
    if host.memory_bandwidth == "auto":
        return min(profile.bandwidth_mb_per_s() * host.sockets * nodes // host.nodes, BOUNDLESS_MB_PER_S)
    return nodes * host.memory_bandwidth // BYTES_PER_MB if host.memory_bandwidth else BOUNDLESS_MB_PER_S
