"""Players that choose the rung of the next segment: one by its buffer, one by the throughput it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

from cluster_sim.integers import NS_PER_S


@dataclass(frozen=True, slots=True)
class Known:
    """What a player knows when it decides."""

    bits_per_s: Sequence[int]
    """Mean rate of each rung, rising."""
    segment_ns: int
    buffer_ns: int
    """Media that was delivered and not yet played."""
    rungs: Sequence[int]
    """Rungs of the segments asked for so far, also of those that are still on their way."""
    throughputs_bits_per_s: Sequence[int]
    """Throughput of each segment that was delivered whole, oldest first; more than 0."""


class Player(Protocol):
    """Decides, segment by segment."""

    def next_rung(self, known: Known) -> int:
        """Rung of the next segment."""
        ...


@dataclass(frozen=True, slots=True)
class Bba:
    """BBA-0 of Huang, Johari, McKeown, Trunnell, Watson, "A Buffer-Based Approach to Rate Adaptation: Evidence from
    a Large Video Streaming Service" (SIGCOMM 2014).

    The lowest rung up to `reservoir_ns` of buffer, the highest from `reservoir_ns` + `cushion_ns` on, between them a
    rate linear in the buffer (their algorithm 1). It stays as long as that rate lies between the neighbours of its
    rung; else it takes the highest rung below the rate, going up, or the lowest above it, going down. Of that paper,
    BBA-1 (reservoir from segment sizes), BBA-2 (start-up by throughput) and BBA-Others are left out.
    """

    reservoir_ns: int = 90 * NS_PER_S
    cushion_ns: int = 126 * NS_PER_S

    def __post_init__(self) -> None:
        if self.reservoir_ns < 0 or self.cushion_ns <= 0:
            raise ValueError(
                f"bba: found a reservoir of {self.reservoir_ns} ns and a cushion of {self.cushion_ns} ns, "
                "allowed: 0 or more, and more than 0"
            )

    def next_rung(self, known: Known) -> int:
        """Rung of the next segment; before the first, the rung is the lowest."""
        rates = known.bits_per_s
        highest = len(rates) - 1
        rung = known.rungs[-1] if known.rungs else 0
        into_cushion_ns = known.buffer_ns - self.reservoir_ns
        if into_cushion_ns <= 0:
            return 0
        if into_cushion_ns >= self.cushion_ns or highest == 0:
            return highest
        rate = rates[0] + Fraction((rates[-1] - rates[0]) * into_cushion_ns, self.cushion_ns)
        if rate >= rates[min(rung + 1, highest)]:
            return max(other for other in range(highest + 1) if rates[other] < rate)
        if rate <= rates[max(rung - 1, 0)]:
            return min(other for other in range(highest + 1) if rates[other] > rate)
        return rung


@dataclass(frozen=True, slots=True)
class Festive:
    """FESTIVE of Jiang, Sekar, Zhang, "Improving Fairness, Efficiency, and Stability in HTTP-based Adaptive Video
    Streaming with FESTIVE" (CoNEXT 2012).

    Bandwidth is the harmonic mean of the last `samples` segments' throughputs, or of as many as there are. Steps are
    gradual: one rung up when `efficiency` × bandwidth carries it and the k-th rung was asked for k times in a row, one
    rung down as soon as it does not carry the present one. The step is taken only if it costs less than staying;
    the cost of a rung is 2ⁿ + `alpha` × |rate / min(bandwidth, rate of the step's rung) - 1|, n the switches among the
    segments of the last `recent_ns` of media, this one included.

    Left out: randomised scheduling, which sets when segments are asked for. The paper counts the recent switches in
    20 s of time, here it is media time; the first segment is of the lowest rung.
    """

    samples: int = 20
    efficiency: Fraction = Fraction(85, 100)
    alpha: int = 12
    recent_ns: int = 20 * NS_PER_S

    def __post_init__(self) -> None:
        if self.samples < 1 or not 0 < self.efficiency <= 1 or self.alpha < 0 or self.recent_ns < 0:
            raise ValueError(
                f"festive: found {self.samples} samples, efficiency {self.efficiency}, alpha {self.alpha}, "
                f"{self.recent_ns} ns, allowed: 1 or more, above 0 to 1, 0 or more, 0 or more"
            )

    def bandwidth(self, throughputs_bits_per_s: Sequence[int]) -> Fraction:
        """Harmonic mean of the last samples, at least one, in bits a second."""
        last = throughputs_bits_per_s[-self.samples :]
        return len(last) / sum((Fraction(1, throughput) for throughput in last), Fraction(0))

    def reference(self, known: Known, bandwidth: Fraction) -> int:
        """The rung that gradual steps lead to, before costs are weighed."""
        rung = known.rungs[-1]
        carried = self.efficiency * bandwidth
        if known.bits_per_s[rung] > carried:
            return max(rung - 1, 0)
        patient = list(known.rungs[-rung - 1 :]) == [rung] * (rung + 1)
        if rung + 1 < len(known.bits_per_s) and known.bits_per_s[rung + 1] <= carried and patient:
            return rung + 1
        return rung

    def cost(self, known: Known, rung: int, reference: int, bandwidth: Fraction) -> Fraction:
        """Stability and efficiency cost of a rung."""
        recent = known.rungs[-(self.recent_ns // known.segment_ns) - 1 :]
        switches = sum(one != other for one, other in pairwise([*recent, rung]))
        efficient = min(bandwidth, Fraction(known.bits_per_s[reference]))
        return Fraction(1 << switches) + self.alpha * abs(known.bits_per_s[rung] / efficient - 1)

    def next_rung(self, known: Known) -> int:
        """Rung of the next segment; it stays until a throughput is known."""
        if not known.rungs:
            return 0
        rung = known.rungs[-1]
        if not known.throughputs_bits_per_s:
            return rung
        bandwidth = self.bandwidth(known.throughputs_bits_per_s)
        reference = self.reference(known, bandwidth)
        stays = self.cost(known, rung, reference, bandwidth) <= self.cost(known, reference, reference, bandwidth)
        return rung if stays else reference
