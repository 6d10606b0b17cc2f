"""Which variants do not sustain what they are offered: of these there is no latency, and no ratio."""

from collections.abc import Mapping

from cluster_sim.analysis.overloads.overload import Overload
from cluster_sim.analysis.run_reading import RunReading

__all__ = ["Overload", "overloads_of", "sustains"]


def overloads_of(reading: RunReading) -> Mapping[tuple[str, str], Overload]:
    """By (variant, group); those that sustain all that they are offered are not in it."""
    return reading.overloads


def sustains(reading: RunReading, variant: str, group: str) -> bool:
    """Whether a group of a variant sustains what it is offered; what comes in closed loops always does."""
    return (variant, group) not in reading.overloads
