"""How long each mover takes for so many bytes: the profile's copy curves, network card, storage and links.

A CPU's copy lies between curves by degrees, so that nothing jumps with a size. *Warm* ends are what the transfer itself
brought into the cache. Their measured chains of copies hold the share that is still there by the next copy: it falls
with what passes the last-level cache meanwhile, which is the transfer's size times the transfers of its stream that are
under way. *Hot* is a stream whose buffers all stay in its share of the cache.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cluster_sim.engine.host_spec import CURVE, CURVE_POINTS, Records
from cluster_sim.integers import NS_PER_S
from cluster_sim.io_paths.steps import Mover
from cluster_sim.platform.profile import BOUNDLESS_MB_PER_S, WARM_CURVES, Profile
from cluster_sim.platform.provenance import Cost, to_bytes
from cluster_sim.scenario.spec import ClusterSpec, HostSpec, StorageSpec
from cluster_sim.scenario.units import MIB

BYTES_PER_MB = 10**6
Number = Fraction | int


@dataclass(frozen=True, slots=True)
class CpuCopies:
    """What tells copies by CPUs apart: their stream's hot share, mean size and transfers under way; warm ends."""

    hot: Fraction
    mean_bytes: int
    under_way: int = 1
    warm_ends: int = 0


@dataclass(frozen=True, slots=True)
class CopyCurve:
    """Time by size, the bus traffic, which curves of the profile it is made of, and of which copies by CPUs it is."""

    points: tuple[tuple[int, int], ...]
    beyond_ns_per_mib: int
    bus_milli: int = 0
    made_of: tuple[str, ...] = ()
    copies: CpuCopies | None = None

    def at(self, size: Number) -> Fraction:
        """Time of a copy of a size, ns."""
        last, last_ns = self.points[-1]
        if size >= last:
            return last_ns + (size - last) * Fraction(self.beyond_ns_per_mib, MIB)
        i = bisect_right(self.points, size, key=lambda point: point[0])
        return between(self.points[i - 1], self.points[i], size)


def between(left: tuple[Number, Number], right: tuple[Number, Number], size: Number) -> Fraction:
    """The value at a size on the straight line through two points."""
    return left[1] + (size - left[0]) * Fraction(right[1] - left[1], right[0] - left[0])


@dataclass(frozen=True, slots=True)
class WarmCopies:
    """Copies with so many ends in the cache, beside cold ones; `best` is the least part of a cold one they take."""

    curve: CopyCurve
    cold: CopyCurve
    best: Fraction

    def still_there(self, size: int) -> Fraction:
        """The share of its warm lines that a copy of a size finds: of what it could save, what it saves."""
        could_save, saves = 1 - self.best, 1 - part_of(self.curve.at(size), self.cold.at(size))
        return min(saves / could_save, Fraction(1)) if could_save else Fraction(0)


def part_of(warm_ns: Number, cold_ns: Fraction) -> Fraction:
    """A warm copy's part of a cold one's time, which it never exceeds."""
    return min(warm_ns / cold_ns, Fraction(1)) if cold_ns else Fraction(1)


def warm_copies(cold: CopyCurve, measured: CopyCurve, *, measured_llc: int, llc: int) -> WarmCopies:
    """Copies with warm ends on a host with a last-level cache of `llc` bytes, as measured on one of `measured_llc`.

    With twice the cache, a copy of twice the size takes the same part of a cold one. Below the first measured size that
    part stays as it is there; beyond the last, the time saved does.
    """
    parts = [(Fraction(size * llc, measured_llc), part_of(ns, cold.at(size))) for size, ns in measured.points]
    last, last_part = parts[-1]

    def warm_ns(size: Number) -> Fraction:
        if size >= last:
            return cold.at(size) - cold.at(last) * (1 - last_part)
        i = bisect_right(parts, size, key=lambda each: each[0])
        return cold.at(size) * (between(parts[i - 1], parts[i], size) if i else parts[0][1])

    sizes = {size for size, _ in cold.points} | {int(size) for size, _ in parts}
    points = tuple((size, round(warm_ns(size))) for size in sorted(sizes))
    return WarmCopies(replace(measured, points=points, beyond_ns_per_mib=cold.beyond_ns_per_mib), cold, parts[0][1])


def hot_share(footprint_bytes: int, cache_bytes: int) -> Fraction:
    """How much of a stream's copies is in the cache: all below half of its share, nothing when all of that is used."""
    if footprint_bytes >= cache_bytes:
        return Fraction(0)
    return min(Fraction(2 * (cache_bytes - footprint_bytes), cache_bytes), Fraction(1))


