"""The law of a shared bus: threads copy n times what one does until the bus is full, and then share what it carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cluster_sim.calibration.sampling import RefusedError

LEAST_FULL: Final = 2
"""Numbers of threads that must find the bus full: from one alone nobody can tell a full bus from slower CPUs."""
ERROR_MAX: Final = 0.1
"""The law holds where it misses no rate by more than this share of it."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What one thread copies and what all can together, GB/s; at which numbers of threads the bus is full."""

    alone: float
    capacity: float
    full: tuple[int, ...]
    error: float
    """The law's largest miss, as a share of what was measured."""

    def rate(self, threads: int) -> float:
        """What the law says for a number of threads."""
        return min(threads * self.alone, self.capacity)


def fitted(threads: Sequence[int], rates: Sequence[float]) -> Sharing:
    """Fit min(n × alone, capacity) to the rates of n threads, each n once and rising; RefusedError where it does not.

    For each position of the knee both sides are fitted by themselves, by least squares of relative errors; that with
    the least error at its worst is taken. No n need be below the knee: one thread alone can fill a bus.
    """
    candidates = [candidate for knee in range(len(threads) - LEAST_FULL + 1) if (candidate := at(knee, threads, rates))]
    shown = ", ".join(f"{n}: {rate:.4g}" for n, rate in zip(threads, rates, strict=True))
    if not candidates:
        raise RefusedError(f"no number of threads fills the bus twice (GB/s by threads: {shown})")
    best = min(candidates, key=lambda candidate: candidate.error)
    if best.error > ERROR_MAX:
        raise RefusedError(f"no full bus is to be seen (GB/s by threads: {shown})")
    return best


def at(knee: int, threads: Sequence[int], rates: Sequence[float]) -> Sharing | None:
    """The law with so many rates below its knee; None where its two sides do not meet there."""
    below = [rate / n for n, rate in zip(threads[:knee], rates[:knee], strict=True)]
    capacity = relative_mean(rates[knee:])
    alone = relative_mean(below) if below else capacity / threads[0]
    found = Sharing(alone, capacity, tuple(threads[knee:]), 0.0)
    if any(n * alone > capacity for n in threads[:knee]) or any(n * alone < capacity for n in threads[knee:]):
        return None
    misses = [abs(found.rate(n) - rate) / rate for n, rate in zip(threads, rates, strict=True)]
    return Sharing(alone, capacity, found.full, max(misses))


def relative_mean(values: Sequence[float]) -> float:
    """The value whose squared relative errors are least: sum(1/v) / sum(1/v²)."""
    inverse = 1 / np.array(values, np.float64)
    return float(inverse.sum() / (inverse**2).sum())
