"""The slow twin of shared bandwidth: jobs that all slow down alike, in real numbers, event by event."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Copy:
    """A copy that starts at an instant, would take so long alone, and asks so much of the bus meanwhile."""

    start_ns: float
    alone_ns: float
    demand: float


def ends_of(copies: Sequence[Copy], capacity: float) -> list[float]:
    """When copies end that all slow down alike while they ask for more than the bus carries: event by event."""
    left = {number: copy.alone_ns for number, copy in enumerate(copies)}
    ends = [0.0] * len(copies)
    now = 0.0
    while left:
        running = [number for number in left if copies[number].start_ns <= now]
        asked = sum(copies[number].demand for number in running)
        speed = min(1.0, capacity / asked) if running else 1.0
        steps = [left[number] / speed for number in running]
        steps += [copies[number].start_ns - now for number in left if number not in running]
        step = min(steps)
        now += step
        for number in running:
            left[number] -= step * speed
            if left[number] <= 1e-6:
                ends[number] = now
                del left[number]
    return ends