class CopyCurves:
    """All curves of a host, each once."""

    def __init__(self, profile: Profile, cluster: ClusterSpec) -> None:
        host = cluster.host
        self.profile, self.llc = profile, host.llc
        self.cold, self.hot, engine, crypto = (
            of_profile(profile, name) for name in ("cold", "hot", "engine", "crypto")
        )
        self.chain_llc = round(to_bytes(profile.chain_llc))
        of_others = {
            Mover.ENGINE: engine,
            Mover.CRYPTO: crypto,
            Mover.NIC: of_rate(host.nic.rate),
            Mover.STORAGE: of_storage(host.storage),
            Mover.LINK: of_rate(cluster.network.rate),
            Mover.DRIVE: of_rate(host.storage.rate),
        }
        self.others = tuple(of_others)
        self.rows = list(of_others.values())
        self.firsts: dict[CpuCopies, int] = {}

    def of_stream(self, copies: CpuCopies) -> list[int]:
        """The curve of each `Mover` for a stream, with no, one and both ends warm, one after the other."""
        first = self.firsts.setdefault(copies, len(self.rows))
        if first == len(self.rows):
            self.rows += [self.of_cpu(replace(copies, warm_ends=ends)) for ends in range(len(WARM_CURVES))]
        return [
            self.others.index(mover) if mover in self.others else first + ends
            for ends in range(len(WARM_CURVES))
            for mover in Mover
        ]

    def of_cpu(self, copies: CpuCopies) -> CopyCurve:
        """The curve of such copies; how much of them passes the bus is that of a copy of the mean size."""
        hot, llc = copies.hot, self.llc // copies.under_way
        curve, bus = self.cold, Fraction(self.cold.bus_milli)
        if copies.warm_ends and llc:
            measured = of_profile(self.profile, WARM_CURVES[copies.warm_ends])
            warm = warm_copies(self.cold, measured, measured_llc=self.chain_llc, llc=llc)
            curve = warm.curve
            bus -= warm.still_there(copies.mean_bytes) * (bus - curve.bus_milli)
        sizes = sorted({size for size, _ in (*curve.points, *self.hot.points)})
        points = tuple((size, round(hot * self.hot.at(size) + (1 - hot) * curve.at(size))) for size in sizes)
        beyond = hot * self.hot.beyond_ns_per_mib + (1 - hot) * curve.beyond_ns_per_mib
        made_of = self.hot.made_of * (hot > 0) + curve.made_of * (hot < 1)
        return CopyCurve(points, round(beyond), round((1 - hot) * bus), made_of, copies)

    def costs_around(self, curve: CopyCurve, size: int) -> tuple[Cost, ...]:
        """The costs behind a copy of a size: the profile's points around it; a warm copy is a part of a cold one."""
        costs: dict[Cost, None] = {}
        for name in curve.made_of:
            measured_size: Number = size
            if curve.copies is not None and name in WARM_CURVES[1:]:
                costs |= dict.fromkeys(self.profile.curves[WARM_CURVES[0]].costs_around(size))
                measured_size = Fraction(size * self.chain_llc, self.llc // curve.copies.under_way)
            costs |= dict.fromkeys(self.profile.curves[name].costs_around(measured_size))
        return tuple(costs)

    def table(self) -> Records:
        """The curves as the loop reads them."""
        table = np.zeros(len(self.rows), CURVE)
        for row, curve in zip(table, self.rows, strict=True):
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
    return CopyCurve(points, profile.curve_beyond_ns_per_mib(name), profile.bus_milli(name), (name,))


def of_rate(bytes_per_s: int) -> CopyCurve:
    """What a definition says of a card, a drive or a link; a rate of 0 takes no time."""
    return CopyCurve(((0, 0),), NS_PER_S * MIB // bytes_per_s if bytes_per_s else 0)


def of_storage(storage: StorageSpec) -> CopyCurve:
    """One request beside its passage through the drive: its latency, and what it alone takes longer than the drive."""
    alone = NS_PER_S * MIB // storage.request_rate if storage.request_rate else 0
    shared = NS_PER_S * MIB // storage.rate if storage.rate else 0
    return CopyCurve(((0, storage.latency),), max(alone - shared, 0))


def bus_mb_per_s(profile: Profile, host: HostSpec) -> int:
    """What the host's memory carries: as the definition says, else as the profile's machine."""
    if host.memory_bandwidth == "auto":
        return profile.bandwidth_mb_per_s()
    return host.memory_bandwidth // BYTES_PER_MB if host.memory_bandwidth else BOUNDLESS_MB_PER_S
