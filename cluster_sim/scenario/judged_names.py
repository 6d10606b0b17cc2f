"""What `judge` of a definition may name: the figures that its question asks for."""

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator

from cluster_sim.scenario.problems import refused

JudgedName = Literal[
    "throughput",
    "goodput",
    "latency",
    "p99",
    "end_to_end",
    "boot",
    "late",
    "dropped",
    "unfinished",
    "frozen",
    "refused",
    "played",
    "switches",
    "guest_cpu",
    "host_cpu",
    "guest_cores",
    "host_cores",
    "conversions",
    "broken_leaves",
    "memory",
    "exposure",
]


def each_once(names: tuple[JudgedName, ...]) -> tuple[JudgedName, ...]:
    """The names, unless one stands there twice."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise refused(f"{twice[0]}, {names.count(twice[0])} times", "each figure once")
    return names


JudgedNames = Annotated[tuple[JudgedName, ...], AfterValidator(each_once)]
