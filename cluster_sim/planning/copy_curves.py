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
        cold, engine, crypto, self.hot = (of_profile(profile, name) for name in ("cold", "engine", "crypto", "hot"))
        self.of_mover = {
            Mover.GUEST: cold,
            Mover.HOST: cold,
            Mover.ENGINE: engine,
            Mover.CRYPTO: crypto,
            Mover.NIC: by_dma(of_rate(host.nic.rate)),
            Mover.STORAGE: by_dma(of_storage(host.storage)),
            Mover.LINK: of_rate(cluster.network.rate),
            Mover.DRIVE: of_rate(host.storage.rate),
        }
        self.remote = remote_shares(host)
        self.one_end_saves = max(MILLION - int(profile.one_end_warm.value * MILLION), 0)
        """What of a cold copy's time one end in the cache saves, in millionths."""

    def by_cpu_ns(self, size: int, found: FoundInCache) -> int:
        """Time of a CPU's copy of a size, as the loop reckons it."""
        cold_ns = self.of_mover[Mover.GUEST].at(size)
        one_end_saves_ns = cold_ns * self.one_end_saves // MILLION
        both_ends_save_ns = max(cold_ns - self.hot.at(size), 0)
        afar_ns = come_from_afar(cold_ns * self.remote_adds(found.remote) // MILLION, found.read, found.written)
        return copied_within(cold_ns, one_end_saves_ns, both_ends_save_ns, found.read, found.written) + afar_ns

    def remote_adds(self, remote: Fraction) -> int:
        """What a cold copy takes longer of whose memory so much is remote, in millionths of its time."""
        cost = self.profile.remote_copy
        return round(MILLION * (Fraction(str(cost.value)) - 1) * remote) if cost is not None else 0

    def costs_around(self, mover: Mover, size: int, found: FoundInCache) -> tuple[Cost, ...]:
        """The costs behind a copy of a size: the profile's points around it, of all curves that it lies between."""
        curves = [self.of_mover[mover].name]
        saved: tuple[Cost, ...] = ()
        if mover in BY_CPU and mover != Mover.CRYPTO:
            both, most = found.read * found.written, ALL * ALL
            curves = ["cold"] * (both < most) + ["hot"] * (both > 0)
            saved = (self.profile.one_end_warm,) * (found.read + found.written > 0 and both < most)
            if self.profile.remote_copy is not None and found.remote and both < most:
                saved = (*saved, self.profile.remote_copy)
        around = (cost for name in curves if name for cost in self.profile.curves[name].costs_around(size))
        return (*dict.fromkeys(around), *saved)

    def table(self) -> Records:
        """The curves as the loop reads them: one for each mover, then that within the cache."""
        curves = [*(self.of_mover[mover] for mover in Mover), self.hot]
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
